//! What is drawn: of a churn question calibration, gain, time and drivers; of what comes next its incidence.

use std::collections::BTreeSet;

use maud::{Markup, PreEscaped, html};
use percorso_journey::Timestamp;

use super::number;
use super::plots::{self, Line, Plot};
use crate::training::{CutoffGap, IncidenceEvaluation, IncidencePoint, Picture, QuestionEvaluation};

/// The four pictures of a churn question.
pub(super) fn of_picture(picture: &Picture, question: &QuestionEvaluation) -> Markup {
    let told: Vec<(f64, f64)> = picture.reliability.iter().map(|bin| (bin.told, bin.came)).collect();
    let bars = picture.reliability.iter().map(|bin| (bin.told, bin.came_interval));
    let most = picture.reliability.iter().map(|bin| bin.told.max(bin.came_interval[1]));
    let most = most.fold(0.01, f64::max) * 1.05;
    let reliability = Plot {
        across: "predicted: mean probability",
        up: "observed: share, with 95 % interval",
        x: (0.0, most),
        y: (0.0, most),
        days_from: None,
        lines: vec![
            Line::thin("as predicted", vec![(0.0, 0.0), (most, most)]),
            Line::points("tenths of customers", told).with_bars(bars.collect()),
        ],
    };
    let steps = picture.gain.len().saturating_sub(1).max(1) as f64;
    let gain = (0..)
        .zip(&picture.gain)
        .map(|(at, gain)| (f64::from(at) / steps, *gain));
    let gain = Plot {
        across: "share of customers, highest scores first",
        up: "share of all for whom it happened",
        x: (0.0, 1.0),
        y: (0.0, 1.0),
        days_from: None,
        lines: vec![
            Line::thin("by chance", vec![(0.0, 0.0), (1.0, 1.0)]),
            Line::thick("shipped", gain.collect()),
        ],
    };
    let moment = |gap: &CutoffGap| Timestamp::parse(&gap.as_of).unwrap_or(Timestamp::from_micros(0));
    let first = picture.by_cutoff.first().map_or(Timestamp::from_micros(0), moment);
    let over_time = |pick: fn(&CutoffGap) -> f64| -> Vec<(f64, f64)> {
        let point = |gap| (moment(gap).days_since(first), pick(gap));
        picture.by_cutoff.iter().map(point).collect()
    };
    let last_day = picture
        .by_cutoff
        .last()
        .map_or(1.0, |gap| moment(gap).days_since(first));
    let highest = picture
        .by_cutoff
        .iter()
        .map(|gap| gap.told.max(gap.came))
        .fold(0.01, f64::max);
    let time = Plot {
        across: "cut-off",
        up: "share for whom it happens",
        x: (0.0, last_day.max(1.0)),
        y: (0.0, highest * 1.2),
        days_from: Some(first),
        lines: vec![
            Line::thick("predicted", over_time(|gap| gap.told)),
            Line::points("observed", over_time(|gap| gap.came)),
        ],
    };
    let lift = question
        .learners
        .last()
        .and_then(|shipped| shipped.measures.get("lift_10"));
    let rate = question
        .learners
        .last()
        .and_then(|shipped| shipped.measures.get("rate"));
    let most_lift = rate.map_or(10.0, |rate| (1.0 / rate).min(10.0));
    html! {
        div.pictures {
            figure {
                (PreEscaped(reliability.svg()))
                figcaption { "Calibration, by tenths of customers: points on the line happen as often as predicted." }
            }
            figure {
                (PreEscaped(gain.svg()))
                figcaption {
                    "Gain"
                    @if let Some(lift) = lift { ": among the tenth with the highest scores it happened " (number(*lift)) " times as often as among all; "
                        (number(most_lift)) " times is the most there can be" }
                    "."
                }
            }
            @if !picture.by_cutoff.is_empty() { figure {
                (PreEscaped(time.svg()))
                figcaption {
                    "Over time, at earlier cut-offs"
                    @if picture.is_of_all { " and, last, the test" } @else { ", only of those of whom the shorter time before does not say all, so not to be compared with the rate of everyone" }
                    ": each was predicted by a learner that knew only what lay before it; the calibration knew all of them but the test."
                }
            } }
            figure {
                (drivers(picture))
                figcaption {
                    "Drivers: how far each family of features moves a customer's log-odds, up or down, on average"
                    @if !picture.is_of_all { ", of those of whom the shorter time before does not say all" }
                    ". What the model goes by is not therefore a cause."
                }
            }
        }
    }
}

fn drivers(picture: &Picture) -> Markup {
    let mut drivers: Vec<(&String, f64)> = picture.drivers.iter().map(|(name, moved)| (name, *moved)).collect();
    drivers.sort_by(|one, other| other.1.total_cmp(&one.1));
    let most = drivers.first().map_or(1.0, |(_, moved)| moved.max(1e-9));
    html! {
        table.bars {
            @for (name, moved) in drivers.iter().filter(|(_, moved)| *moved > 0.0) {
                tr {
                    th { (name.replace('_', " ")) }
                    td.bar { span style={ "width:" (format!("{:.1}", 100.0 * moved / most)) "%" } {} }
                    td.number { (number(*moved)) }
                }
            }
        }
    }
}

/// What comes first by day: told as lines, come as points.
pub(super) fn of_incidence(incidence: &IncidenceEvaluation) -> Markup {
    let names: BTreeSet<&String> = incidence.points.iter().flat_map(|point| point.told.keys()).collect();
    let longest = incidence.points.last().map_or(1.0, |point| point.days);
    let shares = incidence
        .points
        .iter()
        .flat_map(|point| point.told.values().chain(point.came.values()));
    let most = shares.copied().fold(0.01, f64::max) * 1.1;
    let mut lines = Vec::new();
    for (color, name) in names.iter().enumerate() {
        let of = |came: bool| -> Vec<(f64, f64)> {
            let share = |point: &IncidencePoint| {
                let shares = if came { &point.came } else { &point.told };
                (point.days, shares.get(*name).copied().unwrap_or(0.0))
            };
            let origin = (!came).then_some((0.0, 0.0));
            origin.into_iter().chain(incidence.points.iter().map(share)).collect()
        };
        lines.push(Line::thick("", of(false)).colored(color));
        lines.push(Line::points("", of(true)).colored(color));
    }
    let plot = Plot {
        across: "days after the cut-off",
        up: "share for which the stage has come first",
        x: (0.0, longest),
        y: (0.0, most),
        days_from: None,
        lines,
    };
    html! {
        div.pictures {
            figure.wide {
                (PreEscaped(plot.svg()))
                figcaption { "What comes first, and when: lines predicted, points observed, of " (incidence.n) " customers." }
                p.legend {
                    @for (at, name) in names.iter().enumerate() {
                        span { i style={ "background:" (plots::color(at)) } {} (name) }
                    }
                }
            }
        }
        table {
            thead { tr { th { "days" } th { "Brier score of “something has come”" } th { "of the share alone" } } }
            tbody {
                @for point in &incidence.points {
                    tr {
                        td.number { (number(point.days)) }
                        td.number { (number(point.brier)) }
                        td.number { (number(point.brier_of_share)) }
                    }
                }
            }
        }
    }
}
