//! Shapley values of a tree, exact, in time that grows with leaves × depth².
//!
//! Algorithm 2 of Lundberg et al. (2020), "From local explanations to global understanding with explainable AI for
//! trees": while walking down, a path remembers for every column on it the shares of subsets that would come this way
//! without and with the column known.

use super::nodes::Nodes;

/// A column on the path.
#[derive(Debug, Clone, Copy, Default)]
struct Step {
    column: usize,
    /// The share of training rows that come this way when the column is unknown.
    unknown: f64,
    /// 1 if the row itself comes this way, else 0.
    known: f64,
    /// The weight of subsets of this size.
    weight: f64,
}

/// Adds each column's part of the tree's value for the row to `out`; the parts start from the tree's mean.
pub(super) fn add(nodes: &Nodes, tree: usize, row: &[f32], out: &mut [f64]) {
    let root = nodes.root(tree);
    if !nodes.is_leaf(root) {
        // The first step stands for no column.
        walk(
            nodes,
            root,
            row,
            out,
            Vec::with_capacity(8),
            Step {
                column: usize::MAX,
                unknown: 1.0,
                known: 1.0,
                weight: 0.0,
            },
        );
    }
}

fn walk(nodes: &Nodes, node: usize, row: &[f32], out: &mut [f64], mut path: Vec<Step>, step: Step) {
    extend(&mut path, step);
    if nodes.is_leaf(node) {
        for at in 1..path.len() {
            let step = path[at];
            let weight = unwound_sum(&path, at);
            out[step.column] += weight * (step.known - step.unknown) * nodes.value(node);
        }
        return;
    }
    let column = nodes.column(node);
    let taken = nodes.next(node, row);
    let (mut unknown, mut known) = (1.0, 1.0);
    if let Some(at) = (1..path.len()).find(|at| path[*at].column == column) {
        (unknown, known) = (path[at].unknown, path[at].known);
        unwind(&mut path, at);
    }
    for child in nodes.children(node) {
        let share = nodes.weight(child) / nodes.weight(node);
        if share == 0.0 && child != taken {
            continue;
        }
        let step = Step {
            column,
            unknown: unknown * share,
            known: if child == taken { known } else { 0.0 },
            weight: 0.0,
        };
        walk(nodes, child, row, out, path.clone(), step);
    }
}

/// Adds a step: subsets grow by one with it or stay as they are without it.
fn extend(path: &mut Vec<Step>, step: Step) {
    let length = path.len();
    path.push(Step {
        weight: if length == 0 { 1.0 } else { 0.0 },
        ..step
    });
    for at in (0..length).rev() {
        let (with, without) = (at + 1, length - at);
        path[at + 1].weight += step.known * path[at].weight * with as f64 / (length + 1) as f64;
        path[at].weight = step.unknown * path[at].weight * without as f64 / (length + 1) as f64;
    }
}

/// Takes a step away again, as if it had never been added.
fn unwind(path: &mut Vec<Step>, at: usize) {
    let last = path.len() - 1;
    let Step { unknown, known, .. } = path[at];
    let mut next = path[last].weight;
    for size in (0..last).rev() {
        if known != 0.0 {
            let weight = path[size].weight;
            path[size].weight = next * (last + 1) as f64 / ((size + 1) as f64 * known);
            next = weight - path[size].weight * unknown * (last - size) as f64 / (last + 1) as f64;
        } else {
            path[size].weight = path[size].weight * (last + 1) as f64 / (unknown * (last - size) as f64);
        }
    }
    for position in at..last {
        path[position] = Step {
            weight: path[position].weight,
            ..path[position + 1]
        };
    }
    path.pop();
}

/// The sum of weights that the path would have without this step.
fn unwound_sum(path: &[Step], at: usize) -> f64 {
    let last = path.len() - 1;
    let Step { unknown, known, .. } = path[at];
    let mut next = path[last].weight;
    let mut sum = 0.0;
    for size in (0..last).rev() {
        if known != 0.0 {
            let weight = next * (last + 1) as f64 / ((size + 1) as f64 * known);
            sum += weight;
            next = path[size].weight - weight * unknown * (last - size) as f64 / (last + 1) as f64;
        } else if unknown != 0.0 {
            sum += path[size].weight * (last + 1) as f64 / (unknown * (last - size) as f64);
        }
    }
    sum
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
