//! How a score is learned: learners, calibration and metrics over plain matrices.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod error;
mod forest;
mod learned;
mod learner;
mod linear;
mod ngram;
pub mod odds;
mod prevalence;
mod random;
mod recency;
#[cfg(all(test, feature = "fit"))]
mod synthetic;
mod training_set;

pub use error::{Error, Result};
pub use forest::{FittedForest, Forest, PRIOR_WEIGHT};
pub use learned::Learned;
pub use learner::Learner;
pub use linear::{FittedLinear, Linear};
pub use ngram::{FittedNgram, MAX_ORDER, Ngram};
pub use prevalence::{FittedPrevalence, Prevalence};
pub use random::Random;
pub use recency::{FittedRecency, Recency};
pub use training_set::{Column, ColumnKind, TrainingSet};
