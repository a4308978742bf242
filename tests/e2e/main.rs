//! The product as its users run it: the binary, its files, and the service it starts.
#![allow(clippy::print_stderr, reason = "a skipped test says what it needs")]

mod allocate;
mod benchmark;
mod churn_list;
mod cli;
mod determinism;
mod evaluation;
mod event_logs;
mod init;
mod known_at;
mod lines;
mod next_action;
mod notebooks;
mod online_retail;
mod parity;
mod policy;
mod python;
mod recommended;
mod side_by_side;
mod silences;
mod uplift;
