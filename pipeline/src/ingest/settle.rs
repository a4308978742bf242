//! From sorted rows to bucket files: per customer, duplicates told apart from twins, lines merged into events.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeBinaryArray, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray, UInt32Array,
};
use arrow::compute::interleave;
use arrow::datatypes::{Float64Type, SchemaRef, TimestampMicrosecondType};
use arrow::error::ArrowError;
use arrow::row::{OwnedRow, RowConverter, Rows, SortField};
use percorso_journey::spec::{Attribute, AttributeKind, Dedupe};
use percorso_journey::{ContractBreak, Spec, Timestamp, finite};

use super::files::SourceFile;
use super::quarantine::{BadRow, Quarantine};
use crate::columns::ParquetFile;
use crate::{Error, Result};

/// What was counted while events settled into their buckets.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Settled {
    pub(super) n_events: u64,
    pub(super) n_customers: u64,
    pub(super) n_identical: u64,
    pub(super) n_identical_dropped: u64,
    pub(super) n_lines_merged: u64,
    pub(super) n_backdated_customers: u64,
    pub(super) first_at: Option<i64>,
    pub(super) last_at: Option<i64>,
    pub(super) last_known_at: Option<i64>,
}

/// Takes rows sorted by customer and event order; writes one file a bucket and the id map.
pub(super) struct Settler<'a> {
    spec: &'a Spec,
    files: &'a [SourceFile],
    folder: PathBuf,
    schema: SchemaRef,
    content: RowConverter,
    /// The columns that are summed over lines.
    summed: Vec<String>,
    /// The attributes that are categories.
    categories: Vec<String>,
    held: Vec<RecordBatch>,
    contents: Vec<Rows>,
    customer: Vec<Place>,
    kept: Vec<Kept>,
    quarantine: Quarantine,
    settled: Settled,
    bucket: Option<(u8, ParquetFile)>,
    buckets: Vec<PathBuf>,
    id_map: ParquetFile,
    ids: Vec<([u8; 16], String)>,
}

/// A row of a held batch.
#[derive(Clone, Copy, Debug)]
struct Place {
    batch: usize,
    row: usize,
}

/// A row that becomes an event, with what its lines say together where lines were merged.
#[derive(Clone, Debug)]
struct Kept {
    place: Place,
    lines: Option<Lines>,
}

/// What lines of one event say together.
#[derive(Clone, Debug)]
struct Lines {
    /// Their sum in each summed column.
    sums: Vec<Option<f64>>,
    /// Whether they differ in each category: then none of theirs is the event's.
    differ: Vec<bool>,
    /// When the last of them was known: nobody knew the sums before.
    known_at: Timestamp,
}

const FLUSH_IDS: usize = 16_384;

impl<'a> Settler<'a> {
    pub(super) fn new(spec: &'a Spec, files: &'a [SourceFile], folder: &Path, quarantine: Quarantine) -> Result<Self> {
        let events = folder.join("events");
        std::fs::create_dir_all(&events).map_err(Error::io("create", &events))?;
        let id_map = ParquetFile::create(&folder.join("id-map.parquet"), crate::ids::schema())?;
        Ok(Self {
            spec,
            files,
            folder: events,
            schema: crate::canonical::schema(spec),
            content: content_converter(spec)?,
            summed: summed_columns(spec),
            categories: category_columns(spec),
            held: Vec::new(),
            contents: Vec::new(),
            customer: Vec::new(),
            kept: Vec::new(),
            quarantine,
            settled: Settled::default(),
            bucket: None,
            buckets: Vec::new(),
            id_map,
            ids: Vec::new(),
        })
    }

    /// Takes the next sorted rows.
    pub(super) fn push(&mut self, batch: RecordBatch) -> Result<()> {
        let held = self.held.len();
        let contents = self.content.convert_columns(&content_columns(&batch));
        self.contents
            .push(contents.map_err(|error| Error::data(&self.folder, error.to_string()))?);
        self.held.push(batch);
        for row in 0..self.held[held].num_rows() {
            let place = Place { batch: held, row };
            if self
                .customer
                .first()
                .is_some_and(|&first| self.key(first) != self.key(place))
            {
                self.settle_customer()?;
            }
            self.customer.push(place);
        }
        self.flush()?;
        self.let_go();
        Ok(())
    }

    /// Settles the last customer and closes every file.
    pub(super) fn finish(mut self) -> Result<(Settled, Vec<PathBuf>, Quarantine)> {
        if !self.customer.is_empty() {
            self.settle_customer()?;
        }
        self.flush()?;
        if let Some((_, file)) = self.bucket.take() {
            file.finish()?;
        }
        self.flush_ids()?;
        self.id_map.finish()?;
        Ok((self.settled, self.buckets, self.quarantine))
    }

    fn settle_customer(&mut self) -> Result<()> {
        let places = std::mem::take(&mut self.customer);
        let first = places[0];
        let key = self.key(first);
        let bucket = key[0];
        if self.bucket.as_ref().is_some_and(|(open, _)| *open != bucket) {
            self.flush()?;
            if let Some((_, file)) = self.bucket.take() {
                file.finish()?;
            }
        }
        if self.bucket.is_none() {
            let path = self.folder.join(format!("bucket-{bucket:03}.parquet"));
            self.bucket = Some((bucket, ParquetFile::create(&path, Arc::clone(&self.schema))?));
            self.buckets.push(path);
        }
        let places = self.without_identical(places);
        let n_kept = self.kept.len();
        self.merge(&places);
        if self.kept.len() > n_kept {
            self.count(n_kept);
            let id = self.text(first, "customer_id").unwrap_or_default().to_owned();
            self.ids.push((key, id));
        }
        if self.ids.len() >= FLUSH_IDS {
            self.flush_ids()?;
        }
        Ok(())
    }

    /// Counts rows that are identical in every field but where they came from, and drops them where the source says so.
    fn without_identical(&mut self, places: Vec<Place>) -> Vec<Place> {
        let mut kept: Vec<Place> = Vec::with_capacity(places.len());
        let mut run: HashSet<OwnedRow> = HashSet::new();
        let mut run_at = None;
        let crowded = |at: usize| {
            let same = |other: Option<&Place>| other.is_some_and(|&other| self.at(other) == self.at(places[at]));
            same(places.get(at + 1)) || (at > 0 && same(places.get(at - 1)))
        };
        let crowded: Vec<bool> = (0..places.len()).map(crowded).collect();
        for (&place, is_crowded) in places.iter().zip(crowded) {
            if !is_crowded {
                kept.push(place);
                continue;
            }
            if run_at != Some(self.at(place)) {
                run.clear();
                run_at = Some(self.at(place));
            }
            let is_twin = !run.insert(self.contents[place.batch].row(place.row).owned());
            self.settled.n_identical += u64::from(is_twin);
            let is_dropped = is_twin && self.source(place).dedupe == Dedupe::Exact;
            self.settled.n_identical_dropped += u64::from(is_dropped);
            if !is_dropped {
                kept.push(place);
            }
        }
        kept
    }

    /// Keeps every event once: rows of one event id are lines of it, or duplicates that are set aside.
    fn merge(&mut self, places: &[Place]) {
        let mut events: HashMap<String, usize> = HashMap::new();
        let mut bad = Vec::new();
        for &place in places {
            let Some(event_id) = self.text(place, "event_id").map(str::to_owned) else {
                self.kept.push(Kept { place, lines: None });
                continue;
            };
            match events.get(&event_id) {
                None => {
                    events.insert(event_id, self.kept.len());
                    self.kept.push(Kept { place, lines: None });
                }
                Some(&at) if self.source(place).lines.is_some() => match self.with_line(&self.kept[at], place) {
                    Ok(lines) => {
                        self.kept[at].lines = Some(lines);
                        self.settled.n_lines_merged += 1;
                    }
                    Err(reason) => bad.push(self.bad_row(place, reason)),
                },
                Some(_) => bad.push(self.bad_row(place, ContractBreak::DuplicateEventId(event_id))),
            }
        }
        self.quarantine.add(bad);
    }

    fn bad_row(&self, place: Place, reason: ContractBreak) -> BadRow {
        let file: &UInt32Array = self.column(place, "source_file").as_primitive();
        let row: &Int64Array = self.column(place, "source_row").as_primitive();
        BadRow {
            file: file.value(place.row),
            row: row.value(place.row),
            reason,
        }
    }

    /// What the lines of an event say together with another one.
    ///
    /// # Errors
    /// - the line was known later than the event may be, or makes a sum larger than a number may be.
    fn with_line(&self, event: &Kept, line: Place) -> std::result::Result<Lines, ContractBreak> {
        let number = |place: Place| move |column: &String| self.number(place, column);
        let at = Timestamp::from_micros(self.at(event.place));
        let mut lines = event.lines.clone().unwrap_or_else(|| Lines {
            sums: self.summed.iter().map(number(event.place)).collect(),
            differ: vec![false; self.categories.len()],
            known_at: self.known_at(event.place),
        });
        lines.known_at = self.spec.in_time(at, lines.known_at.max(self.known_at(line)))?;
        for (sum, column) in lines.sums.iter_mut().zip(&self.summed) {
            let number = self.number(line, column);
            *sum = finite(column, sum.map_or(number, |sum| Some(sum + number.unwrap_or(0.0))))?;
        }
        for (differs, column) in lines.differ.iter_mut().zip(&self.categories) {
            *differs = *differs || self.text(event.place, column) != self.text(line, column);
        }
        Ok(lines)
    }

    fn count(&mut self, from: usize) {
        let kept = &self.kept[from..];
        let times = |place: Place| self.at(place);
        let first = times(kept[0].place);
        let last = times(kept[kept.len() - 1].place);
        let known_at = |kept: &Kept| {
            let of_lines = kept.lines.as_ref().map(|lines| lines.known_at);
            of_lines.unwrap_or_else(|| self.known_at(kept.place)).micros()
        };
        let is_backdated = kept.iter().any(|kept| known_at(kept) > times(kept.place));
        let last_known = kept.iter().map(known_at).max().unwrap_or(last);
        let settled = &mut self.settled;
        settled.n_events += kept.len() as u64;
        settled.n_customers += 1;
        settled.n_backdated_customers += u64::from(is_backdated);
        settled.first_at = Some(settled.first_at.map_or(first, |at| at.min(first)));
        settled.last_known_at = Some(settled.last_known_at.map_or(last_known, |at| at.max(last_known)));
        settled.last_at = Some(settled.last_at.map_or(last, |at| at.max(last)));
    }

    /// Writes what is kept to the open bucket.
    fn flush(&mut self) -> Result<()> {
        if self.kept.is_empty() {
            return Ok(());
        }
        let batch = self
            .gather()
            .map_err(|error| Error::data(&self.folder, format!("cannot gather sorted rows: {error}")))?;
        self.kept.clear();
        let (_, file) = self.bucket.as_mut().expect("a bucket is open while rows are kept");
        file.write(&batch)
    }

    /// The kept rows as one canonical batch.
    fn gather(&self) -> std::result::Result<RecordBatch, ArrowError> {
        let places: Vec<(usize, usize)> = self
            .kept
            .iter()
            .map(|kept| (kept.place.batch, kept.place.row))
            .collect();
        let mut columns = Vec::with_capacity(self.schema.fields().len());
        for (at, field) in self.schema.fields().iter().enumerate() {
            let parts: Vec<&dyn Array> = self.held.iter().map(|batch| batch.column(at).as_ref()).collect();
            let column = interleave(&parts, &places)?;
            columns.push(self.together(field.name(), column));
        }
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
    }

    /// A column of the kept rows where merged lines speak together.
    fn together(&self, name: &str, column: ArrayRef) -> ArrayRef {
        let place = |columns: &[String]| columns.iter().position(|column| column == name);
        if self.kept.iter().all(|kept| kept.lines.is_none()) {
            column
        } else if let Some(sum) = place(&self.summed) {
            let numbers = column.as_primitive::<Float64Type>().iter().zip(&self.kept);
            let sum_of = |(number, kept): (Option<f64>, &Kept)| match &kept.lines {
                None => number,
                Some(lines) => lines.sums[sum],
            };
            Arc::new(numbers.map(sum_of).collect::<Float64Array>())
        } else if let Some(category) = place(&self.categories) {
            let texts = column.as_string::<i32>().iter().zip(&self.kept);
            let differ = |kept: &Kept| kept.lines.as_ref().is_some_and(|lines| lines.differ[category]);
            let shared = texts.map(|(text, kept)| text.filter(|_| !differ(kept)));
            Arc::new(shared.collect::<StringArray>())
        } else if name == "known_at" {
            let known_at: &TimestampMicrosecondArray = column.as_primitive();
            let last = |(known_at, kept): (Option<i64>, &Kept)| match &kept.lines {
                None => known_at,
                Some(lines) => Some(lines.known_at.micros()),
            };
            let last = known_at.iter().zip(&self.kept).map(last);
            Arc::new(
                last.collect::<TimestampMicrosecondArray>()
                    .with_timezone_opt(known_at.timezone()),
            )
        } else {
            column
        }
    }

    /// Lets go of the batches before the open customer's first row.
    fn let_go(&mut self) {
        let needed = self.customer.first().map_or(self.held.len(), |place| place.batch);
        self.held.drain(..needed);
        self.contents.drain(..needed);
        for place in &mut self.customer {
            place.batch -= needed;
        }
    }

    fn flush_ids(&mut self) -> Result<()> {
        let batch = crate::ids::batch(&self.ids);
        self.ids.clear();
        self.id_map.write(&batch)
    }

    fn column(&self, place: Place, name: &str) -> &ArrayRef {
        self.held[place.batch]
            .column_by_name(name)
            .expect("sorted rows have every canonical column")
    }

    fn key(&self, place: Place) -> [u8; 16] {
        let keys: &FixedSizeBinaryArray = self.column(place, "customer_key").as_fixed_size_binary();
        keys.value(place.row).try_into().expect("a key has 16 bytes")
    }

    fn at(&self, place: Place) -> i64 {
        self.column(place, "at")
            .as_primitive::<TimestampMicrosecondType>()
            .value(place.row)
    }

    /// When a row was known, which is never before it happened.
    fn known_at(&self, place: Place) -> Timestamp {
        let known_at: &TimestampMicrosecondArray = self.column(place, "known_at").as_primitive();
        let is_told = known_at.is_valid(place.row).then(|| known_at.value(place.row));
        let at = self.at(place);
        Timestamp::from_micros(is_told.map_or(at, |known_at| known_at.max(at)))
    }

    fn text(&self, place: Place, name: &str) -> Option<&str> {
        let texts: &StringArray = self.column(place, name).as_string();
        texts.is_valid(place.row).then(|| texts.value(place.row))
    }

    fn number(&self, place: Place, name: &str) -> Option<f64> {
        let numbers = self
            .column(place, name)
            .as_any()
            .downcast_ref::<Float64Array>()
            .expect("a number column");
        numbers.is_valid(place.row).then(|| numbers.value(place.row))
    }

    fn source(&self, place: Place) -> &percorso_journey::spec::Source {
        let files: &UInt32Array = self.column(place, "source_file").as_primitive();
        &self.spec.sources()[self.files[files.value(place.row) as usize].source]
    }
}

/// An event's value, and every attribute that is the sum of its lines.
fn summed_columns(spec: &Spec) -> Vec<String> {
    let attributes = spec.attributes().iter().filter(|attribute| attribute.sum_of_lines);
    ["value".to_owned()]
        .into_iter()
        .chain(attributes.map(|attribute| attribute.name.clone()))
        .collect()
}

fn category_columns(spec: &Spec) -> Vec<String> {
    let is_category = |attribute: &&Attribute| attribute.kind == AttributeKind::Category;
    let categories = spec.attributes().iter().filter(is_category);
    categories.map(|attribute| attribute.name.clone()).collect()
}

/// What tells two rows apart: everything they say, without their sequence and where they came from.
fn is_content(name: &str) -> bool {
    !["sequence", "source_file", "source_row"].contains(&name)
}

fn content_converter(spec: &Spec) -> Result<RowConverter> {
    let schema = crate::canonical::sort_schema(spec);
    let fields = schema.fields().iter().filter(|field| is_content(field.name()));
    RowConverter::new(fields.map(|field| SortField::new(field.data_type().clone())).collect())
        .map_err(|error| Error::Missing(format!("canonical rows cannot be compared: {error}")))
}

fn content_columns(batch: &RecordBatch) -> Vec<ArrayRef> {
    let schema = batch.schema();
    let named = schema.fields().iter().zip(batch.columns());
    named
        .filter(|(field, _)| is_content(field.name()))
        .map(|(_, column)| Arc::clone(column))
        .collect()
}
