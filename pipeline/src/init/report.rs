//! A first report of the data: what there is, what was guessed from it and why, what looks wrong.

use std::fmt::Write;

use percorso_journey::Timestamp;

use super::column::{Column, Kind};
use super::facts::{Facts, Scope};
use super::fields::{Mapping, Table, TouchpointRule, ValueRule};
use super::stages::Found;
use super::windows::Churn;
use super::words::has_word;
use super::{Guessed, write};

/// Touchpoints that the report lists.
const MAX_LISTED: usize = 60;
/// Fewer customers make wide intervals.
const FEW_CUSTOMERS: u64 = 300;

/// Words for doing nothing.
const CONTROLS: &str = "no control none nothing placebo kontrolle controllo controle";

/// The report as Markdown.
pub(super) fn report(guessed: &Guessed) -> String {
    let mut text = format!("# {}: a first look at the data\n\n", guessed.name);
    numbers(&mut text, guessed);
    suspicious(&mut text, guessed);
    columns(&mut text, guessed);
    touchpoints(&mut text, guessed);
    lengths(&mut text, guessed);
    text
}

/// Columns that know what is still to come, in sentences.
pub(super) fn leaks(guessed: &Guessed) -> Vec<String> {
    let tables = guessed.tables.iter().zip(&guessed.facts);
    let all = tables.flat_map(|((table, _), facts)| facts.attributes.iter().map(move |attribute| (table, attribute)));
    all.filter_map(|(table, attribute)| {
        let leak = attribute.leak.as_ref()?;
        let name = &table.columns[attribute.column].name;
        let read = if attribute.is_selected() {
            "it is read, as it was said to be known at the start"
        } else {
            "it is not read"
        };
        Some(format!("`{name}` {leak}; {read}"))
    })
    .collect()
}

/// The command that judges a table that is a randomised test; `None` when it does not look like one.
pub(super) fn as_trial(table: &Table) -> Option<String> {
    let is_treatment = |column: &&Column| {
        let names = "treatment arm group variant segment trattamento gruppo gruppe groep tratamiento grupo";
        column.kind() == Kind::Category && (2.0..=10.0).contains(&column.n_distinct()) && has_word(&column.words, names)
    };
    let control_of = |treatment: &Column| -> Option<(String, String, String)> {
        let arms: Vec<&String> = treatment.values()?.keys().collect();
        let control = arms.iter().find(|arm| has_word(&super::words::words(arm), CONTROLS))?;
        let arm = arms.iter().find(|arm| arm != &control)?;
        Some((treatment.name.clone(), (*arm).clone(), (*control).clone()))
    };
    let (treatment, arm, control) = table.columns.iter().filter(is_treatment).find_map(control_of)?;
    let names = "visit conversion converted outcome response purchase churn click bought";
    let is_outcome = |column: &&Column| column.kind() == Kind::Flag && has_word(&column.words, names);
    let wanted = |column: &Column| {
        names
            .split(' ')
            .position(|name| column.words.iter().any(|word| word == name))
    };
    let outcome = table
        .columns
        .iter()
        .filter(is_outcome)
        .min_by_key(|column| wanted(column))?;
    Some(format!(
        "percorso benchmark uplift --data {} --treatment {} --arm {} --control {} --outcome {}",
        table.files[0].path.display(),
        write::quoted(&treatment),
        write::quoted(&arm),
        write::quoted(&control),
        write::quoted(&outcome.name)
    ))
}

fn numbers(text: &mut String, guessed: &Guessed) {
    let sample = &guessed.sample;
    let (first, last) = (
        Timestamp::from_micros(sample.first_at),
        Timestamp::from_micros(sample.last_at),
    );
    let about = if sample.share < 1.0 { "about " } else { "" };
    let _ = write!(
        text,
        "| what | how much |\n| --- | --- |\n| rows | {} |\n| customers | {about}{} |\n| rows of nobody | {} |\n\
         | rows without a time that can be read | {} |\n| rows that do not say what happened | {} |\n\
         | rows that are the same as another | {about}{} |\n| first event | {first} |\n| last event | {last} |\n| days from first to last | {:.0} |\n",
        sample.n_rows,
        sample.n_customers_in_all(),
        sample.n_anonymous,
        sample.n_untimed,
        sample.n_untold,
        ((sample.same_in_file.values().sum::<u64>() + sample.n_same_in_other_file) as f64 / sample.share) as u64,
        guessed.windows.span_days,
    );
    if let Some((half, nine)) = guessed.windows.gaps_days {
        let _ = writeln!(
            text,
            "| half of a customer's gaps are shorter than | {half:.1} days |\n| nine in ten are | {nine:.1} days |"
        );
    }
    if sample.share < 1.0 {
        let share = 100.0 * sample.share;
        let _ = writeln!(
            text,
            "\nGaps, stages and columns were looked at in all rows of {share:.1} % of the customers, drawn by chance."
        );
    }
    let files = guessed.tables.iter().flat_map(|(table, _)| &table.files);
    let _ = writeln!(text, "\nFiles:");
    for file in files {
        let name = file
            .path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let _ = writeln!(text, "- {name}");
    }
    for (name, why) in &guessed.passed_over {
        let _ = writeln!(
            text,
            "- {name}: not used. It has {why}.",
            why = why.strip_prefix("it has ").unwrap_or(why)
        );
    }
}

fn suspicious(text: &mut String, guessed: &Guessed) {
    let mut lines = leaks(guessed);
    let sample = &guessed.sample;
    if guessed.windows.has_stray_times {
        lines.push("a few times lie far from all others: look at the first and the last event".to_owned());
    }
    if sample.n_customers_in_all() < FEW_CUSTOMERS {
        lines.push(format!(
            "{} customers are few: intervals will be wide",
            sample.n_customers_in_all()
        ));
    }
    let once = sample.customers().filter(|rows| rows.len() == 1).count() as f64 / sample.n_customers.max(1) as f64;
    if once > 0.8 {
        lines.push(format!(
            "{:.0} % of customers have one row only: there is little to follow; is the customer really the customer?",
            100.0 * once
        ));
    }
    if let Churn::Inactivity { rate, days, .. } = &guessed.windows.churn
        && !(0.03..=0.97).contains(rate)
    {
        lines.push(format!(
            "{:.0} % of those seen before were silent for the last {days} days: nearly all or nobody",
            100.0 * rate
        ));
    }
    for (table, mapping) in &guessed.tables {
        if let Some(other) = table.columns[mapping.at].other_format() {
            lines.push(format!(
                "no time in `{}` tells day and month apart: it may also be {other}",
                table.columns[mapping.at].name
            ));
        }
    }
    let _ = writeln!(text, "\n## What looks wrong");
    if lines.is_empty() {
        text.push_str("Nothing that can be seen from here.\n");
    }
    lines.iter().for_each(|line| {
        let _ = writeln!(text, "- {line}.");
    });
}

fn columns(text: &mut String, guessed: &Guessed) {
    for ((table, mapping), facts) in guessed.tables.iter().zip(&guessed.facts) {
        let _ = write!(
            text,
            "\n## Columns of {}\n| column | what it is taken for | missing | different values |\n| --- | --- | --- | --- |\n",
            table.name()
        );
        for (at, column) in table.columns.iter().enumerate() {
            let distinct = column.n_distinct();
            let distinct = if column.values().is_some() {
                format!("{distinct:.0}")
            } else {
                format!("about {distinct:.0}")
            };
            let missing = 100.0 * column.share_missing();
            let role = role(at, table, mapping, facts);
            let _ = writeln!(
                text,
                "| `{}` | {role} | {missing:.1} % | {distinct} |",
                column.name.replace('|', "\\|")
            );
        }
        for (name, why) in &table.unread {
            let _ = writeln!(text, "| `{}` | {why} | | |", name.replace('|', "\\|"));
        }
    }
}

fn role(at: usize, table: &Table, mapping: &Mapping, facts: &Facts) -> String {
    let is = |column: Option<usize>| column == Some(at);
    let fields = [
        (is(Some(mapping.customer)), "the customer"),
        (is(Some(mapping.at)), "when it happened"),
        (
            matches!(&mapping.touchpoint, TouchpointRule::Column(of) if *of == at),
            "what happened",
        ),
        (is(facts.event_id) && facts.has_lines, "the event that the line is of"),
        (is(facts.event_id) && !facts.has_lines, "the event's id"),
        (is(facts.journey), "the journey"),
        (is(mapping.owner), "the account manager"),
        (is(mapping.stage), "the stage"),
        (is(mapping.feedback_score), "the customer's answer in score"),
        (
            matches!(&mapping.value, Some(ValueRule::Column(of)) if *of == at),
            "what it was worth",
        ),
    ];
    if let Some((_, role)) = fields.iter().find(|(is_it, _)| *is_it) {
        return (*role).to_owned();
    }
    let of_value = matches!(&mapping.value, Some(ValueRule::Product(one, other)) if [*one, *other].contains(&at));
    let of_value = if of_value { ", a factor of the value" } else { "" };
    if let Some((_, why)) = facts.skipped.iter().find(|(column, _)| *column == at) {
        return format!("no attribute: {why}{of_value}");
    }
    let Some(attribute) = facts.attributes.iter().find(|attribute| attribute.column == at) else {
        return format!("not read{of_value}");
    };
    let kind = match table.columns[at].kind() {
        Kind::Time(_) => "a time",
        Kind::Flag => "a flag",
        Kind::Number => "a number",
        Kind::Category => "a category",
    };
    let field = match at {
        at if is(mapping.product) && mapping.product == Some(at) => "the product",
        at if is(mapping.channel) && mapping.channel == Some(at) => "the channel",
        _ => kind,
    };
    let scope = match (attribute.scope, &attribute.leak) {
        (Scope::Start, _) => "known at the start, as was said",
        (Scope::Event, None) => "of each event",
        (Scope::Event, Some(_)) => "not read, for it knows what comes",
        (Scope::Journey, Some(_)) => "of the whole journey, not read, and it knows what comes",
        (Scope::Journey, None) => "of the whole journey, so not read unless said to be known at the start",
    };
    format!("{field}, {scope}{of_value}")
}

fn touchpoints(text: &mut String, guessed: &Guessed) {
    let stages = &guessed.stages;
    let found = match stages.found {
        Found::Column => "Stages are those that a column says.",
        Found::Words => {
            "Stages are the usual five, from the words of the touchpoints; those marked * are placed by where they come in journeys."
        }
        Found::Positions => {
            "The words of the touchpoints do not say stages, so stages are where they come in journeys."
        }
    };
    let _ = write!(
        text,
        "\n## Touchpoints and stages\n{found}\n\n| touchpoint | rows | stage | of all customers | nothing comes after |\n| --- | --- | --- | --- | --- |\n"
    );
    for touchpoint in stages.touchpoints.iter().take(MAX_LISTED) {
        let mark = if touchpoint.is_placed && stages.found == Found::Words {
            " *"
        } else {
            ""
        };
        let _ = writeln!(
            text,
            "| {} | {} | {}{mark} | {:.1} % | {:.1} % |",
            touchpoint.name.replace('|', "\\|"),
            touchpoint.n_rows,
            touchpoint.stage,
            100.0 * touchpoint.of_customers,
            100.0 * touchpoint.is_last
        );
    }
    if stages.touchpoints.len() > MAX_LISTED {
        let _ = writeln!(
            text,
            "\n{} more are in the journey.toml.",
            stages.touchpoints.len() - MAX_LISTED
        );
    }
}

fn lengths(text: &mut String, guessed: &Guessed) {
    let windows = &guessed.windows;
    let _ = writeln!(text, "\n## Leaving, and how far to look");
    match &windows.churn {
        Churn::Event {
            touchpoints,
            horizons_days,
            median_days,
        } => {
            let horizons: Vec<String> = horizons_days.iter().map(u32::to_string).collect();
            let _ = writeln!(
                text,
                "- Leaving is {}, by its words and because hardly anything comes after.\n\
                 - It is asked about within {} days: half of those who leave do so within {median_days:.0} days of their first event, and \
                 a horizon is at most a fifth of the days there are.",
                touchpoints.join(" or "),
                horizons.join(", ")
            );
        }
        Churn::Inactivity {
            touchpoints,
            days,
            long_gap_days,
            rate,
        } => {
            let _ = writeln!(
                text,
                "- No touchpoint says that a customer goes, so leaving is silence of {}.\n\
                 - Four in five gaps are shorter than {long_gap_days:.0} days, every customer counting the same; the nearest usual length that \
                 is at most a seventh of the days there are is {days}. Of those seen before, {:.0} % were silent for the last {days} days.",
                touchpoints.join(", "),
                100.0 * rate
            );
        }
    }
    let _ = writeln!(
        text,
        "- The next stage is asked about within {} days.\n- Customers seen in the last {} days are asked about.\n\
         - {} cut-offs {} days apart leave room for the longest window on both sides.",
        windows.next_stage_days, windows.seen_within_days, windows.cutoffs, windows.every_days
    );
}
