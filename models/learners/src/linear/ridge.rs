//! Regression of amounts on prepared columns, its penalty found by leaving out customers.

use ndarray::{Array1, Array2, ArrayView2};

use super::design::{self, Term};
use super::solution::{Solution, assemble};
use super::{FittedRidge, Ridge};
use crate::random::Random;
use crate::training_set::check_length;
use crate::{Column, Error, Result, TrainingSet, setting};

/// What a fold of rows tells: all that least squares needs of them.
struct Moments {
    gram: Array2<f64>,
    cross: Array1<f64>,
    squares: f64,
}

impl Ridge {
    /// The regression of one amount a row on its columns.
    ///
    /// # Errors
    /// - there is no row, a length differs, a cell is infinite or not one of its codes, an amount is not finite
    /// - a setting is outside its range
    pub fn fit(
        &self,
        x: ArrayView2<'_, f32>,
        columns: &[Column],
        amounts: &[f64],
        customers: &[u64],
        seed: u64,
    ) -> Result<FittedRidge> {
        self.check()?;
        let no_classes = vec![0; x.nrows()];
        let set = TrainingSet::new(x.view(), columns, &no_classes, 2, customers)?;
        check_length("amounts, one for each row", x.nrows(), amounts.len())?;
        if let Some(row) = amounts.iter().position(|amount| !amount.is_finite()) {
            let expected = "a finite amount";
            let found = amounts[row];
            return Err(Error::Target { row, found, expected });
        }
        let rows = Random::new(seed).sample(x.nrows(), self.max_rows);
        let terms = design::terms(&set, self.min_rows);
        let mean = rows.iter().map(|row| amounts[*row]).sum::<f64>() / rows.len() as f64;
        let weights = if terms.is_empty() {
            Vec::new()
        } else {
            let mut folds = vec![Vec::new(); self.n_folds];
            for row in rows {
                folds[Random::stream(seed, customers[row]).below(self.n_folds)].push(row);
            }
            self.weights(&set, &terms, amounts, mean, &folds)
        };
        let solution = Solution {
            intercept: vec![mean],
            weights,
        };
        Ok(FittedRidge(assemble(&set, &terms, &solution)))
    }

    fn check(&self) -> Result<()> {
        setting::at_least_one("penalties", self.penalties.len())?;
        self.penalties
            .iter()
            .try_for_each(|penalty| setting::positive("penalties", *penalty))?;
        setting::check("n_folds", self.n_folds >= 2, "at least 2", self.n_folds as f64)?;
        setting::at_least_one("max_rows", self.max_rows)
    }

    /// The weights under the penalty that tells best what was left out; the larger among equals.
    fn weights(
        &self,
        set: &TrainingSet<'_>,
        terms: &[Term],
        amounts: &[f64],
        mean: f64,
        folds: &[Vec<usize>],
    ) -> Vec<f64> {
        let n_terms = terms.len();
        let moments: Vec<Moments> = folds
            .iter()
            .map(|rows| {
                let z = design::matrix(set, terms, rows, 1.0);
                let y: Array1<f64> = rows.iter().map(|row| amounts[*row] - mean).collect();
                Moments {
                    gram: z.t().dot(&z),
                    cross: z.t().dot(&y),
                    squares: y.dot(&y),
                }
            })
            .collect();
        let mut gram = Array2::zeros((n_terms, n_terms));
        let mut cross = Array1::zeros(n_terms);
        for fold in &moments {
            gram += &fold.gram;
            cross += &fold.cross;
        }
        let n_rows: usize = folds.iter().map(Vec::len).sum();
        let left_out = |penalty: f64| -> f64 {
            let of_fold = |(fold, rows): (&Moments, &Vec<usize>)| {
                let rest = &gram - &fold.gram;
                let weights = solved(rest, penalty * (n_rows - rows.len()) as f64, &(&cross - &fold.cross));
                fold.squares - 2.0 * weights.dot(&fold.cross) + weights.dot(&fold.gram.dot(&weights))
            };
            moments.iter().zip(folds).map(of_fold).sum()
        };
        let mut penalties = self.penalties.clone();
        penalties.sort_unstable_by(|a, b| b.total_cmp(a));
        let best = penalties
            .into_iter()
            .map(|penalty| (left_out(penalty), penalty))
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .expect("there is a penalty");
        solved(gram, best.1 * n_rows as f64, &cross).to_vec()
    }
}

/// The solution of `(gram + ridge) weights = cross`, by Cholesky's decomposition.
fn solved(mut gram: Array2<f64>, ridge: f64, cross: &Array1<f64>) -> Array1<f64> {
    let n = cross.len();
    gram.diag_mut().iter_mut().for_each(|diagonal| *diagonal += ridge);
    let cells = gram.as_slice_mut().expect("a new matrix is row-major");
    for row in 0..n {
        for column in 0..=row {
            let (above, below) = (column * n, row * n);
            let dot: f64 = (0..column).map(|k| cells[above + k] * cells[below + k]).sum();
            let left = cells[below + column] - dot;
            cells[below + column] = if row == column {
                // A ridge keeps the diagonal above 0; roundings of parallel columns must not undo that.
                left.max(f64::MIN_POSITIVE).sqrt()
            } else {
                left / cells[above + column]
            };
        }
    }
    let mut weights = cross.clone();
    for row in 0..n {
        let dot: f64 = (0..row).map(|k| cells[row * n + k] * weights[k]).sum();
        weights[row] = (weights[row] - dot) / cells[row * n + row];
    }
    for row in (0..n).rev() {
        let dot: f64 = (row + 1..n).map(|k| cells[k * n + row] * weights[k]).sum();
        weights[row] = (weights[row] - dot) / cells[row * n + row];
    }
    weights
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn a_system_is_solved() {
        let weights = solved(array![[3.0, 2.0], [2.0, 5.0]], 1.0, &array![10.0, 14.0]);
        assert!(
            (weights[0] - 1.6).abs() < 1e-12 && (weights[1] - 1.8).abs() < 1e-12,
            "{weights}"
        );
    }

    /// Amounts that depend on one of two numbers, with noise.
    fn amounts(n: usize, slope: f64) -> (Array2<f32>, Vec<f64>, Vec<u64>) {
        let mut random = Random::new(5);
        let x = Array2::from_shape_simple_fn((n, 2), || random.uniform() as f32);
        let noise: Vec<f64> = (0..n).map(|_| random.uniform() - 0.5).collect();
        let amounts = noise
            .iter()
            .zip(x.column(0))
            .map(|(noise, x)| 3.0 + slope * f64::from(*x) + noise);
        let amounts = amounts.collect();
        (x, amounts, (0..n as u64).collect())
    }

    #[test]
    fn what_amounts_depend_on_is_found_and_the_rest_is_shrunk() {
        let columns = [Column::number("a"), Column::number("b")];
        let (x, y, customers) = amounts(2_000, 2.0);
        let fitted = Ridge::default().fit(x.view(), &columns, &y, &customers, 1).unwrap();
        let rise = fitted.amount(&[1.0, 0.5]) - fitted.amount(&[0.0, 0.5]);
        assert!((rise - 2.0).abs() < 0.25, "logarithms bend a little: {rise}");
        let nothing = fitted.amount(&[0.5, 1.0]) - fitted.amount(&[0.5, 0.0]);
        assert!(nothing.abs() < 0.1, "{nothing}");
    }

    #[test]
    fn where_nothing_tells_the_mean_is_left() {
        let columns = [Column::number("a"), Column::number("b")];
        let (x, y, customers) = amounts(300, 0.0);
        let fitted = Ridge::default().fit(x.view(), &columns, &y, &customers, 1).unwrap();
        let rise = fitted.amount(&[1.0, 0.5]) - fitted.amount(&[0.0, 0.5]);
        assert!(rise.abs() < 0.05, "{rise}");
        let alone = Ridge::default()
            .fit(x.slice_axis(ndarray::Axis(0), (..1).into()), &columns, &y[..1], &[1], 1)
            .unwrap();
        assert_eq!(alone.amount(&[9.0, 9.0]), y[0]);
    }

    #[test]
    fn amounts_that_are_none_are_told() {
        let columns = [Column::number("a"), Column::number("b")];
        let (x, mut y, customers) = amounts(20, 0.0);
        y[3] = f64::NAN;
        let error = Ridge::default().fit(x.view(), &columns, &y, &customers, 1).unwrap_err();
        assert_eq!(error.to_string(), "row 3 has the answer NaN, expected a finite amount");
    }
}
