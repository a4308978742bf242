//! From cells to regressors: which terms a training set gives rise to, and their values.

use ndarray::{Array2, ShapeBuilder};

use super::{signed_log, standardised};
use crate::training_set::code;
use crate::{ColumnKind, TrainingSet};

/// The least spread by which an indicator is divided, so that rare ones do not become huge.
const MIN_INDICATOR_SCALE: f64 = 0.1;

/// One regressor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Term {
    /// A number, standardised; the mean when missing.
    Number { column: usize, mean: f64, scale: f64 },
    /// Whether a number is missing, centred and scaled.
    Missing { column: usize, mean: f64, scale: f64 },
    /// Whether a category column has this code (none for missing), centred and scaled.
    Code {
        column: usize,
        code: Option<u32>,
        mean: f64,
        scale: f64,
    },
}

/// The terms of a set, in the order of its columns.
pub(super) fn terms(set: &TrainingSet<'_>, min_rows: usize) -> Vec<Term> {
    let n_rows = set.class_weights().iter().sum();
    let mut terms = Vec::new();
    for (column, described) in set.columns().iter().enumerate() {
        match described.kind {
            ColumnKind::Number => number_terms(set, column, n_rows, &mut terms),
            ColumnKind::Category { cardinality } => {
                category_terms(set, column, cardinality, min_rows, &mut terms);
            }
        }
    }
    terms
}

/// The regressors of some rows, multiplied by `factor`.
///
/// One column for each term, stored column after column: the order that the gradient reads.
pub(super) fn matrix(set: &TrainingSet<'_>, terms: &[Term], rows: &[usize], factor: f64) -> Array2<f64> {
    let mut values = Vec::with_capacity(rows.len() * terms.len());
    for term in terms {
        let cells = set.x();
        let cells = cells.column(term.column());
        values.extend(rows.iter().map(|row| factor * term.value(cells[*row])));
    }
    Array2::from_shape_vec((rows.len(), terms.len()).f(), values).expect("every term has every row")
}

impl Term {
    pub(super) fn column(&self) -> usize {
        match self {
            Term::Number { column, .. } | Term::Missing { column, .. } | Term::Code { column, .. } => *column,
        }
    }

    /// The regressor's value for a cell.
    pub(super) fn value(&self, cell: f32) -> f64 {
        match *self {
            Term::Number { .. } if cell.is_nan() => 0.0,
            Term::Number { mean, scale, .. } => standardised(cell.into(), mean, scale),
            Term::Missing { mean, scale, .. } => indicator(cell.is_nan(), mean, scale),
            Term::Code {
                code: wanted,
                mean,
                scale,
                ..
            } => indicator(code(cell) == wanted, mean, scale),
        }
    }
}

fn indicator(holds: bool, mean: f64, scale: f64) -> f64 {
    (f64::from(u8::from(holds)) - mean) / scale
}

fn indicator_scale(mean: f64) -> f64 {
    (mean * (1.0 - mean)).sqrt().max(MIN_INDICATOR_SCALE)
}

fn number_terms(set: &TrainingSet<'_>, column: usize, n_rows: f64, terms: &mut Vec<Term>) {
    let cells = set.x().column(column).to_vec();
    let present: Vec<(f64, f64)> = (0..)
        .zip(&cells)
        .filter(|(_, cell)| !cell.is_nan())
        .map(|(row, cell)| (signed_log(f64::from(*cell)), set.weight(row)))
        .collect();
    let sum = |of: &dyn Fn(f64) -> f64| present.iter().map(|(value, weight)| weight * of(*value)).sum::<f64>();
    let n_present = sum(&|_| 1.0);
    if n_present > 0.0 {
        let mean = sum(&|value| value) / n_present;
        let scale = (sum(&|value| (value - mean) * (value - mean)) / n_present).sqrt();
        // The mean of equal values may differ from them by a rounding, which is no spread.
        if scale > 1e-12 * (1.0 + mean.abs()) {
            terms.push(Term::Number { column, mean, scale });
        }
        if n_present < n_rows {
            let mean = 1.0 - n_present / n_rows;
            terms.push(Term::Missing {
                column,
                mean,
                scale: indicator_scale(mean),
            });
        }
    }
}

fn category_terms(set: &TrainingSet<'_>, column: usize, cardinality: u32, min_rows: usize, terms: &mut Vec<Term>) {
    let mut counts = vec![0.0; cardinality as usize + 1];
    for (row, cell) in set.x().column(column).iter().enumerate() {
        counts[code(*cell).unwrap_or(cardinality) as usize] += set.weight(row);
    }
    let n_rows: f64 = counts.iter().sum();
    for (found, count) in counts.into_iter().enumerate() {
        if count > 0.0 && count >= min_rows as f64 && count < n_rows {
            let mean = count / n_rows;
            let code = (found < cardinality as usize).then_some(found as u32);
            terms.push(Term::Code {
                column,
                code,
                mean,
                scale: indicator_scale(mean),
            });
        }
    }
}
