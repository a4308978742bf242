//! Source files as Arrow batches with the number of their first row.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema};
use flate2::read::MultiGzDecoder;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use percorso_journey::Spec;
use percorso_journey::spec::CsvFormat;

use super::files::{FileFormat, SourceFile};
use super::read_xes::read_xes;
use crate::open::open;
use crate::{Error, Result};

/// A batch of source rows; `first_row` counts from 1, header lines aside.
pub(crate) struct SourceBatch {
    pub(crate) rows: RecordBatch,
    pub(crate) first_row: i64,
}

/// Batches read one after another.
pub(crate) type SourceBatches = Box<dyn Iterator<Item = Result<SourceBatch>> + Send>;

pub(super) const BATCH_ROWS: usize = 8_192;
const MAX_FOOTER_BYTES: u64 = 256 << 20;
const MAX_FIELD_BYTES: usize = 1 << 20;

/// The batches of a file.
///
/// # Errors
/// - the file cannot be read, is empty, or is not of its format; reading errors come with the batches.
pub(super) fn read(file: &SourceFile, spec: &Spec) -> Result<SourceBatches> {
    let source = &spec.sources()[file.source];
    match file.format {
        FileFormat::Xes => read_xes(&file.path, source, spec.attributes()),
        format => read_file(&file.path, format, source.csv),
    }
}

/// The batches of a plain table, whatever its columns mean.
///
/// # Errors
/// - its name ends in none of `.parquet`, `.csv` and `.csv.gz`; else as [`read`].
pub(crate) fn read_table(path: &Path) -> Result<SourceBatches> {
    let format = FileFormat::of(path).unwrap_or(FileFormat::Xes);
    read_file(path, format, CsvFormat { delimiter: b',' })
}

/// The batches of a table that is written in a format, which an event log is not.
///
/// # Errors
/// - as [`read`]; the file is an event log.
pub(crate) fn read_file(path: &Path, format: FileFormat, csv: CsvFormat) -> Result<SourceBatches> {
    match format {
        FileFormat::Parquet => read_parquet(path),
        FileFormat::Csv => read_csv(path, csv, BufReader::new(open(path)?)),
        FileFormat::CsvGz => read_csv(path, csv, BufReader::new(MultiGzDecoder::new(open(path)?))),
        FileFormat::Xes => Err(Error::data(
            path,
            "expected a name that ends in .parquet, .csv or .csv.gz",
        )),
    }
}

/// The batches of a Parquet file.
///
/// # Errors
/// - as [`read`].
pub(crate) fn read_parquet(path: &Path) -> Result<SourceBatches> {
    let file = open(path)?;
    check_footer(&file, path)?;
    let not_parquet =
        |error: parquet::errors::ParquetError| Error::data(path, format!("not a readable Parquet file: {error}"));
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)
        .and_then(|builder| builder.with_batch_size(BATCH_ROWS).build())
        .map_err(not_parquet)?;
    let path = path.to_owned();
    let mut next_row = 1;
    Ok(Box::new(reader.map(move |batch| {
        let rows = batch.map_err(|error| Error::data(&path, format!("broken after row {}: {error}", next_row - 1)))?;
        let first_row = next_row;
        next_row += rows.num_rows() as i64;
        Ok(SourceBatch { rows, first_row })
    })))
}

/// Refuses a footer longer than the file, or than any honest footer is, before anything is allocated for it.
fn check_footer(file: &File, path: &Path) -> Result<()> {
    use std::os::unix::fs::FileExt;
    let bytes = file.metadata().map_err(Error::io("read", path))?.len();
    let mut tail = [0; 8];
    if bytes < 12 {
        return Err(Error::data(
            path,
            format!("not a Parquet file: it has {bytes} bytes, the least is 12"),
        ));
    }
    file.read_exact_at(&mut tail, bytes - 8)
        .map_err(Error::io("read", path))?;
    if &tail[4..] != b"PAR1" {
        return Err(Error::data(
            path,
            "not a whole Parquet file: it does not end in PAR1; was it cut short?",
        ));
    }
    let footer = u64::from(u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]));
    if footer + 12 > bytes || footer > MAX_FOOTER_BYTES {
        let message =
            format!("its footer claims {footer} bytes; the file has {bytes} and a footer at most {MAX_FOOTER_BYTES}");
        return Err(Error::data(path, message));
    }
    Ok(())
}

/// The batches of a CSV file, every column as text.
///
/// # Errors
/// - as [`read`].
fn read_csv(path: &Path, format: CsvFormat, input: impl Read + Send + 'static) -> Result<SourceBatches> {
    let mut reader = csv::ReaderBuilder::new().delimiter(format.delimiter).from_reader(input);
    let headers = reader.headers().map_err(|error| csv_error(path, &error))?.clone();
    if headers.is_empty() {
        return Err(Error::data(path, "the file has no header line"));
    }
    let fields: Vec<Field> = headers
        .iter()
        .map(|name| Field::new(name.trim(), DataType::Utf8, true))
        .collect();
    let batches = CsvBatches {
        path: path.to_owned(),
        reader,
        schema: Arc::new(Schema::new(fields)),
        next_row: 1,
        is_over: false,
    };
    Ok(Box::new(batches))
}

struct CsvBatches<R> {
    path: std::path::PathBuf,
    reader: csv::Reader<R>,
    schema: Arc<Schema>,
    next_row: i64,
    is_over: bool,
}

impl<R: Read> CsvBatches<R> {
    fn batch(&mut self) -> Result<Option<SourceBatch>> {
        let mut columns: Vec<StringBuilder> = self.schema.fields().iter().map(|_| StringBuilder::new()).collect();
        let mut record = csv::StringRecord::new();
        let mut n_rows = 0;
        while n_rows < BATCH_ROWS {
            let line = self.reader.position().line();
            if !self
                .reader
                .read_record(&mut record)
                .map_err(|error| csv_error(&self.path, &error))?
            {
                self.is_over = true;
                break;
            }
            let end_line = self.reader.position().line();
            for (column, text) in columns.iter_mut().zip(&record) {
                // A quote that is opened and never closed swallows the lines after it: no field of an event spans so many.
                if text.len() > MAX_FIELD_BYTES || (end_line > line + 100 && text.contains('\n')) {
                    let message = format!(
                        "a field that starts on line {line} goes on to line {end_line}: is a quote opened there and never closed?"
                    );
                    return Err(Error::data(&self.path, message));
                }
                if text.is_empty() {
                    column.append_null()
                } else {
                    column.append_value(text)
                }
            }
            n_rows += 1;
        }
        if n_rows == 0 {
            return Ok(None);
        }
        let columns: Vec<ArrayRef> = columns
            .iter_mut()
            .map(|column| Arc::new(column.finish()) as ArrayRef)
            .collect();
        let rows = RecordBatch::try_new(Arc::clone(&self.schema), columns)
            .map_err(|error| Error::data(&self.path, error.to_string()))?;
        let first_row = self.next_row;
        self.next_row += n_rows as i64;
        Ok(Some(SourceBatch { rows, first_row }))
    }
}

impl<R: Read> Iterator for CsvBatches<R> {
    type Item = Result<SourceBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let batch = self.batch();
        self.is_over |= batch.is_err();
        batch.transpose()
    }
}

fn csv_error(path: &Path, error: &csv::Error) -> Error {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let line = pos.as_ref().map_or(0, csv::Position::line);
            let message = format!(
                "line {line} has {len} fields, the header has {expected_len}; is a quote or a delimiter broken there?"
            );
            Error::data(path, message)
        }
        csv::ErrorKind::Utf8 { pos, err } => {
            let line = pos.as_ref().map_or(0, csv::Position::line);
            Error::data(path, format!("line {line} is not UTF-8: {err}; save it as UTF-8"))
        }
        _ => Error::data(path, format!("not a readable CSV file: {error}")),
    }
}
