//! How long commands say where they are and learn how long they took, without knowing who listens.

use std::time::Duration;

/// Hears of progress: a bar on a terminal, a line of JSON, or nobody.
pub trait Progress: Send + Sync {
    /// A step of so many parts begins; 0 when their number is not known.
    fn start(&self, step: &str, parts: u64);

    /// So many more parts are done.
    fn advance(&self, parts: u64);

    /// The step is over.
    fn finish(&self);

    /// How long the listener has been there: what time budgets are held against, and what tells how long a fit took.
    fn elapsed(&self) -> Duration;
}
