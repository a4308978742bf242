//! Growing by smartcore's random forest regressor, then turned into our own arrays.

use ndarray::Axis;
use rayon::prelude::*;
use serde_json::Value;
use smartcore::ensemble::random_forest_regressor::{RandomForestRegressor, RandomForestRegressorParameters};
use smartcore::linalg::basic::matrix::DenseMatrix;

use super::{FittedForest, Forest, LEAF};
use crate::prevalence::smoothed_shares;
use crate::random::Random;
use crate::{Error, Result, TrainingSet, setting};

const LEARNER: &str = "forest";

/// The fewest trees that a group grows for each class, when there are as many.
const MIN_TREES_IN_GROUP: usize = 4;

type Library = RandomForestRegressor<f32, f64, DenseMatrix<f32>, Vec<f64>>;

impl Forest {
    /// The forest of the set; the same seed gives the same trees, whatever the number of threads.
    ///
    /// # Errors
    /// - all rows are of one class, or rows are weighted
    /// - a setting is outside its range
    /// - the library fails
    pub fn fit(&self, set: &TrainingSet<'_>, seed: u64) -> Result<FittedForest> {
        self.check()?;
        set.check_unweighted(LEARNER)?;
        let counts = set.class_weights();
        if counts.iter().filter(|count| **count > 0.0).count() < 2 {
            return Err(Error::OneClass {
                learner: LEARNER,
                class: set.y()[0],
            });
        }
        let mut fitted = FittedForest {
            n_classes: set.n_classes(),
            shares: smoothed_shares(&counts),
            fill: fills(set),
            first_node: vec![0],
            tree_class: Vec::new(),
            column: Vec::new(),
            threshold: Vec::new(),
            left: Vec::new(),
            right: Vec::new(),
            value: Vec::new(),
        };
        let columns = varying_columns(set, &fitted.fill);
        if columns.is_empty() {
            for class in outputs(set.n_classes()) {
                fitted.push_leaf(class, fitted.shares[class as usize]);
            }
            return Ok(fitted);
        }
        for (class, library) in self.grow(set, &fitted.fill, &columns, seed)? {
            fitted.push_trees(class, &library, &columns)?;
        }
        Ok(fitted)
    }

    fn check(&self) -> Result<()> {
        setting::at_least_one("n_trees", self.n_trees)?;
        setting::at_least_one("n_groups", self.n_groups)?;
        setting::at_least_one("max_rows", self.max_rows)?;
        setting::at_least_one("max_depth", self.max_depth.into())?;
        setting::at_least_one("min_rows_in_leaf", self.min_rows_in_leaf)?;
        setting::share("column_share", self.column_share)
    }

    /// The library's forests with their classes, group after group; groups run in parallel and are kept in order.
    fn grow(&self, set: &TrainingSet<'_>, fill: &[f32], columns: &[usize], seed: u64) -> Result<Vec<(u32, Library)>> {
        let outputs = outputs(set.n_classes());
        // Sorting a group's columns costs as much as several trees, so a group grows at least four for each class.
        let n_trees_each = self.n_trees.div_ceil(outputs.len());
        let n_groups = self.n_groups.min(n_trees_each.div_ceil(MIN_TREES_IN_GROUP));
        let n_trees = n_trees_each.div_ceil(n_groups);
        let n_tried = (self.column_share * columns.len() as f64).ceil() as usize;
        let groups: Vec<Result<Vec<(u32, Library)>>> = (0..n_groups as u64)
            .into_par_iter()
            .map(|group| {
                let rows = Random::stream(seed, group).sample(set.n_rows(), self.max_rows);
                let matrix = library_matrix(set, fill, columns, &rows)?;
                let mut forests = Vec::with_capacity(outputs.len());
                for class in &outputs {
                    let is_class = |row: &usize| f64::from(u8::from(set.y()[*row] == *class));
                    let targets: Vec<f64> = rows.iter().map(is_class).collect();
                    // The library gives tree t the seed plus t, so the seeds of groups lie far apart.
                    let seed = Random::stream(seed, (group + 1) << 32 | u64::from(*class)).next_u64();
                    let settings = RandomForestRegressorParameters::default()
                        .with_n_trees(n_trees)
                        .with_max_depth(self.max_depth)
                        .with_min_samples_leaf(self.min_rows_in_leaf)
                        .with_min_samples_split(2 * self.min_rows_in_leaf)
                        .with_m(n_tried)
                        .with_seed(seed);
                    let forest = Library::fit(&matrix, &targets, settings).map_err(library)?;
                    forests.push((*class, forest));
                }
                Ok(forests)
            })
            .collect();
        let mut forests = Vec::new();
        for group in groups {
            forests.extend(group?);
        }
        Ok(forests)
    }
}

fn library(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Library {
        learner: LEARNER,
        source: Box::new(error),
    }
}

/// The classes that have trees: only class 1 of two.
fn outputs(n_classes: usize) -> Vec<u32> {
    if n_classes == 2 {
        vec![1]
    } else {
        (0..n_classes as u32).collect()
    }
}

/// What a missing cell counts as, by column: below everything if training had missing cells, else the median.
fn fills(set: &TrainingSet<'_>) -> Vec<f32> {
    set.x().axis_iter(Axis(1)).map(|column| fill(column.to_vec())).collect()
}

fn fill(mut cells: Vec<f32>) -> f32 {
    let n_rows = cells.len();
    cells.retain(|cell| !cell.is_nan());
    if cells.is_empty() {
        return 0.0;
    }
    let middle = cells.len() / 2;
    if cells.len() == n_rows {
        return *cells.select_nth_unstable_by(middle, f32::total_cmp).1;
    }
    let least = cells.iter().copied().fold(f32::INFINITY, f32::min);
    // Far enough below to differ after rounding, and still finite.
    let below = f64::from(least) - 1.0 - 0.01 * f64::from(least).abs();
    (below as f32).max(f32::MIN)
}

/// The columns that are not constant once filled; a constant one can never be split.
fn varying_columns(set: &TrainingSet<'_>, fill: &[f32]) -> Vec<usize> {
    let filled = |cell: f32, column: usize| if cell.is_nan() { fill[column] } else { cell };
    let varies = |column: &usize| {
        let cells = set.x().column(*column).to_vec();
        let first = filled(cells[0], *column);
        cells.iter().any(|cell| filled(*cell, *column) != first)
    };
    (0..set.columns().len()).filter(varies).collect()
}

fn library_matrix(set: &TrainingSet<'_>, fill: &[f32], columns: &[usize], rows: &[usize]) -> Result<DenseMatrix<f32>> {
    let mut values = vec![0.0f32; rows.len() * columns.len()];
    for (position, row) in rows.iter().enumerate() {
        let cells = set.row(*row);
        for (kept, column) in columns.iter().enumerate() {
            let cell = cells[*column];
            values[kept * rows.len() + position] = if cell.is_nan() { fill[*column] } else { cell };
        }
    }
    DenseMatrix::new(rows.len(), columns.len(), values, true).map_err(library)
}

impl FittedForest {
    fn push_leaf(&mut self, class: u32, value: f64) {
        self.tree_class.push(class);
        self.push_node(LEAF, 0.0, 0, 0, value);
        self.first_node.push(self.column.len() as u32);
    }

    fn push_node(&mut self, column: u32, threshold: f64, left: u32, right: u32, value: f64) {
        self.column.push(column);
        self.threshold.push(threshold);
        self.left.push(left);
        self.right.push(right);
        // A mean of zeros and ones can miss the range by a rounding.
        self.value.push(value.clamp(0.0, 1.0));
    }

    /// Takes the trees over: they are private in the library and come out through their serialised form.
    fn push_trees(&mut self, class: u32, forest: &Library, columns: &[usize]) -> Result<()> {
        let forest = serde_json::to_value(forest).map_err(library)?;
        let trees = forest["forest_regressor"]["trees"].as_array().ok_or_else(unexpected)?;
        for tree in trees {
            let nodes = tree["nodes"].as_array().ok_or_else(unexpected)?;
            let first = self.column.len() as u32;
            for node in nodes {
                let value = node["output"].as_f64().ok_or_else(unexpected)?;
                match (
                    child(node, "true_child"),
                    child(node, "false_child"),
                    node["split_value"].as_f64(),
                ) {
                    (Some(left), Some(right), Some(threshold)) => {
                        let split = node["split_feature"].as_u64().ok_or_else(unexpected)?;
                        let column = *columns.get(split as usize).ok_or_else(unexpected)?;
                        self.push_node(column as u32, threshold, first + left, first + right, value);
                    }
                    _ => self.push_node(LEAF, 0.0, 0, 0, value),
                }
            }
            self.tree_class.push(class);
            self.first_node.push(self.column.len() as u32);
        }
        Ok(())
    }
}

fn child(node: &Value, name: &str) -> Option<u32> {
    node[name].as_u64().and_then(|child| u32::try_from(child).ok())
}

fn unexpected() -> Error {
    Error::Library {
        learner: LEARNER,
        source: "its serialised trees are not as expected".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic;

    /// Reference: the predictions of smartcore 0.7.0's own forests, before the weight of the shares.
    fn largest_difference_from_the_library(n_classes: usize) -> f64 {
        let market = synthetic::market(700, n_classes, 8);
        let set = market.set();
        // Small leaves, so that a whole number often lies just on a threshold between two others.
        let settings = Forest {
            n_trees: 12,
            n_groups: 3,
            max_rows: 400,
            max_depth: 14,
            min_rows_in_leaf: 1,
            column_share: 0.5,
        };
        let fitted = settings.fit(&set, 11).unwrap();
        assert_eq!(fitted.what_is_wrong(), None);
        let columns = varying_columns(&set, &fitted.fill);
        let all_rows: Vec<usize> = (0..set.n_rows()).collect();
        let matrix = library_matrix(&set, &fitted.fill, &columns, &all_rows).unwrap();
        let forests = settings.grow(&set, &fitted.fill, &columns, 11).unwrap();
        let n_groups = forests.iter().filter(|(class, _)| *class == 1).count() as f64;
        assert_eq!(n_groups, if n_classes == 2 { 3.0 } else { 1.0 });
        let mut theirs = vec![vec![0.0; n_classes]; set.n_rows()];
        for (class, forest) in &forests {
            for (row, mean) in forest.predict(&matrix).unwrap().into_iter().enumerate() {
                theirs[row][*class as usize] += mean / n_groups;
            }
        }
        let mut largest = 0.0f64;
        let mut out = vec![0.0; n_classes];
        for (row, theirs) in theirs.iter_mut().enumerate() {
            fitted.means_into(&mut out, |tree| fitted.walk(tree, set.row(row), |_, _| ()));
            if n_classes == 2 {
                theirs[0] = 1.0 - theirs[1];
            }
            for (class, mean) in out.iter().enumerate() {
                let share = super::super::PRIOR_WEIGHT * fitted.shares[class];
                let expected = (1.0 - super::super::PRIOR_WEIGHT) * theirs[class] + share;
                largest = largest.max((mean - expected).abs());
            }
        }
        largest
    }

    #[test]
    fn two_classes_are_predicted_as_the_library_does() {
        let difference = largest_difference_from_the_library(2);
        assert!(difference < 1e-9, "{difference}");
    }

    #[test]
    fn four_classes_are_predicted_as_the_library_does() {
        let difference = largest_difference_from_the_library(4);
        assert!(difference < 1e-9, "{difference}");
    }

    #[test]
    fn a_missing_cell_counts_as_below_everything_or_as_the_median() {
        assert_eq!(fill(vec![3.0, 1.0, 2.0]), 2.0);
        assert!(fill(vec![3.0, f32::NAN]) < 3.0);
        assert!(fill(vec![-1e30, f32::NAN]) < -1e30);
        assert!(fill(vec![f32::MIN, f32::NAN]).is_finite());
        assert_eq!(fill(vec![f32::NAN]), 0.0);
    }
}
