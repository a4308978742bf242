//! Fitting by linfa-logistic (L-BFGS), then turned into our own arrays.

use std::cmp::Ordering;

use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_logistic::{
    FittedLogisticRegression, LogisticRegression, MultiFittedLogisticRegression, MultiLogisticRegression,
};
use ndarray::{Array1, Array2};

use super::design::{self, Term};
use super::solution::{Solution, assemble};
use super::{FittedLinear, Linear};
use crate::odds::log_odds;
use crate::prevalence::smoothed_shares;
use crate::random::Random;
use crate::{Error, Result, TrainingSet, setting};

const LEARNER: &str = "linear";

impl Linear {
    /// The regression of the set's classes on its columns.
    ///
    /// A class without a training row keeps its smoothed share and no weights.
    ///
    /// # Errors
    /// - all rows are of one class, or rows are weighted
    /// - a setting is outside its range
    /// - the library finds no way down
    pub fn fit(&self, set: &TrainingSet<'_>, seed: u64) -> Result<FittedLinear> {
        self.check()?;
        set.check_unweighted(LEARNER)?;
        let rows = Random::new(seed).sample(set.n_rows(), self.max_rows);
        let mut counts = vec![0.0; set.n_classes()];
        for row in &rows {
            counts[set.y()[*row] as usize] += 1.0;
        }
        if counts.iter().filter(|count| **count > 0.0).count() < 2 {
            return Err(Error::OneClass {
                learner: LEARNER,
                class: set.y()[rows[0]],
            });
        }
        let terms = design::terms(set, self.min_rows);
        let shares = smoothed_shares(&counts);
        if terms.is_empty() {
            return Ok(assemble(set, &terms, &Solution::of_shares(&shares)));
        }
        let problem = Problem::new(self, set, &terms, &rows);
        let solution = if set.n_classes() == 2 {
            let fitted = problem.solve_two(&shares)?;
            // The library lets the larger class be positive; ours is always class 1.
            let sign = if fitted.labels().pos.class == 1 {
                problem.factor
            } else {
                -problem.factor
            };
            Solution {
                intercept: vec![sign.signum() * fitted.intercept()],
                weights: fitted.params().iter().map(|weight| sign * weight).collect(),
            }
        } else {
            let fitted = problem.solve_many(&shares)?;
            let weights: Vec<f64> = fitted.params().iter().map(|weight| problem.factor * weight).collect();
            let intercept = fitted.intercept().to_vec();
            Solution::of_seen(fitted.classes(), &intercept, &weights, &shares)
        };
        Ok(assemble(set, &terms, &solution))
    }

    fn check(&self) -> Result<()> {
        setting::positive("spread", self.spread)?;
        setting::positive("gradient_tolerance", self.gradient_tolerance)?;
        setting::at_least_one("max_rows", self.max_rows)
    }
}

/// What the library is given.
///
/// The regressors are multiplied by `factor`, two over the root of the number of rows: the loss then curves about
/// equally in every direction, so the library's first step, of length one, is about right.
struct Problem {
    data: DatasetBase<Array2<f64>, Array1<u32>>,
    factor: f64,
    penalty: f64,
    max_iterations: u64,
    gradient_tolerance: f64,
}

impl Problem {
    fn new(linear: &Linear, set: &TrainingSet<'_>, terms: &[Term], rows: &[usize]) -> Problem {
        let factor = 2.0 / (rows.len() as f64).sqrt();
        let penalty = terms.len() as f64 / (linear.spread * linear.spread);
        let matrix = design::matrix(set, terms, rows, factor);
        let targets = rows.iter().map(|row| set.y()[*row]).collect();
        Problem {
            data: DatasetBase::new(matrix, targets),
            factor,
            penalty: penalty * factor * factor,
            max_iterations: linear.max_iterations,
            gradient_tolerance: linear.gradient_tolerance,
        }
    }

    fn solve_two(&self, shares: &[f64]) -> Result<FittedLogisticRegression<f64, u32>> {
        let n_rows = self.data.targets.len();
        let n_positive = self.data.targets.iter().filter(|class| **class == 1).count();
        let mut start = Array1::zeros(self.data.records.ncols() + 1);
        // The library lets the larger class be positive, and of equal ones the class of the first row.
        let positive = match (2 * n_positive).cmp(&n_rows) {
            Ordering::Greater => 1,
            Ordering::Less => 0,
            Ordering::Equal => self.data.targets[0] as usize,
        };
        start[self.data.records.ncols()] = log_odds(shares[positive]);
        LogisticRegression::default()
            .alpha(self.penalty)
            .max_iterations(self.max_iterations)
            .gradient_tolerance(self.gradient_tolerance)
            .initial_params(start)
            .fit(&self.data)
            .map_err(library)
    }

    fn solve_many(&self, shares: &[f64]) -> Result<MultiFittedLogisticRegression<f64, u32>> {
        let mut classes = self.data.targets.to_vec();
        classes.sort_unstable();
        classes.dedup();
        let n_terms = self.data.records.ncols();
        let mut start = Array2::zeros((n_terms + 1, classes.len()));
        for (position, class) in classes.iter().enumerate() {
            start[(n_terms, position)] = libm::log(shares[*class as usize]);
        }
        MultiLogisticRegression::default()
            .alpha(self.penalty)
            .max_iterations(self.max_iterations)
            .gradient_tolerance(self.gradient_tolerance)
            .initial_params(start)
            .fit(&self.data)
            .map_err(library)
    }
}

fn library(error: linfa_logistic::error::Error) -> Error {
    Error::Library {
        learner: LEARNER,
        source: Box::new(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic;

    fn largest_difference(ours: &FittedLinear, set: &TrainingSet<'_>, theirs: impl Fn(usize, usize) -> f64) -> f64 {
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

    fn problem(set: &TrainingSet<'_>, linear: &Linear) -> (Problem, Vec<f64>) {
        let rows: Vec<usize> = (0..set.n_rows()).collect();
        let terms = design::terms(set, linear.min_rows);
        (
            Problem::new(linear, set, &terms, &rows),
            smoothed_shares(&set.class_weights()),
        )
    }

    /// Reference: the fitted model of linfa-logistic 0.8.1 itself.
    #[test]
    fn two_classes_are_predicted_as_the_library_does() {
        for flip in [0, 1] {
            let mut market = synthetic::market(600, 2, 5);
            market.y.iter_mut().for_each(|class| *class ^= flip);
            let set = market.set();
            let (problem, shares) = problem(&set, &Linear::default());
            let library = problem.solve_two(&shares).unwrap();
            let probabilities = library.predict_probabilities(&problem.data.records);
            let positive = library.labels().pos.class as usize;
            let ours = Linear::default().fit(&set, 0).unwrap();
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
        let (problem, shares) = problem(&set, &Linear::default());
        let library = problem.solve_many(&shares).unwrap();
        let probabilities = library.predict_probabilities(&problem.data.records);
        let ours = Linear::default().fit(&set, 0).unwrap();
        let difference = largest_difference(&ours, &set, |row, class| probabilities[(row, class)]);
        assert!(difference < 1e-6, "{difference}");
    }

    #[test]
    fn a_class_without_rows_keeps_its_smoothed_share_for_an_average_row() {
        let mut market = synthetic::market(500, 3, 7);
        market.n_classes = 4;
        let set = market.set();
        let ours = Linear::default().fit(&set, 0).unwrap();
        let mut out = [0.0; 4];
        ours.predict_into(set.row(0), &mut out);
        assert!(out[3] > 1e-5 && out[3] < 0.01, "{out:?}");
        assert!((out.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }
}
