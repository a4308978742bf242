//! What the journeys say of the columns: which ids lines or journeys share, what is the same all journey long, what tells its end.

use std::collections::{BTreeMap, BTreeSet};

use super::column::{Column, Kind};
use super::contract::{self, Named};
use super::fields::{Mapping, OF_CASE, Table, Told, TouchpointRule, ValueRule};
use super::leaks::{self, Journeys, Leak};
use super::sample::{Row, Sample};
use super::words::{ID, PRODUCT, QUANTITY, UNIT_PRICE, has_word, snake};

/// The share of journeys in which something has to be the same to be of the journey.
const NEARLY_ALL: f64 = 0.995;
/// Fewer journeys tell nothing.
const ENOUGH: usize = 20;
/// More of an attribute's values than this share of rows are ids.
const ID_LIKE: f64 = 0.5;
/// Why amounts as people write them are not read.
pub(super) const AMOUNTS: &str =
    "its numbers have a decimal comma, spaces or signs, and ingest reads digits and a decimal point: write 1234.50";
/// Why times as systems count them are not read.
pub(super) const COUNTED: &str = "it may be a time counted since 1970: write it as 2024-01-31T12:30:00Z";

/// Why a column of times or numbers is not read.
pub(super) const UNSOUND: &str = "not every value is a time from 1900 to 2199, or a number up to 1e15 (NaN is none), and ingest would refuse those rows";

/// What rows of a table with one id are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shares {
    /// Each has its own.
    Nothing,
    /// Lines of one event.
    Event,
    /// Events of one journey.
    Journey,
}

/// Whether an attribute is of an event or of the whole journey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// Events tell it, each its own.
    Event,
    /// It is the same from the first event to the last, or nothing shows that it is not.
    Journey,
    /// It is the same all along, and was said to be known when the journey starts.
    Start,
}

/// A column that may be an attribute.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Attribute {
    pub(super) column: usize,
    /// Its name in the spec.
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) scope: Scope,
    /// A number of a line, summed over the lines of an event.
    pub(super) is_summed: bool,
    /// What it tells of that is still to come.
    pub(super) leak: Option<Leak>,
}

impl Attribute {
    /// Whether it is read without being asked about.
    pub(super) fn is_selected(&self) -> bool {
        match self.scope {
            Scope::Start => true,
            Scope::Event => self.leak.is_none(),
            Scope::Journey => false,
        }
    }
}

/// What the journeys say of a table's columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Facts {
    pub(super) event_id: Option<usize>,
    /// Rows with one event id are lines of one event.
    pub(super) has_lines: bool,
    pub(super) journey: Option<usize>,
    pub(super) attributes: Vec<Attribute>,
    /// Columns that are no attributes, and why not.
    pub(super) skipped: Vec<(usize, String)>,
    /// The column of touchpoints never changes while a journey goes on.
    pub(super) touchpoint_stays: bool,
    /// Columns that bear the name of a field of the event contract.
    pub(super) named: Vec<Named>,
}

/// What the journeys say of every table.
pub(super) fn facts(tables: &[(Table, Mapping)], sample: &Sample, told: &Told) -> Vec<Facts> {
    let of_table = |of: usize| {
        let (table, mapping) = &tables[of];
        let rows: Vec<&Row> = sample.rows.iter().filter(|row| row.table == of).collect();
        let mut facts = of_ids(table, mapping, &rows, sample);
        let journeys = journeys(&rows, facts.journey);
        facts.touchpoint_stays = match &mapping.touchpoint {
            TouchpointRule::Column(column) => sample.touchpoints.len() > 1 && stays(*column, &journeys) != Some(false),
            TouchpointRule::StartsWith { .. } | TouchpointRule::Constant(_) => false,
        };
        let all = Journeys {
            of: &journeys,
            touchpoints: &sample.touchpoints,
            first_at: sample.first_at,
            last_at: sample.last_at,
        };
        attributes(table, mapping, told, &rows, &all, &mut facts);
        facts
    };
    let mut facts: Vec<Facts> = (0..tables.len()).map(of_table).collect();
    keep_ids_apart(&mut facts, sample);
    facts
}

/// Leaves ids of events out that another table has too for the same customer: ingest would take one event for the other.
fn keep_ids_apart(facts: &mut [Facts], sample: &Sample) {
    let mut tables: Vec<usize> = (0..facts.len()).collect();
    tables.sort_by_key(|of| !facts[*of].has_lines);
    let mut taken: BTreeMap<(u64, u64), usize> = BTreeMap::new();
    for of in tables {
        let Some(column) = facts[of].event_id else { continue };
        let rows = sample
            .rows
            .iter()
            .filter(|row| row.table == of && row.cells[column] != 0);
        let ids: Vec<(u64, u64)> = rows.map(|row| (row.customer, row.cells[column])).collect();
        let is_taken = |id: &(u64, u64)| taken.get(id).is_some_and(|other| *other != of);
        if !facts[of].has_lines && ids.iter().any(is_taken) {
            facts[of].event_id = None;
            let why = "another file has the same ids for other events";
            facts[of].skipped.push((column, why.to_owned()));
        } else {
            ids.into_iter().for_each(|id| {
                taken.entry(id).or_insert(of);
            });
        }
    }
}

/// The rows of each journey, in order; those of a customer where nothing tells journeys apart.
fn journeys<'a>(rows: &[&'a Row], journey: Option<usize>) -> Vec<Vec<&'a Row>> {
    let mut journeys: BTreeMap<(u64, u64), Vec<&Row>> = BTreeMap::new();
    for row in rows {
        let of = journey.map_or(0, |column| row.cells[column]);
        journeys.entry((row.customer, of)).or_default().push(row);
    }
    journeys.into_values().collect()
}

fn of_ids(table: &Table, mapping: &Mapping, rows: &[&Row], sample: &Sample) -> Facts {
    let mut facts = Facts::default();
    for &column in &mapping.shared {
        match shares(column, rows) {
            Some(Shares::Event)
                if facts.event_id.is_none() && !matches!(mapping.touchpoint, TouchpointRule::Column(_)) =>
            {
                (facts.event_id, facts.has_lines) = (Some(column), true);
            }
            Some(Shares::Nothing) if facts.event_id.is_none() && sample.n_same_in_other_file == 0 => {
                let is_key = table.columns[column].share_distinct() > 0.95;
                facts.event_id = is_key.then_some(column);
            }
            Some(Shares::Journey) if facts.journey.is_none() => facts.journey = Some(column),
            _ => (),
        }
    }
    facts
}

/// What rows with one id share; `None` when the id is missing or that of the customer again.
fn shares(column: usize, rows: &[&Row]) -> Option<Shares> {
    let mut times: BTreeMap<(u64, u64), (u64, BTreeSet<i64>)> = BTreeMap::new();
    let mut ids: BTreeMap<u64, u64> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.cells[column] != 0) {
        let of = times.entry((row.customer, row.cells[column])).or_default();
        of.0 += 1;
        of.1.insert(row.at);
        ids.insert(row.cells[column], row.customer);
    }
    if times.is_empty() || (times.len() as f64) > 1.02 * ids.len() as f64 {
        return None;
    }
    let shared: Vec<_> = times.values().filter(|(n_rows, _)| *n_rows > 1).collect();
    if shared.is_empty() {
        return Some(Shares::Nothing);
    }
    let at_once = shared.iter().filter(|(_, times)| times.len() == 1).count();
    let customers: BTreeSet<u64> = times.keys().map(|(customer, _)| *customer).collect();
    if at_once as f64 > 0.9 * shared.len() as f64 {
        Some(Shares::Event)
    } else {
        (times.len() as f64 > 1.05 * customers.len() as f64).then_some(Shares::Journey)
    }
}

/// Whether a column says the same whenever it says something, in nearly all journeys; `None` when too few can tell.
///
/// What each journey is told once is of that event, unless it always comes with the first: then it is of the journey.
fn stays(column: usize, journeys: &[Vec<&Row>]) -> Option<bool> {
    let lasts = |rows: &[&Row]| rows.first().map(|row| row.at) < rows.last().map(|row| row.at);
    let told = |rows: &Vec<&Row>| -> Vec<u64> {
        let mut times = BTreeSet::new();
        let there = rows.iter().filter(|row| row.cells[column] != 0);
        there
            .filter(|row| times.insert(row.at))
            .map(|row| row.cells[column])
            .collect()
    };
    let lasting: Vec<Vec<u64>> = journeys.iter().filter(|rows| lasts(rows)).map(told).collect();
    let again: Vec<&Vec<u64>> = lasting.iter().filter(|cells| cells.len() > 1).collect();
    if again.len() >= ENOUGH {
        let n_same = again
            .iter()
            .filter(|cells| cells.iter().all(|cell| *cell == cells[0]))
            .count();
        return Some(n_same as f64 >= NEARLY_ALL * again.len() as f64);
    }
    let once = |rows: &&&Vec<&Row>| rows.iter().filter(|row| row.cells[column] != 0).count() == 1;
    let lasting: Vec<_> = journeys.iter().filter(|rows| lasts(rows)).collect();
    let once: Vec<_> = lasting.iter().filter(once).collect();
    let n_first = once.iter().filter(|rows| rows[0].cells[column] != 0).count();
    (once.len() >= ENOUGH).then_some(n_first as f64 >= NEARLY_ALL * once.len() as f64)
}

fn attributes(table: &Table, mapping: &Mapping, told: &Told, rows: &[&Row], all: &Journeys<'_>, facts: &mut Facts) {
    let mut used = used(mapping, facts);
    facts.named = contract::named(table, rows, &used);
    for named in &facts.named {
        let why = if named.fits { "it is read as" } else { "it may be" };
        let why = format!("{why} the field of its name");
        facts.skipped.push((named.column, why));
        used.insert(named.column);
    }
    let mut names = contract::taken_names();
    for (at, column) in table.columns.iter().enumerate() {
        if used.contains(&at) {
            continue;
        }
        if let Some(why) = why_not(at, column, table, mapping, rows, &used) {
            facts.skipped.push((at, why));
            continue;
        }
        let scope = scope(at, column, told, all.of);
        let is_number = column.kind() == Kind::Number;
        let is_summed = facts.has_lines && is_number && scope == Scope::Event && has_word(&column.words, QUANTITY);
        if facts.has_lines && is_number && scope == Scope::Event && !is_summed {
            let why = "a number of one line, which says nothing summed over the lines of an event";
            facts.skipped.push((at, why.to_owned()));
            continue;
        }
        let leak = match scope {
            Scope::Event => leaks::of_events(at, all),
            Scope::Journey | Scope::Start => leaks::of_journeys(at, column, all),
        };
        facts.attributes.push(Attribute {
            column: at,
            name: free_name(snake(column.name.rsplit(':').next().unwrap_or_default()), &mut names),
            kind: column.kind(),
            scope,
            is_summed,
            leak,
        });
    }
}

/// Columns that say something else than an attribute.
fn used(mapping: &Mapping, facts: &Facts) -> BTreeSet<usize> {
    let mut used: BTreeSet<usize> = [mapping.customer, mapping.at].into();
    let fields = [mapping.owner, mapping.stage, mapping.feedback_score];
    used.extend(fields.into_iter().chain([facts.event_id, facts.journey]).flatten());
    match &mapping.touchpoint {
        TouchpointRule::Column(column) | TouchpointRule::StartsWith { column, .. } => used.extend([*column]),
        TouchpointRule::Constant(_) => (),
    }
    if let Some(ValueRule::Column(column)) = mapping.value {
        used.insert(column);
    }
    used
}

fn scope(at: usize, column: &Column, told: &Told, journeys: &[Vec<&Row>]) -> Scope {
    let is_whole = column.name.starts_with(OF_CASE) || stays(at, journeys) != Some(false);
    match (told.known_at_start.contains(&column.name), is_whole) {
        (true, _) => Scope::Start,
        (false, true) => Scope::Journey,
        (false, false) => Scope::Event,
    }
}

/// Whether a column that is a field and may be of the whole journey is read.
pub(super) fn is_selected_field(column: usize, facts: &Facts) -> bool {
    facts
        .attributes
        .iter()
        .any(|attribute| attribute.column == column && attribute.is_selected())
}

/// A name that nothing else has.
fn free_name(wanted: String, names: &mut BTreeSet<String>) -> String {
    let mut name = wanted.clone();
    let mut number = 2;
    while !names.insert(name.clone()) {
        name = format!("{wanted}_{number}");
        number += 1;
    }
    name
}

/// Why a column is no attribute.
fn why_not(
    at: usize,
    column: &Column,
    table: &Table,
    mapping: &Mapping,
    rows: &[&Row],
    used: &BTreeSet<usize>,
) -> Option<String> {
    let n_distinct = column.n_distinct();
    let is_product = mapping.product == Some(at);
    if column.n_there == 0 {
        return Some("it is empty".to_owned());
    }
    if n_distinct < 2.0 && (column.share_missing() < 0.01 || column.share_missing() > 0.99) {
        return Some("it has one value only".to_owned());
    }
    if column.has_amounts() {
        return Some(AMOUNTS.to_owned());
    }
    if column.since_1970().is_some() {
        return Some(COUNTED.to_owned());
    }
    if !column.is_sound() {
        return Some(UNSOUND.to_owned());
    }
    if column.is_row_number() {
        return Some("it counts the rows".to_owned());
    }
    let is_price_of_value = matches!(mapping.value, Some(ValueRule::Product(_, price)) if price == at);
    if is_price_of_value
        || (has_word(&column.words, UNIT_PRICE) && matches!(mapping.value, Some(ValueRule::Product(_, _))))
    {
        return Some("it is in the value already".to_owned());
    }
    let is_id =
        has_word(&column.words, ID) && column.may_be_id() && n_distinct > 50.0 && !has_word(&column.words, PRODUCT);
    let is_key = column.kind() == Kind::Category && column.share_distinct() > ID_LIKE && n_distinct > 50.0;
    if (is_id || is_key) && !is_product {
        return Some("its values name single things, which a model must not remember".to_owned());
    }
    if column.is_free_text() {
        return Some("it is free text".to_owned());
    }
    let before = (0..table.columns.len()).filter(|other| used.contains(other) || *other < at);
    let is_same = |other: &usize| !rows.is_empty() && rows.iter().all(|row| row.cells[*other] == row.cells[at]);
    let twin = before.into_iter().find(is_same)?;
    Some(format!("it says the same as `{}`", table.columns[twin].name))
}
