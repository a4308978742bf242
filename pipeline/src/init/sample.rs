//! What happened to some customers, whole journeys of them, and how often everything happened to all.
//!
//! Customers are drawn by a hash of their name, so that what is told of one is all there is; no name is kept.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::StringArray;

use super::column::{Column, Kind};
use super::fields::{Mapping, PURCHASE, RETURN, Table, TouchpointRule};
use super::tables::TextBatch;
use super::times::time_of;
use super::words::{hash, mix};
use crate::Result;
use crate::ingest::text_at;
use crate::progress::Progress;

/// Rows and cells that are held; with more of them, half of the customers are let go.
const MAX_ROWS: usize = 300_000;
const MAX_CELLS: usize = 15_000_000;
/// Touchpoints beyond these are no list of touchpoints.
const MAX_TOUCHPOINTS: usize = 1_000;

/// One row of one customer of the sample.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) customer: u64,
    pub(super) at: i64,
    /// Position in the tables.
    pub(super) table: usize,
    /// Position among all files.
    pub(super) file: u32,
    pub(super) number: u64,
    /// Position in [`Sample::touchpoints`].
    pub(super) touchpoint: usize,
    /// Per column of its table: 0 when missing, microseconds of a time, else a hash of the text.
    pub(super) cells: Box<[u64]>,
}

/// Journeys of a sample of customers, and counts of all rows.
#[derive(Clone, Debug, Default)]
pub(super) struct Sample {
    /// By customer, time, file, row.
    pub(super) rows: Vec<Row>,
    /// Touchpoints in the order in which they first came, with how many rows have each.
    pub(super) touchpoints: Vec<(String, u64)>,
    pub(super) n_rows: u64,
    pub(super) n_anonymous: u64,
    /// Rows of customers without a time that can be read.
    pub(super) n_untimed: u64,
    /// Rows of customers at a time that do not say what happened.
    pub(super) n_untold: u64,
    pub(super) first_at: i64,
    pub(super) last_at: i64,
    /// The share of customers in the sample.
    pub(super) share: f64,
    /// Customers in the sample.
    pub(super) n_customers: u64,
    /// Rows of the sample that are the same as one in another file.
    pub(super) n_same_in_other_file: u64,
    /// Per table, rows of the sample that are the same as one in their file.
    pub(super) same_in_file: BTreeMap<usize, u64>,
}

impl Sample {
    /// Customers in all, when the sample has its share of them.
    pub(super) fn n_customers_in_all(&self) -> u64 {
        (self.n_customers as f64 / self.share).round() as u64
    }

    /// The rows of each customer.
    pub(super) fn customers(&self) -> impl Iterator<Item = &[Row]> {
        self.rows.chunk_by(|one, next| one.customer == next.customer)
    }
}

/// Reads every file once.
///
/// # Errors
/// - a file cannot be read.
pub(super) fn gather(tables: &[(Table, Mapping)], progress: &dyn Progress) -> Result<Sample> {
    let mut gathered = Gathered::new();
    for (of, (table, mapping)) in tables.iter().enumerate() {
        let reading = Reading::new(of, table, mapping);
        for file in &table.files {
            let mut number = 0;
            for batch in file.read()? {
                let batch = batch?;
                let columns = reading.columns(&batch);
                for row in 0..batch.n_rows {
                    number += 1;
                    gathered.take(&reading, &Line { columns: &columns, row }, number);
                }
            }
            progress.advance(1);
            gathered.file += 1;
        }
    }
    Ok(gathered.finish())
}

/// How the rows of a table are read.
struct Reading<'a> {
    table: usize,
    columns: &'a [Column],
    mapping: &'a Mapping,
    /// Per column the format of its times; `None` where it holds none.
    formats: Vec<Option<Option<&'static str>>>,
}

impl<'a> Reading<'a> {
    fn new(table: usize, of: &'a Table, mapping: &'a Mapping) -> Self {
        let format = |column: &Column| match column.kind() {
            Kind::Time(format) => Some(format),
            Kind::Flag | Kind::Number | Kind::Category => None,
        };
        Self {
            table,
            columns: &of.columns,
            mapping,
            formats: of.columns.iter().map(format).collect(),
        }
    }

    fn columns<'b>(&self, batch: &'b TextBatch) -> Vec<Option<&'b StringArray>> {
        let texts = |column: &Column| batch.columns.get(&column.name).map(|column| &column.texts);
        self.columns.iter().map(texts).collect()
    }

    fn touchpoint<'b>(&'b self, line: &Line<'b>) -> Option<&'b str> {
        match &self.mapping.touchpoint {
            TouchpointRule::Column(column) => line.text(*column),
            TouchpointRule::Constant(name) => Some(name.as_str()),
            TouchpointRule::StartsWith { column, prefix } => {
                let is_return = line.text(*column)?.starts_with(prefix.as_str());
                Some(if is_return { RETURN } else { PURCHASE })
            }
        }
    }

    /// A cell as [`Row::cells`] keeps it.
    fn cell(&self, column: usize, line: &Line<'_>) -> u64 {
        match (line.text(column), self.formats[column]) {
            (None, _) => 0,
            (Some(text), Some(format)) => time_of(text, format).map_or(0, |micros| micros as u64),
            (Some(text), None) => hash(text),
        }
    }
}

/// A row of a batch.
struct Line<'a> {
    columns: &'a [Option<&'a StringArray>],
    row: usize,
}

impl<'a> Line<'a> {
    fn text(&self, column: usize) -> Option<&'a str> {
        self.columns[column].and_then(|texts| text_at(texts, self.row))
    }
}

/// A sample under construction.
struct Gathered {
    sample: Sample,
    /// Positions of touchpoints by name.
    names: BTreeMap<String, usize>,
    file: u32,
    n_cells: usize,
}

impl Gathered {
    fn new() -> Self {
        Self {
            sample: Sample {
                first_at: i64::MAX,
                last_at: i64::MIN,
                share: 1.0,
                ..Sample::default()
            },
            names: BTreeMap::new(),
            file: 0,
            n_cells: 0,
        }
    }

    /// Counts a row, and keeps it when its customer is in the sample.
    fn take(&mut self, reading: &Reading<'_>, line: &Line<'_>, number: u64) {
        let sample = &mut self.sample;
        sample.n_rows += 1;
        let Some(customer) = line.text(reading.mapping.customer) else {
            sample.n_anonymous += 1;
            return;
        };
        let format = reading.formats[reading.mapping.at].flatten();
        let Some(at) = line.text(reading.mapping.at).and_then(|text| time_of(text, format)) else {
            sample.n_untimed += 1;
            return;
        };
        let told = reading.touchpoint(line);
        let Some(touchpoint) = told.and_then(|told| intern(told, &mut self.names, &mut sample.touchpoints)) else {
            sample.n_untold += 1;
            return;
        };
        sample.first_at = sample.first_at.min(at);
        sample.last_at = sample.last_at.max(at);
        let customer = hash(customer);
        if (mix(customer) as f64) > sample.share * u64::MAX as f64 {
            return;
        }
        let n_columns = reading.columns.len();
        sample.rows.push(Row {
            customer,
            at,
            table: reading.table,
            file: self.file,
            number,
            touchpoint,
            cells: (0..n_columns).map(|column| reading.cell(column, line)).collect(),
        });
        self.n_cells += n_columns;
        if sample.rows.len() > MAX_ROWS || self.n_cells > MAX_CELLS {
            sample.share /= 2.0;
            let most = sample.share * u64::MAX as f64;
            sample.rows.retain(|row| (mix(row.customer) as f64) <= most);
            self.n_cells = sample.rows.iter().map(|row| row.cells.len()).sum();
        }
    }

    fn finish(self) -> Sample {
        let mut sample = self.sample;
        sample
            .rows
            .sort_by_key(|row| (row.customer, row.at, row.file, row.number));
        sample.n_customers = sample.customers().count() as u64;
        count_same(&mut sample);
        sample
    }
}

/// The position of a touchpoint, counted once more; `None` when there are too many to be touchpoints.
fn intern(name: &str, names: &mut BTreeMap<String, usize>, touchpoints: &mut Vec<(String, u64)>) -> Option<usize> {
    let at = match names.get(name) {
        Some(at) => *at,
        None if touchpoints.len() < MAX_TOUCHPOINTS => {
            names.insert(name.to_owned(), touchpoints.len());
            touchpoints.push((name.to_owned(), 0));
            touchpoints.len() - 1
        }
        None => return None,
    };
    touchpoints[at].1 += 1;
    Some(at)
}

/// Counts rows that are the same in every cell, whatever the columns are called.
fn count_same(sample: &mut Sample) {
    let (mut in_other, mut in_file) = (0, BTreeMap::new());
    for rows in sample.rows.chunk_by(|one, next| one.customer == next.customer) {
        let mut files: BTreeMap<u64, BTreeSet<u32>> = BTreeMap::new();
        for row in rows {
            let content = row
                .cells
                .iter()
                .fold(row.at as u64, |content, cell| mix(content ^ *cell).rotate_left(1));
            let seen = files.entry(content).or_default();
            let is_new = seen.insert(row.file);
            in_other += u64::from(is_new && seen.len() > 1);
            *in_file.entry(row.table).or_default() += u64::from(!is_new);
        }
    }
    (sample.n_same_in_other_file, sample.same_in_file) = (in_other, in_file);
}
