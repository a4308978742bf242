//! Source files, opened only when there is something in them.

use std::fs::File;
use std::path::Path;

use crate::{Error, Result};

/// The file, at its beginning.
///
/// # Errors
/// - it cannot be opened, or is empty.
pub(crate) fn open(path: &Path) -> Result<File> {
    let file = File::open(path).map_err(Error::io("open", path))?;
    if file.metadata().map_err(Error::io("open", path))?.len() == 0 {
        return Err(Error::data(path, "the file is empty"));
    }
    Ok(file)
}
