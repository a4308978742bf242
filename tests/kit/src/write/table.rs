//! One Parquet file, written batch by batch.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::Error;

/// Rows of a row group.
const ROWS_PER_GROUP: usize = 131_072;

/// A file under way.
pub(super) struct Table<'a> {
    /// The name that errors tell.
    path: &'a Path,
    schema: SchemaRef,
    writer: ArrowWriter<File>,
    n_rows: u64,
}

impl<'a> Table<'a> {
    /// A table without rows in `file`, which is to be named `path`.
    pub(super) fn new(path: &'a Path, file: File, schema: SchemaRef) -> Result<Self, Error> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_max_row_group_row_count(Some(ROWS_PER_GROUP))
            .set_created_by("percorso-kit".to_owned())
            .build();
        Ok(Self {
            path,
            writer: ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties)).map_err(cannot_encode(path))?,
            schema,
            n_rows: 0,
        })
    }

    /// Adds rows, given as columns in the order of the schema.
    pub(super) fn append(&mut self, columns: Vec<ArrayRef>) -> Result<(), Error> {
        let rows = RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(|source| Error::Columns {
            path: self.path.to_owned(),
            source,
        })?;
        self.n_rows += rows.num_rows() as u64;
        self.writer.write(&rows).map_err(cannot_encode(self.path))
    }

    /// Ends the file, and returns the number of its rows.
    pub(super) fn close(self) -> Result<u64, Error> {
        self.writer.close().map_err(cannot_encode(self.path))?;
        Ok(self.n_rows)
    }
}

fn cannot_encode(path: &Path) -> impl FnOnce(ParquetError) -> Error {
    |source| Error::Encode {
        path: path.to_owned(),
        source,
    }
}
