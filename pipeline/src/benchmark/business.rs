//! A business read anew for a benchmark, in a folder of its own that is removed afterwards.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use percorso_engine::Engine;
use percorso_features::Catalogue;
use percorso_journey::{Spec, Timestamp};
use tempfile::TempDir;

use crate::{Error, Progress, Result, RunFolder, ingest, write_secret};

/// What a `journey.toml` describes, ingested.
pub(super) struct Business {
    folder: TempDir,
    pub(super) run: RunFolder,
    pub(super) spec: Arc<Spec>,
    pub(super) catalogue: Arc<Catalogue>,
    pub(super) first_at: Timestamp,
    pub(super) observed_until: Timestamp,
}

impl Business {
    /// Reads its sources.
    ///
    /// # Errors
    /// - they cannot be read
    pub(super) fn read(journey: &Path, engine: &dyn Engine, progress: &dyn Progress) -> Result<Self> {
        let folder = tempfile::tempdir().map_err(Error::io("create", &std::env::temp_dir()))?;
        let run = RunFolder::at(folder.path());
        // Ids are turned into keys by a known secret, so that the same data make the same rows.
        write_secret(&run.key_file(), &[7; 32])?;
        ingest(journey, &run, engine, progress)?;
        let (spec, manifest) = (run.spec()?, run.manifest()?);
        Ok(Self {
            catalogue: Arc::new(Catalogue::of(&spec)),
            spec,
            first_at: Timestamp::from_micros(manifest.first_at_us),
            observed_until: manifest.observed_until(),
            run,
            folder,
        })
    }

    /// A place for rows that nobody wants to keep.
    pub(super) fn rows(&self) -> PathBuf {
        self.folder.path().join("rows.parquet")
    }
}

/// Why nothing could be judged.
pub(super) fn too_short(journey: &Path) -> Error {
    Error::Missing(format!("{} describes too short a history", journey.display()))
}
