//! Will this customer leave: one head per churn definition and horizon.
//!
//! A [`ChurnHead`] is a learner, the calibrator chosen for it and the band of its uncertainty; it knows nothing of files,
//! definitions or customers, only of encoded cells.
//! Leaving within a longer time is a [`Curve`]: by an event, leaving within the shorter one, or, having stayed, in what lies
//! between; by silence, being silent for the shorter one and then on. So there is one head for each interval of a curve. A
//! contract that ends within the shorter time has one answer, that of the head for it.

mod curve;
mod head;

pub use curve::Curve;
pub use head::{ChurnHead, ChurnScore};
