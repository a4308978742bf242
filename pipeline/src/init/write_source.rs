//! One `[[source]]` of a guessed `journey.toml`: which files, and which column is what.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::Guessed;
use super::column::{Column, Kind};
use super::contract::Named;
use super::facts::{AMOUNTS, Attribute, COUNTED, Facts, UNSOUND, is_selected_field};
use super::fields::{Mapping, PURCHASE, RETURN, Table, TouchpointRule, ValueRule};
use super::stages::Found;
use super::words::{MONEY, TIMES, has_word};
use super::write::{is_field, is_of_sales, quoted, rule};
use crate::ingest::FileFormat;

/// A table, what is guessed of its columns, and what its journeys say of them.
type Guess<'a> = (&'a Table, &'a Mapping, &'a Facts);

/// Writes it; `folder` is where the `journey.toml` will lie.
pub(super) fn source(text: &mut String, guessed: &Guessed, folder: &Path, guess: Guess<'_>) {
    let (table, mapping, facts) = guess;
    files(text, guessed, folder, guess);
    text.push_str("\n[source.columns]\n");
    what_happened(text, guess);
    value(text, guessed, guess);
    fields(text, guessed, guess);
    if facts.has_lines {
        rule(text, "lines", "{ constant = \"1\" }", "how many lines the event has");
    }
    for attribute in facts
        .attributes
        .iter()
        .filter(|attribute| !is_field(mapping, attribute))
    {
        source_attribute(text, &table.columns[attribute.column], attribute);
    }
    not_read(text, guess);
    other_times(text, guess);
}

/// Which files, and what their rows are.
fn files(text: &mut String, guessed: &Guessed, folder: &Path, (table, mapping, facts): Guess<'_>) {
    let sample = &guessed.sample;
    let paths = table.files.iter().map(|file| relative(&file.path, folder));
    let paths: Vec<String> = paths.map(|path| quoted(&path.to_string_lossy())).collect();
    let _ = writeln!(text, "\n[[source]]\npaths = [{}]", paths.join(", "));
    let file = &table.files[0];
    if matches!(file.format, FileFormat::Csv | FileFormat::CsvGz) && file.delimiter != b',' {
        let _ = writeln!(text, "delimiter = {}", quoted(&char::from(file.delimiter).to_string()));
    }
    let customer = &table.columns[mapping.customer];
    let share_anonymous = 100.0 * customer.share_missing();
    if share_anonymous > 0.0 {
        let _ = writeln!(
            text,
            "anonymous = \"skip\"              # {share_anonymous:.1} % of rows name no customer: guests have no journey"
        );
    }
    for (word, count) in &customer.nothings {
        let _ = writeln!(
            text,
            "# ? {count} rows are of the customer {}. Is that nobody? Then leave it empty, and: anonymous = \"skip\"",
            quoted(word)
        );
    }
    let same_in_file = |table: usize| sample.same_in_file.get(&table).copied();
    let n_same = number(guessed, table).and_then(same_in_file).unwrap_or(0);
    if sample.n_same_in_other_file > 0 {
        text.push_str("dedupe = \"exact\"                # some rows are in more than one file\n");
    } else if n_same > 0 {
        text.push_str("# ? Some rows are the same in every column. Are they mistakes? Then: dedupe = \"exact\"\n");
    }
    if facts.has_lines {
        text.push_str("merge_lines = true              # rows with one event_id are lines of one event\n");
    }
    text.push_str("by_name = false                 # only columns that are named here are read\n");
}

/// Whose event it is, when, what, and which ids it has.
fn what_happened(text: &mut String, (table, mapping, facts): Guess<'_>) {
    let column = |at: usize| &table.columns[at];
    let is_case = column(mapping.customer).name == super::fields::CASE;
    let why = if is_case {
        "no column names a customer, so each case is one"
    } else {
        ""
    };
    rule(text, "customer_id", &quoted(&column(mapping.customer).name), why);
    time(text, "at", column(mapping.at));
    match &mapping.touchpoint {
        TouchpointRule::Column(at) => rule(text, "touchpoint", &quoted(&column(*at).name), ""),
        TouchpointRule::Constant(name) => {
            text.push_str("# ? No column says what happened. Is it the same in every row?\n");
            rule(text, "touchpoint", &format!("{{ constant = {} }}", quoted(name)), "");
        }
        TouchpointRule::StartsWith { column: at, prefix } => {
            let of = quoted(&column(*at).name);
            let rule_text =
                format!("{{ column = {of}, starts_with = {{ {prefix} = \"{RETURN}\" }}, otherwise = \"{PURCHASE}\" }}");
            let _ = writeln!(
                text,
                "# ? Those that start with {prefix} have negative numbers: are they returns?"
            );
            rule(text, "touchpoint", &rule_text, "");
        }
    }
    if let Some(at) = facts.event_id {
        rule(text, "event_id", &quoted(&column(at).name), "");
    }
    if let Some(at) = facts.journey {
        rule(text, "journey_id", &quoted(&column(at).name), "a customer has several");
    }
}

fn value(text: &mut String, guessed: &Guessed, (table, mapping, _): Guess<'_>) {
    let column = |at: usize| &table.columns[at];
    if let Some(of_value) = &mapping.value {
        let rule_text = match of_value {
            ValueRule::Column(at) => quoted(&column(*at).name),
            ValueRule::Product(one, other) => {
                format!(
                    "{{ product_of = [{}, {}] }}",
                    quoted(&column(*one).name),
                    quoted(&column(*other).name)
                )
            }
        };
        if is_of_sales(guessed) && is_of_purchases(guessed, mapping, table) {
            rule(text, "value", &rule_text, "money that came in");
        } else {
            let _ = writeln!(
                text,
                "# ? Is this money that came in from the customer? Then: value = {rule_text}"
            );
        }
    }
}

/// The other fields of the event contract.
fn fields(text: &mut String, guessed: &Guessed, (table, mapping, facts): Guess<'_>) {
    let column = |at: usize| &table.columns[at];
    let fields = [
        ("owner", mapping.owner),
        ("stage", mapping.stage.filter(|_| guessed.stages.found == Found::Column)),
        ("feedback_score", mapping.feedback_score),
    ];
    for (field, at) in fields {
        if let Some(at) = at {
            rule(text, field, &quoted(&column(at).name), "");
        }
    }
    if let Some(at) = mapping.stage.filter(|_| guessed.stages.found != Found::Column) {
        let of = quoted(&column(at).name);
        let _ = writeln!(
            text,
            "# ? {of} is not read: `none` is the name of no stage. Does it say the stages?"
        );
    }
    for (field, at) in [("product", mapping.product), ("channel", mapping.channel)] {
        let Some(at) = at.filter(|at| facts.attributes.iter().any(|attribute| attribute.column == *at)) else {
            continue;
        };
        if is_selected_field(at, facts) {
            rule(text, field, &quoted(&column(at).name), "");
        } else {
            let _ = writeln!(
                text,
                "# ? Is it known when the journey starts? Then: {field} = {}",
                quoted(&column(at).name)
            );
        }
    }
    for named in &facts.named {
        contract_field(text, column(named.column), named);
    }
}

/// Columns that would be read if they were written otherwise.
fn not_read(text: &mut String, (table, mapping, facts): Guess<'_>) {
    let asked = |why: &str| [AMOUNTS, UNSOUND, COUNTED].contains(&why);
    for (at, why) in facts.skipped.iter().filter(|(_, why)| asked(why)) {
        let column = &table.columns[*at];
        let _ = writeln!(text, "# ? {} is not read: {why}.", quoted(&column.name));
        if why == AMOUNTS && mapping.value.is_none() && has_word(&column.words, MONEY) {
            let _ = writeln!(
                text,
                "# ? Is it money that came in? Then also: value = {}",
                quoted(&column.name)
            );
        }
    }
}

/// Times that may be meant instead of the event's, or with it.
fn other_times(text: &mut String, (table, mapping, facts): Guess<'_>) {
    let column = |at: usize| &table.columns[at];
    if !mapping.other_times.is_empty() && column(mapping.customer).share_distinct() > 0.9 {
        let others: Vec<String> = mapping.other_times.iter().map(|at| quoted(&column(*at).name)).collect();
        let _ = writeln!(
            text,
            "# ? A row is a customer with several times. Are {} events too?\n\
             # ? Then write each as a row of its own: the customer, the time, what happened.",
            others.join(", ")
        );
    }
    let is_attribute = |at: usize| {
        let is_named = facts.named.iter().any(|named| named.column == at);
        is_named || facts.attributes.iter().any(|attribute| attribute.column == at)
    };
    for at in mapping.other_times.iter().filter(|at| !is_attribute(**at)) {
        let _ = writeln!(text, "# ? Or did it happen at {}?", quoted(&column(*at).name));
    }
    if let Some(other) = column(mapping.at).other_format() {
        let _ = writeln!(
            text,
            "# ? No time tells day and month apart. If the other comes first, the format is {other}"
        );
    }
    let has_hours = match column(mapping.at).kind() {
        Kind::Time(Some(format)) => ["%H", "%I", "%s"].iter().any(|hours| format.contains(hours)),
        Kind::Time(None) => column(mapping.at).longest > "2024-01-31".len(),
        Kind::Flag | Kind::Number | Kind::Category => true,
    };
    let clock = table
        .columns
        .iter()
        .find(|of| of.is_clock() && has_word(&of.words, TIMES));
    if let Some(clock) = clock.filter(|_| !has_hours) {
        let _ = writeln!(
            text,
            "# ? Is {} the time of the day {}? Then write both in one column, as 2024-01-31 10:30.",
            quoted(&clock.name),
            quoted(&column(mapping.at).name)
        );
    }
}

/// A column that bears a field's name.
fn contract_field(text: &mut String, column: &Column, named: &Named) {
    if !named.fits {
        let of = quoted(&column.name);
        let _ = writeln!(
            text,
            "# ? Does {of} mean the field of its name? Not all of it seems to be that. If it does: {} = {of}",
            named.field
        );
    } else if named.field == "known_at" {
        time(text, named.field, column);
    } else {
        rule(text, named.field, &quoted(&column.name), "");
    }
}

fn source_attribute(text: &mut String, column: &Column, attribute: &Attribute) {
    let of = match &attribute.kind {
        Kind::Time(Some(format)) => format!("{{ column = {}, format = {} }}", quoted(&column.name), quoted(format)),
        Kind::Time(None) | Kind::Flag | Kind::Number | Kind::Category => quoted(&column.name),
    };
    if attribute.is_selected() {
        rule(text, &attribute.name, &of, "");
    } else {
        let _ = writeln!(text, "# {} = {of}", attribute.name);
    }
}

fn time(text: &mut String, field: &str, column: &Column) {
    match column.kind() {
        Kind::Time(Some(format)) => {
            let of = format!("{{ column = {}, format = {} }}", quoted(&column.name), quoted(format));
            rule(text, field, &of, "");
        }
        Kind::Time(None) | Kind::Flag | Kind::Number | Kind::Category => rule(text, field, &quoted(&column.name), ""),
    }
}

/// Position of a table among all.
fn number(guessed: &Guessed, table: &Table) -> Option<usize> {
    guessed.tables.iter().position(|(other, _)| std::ptr::eq(other, table))
}

/// Whether hardly any event but purchases and what follows them has a value: the price of what is only looked at is no money.
fn is_of_purchases(guessed: &Guessed, mapping: &Mapping, table: &Table) -> bool {
    let of_value = match &mapping.value {
        Some(ValueRule::Column(at) | ValueRule::Product(at, _)) => *at,
        None => return false,
    };
    let before = |name: &str| {
        let of = guessed.stages.touchpoints.iter().find(|of| of.name == name);
        of.is_some_and(|of| ["awareness", "consideration"].contains(&of.stage.as_str()))
    };
    let before: Vec<bool> = guessed
        .sample
        .touchpoints
        .iter()
        .map(|(name, _)| before(name))
        .collect();
    let of_table = number(guessed, table);
    let rows = guessed.sample.rows.iter().filter(|row| Some(row.table) == of_table);
    let valued = rows.filter(|row| row.cells[of_value] != 0);
    let (n, n_before) = valued.fold((0_u64, 0_u64), |(n, n_before), row| {
        (n + 1, n_before + u64::from(before[row.touchpoint]))
    });
    n_before * 20 <= n
}

/// The path of a file as seen from the folder that holds the `journey.toml`: below it relative, else whole.
fn relative(path: &Path, folder: &Path) -> PathBuf {
    let whole = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let (path, folder) = (whole(path), whole(folder));
    path.strip_prefix(&folder).map(Path::to_owned).unwrap_or(path)
}
