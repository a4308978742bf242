//! What happened: events, the spec that reads them, the state that folds them and the outcome that follows.
//!
//! A [`JourneyEvent`] is observed by a [`JourneyState`]; a state holds only what it observed, so it cannot hold the future.
//! What came after a cut-off is an [`Outcome`], made elsewhere and never seen by a state.
//! This crate does no IO, reads no clock and knows no file format but the text of `journey.toml`.
//!
//! ```
//! use std::sync::Arc;
//! use percorso_journey::{JourneyState, Spec, text};
//!
//! let spec = Arc::new(Spec::parse(text::SMALL_SPEC)?);
//! let mut state = JourneyState::new(Arc::clone(&spec));
//! for event in text::journey(&spec, "visit@0d purchase@3d=20 visit@5d")? {
//!     state.observe(&event)?;
//! }
//! assert_eq!(state.n_events(), 3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bytes;
mod category;
mod customer;
mod event;
mod history;
mod outcome;
mod population;
mod raw_event;
mod reward;
pub mod spec;
pub mod state;
pub mod text;
mod time;
mod time_grid;
mod wait;

pub use bytes::{ByteReader, ByteWriter, MalformedBytes};
pub use category::CategoryId;
pub use customer::{CustomerKey, KeySecret, bytes_of_hex};
pub use event::{EventOrder, JourneyEvent, LoggedEvent};
pub use history::{History, HistoryError, Insertion};
pub use outcome::{Next, Outcome, Stay, left_since, left_so_far, outcome_from};
pub use population::{at_risk, in_population};
pub use raw_event::{AttributeValue, ContractBreak, RawEvent, finite};
pub use reward::{Came, N_REWARD_PARTS, came_of};
pub use spec::{Spec, SpecError};
pub use state::{HoursOfDay, JourneyState, ObserveError};
pub use time::{MICROS_PER_DAY, Timestamp, days};
pub use time_grid::{GridError, STEPS_DAYS, TimeGrid};
pub use wait::Wait;
