//! What would come of each arm: boosted trees that see the arm as one column more.

use ndarray::Array2;
use percorso_artefact::{Artefact, Sealer};
#[cfg(feature = "fit")]
use percorso_learners::{Column, Random, Target, Trees, fold_of};
use percorso_learners::{FittedTrees, Link};
use rayon::prelude::*;

#[cfg(feature = "fit")]
use crate::Trial;
use crate::{Error, Result};

/// Rows that are asked together.
const BLOCK: usize = 1_024;

/// The outcome expected of each arm (an S-learner: Künzel et al. 2019, "Metalearners for estimating heterogeneous
/// treatment effects using machine learning").
#[derive(Clone, Debug, PartialEq)]
pub struct OutcomeModel {
    trees: FittedTrees,
    n_arms: usize,
}

impl OutcomeModel {
    /// How many arms there are, the control included.
    pub fn n_arms(&self) -> usize {
        self.n_arms
    }

    /// Puts everything under names that begin with `prefix/`.
    ///
    /// # Errors
    /// - the prefix is not allowed in names, or was used before
    pub fn seal(&self, prefix: &str, sealer: &mut Sealer) -> Result<()> {
        sealer.put_scalar(&format!("{prefix}/n_arms"), self.n_arms as u32)?;
        Ok(self.trees.seal(&format!("{prefix}/trees"), sealer)?)
    }

    /// What was sealed under the prefix.
    ///
    /// # Errors
    /// - an array is missing or of another type or shape, or the arrays contradict each other
    pub fn open(prefix: &str, artefact: &Artefact) -> Result<OutcomeModel> {
        let trees = FittedTrees::open(&format!("{prefix}/trees"), artefact)?;
        let n_arms = artefact.scalar::<u32>(&format!("{prefix}/n_arms"))? as usize;
        let is_of_one_answer = matches!(trees.link(), Link::Logistic | Link::Identity);
        if n_arms < 2 || !is_of_one_answer {
            return Err(Error::Malformed {
                prefix: prefix.to_owned(),
                why: "it is no model of one outcome of two arms or more",
            });
        }
        Ok(OutcomeModel { trees, n_arms })
    }

    /// The outcome expected of each arm (columns) for each row of `x` (rows).
    ///
    /// # Panics
    /// When `x` has fewer columns than training had.
    pub fn expected(&self, x: &Array2<f32>) -> Array2<f64> {
        let mut expected = Array2::zeros((x.nrows(), self.n_arms));
        let out = expected.as_slice_mut().expect("a new matrix is row-major");
        let x = x.as_standard_layout();
        out.par_chunks_mut(BLOCK * self.n_arms)
            .enumerate()
            .for_each(|(block, out)| {
                let mut row = Vec::with_capacity(x.ncols() + 1);
                for (at, out) in (block * BLOCK..).zip(out.chunks_mut(self.n_arms)) {
                    let cells = x.row(at);
                    self.expected_into(cells.as_slice().expect("rows are whole"), &mut row, out);
                }
            });
        expected
    }

    /// Puts the outcome expected of each arm in `out`; `row` is room to work in.
    ///
    /// # Panics
    /// When `cells` are fewer than training had, or `out` is not as long as there are arms.
    pub fn expected_into(&self, cells: &[f32], row: &mut Vec<f32>, out: &mut [f64]) {
        assert_eq!(out.len(), self.n_arms, "one place for each arm");
        row.clear();
        row.extend_from_slice(cells);
        row.push(0.0);
        for (arm, out) in out.iter_mut().enumerate() {
            *row.last_mut().expect("the arm's cell") = arm as f32;
            let mut answers = [0.0; 2];
            *out = match self.trees.link() {
                Link::Logistic => {
                    self.trees.predict_into(row, &mut answers);
                    answers[1]
                }
                Link::Softmax | Link::Identity | Link::Log | Link::Hazard => {
                    self.trees.predict_into(row, &mut answers[..1]);
                    answers[0]
                }
            };
        }
    }
}

/// How many parts of the customers are left out in turn.
#[cfg(feature = "fit")]
pub(crate) const N_FOLDS: usize = 5;

/// Small trees: an outcome's level is taken off what actions do, and need not be told finely.
#[cfg(feature = "fit")]
fn trees() -> Trees {
    Trees {
        n_rounds: 100,
        learning_rate: 0.1,
        max_leaves: 7,
        min_rows_in_leaf: 50.0,
        l2: 5.0,
        column_share: 0.5,
        ..Trees::default()
    }
}

/// The most rows that a model of outcomes learns from.
#[cfg(feature = "fit")]
const MAX_ROWS: usize = 30_000;

#[cfg(feature = "fit")]
impl OutcomeModel {
    /// The model of the rows of a trial named by `rows`; above 30,000, of that many drawn by the seed without replacement.
    ///
    /// # Errors
    /// - there is no row, or the learner refuses them
    pub fn fit(trial: &Trial<'_>, rows: &[usize], seed: u64) -> Result<OutcomeModel> {
        let given = trial.given();
        let n_columns = trial.x().ncols();
        let drawn = Random::new(seed).sample(rows.len(), MAX_ROWS);
        let rows: Vec<usize> = drawn.into_iter().map(|at| rows[at]).collect();
        let mut cells = Vec::with_capacity(rows.len() * (n_columns + 1));
        for &row in &rows {
            cells.extend(trial.x().row(row));
            cells.push(given.arm[row] as f32);
        }
        let cells = Array2::from_shape_vec((rows.len(), n_columns + 1), cells).expect("as many as counted");
        let mut columns = trial.columns().to_vec();
        columns.push(Column::category("arm", given.n_arms as u32));
        let trees = if trial.is_of_yes_and_no() {
            let y: Vec<u32> = rows.iter().map(|row| given.outcome[*row] as u32).collect();
            let target = Target::Classes { y: &y, n_classes: 2 };
            trees().fit_target(cells.view(), &columns, target, None, seed)?
        } else {
            let amounts: Vec<f64> = rows.iter().map(|row| given.outcome[*row]).collect();
            trees().fit_target(cells.view(), &columns, Target::Amounts(&amounts), None, seed)?
        };
        Ok(OutcomeModel {
            trees,
            n_arms: given.n_arms,
        })
    }

    /// The outcome expected of each arm (columns) for each row of a trial, told by models that have not seen its customer.
    ///
    /// # Errors
    /// - as [`OutcomeModel::fit`], of the rows of all but one fold
    pub fn cross_fitted(trial: &Trial<'_>, seed: u64) -> Result<Array2<f64>> {
        let expected = |rest: &[usize], left_out: &Array2<f32>| {
            let model = OutcomeModel::fit(trial, rest, seed)?;
            Ok(model.expected(left_out))
        };
        left_out(trial, trial.given().n_arms, seed, expected)
    }

    /// As [`OutcomeModel::cross_fitted`], by a model for each arm that has seen no other.
    ///
    /// # Errors
    /// - as [`OutcomeModel::fit`], of the rows of one arm in all but one fold
    pub(crate) fn cross_fitted_apart(trial: &Trial<'_>, seed: u64) -> Result<Array2<f64>> {
        let n_arms = trial.given().n_arms;
        let expected = |rest: &[usize], left_out: &Array2<f32>| {
            let mut expected = Array2::zeros((left_out.nrows(), n_arms));
            for arm in 0..n_arms {
                let of_arm = of_arm(trial, rest, arm);
                if of_arm.is_empty() {
                    return Err(Error::FewCustomers);
                }
                let model = OutcomeModel::fit(trial, &of_arm, seed)?;
                expected.column_mut(arm).assign(&model.expected(left_out).column(arm));
            }
            Ok(expected)
        };
        left_out(trial, n_arms, seed, expected)
    }
}

/// What is said of each row by what was fitted without the row's customer: `say` gets the rows to fit, and the cells of
/// those that it says so many numbers of.
#[cfg(feature = "fit")]
pub(crate) fn left_out(
    trial: &Trial<'_>,
    n_numbers: usize,
    seed: u64,
    say: impl Fn(&[usize], &Array2<f32>) -> Result<Array2<f64>>,
) -> Result<Array2<f64>> {
    let folds = folds(trial.given().customers, seed);
    let mut said = Array2::zeros((trial.n_rows(), n_numbers));
    for fold in 0..N_FOLDS {
        let (rest, left_out): (Vec<usize>, Vec<usize>) = (0..trial.n_rows()).partition(|row| folds[*row] != fold);
        if left_out.is_empty() {
            continue;
        }
        if rest.is_empty() {
            return Err(Error::FewCustomers);
        }
        for (row, told) in left_out
            .iter()
            .zip(say(&rest, &rows_of(trial, &left_out))?.outer_iter())
        {
            said.row_mut(*row).assign(&told);
        }
    }
    Ok(said)
}

/// The part of the customers that each row belongs to.
#[cfg(feature = "fit")]
pub(crate) fn folds(customers: &[u64], seed: u64) -> Vec<usize> {
    customers
        .iter()
        .map(|customer| fold_of(*customer, N_FOLDS, seed))
        .collect()
}

/// Those of some rows that were given an arm.
#[cfg(feature = "fit")]
pub(crate) fn of_arm(trial: &Trial<'_>, rows: &[usize], arm: usize) -> Vec<usize> {
    let is_of = |row: &usize| trial.given().arm[*row] as usize == arm;
    rows.iter().copied().filter(is_of).collect()
}

/// The cells of some rows.
#[cfg(feature = "fit")]
pub(crate) fn rows_of(trial: &Trial<'_>, rows: &[usize]) -> Array2<f32> {
    trial.x().select(ndarray::Axis(0), rows)
}
