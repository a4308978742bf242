//! What is drawn: of a churn question calibration, gain, time and drivers; of what comes next its incidence.

use std::collections::BTreeSet;

use maud::{Markup, PreEscaped, html};

use super::plots::{self, Line, Plot};
use super::{day, number};
use crate::training::{CutoffGap, IncidenceEvaluation, IncidencePoint, Picture, QuestionEvaluation};

/// The four pictures of a churn question.
pub(super) fn of_picture(picture: &Picture, question: &QuestionEvaluation) -> Markup {
    let told: Vec<(f64, f64)> = picture.reliability.iter().map(|bin| (bin.told, bin.came)).collect();
    let bars = picture.reliability.iter().map(|bin| (bin.told, bin.came_interval));
    let most = picture.reliability.iter().map(|bin| bin.told.max(bin.came_interval[1]));
    let most = most.fold(0.01, f64::max) * 1.05;
    let reliability = Plot {
        across: "told: mean probability of leaving",
        up: "came: share that left, with 95 % interval",
        x: (0.0, most),
        y: (0.0, most),
        names: Vec::new(),
        lines: vec![
            Line::thin("as told", vec![(0.0, 0.0), (most, most)]),
            Line::points("tenths of customers", told).with_bars(bars.collect()),
        ],
    };
    let steps = picture.gain.len().saturating_sub(1).max(1) as f64;
    let gain = (0..)
        .zip(&picture.gain)
        .map(|(at, gain)| (f64::from(at) / steps, *gain));
    let gain = Plot {
        across: "share of customers, highest scores first",
        up: "share of all leavers among them",
        x: (0.0, 1.0),
        y: (0.0, 1.0),
        names: Vec::new(),
        lines: vec![
            Line::thin("by chance", vec![(0.0, 0.0), (1.0, 1.0)]),
            Line::thick("shipped", gain.collect()),
        ],
    };
    let over_time = |pick: fn(&CutoffGap) -> f64| -> Vec<(f64, f64)> {
        (0..)
            .zip(&picture.by_cutoff)
            .map(|(at, gap)| (f64::from(at), pick(gap)))
            .collect()
    };
    let highest = picture
        .by_cutoff
        .iter()
        .map(|gap| gap.told.max(gap.came))
        .fold(0.01, f64::max);
    let time = Plot {
        across: "rolling origins in order, then the test",
        up: "share of leavers",
        x: (0.0, picture.by_cutoff.len().saturating_sub(1).max(1) as f64),
        y: (0.0, highest * 1.2),
        names: picture.by_cutoff.iter().map(|gap| day(&gap.as_of).to_owned()).collect(),
        lines: vec![
            Line::thick("told", over_time(|gap| gap.told)),
            Line::points("came", over_time(|gap| gap.came)),
        ],
    };
    let lift = question
        .learners
        .last()
        .and_then(|shipped| shipped.measures.get("lift_10"));
    html! {
        div.pictures {
            figure {
                (PreEscaped(reliability.svg()))
                figcaption { "Calibration: points on the line are told as they come." }
            }
            figure {
                (PreEscaped(gain.svg()))
                figcaption {
                    "Gain"
                    @if let Some(lift) = lift { ": the tenth with the highest scores holds " (number(*lift)) " times the average share of leavers" }
                    "."
                }
            }
            @if !picture.by_cutoff.is_empty() { figure {
                (PreEscaped(time.svg()))
                figcaption {
                    "Over time: each origin was told by a learner that knew only what lay before it, calibrated on all origins"
                    @if !picture.is_of_all { "; of those who had stayed until the horizon before, so without the test" }
                    "."
                }
            } }
            figure {
                (drivers(picture))
                figcaption {
                    "Drivers: how far each family of features moves the log-odds of a customer, on average"
                    @if !picture.is_of_all { ", of those who stayed until the horizon before" }
                    "."
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
        names: Vec::new(),
        lines,
    };
    html! {
        div.pictures {
            figure.wide {
                (PreEscaped(plot.svg()))
                figcaption { "What comes first, and when: lines as told, points as it came, of " (incidence.n) " customers." }
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
