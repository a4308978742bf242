//! Boosted trees: many small trees, each grown on what the ones before it got wrong.

#[cfg(feature = "fit")]
mod fit;
mod lockstep;
mod nodes;
mod shap;

use percorso_artefact::{Artefact, Sealer};

#[cfg(feature = "fit")]
pub use self::fit::{Target, Watched};
use self::lockstep::Lockstep;
use self::nodes::Nodes;
#[cfg(feature = "fit")]
pub(crate) use self::nodes::{Condition, TreeNodes};
use self::shap::Shapley;
use crate::odds::{FLOOR, floor_and_normalise, log_odds, mean_slopes, probability, settle, softmax};
use crate::{Error, Result};

/// Settings of the boosted trees (Friedman 2001; grown leaf by leaf on binned cells as in Ke et al. 2017, LightGBM).
///
/// Two classes: one tree a round on the log-odds; more: one for each class and round, under the softmax.
/// Cells are put into at most [`Trees::max_bins`] bins a column; missing cells go where training did better with them, and
/// categories are split as sets.
/// Gradients are summed as whole numbers, so the same set and seed give the same trees on any number of threads.
#[derive(Debug, Clone, PartialEq)]
pub struct Trees {
    /// The number of rounds; each grows a tree for every output.
    pub n_rounds: usize,
    /// The share of its best step that each tree takes, above 0, at most 1.
    pub learning_rate: f64,
    /// The most leaves of a tree, at least 2.
    pub max_leaves: usize,
    /// The most splits from the root to a leaf, or any number.
    pub max_depth: Option<usize>,
    /// The fewest rows (their weight) in a leaf, counted by their share of the hessian.
    pub min_rows_in_leaf: f64,
    /// The least sum of hessians in a leaf.
    pub min_child_hessian: f64,
    /// The least gain of a split.
    pub min_gain: f64,
    /// How much a leaf's gradient is moved towards 0.
    pub l1: f64,
    /// What is added to a leaf's hessian.
    pub l2: f64,
    /// The share of rows that each round sees, above 0, at most 1.
    pub row_share: f64,
    /// The share of columns that each tree sees, above 0, at most 1; at least one column.
    pub column_share: f64,
    /// The most bins of a column, the one for missing cells included, 3 to 255.
    pub max_bins: usize,
    /// What is added to a category's hessian when categories are put in order.
    pub category_smoothing: f64,
    /// What is added to [`Trees::l2`] when categories are split as sets, and in the leaves right below such a split.
    pub category_l2: f64,
    /// The fewest rows of a category that may go left.
    pub min_rows_in_category: f64,
    /// The most categories that go left.
    pub max_left_categories: usize,
    /// Columns along which the margin of every output may only rise or only fall.
    pub monotone: Vec<(String, Direction)>,
}

/// Which way the margin may go as a column rises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Never down.
    Rising,
    /// Never up.
    Falling,
}

impl Default for Trees {
    fn default() -> Self {
        Trees {
            n_rounds: 100,
            learning_rate: 0.1,
            max_leaves: 31,
            max_depth: None,
            min_rows_in_leaf: 20.0,
            min_child_hessian: 1e-3,
            min_gain: 1e-9,
            l1: 0.0,
            l2: 1.0,
            row_share: 1.0,
            column_share: 1.0,
            max_bins: 255,
            category_smoothing: 10.0,
            category_l2: 10.0,
            min_rows_in_category: 10.0,
            max_left_categories: 32,
            monotone: Vec::new(),
        }
    }
}

/// How margins become answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// One margin, the log-odds of class 1 of two.
    Logistic,
    /// A margin for each class; probabilities are in proportion to their exponentials.
    Softmax,
    /// One margin, the amount itself.
    Identity,
    /// One margin, the logarithm of the expected count.
    Log,
    /// A margin for each interval of time, the log-odds of the event in it when it did not come before.
    Hazard,
}

const LINKS: [(&str, Link); 5] = [
    ("logistic", Link::Logistic),
    ("softmax", Link::Softmax),
    ("identity", Link::Identity),
    ("log", Link::Log),
    ("hazard", Link::Hazard),
];

/// Fitted trees as flat arrays.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedTrees {
    link: Link,
    n_columns: usize,
    /// The margin of each output before any tree.
    start: Vec<f64>,
    nodes: Nodes,
    /// The same trees as they are walked.
    lockstep: Lockstep,
}

impl FittedTrees {
    /// Trees with the margins they start from.
    fn of(link: Link, n_columns: usize, start: Vec<f64>, nodes: Nodes) -> FittedTrees {
        FittedTrees {
            link,
            n_columns,
            start,
            lockstep: Lockstep::of(&nodes),
            nodes,
        }
    }

    /// The number of classes: of two, one margin tells; other links have as many as margins.
    pub(crate) fn n_classes(&self) -> usize {
        match self.link {
            Link::Logistic => 2,
            Link::Softmax | Link::Identity | Link::Log | Link::Hazard => self.start.len(),
        }
    }

    /// The number of margins.
    pub fn n_outputs(&self) -> usize {
        self.start.len()
    }

    /// How margins become answers.
    pub fn link(&self) -> Link {
        self.link
    }

    /// The number of trees.
    pub fn n_trees(&self) -> usize {
        self.nodes.n_trees()
    }

    /// The number of rounds.
    pub fn n_rounds(&self) -> usize {
        self.nodes.n_trees() / self.start.len()
    }

    /// Keeps the first rounds only.
    pub fn truncate(&mut self, n_rounds: usize) {
        self.nodes.truncate(n_rounds * self.start.len());
        self.lockstep = Lockstep::of(&self.nodes);
    }

    /// Puts the margin of each output in `out`; allocates nothing, unless the trees ask a thousand things of a row.
    ///
    /// # Panics
    /// When the row has fewer columns than training had, or `out` is not as long as there are outputs.
    pub fn margins_into(&self, row: &[f32], out: &mut [f64]) {
        assert!(row.len() >= self.n_columns, "a row has the columns of training");
        out.copy_from_slice(&self.start);
        self.lockstep.add_to_row(row, out);
    }

    /// Puts the answer of each output in `out`: probabilities, amounts, counts or hazards, by the link.
    ///
    /// Two classes have two answers.
    ///
    /// # Panics
    /// As [`FittedTrees::margins_into`]; `out` has a place for each answer.
    pub fn predict_into(&self, row: &[f32], out: &mut [f64]) {
        let n_outputs = self.n_outputs();
        self.margins_into(row, &mut out[..n_outputs]);
        self.finish(out);
    }

    /// Answers for many rows, row after row; faster than one by one and the same bits.
    ///
    /// # Panics
    /// When `rows` or `out` do not hold whole rows of `n_columns` cells and one answer for each class.
    pub(crate) fn predict_rows_into(&self, rows: &[f32], n_columns: usize, out: &mut [f64]) {
        assert!(n_columns >= self.n_columns, "a row has the columns of training");
        let (n_outputs, n_classes) = (self.n_outputs(), self.n_classes());
        for out in out.chunks_mut(n_classes) {
            out[..n_outputs].copy_from_slice(&self.start);
        }
        self.lockstep.add_to_rows(rows, n_columns, |row, tree, value| {
            out[row * n_classes + tree % n_outputs] += value;
        });
        out.chunks_mut(n_classes).for_each(|out| self.finish(out));
    }

    /// Turns the margins at the front of `out` into answers.
    fn finish(&self, out: &mut [f64]) {
        match self.link {
            Link::Logistic => {
                let p = probability(out[0]).clamp(FLOOR, 1.0 - FLOOR);
                out[0] = 1.0 - p;
                out[1] = p;
            }
            Link::Softmax => {
                softmax(out);
                floor_and_normalise(out);
            }
            Link::Identity => (),
            Link::Log => out[0] = libm::exp(out[0]),
            Link::Hazard => out.iter_mut().for_each(|margin| *margin = probability(*margin)),
        }
    }

    /// Puts each column's part of an output's margin in `out` and returns the mean margin over training, which they
    /// start from; together they are the margin.
    ///
    /// The parts are Shapley values of the trees, weighted by the training rows that took each way (Lundberg et al.
    /// 2020, "From local explanations to global understanding with explainable AI for trees").
    ///
    /// # Panics
    /// When `output` is not an output or `out` is not as long as the row.
    pub fn margin_contributions(&self, row: &[f32], output: usize, out: &mut [f64]) -> f64 {
        assert_eq!(row.len(), out.len(), "one part for each column");
        out.fill(0.0);
        let mut base = self.start[output];
        let mut shapley = Shapley::default();
        for tree in (output..self.nodes.n_trees()).step_by(self.n_outputs()) {
            base += self.nodes.mean(tree);
            shapley.add(&self.nodes, tree, row, out);
        }
        base
    }

    /// Each column's part of the class's log-odds.
    ///
    /// Two classes: Shapley values of the margin, exact.
    /// More: those of every class's margin, carried to the class's log-odds along the straight way from the mean margins
    /// to the row's, as [`crate::Linear`] does.
    pub(crate) fn contributions(&self, row: &[f32], class: usize, out: &mut [f64]) -> f64 {
        let mut answer = vec![0.0; self.n_classes()];
        let mut start = vec![0.0; self.n_classes()];
        if self.link == Link::Logistic {
            let sign = if class == 1 { 1.0 } else { -1.0 };
            start[0] = self.margin_contributions(row, 0, out);
            out.iter_mut().for_each(|part| *part *= sign);
        } else {
            let parts: Vec<Vec<f64>> = (0..self.n_outputs())
                .map(|output| {
                    let mut parts = vec![0.0; row.len()];
                    start[output] = self.margin_contributions(row, output, &mut parts);
                    parts
                })
                .collect();
            let margins: Vec<f64> = parts
                .iter()
                .zip(&start)
                .map(|(parts, start)| start + parts.iter().sum::<f64>())
                .collect();
            out.fill(0.0);
            for (slope, parts) in mean_slopes(&start, &margins, class).into_iter().zip(&parts) {
                out.iter_mut().zip(parts).for_each(|(out, part)| *out += slope * part);
            }
        }
        self.finish(&mut start);
        self.predict_into(row, &mut answer);
        let base = log_odds(start[class]);
        settle(out, log_odds(answer[class]) - base);
        base
    }

    /// Puts everything under names that begin with `prefix/`.
    ///
    /// # Errors
    /// - the prefix is not allowed in names, or was used before
    pub fn seal(&self, prefix: &str, sealer: &mut Sealer) -> Result<()> {
        let (link, _) = LINKS
            .iter()
            .find(|(_, link)| *link == self.link)
            .expect("every link has a name");
        sealer.put_text(&format!("{prefix}/link"), link)?;
        sealer.put_scalar(&format!("{prefix}/n_columns"), self.n_columns as u32)?;
        sealer.put_vector(&format!("{prefix}/start"), &self.start)?;
        self.nodes.seal(prefix, sealer)
    }

    /// What was sealed under the prefix.
    ///
    /// # Errors
    /// - an array is missing or of another type or shape, or the arrays contradict each other
    pub fn open(prefix: &str, artefact: &Artefact) -> Result<FittedTrees> {
        let malformed = |why| Error::Malformed {
            prefix: prefix.to_owned(),
            what: "set of trees",
            why,
        };
        let name = artefact.text(&format!("{prefix}/link"))?;
        let link = LINKS.iter().find(|(link, _)| *link == name);
        let (_, link) =
            link.ok_or_else(|| malformed("its link is none of logistic, softmax, identity, log, hazard"))?;
        let n_columns = artefact.scalar::<u32>(&format!("{prefix}/n_columns"))? as usize;
        let start = artefact.vector::<f64>(&format!("{prefix}/start"))?.to_vec();
        let is_right = match link {
            Link::Logistic | Link::Identity | Link::Log => start.len() == 1,
            Link::Softmax => start.len() >= 2,
            Link::Hazard => !start.is_empty(),
        };
        if !is_right {
            return Err(malformed("its margins are not as many as its link has"));
        }
        let nodes = Nodes::open(prefix, artefact, n_columns, start.len()).map_err(|error| match error {
            nodes::Broken::Artefact(error) => error.into(),
            nodes::Broken::Arrays(why) => malformed(why),
        })?;
        Ok(FittedTrees::of(*link, n_columns, start, nodes))
    }
}
