//! All trees laid out for prediction: many walks go down together, without a branch.
//!
//! A single walk waits for memory at every step, and the processor guesses its way wrongly at every other.
//! So eight walks take turns, each computes its next node instead of choosing it, `left + (cell > threshold)`, and a leaf
//! leads to itself.
//! After a few steps the walks that are at a leaf are left aside: most ends lie at half the depth of the deepest.
//! The layout is made when trees are fitted or opened and is never stored; it holds what [`Nodes`] holds.

mod cells;

use std::collections::VecDeque;

use self::cells::{Cells, Test, Tests};
use super::nodes::Nodes;

/// Walks that take turns, as many as registers hold.
const IN_TURN: usize = 8;

/// The most walks that go down together.
const TOGETHER: usize = 256;

/// Rows whose cells are prepared together; they should fit the nearest cache.
const ROWS_TOGETHER: usize = 64;

/// Steps before the first look for ends, and between looks after that.
const FIRST_STEPS: usize = 4;
const MORE_STEPS: usize = 3;

/// The most prepared cells of a row that are kept on the stack.
const CELLS_ON_STACK: usize = 1_024;

/// The leaf where walks rest that only fill a turn; it belongs to no tree.
const REST: u32 = 0;

/// A node; of 16 bytes, so that none lies across two cache lines.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(align(16))]
struct Node {
    test: Test,
    /// The left child, with the right one behind it; for a leaf, itself.
    left: u32,
}

/// The layout of all trees.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lockstep {
    nodes: Vec<Node>,
    /// The value of each leaf; 0 elsewhere.
    value: Vec<f64>,
    roots: Vec<u32>,
    cells: Cells,
}

impl Lockstep {
    pub(super) fn of(nodes: &Nodes) -> Lockstep {
        let tests = Tests::of(nodes);
        let mut lockstep = Lockstep {
            nodes: vec![leaf(REST)],
            value: vec![0.0],
            roots: Vec::with_capacity(nodes.n_trees()),
            cells: tests.cells(),
        };
        for tree in 0..nodes.n_trees() {
            lockstep.push(nodes, nodes.root(tree), &tests);
        }
        lockstep
    }

    /// Lays out a tree level by level, so that the first steps of all walks stay in few cache lines.
    fn push(&mut self, nodes: &Nodes, root: usize, tests: &Tests<'_>) {
        self.roots.push(self.nodes.len() as u32);
        let mut waiting = VecDeque::from([root]);
        while let Some(node) = waiting.pop_front() {
            let place = self.nodes.len() as u32;
            self.nodes.push(if nodes.is_leaf(node) {
                leaf(place)
            } else {
                let left = place + 1 + waiting.len() as u32;
                waiting.extend(nodes.children(node));
                let test = tests.of_node(nodes, node);
                Node { test, left }
            });
            self.value.push(nodes.value(node));
        }
    }

    /// Adds every tree's value for a row to the margin of its output.
    pub(super) fn add_to_row(&self, row: &[f32], margins: &mut [f64]) {
        let n_cells = self.cells.n_cells();
        if n_cells <= CELLS_ON_STACK {
            self.add_with(&mut [0; CELLS_ON_STACK][..n_cells], row, margins);
        } else {
            self.add_with(&mut vec![0; n_cells], row, margins);
        }
    }

    fn add_with(&self, cells: &mut [u32], row: &[f32], margins: &mut [f64]) {
        self.cells.prepare(row, cells);
        let mut output = 0;
        for roots in self.roots.chunks(TOGETHER) {
            let mut at = [REST; TOGETHER + 1];
            at[..roots.len()].copy_from_slice(roots);
            self.descend(cells, 0, &mut at[..=roots.len()]);
            for leaf in &at[..roots.len()] {
                margins[output] += self.value[*leaf as usize];
                output = if output + 1 == margins.len() { 0 } else { output + 1 };
            }
        }
    }

    /// Calls `add` with each row's place, each tree and its value for the row; a row's trees come in their order.
    pub(super) fn add_to_rows(&self, rows: &[f32], n_columns: usize, mut add: impl FnMut(usize, usize, f64)) {
        let n_cells = self.cells.n_cells();
        // A walk that rests reads as one row more.
        let mut cells = vec![0; (ROWS_TOGETHER + 1) * n_cells];
        for (block, rows) in rows.chunks(ROWS_TOGETHER * n_columns).enumerate() {
            let n_rows = rows.len() / n_columns;
            for (place, row) in rows.chunks(n_columns).enumerate() {
                self.cells
                    .prepare(row, &mut cells[place * n_cells..(place + 1) * n_cells]);
            }
            for (tree, root) in self.roots.iter().enumerate() {
                let mut at = [*root; ROWS_TOGETHER + 1];
                at[n_rows] = REST;
                self.descend(&cells, n_cells, &mut at[..=n_rows]);
                for (place, leaf) in at[..n_rows].iter().enumerate() {
                    add(block * ROWS_TOGETHER + place, tree, self.value[*leaf as usize]);
                }
            }
        }
    }

    /// Leads the walks from their nodes to leaves; the last of them rests. The cells of each begin `apart` behind those
    /// of the one before.
    #[inline(always)]
    fn descend(&self, cells: &[u32], apart: usize, at: &mut [u32]) {
        let resting = at.len() - 1;
        let mut walking: [u16; TOGETHER + IN_TURN] = std::array::from_fn(|walk| walk as u16);
        let mut n_walking = resting;
        let mut n_steps = FIRST_STEPS;
        while n_walking > 0 {
            walking[n_walking..n_walking + IN_TURN].fill(resting as u16);
            let mut n_kept = 0;
            for first in (0..n_walking).step_by(IN_TURN) {
                let walks: [usize; IN_TURN] = std::array::from_fn(|turn| walking[first + turn].into());
                let mut nodes = walks.map(|walk| at[walk] as usize);
                for _ in 0..n_steps {
                    for (node, walk) in nodes.iter_mut().zip(walks) {
                        *node = self.nodes[*node].next(cells, walk * apart);
                    }
                }
                for (node, walk) in nodes.into_iter().zip(walks) {
                    at[walk] = node as u32;
                    walking[n_kept] = walk as u16;
                    n_kept += usize::from(self.nodes[node].left as usize != node);
                }
            }
            n_walking = n_kept;
            n_steps = MORE_STEPS;
        }
    }
}

impl Node {
    /// The node after this one for the row whose prepared cells begin here.
    #[inline(always)]
    fn next(&self, cells: &[u32], begin: usize) -> usize {
        self.left as usize + usize::from(self.test.goes_right(cells, begin))
    }
}

fn leaf(itself: u32) -> Node {
    Node {
        test: Test::NEVER,
        left: itself,
    }
}

#[cfg(all(test, feature = "fit"))]
mod tests {
    use ndarray::Array2;

    use crate::synthetic::market;
    use crate::{Random, Trees};

    /// Rows with cells that training never saw: codes above all, infinities, both zeros, everything missing.
    fn odd_rows(n_rows: usize, n_columns: usize) -> Array2<f32> {
        let mut random = Random::new(8);
        let odd = [
            f32::NAN,
            f32::INFINITY,
            f32::NEG_INFINITY,
            -0.0,
            0.0,
            1e-40,
            31.0,
            32.0,
            5e9,
        ];
        Array2::from_shape_simple_fn((n_rows, n_columns), || match random.below(3) {
            0 => odd[random.below(odd.len())],
            1 => random.below(5) as f32,
            _ => (random.uniform() * 6.0 - 3.0) as f32,
        })
    }

    #[test]
    fn walks_in_lockstep_end_where_single_walks_do() {
        for (n_classes, n_rounds, max_leaves) in [(2, 0, 2), (2, 1, 2), (2, 300, 31), (5, 60, 15), (2, 20, 200)] {
            let market = market(3_000, n_classes, 5);
            let trees = Trees {
                n_rounds,
                max_leaves,
                min_rows_in_leaf: 3.0,
                ..Trees::default()
            };
            let fitted = trees.fit(&market.set(), 1).unwrap();
            let n_outputs = fitted.n_outputs();
            for x in [&market.x, &odd_rows(1_000, market.x.ncols())] {
                // The first row is asked for alone, so that a block of one row is seen too.
                for rows in [x.slice_axis(ndarray::Axis(0), (..1).into()), x.view()] {
                    let mut together = vec![0.0; rows.nrows() * n_outputs];
                    let cells = rows.to_slice().unwrap();
                    let lockstep = &fitted.lockstep;
                    lockstep.add_to_rows(cells, rows.ncols(), |row, tree, value| {
                        together[row * n_outputs + tree % n_outputs] += value;
                    });
                    for (row, together) in rows.outer_iter().zip(together.chunks(n_outputs)) {
                        let row = row.to_slice().unwrap();
                        let mut alone = vec![0.0; n_outputs];
                        lockstep.add_to_row(row, &mut alone);
                        let mut walked = vec![0.0; n_outputs];
                        for tree in 0..fitted.nodes.n_trees() {
                            walked[tree % n_outputs] += fitted.nodes.value(fitted.nodes.leaf_of(tree, row));
                        }
                        assert_eq!(alone, walked, "{row:?}");
                        assert_eq!(together, walked, "{row:?}");
                    }
                }
            }
        }
    }
}
