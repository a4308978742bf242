//! Scores, events and decisions over gRPC, and a page for account managers, from an embedded store that is always current.
//!
//! [`Store`] keeps every customer's history, and what was decided for them, on this machine's disk; [`ScoringService`] scores
//! them by the model that serves and decides what to do for them; [`Server`] speaks gRPC, and HTML to account managers.
//! A score is read off the same journey state by the same model type as in the batch pipeline, so both give the same bits.
//!
//! What this crate never does: fit a model, read Parquet, log a customer's id, or listen beyond this machine.
//! Only `grpc` and `server` know that there is a wire, and only `grpc` names its messages.
#![cfg_attr(test, allow(clippy::unwrap_used))]

// What tests have in common names this crate from outside.
#[cfg(test)]
extern crate self as percorso_serving;

mod accounts;
mod clock;
#[cfg(test)]
#[path = "../tests/common/mod.rs"]
mod common;
mod decisions;
mod error;
mod follower;
mod foreseen;
mod grpc;
mod page;
mod server;
mod service;
mod store;

pub use accounts::{AccountsSettings, People, Person};
pub use clock::{Clock, clock_from, system_clock};
pub use decisions::{Considered, Decided, DecisionRecord, DecisionRequest, MadeFrom, Meeting, Named, Policy, Replay};
pub use error::Error;
pub use follower::{Follower, ModelError};
pub use server::{Reflection, ServeError, Server, Settings};
pub use service::{Answer, Question, ScoringService};
pub use store::{
    DecisionId, Header, Loaded, Loader, Placement, Receipt, Recorded, Response, ResponseKind, STORE_FORMAT, Store,
    StoreError,
};
