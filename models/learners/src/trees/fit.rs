//! Boosting: round after round, a tree for each output on the gradients of the loss.

mod bins;
mod grow;
mod histogram;
mod loss;
mod split;

use ndarray::ArrayView2;
use rayon::prelude::*;

use self::bins::Binned;
use self::grow::Soil;
pub use self::loss::Target;
use self::split::Search;
use super::lockstep::Lockstep;
use super::nodes::Nodes;
use super::{Direction, FittedTrees, Trees};
use crate::training_set::{check_cells, check_length, check_weights};
use crate::{Column, Error, Level, Random, Result, TrainingSet, setting};

const LEARNER: &str = "trees";

/// Trees with how well each number of rounds did on rows that they did not learn from.
#[derive(Debug, Clone, PartialEq)]
pub struct Watched {
    /// The trees of all rounds that were grown.
    pub trees: FittedTrees,
    /// The mean loss on the watched rows before the first round and after each.
    pub losses: Vec<f64>,
}

impl Watched {
    /// The number of rounds with the lowest loss; the fewer among equals.
    pub fn best_n_rounds(&self) -> usize {
        let by_loss = |a: &usize, b: &usize| self.losses[*a].total_cmp(&self.losses[*b]).then(a.cmp(b));
        (0..self.losses.len()).min_by(by_loss).unwrap_or(0)
    }
}

/// The rows that trees are watched on, and when to stop.
struct Watch<'a> {
    x: ArrayView2<'a, f32>,
    target: Target<'a>,
    weights: Option<&'a [f32]>,
    level: Level,
    patience: usize,
}

impl Trees {
    /// The trees of the set; the same seed gives the same bytes, whatever the number of threads.
    ///
    /// # Errors
    /// - all rows are of one class
    /// - a setting is outside its range or names a column that is not there
    pub fn fit(&self, set: &TrainingSet<'_>, seed: u64) -> Result<FittedTrees> {
        two_classes(set)?;
        let fitted = self.boost(set.x(), set.columns(), target_of(set), set.weights(), seed, None)?;
        Ok(fitted.trees)
    }

    /// The trees of the set and their loss on other rows after each round; stops after `patience` rounds without a
    /// lower one.
    ///
    /// With the level kept, the loss of two classes is taken with the watched rows' level set right, so that a base rate
    /// that moved with the season does not decide when to stop.
    ///
    /// # Errors
    /// - as [`Trees::fit`], or the watched rows have other columns or classes
    pub fn fit_watched(
        &self,
        set: &TrainingSet<'_>,
        watched: &TrainingSet<'_>,
        level: Level,
        patience: usize,
        seed: u64,
    ) -> Result<Watched> {
        two_classes(set)?;
        check_length(
            "columns of the watched rows",
            set.columns().len(),
            watched.columns().len(),
        )?;
        check_length("classes of the watched rows", set.n_classes(), watched.n_classes())?;
        let watch = Watch {
            x: watched.x(),
            target: target_of(watched),
            weights: watched.weights(),
            level,
            patience,
        };
        self.boost(
            set.x(),
            set.columns(),
            target_of(set),
            set.weights(),
            seed,
            Some(&watch),
        )
    }

    /// The trees of a row-major matrix under the target's loss; `weights` are 1 each when there are none.
    ///
    /// # Errors
    /// - there is no row, a length differs, a cell is infinite or not one of its codes, a weight is negative
    /// - an answer is not one that the target can have
    /// - a setting is outside its range or names a column that is not there
    pub fn fit_target(
        &self,
        x: ArrayView2<'_, f32>,
        columns: &[Column],
        target: Target<'_>,
        weights: Option<&[f32]>,
        seed: u64,
    ) -> Result<FittedTrees> {
        check_cells(x, columns)?;
        check_length("answers, one for each row", x.nrows(), target.n_rows())?;
        if let Some(weights) = weights {
            check_weights(weights, x.nrows())?;
        }
        target.check()?;
        Ok(self.boost(x, columns, target, weights, seed, None)?.trees)
    }

    fn boost(
        &self,
        x: ArrayView2<'_, f32>,
        columns: &[Column],
        target: Target<'_>,
        weights: Option<&[f32]>,
        seed: u64,
        watch: Option<&Watch<'_>>,
    ) -> Result<Watched> {
        self.check()?;
        let (n_rows, n_outputs) = (x.nrows(), target.n_outputs());
        let cells = x.to_slice().expect("row-major was checked");
        let binned = Binned::of(cells, columns, weights, self.max_bins);
        let direction = self.directions(columns, &binned)?;
        let start = target.start(weights);
        let max_weight = weights.map_or(1.0, |weights| weights.iter().copied().fold(0.0, f32::max));
        let mut margins: Vec<f64> = start.iter().flat_map(|start| vec![*start; n_rows]).collect();
        let mut packed = vec![0; margins.len()];
        let mut trees = FittedTrees::of(target.link(), columns.len(), start, Nodes::default());
        let mut watching = watch.map(|watch| Watching::new(watch, &trees));
        for round in 0..self.n_rounds {
            let scale = target.pack(&margins, weights, max_weight, &mut packed);
            let rows = self.rows_of(n_rows, round, seed);
            let search = Search {
                settings: self,
                binned: &binned,
                direction: &direction,
                scale,
            };
            let is_sampled = rows.len() < n_rows;
            let grown: Vec<_> = margins
                .par_chunks_mut(n_rows)
                .zip(packed.par_chunks(n_rows))
                .enumerate()
                .map(|(output, (margins, packed))| {
                    let soil = Soil {
                        search,
                        packed,
                        weights,
                        max_weight,
                        columns: &self.columns_of(binned.columns.len(), round * n_outputs + output, seed),
                    };
                    let grown = soil.grow(rows.clone());
                    if !is_sampled {
                        for (node, range) in &grown.leaves {
                            let value = grown.nodes.value(*node);
                            grown.rows[range.clone()]
                                .iter()
                                .for_each(|row| margins[*row as usize] += value);
                        }
                    }
                    grown.nodes
                })
                .collect();
            if !is_sampled && self.column_share == 1.0 && grown.iter().all(|tree| tree.n_nodes() == 1) {
                break;
            }
            let first_new = trees.nodes.n_trees();
            grown.iter().for_each(|tree| trees.nodes.push(tree));
            if is_sampled {
                trees.nodes.add_from(first_new, x, &mut margins);
            }
            if let Some(watching) = &mut watching
                && watching.is_over(&trees, first_new)
            {
                break;
            }
        }
        trees.lockstep = Lockstep::of(&trees.nodes);
        Ok(Watched {
            trees,
            losses: watching.map_or(Vec::new(), |watching| watching.losses),
        })
    }

    /// The rows that a round sees, rising.
    fn rows_of(&self, n_rows: usize, round: usize, seed: u64) -> Vec<u32> {
        if self.row_share == 1.0 {
            return (0..n_rows as u32).collect();
        }
        let mut random = Random::stream(seed, round as u64);
        let rows: Vec<u32> = (0..n_rows as u32)
            .filter(|_| random.uniform() < self.row_share)
            .collect();
        if rows.is_empty() {
            vec![random.below(n_rows) as u32]
        } else {
            rows
        }
    }

    /// The kept columns that a tree may split, rising.
    fn columns_of(&self, n_columns: usize, tree: usize, seed: u64) -> Vec<usize> {
        let n_tried = (self.column_share * n_columns as f64).ceil() as usize;
        Random::stream(seed, 1 << 40 | tree as u64).sample(n_columns, n_tried)
    }

    fn directions(&self, columns: &[Column], binned: &Binned) -> Result<Vec<i8>> {
        let mut direction = vec![0; columns.len()];
        for (name, way) in &self.monotone {
            let position = columns.iter().position(|column| column.name == *name);
            let position = position.ok_or_else(|| Error::NoSuchColumn {
                learner: LEARNER,
                column: name.clone(),
                n_columns: columns.len(),
            })?;
            if columns[position].kind != crate::ColumnKind::Number {
                return Err(Error::ColumnKind {
                    learner: LEARNER,
                    column: name.clone(),
                    expected: "number, to be monotone",
                });
            }
            direction[position] = match way {
                Direction::Rising => 1,
                Direction::Falling => -1,
            };
        }
        Ok(binned.columns.iter().map(|kept| direction[kept.column]).collect())
    }

    fn check(&self) -> Result<()> {
        setting::share("learning_rate", self.learning_rate)?;
        setting::share("row_share", self.row_share)?;
        setting::share("column_share", self.column_share)?;
        let n_leaves = 2..=65_536;
        let found = self.max_leaves as f64;
        setting::check("max_leaves", n_leaves.contains(&self.max_leaves), "2 to 65536", found)?;
        let found = self.max_bins as f64;
        setting::check("max_bins", (3..=255).contains(&self.max_bins), "3 to 255", found)?;
        for (setting, found) in [
            ("min_rows_in_leaf", self.min_rows_in_leaf),
            ("min_child_hessian", self.min_child_hessian),
            ("min_gain", self.min_gain),
            ("l1", self.l1),
            ("l2", self.l2),
            ("category_smoothing", self.category_smoothing),
            ("category_l2", self.category_l2),
            ("min_rows_in_category", self.min_rows_in_category),
        ] {
            setting::check(setting, found >= 0.0 && found.is_finite(), "0 or more", found)?;
        }
        Ok(())
    }
}

/// The margins of the watched rows and the losses so far.
struct Watching<'w, 'a> {
    watch: &'w Watch<'a>,
    margins: Vec<f64>,
    losses: Vec<f64>,
    best: usize,
}

impl<'w, 'a> Watching<'w, 'a> {
    fn new(watch: &'w Watch<'a>, trees: &FittedTrees) -> Watching<'w, 'a> {
        let n_rows = watch.x.nrows();
        let margins: Vec<f64> = trees.start.iter().flat_map(|start| vec![*start; n_rows]).collect();
        let losses = vec![watch.target.mean_loss(&margins, watch.weights, watch.level)];
        Watching {
            watch,
            margins,
            losses,
            best: 0,
        }
    }

    /// Adds the trees from `first_new` on; true when the loss has not fallen for the last rounds.
    fn is_over(&mut self, trees: &FittedTrees, first_new: usize) -> bool {
        trees.nodes.add_from(first_new, self.watch.x, &mut self.margins);
        let loss = self
            .watch
            .target
            .mean_loss(&self.margins, self.watch.weights, self.watch.level);
        self.losses.push(loss);
        if loss < self.losses[self.best] {
            self.best = self.losses.len() - 1;
        }
        self.losses.len() - 1 - self.best >= self.watch.patience
    }
}

fn two_classes(set: &TrainingSet<'_>) -> Result<()> {
    if set.y().iter().all(|class| *class == set.y()[0]) {
        return Err(Error::OneClass {
            learner: LEARNER,
            class: set.y()[0],
        });
    }
    Ok(())
}

fn target_of<'a>(set: &TrainingSet<'a>) -> Target<'a> {
    Target::Classes {
        y: set.y(),
        n_classes: set.n_classes(),
    }
}
