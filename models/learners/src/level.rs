//! The level of an origin: the base rate that no customer's row tells, such as the season's.

use crate::odds::{FLOOR, log_odds, probability};

/// The probabilities shifted on the log-odds scale until their mean is the rate of the labels.
///
/// # Panics
/// When there are more labels than probabilities.
pub fn with_level_set(p: &[f64], y: &[u32]) -> Vec<f64> {
    let log_odds: Vec<f64> = p.iter().map(|p| log_odds(p.clamp(FLOOR, 1.0 - FLOOR))).collect();
    let shift = level_shift(&log_odds, y, |_| 1.0);
    log_odds.iter().map(|z| probability(z + shift)).collect()
}

/// What all log-odds must move by so that their mean probability is the rate of the labels: Newton's steps.
///
/// One event and one other more than came keep it finite.
pub(crate) fn level_shift(log_odds: &[f64], y: &[u32], weight: impl Fn(usize) -> f64) -> f64 {
    const MAX_STEPS: usize = 50;
    let wanted = 1.0
        + y.iter()
            .enumerate()
            .map(|(row, class)| weight(row) * f64::from(*class))
            .sum::<f64>();
    let mut shift = 0.0;
    for _ in 0..MAX_STEPS {
        let (mut sum, mut slope) = (2.0 * probability(shift), 1e-9);
        for (row, z) in log_odds.iter().enumerate() {
            let p = probability(z + shift);
            sum += weight(row) * p;
            slope += weight(row) * p * (1.0 - p);
        }
        let step = ((wanted - sum) / slope).clamp(-2.0, 2.0);
        shift += step;
        if step.abs() < 1e-10 {
            break;
        }
    }
    shift
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_set_right_has_the_rate_of_the_labels_and_keeps_the_order() {
        let p = [0.02, 0.05, 0.1, 0.2];
        let shifted = with_level_set(&p.repeat(500), &[0, 1, 0, 1].repeat(500));
        let mean = shifted.iter().sum::<f64>() / 2_000.0;
        assert!((mean - 0.5).abs() < 1e-3, "{mean}");
        assert!(shifted[..4].is_sorted());
    }
}
