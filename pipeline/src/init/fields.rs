//! Which column is what: the customer, the time, what happened, and the rest of the event contract, from names and shapes.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::column::{Column, Kind};
use super::tables::DataFile;
use super::words::{
    CHANNEL, CUSTOMERS, EVENT_TIMES, ID, MONEY, OF_NAMES, OTHER_TIMES, OWNER, PRODUCT, PROPERTIES, QUANTITY, SCORE,
    SHARED, STAGE_STEMS, TIMES, TOUCHPOINTS, UNIT_PRICE, has_stem, has_word, has_word_or_its_id, is_in, words,
};

/// The case of an event log: the customer of last resort.
pub(super) const CASE: &str = "case:concept:name";
/// Led by this, a column is of the case, not of the event.
pub(super) const OF_CASE: &str = "case:";
/// How surely an id is the customer that no name says to be one.
const UNNAMED: i32 = 10;
/// No business has more ways to meet a customer; more values are something else.
const MAX_TOUCHPOINTS: f64 = 300.0;
const MAX_CHANNELS: f64 = 50.0;
const STAGE_NAMES: &str = "stage phase fase etapa stadium stufe stadio";
/// Words beside money that it is not what the customer spent on the thing.
const OTHER_MONEY: &str = "freight shipping tax vat discount cost declared monthly average stock balance iva type";

/// Files of one shape, and their columns.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) files: Vec<DataFile>,
    /// In the order of the file.
    pub(super) columns: Vec<Column>,
    /// Columns that cannot be read, and why not.
    pub(super) unread: BTreeMap<String, String>,
    pub(super) n_rows: u64,
}

impl Table {
    /// Its name in messages: that of its first file.
    pub(super) fn name(&self) -> String {
        let name = self.files.first().and_then(|file| file.path.file_name());
        name.map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    }

    /// Position of a column by its name.
    pub(super) fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// Whether another file has the same columns, written the same way.
    pub(super) fn is_like(&self, other: &Table) -> bool {
        let way = |table: &Table| (table.files[0].format, table.files[0].delimiter, table.columns.len());
        let is_there = |column: &Column| {
            other
                .columns
                .iter()
                .any(|of| of.name == column.name && of.is_like(column))
        };
        way(self) == way(other) && self.columns.iter().all(is_there)
    }

    /// Takes in a file of the same shape.
    pub(super) fn join(&mut self, other: Table) {
        self.n_rows += other.n_rows;
        self.files.extend(other.files);
        self.unread.extend(other.unread);
        for column in other.columns {
            if let Some(own) = self.columns.iter_mut().find(|own| own.name == column.name) {
                own.join(column);
            }
        }
    }

    /// The columns' names, as a message lists them.
    pub(super) fn column_names(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
        names.join(", ")
    }
}

/// What whoever asks has said beforehand; nothing of it is guessed.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The column that names the customer.
    pub customer: Option<String>,
    /// The column of when it happened.
    pub at: Option<String>,
    /// The column of what happened.
    pub touchpoint: Option<String>,
    /// Columns of a whole journey that are known when it starts.
    pub known_at_start: Vec<String>,
}

/// How a row says what happened.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum TouchpointRule {
    /// By a column.
    Column(usize),
    /// By how the text of a column starts: a return, or a purchase.
    StartsWith { column: usize, prefix: String },
    /// It is the same in every row.
    Constant(String),
}

/// What an invoice with a prefix of its own and negative amounts is.
pub(super) const RETURN: &str = "return";
/// What a row of money or quantities is.
pub(super) const PURCHASE: &str = "purchase";

/// How a row says what it is worth.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ValueRule {
    /// By a column.
    Column(usize),
    /// As a quantity times a price.
    Product(usize, usize),
}

/// Which column is what, by position.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mapping {
    pub(super) customer: usize,
    /// How surely, for choosing among tables.
    pub(super) customer_score: i32,
    pub(super) at: usize,
    /// Times that may be meant instead, or are something else.
    pub(super) other_times: Vec<usize>,
    pub(super) touchpoint: TouchpointRule,
    pub(super) value: Option<ValueRule>,
    pub(super) product: Option<usize>,
    pub(super) channel: Option<usize>,
    pub(super) owner: Option<usize>,
    pub(super) stage: Option<usize>,
    pub(super) feedback_score: Option<usize>,
    /// Ids that rows share: of an event with several lines, or of a journey.
    pub(super) shared: Vec<usize>,
}

/// Which column of a table is what; `rejected` ones do not say what happened.
///
/// # Errors
/// - no column can be the customer or the time; says what would be right.
pub(super) fn guess(table: &Table, told: &Told, rejected: &BTreeSet<String>) -> Result<Mapping, String> {
    let named = |name: &Option<String>| name.as_ref().and_then(|name| table.column(name));
    let customer = named(&told.customer).map(|at| (at, 1_000)).or_else(|| customer(table));
    let Some(at) = named(&told.at).or_else(|| best(table, time_score)) else {
        return Err(format!(
            "no column holds times, so its rows are no events of a journey; expected one with times such as \
             2024-01-31T12:30:00Z or 31/01/2024 12:30; the columns are {}{}",
            table.column_names(),
            counted_times(table)
        ));
    };
    let Some((customer, customer_score)) = customer else {
        return Err(format!(
            "no column names a customer whose rows can be told to be theirs; name one with --customer COLUMN; \
             the columns are {}",
            table.column_names()
        ));
    };
    let is_free = |column: usize| column != customer && column != at;
    let pick = |score: Score<'_>| {
        best(table, |column| {
            let position = table.columns.iter().position(|other| std::ptr::eq(other, column))?;
            let may = is_free(position) && may_be_read(column, told);
            if may { score(column) } else { None }
        })
    };
    let value = value(table, &pick);
    let told_touchpoint = named(&told.touchpoint);
    let touchpoint = told_touchpoint
        .or_else(|| pick(&|column| touchpoint_score(column).filter(|_| !rejected.contains(&column.name))))
        .map_or_else(|| rule_of(table, at), TouchpointRule::Column);
    let touchpoint = match touchpoint {
        TouchpointRule::Column(of) if told_touchpoint.is_none() && is_label(table, of) => match rule_of(table, at) {
            TouchpointRule::Constant(name) if name != PURCHASE => touchpoint,
            rule => rule,
        },
        touchpoint => touchpoint,
    };
    let is_touchpoint = |column: usize| matches!(&touchpoint, TouchpointRule::Column(of) if *of == column);
    let other = |score: Score<'_>| pick(score).filter(|column| !is_touchpoint(*column));
    let times = (0..table.columns.len()).filter(|column| matches!(table.columns[*column].kind(), Kind::Time(_)));
    let shared = (0..table.columns.len()).filter(|column| {
        let of = &table.columns[*column];
        let is_id = has_word_or_its_id(&of.words, SHARED) && !is_touchpoint(*column);
        is_free(*column) && of.may_be_id() && (is_id || of.name == CASE) && of.share_missing() < 0.5 && is_id_like(of)
    });
    Ok(Mapping {
        customer,
        customer_score,
        at,
        other_times: times.filter(|column| *column != at).collect(),
        value,
        product: other(&product_score),
        channel: other(&|column| listed(column, CHANNEL, MAX_CHANNELS)),
        owner: other(&|column| listed(column, OWNER, f64::INFINITY).filter(|_| column.share_distinct() < 0.5)),
        stage: other(&|column| listed(column, STAGE_NAMES, 20.0)),
        feedback_score: other(&feedback_score),
        shared: shared.collect(),
        touchpoint,
    })
}

/// Columns of numbers that may be times, as a message tells them.
fn counted_times(table: &Table) -> String {
    let counted = table
        .columns
        .iter()
        .filter_map(|column| Some((column, column.since_1970()?)));
    let told = counted.map(|(column, unit)| {
        let name = &column.name;
        format!("; `{name}` looks like {unit} since 1970: write it as such a time")
    });
    told.collect()
}

/// Whether a column may be read at all: one of the whole case only when it is told to be known at the start.
fn may_be_read(column: &Column, told: &Told) -> bool {
    !column.name.starts_with(OF_CASE) || told.known_at_start.contains(&column.name)
}

/// An id by its name, or by having more values than a list of choices has.
fn is_id_like(column: &Column) -> bool {
    has_word(&column.words, ID) || column.name == CASE || column.n_distinct() > 100.0
}

fn best(table: &Table, score: impl Fn(&Column) -> Option<i32>) -> Option<usize> {
    let scored = table.columns.iter().enumerate();
    let scored = scored.filter_map(|(at, column)| Some((score(column)?, at)));
    // Of equals, the first in the file.
    scored
        .max_by_key(|(score, at)| (*score, Reverse(*at)))
        .map(|(_, at)| at)
}

fn customer(table: &Table) -> Option<(usize, i32)> {
    let by_name = best_customer(table).or_else(|| best(table, id_score))?;
    let score = customer_score(&table.columns[by_name]).unwrap_or(UNNAMED);
    Some((by_name, score))
}

/// The column that names the customer best; of equals that in which names come back more.
fn best_customer(table: &Table) -> Option<usize> {
    let scored = table.columns.iter().enumerate();
    let scored = scored.filter_map(|(at, column)| {
        let is_new = (20.0 * column.share_distinct()).round() as i32;
        Some((customer_score(column)?, Reverse(is_new), Reverse(at)))
    });
    scored.max().map(|(_, _, Reverse(at))| at)
}

fn customer_score(column: &Column) -> Option<i32> {
    if column.share_missing() > 0.6 || !column.may_be_id() || column.is_free_text() {
        return None;
    }
    if column.name == CASE {
        return Some(40);
    }
    if column.words.len() > 1 && has_word(&column.words, PROPERTIES) {
        return None;
    }
    if column.name.starts_with(OF_CASE) && column.kind() == Kind::Number && !has_word(&column.words, ID) {
        return None;
    }
    let (list, score) = CUSTOMERS
        .iter()
        .find(|(list, _)| has_word_or_its_id(&column.words, list))?;
    let is_other = |word: &&String| {
        let is_entity = has_word_or_its_id(std::slice::from_ref(*word), list);
        !is_entity && !is_in(word, ID)
    };
    let n_others = column.words.iter().filter(is_other).count() as i32;
    let is_id = has_word_or_its_id(&column.words, ID) || column.words.len() == 1;
    let is_list = column.n_distinct() < 10.0 && column.n_rows > 200;
    let score = score + 10 * i32::from(is_id) - 45 * n_others - 60 * i32::from(is_list);
    (score > 20).then_some(score)
}

/// An id that comes back: where no name says who the customer is.
fn id_score(column: &Column) -> Option<i32> {
    let is_id = has_word_or_its_id(&column.words, ID) && column.may_be_id() && column.share_missing() < 0.2;
    let comes_back = column.share_distinct() < 0.8 && column.n_distinct() > 20.0;
    (is_id && comes_back && !has_word(&column.words, PRODUCT)).then(|| 100 - (100.0 * column.share_distinct()) as i32)
}

fn time_score(column: &Column) -> Option<i32> {
    if !matches!(column.kind(), Kind::Time(_)) || column.name.starts_with(OF_CASE) || column.share_missing() > 0.6 {
        return None;
    }
    if column.name == "time:timestamp" {
        return Some(200);
    }
    let is_compound = |word: &String| {
        ["date", "time", "datum", "timestamp"]
            .iter()
            .any(|end| word.ends_with(end))
    };
    let is_named = has_word(&column.words, TIMES) || column.words.iter().any(is_compound);
    let begins = |word: &String| EVENT_TIMES.split(' ').any(|of| word.starts_with(of));
    let is_event = column.words.iter().any(begins);
    let is_other = has_word(&column.words, OTHER_TIMES);
    let missing = (60.0 * column.share_missing()) as i32;
    Some(40 + 20 * i32::from(is_named) + 20 * i32::from(is_event) - 50 * i32::from(is_other) - missing)
}

fn touchpoint_score(column: &Column) -> Option<i32> {
    let n_distinct = column.n_distinct();
    let is_list = (1.0..=MAX_TOUCHPOINTS).contains(&n_distinct) && column.share_missing() < 0.5;
    if !is_list || matches!(column.kind(), Kind::Time(_)) || has_word(&column.words, PRODUCT) {
        return None;
    }
    if column.name == "concept:name" {
        return Some(200);
    }
    let (list, score) = TOUCHPOINTS.iter().find(|(list, _)| has_word(&column.words, list))?;
    let is_other = |word: &&String| !is_in(word, list) && !is_in(word, OF_NAMES);
    let n_others = column.words.iter().filter(is_other).count() as i32;
    let is_number = matches!(column.kind(), Kind::Number | Kind::Flag);
    let is_told_in_words = !is_number || (*score >= 80 && n_distinct <= 50.0);
    let score = score - 30 * n_others - 25 * i32::from(is_number) - 40 * i32::from(n_distinct < 2.0);
    (is_told_in_words && score >= 30).then_some(score)
}

/// Whether a doubtful column labels lines of what was bought: rows share an id, and its values say nothing of a stage.
fn is_label(table: &Table, at: usize) -> bool {
    let column = &table.columns[at];
    let is_shared = |of: &Column| {
        has_word_or_its_id(&of.words, SHARED) && of.may_be_id() && is_id_like(of) && of.share_distinct() < 0.95
    };
    let says_stage = |value: &str| STAGE_STEMS.iter().any(|(_, stems)| has_stem(&words(value), stems));
    let values = column.values().into_iter().flatten();
    let n_told: u64 = values
        .filter(|(value, _)| says_stage(value))
        .map(|(_, count)| count)
        .sum();
    is_doubtful(column) && table.columns.iter().any(is_shared) && n_told * 2 < column.n_there
}

/// Whether a column may be a label rather than what happened, as a type or a status is.
pub(super) fn is_doubtful(column: &Column) -> bool {
    touchpoint_score(column).is_none_or(|score| score < 80)
}

/// What a row is where no column says what happened.
fn rule_of(table: &Table, at: usize) -> TouchpointRule {
    let is_of_money = |column: &Column| {
        let is_number = column.kind() == Kind::Number || column.has_amounts();
        is_number && (has_word(&column.words, MONEY) || has_word(&column.words, QUANTITY))
    };
    let has_negative = table
        .columns
        .iter()
        .any(|column| is_of_money(column) && column.n_negative > 0);
    let prefix = |column: &Column| {
        let n_digits = column.led_by.get("").copied().unwrap_or(0);
        let led = column.led_by.iter().filter(|(letters, _)| !letters.is_empty());
        let (letters, n_led) = led.max_by_key(|(_, count)| **count)?;
        let is_minority =
            *n_led * 4 < n_digits && n_digits * 10 > column.n_there * 7 && *n_led * 1_000 > column.n_there;
        is_minority.then(|| letters.clone())
    };
    if has_negative {
        let invoices = table.columns.iter().enumerate();
        let mut invoices = invoices.filter(|(_, column)| has_word_or_its_id(&column.words, SHARED));
        if let Some((column, prefix)) = invoices.find_map(|(at, column)| Some((at, prefix(column)?))) {
            return TouchpointRule::StartsWith { column, prefix };
        }
    }
    let is_time = |word: &String| is_in(word, TIMES) || is_in(word, ID);
    let of_time: Vec<String> = table.columns[at]
        .words
        .iter()
        .filter(|word| !is_time(word))
        .cloned()
        .collect();
    let is_sale = table
        .columns
        .iter()
        .any(|column| is_of_money(column) && !has_word(&column.words, OTHER_MONEY));
    let says_little = of_time.is_empty()
        || has_word(
            &of_time,
            "order invoice purchase transaction event created creation occurred creazione creacion",
        );
    let is_order = has_word(
        &of_time,
        "order invoice purchase transaction pedido ordine acquisto compra bestellung bestelling commande achat encomenda",
    );
    if (is_sale && says_little) || is_order {
        TouchpointRule::Constant(PURCHASE.to_owned())
    } else if says_little {
        let name = table.name();
        let stem = words(name.split('.').next().unwrap_or_default()).join("_");
        TouchpointRule::Constant(if stem.is_empty() { "event".to_owned() } else { stem })
    } else {
        TouchpointRule::Constant(of_time.join("_"))
    }
}

/// How well a column fits, when it does.
type Score<'a> = &'a dyn Fn(&Column) -> Option<i32>;

fn value(table: &Table, pick: &dyn Fn(Score<'_>) -> Option<usize>) -> Option<ValueRule> {
    let is_number = |column: &Column| column.kind() == Kind::Number && column.largest > 0.0 && column.is_nearly_sound();
    let money = |column: &Column| {
        let is_other = has_word(&column.words, OTHER_MONEY) || has_word(&column.words, ID);
        if !is_number(column) || !has_word(&column.words, MONEY) || is_other {
            return None;
        }
        Some(if has_word(&column.words, UNIT_PRICE) { 50 } else { 80 })
    };
    let quantity = |column: &Column| (is_number(column) && has_word(&column.words, QUANTITY)).then_some(50);
    let of_value = pick(&money)?;
    let is_price = has_word(&table.columns[of_value].words, UNIT_PRICE);
    match pick(&quantity).filter(|quantity| is_price && *quantity != of_value) {
        Some(quantity) => Some(ValueRule::Product(quantity, of_value)),
        None => Some(ValueRule::Column(of_value)),
    }
}

fn product_score(column: &Column) -> Option<i32> {
    let is_named = has_word_or_its_id(&column.words, PRODUCT) && !has_word(&column.words, QUANTITY);
    let is_other = has_word(&column.words, MONEY) || matches!(column.kind(), Kind::Time(_)) || column.is_free_text();
    let is_plain = column.words.len() == 1 || has_word_or_its_id(&column.words, ID);
    let has_choice = column.n_distinct() >= 2.0 && column.share_missing() < 0.9;
    let is_whole = column.kind() != Kind::Number || column.may_be_id();
    (is_named && !is_other && has_choice && is_whole).then_some(50 + 20 * i32::from(is_plain))
}

fn listed(column: &Column, names: &str, at_most: f64) -> Option<i32> {
    let is_list = column.n_distinct() >= 2.0 && column.n_distinct() <= at_most && column.share_missing() < 0.9;
    let is_named = has_word(&column.words, names) && column.words.len() <= 3;
    let is_words = column.kind() == Kind::Category || has_word(&column.words, ID);
    (is_list && is_named && is_words).then_some(60 - 5 * column.words.len() as i32)
}

fn feedback_score(column: &Column) -> Option<i32> {
    let is_scale =
        column.kind() == Kind::Number && column.is_nearly_sound() && column.smallest >= 0.0 && column.largest <= 100.0;
    let is_named = has_word(&column.words, SCORE) || column.words.ends_with(&["review".to_owned(), "score".to_owned()]);
    (is_scale && is_named).then_some(50)
}

/// The tables whose rows can be told to be of the same customers as those of the surest one; of the others, why not.
pub(super) fn linked(
    tables: Vec<(Table, Result<Mapping, String>)>,
) -> (Vec<(Table, Mapping)>, BTreeMap<String, String>) {
    let mut passed_over = BTreeMap::new();
    let mut usable = Vec::new();
    for (table, mapping) in tables {
        match mapping {
            Ok(mapping) => usable.push((table, mapping)),
            Err(why) => {
                passed_over.insert(table.name(), why);
            }
        }
    }
    let surest = usable
        .iter()
        .max_by_key(|(table, mapping)| (mapping.customer_score, table.n_rows));
    let Some((primary, surest_score)) =
        surest.map(|(table, mapping)| (table.columns[mapping.customer].clone(), mapping.customer_score))
    else {
        return (Vec::new(), passed_over);
    };
    let is_linked = |(table, mapping): &(Table, Mapping)| {
        let column = &table.columns[mapping.customer];
        // Small numbers are in common by chance, unless both are said to be customers.
        let is_by_chance =
            column.is_whole() && primary.is_whole() && mapping.customer_score.min(surest_score) <= UNNAMED;
        let overlap = column.overlap(&primary).max(primary.overlap(column));
        column.words.concat() == primary.words.concat() || (overlap > 0.05 && !is_by_chance)
    };
    let (linked, other): (Vec<_>, Vec<_>) = usable.into_iter().partition(is_linked);
    for (table, mapping) in other {
        let why = format!(
            "its `{}` and the `{}` of the other files have no value in common",
            table.columns[mapping.customer].name, primary.name
        );
        passed_over.insert(table.name(), why);
    }
    (linked, passed_over)
}
