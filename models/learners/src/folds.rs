//! Customers in parts, so that what learnt from some can be asked about the others.

use crate::Random;

/// Which of `n_folds` parts a customer belongs to: the same for the same seed, whoever else is there.
///
/// # Panics
/// When there is no part.
pub fn fold_of(customer: u64, n_folds: usize, seed: u64) -> usize {
    Random::stream(seed, customer).below(n_folds)
}
