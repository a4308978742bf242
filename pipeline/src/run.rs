//! The run folder: what lies where, and how a stage's output appears all at once or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use percorso_features::Catalogue;
use percorso_journey::{Spec, Timestamp};
use percorso_next_action::decide::Rules;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Error, Result};

/// The folder of one business's runs: `ingest/`, `training/`, `models/`, `scores.parquet`.
#[derive(Clone, Debug)]
pub struct RunFolder(PathBuf);

impl RunFolder {
    /// The run folder at this path, which need not exist yet.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The secret that makes customer keys.
    pub fn key_file(&self) -> PathBuf {
        self.0.join("customer.key")
    }

    /// What ingest wrote.
    pub fn ingest(&self) -> PathBuf {
        self.0.join("ingest")
    }

    /// The map from customer keys to ids.
    pub fn id_map(&self) -> PathBuf {
        self.ingest().join("id-map.parquet")
    }

    /// What training wrote: rows, predictions, evaluation.
    pub fn training(&self) -> PathBuf {
        self.0.join("training")
    }

    /// The registry of models.
    pub fn models(&self) -> PathBuf {
        self.0.join("models")
    }

    /// Where scores go unless told otherwise.
    pub fn scores(&self) -> PathBuf {
        self.0.join("scores.parquet")
    }

    /// Where who gets which action goes unless told otherwise.
    pub fn allocation(&self) -> PathBuf {
        self.0.join("allocation.parquet")
    }

    /// The store that serving reads.
    pub fn store(&self) -> PathBuf {
        self.0.join("store")
    }

    /// The spec this run was ingested under.
    ///
    /// # Errors
    /// - nothing was ingested here.
    pub fn spec(&self) -> Result<Arc<Spec>> {
        let path = self.ingest().join("journey.toml");
        if !path.exists() {
            return Err(nothing_ingested(&self.0));
        }
        Ok(read_spec(&path)?.0)
    }

    /// What the ingest found.
    ///
    /// # Errors
    /// - nothing was ingested here, or its manifest is broken.
    pub fn manifest(&self) -> Result<IngestManifest> {
        IngestManifest::read(&self.ingest())
    }

    /// The bucket files of canonical events, in bucket order.
    ///
    /// # Errors
    /// - nothing was ingested here, or not whole.
    pub fn buckets(&self) -> Result<Vec<PathBuf>> {
        let expected = self.manifest()?.n_buckets;
        let folder = self.ingest().join("events");
        let mut buckets = Vec::new();
        for entry in std::fs::read_dir(&folder).map_err(Error::io("list", &folder))? {
            buckets.push(entry.map_err(Error::io("list", &folder))?.path());
        }
        buckets.sort();
        if buckets.len() as u64 != expected {
            let message = format!(
                "{} bucket files are there, the manifest names {expected}",
                buckets.len()
            );
            return Err(Error::data(&folder, message));
        }
        Ok(buckets)
    }

    /// A hidden folder for a stage's output until it is whole.
    pub(crate) fn stage(&self, name: &str) -> Result<Staging> {
        std::fs::create_dir_all(&self.0).map_err(Error::io("create", &self.0))?;
        let (to, old) = (self.0.join(name), self.0.join(name).with_extension("old"));
        if old.exists() && !to.exists() {
            std::fs::rename(&old, &to).map_err(Error::io("put back", &to))?;
        }
        let scratch = tempfile::Builder::new()
            .prefix(&format!(".{name}-"))
            .tempdir_in(&self.0)
            .map_err(Error::io("create a folder in", &self.0))?;
        Ok(Staging { scratch, to })
    }
}

fn nothing_ingested(folder: &Path) -> Error {
    let folder = folder.display();
    Error::Missing(format!(
        "{folder} holds no ingested journeys; run `percorso ingest --journey journey.toml --run {folder}` first, or name \
         another folder with --run"
    ))
}

/// A stage's output under construction; dropped, it leaves nothing.
pub(crate) struct Staging {
    scratch: tempfile::TempDir,
    to: PathBuf,
}

impl Staging {
    pub(crate) fn path(&self) -> &Path {
        self.scratch.path()
    }

    /// Puts the output in its place, in one step, over what was there before.
    pub(crate) fn publish(self) -> Result<()> {
        let from = self.scratch.keep();
        let old = self.to.with_extension("old");
        if old.exists() {
            std::fs::remove_dir_all(&old).map_err(Error::io("remove", &old))?;
        }
        if self.to.exists() {
            std::fs::rename(&self.to, &old).map_err(Error::io("move away", &self.to))?;
        }
        if let Err(error) = std::fs::rename(&from, &self.to) {
            // What was there before goes back; should that fail too, the next stage finds it under `.old`.
            let _ = std::fs::rename(&old, &self.to);
            return Err(Error::io("put in place", &self.to)(error));
        }
        if old.exists() {
            std::fs::remove_dir_all(&old).map_err(Error::io("remove", &old))?;
        }
        Ok(())
    }
}

/// The spec in a `journey.toml`, and its text.
///
/// # Errors
/// - the file cannot be read, or is wrong: names key and nearest valid key.
pub fn read_spec(path: &Path) -> Result<(Arc<Spec>, String)> {
    let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
    let spec = Spec::parse(&text).map_err(|source| Error::Spec {
        path: path.to_owned(),
        source,
    })?;
    let catalogue = Catalogue::of(&spec);
    let mut names = BTreeSet::new();
    if let Some(twice) = catalogue.features().find(|feature| !names.insert(feature.name.clone())) {
        let message = format!(
            "two features would be named `{}`; rename the stage, touchpoint, attribute or definition",
            twice.name
        );
        return Err(Error::data(path, message));
    }
    Rules::compile(&spec).map_err(|error| Error::data(path, error.to_string()))?;
    Ok((Arc::new(spec), text))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What an ingest read and found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IngestManifest {
    /// Version of this manifest.
    pub format: u32,
    /// Digest of what the spec declares.
    pub spec_digest: String,
    /// Digest of the inputs' identities.
    pub data_digest: String,
    /// The files read.
    pub inputs: Vec<InputFile>,
    /// Source rows read.
    pub n_rows: u64,
    /// Rows of guests, passed over.
    pub n_anonymous: u64,
    /// Rows set aside.
    pub n_quarantined: u64,
    /// Rows set aside, by reason.
    pub quarantined: BTreeMap<String, u64>,
    /// Events kept.
    pub n_events: u64,
    /// Customers.
    pub n_customers: u64,
    /// Rows identical to another in every field.
    pub n_identical: u64,
    /// Those of them that were dropped.
    pub n_identical_dropped: u64,
    /// Rows that joined an event as a further line.
    pub n_lines_merged: u64,
    /// Customers with an event that became known after it happened; folded once per cut-off.
    pub n_backdated_customers: u64,
    /// Bucket files.
    pub n_buckets: u64,
    /// The first event, microseconds UTC.
    pub first_at_us: i64,
    /// The last event, microseconds UTC: data are observed up to here.
    pub last_at_us: i64,
    /// When the last of the events became known, microseconds UTC.
    pub last_known_at_us: i64,
}

impl IngestManifest {
    const NAME: &'static str = "manifest.json";

    /// The first cut-off at which every event had happened and was known.
    pub fn after_all(&self) -> Timestamp {
        Timestamp::from_micros((self.last_at_us + 1).max(self.last_known_at_us))
    }

    /// Until when customers were observed: the last event of all.
    pub const fn observed_until(&self) -> Timestamp {
        Timestamp::from_micros(self.last_at_us)
    }

    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        write_json(&folder.join(Self::NAME), self)
    }

    fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(Self::NAME);
        if !path.exists() {
            return Err(nothing_ingested(folder.parent().unwrap_or(folder)));
        }
        let text = std::fs::read_to_string(&path).map_err(Error::io("read", &path))?;
        serde_json::from_str(&text).map_err(|error| Error::data(&path, format!("not a manifest: {error}")))
    }
}

/// What identifies an input without reading all of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputFile {
    /// Where it lay.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// When it was last changed, microseconds UTC.
    pub modified_us: i64,
    /// SHA-256 of its last 64 KiB, where a Parquet footer is.
    pub footer_digest: String,
}

impl InputFile {
    pub(crate) fn of(path: &Path) -> Result<Self> {
        use std::io::{Read, Seek, SeekFrom};
        let mut file = File::open(path).map_err(Error::io("open", path))?;
        let metadata = file.metadata().map_err(Error::io("read", path))?;
        let modified = metadata.modified().map_err(Error::io("read", path))?;
        let since = modified.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let tail = metadata.len().min(64 << 10);
        file.seek(SeekFrom::End(-(tail as i64)))
            .map_err(Error::io("read", path))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(Error::io("read", path))?;
        Ok(Self {
            path: path.display().to_string(),
            bytes: metadata.len(),
            modified_us: since.as_micros() as i64,
            footer_digest: hex(&Sha256::digest(&bytes)),
        })
    }
}

/// Writes JSON to a file, synced.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    use std::io::Write;
    let mut text = serde_json::to_string_pretty(value).expect("our own types turn into JSON");
    text.push('\n');
    let mut file = File::create(path).map_err(Error::io("create", path))?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(Error::io("write", path))
}
