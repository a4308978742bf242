//! Which action would help, and how do we know?
//!
//! [`off_policy`] says what a policy would have earned on a log that another policy made.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod off_policy;
