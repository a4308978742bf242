//! What a regression found, folded into the arrays that are kept.

use super::FittedLinear;
use super::design::Term;
use crate::odds::log_odds;
use crate::{ColumnKind, TrainingSet};

/// One intercept for each score, and a row of as many weights for each term.
pub(super) struct Solution {
    pub(super) intercept: Vec<f64>,
    pub(super) weights: Vec<f64>,
}

impl Solution {
    pub(super) fn of_shares(shares: &[f64]) -> Solution {
        let intercept = match shares {
            [_, positive] => vec![log_odds(*positive)],
            shares => shares.iter().map(|share| libm::log(*share)).collect(),
        };
        Solution {
            intercept,
            weights: Vec::new(),
        }
    }

    /// The weights of the classes that were seen, term by term as many as `seen`; the other classes keep their share for
    /// an average row and have no weights.
    pub(super) fn of_seen(seen: &[u32], intercept: &[f64], weights: &[f64], shares: &[f64]) -> Solution {
        let (n_classes, n_seen) = (shares.len(), seen.len());
        let mut solution = Solution {
            intercept: vec![f64::NAN; n_classes],
            weights: vec![0.0; weights.len() / n_seen * n_classes],
        };
        for (position, class) in seen.iter().enumerate() {
            let class = *class as usize;
            solution.intercept[class] = intercept[position];
            for (term, weights) in weights.chunks_exact(n_seen).enumerate() {
                solution.weights[term * n_classes + class] = weights[position];
            }
        }
        let top = intercept.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = intercept.iter().map(|intercept| libm::exp(intercept - top)).sum();
        let log_sum = top + libm::log(sum);
        for (intercept, share) in solution.intercept.iter_mut().zip(shares) {
            if intercept.is_nan() {
                *intercept = log_sum + log_odds(*share);
            }
        }
        solution
    }
}

/// Folds the terms of each column into what a cell of it adds to the scores.
pub(super) fn assemble(set: &TrainingSet<'_>, terms: &[Term], solution: &Solution) -> FittedLinear {
    let n_scores = solution.intercept.len();
    let mut fitted = FittedLinear {
        n_classes: set.n_classes(),
        n_columns: set.columns().len(),
        intercept: solution.intercept.clone(),
        number_column: Vec::new(),
        number_mean: Vec::new(),
        number_scale: Vec::new(),
        number_weight: Vec::new(),
        number_present: Vec::new(),
        number_missing: Vec::new(),
        category_column: Vec::new(),
        category_first: vec![0],
        category_term: Vec::new(),
    };
    let weighted: Vec<(&Term, &[f64])> = terms.iter().zip(solution.weights.chunks(n_scores)).collect();
    for of_column in weighted.chunk_by(|a, b| a.0.column() == b.0.column()) {
        let column = of_column[0].0.column();
        // What a cell adds to each score through the terms that are not numbers themselves.
        let added = |cell: f32| -> Vec<f64> {
            (0..n_scores)
                .map(|score| {
                    let indicators = of_column
                        .iter()
                        .filter(|(term, _)| !matches!(term, Term::Number { .. }));
                    indicators
                        .map(|(term, weights)| term.value(cell) * weights[score])
                        .sum()
                })
                .collect()
        };
        match set.columns()[column].kind {
            ColumnKind::Number => {
                let number = of_column.iter().find_map(|(term, weights)| match term {
                    Term::Number { mean, scale, .. } => Some((*mean, *scale, weights.to_vec())),
                    Term::Missing { .. } | Term::Code { .. } => None,
                });
                let (mean, scale, weights) = number.unwrap_or((0.0, 1.0, vec![0.0; n_scores]));
                fitted.number_column.push(column as u32);
                fitted.number_mean.push(mean);
                fitted.number_scale.push(scale);
                fitted.number_weight.extend(weights);
                fitted.number_present.extend(added(0.0));
                fitted.number_missing.extend(added(f32::NAN));
            }
            ColumnKind::Category { cardinality } => {
                fitted.category_column.push(column as u32);
                for code in 0..cardinality {
                    fitted.category_term.extend(added(code as f32));
                }
                fitted.category_term.extend(added(f32::NAN));
                fitted
                    .category_first
                    .push((fitted.category_term.len() / n_scores) as u32);
            }
        }
    }
    fitted
}
