//! Which action would help, and how do we know?
//!
//! [`decide`] says what to do for a customer now, and what must not be done and why; [`allocate`] says who gets what when
//! there is not enough for everyone; [`uplift`] says what each action does to whom, learnt from what was done before;
//! [`off_policy`] says what a policy would have earned on a log that another policy made.
//! The last two learn from a [`Trial`]: rows with what was done, how likely that was, and what came of it.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod allocate;
pub mod decide;
mod error;
mod interval;
pub mod off_policy;
mod outcome;
#[cfg(feature = "fit")]
mod propensity;
mod trial;
pub mod uplift;

pub use decide::{Effect, Evidence};
pub use error::{Error, Result};
pub use interval::{Estimate, Interval, mean};
pub use outcome::OutcomeModel;
#[cfg(feature = "fit")]
pub use propensity::estimated as estimated_propensities;
pub use trial::{Given, Part, Trial};
