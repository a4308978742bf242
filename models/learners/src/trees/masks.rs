//! All trees of at most 64 leaves as tests on single cells, for predicting without waiting for one node after another.
//!
//! A tree's leaves are numbered from left to right and start as ones in a word; every test that sends the row to the
//! right takes the leaves of its left side away, whether or not the row ever gets there.
//! The first leaf that is left is the one the row reaches (Lucchese et al. 2015, "QuickScorer").
//! Tests do not depend on each other, so many are done at once, and blocks of rows are tested in one go.

use super::nodes::{Nodes, Rule};

/// Rows that are tested together.
pub(super) const BLOCK: usize = 64;

/// The most leaves of a tree that fit a word.
const MAX_LEAVES: usize = 64;

/// One test of a cell.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Test {
    column: u32,
    rule: Rule,
    /// The leaves that stay when the row goes right.
    kept: u64,
}

/// The tests of all trees, tree after tree.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Masks {
    tests: Vec<Test>,
    /// Where the tests of each tree end.
    end: Vec<u32>,
    /// Where the leaves of each tree begin in `value`.
    first_leaf: Vec<u32>,
    /// The values of leaves, from left to right.
    value: Vec<f64>,
}

impl Masks {
    /// The tests of the trees; nothing when one has more than 64 leaves.
    pub(super) fn of(nodes: &Nodes) -> Option<Masks> {
        let mut masks = Masks {
            tests: Vec::new(),
            end: Vec::new(),
            first_leaf: Vec::new(),
            value: Vec::new(),
        };
        for tree in 0..nodes.n_trees() {
            let first = masks.value.len();
            masks.first_leaf.push(first as u32);
            masks.add(nodes, nodes.root(tree), first)?;
            masks.end.push(masks.tests.len() as u32);
        }
        Some(masks)
    }

    /// Adds the tests below a node, its left side first.
    fn add(&mut self, nodes: &Nodes, node: usize, first: usize) -> Option<()> {
        let begin = self.value.len() - first;
        if nodes.is_leaf(node) {
            self.value.push(nodes.value(node));
            return (begin < MAX_LEAVES).then_some(());
        }
        let [left, right] = nodes.children(node);
        let place = self.tests.len();
        self.tests.push(Test {
            column: nodes.column(node) as u32,
            rule: nodes.rule(node),
            kept: 0,
        });
        self.add(nodes, left, first)?;
        let end = self.value.len() - first;
        // At least one leaf lies to the right.
        if end >= MAX_LEAVES {
            return None;
        }
        self.tests[place].kept = !((1u64 << end) - (1u64 << begin));
        self.add(nodes, right, first)
    }

    /// Adds every tree's value for a row to the margin of its output.
    pub(super) fn add_to_row(&self, nodes: &Nodes, row: &[f32], margins: &mut [f64]) {
        let n_outputs = margins.len();
        let mut begin = 0;
        for (tree, (end, first_leaf)) in self.end.iter().zip(&self.first_leaf).enumerate() {
            let mut leaves = u64::MAX;
            for test in &self.tests[begin..*end as usize] {
                let goes_right = nodes.goes_right(test.rule, row[test.column as usize]);
                // Which way a row goes is chance to the processor: a wrong guess would cost more than the test.
                leaves &= std::hint::select_unpredictable(goes_right, test.kept, u64::MAX);
            }
            begin = *end as usize;
            margins[tree % n_outputs] += self.value[*first_leaf as usize + leaves.trailing_zeros() as usize];
        }
    }

    /// Adds every tree's value to the margins of up to [`BLOCK`] rows; `columns` holds the block's cells column after
    /// column, [`BLOCK`] each, and `margins` as many places for each output.
    pub(super) fn add_to_block(&self, nodes: &Nodes, columns: &[f32], margins: &mut [f64]) {
        let n_outputs = margins.len() / BLOCK;
        let mut begin = 0;
        for (tree, (end, first_leaf)) in self.end.iter().zip(&self.first_leaf).enumerate() {
            let mut leaves = [u64::MAX; BLOCK];
            for test in &self.tests[begin..*end as usize] {
                let (cells, _) = columns[test.column as usize * BLOCK..]
                    .split_first_chunk::<BLOCK>()
                    .expect("a whole block");
                // One loop for each rule, so that each is a few vector instructions.
                match test.rule {
                    Rule::UpTo {
                        threshold,
                        missing_left: true,
                    } => {
                        keep(&mut leaves, cells, test.kept, |cell| cell > threshold);
                    }
                    Rule::UpTo {
                        threshold,
                        missing_left: false,
                    } => {
                        #[expect(
                            clippy::neg_cmp_op_on_partial_ord,
                            reason = "a missing cell compares as false: right"
                        )]
                        keep(&mut leaves, cells, test.kept, |cell| !(cell <= threshold));
                    }
                    Rule::Among { .. } => keep(&mut leaves, cells, test.kept, |cell| nodes.goes_right(test.rule, cell)),
                }
            }
            begin = *end as usize;
            let values = &self.value[*first_leaf as usize..];
            let output = tree % n_outputs;
            for (margin, leaves) in margins[output * BLOCK..(output + 1) * BLOCK].iter_mut().zip(&leaves) {
                *margin += values[leaves.trailing_zeros() as usize];
            }
        }
    }
}

#[inline(always)]
fn keep(leaves: &mut [u64; BLOCK], cells: &[f32; BLOCK], kept: u64, goes_right: impl Fn(f32) -> bool) {
    for (leaves, cell) in leaves.iter_mut().zip(cells) {
        *leaves &= kept | u64::from(goes_right(*cell)).wrapping_sub(1);
    }
}
