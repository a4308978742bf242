//! Logistic regression on as many rows as the budget of cells holds, to the end: our own descent over blocks of rows.

use rayon::prelude::*;

use super::design::{self, Term};
use super::lbfgs::{Stop, minimise};
use super::solution::{Solution, assemble};
use super::{FittedLinear, Logistic};
use crate::odds::{log_odds, probability, softplus};
use crate::prevalence::smoothed_shares;
use crate::random::Random;
use crate::{Error, Result, TrainingSet, setting};

const LEARNER: &str = "logistic";

/// Rows that one thread takes at a time; sums are added in the order of blocks, so threads change no bit.
const BLOCK: usize = 1_024;

impl Logistic {
    /// The regression of the set's classes on its columns.
    ///
    /// A class without a training row keeps its smoothed share and no weights.
    ///
    /// # Errors
    /// - all rows are of one class
    /// - a setting is outside its range
    pub fn fit(&self, set: &TrainingSet<'_>, seed: u64) -> Result<FittedLinear> {
        self.check()?;
        let terms = design::terms(set, self.min_rows);
        let cells_of_row = (terms.len() * n_scores(set.n_classes())).max(1);
        let most = (self.max_cells / cells_of_row).max(1);
        let rows = Random::new(seed).sample(set.n_rows(), most);
        let mut sums = vec![0.0; set.n_classes()];
        for row in &rows {
            sums[set.y()[*row] as usize] += set.weight(*row);
        }
        let seen: Vec<u32> = (0..)
            .zip(&sums)
            .filter(|(_, sum)| **sum > 0.0)
            .map(|(class, _)| class)
            .collect();
        if seen.len() < 2 {
            return Err(Error::OneClass {
                learner: LEARNER,
                class: seen.first().copied().unwrap_or(set.y()[rows[0]]),
            });
        }
        let shares = smoothed_shares(&sums);
        if terms.is_empty() {
            return Ok(assemble(set, &terms, &Solution::of_shares(&shares)));
        }
        let problem = Problem::new(self, set, &terms, &rows, &seen);
        let (intercept, weights) = problem.solve(&shares, self.stop());
        let solution = match set.n_classes() {
            2 => Solution { intercept, weights },
            _ => Solution::of_seen(&seen, &intercept, &weights, &shares),
        };
        Ok(assemble(set, &terms, &solution))
    }

    fn stop(&self) -> Stop {
        Stop {
            max_steps: self.max_iterations,
            gradient: self.gradient_tolerance,
        }
    }

    fn check(&self) -> Result<()> {
        setting::positive("spread", self.spread)?;
        setting::positive("gradient_tolerance", self.gradient_tolerance)?;
        setting::at_least_one("max_cells", self.max_cells)
    }
}

/// One score tells two classes apart; more classes have one each.
const fn n_scores(n_classes: usize) -> usize {
    if n_classes == 2 { 1 } else { n_classes }
}

/// What is made least: the mean log loss of the rows, and the penalty of the weights.
struct Problem {
    n_terms: usize,
    n_scores: usize,
    seen: Vec<u32>,
    /// Row after row, one number for each term.
    regressors: Vec<f32>,
    /// For each row the place of its class among the scores; of two classes, whether it is class 1.
    target: Vec<u32>,
    /// Each row's share of all weight.
    share: Vec<f64>,
    penalty: f64,
}

impl Problem {
    fn new(logistic: &Logistic, set: &TrainingSet<'_>, terms: &[Term], rows: &[usize], seen: &[u32]) -> Problem {
        let total: f64 = rows.iter().map(|row| set.weight(*row)).sum();
        let mut place = vec![0; set.n_classes()];
        for (at, class) in (0..).zip(seen) {
            place[*class as usize] = at;
        }
        let regressors = rows.par_iter().flat_map_iter(|row| {
            let cells = set.row(*row);
            terms.iter().map(|term| term.value(cells[term.column()]) as f32)
        });
        Problem {
            n_terms: terms.len(),
            n_scores: if set.n_classes() == 2 { 1 } else { seen.len() },
            seen: seen.to_vec(),
            regressors: regressors.collect(),
            target: rows.iter().map(|row| place[set.y()[*row] as usize]).collect(),
            share: rows.iter().map(|row| set.weight(*row) / total).collect(),
            penalty: terms.len() as f64 / (logistic.spread * logistic.spread * total),
        }
    }

    /// The intercepts and, term by term, the weights.
    fn solve(&self, shares: &[f64], stop: Stop) -> (Vec<f64>, Vec<f64>) {
        let mut start = vec![0.0; (1 + self.n_terms) * self.n_scores];
        if self.n_scores == 1 {
            start[0] = log_odds(shares[1]);
        } else {
            for (intercept, class) in start.iter_mut().zip(&self.seen) {
                *intercept = libm::log(shares[*class as usize]);
            }
        }
        // A standardised regressor curves the mean log loss by p (1 − p), at most a quarter.
        let found = minimise(start, 4.0, stop, |at, gradient| self.value_and_gradient(at, gradient));
        let (intercept, by_score) = found.split_at(self.n_scores);
        let by_term = (0..self.n_terms).flat_map(|term| (0..self.n_scores).map(move |score| (term, score)));
        let weights = by_term.map(|(term, score)| by_score[score * self.n_terms + term]);
        (intercept.to_vec(), weights.collect())
    }

    /// `at` holds the intercepts, then score after score its weights.
    fn value_and_gradient(&self, at: &[f64], gradient: &mut [f64]) -> f64 {
        let blocks: Vec<(f64, Vec<f64>)> = self
            .regressors
            .par_chunks(BLOCK * self.n_terms)
            .enumerate()
            .map(|(block, regressors)| self.of_block(at, block * BLOCK, regressors))
            .collect();
        gradient.fill(0.0);
        let mut value = 0.0;
        for (of_block, parts) in blocks {
            value += of_block;
            gradient.iter_mut().zip(parts).for_each(|(sum, part)| *sum += part);
        }
        for (weight, part) in at.iter().zip(gradient).skip(self.n_scores) {
            value += 0.5 * self.penalty * weight * weight;
            *part += self.penalty * weight;
        }
        value
    }

    fn of_block(&self, at: &[f64], first_row: usize, regressors: &[f32]) -> (f64, Vec<f64>) {
        let (intercept, weights) = at.split_at(self.n_scores);
        let mut gradient = vec![0.0; at.len()];
        let (to_intercept, to_weights) = gradient.split_at_mut(self.n_scores);
        let mut scores = vec![0.0; self.n_scores];
        let mut value = 0.0;
        for (row, regressors) in (first_row..).zip(regressors.chunks_exact(self.n_terms)) {
            for ((score, intercept), weights) in
                scores.iter_mut().zip(intercept).zip(weights.chunks_exact(self.n_terms))
            {
                *score = intercept + dot(regressors, weights);
            }
            value += self.share[row] * slopes(&mut scores, self.target[row] as usize);
            let slopes = scores.iter().map(|slope| self.share[row] * slope);
            for ((slope, intercept), weights) in slopes
                .zip(&mut *to_intercept)
                .zip(to_weights.chunks_exact_mut(self.n_terms))
            {
                *intercept += slope;
                for (weight, regressor) in weights.iter_mut().zip(regressors) {
                    *weight += slope * f64::from(*regressor);
                }
            }
        }
        (value, gradient)
    }
}

/// A row's log loss; its scores become the loss's slopes by them.
fn slopes(scores: &mut [f64], target: usize) -> f64 {
    if let [score] = scores {
        let z = *score;
        *score = probability(z) - target as f64;
        return softplus(z) - target as f64 * z;
    }
    let of_target = scores[target];
    let top = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = libm::exp(*score - top);
        sum += *score;
    }
    scores.iter_mut().for_each(|score| *score /= sum);
    scores[target] -= 1.0;
    top + libm::log(sum) - of_target
}

/// The sum of products, in eight lanes whose order never changes.
fn dot(regressors: &[f32], weights: &[f64]) -> f64 {
    let mut lanes = [0.0; 8];
    let (of_regressors, of_weights) = (regressors.chunks_exact(8), weights.chunks_exact(8));
    let rest: f64 = of_regressors
        .remainder()
        .iter()
        .zip(of_weights.remainder())
        .map(|(regressor, weight)| f64::from(*regressor) * weight)
        .sum();
    for (regressors, weights) in of_regressors.zip(of_weights) {
        for ((lane, regressor), weight) in lanes.iter_mut().zip(regressors).zip(weights) {
            *lane += f64::from(*regressor) * weight;
        }
    }
    lanes.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Linear, metrics, synthetic};

    /// Both are the same regression: to the end, the library finds the same.
    #[test]
    fn it_finds_what_the_library_finds_to_the_end() {
        for n_classes in [2, 4] {
            let market = synthetic::market(1_200, n_classes, 3);
            let set = market.set();
            let library = Linear {
                max_iterations: 400,
                gradient_tolerance: 1e-6,
                ..Linear::default()
            };
            let ours = Logistic {
                spread: library.spread,
                gradient_tolerance: 1e-8,
                max_iterations: 400,
                ..Logistic::default()
            };
            let (ours, theirs) = (ours.fit(&set, 1).unwrap(), library.fit(&set, 1).unwrap());
            let mut p = vec![vec![0.0; n_classes]; 2];
            for row in 0..set.n_rows() {
                ours.predict_into(set.row(row), &mut p[0]);
                theirs.predict_into(set.row(row), &mut p[1]);
                for (ours, theirs) in p[0].iter().zip(&p[1]) {
                    assert!((ours - theirs).abs() < 2e-4, "{ours} for {theirs}");
                }
            }
        }
    }

    /// With fewer than three blocks the order of a sum would not matter.
    #[test]
    fn many_blocks_are_added_to_the_same_bits_on_any_number_of_threads() {
        let market = synthetic::market(6 * BLOCK + 77, 3, 4);
        let weights: Vec<f32> = (0..market.y.len()).map(|row| 0.1 + (row % 7) as f32).collect();
        let set = market.set().with_weights(&weights).unwrap();
        let fitted = |n_threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
            pool.install(|| Logistic::default().fit(&set, 1).unwrap())
        };
        let alone = fitted(1);
        for n_threads in [2, 3, 4] {
            assert_eq!(fitted(n_threads), alone, "{n_threads} threads");
        }
    }

    #[test]
    fn above_the_most_cells_rows_are_drawn_by_the_seed() {
        for n_classes in [2, 4] {
            let market = synthetic::market(900, n_classes, 3);
            let fitted = |n_rows: usize, seed| {
                let n_terms = design::terms(&market.set(), Logistic::default().min_rows).len();
                let few = Logistic {
                    max_cells: n_rows * n_terms * n_scores(n_classes),
                    ..Logistic::default()
                };
                few.fit(&market.set(), seed).unwrap()
            };
            assert_eq!(fitted(900, 1), fitted(900, 2), "all rows, whatever the seed");
            assert_eq!(fitted(899, 1), fitted(899, 1));
            assert_ne!(fitted(899, 1), fitted(899, 2), "one row is left out by the seed");
        }
    }

    #[test]
    fn new_rows_cost_less_than_shares_alone() {
        let (market, test) = (synthetic::market(3_000, 2, 1), synthetic::market(3_000, 2, 2));
        let fitted = crate::Learned::Linear(Logistic::default().fit(&market.set(), 1).unwrap());
        let loss = metrics::multiclass(fitted.predict(&test.x.view()).view(), &test.y)
            .unwrap()
            .log_loss;
        let rate = test.y.iter().map(|class| f64::from(*class)).sum::<f64>() / 3_000.0;
        let shares = -(rate * libm::log(rate) + (1.0 - rate) * libm::log(1.0 - rate));
        assert!(loss < shares - 0.05, "{loss} against {shares}");
    }

    #[test]
    fn a_class_without_rows_keeps_its_smoothed_share_for_an_average_row() {
        let mut market = synthetic::market(500, 3, 7);
        market.n_classes = 4;
        let ours = Logistic::default().fit(&market.set(), 0).unwrap();
        let mut out = [0.0; 4];
        ours.predict_into(market.set().row(0), &mut out);
        assert!(out[3] > 1e-5 && out[3] < 0.01, "{out:?}");
    }
}
