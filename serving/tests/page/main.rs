//! The account managers' page as a browser without script sees it, over a real connection.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod answers;
mod browser;
mod doors;
mod list;
mod record;
