//! How long commands say where they are, without knowing who listens.

/// Hears of progress: a bar on a terminal, a line of JSON, or nobody.
pub trait Progress: Send + Sync {
    /// A step of so many parts begins; 0 when their number is not known.
    fn start(&self, step: &str, parts: u64);

    /// So many more parts are done.
    fn advance(&self, parts: u64);

    /// The step is over.
    fn finish(&self);
}

/// Nobody listens.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn start(&self, _: &str, _: u64) {}

    fn advance(&self, _: u64) {}

    fn finish(&self) {}
}
