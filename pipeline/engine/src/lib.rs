//! Sorting and folding journeys in bounded memory: the only room that knows DataFusion.
//!
//! The rest of the pipeline sees the [`Engine`] trait and Arrow batches: it hands over a source to be sorted, or a
//! [`Fold`] to be run over bucket files, and takes batches back in a fixed order, whatever the threads.
//! Nothing here knows what a journey means.

mod fold;
mod local;
mod memory;
mod order;

use std::error::Error as StdError;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

pub use fold::FoldExec;
pub use local::LocalEngine;
pub use memory::memory_bytes_default;
pub use order::EVENT_ORDER;

/// An error of the caller's own, passed through unchanged.
pub type CallerError = Box<dyn StdError + Send + Sync>;

/// Why the engine stopped.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A source, a fold or a sink of the caller failed; this is its own error.
    #[error(transparent)]
    Caller(CallerError),
    /// The engine could not do what was asked.
    #[error("cannot {operation}")]
    Operation {
        /// What was asked.
        operation: &'static str,
        /// Why not.
        #[source]
        source: CallerError,
    },
}

/// One part of an input: opened once, read once, from front to back.
pub trait Part: Send + Sync {
    /// The batches of this part.
    ///
    /// # Errors
    /// - the part cannot be opened; errors while reading come with the batches.
    fn open(&self) -> Result<Batches, CallerError>;
}

/// Batches read one after another.
pub type Batches = Box<dyn Iterator<Item = Result<RecordBatch, CallerError>> + Send>;

/// What is done with the ordered events of one bucket of customers.
pub trait Fold: Send + Sync {
    /// The columns of the rows it makes.
    fn schema(&self) -> SchemaRef;

    /// The fold of one bucket, before any event.
    fn start(&self) -> Box<dyn BucketFold>;
}

/// A fold at work on one bucket.
pub trait BucketFold: Send {
    /// Takes the next events, in [`EVENT_ORDER`]; returns rows that are done.
    ///
    /// # Errors
    /// - the caller's own.
    fn push(&mut self, events: &RecordBatch) -> Result<Option<RecordBatch>, CallerError>;

    /// The rows still owed when the bucket's events are over.
    ///
    /// # Errors
    /// - the caller's own.
    fn finish(&mut self) -> Result<Option<RecordBatch>, CallerError>;
}

/// Where results go, batch by batch.
pub type Sink<'a> = &'a mut dyn FnMut(RecordBatch) -> Result<(), CallerError>;

/// What the pipeline asks of an engine.
pub trait Engine: Send + Sync {
    /// Sorts the parts' batches by the named columns, ascending, and hands them to the sink in that order.
    ///
    /// Spills to disk when memory is short.
    ///
    /// # Errors
    /// - a part or the sink failed: [`EngineError::Caller`] with that very error;
    /// - memory or disk did not suffice.
    fn sort(
        &self,
        schema: SchemaRef,
        parts: Vec<Arc<dyn Part>>,
        by: &[&str],
        sink: Sink<'_>,
    ) -> Result<(), EngineError>;

    /// Runs the fold over bucket files, each sorted by [`EVENT_ORDER`], and hands the rows to the sink in bucket order.
    ///
    /// # Errors
    /// - the fold or the sink failed: [`EngineError::Caller`] with that very error;
    /// - a file cannot be read.
    fn fold(&self, buckets: &[PathBuf], fold: Arc<dyn Fold>, sink: Sink<'_>) -> Result<(), EngineError>;
}
