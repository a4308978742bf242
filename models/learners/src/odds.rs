//! Probabilities and log-odds, with the same bits on every machine.

/// The least probability that a learner gives to a class before dividing by the sum.
///
/// It bounds one row's log loss by about 13.8, so that one surprise cannot outweigh a whole evaluation.
pub const FLOOR: f64 = 1e-6;

/// The log-odds `ln(p / (1 - p))` of a probability; infinite at 0 and 1.
pub fn log_odds(probability: f64) -> f64 {
    libm::log(probability) - libm::log1p(-probability)
}

/// The probability `1 / (1 + e^-z)` of log-odds, from 0 to 1.
pub fn probability(log_odds: f64) -> f64 {
    if log_odds >= 0.0 {
        1.0 / (1.0 + libm::exp(-log_odds))
    } else {
        let odds = libm::exp(log_odds);
        odds / (1.0 + odds)
    }
}

/// `ln(1 + e^z)` without overflow: the log loss of a negative at log-odds `z`.
pub(crate) fn softplus(z: f64) -> f64 {
    z.max(0.0) + libm::log1p(libm::exp(-z.abs()))
}

/// Turns scores into probabilities in place: `e^s / Σ e^s`.
pub(crate) fn softmax(scores: &mut [f64]) {
    let top = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    for score in scores.iter_mut() {
        *score = libm::exp(*score - top);
    }
    normalise(scores);
}

/// Raises each value to [`FLOOR`] and divides by the sum.
pub(crate) fn floor_and_normalise(probabilities: &mut [f64]) {
    for probability in probabilities.iter_mut() {
        *probability = probability.max(FLOOR);
    }
    normalise(probabilities);
}

fn normalise(values: &mut [f64]) {
    let sum: f64 = values.iter().sum();
    for value in values {
        *value /= sum;
    }
}

/// Shares what is missing from `expected_sum` among the parts in proportion to their size, so that they add up.
///
/// Used where a bound such as [`FLOOR`] takes something away from an exact attribution.
/// When every part is zero nothing is shared.
pub(crate) fn settle(parts: &mut [f64], expected_sum: f64) {
    let sum: f64 = parts.iter().sum();
    let size: f64 = parts.iter().map(|part| part.abs()).sum();
    if size > 0.0 {
        let share = (expected_sum - sum) / size;
        for part in parts {
            *part += share * part.abs();
        }
    }
}

/// The gradient of class k's log-odds by the scores, at the point between `from` and `to` where it adds up.
///
/// `ln p − ln(1 − p)` of class k is `s_k − ln Σ_{j≠k} e^{s_j}`, which along the straight way falls below its linear start
/// as a concave function does; its mean slope is met at one point of the way, and the gradient there, times the way, adds
/// up exactly (the mean value theorem; the same line as integrated gradients, Sundararajan, Taly and Yan 2017).
pub(crate) fn mean_slopes(from: &[f64], to: &[f64], class: usize) -> Vec<f64> {
    let others = |at: f64| -> (f64, Vec<f64>) {
        let mut scores: Vec<f64> = from.iter().zip(to).map(|(a, b)| a + at * (b - a)).collect();
        scores[class] = f64::NEG_INFINITY;
        let top = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = scores.iter().map(|score| libm::exp(score - top)).sum();
        let log_sum = top + libm::log(sum);
        softmax(&mut scores);
        (log_sum, scores)
    };
    let target = others(1.0).0 - others(0.0).0;
    let slope = |shares: &[f64]| -> f64 {
        shares
            .iter()
            .zip(from.iter().zip(to))
            .map(|(share, (a, b))| share * (b - a))
            .sum()
    };
    // ln Σ e^s is convex, so its slope along the way rises: halving finds the point.
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if slope(&others(middle).1) < target {
            low = middle;
        } else {
            high = middle;
        }
    }
    let mut slopes: Vec<f64> = others(0.5 * (low + high)).1.iter().map(|share| -share).collect();
    slopes[class] = 1.0;
    slopes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_odds_and_probability_undo_each_other() {
        for p in [1e-9, 0.01, 0.5, 0.77, 1.0 - 1e-9] {
            assert!((probability(log_odds(p)) - p).abs() < 1e-15);
        }
        assert_eq!((probability(-1000.0), probability(1000.0)), (0.0, 1.0));
        assert!((softplus(3.0) - 3.048_587_351_573_742).abs() < 1e-15);
        assert_eq!(softplus(1000.0), 1000.0);
    }

    #[test]
    fn floored_probabilities_sum_to_one() {
        let mut probabilities = [0.0, 1.0, 0.0];
        floor_and_normalise(&mut probabilities);
        assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-15);
        assert!(probabilities[0] > 0.9 * FLOOR);
    }

    #[test]
    fn settled_parts_add_up_and_keep_zeros() {
        let mut parts = [2.0, 0.0, -1.0];
        settle(&mut parts, 0.4);
        assert!((parts.iter().sum::<f64>() - 0.4).abs() < 1e-15);
        assert_eq!(parts[1], 0.0);
    }

    #[test]
    fn the_mean_slopes_add_up_to_the_change_of_log_odds() {
        let log_odds_of = |scores: &[f64], class: usize| {
            let mut p = scores.to_vec();
            softmax(&mut p);
            log_odds(p[class])
        };
        let from = [0.3, -1.0, 0.5, 0.0];
        for to in [[2.0, 1.0, -3.0, 0.4], [0.3, -1.0, 0.5, 0.0], [9.0, 8.5, -7.0, 0.0]] {
            for class in 0..4 {
                let slopes = mean_slopes(&from, &to, class);
                let sum: f64 = slopes
                    .iter()
                    .zip(from.iter().zip(&to))
                    .map(|(slope, (a, b))| slope * (b - a))
                    .sum();
                let expected = log_odds_of(&to, class) - log_odds_of(&from, class);
                assert!((sum - expected).abs() < 1e-9, "{sum}, expected {expected}");
                assert!(
                    slopes
                        .iter()
                        .enumerate()
                        .all(|(other, slope)| other == class || (-1.0..=0.0).contains(slope))
                );
            }
        }
    }
}
