//! The service as its callers see it, over a real connection.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod accounts;
mod answers;
mod caller;
mod decisions;
mod refusals;
