//! The report of a kept version as a file.

use std::path::{Path, PathBuf};

use percorso_artefact::Registry;

use crate::run::RunFolder;
use crate::training::{REPORT, evaluation};
use crate::{Error, Result};

/// Draws the report of a version, or of the last training when none is named, and says where it is.
///
/// Without an `output` it is `training/report.html`, or `report-<version>.html` in the run folder.
///
/// # Errors
/// - there is no such version or training, or the file cannot be written.
pub fn write_report(run: &RunFolder, version: Option<&str>, output: Option<&Path>) -> Result<PathBuf> {
    let evaluation = evaluation(run, version)?;
    let page = match (output, version) {
        (Some(output), _) => output.to_owned(),
        (None, None) => run.training().join(REPORT),
        (None, Some(version)) => {
            let version = Registry::at(run.models()).resolve(version)?;
            run.path().join(format!("report-{version}.html"))
        }
    };
    std::fs::write(&page, super::report(&evaluation, run.spec()?.name())).map_err(Error::io("write", &page))?;
    Ok(page)
}
