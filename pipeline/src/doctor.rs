//! What is in a run folder and what is missing, each with the next step.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parquet::file::reader::{FileReader, SerializedFileReader};
use percorso_artefact::{Label, Registry};
use percorso_features::Catalogue;
use percorso_journey::Timestamp;
use percorso_scoring::ScoringModel;
use serde::Serialize;

use crate::cutoffs::Cutoffs;
use crate::run::{IngestManifest, RunFolder, read_spec};
use crate::{Result, training};

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// As it should be.
    Ok,
    /// Worth knowing; nothing fails by it.
    Note,
    /// Something fails until it is mended.
    Problem,
}

/// One thing looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub what: String,
    /// How it is.
    pub health: Health,
    /// What was found.
    pub found: String,
    /// What to do next, where there is something to do.
    pub next: Option<String>,
}

impl Finding {
    /// Something as it should be.
    pub fn ok(what: impl Into<String>, found: impl Into<String>) -> Self {
        Self::of(Health::Ok, what, found, None)
    }

    /// Something worth knowing.
    pub fn note(what: impl Into<String>, found: impl Into<String>, next: impl Into<String>) -> Self {
        Self::of(Health::Note, what, found, Some(next.into()))
    }

    /// Something to mend.
    pub fn problem(what: impl Into<String>, found: impl Into<String>, next: impl Into<String>) -> Self {
        Self::of(Health::Problem, what, found, Some(next.into()))
    }

    fn of(health: Health, what: impl Into<String>, found: impl Into<String>, next: Option<String>) -> Self {
        Self {
            what: what.into(),
            health,
            found: found.into(),
            next,
        }
    }
}

/// Looks at a `journey.toml`, where one is named, and at a run folder as of `now`; writes nothing.
///
/// Also says how many bytes training may need there, where that can be told.
pub fn examine(run: &RunFolder, journey: Option<&Path>, now: Timestamp) -> (Vec<Finding>, Option<u64>) {
    let mut findings = Vec::new();
    if let Some(journey) = journey {
        findings.push(of_journey(run, journey));
    }
    let folder = run.path().display();
    if !run.path().exists() {
        findings.push(Finding::note(
            "run folder",
            format!("{folder} is not there"),
            format!("`percorso ingest --journey journey.toml --run {folder}`, or name another with --run"),
        ));
        return (findings, None);
    }
    let manifest = match (run.spec(), run.manifest()) {
        (Ok(_), Ok(manifest)) => manifest,
        (Err(error), _) | (_, Err(error)) => {
            findings.push(Finding::problem(
                "ingest",
                error.to_string(),
                format!("`percorso ingest --journey journey.toml --run {folder}`"),
            ));
            return (findings, None);
        }
    };
    findings.push(of_ingest(run, &manifest, now));
    findings.extend([run.key_file(), run.id_map()].iter().filter_map(|path| of_secret(path)));
    findings.push(of_training(run, now));
    findings.extend(of_models(run));
    findings.push(of_scores(run, now));
    (findings, training_bytes(run, &manifest))
}

fn of_journey(run: &RunFolder, journey: &Path) -> Finding {
    let (what, path) = ("journey.toml", journey.display());
    match read_spec(journey) {
        Err(error) => Finding::problem(
            what,
            error.to_string(),
            "mend it, or let `percorso init DATA` write a first one",
        ),
        Ok((spec, _)) => match run.manifest() {
            Ok(manifest) if manifest.spec_digest != spec.digest() => Finding::note(
                what,
                format!("{path} is right, and declares something else than what was ingested"),
                format!(
                    "`percorso ingest --journey {} --run {}`, then train again",
                    journey.display(),
                    run.path().display()
                ),
            ),
            _ => Finding::ok(
                what,
                format!(
                    "{path} is right: {}, {} features",
                    spec.name(),
                    Catalogue::of(&spec).len()
                ),
            ),
        },
    }
}

fn of_ingest(run: &RunFolder, manifest: &IngestManifest, now: Timestamp) -> Finding {
    let IngestManifest {
        format,
        n_events,
        n_customers,
        n_quarantined,
        ..
    } = manifest;
    let last = Timestamp::from_micros(manifest.last_at_us).to_string();
    let found = format!(
        "{n_events} events of {n_customers} customers up to {}, format {format}, {n_quarantined} rows set aside{}",
        &last[..10],
        age(&run.ingest(), now)
    );
    if let Err(error) = run.buckets() {
        let next = format!(
            "`percorso ingest --journey journey.toml --run {}`",
            run.path().display()
        );
        return Finding::problem("ingest", error.to_string(), next);
    }
    if *n_quarantined > 0 {
        let next = format!(
            "{} says which and why",
            run.ingest().join("quarantine.parquet").display()
        );
        return Finding::note("ingest", found, next);
    }
    Finding::ok("ingest", found)
}

/// A file that only its owner should read.
fn of_secret(path: &Path) -> Option<Finding> {
    let what = path.file_name()?.to_string_lossy().into_owned();
    let Ok(metadata) = std::fs::metadata(path) else {
        let next = "customers can be neither named nor found by id; bring it back, or ingest again";
        return Some(Finding::problem(what, format!("{} is not there", path.display()), next));
    };
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let found = format!("others may use it (mode {mode:03o})");
        return Some(Finding::problem(what, found, format!("`chmod 600 {}`", path.display())));
    }
    if std::fs::File::open(path).is_err() {
        return Some(Finding::problem(
            what,
            "belongs to someone else",
            "run as whoever ran `percorso ingest`",
        ));
    }
    Some(Finding::ok(what, format!("for its owner alone (mode {mode:03o})")))
}

fn of_training(run: &RunFolder, now: Timestamp) -> Finding {
    let again = format!("`percorso train --run {}`", run.path().display());
    let folder = run.training();
    if !folder.exists() {
        return Finding::note("training", "nothing was trained", again);
    }
    if let Err(error) = training::evaluation(run, None) {
        return Finding::problem("training", error.to_string(), again);
    }
    match n_rows(&folder.join("rows.parquet")) {
        Err(error) => Finding::problem("training", error, again),
        Ok(n_rows) => {
            let found = format!("{n_rows} rows{}", age(&folder, now));
            if is_older(&folder, &run.ingest()) {
                return Finding::note("training", format!("{found}, before the last ingest"), again);
            }
            Finding::ok("training", found)
        }
    }
}

fn of_models(run: &RunFolder) -> Vec<Finding> {
    let folder = run.path().display();
    match models(run) {
        Ok(findings) if findings.is_empty() => vec![Finding::note(
            "models",
            "there is none",
            format!("`percorso train --run {folder}`"),
        )],
        Ok(findings) => findings,
        Err(error) => vec![Finding::problem(
            "models",
            error.to_string(),
            format!("`percorso train --run {folder}` makes a new version"),
        )],
    }
}

fn models(run: &RunFolder) -> Result<Vec<Finding>> {
    let registry = Registry::at(run.models());
    let (versions, labels, spec) = (registry.list()?, registry.labels()?, run.spec()?);
    let mut findings = Vec::new();
    for version in &versions {
        let worn = Label::ALL
            .into_iter()
            .filter(|label| labels.get(*label) == Some(&version.id));
        let worn: Vec<String> = worn.map(|label| label.to_string()).collect();
        let what = format!("model {}", version.id);
        let opened = registry.open(&version.id)?;
        let found = format!("{} KiB {}", version.size_bytes / 1024, worn.join(", "));
        findings.push(match ScoringModel::open(&spec, &opened, version.id.to_string()) {
            Ok(_) => Finding::ok(what, found.trim_end()),
            // A version that nobody uses may be of another time.
            Err(error) if worn.is_empty() => Finding::ok(what, format!("of another journey.toml or version: {error}")),
            Err(error) => Finding::problem(
                what,
                format!("{}: {error}", worn.join(", ")),
                format!(
                    "`percorso train --run {}`, then promote the new version",
                    run.path().display()
                ),
            ),
        });
    }
    if !versions.is_empty() && labels.champion.is_none() {
        let next = format!("`percorso models --run {} promote N`", run.path().display());
        findings.push(Finding::note("champion", "no version scores or serves", next));
    }
    Ok(findings)
}

fn of_scores(run: &RunFolder, now: Timestamp) -> Finding {
    let again = format!("`percorso score --run {}`", run.path().display());
    let path = run.scores();
    if !path.exists() {
        return Finding::note("scores", "nobody was scored", again);
    }
    match n_rows(&path) {
        Err(error) => Finding::problem("scores", error, again),
        Ok(n_rows) => {
            let found = format!("{n_rows} customers{}", age(&path, now));
            if is_older(&path, &run.ingest()) {
                return Finding::note("scores", format!("{found}, before the last ingest"), again);
            }
            Finding::ok("scores", found)
        }
    }
}

fn n_rows(path: &Path) -> std::result::Result<i64, String> {
    let told = |error: &dyn std::fmt::Display| format!("{} is not whole: {error}", path.display());
    let file = std::fs::File::open(path).map_err(|error| told(&error))?;
    let reader = SerializedFileReader::new(file).map_err(|error| told(&error))?;
    Ok(reader.metadata().file_metadata().num_rows())
}

/// About so many intervals of silence follow an event.
const WAITS_PER_EVENT: u64 = 4;
/// Training draws about so many waits for either of its two questions, unless its settings ask for more.
const WAITS_AT_MOST: u64 = 180_000;

/// What training may write: rows at cut-offs and waits, of 4 bytes a cell; it holds as much in memory meanwhile.
fn training_bytes(run: &RunFolder, manifest: &IngestManifest) -> Option<u64> {
    let spec = run.spec().ok()?;
    let first_at = Timestamp::from_micros(manifest.first_at_us);
    let cutoffs = Cutoffs::of(&spec, first_at, manifest.observed_until())?;
    let n_rows = manifest.n_customers * cutoffs.all.len() as u64;
    let n_waits = (WAITS_PER_EVENT * manifest.n_events).min(2 * WAITS_AT_MOST);
    Some(4 * (n_rows + n_waits) * Catalogue::of(&spec).len() as u64)
}

fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).ok()?.modified().ok()
}

fn is_older(one: &Path, other: &Path) -> bool {
    matches!((modified(one), modified(other)), (Some(one), Some(other)) if one < other)
}

fn age(path: &Path, now: Timestamp) -> String {
    let now = UNIX_EPOCH + Duration::from_micros(now.micros().max(0).unsigned_abs());
    let since = modified(path).and_then(|at| now.duration_since(at).ok());
    since.map_or_else(String::new, |since| format!(", {} old", of_span(since)))
}

fn of_span(span: Duration) -> String {
    let minutes = span.as_secs() / 60;
    match minutes {
        0..120 => format!("{minutes} minutes"),
        120..2_880 => format!("{} hours", minutes / 60),
        _ => format!("{} days", minutes / 1_440),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_in_their_largest_unit() {
        let told = [90, 7_300, 300_000].map(|seconds| of_span(Duration::from_secs(seconds)));
        assert_eq!(told, ["1 minutes", "2 hours", "3 days"]);
    }

    #[test]
    fn what_is_not_there_is_a_note_and_what_is_broken_a_problem() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let run = RunFolder::at(folder.path().join("run"));
        let health = |findings: Vec<Finding>| findings.into_iter().map(|found| found.health).collect::<Vec<_>>();
        assert_eq!(health(examine(&run, None, Timestamp::from_micros(0)).0), [Health::Note]);
        std::fs::create_dir(run.path()).expect("a folder");
        let journey = folder.path().join("journey.toml");
        let (findings, bytes) = examine(&run, Some(&journey), Timestamp::from_micros(0));
        assert!(bytes.is_none());
        assert!(findings.iter().all(|found| found.next.is_some()));
        assert_eq!(health(findings), [Health::Problem, Health::Problem]);
    }
}
