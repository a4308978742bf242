//! Regression of amounts on prepared columns, its penalty found by leaving out customers.

use ndarray::{Array1, Array2, ArrayView2};

use super::design::{self, Term};
use super::solution::{Solution, assemble};
use super::{FittedRidge, Ridge, check_left_out};
use crate::random::Random;
use crate::training_set::check_length;
use crate::{Column, Error, Result, TrainingSet, fold_of};

/// What a fold of rows tells: all that least squares needs of them, for each target.
struct Moments {
    n_rows: f64,
    gram: Array2<f64>,
    cross: Vec<Array1<f64>>,
    /// Of what amounts lie above their mean, and of its squares.
    sums: Vec<f64>,
    squares: Vec<f64>,
}

impl Ridge {
    /// The regression of each of some targets on the same columns, one amount a row, and what it says of each row when the
    /// row's customer is left out.
    ///
    /// # Errors
    /// - there is no row, a length differs, a cell is infinite or not one of its codes, an amount is not finite
    /// - a setting is outside its range
    pub fn fit(
        &self,
        x: ArrayView2<'_, f32>,
        columns: &[Column],
        targets: &[&[f64]],
        customers: &[u64],
        seed: u64,
    ) -> Result<Vec<(FittedRidge, Vec<f64>)>> {
        check_left_out(&self.penalties, self.n_folds, self.max_rows)?;
        let no_classes = vec![0; x.nrows()];
        let set = TrainingSet::new(x.view(), columns, &no_classes, 2, customers)?;
        for amounts in targets {
            check_length("amounts, one for each row", x.nrows(), amounts.len())?;
            if let Some(row) = amounts.iter().position(|amount| !amount.is_finite()) {
                let expected = "a finite amount";
                let found = amounts[row];
                return Err(Error::Target { row, found, expected });
            }
        }
        let terms = design::terms(&set, self.min_rows);
        let fold_of: Vec<usize> = customers
            .iter()
            .map(|customer| fold_of(*customer, self.n_folds, seed))
            .collect();
        let mut folds = vec![Vec::new(); self.n_folds];
        for row in Random::new(seed).sample(x.nrows(), self.max_rows) {
            folds[fold_of[row]].push(row);
        }
        let means: Vec<f64> = targets.iter().map(|amounts| mean_of(amounts, &folds)).collect();
        let moments: Vec<Moments> = folds
            .iter()
            .map(|rows| Moments::of(&set, &terms, targets, &means, rows))
            .collect();
        let fit = |(target, mean): (usize, &f64)| {
            let (weights, without) = self.weights(&moments, target);
            let fitted = |(intercept, weights): (f64, Vec<f64>)| {
                let intercept = vec![intercept];
                FittedRidge(assemble(&set, &terms, &Solution { intercept, weights }))
            };
            let n_rows: f64 = moments.iter().map(|fold| fold.n_rows).sum();
            let of_rest = moments
                .iter()
                .map(|fold| mean - fold.sums[target] / (n_rows - fold.n_rows).max(1.0));
            let without: Vec<FittedRidge> = of_rest.zip(without).map(fitted).collect();
            let left_out = fold_of
                .iter()
                .enumerate()
                .map(|(row, fold)| without[*fold].amount(set.row(row)));
            (fitted((*mean, weights)), left_out.collect())
        };
        Ok(means.iter().enumerate().map(fit).collect())
    }

    /// The weights of a target under the penalty that tells best what was left out, the larger among equals; and under
    /// that penalty those without each fold.
    fn weights(&self, folds: &[Moments], target: usize) -> (Vec<f64>, Vec<Vec<f64>>) {
        let mut gram = Array2::zeros(folds[0].gram.dim());
        let mut cross = Array1::zeros(gram.nrows());
        let mut n_rows = 0.0;
        for fold in folds {
            gram += &fold.gram;
            cross += &fold.cross[target];
            n_rows += fold.n_rows;
        }
        let without = |fold: &Moments, penalty: f64| {
            let rest = &gram - &fold.gram;
            solved(
                rest,
                penalty * (n_rows - fold.n_rows).max(1.0),
                &(&cross - &fold.cross[target]),
            )
        };
        let left_out = |penalty: f64| -> f64 {
            let of_fold = |fold: &Moments| {
                let weights = without(fold, penalty);
                let said = weights.dot(&fold.gram.dot(&weights));
                fold.squares[target] - 2.0 * weights.dot(&fold.cross[target]) + said
            };
            folds.iter().map(of_fold).sum()
        };
        let mut penalties = self.penalties.clone();
        penalties.sort_unstable_by(|a, b| b.total_cmp(a));
        let (_, penalty) = penalties
            .into_iter()
            .map(|penalty| (left_out(penalty), penalty))
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .expect("there is a penalty");
        let without = folds.iter().map(|fold| without(fold, penalty).to_vec()).collect();
        (solved(gram, penalty * n_rows, &cross).to_vec(), without)
    }
}

fn mean_of(amounts: &[f64], folds: &[Vec<usize>]) -> f64 {
    let n_rows: usize = folds.iter().map(Vec::len).sum();
    folds.iter().flatten().map(|row| amounts[*row]).sum::<f64>() / n_rows as f64
}

impl Moments {
    fn of(set: &TrainingSet<'_>, terms: &[Term], targets: &[&[f64]], means: &[f64], rows: &[usize]) -> Moments {
        let z = design::matrix(set, terms, rows, 1.0);
        let centred = targets
            .iter()
            .zip(means)
            .map(|(amounts, mean)| -> Array1<f64> { rows.iter().map(|row| amounts[*row] - mean).collect() });
        let (mut cross, mut sums, mut squares) = (Vec::new(), Vec::new(), Vec::new());
        for y in centred {
            cross.push(z.t().dot(&y));
            sums.push(y.sum());
            squares.push(y.dot(&y));
        }
        Moments {
            n_rows: rows.len() as f64,
            gram: z.t().dot(&z),
            cross,
            sums,
            squares,
        }
    }
}

/// Eight sums side by side, in a fixed order: one after another, additions would wait for each other.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (a_lanes, b_lanes) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest = a_lanes.remainder().iter().zip(b_lanes.remainder());
    let rest: f64 = rest.map(|(a, b)| a * b).sum();
    for (a, b) in a_lanes.zip(b_lanes) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f64>() + rest
}

/// The solution of `(gram + ridge) weights = cross`, by Cholesky's decomposition.
fn solved(mut gram: Array2<f64>, ridge: f64, cross: &Array1<f64>) -> Array1<f64> {
    let n = cross.len();
    gram.diag_mut().iter_mut().for_each(|diagonal| *diagonal += ridge);
    let cells = gram.as_slice_mut().expect("a new matrix is row-major");
    for row in 0..n {
        for column in 0..=row {
            let (above, below) = (column * n, row * n);
            let before = dot(&cells[above..above + column], &cells[below..below + column]);
            let left = cells[below + column] - before;
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

    fn fit(x: &Array2<f32>, y: &[f64], customers: &[u64]) -> Result<(FittedRidge, Vec<f64>)> {
        let columns = [Column::number("a"), Column::number("b")];
        Ok(Ridge::default().fit(x.view(), &columns, &[y], customers, 1)?.remove(0))
    }

    fn fitted(x: &Array2<f32>, y: &[f64], customers: &[u64]) -> FittedRidge {
        fit(x, y, customers).unwrap().0
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
        let (x, y, customers) = amounts(2_000, 2.0);
        let fitted = fitted(&x, &y, &customers);
        let rise = fitted.amount(&[1.0, 0.5]) - fitted.amount(&[0.0, 0.5]);
        assert!((rise - 2.0).abs() < 0.25, "logarithms bend a little: {rise}");
        let nothing = fitted.amount(&[0.5, 1.0]) - fitted.amount(&[0.5, 0.0]);
        assert!(nothing.abs() < 0.1, "{nothing}");
    }

    #[test]
    fn where_nothing_tells_the_mean_is_left() {
        let (x, y, customers) = amounts(300, 0.0);
        let fitted = fitted(&x, &y, &customers);
        let rise = fitted.amount(&[1.0, 0.5]) - fitted.amount(&[0.0, 0.5]);
        assert!(rise.abs() < 0.05, "{rise}");
        let one = x.slice_axis(ndarray::Axis(0), (..1).into()).to_owned();
        let alone = fit(&one, &y[..1], &[1]).unwrap().0;
        assert_eq!(alone.amount(&[9.0, 9.0]), y[0]);
    }

    #[test]
    fn rows_are_told_by_weights_that_their_customers_had_no_part_in() {
        let (x, mut y, customers) = amounts(400, 2.0);
        let (fitted, left_out) = fit(&x, &y, &customers).unwrap();
        y[7] += 4.0;
        let (moved, left_out_again) = fit(&x, &y, &customers).unwrap();
        let row = x.row(7).to_vec();
        assert!(moved.amount(&row) > fitted.amount(&row) + 0.01);
        // Its own amount may move the penalty that is found, and nothing else of what is said of it.
        assert!((left_out_again[7] - left_out[7]).abs() < 0.005);
    }

    #[test]
    fn amounts_that_are_none_are_told() {
        let (x, mut y, customers) = amounts(20, 0.0);
        y[3] = f64::NAN;
        let error = fit(&x, &y, &customers).unwrap_err();
        assert_eq!(error.to_string(), "row 3 has the answer NaN, expected a finite amount");
    }
}
