//! A random forest: many trees on resampled rows, averaged.

#[cfg(feature = "fit")]
mod fit;

use percorso_artefact::{Artefact, Sealer};

use crate::odds::{floor_and_normalise, log_odds, settle};
use crate::{Error, Result};

/// Settings of the random forest (Breiman 2001).
///
/// Two classes: one regression forest on 0 and 1.
/// More: one for each class, divided by their sum (one against the rest).
/// Categories are split as ordered codes.
/// A missing cell goes where the smallest values go when training had missing cells in the column, and where the
/// median goes otherwise.
///
/// Trees are grown in up to [`Forest::n_groups`] groups; each group sees at most [`Forest::max_rows`] rows, drawn by the seed
/// without replacement, and each of its trees resamples those.
/// So a large set costs no more than a middling one; what is left out of one group may be in another.
/// At 30,000 rows of 250 columns the defaults take about 1.4 s of processor time for two classes and 2 s for eight, and
/// groups use all cores; `tests/speed.rs` measures it.
#[derive(Debug, Clone, PartialEq)]
pub struct Forest {
    /// The number of trees, shared by the classes that have trees.
    pub n_trees: usize,
    /// The most groups; fewer when a class would have less than four trees in each.
    /// The result depends on it, not on the number of threads.
    pub n_groups: usize,
    /// The most rows that one group sees.
    pub max_rows: usize,
    /// The most levels of nodes, the root included.
    pub max_depth: u16,
    /// The fewest rows in a leaf.
    pub min_rows_in_leaf: usize,
    /// The share of columns tried at each split; at least one.
    pub column_share: f64,
}

impl Default for Forest {
    fn default() -> Self {
        Forest {
            n_trees: 64,
            n_groups: 8,
            max_rows: 4_000,
            max_depth: 9,
            min_rows_in_leaf: 15,
            column_share: 0.15,
        }
    }
}

/// The weight of the classes' shares in training beside the trees' answer, so that no leaf says 0 or 1.
pub const PRIOR_WEIGHT: f64 = 1e-3;

/// What stands in `column` for a leaf.
const LEAF: u32 = u32::MAX;

/// The trees as flat arrays; children lie behind their parent.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedForest {
    n_classes: usize,
    /// The classes' smoothed shares in training.
    shares: Vec<f64>,
    /// What a missing cell of each column counts as.
    fill: Vec<f32>,
    /// Where each tree begins, and the end.
    first_node: Vec<u32>,
    /// Which class each tree is for.
    tree_class: Vec<u32>,
    /// The column split on, or [`LEAF`]; cells up to the threshold go left.
    column: Vec<u32>,
    threshold: Vec<f64>,
    left: Vec<u32>,
    right: Vec<u32>,
    /// The mean of the training rows in the node.
    value: Vec<f64>,
}

impl FittedForest {
    pub(crate) fn n_classes(&self) -> usize {
        self.n_classes
    }

    /// The number of trees.
    pub fn n_trees(&self) -> usize {
        self.tree_class.len()
    }

    pub(crate) fn predict_into(&self, row: &[f32], out: &mut [f64]) {
        self.means_into(out, |tree| self.walk(tree, row, |_, _| ()));
        self.finish(out);
    }

    /// The mean of each class's trees, in `out`; with two classes only class 1 has trees.
    fn means_into(&self, out: &mut [f64], answer: impl Fn(usize) -> f64) {
        out.fill(0.0);
        for (tree, class) in self.tree_class.iter().enumerate() {
            out[*class as usize] += answer(tree);
        }
        let n_trees_each = self.n_trees_each();
        for mean in out.iter_mut() {
            *mean /= n_trees_each;
        }
        if self.n_classes == 2 {
            out[0] = 1.0 - out[1];
        }
        for (mean, share) in out.iter_mut().zip(&self.shares) {
            *mean = (1.0 - PRIOR_WEIGHT) * *mean + PRIOR_WEIGHT * share;
        }
    }

    fn n_trees_each(&self) -> f64 {
        let n_outputs = if self.n_classes == 2 { 1 } else { self.n_classes };
        (self.tree_class.len() / n_outputs) as f64
    }

    fn finish(&self, out: &mut [f64]) {
        let sum: f64 = out.iter().sum();
        for mean in out.iter_mut() {
            *mean /= sum;
        }
        floor_and_normalise(out);
    }

    /// The answer of a tree; `step(column, change)` hears of each split passed and how it changed the mean.
    fn walk(&self, tree: usize, row: &[f32], mut step: impl FnMut(usize, f64)) -> f64 {
        let mut node = self.first_node[tree] as usize;
        while self.column[node] != LEAF {
            let column = self.column[node] as usize;
            let cell = if row[column].is_nan() {
                self.fill[column]
            } else {
                row[column]
            };
            let child = if f64::from(cell) <= self.threshold[node] {
                self.left[node]
            } else {
                self.right[node]
            };
            step(column, self.value[child as usize] - self.value[node]);
            node = child as usize;
        }
        self.value[node]
    }

    /// Each column's part of the class's log-odds: the changes of the mean along the paths (Saabas 2014, "Interpreting
    /// random forests"; `treeinterpreter`), carried to the log scale.
    ///
    /// The log-odds of class k are `ln g_k − ln Σ_{j≠k} g_j` with g the classes' means.
    /// A change of g from `a` to `b` is divided by the logarithmic mean `(b − a) / (ln b − ln a)`, which makes the parts
    /// add up exactly.
    pub(crate) fn contributions(&self, row: &[f32], class: usize, out: &mut [f64]) -> f64 {
        let mut base = vec![0.0; self.n_classes];
        self.means_into(&mut base, |tree| self.value[self.first_node[tree] as usize]);
        let mut means = vec![0.0; self.n_classes];
        self.means_into(&mut means, |tree| self.walk(tree, row, |_, _| ()));

        let others = |values: &[f64]| values.iter().sum::<f64>() - values[class];
        let own_scale = 1.0 / logarithmic_mean(base[class], means[class]);
        let others_scale = 1.0 / logarithmic_mean(others(&base), others(&means));
        let weight = (1.0 - PRIOR_WEIGHT) / self.n_trees_each();
        out.fill(0.0);
        for (tree, tree_class) in self.tree_class.iter().enumerate() {
            let scale = if self.n_classes == 2 {
                // One forest moves both classes, in opposite directions.
                let both = own_scale + others_scale;
                if class == 1 { both } else { -both }
            } else if *tree_class as usize == class {
                own_scale
            } else {
                -others_scale
            };
            self.walk(tree, row, |column, change| out[column] += scale * weight * change);
        }
        self.finish(&mut base);
        self.finish(&mut means);
        let base = log_odds(base[class]);
        settle(out, log_odds(means[class]) - base);
        base
    }

    pub(crate) fn seal(&self, prefix: &str, sealer: &mut Sealer) -> Result<()> {
        sealer.put_vector(&format!("{prefix}/shares"), &self.shares)?;
        sealer.put_vector(&format!("{prefix}/fill"), &self.fill)?;
        sealer.put_vector(&format!("{prefix}/first_node"), &self.first_node)?;
        sealer.put_vector(&format!("{prefix}/tree_class"), &self.tree_class)?;
        sealer.put_vector(&format!("{prefix}/column"), &self.column)?;
        sealer.put_vector(&format!("{prefix}/threshold"), &self.threshold)?;
        sealer.put_vector(&format!("{prefix}/left"), &self.left)?;
        sealer.put_vector(&format!("{prefix}/right"), &self.right)?;
        Ok(sealer.put_vector(&format!("{prefix}/value"), &self.value)?)
    }

    pub(crate) fn open(prefix: &str, artefact: &Artefact) -> Result<FittedForest> {
        let name = |array: &str| format!("{prefix}/{array}");
        let shares = artefact.vector::<f64>(&name("shares"))?.to_vec();
        let tree_class = artefact.vector::<u32>(&name("tree_class"))?.to_vec();
        let column = artefact.vector::<u32>(&name("column"))?.to_vec();
        let nodes = [column.len()];
        let fitted = FittedForest {
            n_classes: shares.len(),
            fill: artefact.vector::<f32>(&name("fill"))?.to_vec(),
            first_node: artefact
                .array::<u32>(&name("first_node"), &[tree_class.len() + 1])?
                .to_vec(),
            threshold: artefact.array::<f64>(&name("threshold"), &nodes)?.to_vec(),
            left: artefact.array::<u32>(&name("left"), &nodes)?.to_vec(),
            right: artefact.array::<u32>(&name("right"), &nodes)?.to_vec(),
            value: artefact.array::<f64>(&name("value"), &nodes)?.to_vec(),
            shares,
            tree_class,
            column,
        };
        match fitted.what_is_wrong() {
            Some(why) => Err(Error::Malformed {
                prefix: prefix.to_owned(),
                what: "forest",
                why,
            }),
            None => Ok(fitted),
        }
    }

    /// Why walking the trees could fail or not end, if so.
    fn what_is_wrong(&self) -> Option<&'static str> {
        let n_outputs = if self.n_classes == 2 { 1 } else { self.n_classes };
        if self.n_classes < 2 || self.shares.iter().any(|share| !(*share > 0.0 && *share < 1.0)) {
            return Some("it needs two or more classes with shares between 0 and 1");
        }
        if self.tree_class.is_empty() || !self.tree_class.len().is_multiple_of(n_outputs) {
            return Some("its classes do not have equally many trees");
        }
        if self.tree_class.iter().any(|class| *class as usize >= self.n_classes) {
            return Some("a tree is for a class that it does not have");
        }
        if self.value.iter().any(|value| !(0.0..=1.0).contains(value)) {
            return Some("a node's mean is not from 0 to 1");
        }
        if self.first_node.windows(2).any(|pair| pair[0] >= pair[1])
            || self.first_node.last().copied() != u32::try_from(self.column.len()).ok()
        {
            return Some("the places of its trees do not rise to their end");
        }
        for tree in self.first_node.windows(2) {
            for node in tree[0]..tree[1] {
                let position = node as usize;
                let column = self.column[position];
                if column == LEAF {
                    continue;
                }
                let is_behind = |child: u32| child > node && child < tree[1];
                if column as usize >= self.fill.len()
                    || !is_behind(self.left[position])
                    || !is_behind(self.right[position])
                {
                    return Some("a node splits on no column or its children do not lie behind it");
                }
            }
        }
        None
    }
}

/// `(b − a) / (ln b − ln a)`, and `a` when both are equal; both positive.
fn logarithmic_mean(a: f64, b: f64) -> f64 {
    let ratio = (b - a) / a;
    if ratio == 0.0 { a } else { (b - a) / libm::log1p(ratio) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logarithmic_mean_lies_between_and_is_exact() {
        assert_eq!(logarithmic_mean(0.3, 0.3), 0.3);
        let mean = logarithmic_mean(0.1, 0.4);
        assert!((0.3 / mean - libm::log(4.0)).abs() < 1e-14);
        let near = logarithmic_mean(0.5, 0.5 + 1e-13);
        assert!((near - 0.5).abs() < 1e-12);
    }
}
