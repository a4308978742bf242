//! Which files a source's paths mean, in a fixed order.

use std::path::{Path, PathBuf};

use percorso_journey::Spec;

use crate::{Error, Result};

/// One source file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SourceFile {
    pub(super) path: PathBuf,
    /// Position in [`Spec::sources`].
    pub(super) source: usize,
    pub(super) format: FileFormat,
}

/// How a file is written, told by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileFormat {
    Parquet,
    Csv,
    CsvGz,
    /// Gzipped or not.
    Xes,
}

impl FileFormat {
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        [
            (".parquet", Self::Parquet),
            (".csv", Self::Csv),
            (".csv.gz", Self::CsvGz),
            (".xes", Self::Xes),
            (".xes.gz", Self::Xes),
        ]
        .into_iter()
        .find(|(ending, _)| name.ends_with(ending))
        .map(|(_, format)| format)
    }
}

/// The files of every source, sources in file order, paths in name order; each path is relative to `folder`.
///
/// # Errors
/// - a path names nothing, or a file of no known format.
pub(super) fn files(spec: &Spec, folder: &Path) -> Result<Vec<SourceFile>> {
    let mut files = Vec::new();
    let mut read = std::collections::BTreeSet::new();
    for (source, described) in spec.sources().iter().enumerate() {
        for given in &described.paths {
            let wanted = folder.join(given);
            let found = if wanted.is_dir() {
                within(&wanted)?
            } else if wanted.is_file() {
                vec![wanted.clone()]
            } else {
                matching(&wanted)?
            };
            if found.is_empty() {
                let message = "no file is there; a path names a file, a folder or a glob, relative to journey.toml";
                return Err(Error::data(&wanted, message));
            }
            for path in found {
                let whole = path.canonicalize().map_err(Error::io("find", &path))?;
                if !read.insert(whole) {
                    return Err(Error::data(
                        &path,
                        "two paths of journey.toml mean this file; it would be read twice",
                    ));
                }
                let format = FileFormat::of(&path).ok_or_else(|| {
                    let message = "expected a name that ends in .parquet, .csv, .csv.gz, .xes or .xes.gz";
                    Error::data(&path, message)
                })?;
                files.push(SourceFile { path, source, format });
            }
        }
    }
    if files.is_empty() {
        return Err(Error::Missing(
            "journey.toml has no [[source]], so there is nothing to read".to_owned(),
        ));
    }
    Ok(files)
}

/// The files of known formats in a folder, in name order.
pub(crate) fn within(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::io("list", folder))? {
        let path = entry.map_err(Error::io("list", folder))?.path();
        if path.is_file() && FileFormat::of(&path).is_some() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn matching(pattern: &Path) -> Result<Vec<PathBuf>> {
    let text = pattern.to_string_lossy();
    let matches = glob::glob(&text).map_err(|error| Error::data(pattern, format!("not a glob: {error}")))?;
    let mut paths: Vec<PathBuf> = matches
        .filter_map(std::result::Result::ok)
        .filter(|path| path.is_file())
        .collect();
    paths.sort();
    Ok(paths)
}
