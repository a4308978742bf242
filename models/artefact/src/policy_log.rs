//! Who acts, since when, and what was known of it: a line for each change of the policy, never taken back.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::registry::{io_error, sync_folder};
use crate::{Error, Result, VersionId};

/// A change of the policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyChange {
    /// The version that acts from then on.
    pub version: VersionId,
    /// When, RFC 3339.
    pub at: String,
    /// What was done.
    pub done: PolicyChanged,
    /// What it was judged on, in words; empty when the policy was rolled back.
    pub judged_on: String,
    /// What it would have earned, and the ends of the interval of that; nothing where it cannot be told.
    pub value: [Option<f64>; 3],
    /// What was earned by what was done instead; nothing where it cannot be told.
    pub champion_value: Option<f64>,
    /// Why it should not have been promoted; nothing when there was no reason.
    pub refused: Vec<String>,
    /// Why it was promoted all the same, in the words of who did it.
    pub accepted_risk: Option<String>,
}

impl PolicyChange {
    pub(crate) fn rolled_back(version: &VersionId, at: &str) -> PolicyChange {
        PolicyChange {
            version: version.clone(),
            at: at.to_owned(),
            done: PolicyChanged::RolledBack,
            judged_on: String::new(),
            value: [None; 3],
            champion_value: None,
            refused: Vec::new(),
            accepted_risk: None,
        }
    }
}

/// What was done to the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyChanged {
    /// A version became the policy.
    Promoted,
    /// The policy before became the policy again.
    RolledBack,
}

const WHAT: &str = "a log of policies";

/// Adds a line, safe on disk when it returns; half a line that a crash left is cut off first.
pub(crate) fn append(path: &Path, change: &PolicyChange) -> Result<()> {
    let mut line = serde_json::to_vec(change).map_err(|source| Error::RegistryJson {
        path: path.to_owned(),
        what: WHAT,
        source,
    })?;
    line.push(b'\n');
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(path)
        .map_err(io_error("open", path))?;
    let mut text = Vec::new();
    file.read_to_end(&mut text).map_err(io_error("read", path))?;
    let whole = whole_lines(&text).len() as u64;
    let write = |file: &mut File| {
        file.set_len(whole)?;
        file.seek(SeekFrom::Start(whole))?;
        file.write_all(&line)?;
        file.sync_all()
    };
    write(&mut file).map_err(io_error("write", path))?;
    sync_folder(path.parent().expect("registry files are inside the registry"))
}

/// Every line, oldest first; none when there is no file.
pub(crate) fn read(path: &Path) -> Result<Vec<PolicyChange>> {
    let text = match std::fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        text => text.map_err(io_error("read", path))?,
    };
    let lines = whole_lines(&text).split(|byte| *byte == b'\n');
    let parsed = lines.filter(|line| !line.is_empty()).map(serde_json::from_slice);
    parsed
        .collect::<std::result::Result<_, _>>()
        .map_err(|source| Error::RegistryJson {
            path: path.to_owned(),
            what: WHAT,
            source,
        })
}

/// What was written to its end.
fn whole_lines(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    &text[..end]
}
