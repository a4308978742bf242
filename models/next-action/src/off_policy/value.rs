//! What a policy is worth, by each estimator.

use super::{Estimator, Round};
use crate::interval::{Estimate, Interval, estimates};

/// What a policy is worth by one estimator.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PolicyValue {
    /// By which.
    pub estimator: Estimator,
    /// The mean reward of a round.
    pub estimate: Estimate,
}

/// What the target policy of these rounds is worth by each estimator.
///
/// All estimators are asked on the same resamples, so their intervals may be compared.
///
/// # Panics
/// When there is no round.
pub fn values(rounds: &[Round], estimators: &[Estimator], interval: &Interval) -> Vec<PolicyValue> {
    let clusters: Vec<u64> = rounds.iter().map(|round| round.cluster).collect();
    let terms = |estimator: usize, row: usize| estimators[estimator].terms(&rounds[row]);
    let told = estimates(&clusters, estimators.len(), terms, interval);
    let pairs = estimators.iter().zip(told);
    pairs
        .map(|(&estimator, estimate)| PolicyValue { estimator, estimate })
        .collect()
}
