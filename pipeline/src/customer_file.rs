//! Files with a row for each customer: by key, or with their ids for their owner alone.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use percorso_journey::CustomerKey;

use crate::columns::ParquetFile;
use crate::ids::{key_at, reveal};
use crate::run::RunFolder;
use crate::{Error, Result};

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    Everyone,
    /// It holds ids.
    Owner,
}

/// The batches, whose first column are keys, with a column of customers' ids before it.
///
/// # Errors
/// - the id map cannot be read
pub(crate) fn revealed(
    run: &RunFolder,
    schema: &SchemaRef,
    batches: &[RecordBatch],
) -> Result<(SchemaRef, Vec<RecordBatch>)> {
    let keys = |batch: &RecordBatch| -> Vec<CustomerKey> {
        let keys = batch.column(0).as_fixed_size_binary();
        (0..batch.num_rows()).map(|row| key_at(keys, row)).collect()
    };
    let all: Vec<CustomerKey> = batches.iter().flat_map(keys).collect();
    let ids = reveal(&run.id_map(), &all)?;
    let id = Field::new("customer_id", DataType::Utf8, true);
    let fields = [Arc::new(id)].into_iter().chain(schema.fields().iter().cloned());
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let with_ids = |batch: &RecordBatch| {
        let ids: StringArray = keys(batch).iter().map(|key| ids.get(key).map(String::as_str)).collect();
        let columns = [Arc::new(ids) as ArrayRef]
            .into_iter()
            .chain(batch.columns().iter().cloned());
        RecordBatch::try_new(Arc::clone(&schema), columns.collect()).expect("the schema has the id first")
    };
    let batches = batches.iter().map(with_ids).collect();
    Ok((schema, batches))
}

/// Writes a file beside its place and moves it there when whole.
///
/// # Errors
/// - the file cannot be written; what was there before stays
pub(crate) fn write(path: &Path, schema: &SchemaRef, batches: &[RecordBatch], readers: Readers) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    let scratch = tempfile::NamedTempFile::new_in(folder).map_err(Error::io("create a file in", folder))?;
    let mut file = ParquetFile::create(scratch.path(), Arc::clone(schema))?;
    for batch in batches {
        file.write(batch)?;
    }
    file.finish()?;
    let mode = match readers {
        Readers::Everyone => 0o644,
        Readers::Owner => 0o600,
    };
    std::fs::set_permissions(scratch.path(), std::fs::Permissions::from_mode(mode))
        .map_err(Error::io("set permissions of", path))?;
    scratch
        .persist(path)
        .map_err(|error| Error::io("put in place", path)(error.error))?;
    Ok(())
}
