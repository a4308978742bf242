//! Event logs as Arrow batches: a row an event, its attributes and those of its case as columns of text.
//!
//! Two events may give one attribute different types, so every column is text and each cell is read by its own right.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema};
use percorso_journey::spec::{Attribute, Source};

use super::read::{BATCH_ROWS, SourceBatch, SourceBatches};
use crate::xes::{Attributes, Event, Trace, XesReader};
use crate::{Error, Result};

/// Led by this, a column is an attribute of the case; without it, of the event.
const OF_CASE: &str = "case:";

/// The batches of a log, with the columns that `source` reads and no others.
///
/// # Errors
/// - the file cannot be read or is empty; what is wrong further on comes with the batches, and after the last one
///   that a column named in the spec is in no event.
pub(super) fn read_xes(path: &Path, source: &Source, attributes: &[Attribute]) -> Result<SourceBatches> {
    let named = source.named_columns().into_iter().map(|name| Column::new(name, true));
    let unnamed = source.unnamed_columns(attributes).into_iter();
    let columns = named.chain(unnamed.map(|name| Column::new(name, false))).collect();
    Ok(Box::new(XesBatches {
        path: path.to_owned(),
        reader: XesReader::open(path)?,
        columns,
        there: BTreeSet::new(),
        trace: Trace::default(),
        next_event: 0,
        next_row: 1,
        is_over: false,
    }))
}

struct XesBatches {
    path: PathBuf,
    reader: XesReader,
    columns: Vec<Column>,
    /// Columns found so far, as long as one that has to be there is not.
    there: BTreeSet<String>,
    trace: Trace,
    /// Position in the trace.
    next_event: usize,
    next_row: i64,
    is_over: bool,
}

struct Column {
    name: String,
    /// True when a rule names it, so that it has to be there.
    is_named: bool,
    is_there: bool,
}

impl Column {
    fn new(name: &str, is_named: bool) -> Self {
        Self {
            name: name.to_owned(),
            is_named,
            is_there: false,
        }
    }

    /// The attributes it is found among, and its key there.
    fn place<'a>(&self, trace: &'a Trace, event: &'a Event) -> (&'a Attributes, &str) {
        match self.name.strip_prefix(OF_CASE) {
            Some(key) => (&trace.attributes, key),
            None => (&event.attributes, &self.name),
        }
    }
}

impl XesBatches {
    fn batch(&mut self) -> Result<Option<SourceBatch>> {
        let mut cells: Vec<StringBuilder> = self.columns.iter().map(|_| StringBuilder::new()).collect();
        let mut n_rows = 0;
        while n_rows < BATCH_ROWS {
            let Some(event) = self.trace.events.get(self.next_event) else {
                // The trace before goes first, so that one is held at a time.
                (self.trace, self.next_event) = (Trace::default(), 0);
                match self.reader.next().transpose()? {
                    Some(trace) => self.trace = trace,
                    None => {
                        self.is_over = true;
                        self.check_columns(n_rows)?;
                        break;
                    }
                }
                continue;
            };
            for (column, cells) in self.columns.iter_mut().zip(&mut cells) {
                let (attributes, key) = column.place(&self.trace, event);
                cells.append_option(attributes.text(key));
                column.is_there = column.is_there || attributes.get(key).is_some();
            }
            if self.columns.iter().any(|column| column.is_named && !column.is_there) {
                note(&mut self.there, &self.trace, event);
            }
            self.next_event += 1;
            n_rows += 1;
        }
        if n_rows == 0 {
            return Ok(None);
        }
        let columns = self.columns.iter().zip(&mut cells);
        let columns = columns.filter(|(column, _)| column.is_named || column.is_there);
        let (fields, columns): (Vec<Field>, Vec<ArrayRef>) = columns
            .map(|(column, cells)| {
                let field = Field::new(&column.name, DataType::Utf8, true);
                (field, Arc::new(cells.finish()) as ArrayRef)
            })
            .unzip();
        let rows = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
            .map_err(|error| Error::data(&self.path, error.to_string()))?;
        let first_row = self.next_row;
        self.next_row += n_rows as i64;
        Ok(Some(SourceBatch { rows, first_row }))
    }

    /// Refuses a log in which a column that a rule names never was; one without events has none to miss.
    fn check_columns(&self, n_rows: usize) -> Result<()> {
        let missing = self.columns.iter().find(|column| column.is_named && !column.is_there);
        let Some(missing) = missing.filter(|_| self.next_row > 1 || n_rows > 0) else {
            return Ok(());
        };
        let there: Vec<&str> = self.there.iter().map(String::as_str).collect();
        let message = format!(
            "column `{}`, which journey.toml reads, is in no event; the columns are {}",
            missing.name,
            there.join(", ")
        );
        Err(Error::data(&self.path, message))
    }
}

/// Enough columns to find the right one among; beyond them keys are data, not names.
const MAX_NOTED: usize = 100;

/// Notes what columns there are, for the error that may come.
fn note(there: &mut BTreeSet<String>, trace: &Trace, event: &Event) {
    let of_case = trace
        .attributes
        .0
        .iter()
        .map(|attribute| format!("{OF_CASE}{}", attribute.key));
    let of_event = event.attributes.0.iter().map(|attribute| attribute.key.clone());
    for name in of_case.chain(of_event) {
        if there.len() < MAX_NOTED {
            there.insert(name);
        }
    }
}

impl Iterator for XesBatches {
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

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use arrow::array::AsArray;
    use percorso_journey::{Spec, text};

    use super::*;

    const COLUMNS: &str = r#"[[source]]
paths = ["log.xes"]

[source.columns]
customer_id = "case:concept:name"
at = "time:timestamp"
touchpoint = "concept:name"
value = { product_of = ["n", "case:price"] }

[stages]"#;

    fn batches(log: &str) -> Vec<Result<SourceBatch>> {
        let spec = Spec::parse(&text::SMALL_SPEC.replacen("[stages]", COLUMNS, 1)).expect("a good spec");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("log.xes");
        std::fs::write(&path, log).expect("written");
        let batches = read_xes(&path, &spec.sources()[0], spec.attributes()).expect("begins well");
        batches.collect()
    }

    /// A column's cells, a missing one as `-`.
    fn cells(rows: &RecordBatch, name: &str) -> Vec<String> {
        let cells = rows.column_by_name(name).expect("a column").as_string::<i32>();
        cells.iter().map(|cell| cell.unwrap_or("-").to_owned()).collect()
    }

    #[test]
    fn a_row_has_what_the_spec_reads_of_the_event_and_its_case() {
        let log = r#"<log>
          <trace>
            <int key="concept:name" value="7"/><float key="price" value="2.0"/><int key="age" value="30"/>
            <event>
              <string key="concept:name" value="visit"/><date key="time:timestamp" value="2024-01-01T01:00:00+01:00"/>
              <float key="n" value="1.5"/><string key="passed" value="over"/>
            </event>
          </trace>
          <event><string key="concept:name" value=" "/><string key="region" value="north"/></event>
        </log>"#;
        let batches = batches(log);
        let [Ok(batch)] = batches.as_slice() else {
            panic!("one batch")
        };
        let cells = |name| cells(&batch.rows, name);
        assert_eq!(batch.first_row, 1);
        assert_eq!(cells("case:concept:name"), ["7", "-"]);
        assert_eq!(cells("time:timestamp"), ["2024-01-01T00:00:00Z", "-"]);
        assert_eq!(cells("concept:name"), ["visit", "-"]);
        assert_eq!(cells("n"), ["1.5", "-"]);
        assert_eq!(cells("case:price"), ["2", "-"]);
        assert_eq!(cells("region"), ["-", "north"]);
        let schema = batch.rows.schema();
        let n_columns = schema.fields().len();
        assert_eq!(n_columns, 6, "neither the case's age nor what no field reads: {schema}");
    }

    #[test]
    fn rows_are_numbered_through_traces_longer_than_a_batch() {
        let mut log = "<log><trace><string key=\"concept:name\" value=\"long\"/>".to_owned();
        let event = |log: &mut String, row: usize| {
            let known = "<string key=\"concept:name\" value=\"visit\"/><int key=\"time:timestamp\" value=\"1\"/>";
            write!(log, "<event>{known}<int key=\"n\" value=\"{row}\"/></event>").expect("text grows");
        };
        (1..=20_000).for_each(|row| event(&mut log, row));
        log += "</trace><trace><int key=\"price\" value=\"1\"/><string key=\"concept:name\" value=\"short\"/>";
        event(&mut log, 20_001);
        log += "</trace></log>";
        let mut next_row = 1;
        for batch in batches(&log) {
            let batch = batch.expect("a good log");
            assert_eq!(batch.first_row, next_row);
            let n_rows = batch.rows.num_rows() as i64;
            let numbers: Vec<String> = (next_row..next_row + n_rows).map(|row| row.to_string()).collect();
            assert_eq!(cells(&batch.rows, "n"), numbers);
            assert_eq!(
                cells(&batch.rows, "case:concept:name").pop().as_deref() == Some("short"),
                next_row + n_rows > 20_001
            );
            next_row += n_rows;
        }
        assert_eq!(next_row, 20_002);
    }

    #[test]
    fn a_column_that_is_in_no_event_is_refused_with_those_that_are() {
        let log = r#"<log><trace>
            <string key="concept:name" value="a"/><int key="amount" value="2"/>
            <event><string key="concept:name" value="visit"/><date key="time:timestamp" value="2024-01-01T00:00:00Z"/></event>
            <event><int key="n" value="1"/></event>
        </trace></log>"#;
        let error = batches(log).pop().expect("an answer").err().expect("no price");
        let said = error.to_string();
        assert!(
            said.contains("log.xes: column `case:price`, which journey.toml reads, is in no event"),
            "{said}"
        );
        assert!(
            said.ends_with("case:amount, case:concept:name, concept:name, n, time:timestamp"),
            "{said}"
        );
        let full_batch = format!("<log>{}</log>", "<event/>".repeat(BATCH_ROWS));
        assert!(batches(&full_batch).pop().expect("an answer").is_err());
        assert!(
            batches("<log><trace/></log>").is_empty(),
            "without events nothing can be missed"
        );
    }
}
