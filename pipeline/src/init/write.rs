//! The guesses as a `journey.toml` that says of each line why it is there, and asks what could not be guessed.

use std::fmt::Write;
use std::path::Path;

use super::catalogue::{Business, CHANNELS, catalogue};
use super::column::{Column, Kind};
use super::facts::{Attribute, Scope, is_selected_field};
use super::fields::{Mapping, Table};
use super::stages::Found;
use super::windows::Churn;
use super::words::{CONSENT, has_word};
use super::{Guessed, write_source};

/// Bad rows are tolerated up to the share seen, and a little more.
const TOLERATED: f64 = 0.01;

/// The whole text; `folder` is where the `journey.toml` will lie.
pub(super) fn journey(guessed: &Guessed, folder: &Path) -> String {
    let mut text = head(guessed);
    for ((table, mapping), facts) in guessed.tables.iter().zip(&guessed.facts) {
        write_source::source(&mut text, guessed, folder, (table, mapping, facts));
    }
    stages(&mut text, guessed);
    channels(&mut text, guessed);
    touchpoints(&mut text, guessed);
    attributes(&mut text, guessed);
    windows(&mut text, guessed);
    text.push('\n');
    text += &catalogue(&business(guessed));
    text
}

/// A text in quotes as TOML has it.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => quoted += "\\\"",
            '\\' => quoted += "\\\\",
            '\n' => quoted += "\\n",
            '\t' => quoted += "\\t",
            '\r' => quoted += "\\r",
            letter if letter.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(letter));
            }
            letter => quoted.push(letter),
        }
    }
    quoted + "\""
}

/// What the starter catalogue is fitted to.
pub(super) fn business(guessed: &Guessed) -> Business<'_> {
    let scores = guessed
        .tables
        .iter()
        .filter_map(|(table, mapping)| Some(table.columns[mapping.feedback_score?].largest));
    Business {
        stages: &guessed.stages.order,
        consent: consents(guessed)
            .find(|(_, _, attribute)| attribute.is_selected())
            .map(|(_, _, of)| of.name.as_str()),
        best_score: scores.into_iter().reduce(f64::max),
        has_value: has_value(guessed),
        window_days: guessed.windows.next_stage_days.max(7),
    }
}

/// Columns that may say who agreed to be contacted.
pub(super) fn consents(guessed: &Guessed) -> impl Iterator<Item = (&Table, &Column, &Attribute)> {
    let tables = guessed.tables.iter().zip(&guessed.facts);
    let all = tables.flat_map(|((table, _), facts)| facts.attributes.iter().map(move |attribute| (table, attribute)));
    all.map(|(table, attribute)| (table, &table.columns[attribute.column], attribute))
        .filter(|(_, column, attribute)| attribute.kind == Kind::Flag && has_word(&column.words, CONSENT))
}

/// Whether events are worth money that customers spend.
fn has_value(guessed: &Guessed) -> bool {
    guessed
        .tables
        .iter()
        .any(|(_, mapping)| mapping.value.is_some() && is_of_sales(guessed))
}

/// Whether customers buy something: else an amount may be anything.
pub(super) fn is_of_sales(guessed: &Guessed) -> bool {
    let is_sale = |touchpoint: &super::stages::Touchpoint| touchpoint.stage == "purchase" && !touchpoint.is_placed;
    guessed.stages.touchpoints.iter().any(is_sale)
}

fn head(guessed: &Guessed) -> String {
    let files: Vec<String> = guessed.tables.iter().map(|(table, _)| table.name()).collect();
    let sample = &guessed.sample;
    let n_bad = sample.n_untimed + sample.n_untold;
    let bad = n_bad as f64 / sample.n_rows.max(1) as f64;
    let mut text = format!(
        "# Guessed by `percorso init` from {}: every line is a guess, made from the names and shapes of what is there.\n\
         # A line that begins with `# ?` asks what the files alone do not say.\n\
         format = 1\n\
         name = {}\n\
         # ? Where is the business? Hours, weekdays and times without a zone are told there, as \"Europe/Rome\".\n\
         time_zone = \"UTC\"\n",
        files.join(", "),
        quoted(&guessed.name)
    );
    if bad > 0.8 * TOLERATED {
        let tolerated = ((bad * 1.2 + 0.005) * 100.0).ceil() / 100.0;
        let _ = writeln!(
            text,
            "# ? {n_bad} rows ({:.1} %) have no time that can be read or do not say what happened. Is that right?\n\
             tolerated_bad_share = {tolerated:.2}",
            100.0 * bad
        );
    } else {
        text += "tolerated_bad_share = 0.01      # share of rows in quarantine above which a run stops\n";
    }
    text
}

fn stages(text: &mut String, guessed: &Guessed) {
    let stages = &guessed.stages;
    let order: Vec<String> = stages.order.iter().map(|stage| quoted(stage)).collect();
    let why = match stages.found {
        Found::Column => "# A column says the stages; their order is that in which they come.",
        Found::Words => "# The usual stages, as the words of the touchpoints say them.",
        Found::Positions => {
            "# ? Which stages do people here speak of? The touchpoints' words do not say; these are where they come in journeys."
        }
    };
    let _ = writeln!(
        text,
        "\n{why}\n[stages]\norder = [{}]\nleaving = {}",
        order.join(", "),
        quoted(&stages.leaving)
    );
}

fn channels(text: &mut String, guessed: &Guessed) {
    let mut names: Vec<String> = Vec::new();
    for ((table, mapping), facts) in guessed.tables.iter().zip(&guessed.facts) {
        let is_read = mapping.channel.filter(|at| is_selected_field(*at, facts));
        let values = is_read.and_then(|at| table.columns[at].values());
        names.extend(
            values
                .into_iter()
                .flatten()
                .map(|(name, _)| name.clone())
                .filter(|name| name != "other"),
        );
    }
    names.sort();
    names.dedup();
    let of_data = names.len();
    names.extend(
        CHANNELS
            .iter()
            .filter(|name| !names.contains(&(**name).to_owned()))
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>(),
    );
    let names_text: Vec<String> = names.iter().map(|name| quoted(name)).collect();
    let why = if of_data == 0 {
        "# No column that is read says the channel; these are those of the actions below.\n"
    } else {
        ""
    };
    let _ = writeln!(text, "\n{why}[channels]\nnames = [{}]", names_text.join(", "));
}

fn touchpoints(text: &mut String, guessed: &Guessed) {
    let stages = &guessed.stages;
    let ends = stages.touchpoints.iter().filter(|of| {
        !of.is_leaving && of.stage != "purchase" && of.is_last > 0.9 && (0.01..0.9).contains(&of.of_customers)
    });
    let ends: Vec<String> = ends.map(|of| quoted(&of.name)).collect();
    if !ends.is_empty() && stages.touchpoints.len() > 1 {
        let _ = writeln!(
            text,
            "\n# ? Is one of these the customer leaving? Hardly anything comes after: {}.\n# ? Then its stage is {}.",
            ends.join(", "),
            quoted(&stages.leaving)
        );
    }
    for touchpoint in &stages.touchpoints {
        let _ = writeln!(text, "\n[[touchpoint]]\nname = {}", quoted(&touchpoint.name));
        let why = match (touchpoint.is_leaving, touchpoint.is_placed) {
            (true, _) => format!(
                "for {:.0} % of its customers nothing comes after",
                100.0 * touchpoint.is_last
            ),
            (false, true) if stages.found == Found::Words => {
                "? from where it comes in journeys, for its words say nothing".to_owned()
            }
            (false, _) => String::new(),
        };
        rule(text, "stage", &quoted(&touchpoint.stage), &why);
        if touchpoint.is_contact {
            rule(
                text,
                "contact",
                "true",
                "by its words, a contact that the business made",
            );
        }
        if let Some(response) = touchpoint.response {
            rule(text, "response", &quoted(response), "to a contact, by its words");
        }
    }
}

fn attributes(text: &mut String, guessed: &Guessed) {
    let mut written: Vec<&str> = vec!["product", "audience"];
    if guessed.facts.iter().any(|facts| facts.has_lines) {
        text.push_str("\n[[attribute]]\nname = \"lines\"\nkind = \"number\"\nsum_of_lines = true\n");
    }
    let mut is_first = true;
    let tables = guessed.tables.iter().zip(&guessed.facts);
    let all: Vec<(&Column, &Attribute)> = tables
        .flat_map(|((table, mapping), facts)| {
            let own = facts
                .attributes
                .iter()
                .filter(move |attribute| !is_field(mapping, attribute));
            own.map(move |attribute| (&table.columns[attribute.column], attribute))
        })
        .collect();
    let (selected, asked): (Vec<_>, Vec<_>) = all.into_iter().partition(|(_, attribute)| attribute.is_selected());
    for (column, attribute) in selected {
        if written.contains(&attribute.name.as_str()) {
            continue;
        }
        written.push(&attribute.name);
        text.push('\n');
        if let Some(leak) = &attribute.leak {
            let _ = writeln!(text, "# Was said to be known at the start, but it {leak}.");
        }
        text.push_str(&attribute_block(column, attribute));
    }
    for (column, attribute) in asked {
        if written.contains(&attribute.name.as_str()) {
            continue;
        }
        written.push(&attribute.name);
        if is_first {
            text.push_str(
                "\n# ? Which of these are known when the journey starts? Nothing shows it, so they are not read: labels of whole\n\
                 # ? journeys make a model look better than it is. Take the # off here and under [source.columns],\n\
                 # ? or run `percorso init` again with --known-at-start COLUMN for each.\n",
            );
            is_first = false;
        }
        text.push('\n');
        if let Some(leak) = &attribute.leak {
            let _ = writeln!(text, "# Beware of {}: it {leak}.", quoted(&column.name));
        }
        for line in attribute_block(column, attribute).lines() {
            let _ = writeln!(text, "# {line}");
        }
    }
}

fn attribute_block(column: &Column, attribute: &Attribute) -> String {
    let kind = match attribute.kind {
        Kind::Time(_) => "timestamp",
        Kind::Flag => "flag",
        Kind::Number => "number",
        Kind::Category => "category",
    };
    let mut text = format!("[[attribute]]\nname = {}\nkind = \"{kind}\"\n", quoted(&attribute.name));
    if attribute.is_summed {
        text += "sum_of_lines = true\n";
    }
    if attribute.scope != Scope::Event {
        text += "known_at_start = true\n";
    }
    if has_word(
        &column.words,
        "age eta edad alter leeftijd gender sex sesso zip postcode birth income",
    ) {
        text += "personal = true\n";
    }
    text
}

fn windows(text: &mut String, guessed: &Guessed) {
    let windows = &guessed.windows;
    match &windows.churn {
        Churn::Event {
            touchpoints,
            horizons_days,
            median_days,
        } => {
            let names: Vec<String> = touchpoints.iter().map(|name| quoted(name)).collect();
            let horizons: Vec<String> = horizons_days.iter().map(u32::to_string).collect();
            let _ = write!(
                text,
                "\n# Leaving is a touchpoint. Half of those who leave do so within {median_days:.0} days of their first event.\n\
                 [[churn]]\nname = \"left\"\nkind = \"event\"\ntouchpoints = [{}]\nhorizons_days = [{}]\n",
                names.join(", "),
                horizons.join(", ")
            );
        }
        Churn::Inactivity {
            touchpoints,
            days,
            long_gap_days,
            rate,
        } => {
            let names: Vec<String> = touchpoints.iter().map(|name| quoted(name)).collect();
            let _ = write!(
                text,
                "\n# ? How long a silence is leaving? No touchpoint says that a customer goes. Four in five gaps are shorter than\n\
                 # ? {long_gap_days:.0} days (every customer counts the same); {:.0} % of those seen before were silent for the last {days}.\n\
                 [[churn]]\nname = \"inactive\"\nkind = \"inactivity\"\ntouchpoints = [{}]\ndays = {days}\n",
                100.0 * rate,
                names.join(", ")
            );
        }
    }
    let _ = write!(
        text,
        "\n[next_stage]\nhorizon_days = {}               # within so many days most of what comes has come\n\
         \n[population]\nseen_within_days = {}          # who was seen no longer ago is asked about\n",
        windows.next_stage_days, windows.seen_within_days
    );
    if let Churn::Inactivity { touchpoints, .. } = &windows.churn
        && touchpoints.len() < guessed.stages.touchpoints.len()
    {
        let names: Vec<String> = touchpoints.iter().map(|name| quoted(name)).collect();
        let _ = writeln!(text, "having = [{}]", names.join(", "));
    }
    let _ = write!(
        text,
        "\n[training]                      # as many cut-offs as {:.0} days have room for\nevery_days = {}\ncutoffs = {}\n",
        windows.span_days, windows.every_days, windows.cutoffs
    );
}

/// Whether an attribute is a field of the event contract.
pub(super) fn is_field(mapping: &Mapping, attribute: &Attribute) -> bool {
    [mapping.product, mapping.channel].contains(&Some(attribute.column))
}

/// Writes a line, and why it is there.
pub(super) fn rule(text: &mut String, field: &str, rule: &str, why: &str) {
    let line = format!("{field} = {rule}");
    let _ = if why.is_empty() {
        writeln!(text, "{line}")
    } else {
        writeln!(text, "{line:<31} # {why}")
    };
}
