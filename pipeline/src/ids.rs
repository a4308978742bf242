//! The one place where keys turn back into ids: a file that only its owner may read.

use std::collections::HashMap;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{AsArray, FixedSizeBinaryArray, FixedSizeBinaryBuilder, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use percorso_journey::{CustomerKey, KeySecret};

use crate::{Error, Result, columns};

/// `customer_key`, `customer_id`.
pub(crate) fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("customer_key", DataType::FixedSizeBinary(16), false),
        Field::new("customer_id", DataType::Utf8, false),
    ]))
}

pub(crate) fn batch(ids: &[([u8; 16], String)]) -> RecordBatch {
    let mut keys = FixedSizeBinaryBuilder::with_capacity(ids.len(), 16);
    for (key, _) in ids {
        keys.append_value(key).expect("a key has 16 bytes");
    }
    let ids = StringArray::from_iter_values(ids.iter().map(|(_, id)| id));
    RecordBatch::try_new(schema(), vec![Arc::new(keys.finish()), Arc::new(ids)]).expect("two columns of one length")
}

/// The ids of the keys asked for.
///
/// # Errors
/// - the id map cannot be read.
pub(crate) fn reveal(path: &Path, wanted: &[CustomerKey]) -> Result<HashMap<CustomerKey, String>> {
    let wanted: std::collections::HashSet<CustomerKey> = wanted.iter().copied().collect();
    let mut found = HashMap::with_capacity(wanted.len());
    for batch in columns::read(path)? {
        let batch = batch.map_err(|error| Error::data(path, error.to_string()))?;
        let keys: &FixedSizeBinaryArray = batch.column(0).as_fixed_size_binary();
        let ids: &StringArray = batch.column(1).as_string();
        for row in 0..batch.num_rows() {
            let key = key_at(keys, row);
            if wanted.contains(&key) {
                found.insert(key, ids.value(row).to_owned());
            }
        }
    }
    Ok(found)
}

/// The key in a row of a key column.
pub(crate) fn key_at(keys: &FixedSizeBinaryArray, row: usize) -> CustomerKey {
    CustomerKey::from_bytes(keys.value(row).try_into().expect("a key column is 16 bytes wide"))
}

/// The secret in a key file; a new random one is written when the file is not there.
///
/// # Errors
/// - the file cannot be read or written, or does not hold 64 hex digits.
pub fn secret(path: &Path) -> Result<KeySecret> {
    if !path.exists() {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|error| Error::Missing(format!("no random bytes to be had: {error}")))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let scratch = tempfile::NamedTempFile::new_in(folder).map_err(Error::io("create a file in", folder))?;
        write_secret(scratch.path(), &bytes)?;
        // Of two runs that start together one makes the key, and both read it.
        if let Err(error) = scratch.persist_noclobber(path)
            && !path.exists()
        {
            return Err(Error::io("create", path)(error.error));
        }
    }
    let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
    KeySecret::parse(&text).ok_or_else(|| Error::data(path, "expected a key: 64 hex digits"))
}

/// Writes a secret that only its owner may read.
///
/// # Errors
/// - the file cannot be written.
pub fn write_secret(path: &Path, bytes: &[u8; 32]) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    }
    let mut file = private(path)?;
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    writeln!(file, "{text}")
        .and_then(|()| file.sync_all())
        .map_err(Error::io("write", path))
}

fn private(path: &Path) -> Result<std::fs::File> {
    std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .map_err(Error::io("create", path))
}

/// Takes reading from everyone but the owner.
pub(crate) fn protect(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(Error::io("protect", path))
}
