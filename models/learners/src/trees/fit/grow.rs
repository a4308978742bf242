//! One tree, grown leaf by leaf: always the leaf whose split saves the most.

use super::bins::{GROUP, Meaning};
use super::histogram::{Packed, Sums, add_rows, subtract, unpack};
use super::split::{Bounds, Parent, Rule, Search, Split};
use crate::trees::{Condition, TreeNodes};

/// What a tree grows from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Soil<'a> {
    pub(super) search: Search<'a>,
    /// Gradients and hessians of every row.
    pub(super) packed: &'a [Packed],
    /// The weight of every row; none means 1 each.
    pub(super) weights: Option<&'a [f32]>,
    /// The largest of them.
    pub(super) max_weight: f32,
    /// The kept columns that this tree may split.
    pub(super) columns: &'a [usize],
}

/// A grown tree with the rows of each leaf.
#[derive(Debug)]
pub(super) struct Grown {
    pub(super) nodes: TreeNodes,
    /// The rows, leaf after leaf.
    pub(super) rows: Vec<u32>,
    /// For each leaf its node and where its rows lie in `rows`.
    pub(super) leaves: Vec<(usize, std::ops::Range<usize>)>,
}

/// A leaf while the tree grows.
struct Leaf {
    node: usize,
    rows: std::ops::Range<usize>,
    depth: usize,
    parent: Parent,
    sums: Vec<Sums>,
    best: Option<Split>,
}

impl Soil<'_> {
    /// The tree on these rows, its values times the learning rate.
    pub(super) fn grow(&self, mut rows: Vec<u32>) -> Grown {
        let settings = self.search.settings;
        let mut nodes = TreeNodes::default();
        let mut spare = vec![0; rows.len()];
        let total = rows.iter().fold(Sums::default(), |sums, row| {
            sums.plus(unpack(self.packed[*row as usize]))
        });
        let mut root = self.leaf(&mut nodes, &rows, 0..rows.len(), total, Bounds::NONE, 0);
        if self.can_split(&root, 1) {
            root.sums = vec![Sums::default(); self.search.binned.n_sums];
            add_rows(self.search.binned, &rows, self.packed, self.max_weight, &mut root.sums);
            root.best = self.search.best(&root.parent, &root.sums, self.columns);
        }
        let mut leaves = vec![root];
        while leaves.len() < settings.max_leaves {
            let Some(position) = most_gain(&leaves) else { break };
            let leaf = &mut leaves[position];
            let split = leaf.best.take().expect("it has the most gain");
            let column = &self.search.binned.columns[split.kept];
            let n_left = self.partition(&mut rows[leaf.rows.clone()], &mut spare, &split);
            let (start, end) = (leaf.rows.start, leaf.rows.end);
            let middle = start + n_left;
            let (left_bounds, right_bounds) = self.child_bounds(leaf.parent.bounds, &split);
            let (node, depth, sums) = (leaf.node, leaf.depth + 1, std::mem::take(&mut leaf.sums));
            let mut left = self.leaf(&mut nodes, &rows, start..middle, split.left, left_bounds, depth);
            let mut right = self.leaf(&mut nodes, &rows, middle..end, split.right, right_bounds, depth);
            for leaf in [&mut left, &mut right] {
                leaf.parent.l2 = self.search.l2(column);
            }
            nodes.split(node, column.column, self.condition(&split), left.node, right.node);
            let (left, right) = self.search_children(&rows, sums, left, right, leaves.len() + 1);
            leaves[position] = left;
            leaves.push(right);
        }
        for leaf in &leaves {
            let value = self.search.value(leaf.parent.total, leaf.parent.l2, leaf.parent.bounds);
            nodes.set_value(leaf.node, settings.learning_rate * value);
        }
        let leaves = leaves.into_iter().map(|leaf| (leaf.node, leaf.rows)).collect();
        Grown { nodes, rows, leaves }
    }

    fn leaf(
        &self,
        nodes: &mut TreeNodes,
        rows: &[u32],
        range: std::ops::Range<usize>,
        total: Sums,
        bounds: Bounds,
        depth: usize,
    ) -> Leaf {
        let weight = match self.weights {
            None => range.len() as f64,
            Some(weights) => rows[range.clone()]
                .iter()
                .map(|row| f64::from(weights[*row as usize]))
                .sum(),
        };
        Leaf {
            node: nodes.push_leaf(weight),
            rows: range,
            depth,
            parent: Parent {
                total,
                weight,
                bounds,
                l2: self.search.settings.l2,
            },
            sums: Vec::new(),
            best: None,
        }
    }

    /// The sums and best splits of two new leaves, when there may be further leaves.
    fn search_children(
        &self,
        rows: &[u32],
        sums: Vec<Sums>,
        mut left: Leaf,
        mut right: Leaf,
        n_leaves: usize,
    ) -> (Leaf, Leaf) {
        let (splits_left, splits_right) = (self.can_split(&left, n_leaves), self.can_split(&right, n_leaves));
        if splits_left || splits_right {
            let mut larger = sums;
            let mut smaller = vec![Sums::default(); larger.len()];
            let left_is_smaller = left.rows.len() <= right.rows.len();
            let of_smaller = if left_is_smaller { &left.rows } else { &right.rows };
            add_rows(
                self.search.binned,
                &rows[of_smaller.clone()],
                self.packed,
                self.max_weight,
                &mut smaller,
            );
            subtract(&mut larger, &smaller);
            (left.sums, right.sums) = if left_is_smaller {
                (smaller, larger)
            } else {
                (larger, smaller)
            };
            let search = |leaf: &mut Leaf, splits: bool| {
                if splits {
                    leaf.best = self.search.best(&leaf.parent, &leaf.sums, self.columns);
                }
                if leaf.best.is_none() {
                    leaf.sums = Vec::new();
                }
            };
            rayon::join(|| search(&mut left, splits_left), || search(&mut right, splits_right));
        }
        (left, right)
    }

    fn can_split(&self, leaf: &Leaf, n_leaves: usize) -> bool {
        let settings = self.search.settings;
        n_leaves < settings.max_leaves
            && settings.max_depth.is_none_or(|most| leaf.depth < most)
            && leaf.parent.weight >= 2.0 * settings.min_rows_in_leaf
            && leaf.parent.total.hessian as f64 * self.search.scale.hessian >= 2.0 * settings.min_child_hessian
    }

    /// Puts the rows that go left first, both sides in their order, and returns how many they are.
    fn partition(&self, rows: &mut [u32], spare: &mut [u32], split: &Split) -> usize {
        let binned = self.search.binned;
        let goes_left = split.goes_left(&binned.columns[split.kept]);
        let (group, place) = (&binned.groups[split.kept / GROUP], split.kept % GROUP);
        let mut n_left = 0;
        for position in 0..rows.len() {
            let row = rows[position];
            let is_left = goes_left[usize::from(group[row as usize][place])];
            // Written to both sides, kept on one: no branch to guess.
            rows[n_left] = row;
            spare[position - n_left] = row;
            n_left += usize::from(is_left);
        }
        let n_right = rows.len() - n_left;
        rows[n_left..].copy_from_slice(&spare[..n_right]);
        n_left
    }

    fn child_bounds(&self, bounds: Bounds, split: &Split) -> (Bounds, Bounds) {
        let direction = self.search.direction[split.kept];
        if direction == 0 {
            return (bounds, bounds);
        }
        let value = |sums| self.search.value(sums, self.search.settings.l2, bounds);
        let middle = 0.5 * (value(split.left) + value(split.right));
        let below = Bounds { high: middle, ..bounds };
        let above = Bounds { low: middle, ..bounds };
        if direction > 0 { (below, above) } else { (above, below) }
    }

    /// The rule over cells instead of bins.
    fn condition(&self, split: &Split) -> Condition {
        let column = &self.search.binned.columns[split.kept];
        match (&column.meaning, &split.rule) {
            (Meaning::Number { bounds }, Rule::UpTo { bin, missing_left }) => Condition::UpTo {
                // The last bin has no bound: all present cells against the missing ones.
                threshold: bounds.get(*bin).copied().unwrap_or(f32::MAX),
                missing_left: *missing_left,
            },
            (Meaning::Category { bin_of_code, .. }, Rule::Among { bins }) => {
                let is_among = |bin: &u8| bins.contains(bin);
                Condition::Among {
                    codes: (0..bin_of_code.len() as u32)
                        .filter(|code| is_among(&bin_of_code[*code as usize]))
                        .collect(),
                    missing_left: is_among(&(column.n_present as u8)),
                }
            }
            _ => unreachable!("numbers are split by order and categories by set"),
        }
    }
}

/// The leaf whose split gains most; the earlier among equals.
fn most_gain(leaves: &[Leaf]) -> Option<usize> {
    let mut best: Option<(f64, usize)> = None;
    for (position, leaf) in leaves.iter().enumerate() {
        if let Some(split) = &leaf.best
            && best.is_none_or(|(gain, _)| split.gain > gain)
        {
            best = Some((split.gain, position));
        }
    }
    best.map(|(_, position)| position)
}
