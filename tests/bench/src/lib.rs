//! What the benches share: the made-up market as events, a model fitted on it, an empty call, and a way to measure calls.
//!
//! `cargo bench -p percorso-bench` prints tables and asserts nothing about time: machines differ, and ours are shared.
//! Where there is a peer it runs in the same process, in turns, so that only the ratio matters.

pub mod calls;
pub mod decided;
pub mod empty;
pub mod logged;
pub mod market;
pub mod model;
pub mod store;
