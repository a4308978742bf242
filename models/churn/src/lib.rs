//! Will this customer leave: one head per churn definition and horizon.
//!
//! A [`ChurnHead`] is a learner, the calibrator chosen for it and the band of its uncertainty; it knows nothing of files,
//! definitions or customers, only of encoded cells.
//! Leaving by an event within a longer horizon is leaving within the shorter one, or, having stayed, in what lies between:
//! so a definition is answered by one head for each interval between its horizons.

mod head;

pub use head::{ChurnHead, ChurnScore, left_by};
