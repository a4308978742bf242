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
}
