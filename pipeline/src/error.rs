//! Why a pipeline step stopped, said so that it can be mended.

use std::path::{Path, PathBuf};

use percorso_engine::EngineError;
use percorso_journey::SpecError;

/// Why a pipeline step stopped. Nothing was written when one is returned.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder cannot be read or written.
    #[error("cannot {operation} {}", path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A `journey.toml` is wrong.
    #[error("{}: {source}", path.display())]
    Spec {
        /// The file.
        path: PathBuf,
        /// What is wrong, with key and nearest valid key.
        source: SpecError,
    },
    /// A data file is not what it should be.
    #[error("{}: {message}", path.display())]
    Data {
        /// The file.
        path: PathBuf,
        /// What was found and what would be right.
        message: String,
    },
    /// Too many rows break the event contract.
    #[error("{bad} of {rows} rows break the event contract ({share:.2} %), {tolerated:.2} % are tolerated; {examples}")]
    TooManyBadRows {
        /// Rows that break it.
        bad: u64,
        /// Rows read.
        rows: u64,
        /// In percent.
        share: f64,
        /// In percent.
        tolerated: f64,
        /// Counts by reason, with the first of each.
        examples: String,
    },
    /// What was asked needs data or a file that is not there.
    #[error("{0}")]
    Missing(String),
    /// A policy has no proof that it is better than what is done.
    #[error("the policy is not promoted:{}", reasons.iter().map(|reason| format!("\n- {reason}")).collect::<String>())]
    Refused {
        /// Every reason.
        reasons: Vec<String>,
    },
    /// The engine failed.
    #[error(transparent)]
    Engine(EngineError),
    /// A learner refused its data.
    #[error("cannot fit {what}")]
    Fit {
        /// What was fitted.
        what: String,
        /// Why not.
        #[source]
        source: percorso_learners::Error,
    },
    /// What actions do could not be learnt, or a model file could not be made of what was.
    #[error(transparent)]
    Effect(#[from] percorso_next_action::Error),
    /// A model cannot be kept or opened.
    #[error(transparent)]
    Artefact(#[from] percorso_artefact::Error),
    /// A model does not fit this run.
    #[error(transparent)]
    Model(#[from] percorso_scoring::OpenError),
    /// Arrow or Parquet refused what was written.
    #[error("cannot write {}", path.display())]
    Columns {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: parquet::errors::ParquetError,
    },
}

/// The result of everything here.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn io<'a>(operation: &'static str, path: &'a Path) -> impl FnOnce(std::io::Error) -> Self + 'a {
        move |source| Self::Io {
            operation,
            path: path.to_owned(),
            source,
        }
    }

    pub(crate) fn columns(path: &Path) -> impl FnOnce(parquet::errors::ParquetError) -> Self {
        let path = path.to_owned();
        move |source| Self::Columns { path, source }
    }

    pub(crate) fn data(path: &Path, message: impl Into<String>) -> Self {
        Self::Data {
            path: path.to_owned(),
            message: message.into(),
        }
    }

    /// True when the data or the request is wrong, false when the environment is.
    pub fn is_about_data(&self) -> bool {
        match self {
            Self::Spec { .. } | Self::Data { .. } | Self::TooManyBadRows { .. } | Self::Fit { .. } => true,
            Self::Effect(_) | Self::Refused { .. } => true,
            Self::Artefact(_) | Self::Model(_) => true,
            Self::Io { .. } | Self::Missing(_) | Self::Engine(_) | Self::Columns { .. } => false,
        }
    }
}

/// Our own error back from a callback that the engine carried, else the engine's.
impl From<EngineError> for Error {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Caller(inner) => match inner.downcast::<Error>() {
                Ok(own) => *own,
                Err(other) => Self::Engine(EngineError::Caller(other)),
            },
            error => Self::Engine(error),
        }
    }
}
