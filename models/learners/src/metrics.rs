//! How good probabilities are, with intervals from resampled customers.

mod binary;
mod multiclass;
mod survival;

pub use binary::{BinaryMetrics, binary, binary_losses, binary_with_intervals};
pub use multiclass::{MulticlassMetrics, multiclass, multiclass_losses, multiclass_with_intervals};
pub use survival::{Followed, InSight, aalen_johansen, brier_by, concordance};

use crate::bootstrap::{Bootstrap, Groups};
use crate::random::Random;

/// A measure with the ends of its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WithInterval<T> {
    /// On the rows as they are.
    pub value: T,
    /// The lower ends, each of its own number.
    pub low: T,
    /// The upper ends, each of its own number.
    pub high: T,
}

/// The lower and upper ends of `N` numbers measured on resampled customers; NaN marks a number that is not defined there.
pub fn resampled_ends<const N: usize>(
    customers: &[u64],
    bootstrap: &Bootstrap,
    measure: impl Fn(&[f64]) -> [f64; N],
) -> ([f64; N], [f64; N]) {
    let groups = Groups::new(customers);
    let mut values: [Vec<f64>; N] = std::array::from_fn(|_| Vec::with_capacity(bootstrap.n_samples));
    let mut weights = vec![0.0; customers.len()];
    for sample in 0..bootstrap.n_samples as u64 {
        let times = groups.draw(&mut Random::stream(bootstrap.seed, sample));
        for (weight, group) in weights.iter_mut().zip(&groups.of_row) {
            *weight = times[*group as usize];
        }
        for (values, value) in values.iter_mut().zip(measure(&weights)) {
            values.extend(Some(value).filter(|value| !value.is_nan()));
        }
    }
    let ends = values.map(|values| bootstrap.ends(values));
    (ends.map(|(low, _)| low), ends.map(|(_, high)| high))
}
