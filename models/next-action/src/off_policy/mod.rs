//! What would another policy have earned on this log?
//!
//! A log holds what was done (`a`), how likely that was (its propensity `p`) and what came of it (`r`); a target policy
//! says how likely each action would be under it (`π`), and a reward model what each would earn (`q`).
//! A logged decision seen under a target policy is a [`Round`]; [`values`] are what the [`Estimator`]s make of many,
//! each with an interval, and [`Support`] says whether the log can tell at all.
//!
//! ```
//! use percorso_next_action::Interval;
//! use percorso_next_action::off_policy::{Estimator, Logged, Round, values};
//!
//! let logged = |action, reward| Logged { cluster: action as u64, action, reward, propensity: 0.5 };
//! let target = [0.0, 1.0];
//! let rounds: Vec<Round> = [logged(0, 0.0), logged(1, 1.0), logged(0, 1.0), logged(1, 1.0)]
//!     .iter()
//!     .map(|logged| Round::new(logged, &target, &[0.5, 0.5]))
//!     .collect::<Result<_, _>>()?;
//!
//! let value = values(&rounds, &[Estimator::Ipw], &Interval::seeded(1))[0].estimate.value;
//! assert_eq!(value, 1.0);
//! # Ok::<(), percorso_next_action::off_policy::RoundError>(())
//! ```

mod estimator;
mod round;
mod support;
mod value;

pub use estimator::{Estimator, EstimatorError};
pub use round::{Logged, Round, RoundError};
pub use support::{MAX_UNLOGGED_MASS, MIN_ESS, OverlapBin, Support, SupportCounts, Thin};
pub use value::{PolicyValue, values};
