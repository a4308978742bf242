//! Which columns can have been known before the treatment was given?
//!
//! A table of a test mixes what customers were with what came of it; learning from the second would judge nothing.

use percorso_learners::{Column, ColumnKind};

use crate::table::Matrix;

/// A column that differs between arms by more standard errors than this was changed by them: one in a million columns
/// does so by chance.
const MAX_IMBALANCE: f64 = 5.0;
/// Rows that always had the rarer outcome tell it when chance would do so less often than this.
const MAX_CHANCE: f64 = 1e-9;
/// A column of numbers that goes with the outcome more closely than this tells it.
const MAX_CORRELATION: f64 = 0.95;
/// Values of a column of numbers that are looked at one by one.
const MAX_VALUES: usize = 50;

/// For each column why it cannot have been known before, or nothing.
pub(super) fn known_before(matrix: &Matrix, arm: &[u32], outcome: &[f64]) -> Vec<Option<String>> {
    let usual = most_common(outcome);
    let came: Vec<bool> = outcome.iter().map(|outcome| *outcome != usual).collect();
    let columns = matrix.columns.iter().zip(matrix.cells.columns());
    columns
        .map(|(column, cells)| {
            let cells: Vec<f64> = cells.iter().map(|cell| f64::from(*cell)).collect();
            let groups = groups(column, &cells);
            let is_outcome = column.kind == ColumnKind::Number && correlation(&cells, outcome).abs() > MAX_CORRELATION;
            if is_outcome || groups.iter().any(|is_in| tells(is_in, &came)) {
                return Some("it tells the outcome, so it was not known before".to_owned());
            }
            let imbalance = imbalance(&cells, column, &groups, arm);
            (imbalance > MAX_IMBALANCE).then(|| {
                format!("it differs between arms by {imbalance:.1} standard errors, so it came after the treatment")
            })
        })
        .collect()
}

/// The correlation of two columns where both are there; 0 where one does not vary.
fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let both: Vec<(f64, f64)> = a
        .iter()
        .copied()
        .zip(b.iter().copied())
        .filter(|(a, _)| !a.is_nan())
        .collect();
    let n = both.len() as f64;
    let (mean_a, mean_b) = both
        .iter()
        .fold((0.0, 0.0), |sum, pair| (sum.0 + pair.0 / n, sum.1 + pair.1 / n));
    let (mut together, mut of_a, mut of_b) = (0.0, 0.0, 0.0);
    for (a, b) in both {
        together += (a - mean_a) * (b - mean_b);
        of_a += (a - mean_a) * (a - mean_a);
        of_b += (b - mean_b) * (b - mean_b);
    }
    if of_a > 0.0 && of_b > 0.0 {
        together / (of_a * of_b).sqrt()
    } else {
        0.0
    }
}

fn most_common(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let runs = sorted.chunk_by(|a, b| a == b);
    runs.max_by_key(|run| run.len()).map_or(f64::NAN, |run| run[0])
}

/// Rows of each value where there are few, and rows of another value than the most common one.
fn groups(column: &Column, cells: &[f64]) -> Vec<Vec<bool>> {
    let mut values = cells.to_vec();
    values.sort_unstable_by(f64::total_cmp);
    values.dedup_by(|a, b| a.to_bits() == b.to_bits());
    let is = |value: f64| cells.iter().map(|cell| cell.to_bits() == value.to_bits()).collect();
    let usual = most_common(cells);
    let mut groups: Vec<Vec<bool>> = vec![cells.iter().map(|cell| *cell != usual && !cell.is_nan()).collect()];
    if values.len() <= MAX_VALUES || column.kind != ColumnKind::Number {
        groups.extend(values.into_iter().map(is));
    }
    groups
}

/// Whether rows of a group always had the rarer outcome, more often than chance would.
fn tells(is_in: &[bool], came: &[bool]) -> bool {
    let rate = came.iter().filter(|came| **came).count() as f64 / came.len() as f64;
    let n_in = is_in.iter().filter(|is_in| **is_in).count();
    let all_came = is_in.iter().zip(came).all(|(is_in, came)| !is_in || *came);
    all_came && rate < 0.5 && rate.powi(n_in.min(10_000) as i32) < MAX_CHANCE
}

/// By how many standard errors an arm's mean, or its share of a group, differs from the control's, at the most.
fn imbalance(cells: &[f64], column: &Column, groups: &[Vec<bool>], arm: &[u32]) -> f64 {
    let numbers = (column.kind == ColumnKind::Number).then(|| cells.to_vec());
    let shares = groups
        .iter()
        .map(|is_in| is_in.iter().map(|is_in| f64::from(u8::from(*is_in))).collect());
    let n_arms = arm.iter().max().map_or(0, |last| *last);
    let mut most = 0.0_f64;
    for of_rows in numbers.into_iter().chain(shares) {
        let control = Moments::of(&of_rows, arm, 0);
        for treated in 1..=n_arms {
            let treated = Moments::of(&of_rows, arm, treated);
            let error = (treated.variance / treated.n + control.variance / control.n).sqrt();
            let difference = (treated.mean - control.mean).abs();
            if difference > 0.0 {
                most = most.max(difference / error);
            }
        }
    }
    most
}

struct Moments {
    n: f64,
    mean: f64,
    variance: f64,
}

impl Moments {
    fn of(numbers: &[f64], arms: &[u32], arm: u32) -> Moments {
        let of_arm = || {
            numbers
                .iter()
                .zip(arms)
                .filter(|(number, of)| **of == arm && !number.is_nan())
        };
        let n = of_arm().count() as f64;
        let mean = of_arm().map(|(number, _)| number).sum::<f64>() / n;
        let squares: f64 = of_arm().map(|(number, _)| (number - mean) * (number - mean)).sum();
        Moments {
            n,
            mean,
            variance: squares / n,
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use percorso_learners::Random;

    use super::*;

    #[test]
    fn what_came_of_it_is_told_from_what_was_known() {
        let mut random = Random::new(1);
        let (mut cells, mut arm, mut outcome) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..4_000 {
            let treated = random.below(2) as u32;
            let recency = random.below(12) as f32;
            let came = random.uniform() < 0.1;
            let spent = if came { 5.0 + random.uniform() as f32 } else { 0.0 };
            let opened = random.uniform() < 0.2 + 0.2 * f64::from(treated);
            cells.extend([recency, spent, f32::from(u8::from(opened))]);
            arm.push(treated);
            outcome.push(f64::from(u8::from(came)));
        }
        let matrix = Matrix {
            columns: ["recency", "spend", "opened"].map(Column::number).to_vec(),
            cells: Array2::from_shape_vec((4_000, 3), cells).unwrap(),
        };
        let reasons = known_before(&matrix, &arm, &outcome);
        assert_eq!(reasons[0], None);
        assert_eq!(
            reasons[1].as_deref(),
            Some("it tells the outcome, so it was not known before")
        );
        assert!(
            reasons[2]
                .as_ref()
                .is_some_and(|reason| reason.starts_with("it differs between arms"))
        );
    }
}
