//! How far a line moves known log-odds, its penalty found by leaving out customers.

use ndarray::ArrayView2;
use rayon::prelude::*;

use super::design::{self, Term};
use super::lbfgs::{Stop, minimise};
use super::solution::{Solution, assemble};
use super::{FittedRidge, Shift, ShiftFit, check_left_out};
use crate::odds::{probability, softplus};
use crate::random::Random;
use crate::training_set::{check_classes, check_length};
use crate::{Column, Error, Result, TrainingSet, fold_of};

/// Rows that one thread takes at a time; sums are added in the order of blocks, so threads change no bit.
const BLOCK: usize = 1_024;
/// Enough to go to the end on standardised columns.
const STOP: Stop = Stop {
    max_steps: 100,
    gradient: 1e-5,
};

/// Rows to learn from.
struct Rows<'a> {
    n_terms: usize,
    /// Row after row, one number for each term.
    regressors: Vec<f32>,
    log_odds: Vec<f64>,
    y: Vec<f64>,
    fold: Vec<usize>,
    set: &'a TrainingSet<'a>,
    terms: &'a [Term],
}

impl Shift {
    /// The line that moves each row's log-odds nearest to what came of it (class 1 or 0), and those found without each
    /// fold of customers.
    ///
    /// # Errors
    /// - there is no row, a length differs, a cell is infinite or not one of its codes, a class is neither 0 nor 1
    /// - log-odds are not finite, or a setting is outside its range
    pub fn fit(
        &self,
        x: ArrayView2<'_, f32>,
        columns: &[Column],
        y: &[u32],
        log_odds: &[f64],
        customers: &[u64],
        seed: u64,
    ) -> Result<ShiftFit> {
        check_left_out(&self.penalties, self.n_folds, self.max_rows)?;
        let no_classes = vec![0; x.nrows()];
        let set = TrainingSet::new(x.view(), columns, &no_classes, 2, customers)?;
        check_length("classes, one for each row", x.nrows(), y.len())?;
        check_classes(y, 2)?;
        check_length("log-odds, one for each row", x.nrows(), log_odds.len())?;
        if let Some(row) = log_odds.iter().position(|odds| !odds.is_finite()) {
            let expected = "finite log-odds";
            let found = log_odds[row];
            return Err(Error::Target { row, found, expected });
        }
        let terms = design::terms(&set, self.min_rows);
        let drawn = Random::new(seed).sample(x.nrows(), self.max_rows);
        let rows = Rows {
            n_terms: terms.len(),
            regressors: drawn
                .par_iter()
                .flat_map_iter(|row| {
                    let cells = set.row(*row);
                    terms.iter().map(|term| term.value(cells[term.column()]) as f32)
                })
                .collect(),
            log_odds: drawn.iter().map(|row| log_odds[*row]).collect(),
            y: drawn.iter().map(|row| f64::from(y[*row])).collect(),
            fold: drawn
                .iter()
                .map(|row| fold_of(customers[*row], self.n_folds, seed))
                .collect(),
            set: &set,
            terms: &terms,
        };
        let mut penalties = self.penalties.clone();
        penalties.sort_unstable_by(|a, b| b.total_cmp(a));
        // From the strongest penalty on, each line starts where the last one ended; lines that overfit take the most steps,
        // so the search ends with the second penalty that tells worse.
        let mut lines = vec![vec![0.0; 1 + rows.n_terms]; self.n_folds];
        let mut best: Option<(f64, f64, Vec<Vec<f64>>)> = None;
        let mut n_worse = 0;
        for penalty in penalties {
            let line = |fold: usize| rows.line(penalty, lines[fold].clone(), |of| of != fold);
            lines = (0..self.n_folds).into_par_iter().map(line).collect();
            let lost: f64 = lines.iter().enumerate().map(|(fold, line)| rows.lost(line, fold)).sum();
            if best.as_ref().is_none_or(|(least, _, _)| lost < *least) {
                best = Some((lost, penalty, lines.clone()));
                n_worse = 0;
            } else {
                n_worse += 1;
            }
            if n_worse == 2 {
                break;
            }
        }
        let (_, penalty, without) = best.expect("there is a penalty");
        let start = without[0].clone();
        Ok(ShiftFit {
            whole: rows.fitted(&rows.line(penalty, start, |_| true)),
            without: without.iter().map(|line| rows.fitted(line)).collect(),
            seed,
        })
    }
}

impl Rows<'_> {
    /// From a start, intercept and weights that make the mean log loss of the rows of some folds least.
    fn line(&self, penalty: f64, start: Vec<f64>, is_in: impl Fn(usize) -> bool + Sync) -> Vec<f64> {
        let n_in = self.fold.iter().filter(|fold| is_in(**fold)).count().max(1) as f64;
        // A standardised regressor curves the mean log loss by p (1 − p), at most a quarter.
        minimise(start, 4.0, STOP, |at, gradient| {
            let blocks: Vec<(f64, Vec<f64>)> = (0..self.fold.len().div_ceil(BLOCK))
                .into_par_iter()
                .map(|block| {
                    let mut gradient = vec![0.0; at.len()];
                    let mut value = 0.0;
                    let until = (BLOCK * (block + 1)).min(self.fold.len());
                    for row in (BLOCK * block..until).filter(|row| is_in(self.fold[*row])) {
                        let score = self.score(at, row);
                        value += softplus(score) - self.y[row] * score;
                        let slope = probability(score) - self.y[row];
                        gradient[0] += slope;
                        let parts = gradient[1..].iter_mut().zip(self.regressors_of(row));
                        parts.for_each(|(part, regressor)| *part += slope * f64::from(*regressor));
                    }
                    (value, gradient)
                })
                .collect();
            gradient.fill(0.0);
            let mut value = 0.0;
            for (of_block, parts) in blocks {
                value += of_block / n_in;
                gradient
                    .iter_mut()
                    .zip(parts)
                    .for_each(|(sum, part)| *sum += part / n_in);
            }
            for (weight, part) in at.iter().zip(gradient).skip(1) {
                value += 0.5 * penalty * weight * weight;
                *part += penalty * weight;
            }
            value
        })
    }

    fn regressors_of(&self, row: usize) -> &[f32] {
        &self.regressors[row * self.n_terms..(row + 1) * self.n_terms]
    }

    fn score(&self, line: &[f64], row: usize) -> f64 {
        let parts = line[1..].iter().zip(self.regressors_of(row));
        self.log_odds[row]
            + line[0]
            + parts
                .map(|(weight, regressor)| weight * f64::from(*regressor))
                .sum::<f64>()
    }

    /// The log loss of a fold's rows.
    fn lost(&self, line: &[f64], fold: usize) -> f64 {
        let rows = (0..self.fold.len()).filter(|row| self.fold[*row] == fold);
        rows.map(|row| {
            let score = self.score(line, row);
            softplus(score) - self.y[row] * score
        })
        .sum()
    }

    fn fitted(&self, line: &[f64]) -> FittedRidge {
        let solution = Solution {
            intercept: vec![line[0]],
            weights: line[1..].to_vec(),
        };
        FittedRidge(assemble(self.set, self.terms, &solution))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    /// Rows whose log-odds are moved by 1, and by another 1 where the first number is high.
    #[test]
    fn a_line_finds_how_far_log_odds_were_moved_and_for_whom() {
        let mut random = Random::new(3);
        let n = 6_000;
        let x = Array2::from_shape_simple_fn((n, 2), || f32::from(u8::from(random.uniform() < 0.5)));
        let log_odds: Vec<f64> = (0..n).map(|_| random.uniform() - 2.0).collect();
        let moved = |row: usize| 1.0 + f64::from(x[[row, 0]]);
        let y: Vec<u32> = (0..n)
            .map(|row| u32::from(random.uniform() < probability(log_odds[row] + moved(row))))
            .collect();
        let customers: Vec<u64> = (0..n as u64).collect();
        let columns = [Column::number("a"), Column::number("b")];
        let fit = Shift::default()
            .fit(x.view(), &columns, &y, &log_odds, &customers, 1)
            .unwrap();
        for (cells, expected) in [([0.0, 0.0], 1.0), ([1.0, 0.0], 2.0), ([1.0, 1.0], 2.0)] {
            let found = fit.whole.amount(&cells);
            assert!((found - expected).abs() < 0.2, "{cells:?}: {found}");
        }
        assert_eq!(fit.without.len(), 5);
        assert_ne!(fit.left_out(0, &[1.0, 0.0]), fit.whole.amount(&[1.0, 0.0]));
        let error = Shift::default().fit(x.view(), &columns, &y, &vec![f64::NAN; n], &customers, 1);
        assert_eq!(
            error.unwrap_err().to_string(),
            "row 0 has the answer NaN, expected finite log-odds"
        );
    }
}
