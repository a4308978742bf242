//! What trees learn: losses with their gradients and hessians by the margin.

use rayon::prelude::*;

use super::histogram::{Packed, STEPS, pack};
use super::split::Scale;
use crate::level::level_shift;
use crate::odds::{log_odds, probability, softmax, softplus};
use crate::training_set::{check_classes, check_length};
use crate::trees::Link;
use crate::{Error, Level, Result};

/// Rows whose gradients are taken together.
const BLOCK: usize = 2_048;

/// Rows of a weight above this are rounded more coarsely, so that a packed sum keeps room for them.
pub(super) const MAX_WEIGHT: f32 = 4_096.0;

/// What is to be learned, one answer a row.
#[derive(Debug, Clone, Copy)]
pub enum Target<'a> {
    /// Classes below `n_classes`: the logistic loss for two, the softmax loss for more.
    Classes {
        /// The class of each row.
        y: &'a [u32],
        /// The number of classes declared, at least 2.
        n_classes: usize,
    },
    /// Amounts, under half the squared error.
    Amounts(&'a [f64]),
    /// Counts from 0 on, under the Poisson loss `e^m − y m`.
    Counts(&'a [f64]),
    /// When an event came, on a grid of intervals of time: the log loss of each interval that a row was at risk in
    /// (discrete-time hazards; Allison 1982, "Discrete-time methods for the analysis of event histories").
    Hazard {
        /// The interval of each row's event, or the last interval seen whole when none came.
        interval: &'a [u32],
        /// Whether the event came.
        happened: &'a [bool],
        /// The number of intervals.
        n_intervals: usize,
    },
}

/// The nearest whole number to one far below 2⁵¹; without the call that `round` is where no instruction does it.
fn nearest(number: f64) -> f64 {
    const WHOLE: f64 = 1.5 * (1u64 << 52) as f64;
    (number + WHOLE) - WHOLE
}

impl Target<'_> {
    pub(super) fn n_rows(&self) -> usize {
        match self {
            Target::Classes { y, .. } => y.len(),
            Target::Amounts(amounts) | Target::Counts(amounts) => amounts.len(),
            Target::Hazard { interval, .. } => interval.len(),
        }
    }

    pub(super) fn link(&self) -> Link {
        match self {
            Target::Classes { n_classes: 2, .. } => Link::Logistic,
            Target::Classes { .. } => Link::Softmax,
            Target::Amounts(_) => Link::Identity,
            Target::Counts(_) => Link::Log,
            Target::Hazard { .. } => Link::Hazard,
        }
    }

    pub(super) fn n_outputs(&self) -> usize {
        match self {
            Target::Classes { n_classes: 2, .. } | Target::Amounts(_) | Target::Counts(_) => 1,
            Target::Classes { n_classes, .. } => *n_classes,
            Target::Hazard { n_intervals, .. } => *n_intervals,
        }
    }

    /// # Errors
    /// - a class is not declared, an amount is not finite, a count is negative, an interval is outside the grid
    pub(super) fn check(&self) -> Result<()> {
        let value = |values: &[f64], is_right: fn(f64) -> bool, expected| {
            let Some(row) = values.iter().position(|value| !is_right(*value)) else {
                return Ok(());
            };
            let found = values[row];
            Err(Error::Target { row, found, expected })
        };
        match *self {
            Target::Classes { y, n_classes } => {
                if n_classes < 2 {
                    return Err(Error::TooFewClasses { found: n_classes });
                }
                check_classes(y, n_classes)
            }
            Target::Amounts(amounts) => value(amounts, f64::is_finite, "a finite amount"),
            Target::Counts(counts) => value(counts, |count| count >= 0.0 && count.is_finite(), "a count from 0 on"),
            Target::Hazard {
                interval,
                happened,
                n_intervals,
            } => {
                check_length("events, one for each row", interval.len(), happened.len())?;
                let wrong = interval.iter().position(|interval| *interval as usize >= n_intervals);
                wrong.map_or(Ok(()), |row| {
                    let found = f64::from(interval[row]);
                    Err(Error::Target {
                        row,
                        found,
                        expected: "an interval of the grid",
                    })
                })
            }
        }
    }

    /// The margin of each output that suits all rows best, a little shrunk so that it is finite.
    pub(super) fn start(&self, weights: Option<&[f32]>) -> Vec<f64> {
        let weight = |row: usize| weights.map_or(1.0, |weights| f64::from(weights[row]));
        let total: f64 = (0..self.n_rows()).map(weight).sum();
        let mean = |values: &[f64]| {
            values
                .iter()
                .enumerate()
                .map(|(row, value)| weight(row) * value)
                .sum::<f64>()
                / total
        };
        match *self {
            Target::Classes { y, n_classes } => {
                let mut counts = vec![0.0; n_classes];
                for (row, class) in y.iter().enumerate() {
                    counts[*class as usize] += weight(row);
                }
                // As the prevalence does: one row more, spread evenly over the classes.
                let share = |count: f64| (count + 1.0 / n_classes as f64) / (total + 1.0);
                if n_classes == 2 {
                    vec![log_odds(share(counts[1]))]
                } else {
                    counts.into_iter().map(|count| libm::log(share(count))).collect()
                }
            }
            Target::Amounts(amounts) => vec![mean(amounts)],
            Target::Counts(counts) => vec![libm::log((mean(counts) * total + 0.5) / (total + 1.0))],
            Target::Hazard {
                interval,
                happened,
                n_intervals,
            } => {
                let (mut at_risk, mut events) = (vec![1.0; n_intervals], vec![0.5; n_intervals]);
                for (row, last) in interval.iter().enumerate() {
                    let last = *last as usize;
                    at_risk[..=last].iter_mut().for_each(|rows| *rows += weight(row));
                    events[last] += weight(row) * f64::from(u8::from(happened[row]));
                }
                at_risk
                    .iter()
                    .zip(events)
                    .map(|(at_risk, events)| log_odds(events / at_risk))
                    .collect()
            }
        }
    }

    /// The mean loss of each row's margins (output after output, `n_rows` each), over the rows' weights.
    ///
    /// With the level kept, two classes are judged after one shift of all margins that sets their level right.
    pub(super) fn mean_loss(&self, margins: &[f64], weights: Option<&[f32]>, level: Level) -> f64 {
        let n_rows = self.n_rows();
        let weight = |row: usize| weights.map_or(1.0, |weights| f64::from(weights[row]));
        let shift = match (*self, level) {
            (Target::Classes { y, n_classes: 2 }, Level::Kept) => level_shift(margins, y, weight),
            _ => 0.0,
        };
        let of_row = |row: usize, scores: &mut [f64]| {
            scores
                .iter_mut()
                .enumerate()
                .for_each(|(output, score)| *score = margins[output * n_rows + row] + shift);
            self.loss(row, scores)
        };
        // Blocks of fixed size, added in their order: the same sum on any number of threads.
        let blocks: Vec<(f64, f64)> = (0..n_rows.div_ceil(BLOCK))
            .into_par_iter()
            .map(|block| {
                let mut scores = vec![0.0; self.n_outputs()];
                let rows = block * BLOCK..((block + 1) * BLOCK).min(n_rows);
                rows.fold((0.0, 0.0), |(sum, total), row| {
                    (sum + weight(row) * of_row(row, &mut scores), total + weight(row))
                })
            })
            .collect();
        let (sum, total) = blocks
            .into_iter()
            .fold((0.0, 0.0), |(sum, total), (more, weight)| (sum + more, total + weight));
        sum / total
    }

    /// The loss of one row's margins, which are overwritten.
    fn loss(&self, row: usize, scores: &mut [f64]) -> f64 {
        match *self {
            Target::Classes { y, n_classes: 2 } => softplus(if y[row] == 1 { -scores[0] } else { scores[0] }),
            Target::Classes { y, .. } => {
                softmax(scores);
                -libm::log(scores[y[row] as usize].max(crate::odds::FLOOR))
            }
            Target::Amounts(amounts) => 0.5 * (scores[0] - amounts[row]) * (scores[0] - amounts[row]),
            Target::Counts(counts) => libm::exp(scores[0]) - counts[row] * scores[0],
            Target::Hazard { interval, happened, .. } => {
                let last = interval[row] as usize;
                let survived: f64 = scores[..last].iter().map(|score| softplus(*score)).sum();
                survived + softplus(if happened[row] { -scores[last] } else { scores[last] })
            }
        }
    }

    /// The gradient and hessian of one row's loss by each margin; the margins are overwritten.
    fn slopes(&self, row: usize, margins: &mut [f64], mut put: impl FnMut(usize, f64, f64)) {
        match *self {
            Target::Classes { y, n_classes: 2 } => {
                let p = probability(margins[0]);
                put(0, p - f64::from(y[row]), p * (1.0 - p));
            }
            Target::Classes { y, n_classes } => {
                softmax(margins);
                // The diagonal, made larger for what it leaves out (Friedman 2001, algorithm 6).
                let factor = n_classes as f64 / (n_classes - 1) as f64;
                for (class, p) in margins.iter().enumerate() {
                    let is_class = f64::from(u8::from(y[row] as usize == class));
                    put(class, p - is_class, factor * p * (1.0 - p));
                }
            }
            Target::Amounts(amounts) => put(0, margins[0] - amounts[row], 1.0),
            Target::Counts(counts) => {
                let mean = libm::exp(margins[0]);
                put(0, mean - counts[row], mean);
            }
            Target::Hazard { interval, happened, .. } => {
                let last = interval[row] as usize;
                for (at, margin) in margins.iter().enumerate() {
                    if at > last {
                        put(at, 0.0, 0.0);
                        continue;
                    }
                    let p = probability(*margin);
                    let came = f64::from(u8::from(at == last && happened[row]));
                    put(at, p - came, p * (1.0 - p));
                }
            }
        }
    }

    /// The largest gradient and hessian that a row of weight 1 can have at these margins.
    fn largest(&self, margins: &[f64]) -> (f64, f64) {
        match *self {
            Target::Classes { n_classes: 2, .. } | Target::Hazard { .. } => (1.0, 0.25),
            Target::Classes { n_classes, .. } => (1.0, 0.25 * n_classes as f64 / (n_classes - 1) as f64),
            Target::Amounts(_) | Target::Counts(_) => {
                let (mut gradient, mut hessian) = (f64::MIN_POSITIVE, f64::MIN_POSITIVE);
                for (row, margin) in margins.iter().enumerate() {
                    self.slopes(row, &mut [*margin], |_, g, h| {
                        gradient = gradient.max(g.abs());
                        hessian = hessian.max(h);
                    });
                }
                (gradient, hessian)
            }
        }
    }

    /// Every row's weighted gradient and hessian in whole steps (output after output), and what a step is worth.
    pub(super) fn pack(
        &self,
        margins: &[f64],
        weights: Option<&[f32]>,
        max_weight: f32,
        packed: &mut [Packed],
    ) -> Scale {
        let (n_rows, n_outputs) = (self.n_rows(), self.n_outputs());
        let (gradient, hessian) = self.largest(margins);
        let room = f64::from((max_weight / MAX_WEIGHT).max(1.0));
        let scale = Scale {
            gradient: gradient * room / STEPS,
            hessian: hessian * room / STEPS,
        };
        let (per_gradient, per_hessian) = (1.0 / scale.gradient, 1.0 / scale.hessian);
        let mut blocks: Vec<Vec<&mut [Packed]>> = Vec::new();
        blocks.resize_with(n_rows.div_ceil(BLOCK), || Vec::with_capacity(n_outputs));
        for output in packed.chunks_mut(n_rows) {
            for (block, part) in blocks.iter_mut().zip(output.chunks_mut(BLOCK)) {
                block.push(part);
            }
        }
        blocks.into_par_iter().enumerate().for_each(|(block, mut outputs)| {
            let mut row_margins = vec![0.0; n_outputs];
            for place in 0..outputs[0].len() {
                let row = block * BLOCK + place;
                for (output, margin) in row_margins.iter_mut().enumerate() {
                    *margin = margins[output * n_rows + row];
                }
                let weight = weights.map_or(1.0, |weights| f64::from(weights[row]));
                self.slopes(row, &mut row_margins, |output, g, h| {
                    // Rounded before it is weighted, so that a row of weight 2 is the same as two rows.
                    let g = nearest(weight * nearest(g * per_gradient));
                    let h = nearest(weight * nearest(h * per_hessian));
                    outputs[output][place] = pack(g as i32, h as u32);
                });
            }
        });
        scale
    }
}
