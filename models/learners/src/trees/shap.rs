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
