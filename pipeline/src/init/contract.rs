//! Columns that bear the name of a field of the event contract: which are read as that field, and which are only asked about.

use std::collections::BTreeSet;

use percorso_journey::MICROS_PER_DAY;
use percorso_journey::spec::Field;

use super::column::{Column, Kind};
use super::fields::Table;
use super::sample::Row;
use super::tables::Written;

/// Fields that are found by their names only; the others are found by what columns look like.
const BY_NAME: [&str; 7] = [
    "sequence",
    "known_at",
    "account_id",
    "feedback_text",
    "action_id",
    "decision_id",
    "propensity",
];
/// Texts that ingest takes, in bytes.
const MAX_TEXT_BYTES: usize = 1_000;
const MAX_FEEDBACK_BYTES: usize = 60_000;
/// A spec that says nothing of lateness allows so many days.
const ALLOWED_LATENESS_DAYS: i64 = 30;
/// Names that mean something of their own in canonical rows and rules.
const RESERVED: [&str; 10] = [
    "audience",
    "product",
    "customer_key",
    "source_file",
    "source_row",
    "lines",
    "n_events",
    "days_since_last_event",
    "days_since_last_contact",
    "feedback_last",
];

/// A column that bears a field's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) column: usize,
    pub(super) field: &'static str,
    /// Its values are what the field may hold.
    pub(super) fits: bool,
}

/// The columns of a table that bear a field's name and are not `used` for something else.
pub(super) fn named(table: &Table, rows: &[&Row], used: &BTreeSet<usize>) -> Vec<Named> {
    let free = BY_NAME.into_iter().filter_map(|field| {
        let column = table.column(field).filter(|at| !used.contains(at))?;
        let of = &table.columns[column];
        let fits = of.n_there > 0 && fits(field, column, of, rows);
        Some(Named { column, field, fits })
    });
    free.collect()
}

/// Names that no attribute may have.
pub(super) fn taken_names() -> BTreeSet<String> {
    let fields = Field::NAMED.iter().map(|(name, _)| *name);
    fields.chain(RESERVED).map(str::to_owned).collect()
}

fn fits(field: &str, at: usize, column: &Column, rows: &[&Row]) -> bool {
    match field {
        // Of numbers in Parquet it is not known here whether they are whole by their type.
        "sequence" => column.written == Written::Text && column.is_whole(),
        "known_at" => matches!(column.kind(), Kind::Time(_)) && column.is_sound() && is_known_in_time(at, rows),
        "propensity" => column.kind() == Kind::Number,
        "feedback_text" => column.longest <= MAX_FEEDBACK_BYTES && column.written == Written::Text,
        _ => column.longest <= MAX_TEXT_BYTES && !matches!(column.kind(), Kind::Time(_)),
    }
}

fn is_known_in_time(at: usize, rows: &[&Row]) -> bool {
    let mut told = rows.iter().filter(|row| row.cells[at] != 0);
    told.all(|row| row.cells[at] as i64 - row.at <= ALLOWED_LATENESS_DAYS * MICROS_PER_DAY)
}
