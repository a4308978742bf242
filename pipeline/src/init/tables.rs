//! Any file as columns of text: what it says, before anybody has said what it means.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray, StringBuilder};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use flate2::read::MultiGzDecoder;
use jiff::tz::TimeZone;
use percorso_journey::Timestamp;
use percorso_journey::spec::CsvFormat;

use crate::ingest::{FileFormat, Times, read_file, texts};
use crate::open::open;
use crate::xes::XesReader;
use crate::{Error, Result};

/// Keys of an event log beyond these are data, not names.
const MAX_KEYS: usize = 300;
const BATCH_EVENTS: usize = 8_192;
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Enough of a CSV file to see how its header is written.
const MAX_HEADER_BYTES: u64 = 64 << 10;

/// One file of data, and how it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DataFile {
    pub(super) path: PathBuf,
    pub(super) format: FileFormat,
    /// Between two fields of a CSV file.
    pub(super) delimiter: u8,
}

/// What a file itself says of a column's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Written {
    /// Anything, as text.
    Text,
    /// Numbers or truth values.
    Number,
    /// Points in time.
    Time,
}

/// Rows as columns of text; which columns there are may differ between batches of an event log.
pub(super) struct TextBatch {
    pub(super) columns: BTreeMap<String, TextColumn>,
    /// Columns that cannot be read, and why not.
    pub(super) unread: BTreeMap<String, String>,
    pub(super) n_rows: usize,
}

/// A column as text.
pub(super) struct TextColumn {
    /// Its place in the file.
    pub(super) position: usize,
    pub(super) written: Written,
    pub(super) texts: StringArray,
    /// Cells that are not a number, missing as text.
    pub(super) n_nan: u64,
}

/// Batches read one after another.
pub(super) type TextBatches = Box<dyn Iterator<Item = Result<TextBatch>>>;

impl DataFile {
    /// The file at a path, with what its name and first line say of how it is written.
    ///
    /// # Errors
    /// - it is not there, or its name ends in none of the known endings; the file cannot be read or is empty.
    pub(super) fn at(path: &Path) -> Result<Self> {
        if !path.exists() {
            return Err(Error::Missing(format!("{} is not there", path.display())));
        }
        let format = FileFormat::of(path).ok_or_else(|| {
            let message = "expected a name that ends in .parquet, .csv, .csv.gz, .xes or .xes.gz; \
                           a table of another kind can be saved as CSV with a header line";
            Error::data(path, message)
        })?;
        let delimiter = match format {
            FileFormat::Csv => delimiter(path, open(path)?)?,
            FileFormat::CsvGz => delimiter(path, MultiGzDecoder::new(open(path)?))?,
            FileFormat::Parquet | FileFormat::Xes => b',',
        };
        Ok(Self {
            path: path.to_owned(),
            format,
            delimiter,
        })
    }

    /// Its rows.
    ///
    /// # Errors
    /// - as of the readers of ingest; errors further on come with the batches.
    pub(super) fn read(&self) -> Result<TextBatches> {
        if self.format == FileFormat::Xes {
            return Ok(Box::new(Events::open(&self.path)?));
        }
        let delimiter = self.delimiter;
        let batches = read_file(&self.path, self.format, CsvFormat { delimiter })?;
        Ok(Box::new(batches.map(|batch| Ok(text_batch(&batch?.rows)))))
    }
}

/// The delimiter that the header line has most of; a comma when it has none.
fn delimiter(path: &Path, bytes: impl Read) -> Result<u8> {
    let mut header = Vec::new();
    BufReader::new(bytes.take(MAX_HEADER_BYTES))
        .read_until(b'\n', &mut header)
        .map_err(Error::io("read", path))?;
    let count = |delimiter: u8| header.iter().filter(|byte| **byte == delimiter).count();
    let most = DELIMITERS.into_iter().rev().max_by_key(|delimiter| count(*delimiter));
    Ok(most.filter(|delimiter| count(*delimiter) > 0).unwrap_or(b','))
}

/// The columns that can be told as text; lists and structures cannot. Of two with one name ingest reads the first.
fn text_batch(rows: &RecordBatch) -> TextBatch {
    let schema = rows.schema();
    let (mut columns, mut unread) = (BTreeMap::new(), BTreeMap::new());
    for (position, (field, column)) in schema.fields().iter().zip(rows.columns()).enumerate() {
        let name = field.name().clone();
        if columns.contains_key(&name) {
            unread.insert(name, "another column has its name; the first is read".to_owned());
            continue;
        }
        let Some((written, texts)) = text_column(column) else {
            unread.insert(name, format!("of type {}, not read", column.data_type()));
            continue;
        };
        let n_nan = n_nan(column);
        let column = TextColumn {
            position,
            written,
            texts,
            n_nan,
        };
        columns.insert(name, column);
    }
    TextBatch {
        columns,
        unread,
        n_rows: rows.num_rows(),
    }
}

/// How many cells of a column of fractions are not a number.
fn n_nan(column: &ArrayRef) -> u64 {
    let Some(numbers) = column
        .data_type()
        .is_floating()
        .then(|| cast(column, &DataType::Float64).ok())
    else {
        return 0;
    };
    let numbers = numbers
        .as_ref()
        .and_then(|numbers| numbers.as_primitive_opt::<Float64Type>());
    numbers.map_or(0, |numbers| {
        numbers.iter().flatten().filter(|number| number.is_nan()).count() as u64
    })
}

fn text_column(column: &ArrayRef) -> Option<(Written, StringArray)> {
    match column.data_type() {
        DataType::Timestamp(_, _) | DataType::Date32 | DataType::Date64 => {
            let times = Times::of(column, None).ok()?;
            let at = |row| times.get("", row, &TimeZone::UTC).ok().flatten();
            let texts = (0..column.len()).map(|row| at(row).map(|micros| Timestamp::from_micros(micros).to_string()));
            Some((Written::Time, texts.collect()))
        }
        data_type if data_type.is_numeric() || *data_type == DataType::Boolean => {
            Some((Written::Number, texts(column).ok()?))
        }
        _ => Some((Written::Text, texts(column).ok()?)),
    }
}

/// An event log: a row an event, its attributes by their keys, those of its case by `case:KEY`.
struct Events {
    reader: XesReader,
    keys: BTreeMap<String, usize>,
    is_over: bool,
}

impl Events {
    fn open(path: &Path) -> Result<Self> {
        Ok(Self {
            reader: XesReader::open(path)?,
            keys: BTreeMap::new(),
            is_over: false,
        })
    }

    fn batch(&mut self) -> Result<Option<TextBatch>> {
        let mut cells: BTreeMap<String, StringBuilder> = BTreeMap::new();
        let mut n_rows = 0;
        while n_rows < BATCH_EVENTS {
            let Some(trace) = self.reader.next().transpose()? else {
                self.is_over = true;
                break;
            };
            let of_case = trace.attributes.0.iter().map(|attribute| attribute.key.as_str());
            let of_case: Vec<(String, String)> = of_case
                .filter_map(|key| Some((format!("case:{key}"), trace.attributes.text(key)?.into_owned())))
                .collect();
            for event in &trace.events {
                let own = event.attributes.0.iter().map(|attribute| attribute.key.as_str());
                let own = own.filter_map(|key| Some((key.to_owned(), event.attributes.text(key)?.into_owned())));
                for (key, text) in of_case.iter().cloned().chain(own) {
                    let n_keys = self.keys.len();
                    if n_keys >= MAX_KEYS && !self.keys.contains_key(&key) {
                        continue;
                    }
                    self.keys.entry(key.clone()).or_insert(n_keys);
                    let column = cells.entry(key).or_default();
                    fill(column, n_rows);
                    // Of two attributes with one key, the last counts, and both were told as that one.
                    if arrow::array::ArrayBuilder::len(column) == n_rows {
                        column.append_value(text);
                    }
                }
                n_rows += 1;
            }
        }
        if n_rows == 0 {
            return Ok(None);
        }
        let columns = cells.into_iter().map(|(key, mut column)| {
            fill(&mut column, n_rows);
            let column = TextColumn {
                position: self.keys[&key],
                written: Written::Text,
                texts: column.finish(),
                n_nan: 0,
            };
            (key, column)
        });
        Ok(Some(TextBatch {
            columns: columns.collect(),
            unread: BTreeMap::new(),
            n_rows,
        }))
    }
}

/// Makes a column as long as `n_rows` by what is missing.
fn fill(column: &mut StringBuilder, n_rows: usize) {
    let n_there = arrow::array::ArrayBuilder::len(column);
    (n_there..n_rows).for_each(|_| column.append_null());
}

impl Iterator for Events {
    type Item = Result<TextBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let batch = self.batch();
        self.is_over |= batch.is_err();
        batch.transpose()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn what_cannot_be_read_is_told_and_of_two_columns_with_one_name_the_first_is_read() {
        let texts = |text: &str| -> ArrayRef { Arc::new(StringArray::from(vec![text])) };
        let blob: ArrayRef = Arc::new(arrow::array::BinaryArray::from(vec![&[1_u8][..]]));
        let value: ArrayRef = Arc::new(arrow::array::Float64Array::from(vec![f64::NAN]));
        let fields = [("a", texts("1")), ("a", texts("2")), ("photo", blob), ("value", value)];
        let rows = RecordBatch::try_from_iter(fields).expect("a batch");
        let batch = text_batch(&rows);
        assert_eq!(batch.columns["a"].texts.value(0), "1");
        assert_eq!(batch.columns["value"].n_nan, 1);
        let unread: Vec<(&str, &str)> = batch
            .unread
            .iter()
            .map(|(name, why)| (name.as_str(), why.as_str()))
            .collect();
        let twice = "another column has its name; the first is read";
        assert_eq!(unread, [("a", twice), ("photo", "of type Binary, not read")]);
    }

    #[test]
    fn a_delimiter_is_what_the_header_has_most_of() {
        let of =
            |header: &str| delimiter(Path::new("x.csv"), std::io::Cursor::new(header.to_owned())).expect("readable");
        assert_eq!(of("a;b;c, d\n1,2,3,4;5;6"), b';');
        assert_eq!(of("a,b\n"), b',');
        assert_eq!(of("a\tb"), b'\t');
        assert_eq!(of("alone"), b',');
    }
}
