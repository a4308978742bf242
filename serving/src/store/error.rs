//! Why the store refuses or fails.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use percorso_journey::{HistoryError, MalformedBytes};

/// Why the store refuses or fails; no customer is ever named.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no store.
    #[error("no store at {}; run `percorso load` first", dir.display())]
    NotLoaded {
        /// Where it was looked for.
        dir: PathBuf,
    },
    /// Another process has it.
    #[error("the store at {} is in use by another process", dir.display())]
    InUse {
        /// Where it lies.
        dir: PathBuf,
    },
    /// It was written by another version.
    #[error("the store at {} has format {found}, expected {expected}; run `percorso load` again", dir.display())]
    Format {
        /// Where it lies.
        dir: PathBuf,
        /// The format found.
        found: u8,
        /// The format this version reads.
        expected: u8,
    },
    /// It is to be replaced and cannot be read.
    #[error(
        "the store at {} cannot be read, so what was streamed and decided cannot be carried over; move it away to begin anew",
        dir.display()
    )]
    Unreadable {
        /// Where it lies.
        dir: PathBuf,
        /// Why it cannot be read.
        #[source]
        source: Box<StoreError>,
    },
    /// It was loaded under another spec.
    #[error(
        "the store at {} was loaded under another journey.toml ({found}), expected {expected}; run `percorso load` again",
        dir.display()
    )]
    Spec {
        /// Where it lies.
        dir: PathBuf,
        /// The digest of the spec it was loaded under, in hex.
        found: String,
        /// The digest of the spec it was opened with, in hex.
        expected: String,
    },
    /// A record is not what it should be.
    #[error("a record of the store is damaged; run `percorso load` again")]
    Malformed(#[from] MalformedBytes),
    /// A customer's log does not follow their base state.
    #[error("a customer's log does not follow their base state; run `percorso load` again")]
    Disorder(#[from] HistoryError),
    /// A customer's base state reaches into the time from which late events are still taken.
    #[error("a customer's base state reaches into the allowed lateness; run `percorso load` again")]
    BaseTooLate,
    /// Customers were loaded out of order, or twice.
    #[error("customers must be loaded in rising order of their keys")]
    KeyOrder,
    /// The engine below failed.
    #[error("cannot {operation} the store")]
    Engine {
        /// What was tried.
        operation: &'static str,
        /// Why it failed.
        #[source]
        source: Arc<fjall::Error>,
    },
    /// The disk refused.
    #[error("cannot {operation} {}", path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: Arc<std::io::Error>,
    },
    /// More events wait to be written than the store lets wait.
    #[error("too many events wait to be written; try again")]
    Busy,
    /// The store was closed, or its writer stopped.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    pub(super) fn engine(operation: &'static str) -> impl Fn(fjall::Error) -> Self {
        move |source| Self::Engine {
            operation,
            source: Arc::new(source),
        }
    }

    pub(super) fn io(operation: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            operation,
            path,
            source: Arc::new(source),
        }
    }
}
