//! Making probabilities mean what they say, only where that has been shown to help.

use std::fmt;

use ndarray::ArrayView2;
use percorso_artefact::{Artefact, Sealer};

use crate::isotonic::{Isotonic, by_score};
use crate::odds::{FLOOR, floor_and_normalise, log_odds, probability, softmax};
use crate::platt::{self, Line, Point};
use crate::training_set::check_length;
use crate::venn_abers::VennAbers;
use crate::{Error, Result};

/// A correction of a learner's probabilities.
#[derive(Debug, Clone, PartialEq)]
pub enum Calibrator {
    /// None.
    Identity,
    /// Two classes: log-odds become `slope · log-odds + intercept` (Platt 1999); the slope is never negative.
    Platt {
        /// Above 1 it spreads the scores, below 1 it draws them together.
        slope: f64,
        /// What is added to all log-odds.
        intercept: f64,
    },
    /// Two classes: any rising rates.
    Isotonic(Isotonic),
    /// Two classes: any rising rates, drawn away from 0 and 1 where rows are few.
    VennAbers(VennAbers),
    /// More classes: log-probabilities are divided by the temperature and normalised (Guo et al. 2017).
    Temperature {
        /// Above 1 it draws the probabilities together.
        temperature: f64,
    },
}

/// Out-of-fold predictions of one origin (test window).
#[derive(Debug, Clone, Copy)]
pub struct OriginPredictions<'a> {
    /// The probabilities: a row each, classes as columns.
    pub p: ArrayView2<'a, f64>,
    /// The class that came, for each row.
    pub y: &'a [u32],
    /// When the predictions were made, in any unit.
    pub at: i64,
    /// When all the classes were known, in the same unit: what is fitted on them can be used from here on.
    pub known_at: i64,
}

/// What a correction of two classes may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Spread and level: right when the origins saw every season with a full season behind them.
    Free,
    /// The spread alone: the base rate moves with the season, and a level learned in one season is wrong in the next.
    /// Each origin has a level of its own while the slope is fitted, and the mean log-odds stay where they are.
    Kept,
}

impl Calibrator {
    /// Corrects the probabilities of one row in place; they stay at least about 1e-6 and sum to 1.
    pub fn apply(&self, p: &mut [f64]) {
        match self {
            Calibrator::Identity => {}
            Calibrator::Platt { slope, intercept } => {
                set_two(p, |z| probability(slope * z + intercept));
            }
            Calibrator::Isotonic(isotonic) => set_two(p, |z| isotonic.at(z)),
            Calibrator::VennAbers(venn_abers) => set_two(p, |z| venn_abers.at(z)),
            Calibrator::Temperature { temperature } => {
                for p in p.iter_mut() {
                    *p = libm::log(p.max(FLOOR)) / temperature;
                }
                softmax(p);
                floor_and_normalise(p);
            }
        }
    }

    /// The correction learned from the origins, or [`Calibrator::Identity`] when it would not have helped.
    ///
    /// For each origin corrections are fitted on those whose classes were known by then and judged on it; the one whose
    /// log loss summed over these later rows is lowest is kept when that is lower than without, and then fitted on all
    /// origins.
    /// Two classes are corrected by a line ([`Calibrator::Platt`]) or, where the level is free, by rates of any rising
    /// shape, for these move the level too; more classes by a temperature.
    /// Where no origin was known by a later one nothing is shown, so nothing is corrected.
    ///
    /// # Errors
    /// - there is no origin, one has no row, their classes differ in number, or a length differs
    /// - a probability is not from 0 to 1, or a class has no column
    pub fn choose(origins: &[OriginPredictions<'_>], level: Level) -> Result<Calibrator> {
        check(origins)?;
        let methods = Method::candidates(origins[0].p.ncols(), level);
        let (mut without, mut with) = (0.0, vec![0.0; methods.len()]);
        for later in origins {
            let earlier: Vec<_> = origins
                .iter()
                .filter(|origin| origin.known_at <= later.at)
                .copied()
                .collect();
            if earlier.is_empty() {
                continue;
            }
            without += summed_loss(&Calibrator::Identity, later);
            for (method, loss) in methods.iter().zip(&mut with) {
                *loss += summed_loss(&method.fit(&earlier), later);
            }
        }
        let best = methods.iter().zip(with).min_by(|a, b| a.1.total_cmp(&b.1));
        Ok(match best {
            Some((method, loss)) if loss < without => method.fit(origins),
            _ => Calibrator::Identity,
        })
    }

    /// Puts the correction under the prefix.
    ///
    /// # Errors
    /// - the prefix is not allowed in names, or was used before
    pub fn seal(&self, prefix: &str, sealer: &mut Sealer) -> Result<()> {
        let (name, numbers) = match self {
            Calibrator::Identity => ("identity", vec![]),
            Calibrator::Platt { slope, intercept } => ("platt", vec![*slope, *intercept]),
            Calibrator::Isotonic(isotonic) => ("isotonic", isotonic.numbers()),
            Calibrator::VennAbers(venn_abers) => ("venn_abers", venn_abers.numbers()),
            Calibrator::Temperature { temperature } => ("temperature", vec![*temperature]),
        };
        sealer.put_text(&format!("{prefix}/calibrator"), name)?;
        Ok(sealer.put_vector(&format!("{prefix}/calibrator_numbers"), &numbers)?)
    }

    /// What was sealed under the prefix.
    ///
    /// # Errors
    /// - an array is missing, its name is unknown, or a number is outside its range
    pub fn open(prefix: &str, artefact: &Artefact) -> Result<Calibrator> {
        let numbers = artefact.vector::<f64>(&format!("{prefix}/calibrator_numbers"))?;
        let opened = match (artefact.text(&format!("{prefix}/calibrator"))?, numbers) {
            ("identity", []) => Some(Calibrator::Identity),
            ("platt", [slope, intercept]) if *slope >= 0.0 => Some(Calibrator::Platt {
                slope: *slope,
                intercept: *intercept,
            }),
            ("isotonic", numbers) => Isotonic::of_numbers(numbers).map(Calibrator::Isotonic),
            ("venn_abers", numbers) => VennAbers::of_numbers(numbers).map(Calibrator::VennAbers),
            ("temperature", [temperature]) if *temperature > 0.0 => Some(Calibrator::Temperature {
                temperature: *temperature,
            }),
            _ => None,
        };
        opened.ok_or_else(|| Error::Malformed {
            prefix: prefix.to_owned(),
            what: "calibrator",
            why: "its name and numbers do not fit together",
        })
    }
}

impl fmt::Display for Calibrator {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Calibrator::Identity => write!(to, "identity"),
            Calibrator::Platt { slope, intercept } => {
                write!(to, "platt (slope {slope:.3}, intercept {intercept:.3})")
            }
            Calibrator::Isotonic(_) => write!(to, "isotonic"),
            Calibrator::VennAbers(_) => write!(to, "venn-abers"),
            Calibrator::Temperature { temperature } => write!(to, "temperature {temperature:.3}"),
        }
    }
}

/// Two classes' probabilities from a function of the second one's log-odds.
fn set_two(p: &mut [f64], calibrated: impl Fn(f64) -> f64) {
    let z = log_odds(p[1].clamp(FLOOR, 1.0 - FLOOR));
    p[1] = calibrated(z).clamp(FLOOR, 1.0 - FLOOR);
    p[0] = 1.0 - p[1];
}

/// How a correction is fitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    /// A line through log-odds.
    Line,
    /// A line that leaves the mean log-odds where they are.
    Slope,
    Isotonic,
    VennAbers,
    Temperature,
}

impl Method {
    /// Simplest first.
    fn candidates(n_classes: usize, level: Level) -> &'static [Method] {
        match level {
            _ if n_classes > 2 => &[Method::Temperature],
            Level::Kept => &[Method::Slope],
            Level::Free => &[Method::Line, Method::Isotonic, Method::VennAbers],
        }
    }

    fn fit(self, origins: &[OriginPredictions<'_>]) -> Calibrator {
        let rows = || {
            origins
                .iter()
                .flat_map(|origin| origin.p.column(1).into_iter().zip(origin.y))
        };
        match self {
            Method::Line => {
                let point = |(p, class): (&f64, &u32)| Point {
                    log_odds: log_odds(p.clamp(FLOOR, 1.0 - FLOOR)),
                    events: f64::from(*class),
                    others: 1.0 - f64::from(*class),
                };
                let Line { slope, intercept } = platt::fit(&rows().map(point).collect::<Vec<_>>(), Line::IDENTITY);
                Calibrator::Platt { slope, intercept }
            }
            Method::Slope => {
                let (slope, mean_log_odds) = common_slope(origins);
                Calibrator::Platt {
                    slope,
                    intercept: mean_log_odds * (1.0 - slope),
                }
            }
            Method::Isotonic => Calibrator::Isotonic(Isotonic::fit(&by_score(rows()))),
            Method::VennAbers => Calibrator::VennAbers(VennAbers::fit(&by_score(rows()))),
            Method::Temperature => Calibrator::Temperature {
                temperature: 1.0 / inverse_temperature(origins),
            },
        }
    }
}

fn check(origins: &[OriginPredictions<'_>]) -> Result<()> {
    let n_classes = origins.first().ok_or(Error::NoRows)?.p.ncols();
    if n_classes < 2 {
        return Err(Error::TooFewClasses { found: n_classes });
    }
    for origin in origins {
        check_length("classes as columns", n_classes, origin.p.ncols())?;
        crate::metrics::multiclass(origin.p, origin.y)?;
    }
    Ok(())
}

fn summed_loss(calibrator: &Calibrator, origin: &OriginPredictions<'_>) -> f64 {
    let mut row = vec![0.0; origin.p.ncols()];
    let mut sum = 0.0;
    for (p, class) in origin.p.outer_iter().zip(origin.y) {
        row.iter_mut().zip(p).for_each(|(to, from)| *to = *from);
        calibrator.apply(&mut row);
        sum -= libm::log(row[*class as usize].max(FLOOR));
    }
    sum
}

/// The slope of least log loss when each origin has an intercept of its own, in [0, 4], and the mean log-odds of all rows.
///
/// By Newton's method, the slope and the intercepts in turn.
fn common_slope(origins: &[OriginPredictions<'_>]) -> (f64, f64) {
    let scored: Vec<(Vec<f64>, &[u32])> = origins
        .iter()
        .map(|origin| {
            (
                origin
                    .p
                    .column(1)
                    .iter()
                    .map(|p| log_odds(p.clamp(FLOOR, 1.0 - FLOOR)))
                    .collect(),
                origin.y,
            )
        })
        .collect();
    let n_rows: usize = scored.iter().map(|(_, y)| y.len()).sum();
    let mean = scored.iter().flat_map(|(log_odds, _)| log_odds).sum::<f64>() / n_rows as f64;
    let (mut slope, mut intercepts) = (1.0_f64, vec![0.0_f64; origins.len()]);
    for _ in 0..100 {
        // A weak pull to the identity keeps both finite where an origin saw one class only.
        let (mut gradient, mut curvature) = (slope - 1.0, 1.0);
        for ((log_odds, y), intercept) in scored.iter().zip(&mut intercepts) {
            let (mut level_gradient, mut level_curvature) = (*intercept, 1.0);
            for (z, class) in log_odds.iter().zip(*y) {
                let p = probability(slope * (z - mean) + mean + *intercept);
                let (miss, weight) = (p - f64::from(*class), p * (1.0 - p));
                level_gradient += miss;
                level_curvature += weight;
                gradient += miss * (z - mean);
                curvature += weight * (z - mean) * (z - mean);
            }
            *intercept -= level_gradient / level_curvature;
        }
        let next = (slope - gradient / curvature).clamp(0.0, 4.0);
        let is_done = (next - slope).abs() < 1e-10;
        slope = next;
        if is_done {
            break;
        }
    }
    (slope, mean)
}

/// The inverse temperature of least log loss, by Newton within [1/20, 20]; the loss is convex in it.
fn inverse_temperature(origins: &[OriginPredictions<'_>]) -> f64 {
    let mut inverse: f64 = 1.0;
    for _ in 0..30 {
        let (mut gradient, mut curvature) = (0.0, 1e-9);
        for origin in origins {
            for (p, class) in origin.p.outer_iter().zip(origin.y) {
                let logs: Vec<f64> = p.iter().map(|p| libm::log(p.max(FLOOR))).collect();
                let mut shares: Vec<f64> = logs.iter().map(|log| inverse * log).collect();
                softmax(&mut shares);
                let mean: f64 = shares.iter().zip(&logs).map(|(share, log)| share * log).sum();
                let square: f64 = shares.iter().zip(&logs).map(|(share, log)| share * log * log).sum();
                gradient += mean - logs[*class as usize];
                curvature += (square - mean * mean).max(0.0);
            }
        }
        let next = (inverse - gradient / curvature)
            .clamp(0.5 * inverse, 2.0 * inverse)
            .clamp(0.05, 20.0);
        let is_done = (next - inverse).abs() < 1e-10;
        inverse = next;
        if is_done {
            break;
        }
    }
    inverse
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::random::Random;

    /// Rows of an origin whose true log-odds are `slope · z + intercept`, scored as z.
    fn origin(slope: f64, intercept: f64, n_rows: usize, seed: u64) -> (Array2<f64>, Vec<u32>) {
        let mut random = Random::new(seed);
        let mut p = Array2::zeros((n_rows, 2));
        let mut y = Vec::new();
        for mut row in p.outer_iter_mut() {
            let z = 6.0 * random.uniform() - 3.0;
            row[1] = probability(z);
            row[0] = 1.0 - row[1];
            y.push(u32::from(random.uniform() < probability(slope * z + intercept)));
        }
        (p, y)
    }

    fn chosen(origins: &[(Array2<f64>, Vec<u32>)]) -> Calibrator {
        let origins: Vec<OriginPredictions<'_>> = origins
            .iter()
            .zip(0..)
            .map(|((p, y), at)| OriginPredictions {
                p: p.view(),
                y,
                at,
                known_at: at + 1,
            })
            .collect();
        Calibrator::choose(&origins, Level::Free).unwrap()
    }

    #[test]
    fn a_lasting_error_is_corrected() {
        let origins: Vec<_> = (0..4).map(|seed| origin(0.5, -1.0, 3_000, seed)).collect();
        let Calibrator::Platt { slope, intercept } = chosen(&origins) else {
            panic!("kept as it was")
        };
        assert!(
            (slope - 0.5).abs() < 0.05 && (intercept + 1.0).abs() < 0.08,
            "{slope} {intercept}"
        );
    }

    #[test]
    fn what_is_right_or_moves_with_the_season_is_left_alone() {
        let moving: Vec<_> = (0..4)
            .map(|seed| origin(1.0, [1.5, -1.5][seed as usize % 2], 2_000, seed))
            .collect();
        assert_eq!(chosen(&moving), Calibrator::Identity);
        assert_eq!(chosen(&moving[..1]), Calibrator::Identity);
    }

    #[test]
    fn a_kept_level_corrects_the_spread_alone() {
        let drifting: Vec<_> = (0..4).map(|seed| origin(0.5, seed as f64, 3_000, seed)).collect();
        let origins: Vec<OriginPredictions<'_>> = drifting
            .iter()
            .zip(0..)
            .map(|((p, y), at)| OriginPredictions {
                p: p.view(),
                y,
                at,
                known_at: at + 1,
            })
            .collect();
        let (slope, mean_log_odds) = common_slope(&origins);
        assert!(
            (slope - 0.5).abs() < 0.05 && mean_log_odds.abs() < 0.1,
            "{slope} {mean_log_odds}"
        );
        let Calibrator::Platt { slope, intercept } = Method::Slope.fit(&origins) else {
            panic!("two classes")
        };
        assert!((slope * mean_log_odds + intercept - mean_log_odds).abs() < 1e-12);
    }

    #[test]
    fn what_was_not_known_by_then_corrects_nothing() {
        let origins: Vec<_> = (0..4).map(|seed| origin(0.5, -1.0, 3_000, seed)).collect();
        let origins: Vec<OriginPredictions<'_>> = origins
            .iter()
            .zip(0..)
            .map(|((p, y), at)| OriginPredictions {
                p: p.view(),
                y,
                at,
                known_at: at + 9,
            })
            .collect();
        assert_eq!(Calibrator::choose(&origins, Level::Free).unwrap(), Calibrator::Identity);
    }

    #[test]
    fn too_sure_classes_are_cooled() {
        let mut random = Random::new(2);
        let mut origins = Vec::new();
        for _ in 0..3 {
            let mut p = Array2::zeros((2_000, 4));
            let mut y = Vec::new();
            for mut row in p.outer_iter_mut() {
                let scores: Vec<f64> = (0..4).map(|_| 3.0 * random.uniform()).collect();
                let mut truth = scores.clone();
                softmax(&mut truth);
                let mut drawn = random.uniform();
                let class = truth.iter().position(|share| {
                    drawn -= share;
                    drawn < 0.0
                });
                y.push(class.unwrap_or(3) as u32);
                let mut said: Vec<f64> = scores.iter().map(|score| 2.0 * score).collect();
                softmax(&mut said);
                row.iter_mut().zip(said).for_each(|(to, from)| *to = from);
            }
            origins.push((p, y));
        }
        let Calibrator::Temperature { temperature } = chosen(&origins) else {
            panic!("kept as it was")
        };
        assert!((temperature - 2.0).abs() < 0.15, "{temperature}");
    }

    #[test]
    fn corrected_rows_sum_to_one_and_keep_their_order() {
        let calibrators = [
            (Calibrator::Identity, vec![0.3, 0.7]),
            (
                Calibrator::Platt {
                    slope: 0.4,
                    intercept: -0.2,
                },
                vec![0.3, 0.7],
            ),
            (
                Calibrator::Platt {
                    slope: 9.0,
                    intercept: 40.0,
                },
                vec![0.0, 1.0],
            ),
            (Calibrator::Temperature { temperature: 0.1 }, vec![0.2, 0.0, 0.8]),
        ];
        for (calibrator, mut p) in calibrators {
            calibrator.apply(&mut p);
            assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{p:?}");
            assert!(p.last() > p.first(), "{p:?}");
            let mut sealer = Sealer::new();
            calibrator.seal("churn", &mut sealer).unwrap();
            let artefact = Artefact::open(&sealer.seal(&percorso_artefact::Header::default()).unwrap()).unwrap();
            assert_eq!(Calibrator::open("churn", &artefact).unwrap(), calibrator);
        }
    }
}
