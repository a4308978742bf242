//! A straight line through log-odds, fitted by Newton's method: what calibration and its interval share.

use crate::odds::{probability, softplus};

/// Log-odds with how much of them was with and without the event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Point {
    pub(crate) log_odds: f64,
    pub(crate) events: f64,
    pub(crate) others: f64,
}

/// `slope · z + intercept`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Line {
    pub(crate) slope: f64,
    pub(crate) intercept: f64,
}

impl Line {
    pub(crate) const IDENTITY: Line = Line {
        slope: 1.0,
        intercept: 0.0,
    };

    pub(crate) fn at(&self, log_odds: f64) -> f64 {
        self.slope * log_odds + self.intercept
    }
}

const MAX_ITERATIONS: usize = 50;

/// The line of least log loss (Platt 1999), by Newton with halved steps (Lin, Lin and Weng 2007).
///
/// Events count as `(n₁ + 1) / (n₁ + 2)` and others as `1 / (n₀ + 2)`, Platt's guard against certainty, so the line is
/// finite for one class too.
/// A falling line is replaced by a level one: a calibration never turns the order around.
pub(crate) fn fit(points: &[Point], start: Line) -> Line {
    let n_events: f64 = points.iter().map(|point| point.events).sum();
    let n_others: f64 = points.iter().map(|point| point.others).sum();
    let (target_event, target_other) = ((n_events + 1.0) / (n_events + 2.0), 1.0 / (n_others + 2.0));
    let targets: Vec<(f64, f64, f64)> = points
        .iter()
        .map(|point| {
            let n = point.events + point.others;
            (
                point.log_odds,
                n,
                point.events * target_event + point.others * target_other,
            )
        })
        .collect();
    rising(&targets, start, &Pull::NONE)
}

/// What a line is pulled to as strongly as so many units of curvature, where rows say little.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pull {
    pub(crate) to: Line,
    pub(crate) slope: f64,
    pub(crate) intercept: f64,
}

impl Pull {
    const NONE: Pull = Pull {
        to: Line::IDENTITY,
        slope: 0.0,
        intercept: 0.0,
    };
}

/// The line of least log loss and pull together; without Platt's guard, which moves a level that few events tell.
pub(crate) fn fit_pulled(points: &[Point], start: Line, pull: &Pull) -> Line {
    let target = |point: &Point| (point.log_odds, point.events + point.others, point.events);
    let targets: Vec<(f64, f64, f64)> = points.iter().map(target).collect();
    rising(&targets, start, pull)
}

/// The best line of those that do not fall.
fn rising(targets: &[(f64, f64, f64)], start: Line, pull: &Pull) -> Line {
    let line = newton(targets, start, Slope::Free, pull);
    if line.slope < 0.0 {
        let level = Line {
            slope: 0.0,
            intercept: line.intercept,
        };
        return newton(targets, level, Slope::Level, pull);
    }
    line
}

#[derive(Clone, Copy, PartialEq)]
enum Slope {
    Free,
    Level,
}

fn newton(targets: &[(f64, f64, f64)], start: Line, slope: Slope, pull: &Pull) -> Line {
    let loss = |line: Line| -> f64 {
        let of_rows = targets
            .iter()
            .map(|(z, n, events)| n * softplus(line.at(*z)) - events * line.at(*z));
        let off = [line.slope - pull.to.slope, line.intercept - pull.to.intercept];
        of_rows.sum::<f64>() + 0.5 * (pull.slope * off[0] * off[0] + pull.intercept * off[1] * off[1])
    };
    let mut line = start;
    let mut line_loss = loss(line);
    for _ in 0..MAX_ITERATIONS {
        let mut g_slope = pull.slope * (line.slope - pull.to.slope);
        let mut g_intercept = pull.intercept * (line.intercept - pull.to.intercept);
        // A little is added to the curvature so that equal log-odds cannot make it singular.
        let (mut h_slope, mut h_both, mut h_intercept) = (1e-9 + pull.slope, 0.0, 1e-9 + pull.intercept);
        for (z, n, events) in targets {
            let p = probability(line.at(*z));
            let residual = n * p - events;
            let curvature = n * p * (1.0 - p);
            g_slope += residual * z;
            g_intercept += residual;
            h_slope += curvature * z * z;
            h_both += curvature * z;
            h_intercept += curvature;
        }
        if slope == Slope::Level {
            (g_slope, h_both) = (0.0, 0.0);
        }
        let determinant = h_slope * h_intercept - h_both * h_both;
        let step_slope = (h_intercept * g_slope - h_both * g_intercept) / determinant;
        let step_intercept = (h_slope * g_intercept - h_both * g_slope) / determinant;
        let gain = g_slope * step_slope + g_intercept * step_intercept;
        if gain < 1e-10 {
            // So near, Newton's step doubles the number of right digits and needs no check.
            line.slope -= step_slope;
            line.intercept -= step_intercept;
            break;
        }
        let mut share = 1.0;
        let next = loop {
            let next = Line {
                slope: line.slope - share * step_slope,
                intercept: line.intercept - share * step_intercept,
            };
            let next_loss = loss(next);
            if next_loss <= line_loss - 1e-4 * share * gain {
                line_loss = next_loss;
                break Some(next);
            }
            share *= 0.5;
            if share < 1e-8 {
                break None;
            }
        };
        let Some(next) = next else { break };
        line = next;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(log_odds: f64, events: f64, others: f64) -> Point {
        Point {
            log_odds,
            events,
            others,
        }
    }

    /// Two scores determine the line: it meets the smoothed rates exactly.
    #[test]
    fn two_scores_are_met_exactly() {
        let line = fit(&[point(-1.0, 200.0, 800.0), point(2.0, 700.0, 300.0)], Line::IDENTITY);
        let smoothed = |events: f64, others: f64| (events * 901.0 / 902.0 + others / 1102.0) / (events + others);
        assert!((probability(line.at(-1.0)) - smoothed(200.0, 800.0)).abs() < 1e-9);
        assert!((probability(line.at(2.0)) - smoothed(700.0, 300.0)).abs() < 1e-9);
    }

    #[test]
    fn a_falling_line_becomes_level() {
        let line = fit(&[point(-1.0, 80.0, 20.0), point(1.0, 20.0, 80.0)], Line::IDENTITY);
        assert_eq!(line.slope, 0.0);
        assert!(line.intercept.abs() < 1e-6);
    }

    #[test]
    fn one_class_or_one_score_stays_finite() {
        for points in [
            [point(-1.0, 0.0, 9.0), point(1.0, 0.0, 9.0)],
            [point(3.0, 4.0, 9.0), point(3.0, 4.0, 9.0)],
        ] {
            let line = fit(&points, Line::IDENTITY);
            assert!(line.slope.is_finite() && line.intercept.is_finite(), "{line:?}");
        }
    }
}
