//! The nodes of all trees as flat arrays, and walking them.

use percorso_artefact::{Artefact, Sealer};

use crate::Result;
use crate::training_set::code;

/// What stands in `column` for a leaf.
const LEAF: u32 = u32::MAX;

/// Set in [`Node::column`] when missing cells go right.
const MISSING_RIGHT: u32 = 1 << 31;
/// Set in [`Node::column`] when the rule is a set of codes.
const AMONG: u32 = 1 << 30;
/// The bits of [`Node::column`] that are the column.
const COLUMN: u32 = AMONG - 1;

/// One tree while it grows.
#[cfg(feature = "fit")]
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct TreeNodes {
    nodes: Vec<GrowingNode>,
}

#[cfg(feature = "fit")]
#[derive(Debug, Clone, PartialEq)]
struct GrowingNode {
    split: Option<(usize, Condition, usize, usize)>,
    value: f64,
    weight: f64,
}

/// Which cells go left.
#[cfg(feature = "fit")]
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Condition {
    /// Cells up to the threshold.
    UpTo { threshold: f32, missing_left: bool },
    /// These codes, and missing cells or not.
    Among { codes: Vec<u32>, missing_left: bool },
}

#[cfg(feature = "fit")]
impl TreeNodes {
    /// A new leaf, for rows of this weight, with value 0.
    pub(crate) fn push_leaf(&mut self, weight: f64) -> usize {
        self.nodes.push(GrowingNode {
            split: None,
            value: 0.0,
            weight,
        });
        self.nodes.len() - 1
    }

    /// Splits a leaf.
    pub(crate) fn split(&mut self, node: usize, column: usize, condition: Condition, left: usize, right: usize) {
        self.nodes[node].split = Some((column, condition, left, right));
    }

    /// Sets a leaf's value.
    pub(crate) fn set_value(&mut self, node: usize, value: f64) {
        self.nodes[node].value = value;
    }

    /// The value of a leaf.
    pub(crate) fn value(&self, node: usize) -> f64 {
        self.nodes[node].value
    }

    /// The nodes, leaves included.
    pub(crate) fn n_nodes(&self) -> usize {
        self.nodes.len()
    }
}

/// A node as it is walked; a leaf leads to itself, whatever the cell.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Node {
    /// The column with [`MISSING_RIGHT`] and [`AMONG`].
    column: u32,
    /// The threshold, or where the set begins in `sets`, as bits.
    threshold: f32,
    /// Left and right.
    child: [u32; 2],
}

/// An inner node's rule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Rule {
    /// Cells up to the threshold go left.
    UpTo { threshold: f32, missing_left: bool },
    /// The codes of the set that begins at `place` go left.
    Among { place: u32, missing_left: bool },
}

/// All trees, one after another; a tree's nodes lie together and children behind their parent.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Nodes {
    nodes: Vec<Node>,
    /// Where each tree begins.
    first_node: Vec<u32>,
    /// The value of each leaf; 0 elsewhere.
    value: Vec<f64>,
    /// The weight of the training rows in each node.
    weight: Vec<f32>,
    /// Sets of codes: the number of words, then the words, 32 codes each.
    sets: Vec<u32>,
}

impl Nodes {
    pub(super) fn n_trees(&self) -> usize {
        self.first_node.len()
    }

    pub(super) fn n_nodes(&self) -> usize {
        self.nodes.len()
    }

    /// The words of the set that begins here.
    pub(super) fn set(&self, place: u32) -> &[u32] {
        let place = place as usize;
        &self.sets[place + 1..][..self.sets[place] as usize]
    }

    #[cfg(feature = "fit")]
    pub(super) fn push(&mut self, tree: &TreeNodes) {
        let first = self.nodes.len() as u32;
        self.first_node.push(first);
        for (position, growing) in tree.nodes.iter().enumerate() {
            let itself = first + position as u32;
            let node = match &growing.split {
                None => leaf(itself),
                Some((column, condition, left, right)) => {
                    let (kind, threshold, missing_left) = match condition {
                        Condition::UpTo {
                            threshold,
                            missing_left,
                        } => (0, *threshold, *missing_left),
                        Condition::Among { codes, missing_left } => {
                            let place = self.sets.len() as u32;
                            self.push_set(codes);
                            (AMONG, f32::from_bits(place), *missing_left)
                        }
                    };
                    let missing = if missing_left { 0 } else { MISSING_RIGHT };
                    Node {
                        column: *column as u32 | kind | missing,
                        threshold,
                        child: [first + *left as u32, first + *right as u32],
                    }
                }
            };
            self.nodes.push(node);
            self.value.push(growing.value);
            self.weight.push(growing.weight as f32);
        }
    }

    #[cfg(feature = "fit")]
    fn push_set(&mut self, codes: &[u32]) {
        let n_words = codes.iter().max().map_or(0, |most| *most as usize / 32 + 1);
        let mut words = vec![0u32; n_words];
        for code in codes {
            words[*code as usize / 32] |= 1 << (code % 32);
        }
        self.sets.push(n_words as u32);
        self.sets.extend(words);
    }

    pub(super) fn truncate(&mut self, n_trees: usize) {
        if let Some(first) = self.first_node.get(n_trees) {
            let end = *first as usize;
            self.nodes.truncate(end);
            self.value.truncate(end);
            self.weight.truncate(end);
            self.first_node.truncate(n_trees);
        }
    }

    /// True when the node is a leaf.
    pub(super) fn is_leaf(&self, node: usize) -> bool {
        self.nodes[node].child[0] == node as u32
    }

    /// The column that an inner node looks at.
    pub(super) fn column(&self, node: usize) -> usize {
        (self.nodes[node].column & COLUMN) as usize
    }

    pub(super) fn children(&self, node: usize) -> [usize; 2] {
        self.nodes[node].child.map(|child| child as usize)
    }

    pub(super) fn root(&self, tree: usize) -> usize {
        self.first_node[tree] as usize
    }

    pub(super) fn value(&self, node: usize) -> f64 {
        self.value[node]
    }

    pub(super) fn weight(&self, node: usize) -> f64 {
        self.weight[node].into()
    }

    /// The mean value of a tree over its training rows.
    pub(super) fn mean(&self, tree: usize) -> f64 {
        let end = self
            .first_node
            .get(tree + 1)
            .map_or(self.nodes.len(), |end| *end as usize);
        let leaves = (self.root(tree)..end).filter(|node| self.is_leaf(*node));
        let total = self.weight(self.root(tree));
        leaves.map(|leaf| self.value(leaf) * self.weight(leaf) / total).sum()
    }

    /// The rule of an inner node.
    pub(super) fn rule(&self, node: usize) -> Rule {
        let Node { column, threshold, .. } = self.nodes[node];
        let missing_left = column & MISSING_RIGHT == 0;
        if column & AMONG != 0 {
            let place = threshold.to_bits();
            Rule::Among { place, missing_left }
        } else {
            Rule::UpTo {
                threshold,
                missing_left,
            }
        }
    }

    /// The child of an inner node that a row goes to.
    pub(super) fn next(&self, node: usize, row: &[f32]) -> usize {
        let goes_right = self.goes_right(self.rule(node), row[self.column(node)]);
        self.nodes[node].child[usize::from(goes_right)] as usize
    }

    /// Whether a cell goes right under a rule of these trees.
    #[inline(always)]
    pub(super) fn goes_right(&self, rule: Rule, cell: f32) -> bool {
        match rule {
            Rule::UpTo {
                threshold,
                missing_left,
            } => (cell > threshold) | (cell.is_nan() & !missing_left),
            Rule::Among { place, missing_left } => !self.is_among(place, cell, missing_left),
        }
    }

    /// Whether a cell's code is in the set that begins here; a missing cell is where `missing_left` says.
    fn is_among(&self, place: u32, cell: f32, missing_left: bool) -> bool {
        let Some(code) = code(cell) else {
            return missing_left;
        };
        let word = self.set(place).get(code as usize / 32);
        word.is_some_and(|word| word >> (code % 32) & 1 == 1)
    }

    /// The leaf of a row, walked alone.
    #[cfg(feature = "fit")]
    pub(super) fn leaf_of(&self, tree: usize, row: &[f32]) -> usize {
        let mut at = self.root(tree);
        while !self.is_leaf(at) {
            at = self.next(at, row);
        }
        at
    }

    /// Adds the values of the trees from `first` on, the first output's, to each row's margins (output after output).
    #[cfg(feature = "fit")]
    pub(super) fn add_from(&self, first: usize, x: ndarray::ArrayView2<'_, f32>, margins: &mut [f64]) {
        use rayon::prelude::*;

        const ROWS_TOGETHER: usize = 2_048;
        let (n_rows, n_columns) = x.dim();
        let n_outputs = margins.len() / n_rows;
        let cells = x.to_slice().expect("row-major was checked");
        margins
            .par_chunks_mut(n_rows)
            .enumerate()
            .for_each(|(output, margins)| {
                margins
                    .par_chunks_mut(ROWS_TOGETHER)
                    .enumerate()
                    .for_each(|(part, margins)| {
                        let cells = &cells[part * ROWS_TOGETHER * n_columns..];
                        for tree in (first + output..self.n_trees()).step_by(n_outputs) {
                            for (margin, row) in margins.iter_mut().zip(cells.chunks_exact(n_columns)) {
                                *margin += self.value[self.leaf_of(tree, row)];
                            }
                        }
                    });
            });
    }

    pub(super) fn seal(&self, prefix: &str, sealer: &mut Sealer) -> Result<()> {
        let name = |array: &str| format!("{prefix}/{array}");
        let of_nodes = |get: fn(&Node) -> u32| self.nodes.iter().map(get).collect::<Vec<u32>>();
        sealer.put_vector(&name("first_node"), &self.first_node)?;
        let column = self.nodes.iter().enumerate();
        let column: Vec<u32> = column
            .map(|(node, of)| if self.is_leaf(node) { LEAF } else { of.column })
            .collect();
        sealer.put_vector(&name("column"), &column)?;
        // A set's place is stored as it is; thresholds as their bits, so that one array holds both.
        sealer.put_vector(&name("threshold"), &of_nodes(|node| node.threshold.to_bits()))?;
        sealer.put_vector(&name("left"), &of_nodes(|node| node.child[0]))?;
        sealer.put_vector(&name("right"), &of_nodes(|node| node.child[1]))?;
        sealer.put_vector(&name("value"), &self.value)?;
        sealer.put_vector(&name("weight"), &self.weight)?;
        Ok(sealer.put_vector(&name("sets"), &self.sets)?)
    }

    pub(super) fn open(
        prefix: &str,
        artefact: &Artefact,
        n_columns: usize,
        n_outputs: usize,
    ) -> std::result::Result<Nodes, Broken> {
        let name = |array: &str| format!("{prefix}/{array}");
        let column = artefact.vector::<u32>(&name("column"))?;
        let shape = [column.len()];
        let threshold = artefact.array::<u32>(&name("threshold"), &shape)?;
        let left = artefact.array::<u32>(&name("left"), &shape)?;
        let right = artefact.array::<u32>(&name("right"), &shape)?;
        let nodes = (0..column.len())
            .map(|node| match column[node] {
                LEAF => leaf(node as u32),
                column => Node {
                    column,
                    threshold: f32::from_bits(threshold[node]),
                    child: [left[node], right[node]],
                },
            })
            .collect();
        let nodes = Nodes {
            nodes,
            first_node: artefact.vector::<u32>(&name("first_node"))?.to_vec(),
            value: artefact.array::<f64>(&name("value"), &shape)?.to_vec(),
            weight: artefact.array::<f32>(&name("weight"), &shape)?.to_vec(),
            sets: artefact.vector::<u32>(&name("sets"))?.to_vec(),
        };
        match nodes.what_is_wrong(n_columns, n_outputs) {
            Some(why) => Err(Broken::Arrays(why)),
            None => Ok(nodes),
        }
    }

    /// Why walking the trees could fail or not end, if so.
    fn what_is_wrong(&self, n_columns: usize, n_outputs: usize) -> Option<&'static str> {
        if !self.n_trees().is_multiple_of(n_outputs) {
            return Some("its outputs do not have equally many trees");
        }
        let starts_at_0 = self.first_node.first().is_none_or(|first| *first == 0);
        let is_rising = self.first_node.windows(2).all(|pair| pair[0] < pair[1]);
        let ends_before = self
            .first_node
            .last()
            .is_none_or(|last| (*last as usize) < self.nodes.len());
        if !starts_at_0 || !is_rising || !ends_before || self.first_node.is_empty() != self.nodes.is_empty() {
            return Some("the places of its trees do not rise to their end");
        }
        let mut is_child = vec![false; self.nodes.len()];
        if self.weight.iter().any(|weight| *weight < 0.0) {
            return Some("a node has a negative weight");
        }
        for (tree, first) in self.first_node.iter().enumerate() {
            let end = self
                .first_node
                .get(tree + 1)
                .map_or(self.nodes.len() as u32, |end| *end);
            for node in *first..end {
                if self.is_leaf(node as usize) {
                    continue;
                }
                let Node {
                    column,
                    threshold,
                    child,
                } = self.nodes[node as usize];
                if (column & COLUMN) as usize >= n_columns || child.iter().any(|child| *child <= node || *child >= end)
                {
                    return Some("a node splits on no column or its children do not lie behind it");
                }
                if child
                    .iter()
                    .any(|child| std::mem::replace(&mut is_child[*child as usize], true))
                {
                    return Some("a node is the child of two");
                }
                let place = threshold.to_bits() as usize;
                let set_ends = |place: usize| place + 1 + self.sets[place] as usize;
                if column & AMONG != 0 && (place >= self.sets.len() || set_ends(place) > self.sets.len()) {
                    return Some("a set of codes lies outside its array");
                }
                if column & AMONG == 0 && threshold.is_nan() {
                    return Some("a threshold is not a number");
                }
            }
        }
        None
    }
}

fn leaf(itself: u32) -> Node {
    Node {
        column: 0,
        threshold: 0.0,
        child: [itself; 2],
    }
}

/// Why nodes could not be opened.
pub(super) enum Broken {
    Artefact(percorso_artefact::Error),
    Arrays(&'static str),
}

impl From<percorso_artefact::Error> for Broken {
    fn from(error: percorso_artefact::Error) -> Self {
        Broken::Artefact(error)
    }
}

#[cfg(all(test, feature = "fit"))]
mod tests {
    use super::*;

    #[test]
    fn a_node_below_two_others_is_no_tree() {
        let mut tree = TreeNodes::default();
        let nodes: Vec<usize> = (0..5).map(|_| tree.push_leaf(1.0)).collect();
        let up_to = |threshold| Condition::UpTo {
            threshold,
            missing_left: true,
        };
        tree.split(nodes[0], 0, up_to(1.0), nodes[1], nodes[2]);
        tree.split(nodes[1], 0, up_to(0.0), nodes[3], nodes[4]);
        let mut right = Nodes::default();
        right.push(&tree);
        assert_eq!(right.what_is_wrong(1, 1), None);

        for twice in [[1, 1], [1, 4]] {
            let mut wrong = right.clone();
            wrong.nodes[0].child = twice;
            assert_eq!(wrong.what_is_wrong(1, 1), Some("a node is the child of two"));
        }
    }
}
