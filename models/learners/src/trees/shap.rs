//! Shapley values of a tree, exact, leaf by leaf.
//!
//! To the tree's value a leaf brings its own, where a row comes to it. When only some columns are known, it comes there
//! with the share of training rows that do so on the unknown ones (Lundberg et al. 2020, "From local explanations to
//! global understanding with explainable AI for trees"). A column that leads elsewhere shuts the leaf as soon as it is
//! known, so only the subsets of the `k` columns that lead there count: their shares are the coefficients of one
//! polynomial, and a leaf costs k², not what its path is long.

use super::nodes::Nodes;

/// A column on the path to a leaf.
#[derive(Debug, Clone, Copy)]
struct Step {
    column: usize,
    /// The share of training rows that come this way when the column is unknown.
    share: f64,
    /// Whether the row itself comes this way.
    leads_here: bool,
}

/// Room for one tree after another.
#[derive(Debug, Default)]
pub(super) struct Shapley {
    path: Vec<Step>,
    /// Of the columns that lead to a leaf: for each size of subset, the product of shares of those left out, summed.
    left_out: Vec<f64>,
    /// For each length of path and size of subset without one column, how much the subset counts.
    weights: Vec<Vec<f64>>,
}

impl Shapley {
    /// Adds each column's part of the tree's value for the row to `out`; the parts start from the tree's mean.
    pub(super) fn add(&mut self, nodes: &Nodes, tree: usize, row: &[f32], out: &mut [f64]) {
        self.path.clear();
        self.walk(nodes, nodes.root(tree), row, out);
    }

    fn walk(&mut self, nodes: &Nodes, node: usize, row: &[f32], out: &mut [f64]) {
        if nodes.is_leaf(node) {
            self.leaf(nodes.value(node), out);
            return;
        }
        let column = nodes.column(node);
        let taken = nodes.next(node, row);
        // A column met again is one column still: it leads to a leaf if it does so every time.
        let before = self.path.iter().position(|step| step.column == column);
        let met = before.map(|at| self.path[at]);
        let Step { share, leads_here, .. } = met.unwrap_or(Step {
            column,
            share: 1.0,
            leads_here: true,
        });
        let at = before.unwrap_or(self.path.len());
        let rows = nodes.weight(node);
        for child in nodes.children(node) {
            // Where no training row came, neither way is likelier.
            let of_child = if rows > 0.0 { nodes.weight(child) / rows } else { 0.5 };
            let step = Step {
                column,
                share: share * of_child,
                leads_here: leads_here && child == taken,
            };
            if at == self.path.len() {
                self.path.push(step);
            } else {
                self.path[at] = step;
            }
            self.walk(nodes, child, row, out);
        }
        match met {
            Some(step) => self.path[at] = step,
            None => self.path.truncate(at),
        }
    }

    fn leaf(&mut self, value: f64, out: &mut [f64]) {
        let Self {
            path,
            left_out,
            weights,
        } = self;
        let n_columns = path.len();
        while weights.len() <= n_columns {
            weights.push(subset_weights(weights.len()));
        }
        let weights = &weights[n_columns];
        left_out.clear();
        left_out.push(1.0);
        // With no column known, so many training rows come here.
        let mut elsewhere = value;
        for step in path.iter() {
            if step.leads_here {
                left_out.push(0.0);
                for size in (0..left_out.len()).rev() {
                    let without_it = size.checked_sub(1).map_or(0.0, |smaller| left_out[smaller]);
                    left_out[size] = step.share * left_out[size] + without_it;
                }
            } else {
                elsewhere *= step.share;
            }
        }
        let n_leading = left_out.len() - 1;
        // Any column that leads elsewhere shuts the leaf: all of them alike.
        let shut: f64 = weights
            .iter()
            .zip(left_out.iter())
            .map(|(weight, share)| weight * share)
            .sum();
        for step in path.iter() {
            out[step.column] += if step.leads_here {
                // The subsets without the column: the polynomial divided by its factor, from the top.
                let (mut of_size, mut sum) = (0.0, 0.0);
                for size in (0..n_leading).rev() {
                    of_size = left_out[size + 1] - step.share * of_size;
                    sum += weights[size] * of_size;
                }
                elsewhere * (1.0 - step.share) * sum
            } else {
                -elsewhere * shut
            };
        }
    }
}

/// How much a subset of each size counts, of all orders in which so many columns become known: those in which it comes
/// first and one given column next.
fn subset_weights(n_columns: usize) -> Vec<f64> {
    let mut weight = 1.0 / n_columns as f64;
    let weights = (0..n_columns).map(|size| {
        let of_size = weight;
        weight *= (size + 1) as f64 / (n_columns - size - 1).max(1) as f64;
        of_size
    });
    weights.collect()
}

#[cfg(all(test, feature = "fit"))]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::trees::{Condition, TreeNodes, Trees};
    use crate::{FittedTrees, Link, synthetic};

    /// The mean of a tree's value when only the columns in `known` are known.
    fn expected(nodes: &Nodes, node: usize, row: &[f32], known: u32) -> f64 {
        if nodes.is_leaf(node) {
            return nodes.value(node);
        }
        if known >> nodes.column(node) & 1 == 1 {
            return expected(nodes, nodes.next(node, row), row, known);
        }
        let children = nodes.children(node);
        let part = |child: usize| nodes.weight(child) / nodes.weight(node) * expected(nodes, child, row, known);
        children.into_iter().map(part).sum()
    }

    /// Shapley's own definition over all subsets of columns.
    fn shapley(fitted: &FittedTrees, output: usize, row: &[f32]) -> Vec<f64> {
        let n = row.len() as u32;
        let value = |known: u32| -> f64 {
            let trees = (output..fitted.nodes.n_trees()).step_by(fitted.n_outputs());
            trees
                .map(|tree| expected(&fitted.nodes, fitted.nodes.root(tree), row, known))
                .sum()
        };
        let values: Vec<f64> = (0..1 << n).map(value).collect();
        let factorial = |n: u32| (1..=n).map(f64::from).product::<f64>();
        let mut parts = vec![0.0; row.len()];
        for (column, part) in parts.iter_mut().enumerate() {
            for known in (0..1u32 << n).filter(|known| known >> column & 1 == 0) {
                let size = known.count_ones();
                let weight = factorial(size) * factorial(n - size - 1) / factorial(n);
                *part += weight * (values[(known | 1 << column) as usize] - values[known as usize]);
            }
        }
        parts
    }

    #[test]
    fn contributions_are_the_shapley_values_over_all_subsets() {
        for n_classes in [2, 3] {
            let market = synthetic::market(900, n_classes, 3);
            let trees = Trees {
                n_rounds: 6,
                min_rows_in_leaf: 5.0,
                ..Trees::default()
            };
            let fitted = trees.fit(&market.set(), 1).unwrap();
            let is_category = |node: usize| !fitted.nodes.is_leaf(node) && fitted.nodes.column(node) >= 5;
            let n_nodes = fitted.nodes.root(fitted.n_trees() - 1);
            assert!(
                (0..n_nodes).any(is_category),
                "the market should have splits of categories"
            );
            let mut parts = vec![0.0; market.columns.len()];
            for row in market.x.outer_iter().take(25) {
                let row = row.to_vec();
                for output in 0..fitted.n_outputs() {
                    let base = fitted.margin_contributions(&row, output, &mut parts);
                    for (part, expected) in parts.iter().zip(shapley(&fitted, output, &row)) {
                        assert!((part - expected).abs() < 1e-10, "{part}, expected {expected}");
                    }
                    let mut margins = vec![0.0; fitted.n_outputs()];
                    fitted.margins_into(&row, &mut margins);
                    assert!((base + parts.iter().sum::<f64>() - margins[output]).abs() < 1e-10);
                }
            }
        }
    }

    fn import(found: &Value, nodes: &mut TreeNodes) -> usize {
        let at = nodes.push_leaf(found["weight"].as_f64().unwrap());
        if let Some(value) = found["value"].as_f64() {
            nodes.set_value(at, value);
            return at;
        }
        let missing_left = found["missing_left"].as_bool().unwrap();
        let condition = match found["codes"].as_array() {
            Some(codes) => Condition::Among {
                codes: codes.iter().map(|code| code.as_u64().unwrap() as u32).collect(),
                // LightGBM sends a missing category to the right, whatever its default says.
                missing_left: false,
            },
            None => {
                let threshold = found["threshold"].as_f64().unwrap();
                let nearest = threshold as f32;
                // The largest single that is not above the double.
                let threshold = if f64::from(nearest) > threshold {
                    nearest.next_down()
                } else {
                    nearest
                };
                Condition::UpTo {
                    threshold,
                    missing_left,
                }
            }
        };
        let left = import(&found["left"], nodes);
        let right = import(&found["right"], nodes);
        nodes.split(at, found["column"].as_u64().unwrap() as usize, condition, left, right);
        at
    }

    /// Reference: `pred_contrib` of LightGBM; `tests/lightgbm/contributions.py` wrote the file.
    #[test]
    fn contributions_are_those_of_lightgbm_on_its_own_trees() {
        let file: Value = serde_json::from_str(include_str!("../../tests/lightgbm/contributions.json")).unwrap();
        let mut nodes = Nodes::default();
        for tree in file["trees"].as_array().unwrap() {
            let mut growing = TreeNodes::default();
            import(tree, &mut growing);
            nodes.push(&growing);
        }
        let fitted = FittedTrees::of(Link::Logistic, 6, vec![0.0], nodes);
        let numbers = |row: &Value| -> Vec<f64> {
            let cells = row.as_array().unwrap().iter();
            cells.map(|cell| cell.as_f64().unwrap_or(f64::NAN)).collect()
        };
        let rows = file["rows"]
            .as_array()
            .unwrap()
            .iter()
            .zip(file["contributions"].as_array().unwrap());
        let mut n_rows = 0;
        for (row, theirs) in rows {
            let row: Vec<f32> = numbers(row).into_iter().map(|cell| cell as f32).collect();
            let theirs = numbers(theirs);
            let mut ours = vec![0.0; 6];
            let base = fitted.margin_contributions(&row, 0, &mut ours);
            ours.push(base);
            for (ours, theirs) in ours.iter().zip(&theirs) {
                assert!(
                    (ours - theirs).abs() < 1e-9,
                    "row {n_rows}: {ours}, LightGBM says {theirs}"
                );
            }
            n_rows += 1;
        }
        assert_eq!(n_rows, 60);
    }
}
