//! Lines and points drawn as SVG.

use percorso_journey::Timestamp;
use plotters::prelude::*;

/// One picture.
pub(crate) struct Plot<'a> {
    /// What the horizontal axis tells.
    pub(crate) across: &'a str,
    /// What the vertical axis tells.
    pub(crate) up: &'a str,
    pub(crate) x: (f64, f64),
    pub(crate) y: (f64, f64),
    /// Where the horizontal axis is time: the moment its days are counted from.
    pub(crate) days_from: Option<Timestamp>,
    pub(crate) lines: Vec<Line<'a>>,
}

/// Points in order, joined or not.
pub(crate) struct Line<'a> {
    /// In the legend; not there when empty.
    name: &'a str,
    style: Style,
    color: usize,
    points: Vec<(f64, f64)>,
    /// Where vertical bars stand, from and to where.
    bars: Vec<(f64, [f64; 2])>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Thin,
    Thick,
    Points,
}

/// Told apart by people who see colours differently (Okabe and Ito 2008).
const COLORS: [RGBColor; 8] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(120, 120, 120),
    RGBColor(0, 0, 0),
];
const GREY: RGBColor = RGBColor(150, 160, 170);
const SIZE: (u32, u32) = (520, 340);

impl<'a> Line<'a> {
    /// A thin grey line to compare with.
    pub(crate) const fn thin(name: &'a str, points: Vec<(f64, f64)>) -> Self {
        Self::new(name, Style::Thin, 0, points)
    }

    pub(crate) const fn thick(name: &'a str, points: Vec<(f64, f64)>) -> Self {
        Self::new(name, Style::Thick, 0, points)
    }

    pub(crate) const fn points(name: &'a str, points: Vec<(f64, f64)>) -> Self {
        Self::new(name, Style::Points, 1, points)
    }

    const fn new(name: &'a str, style: Style, color: usize, points: Vec<(f64, f64)>) -> Self {
        Self {
            name,
            style,
            color,
            points,
            bars: Vec::new(),
        }
    }

    pub(crate) fn with_bars(self, bars: Vec<(f64, [f64; 2])>) -> Self {
        Self { bars, ..self }
    }

    /// In one of the colours that are told apart; [`color`] names it beside the picture.
    pub(crate) fn colored(self, color: usize) -> Self {
        Self { color, ..self }
    }
}

/// A colour as style sheets write it.
pub(crate) fn color(at: usize) -> String {
    let RGBColor(red, green, blue) = COLORS[at % COLORS.len()];
    format!("rgb({red},{green},{blue})")
}

impl Plot<'_> {
    /// Where the first thick line leaves room: it rises on the left where it ends high.
    fn legend(&self) -> SeriesLabelPosition {
        let thick = self.lines.iter().find(|line| line.style == Style::Thick);
        let middle = thick.and_then(|line| line.points.get(line.points.len() / 2));
        match middle {
            Some((_, y)) if *y > 0.6 * self.y.1 => SeriesLabelPosition::LowerRight,
            _ => SeriesLabelPosition::UpperLeft,
        }
    }

    /// The picture as an SVG element.
    ///
    /// # Panics
    /// Never: drawing into a string cannot fail.
    pub(crate) fn svg(&self) -> String {
        let mut svg = String::new();
        self.draw(&mut svg).expect("drawing into a string does not fail");
        svg
    }

    fn draw(&self, svg: &mut String) -> Result<(), Box<dyn std::error::Error>> {
        let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
        let mut chart = ChartBuilder::on(&area)
            .margin(8)
            .margin_right(36)
            .x_label_area_size(42)
            .y_label_area_size(58)
            .build_cartesian_2d(self.x.0..self.x.1, self.y.0..self.y.1)?;
        let name = |x: &f64| match self.days_from {
            Some(first) => first.plus_days(*x as i64).to_string()[..10].to_owned(),
            None => format!("{}", (x * 1e4).round() / 1e4),
        };
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .x_label_formatter(&name)
            .x_desc(self.across)
            .y_desc(self.up)
            .x_labels(5)
            .y_labels(6)
            .label_style(("sans-serif", 13))
            .axis_desc_style(("sans-serif", 14))
            .draw()?;
        for line in &self.lines {
            let color = if line.style == Style::Thin {
                GREY
            } else {
                COLORS[line.color % COLORS.len()]
            };
            for (x, [from, to]) in &line.bars {
                let bar = PathElement::new(vec![(*x, *from), (*x, *to)], color);
                chart.draw_series([bar])?;
            }
            let points = line.points.iter().copied();
            let drawn = match line.style {
                Style::Thin => chart.draw_series(LineSeries::new(points, color.stroke_width(1)))?,
                Style::Thick => chart.draw_series(LineSeries::new(points, color.stroke_width(2)))?,
                Style::Points => chart.draw_series(points.map(|point| Circle::new(point, 4, color.filled())))?,
            };
            if !line.name.is_empty() {
                let drawn = drawn.label(line.name);
                if line.style == Style::Points {
                    drawn.legend(move |(x, y)| Circle::new((x + 8, y), 4, color.filled()));
                } else {
                    drawn.legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 16, y)], color.stroke_width(3)));
                }
            }
        }
        chart
            .configure_series_labels()
            .position(self.legend())
            .background_style(WHITE.mix(0.8))
            .label_font(("sans-serif", 13))
            .draw()?;
        area.present()?;
        Ok(())
    }
}
