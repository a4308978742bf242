//! A made-up market whose truth is known, for tests, benches and the demo.
//!
//! A subscription-and-shop business lives through 2024 and 2025 (UTC): customers arrive, wander between awareness, consideration, purchase, retention and advocacy, are written to by a randomised policy, and some leave.
//! Every law is a closed formula with its constants in `README.md`; satisfaction, fatigue and intent are hidden and show only through behaviour and feedback, so no model reaches the truth for free.
//!
//! The crate never looks at a model of ours, reads no clock and no file, and takes chance only from the seed: the same customer of the same seed is the same to the bit, whatever the number of customers.
//!
//! ```
//! use percorso_kit::{Market, MarketSettings, micros_of_day};
//!
//! let market = Market::new(MarketSettings { customers: 40, seed: 7 });
//! let journey = market.journey(3);
//! assert_eq!(journey.customer_id, "C000003");
//! assert!(journey.events.windows(2).all(|pair| pair[0].at < pair[1].at));
//!
//! // What any forecast made on 2025-03-31 (day 455) should have said.
//! for truth in market.truth_at(micros_of_day(455), 30, 16) {
//!     assert!((0.0..=1.0).contains(&truth.p_leave));
//!     assert!((truth.p_next_stage.iter().sum::<f64>() - 1.0).abs() < 1e-9);
//! }
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod action_truth;
mod calendar;
mod chance;
mod customer;
mod day;
mod feedback;
mod future;
mod hazard;
mod journey;
mod market;
mod next_touchpoint;
mod policy;
mod price;
mod state;
mod truth;
mod walk;
mod words;
pub mod write;

pub use action_truth::{ARMS, ActionTruth, ArmTruth};
pub use calendar::{END_DAY, MICROS_PER_DAY, START_MICROS, Season, micros_of_day};
pub use hazard::{ContractPhase, HazardInputs};
pub use journey::{Attributes, Decision, SimulatedEvent, SimulatedJourney};
pub use market::{Market, MarketSettings};
pub use truth::{CustomerTruth, N_NEXT_STAGES};
pub use words::{Action, Audience, Channel, Product, Region, Stage, Touchpoint};
