//! Ingest: source files in, canonical events out, in 256 buckets of customers, each sorted.

mod canonical_rows;
mod cells;
mod decision_log;
mod files;
mod map;
mod quarantine;
mod read;
mod read_xes;
mod settle;

use std::path::Path;
use std::sync::{Arc, Mutex};

use arrow::array::RecordBatch;
use percorso_engine::{Batches, CallerError, Engine, Part};
use percorso_journey::{KeySecret, Spec};
use sha2::{Digest, Sha256};

pub(crate) use self::cells::{Times, parse_flag, parse_time, text_at, texts};
pub(crate) use self::decision_log::{Decided, decisions};
use self::files::SourceFile;
pub(crate) use self::files::{FileFormat, within};
use self::map::Mapper;
use self::quarantine::Quarantine;
pub(crate) use self::read::{SourceBatches, read_file, read_parquet, read_table};
use self::settle::{Settled, Settler};
use crate::progress::Progress;
use crate::run::{IngestManifest, InputFile, RunFolder, read_spec};
use crate::{Error, Result, canonical, ids};

/// What an ingest found; the counts of its manifest.
pub type IngestSummary = IngestManifest;

const SORT_BY: [&str; 6] = [
    "customer_key",
    "at",
    "sequence",
    "event_id",
    "source_file",
    "source_row",
];

/// Reads every source of a `journey.toml` into the run folder: canonical events, quarantine, id map, manifest.
///
/// All of it appears at once when done, in the place of an earlier ingest; on any error nothing changes.
///
/// # Errors
/// - the spec or a source file is wrong, or more rows break the contract than the spec tolerates;
/// - files cannot be read or written.
pub fn ingest(journey: &Path, run: &RunFolder, engine: &dyn Engine, progress: &dyn Progress) -> Result<IngestSummary> {
    let (spec, text) = read_spec(journey)?;
    let staging = run.stage("ingest")?;
    let secret = ids::secret(&run.key_file())?;
    let summary = write(&spec, journey, &secret, staging.path(), engine, progress)?;
    std::fs::write(staging.path().join("journey.toml"), text).map_err(Error::io("write", staging.path()))?;
    ids::protect(&staging.path().join("id-map.parquet"))?;
    summary.write(staging.path())?;
    staging.publish()?;
    Ok(summary)
}

/// [`ingest`] without leaving anything behind: tells whether the spec and its sources are right.
///
/// # Errors
/// - as of [`ingest`].
pub fn check(journey: &Path, engine: &dyn Engine, progress: &dyn Progress) -> Result<IngestSummary> {
    let (spec, _) = read_spec(journey)?;
    let scratch = tempfile::tempdir().map_err(Error::io("create", &std::env::temp_dir()))?;
    write(
        &spec,
        journey,
        &KeySecret::new(&[0; 32]),
        scratch.path(),
        engine,
        progress,
    )
}

fn write(
    spec: &Arc<Spec>,
    journey: &Path,
    secret: &KeySecret,
    folder: &Path,
    engine: &dyn Engine,
    progress: &dyn Progress,
) -> Result<IngestSummary> {
    let sources = journey.parent().unwrap_or(Path::new("."));
    decision_log::write(folder, &decision_log::read_logs(spec, sources, secret)?)?;
    let files: Arc<[SourceFile]> = files::files(spec, sources)?.into();
    progress.start("ingest", files.len() as u64);
    let tally = Arc::new(Mutex::new(Tally::default()));
    let parts = (0..files.len()).map(|at| {
        let part = FilePart {
            spec: Arc::clone(spec),
            files: Arc::clone(&files),
            at,
            secret: secret.clone(),
            tally: Arc::clone(&tally),
        };
        Arc::new(part) as Arc<dyn Part>
    });
    let parts: Vec<_> = parts.collect();
    let mut settler = Settler::new(spec, &files, folder, Quarantine::default())?;
    engine.sort(canonical::sort_schema(spec), parts, &SORT_BY, &mut |batch| {
        progress.advance(0);
        settler.push(batch).map_err(CallerError::from)
    })?;
    let (settled, buckets, mut quarantine) = settler.finish()?;
    let tally = std::mem::take(&mut *tally.lock().expect("no reader panicked"));
    quarantine.merge(tally.bad);
    refuse_too_many(spec, tally.n_rows, &quarantine, &files)?;
    if settled.n_events == 0 {
        return Err(Error::Data {
            path: journey.to_owned(),
            message: "its sources hold no event".to_owned(),
        });
    }
    let counts = quarantine
        .counts()
        .iter()
        .map(|(reason, count)| ((*reason).to_owned(), *count))
        .collect();
    quarantine.write(&folder.join("quarantine.parquet"), &files)?;
    progress.finish();
    let logs = spec.decisions().logs.iter().map(|log| sources.join(log));
    let paths = files.iter().map(|file| file.path.clone()).chain(logs);
    let inputs = paths.map(|path| InputFile::of(&path)).collect::<Result<Vec<_>>>()?;
    manifest(
        spec,
        inputs,
        tally.n_rows,
        tally.n_anonymous,
        counts,
        &settled,
        buckets.len(),
    )
}

fn refuse_too_many(spec: &Spec, rows: u64, quarantine: &Quarantine, files: &[SourceFile]) -> Result<()> {
    let bad = quarantine.n_rows();
    let share = bad as f64 / rows.max(1) as f64;
    if share <= spec.tolerated_bad_share() {
        return Ok(());
    }
    Err(Error::TooManyBadRows {
        bad,
        rows,
        share: 100.0 * share,
        tolerated: 100.0 * spec.tolerated_bad_share(),
        examples: quarantine.told(files),
    })
}

fn manifest(
    spec: &Spec,
    inputs: Vec<InputFile>,
    n_rows: u64,
    n_anonymous: u64,
    quarantined: std::collections::BTreeMap<String, u64>,
    settled: &Settled,
    n_buckets: usize,
) -> Result<IngestManifest> {
    let mut digest = Sha256::new();
    for input in &inputs {
        digest.update(format!(
            "{}\n{}\n{}\n",
            input.bytes, input.modified_us, input.footer_digest
        ));
    }
    Ok(IngestManifest {
        format: 1,
        spec_digest: spec.digest(),
        data_digest: crate::run::hex(&digest.finalize()),
        inputs,
        n_rows,
        n_anonymous,
        n_quarantined: quarantined.values().sum(),
        quarantined,
        n_events: settled.n_events,
        n_customers: settled.n_customers,
        n_identical: settled.n_identical,
        n_identical_dropped: settled.n_identical_dropped,
        n_lines_merged: settled.n_lines_merged,
        n_backdated_customers: settled.n_backdated_customers,
        n_buckets: n_buckets as u64,
        first_at_us: settled.first_at.unwrap_or_default(),
        last_at_us: settled.last_at.unwrap_or_default(),
        last_known_at_us: settled.last_known_at.unwrap_or_default(),
    })
}

/// What all readers counted together.
#[derive(Default)]
struct Tally {
    n_rows: u64,
    n_anonymous: u64,
    bad: Quarantine,
}

/// One source file as the engine reads it: mapped, checked, counted.
struct FilePart {
    spec: Arc<Spec>,
    files: Arc<[SourceFile]>,
    at: usize,
    secret: KeySecret,
    tally: Arc<Mutex<Tally>>,
}

impl Part for FilePart {
    fn open(&self) -> std::result::Result<Batches, CallerError> {
        let file = &self.files[self.at];
        let batches = read::read(file, &self.spec).map_err(CallerError::from)?;
        let (spec, files, at) = (Arc::clone(&self.spec), Arc::clone(&self.files), self.at);
        let (secret, tally) = (self.secret.clone(), Arc::clone(&self.tally));
        Ok(Box::new(batches.map(move |batch| {
            let rows = batch.and_then(|batch| mapped(&spec, &files, at, &secret, &tally, &batch));
            rows.map_err(CallerError::from)
        })))
    }
}

fn mapped(
    spec: &Spec,
    files: &[SourceFile],
    at: usize,
    secret: &KeySecret,
    tally: &Mutex<Tally>,
    batch: &read::SourceBatch,
) -> Result<RecordBatch> {
    let mapped = Mapper::new(spec, &files[at], at as u32, secret).map(batch)?;
    let mut tally = tally.lock().expect("no reader panicked");
    tally.n_rows += batch.rows.num_rows() as u64;
    tally.n_anonymous += mapped.n_anonymous;
    tally.bad.add(mapped.bad);
    Ok(mapped.rows)
}
