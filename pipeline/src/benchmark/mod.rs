//! Published protocols, run as they were published: how good are the learners against numbers anyone can look up?
//!
//! A benchmark uses the same state, features and learners as training; what it may look at is written down in one place.

mod business;
mod churn;
mod event_log;
mod measured;
mod next_touchpoint;
mod stays;
mod uplift;

pub use self::churn::{Churn, ChurnBenchmark, churn};
pub use self::measured::LearnerMeasures;
pub use self::next_touchpoint::{EndOfCase, NextTouchpoint, next_touchpoint};
pub use self::stays::{StaysBenchmark, StaysJudged, stays};
pub use self::uplift::{ArmFound, PolicyFound, UpliftBenchmark, UpliftFound, uplift};
