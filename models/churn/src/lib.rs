//! Will this customer leave: one head per churn definition and horizon.
//!
//! A [`ChurnHead`] is a learner, the calibrator chosen for it and the band of its uncertainty; it knows nothing of files,
//! definitions or customers, only of encoded cells.

mod head;

pub use head::{ChurnHead, ChurnScore};
