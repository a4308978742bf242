//! Fitting by linfa-logistic (L-BFGS), then turned into our own arrays.

use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_logistic::{LogisticRegression, MultiLogisticRegression};
use ndarray::{Array1, Array2};

use super::design::{self, Term};
use super::{FittedLinear, Linear};
use crate::odds::log_odds;
use crate::prevalence::smoothed_shares;
use crate::{ColumnKind, Error, Result, TrainingSet};

const LEARNER: &str = "linear";

impl Linear {
    /// The regression of the set's classes on its columns.
    ///
    /// A class without a training row keeps its smoothed share and no weights.
    ///
    /// # Errors
    /// - all rows are of one class
    /// - a setting is outside its range
    /// - the library finds no way down
    pub fn fit(&self, set: &TrainingSet<'_>) -> Result<FittedLinear> {
        self.check()?;
        let counts = set.class_counts();
        if counts.iter().filter(|count| **count > 0).count() < 2 {
            return Err(Error::OneClass {
                learner: LEARNER,
                class: set.y()[0],
            });
        }
        let terms = design::terms(set, self.min_rows);
        if terms.is_empty() {
            return Ok(assemble(
                set,
                &terms,
                &Solution::of_shares(&smoothed_shares(&counts)),
            ));
        }
        let matrix = design::matrix(set, &terms);
        let solution = if set.n_classes() == 2 {
            self.solve_two(matrix, set)?
        } else {
            self.solve_many(matrix, set, &smoothed_shares(&counts))?
        };
        Ok(assemble(set, &terms, &solution))
    }

    fn check(&self) -> Result<()> {
        let positive = [
            ("penalty", self.penalty),
            ("gradient_tolerance", self.gradient_tolerance),
        ];
        for (setting, found) in positive {
            if !(found.is_finite() && found > 0.0) {
                return Err(Error::Setting {
                    setting,
                    expected: "a positive number",
                    found,
                });
            }
        }
        Ok(())
    }

    fn tolerance(&self, set: &TrainingSet<'_>) -> f64 {
        self.gradient_tolerance * set.n_rows() as f64
    }

    fn solve_two(&self, matrix: Array2<f64>, set: &TrainingSet<'_>) -> Result<Solution> {
        let targets = Array1::from_vec(set.y().to_vec());
        let fitted = LogisticRegression::default()
            .alpha(self.penalty)
            .max_iterations(self.max_iterations)
            .gradient_tolerance(self.tolerance(set))
            .fit(&DatasetBase::new(matrix, targets))
            .map_err(library)?;
        // The library lets the larger class be positive; ours is always class 1.
        let sign = if fitted.labels().pos.class == 1 {
            1.0
        } else {
            -1.0
        };
        Ok(Solution {
            intercept: vec![sign * fitted.intercept()],
            weights: fitted.params().iter().map(|weight| sign * weight).collect(),
        })
    }

    fn solve_many(
        &self,
        matrix: Array2<f64>,
        set: &TrainingSet<'_>,
        shares: &[f64],
    ) -> Result<Solution> {
        let targets = Array1::from_vec(set.y().to_vec());
        let fitted = MultiLogisticRegression::default()
            .alpha(self.penalty)
            .max_iterations(self.max_iterations)
            .gradient_tolerance(self.tolerance(set))
            .fit(&DatasetBase::new(matrix, targets))
            .map_err(library)?;
        let n_classes = set.n_classes();
        let mut solution = Solution {
            intercept: vec![f64::NAN; n_classes],
            weights: vec![0.0; fitted.params().nrows() * n_classes],
        };
        for (position, class) in fitted.classes().iter().enumerate() {
            let class = *class as usize;
            solution.intercept[class] = fitted.intercept()[position];
            for (term, weights) in fitted.params().outer_iter().enumerate() {
                solution.weights[term * n_classes + class] = weights[position];
            }
        }
        let seen = || {
            solution
                .intercept
                .iter()
                .copied()
                .filter(|intercept| !intercept.is_nan())
        };
        let top = seen().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = seen().map(|intercept| libm::exp(intercept - top)).sum();
        let log_sum = top + libm::log(sum);
        for (intercept, share) in solution.intercept.iter_mut().zip(shares) {
            if intercept.is_nan() {
                *intercept = log_sum + log_odds(*share);
            }
        }
        Ok(solution)
    }
}

fn library(error: linfa_logistic::error::Error) -> Error {
    Error::Library {
        learner: LEARNER,
        source: Box::new(error),
    }
}

/// One intercept for each score, and a row of as many weights for each term.
struct Solution {
    intercept: Vec<f64>,
    weights: Vec<f64>,
}

impl Solution {
    fn of_shares(shares: &[f64]) -> Solution {
        let intercept = match shares {
            [_, positive] => vec![log_odds(*positive)],
            shares => shares.iter().map(|share| libm::log(*share)).collect(),
        };
        Solution {
            intercept,
            weights: Vec::new(),
        }
    }
}

/// Folds the terms of each column into what a cell of it adds to the scores.
fn assemble(set: &TrainingSet<'_>, terms: &[Term], solution: &Solution) -> FittedLinear {
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
    let weighted: Vec<(&Term, &[f64])> = terms
        .iter()
        .zip(solution.weights.chunks(n_scores))
        .collect();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic;

    fn largest_difference(
        ours: &FittedLinear,
        set: &TrainingSet<'_>,
        theirs: impl Fn(usize, usize) -> f64,
    ) -> f64 {
        let mut out = vec![0.0; set.n_classes()];
        let mut largest = 0.0f64;
        for row in 0..set.n_rows() {
            ours.predict_into(set.row(row), &mut out);
            for (class, probability) in out.iter().enumerate() {
                largest = largest.max((probability - theirs(row, class)).abs());
            }
        }
        largest
    }

    /// Reference: the fitted model of linfa-logistic 0.8.1 itself.
    #[test]
    fn two_classes_are_predicted_as_the_library_does() {
        for flip in [0, 1] {
            let mut market = synthetic::market(600, 2, 5);
            market.y.iter_mut().for_each(|class| *class ^= flip);
            let set = market.set();
            let linear = Linear::default();
            let matrix = design::matrix(&set, &design::terms(&set, linear.min_rows));
            let targets = Array1::from_vec(set.y().to_vec());
            let library = LogisticRegression::default()
                .alpha(linear.penalty)
                .max_iterations(linear.max_iterations)
                .gradient_tolerance(linear.tolerance(&set))
                .fit(&DatasetBase::new(matrix.clone(), targets))
                .unwrap();
            let probabilities = library.predict_probabilities(&matrix);
            let positive = library.labels().pos.class as usize;
            let ours = linear.fit(&set).unwrap();
            let theirs = |row: usize, class: usize| {
                if class == positive {
                    probabilities[row]
                } else {
                    1.0 - probabilities[row]
                }
            };
            assert!(largest_difference(&ours, &set, theirs) < 1e-9);
        }
    }

    /// Reference: the fitted model of linfa-logistic 0.8.1 itself.
    #[test]
    fn four_classes_are_predicted_as_the_library_does() {
        let market = synthetic::market(600, 4, 6);
        let set = market.set();
        let linear = Linear::default();
        let matrix = design::matrix(&set, &design::terms(&set, linear.min_rows));
        let library = MultiLogisticRegression::default()
            .alpha(linear.penalty)
            .max_iterations(linear.max_iterations)
            .gradient_tolerance(linear.tolerance(&set))
            .fit(&DatasetBase::new(
                matrix.clone(),
                Array1::from_vec(set.y().to_vec()),
            ))
            .unwrap();
        let probabilities = library.predict_probabilities(&matrix);
        let ours = linear.fit(&set).unwrap();
        let difference = largest_difference(&ours, &set, |row, class| probabilities[(row, class)]);
        // The floor of 1e-6 and its division by the sum are ours alone.
        assert!(difference < 5e-6, "{difference}");
    }

    #[test]
    fn a_class_without_rows_keeps_its_smoothed_share_for_an_average_row() {
        let mut market = synthetic::market(500, 3, 7);
        market.n_classes = 4;
        let set = market.set();
        let ours = Linear::default().fit(&set).unwrap();
        let mut out = [0.0; 4];
        ours.predict_into(set.row(0), &mut out);
        assert!(out[3] > 1e-5 && out[3] < 0.01, "{out:?}");
        assert!((out.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }
}
