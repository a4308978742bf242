//! How the target and the log overlap, drawn.

use percorso_next_action::off_policy::Support;

use crate::report::plots::{Line, Plot};

/// An SVG picture of how many decisions have which weight, and how much of the estimate hangs on them.
///
/// Weights are `π / p` in powers of two; a target that the log has tried has most of both around 1.
pub fn overlap_plot(support: &Support) -> String {
    // A weight of 0 stands left of the smallest that is told apart.
    let place = |from: f64, to: f64| match (from, to) {
        (0.0, _) => -8.0,
        (_, to) if to.is_infinite() => from.log2() + 0.5,
        (_, to) => to.log2() - 0.5,
    };
    let of = |tell: fn(f64, f64) -> f64, n_rounds: f64| -> Vec<(f64, f64)> {
        let bins = support.overlap.iter();
        bins.map(|bin| {
            (
                place(bin.from, bin.to),
                tell(bin.n_rounds as f64 / n_rounds, bin.weight_share),
            )
        })
        .collect()
    };
    let n_rounds = support.n_rounds as f64;
    let (decisions, weight) = (of(|share, _| share, n_rounds), of(|_, share| share, n_rounds));
    let tallest = decisions.iter().chain(&weight).map(|(_, y)| *y).fold(0.0, f64::max);
    let bars = decisions.iter().map(|(x, y)| (*x, [0.0, *y])).collect();
    Plot {
        across: "weight of a decision, in powers of two (-8: none)",
        up: "share",
        x: (-9.0, 8.0),
        y: (0.0, (1.1 * tallest).min(1.0)),
        days_from: None,
        lines: vec![
            Line::points("of decisions", decisions).with_bars(bars),
            Line::thick("of all weight", weight),
        ],
    }
    .svg()
}
