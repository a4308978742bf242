//! How likely each decision was, estimated where its log does not say.

use ndarray::{Array2, ArrayView2, Axis};
use percorso_learners::{Column, FittedTrees, Link, Random, Target, Trees};

use crate::outcome::{N_FOLDS, folds};
use crate::{Error, Result};

/// No chance is estimated below this, as one decision would then count as more than a hundred.
const LEAST: f64 = 0.01;
/// The most rows that a model of decisions learns from.
const MAX_ROWS: usize = 30_000;

/// For each row the chance that its arm had, by models that have not seen its customer: boosted trees of what was known,
/// or each arm's share of all rows where trees tell decisions no better.
///
/// What chance depended on and the rows do not show cannot be told: a value that rests on estimates is no proof.
///
/// # Errors
/// - a length differs, an arm is not below `n_arms`, or a cell is infinite or not one of its codes
/// - all rows are about customers of one fold
pub fn estimated(
    x: ArrayView2<'_, f32>,
    columns: &[Column],
    arm: &[u32],
    n_arms: usize,
    customers: &[u64],
    seed: u64,
) -> Result<Vec<f64>> {
    if let Some(row) = arm.iter().position(|arm| *arm as usize >= n_arms) {
        let found = arm[row];
        return Err(Error::Arm { row, found, n_arms });
    }
    let folds = folds(customers, seed);
    let mut by_share = vec![0.0; arm.len()];
    let mut by_trees = vec![0.0; arm.len()];
    for fold in 0..N_FOLDS {
        let (rest, left_out): (Vec<usize>, Vec<usize>) = (0..arm.len()).partition(|row| folds[*row] != fold);
        if left_out.is_empty() {
            continue;
        }
        if rest.is_empty() {
            return Err(Error::FewCustomers);
        }
        let drawn = Random::new(seed).sample(rest.len(), MAX_ROWS);
        let rest: Vec<usize> = drawn.into_iter().map(|at| rest[at]).collect();
        let model = Model::fit(x, columns, arm, n_arms, &rest, seed)?;
        let mut shares = vec![0.0; n_arms];
        rest.iter().for_each(|row| shares[arm[*row] as usize] += 1.0);
        for row in left_out {
            by_share[row] = (shares[arm[row] as usize] / rest.len() as f64).max(LEAST);
            by_trees[row] = model.chance(x.row(row).to_vec(), arm[row]).max(LEAST);
        }
    }
    let surprise = |chances: &[f64]| -> f64 { chances.iter().map(|chance| -libm::log(*chance)).sum() };
    Ok(if surprise(&by_trees) < surprise(&by_share) {
        by_trees
    } else {
        by_share
    })
}

/// Which arm is given to whom.
struct Model {
    trees: FittedTrees,
    n_arms: usize,
}

impl Model {
    fn fit(
        x: ArrayView2<'_, f32>,
        columns: &[Column],
        arm: &[u32],
        n_arms: usize,
        rows: &[usize],
        seed: u64,
    ) -> Result<Model> {
        let settings = Trees {
            n_rounds: 50,
            learning_rate: 0.1,
            max_leaves: 7,
            min_rows_in_leaf: 50.0,
            l2: 5.0,
            column_share: 0.5,
            ..Trees::default()
        };
        let cells: Array2<f32> = x.select(Axis(0), rows);
        let y: Vec<u32> = rows.iter().map(|row| arm[*row]).collect();
        let target = Target::Classes {
            y: &y,
            n_classes: n_arms,
        };
        let trees = settings.fit_target(cells.view(), columns, target, None, seed)?;
        Ok(Model { trees, n_arms })
    }

    fn chance(&self, cells: Vec<f32>, arm: u32) -> f64 {
        debug_assert!(matches!(self.trees.link(), Link::Logistic | Link::Softmax));
        let mut chances = vec![0.0; self.n_arms];
        self.trees.predict_into(&cells, &mut chances);
        chances[arm as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three arms by one column of chance and, where `is_told`, by who is asked: the true chances, and those estimated.
    fn told(is_told: bool) -> (Vec<f64>, Vec<f64>) {
        let mut random = Random::new(5);
        let x = Array2::from_shape_simple_fn((4_000, 2), || random.uniform() as f32);
        let shares = |row: usize| match is_told && x[[row, 0]] > 0.5 {
            true => [0.1, 0.1, 0.8],
            false => [0.6, 0.3, 0.1],
        };
        let drawn = |row: usize, u: f64| match shares(row) {
            [first, _, _] if u < first => 0,
            [first, second, _] if u < first + second => 1,
            _ => 2,
        };
        let arm: Vec<u32> = (0..4_000).map(|row| drawn(row, random.uniform())).collect();
        let customers: Vec<u64> = (0..4_000).collect();
        let columns = [Column::number("a"), Column::number("b")];
        let found = estimated(x.view(), &columns, &arm, 3, &customers, 1).unwrap();
        let truth = arm.iter().enumerate().map(|(row, arm)| shares(row)[*arm as usize]);
        (truth.collect(), found)
    }

    #[test]
    fn what_chance_depended_on_is_found() {
        let (truth, found) = told(true);
        let missed = truth.iter().zip(&found).map(|(truth, found)| (truth - found).abs());
        let missed = missed.sum::<f64>() / truth.len() as f64;
        assert!(missed < 0.05, "{missed}");
        // Over the decisions that were made, 1 over the chance they had averages the number of arms.
        let arms = found.iter().map(|chance| 1.0 / chance).sum::<f64>() / found.len() as f64;
        assert!((arms - 3.0).abs() < 0.25, "{arms}");
    }

    #[test]
    fn where_it_depended_on_nothing_each_arm_has_its_share() {
        let (truth, found) = told(false);
        let mut distinct: Vec<u64> = found.iter().map(|chance| chance.to_bits()).collect();
        distinct.sort_unstable();
        distinct.dedup();
        assert!(distinct.len() <= 3 * N_FOLDS, "{} chances", distinct.len());
        assert!(
            truth
                .iter()
                .zip(&found)
                .all(|(truth, found)| (truth - found).abs() < 0.03)
        );
    }

    #[test]
    fn an_arm_that_is_none_is_refused() {
        let x = Array2::zeros((2, 1));
        let error = estimated(x.view(), &[Column::number("a")], &[0, 3], 3, &[1, 2], 1).unwrap_err();
        assert!(matches!(
            error,
            Error::Arm {
                row: 1,
                found: 3,
                n_arms: 3
            }
        ));
    }
}
