//! What to type next when a command failed: one table of common stumbles.

use std::error::Error;
use std::io::ErrorKind;
use std::path::Path;

use percorso_artefact::Error as Registry;
use percorso_pipeline::Error as Pipeline;
use percorso_serving::{ServeError, StoreError};

/// The next step after an error, where there is one to name.
pub(crate) fn next_step(error: &anyhow::Error) -> Option<String> {
    error.chain().find_map(of_cause)
}

fn of_cause(cause: &(dyn Error + 'static)) -> Option<String> {
    if let Some(error) = cause.downcast_ref::<Pipeline>() {
        return of_pipeline(error);
    }
    if let Some(error) = cause.downcast_ref::<Registry>() {
        return of_registry(error);
    }
    if let Some(error) = cause.downcast_ref::<StoreError>() {
        return of_store(error);
    }
    match cause.downcast_ref::<ServeError>()? {
        ServeError::Store(error) => of_store(error),
        ServeError::Bind { source, .. } if source.kind() == ErrorKind::AddrInUse => {
            Some("`--listen 127.0.0.1:0` takes a free port; `percorso doctor` says which are taken".to_owned())
        }
        _ => None,
    }
}

fn of_pipeline(error: &Pipeline) -> Option<String> {
    match error {
        Pipeline::Io { path, source, .. } if source.kind() == ErrorKind::NotFound => of_missing(path),
        Pipeline::Io { path, source, .. } if source.kind() == ErrorKind::PermissionDenied => Some(format!(
            "`ls -l {}` says who may read it; key files and id maps belong to whoever ran `percorso ingest`",
            path.display()
        )),
        Pipeline::Io { source, .. } if source.kind() == ErrorKind::StorageFull => {
            Some("`percorso doctor` says how much space there is and how much training takes".to_owned())
        }
        Pipeline::Artefact(error) => of_registry(error),
        Pipeline::Model(_) => {
            Some("`percorso train` makes a model of this journey.toml; `percorso models promote N` lets it serve".to_owned())
        }
        Pipeline::TooManyBadRows { .. } => Some(
            "mend the rows, or what journey.toml reads them as; `percorso check --journey FILE` looks again without writing"
                .to_owned(),
        ),
        _ => None,
    }
}

/// A file that is not there tells by its name what was not done.
fn of_missing(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let run = |at: usize| path.ancestors().nth(at).unwrap_or(path).display();
    match name {
        "journey.toml" => {
            Some("`percorso init DATA` writes a first journey.toml from files nobody described".to_owned())
        }
        "evaluation.json" | "predictions.parquet" => Some(format!("`percorso train --run {}`", run(2))),
        "manifest.json" | "events" | "id-map.parquet" => {
            Some(format!("`percorso ingest --journey journey.toml --run {}`", run(2)))
        }
        _ if name.ends_with(".toml") => {
            Some("is the path right? `percorso init DATA` writes a first journey.toml".to_owned())
        }
        _ => None,
    }
}

fn of_registry(error: &Registry) -> Option<String> {
    match error {
        Registry::NoSuchLabel { label, registry } => {
            let run = registry.parent().unwrap_or(registry).display();
            Some(match label.as_str() {
                "policy" => format!("`percorso policy promote N --run {run}`"),
                "champion" => format!(
                    "`percorso models --run {run} promote N`, with a version of `percorso models --run {run} list`; \
                     without any, `percorso train --run {run}`"
                ),
                label => format!("`percorso models --run {run} promote N --to {label}`"),
            })
        }
        Registry::NoSuchVersion { registry, .. } => {
            let run = registry.parent().unwrap_or(registry).display();
            Some(format!(
                "`percorso models --run {run} list` says which versions there are"
            ))
        }
        Registry::VersionId { .. } => {
            Some("a number or a label such as champion will do; `percorso models list` says which there are".to_owned())
        }
        Registry::Digest { .. } | Registry::Manifest { .. } => {
            Some("`percorso models promote N` another version, or `percorso train` again".to_owned())
        }
        _ => None,
    }
}

fn of_store(error: &StoreError) -> Option<String> {
    match error {
        StoreError::InUse { .. } => {
            Some("stop the `percorso serve` that has it; only one process may have a store".to_owned())
        }
        _ => None,
    }
}
