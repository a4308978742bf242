//! Init: files nobody described in, a commented `journey.toml` and a first report of the data out.
//!
//! Files are read twice: once to see what columns look like, once to see what happens to customers.
//! In between and after, guesses are pure functions; nothing is learnt, and no customer's name is written.

mod catalogue;
mod column;
mod contract;
mod facts;
mod fields;
mod leaks;
mod look;
mod report;
mod sample;
mod shapes;
mod stages;
mod tables;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_words;
mod times;
mod windows;
mod words;
mod write;
mod write_source;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use percorso_journey::{Spec, Timestamp};
use percorso_next_action::decide::Rules;

use self::facts::{Facts, Scope};
pub use self::fields::Told;
use self::fields::{Mapping, Table, TouchpointRule};
use self::sample::Sample;
use self::stages::Stages;
use self::windows::{Churn, Windows};
use crate::progress::Progress;
use crate::{Error, Result};

/// What is asked of an init.
#[derive(Clone, Debug)]
pub struct InitSettings {
    /// Files and folders of data.
    pub data: Vec<PathBuf>,
    /// Where the `journey.toml` goes; the report goes beside it.
    pub output: PathBuf,
    /// Writes over what is there.
    pub force: bool,
    /// What is known beforehand.
    pub told: Told,
}

/// What an init wrote, and what it saw.
#[derive(Clone, Debug, serde::Serialize)]
pub struct InitSummary {
    /// The `journey.toml`.
    pub journey: PathBuf,
    /// The report of the data.
    pub report: PathBuf,
    /// Rows read.
    pub n_rows: u64,
    /// Customers; estimated where not all were looked at.
    pub n_customers: u64,
    /// Touchpoints found.
    pub n_touchpoints: usize,
    /// The first event.
    pub first_at: String,
    /// The last event.
    pub last_at: String,
    /// What leaving was taken to be, in a sentence.
    pub churn: String,
    /// What the files alone did not say, as far as it has a line in the `journey.toml`.
    pub n_questions: usize,
    /// Columns that know what is still to come, and how that shows.
    pub leaks: Vec<String>,
    /// Files that were not used, and why.
    pub passed_over: BTreeMap<String, String>,
}

/// Everything that was guessed.
struct Guessed {
    name: String,
    tables: Vec<(Table, Mapping)>,
    passed_over: BTreeMap<String, String>,
    sample: Sample,
    facts: Vec<Facts>,
    stages: Stages,
    windows: Windows,
}

/// Writes a first `journey.toml` and a report for files of data.
///
/// # Errors
/// - a file is there already and may not be written over;
/// - a file cannot be read, or nothing in the files can be journeys: says what is missing and what would be right;
/// - a column that was named is in none of the files.
pub fn init(settings: &InitSettings, progress: &dyn Progress) -> Result<InitSummary> {
    let report = settings.output.with_extension("report.md");
    for path in [&settings.output, &report] {
        if path.exists() && !settings.force {
            let message = format!(
                "{} is there already; --force writes over it, --output FILE writes another",
                path.display()
            );
            return Err(Error::Missing(message));
        }
    }
    let folder = match settings.output.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if !folder.is_dir() {
        let message = format!("the folder {} is not there, to write into", folder.display());
        return Err(Error::Missing(message));
    }
    let files = look::files(&settings.data)?;
    progress.start("look", 2 * files.len() as u64);
    let (tables, unusable) = look::look(&files, progress)?;
    check_told(&tables, &settings.told)?;
    let mut guessed = guess(tables, &settings.told, name(&settings.data), progress)?;
    guessed.passed_over.extend(unusable);
    progress.finish();
    let text = write::journey(&guessed, folder);
    check(&settings.output, &text)?;
    std::fs::write(&settings.output, &text).map_err(Error::io("write", &settings.output))?;
    std::fs::write(&report, report::report(&guessed)).map_err(Error::io("write", &report))?;
    Ok(InitSummary {
        journey: settings.output.clone(),
        report,
        n_rows: guessed.sample.n_rows,
        n_customers: guessed.sample.n_customers_in_all(),
        n_touchpoints: guessed.stages.touchpoints.len(),
        first_at: Timestamp::from_micros(guessed.sample.first_at).to_string(),
        last_at: Timestamp::from_micros(guessed.sample.last_at).to_string(),
        churn: churn(&guessed.windows.churn),
        n_questions: n_questions(&text),
        leaks: report::leaks(&guessed),
        passed_over: guessed.passed_over,
    })
}

/// What leaving was taken to be, in a sentence.
fn churn(churn: &Churn) -> String {
    match churn {
        Churn::Event {
            touchpoints,
            horizons_days,
            ..
        } => {
            let horizons: Vec<String> = horizons_days.iter().map(u32::to_string).collect();
            format!("{} within {} days", touchpoints.join(" or "), horizons.join(", "))
        }
        Churn::Inactivity { touchpoints, days, .. } if touchpoints.len() <= 3 => {
            format!("no {} for {days} days", touchpoints.join(" and no "))
        }
        Churn::Inactivity { days, .. } => format!("silence for {days} days"),
    }
}

/// Questions as runs of lines that ask, so that one of several lines is one.
fn n_questions(text: &str) -> usize {
    // The head says what `# ?` means, in quotes.
    let asks = |line: &str| line.contains("# ?") && !line.contains("`# ?`");
    let mut before = false;
    text.lines()
        .filter(|line| {
            let begins = asks(line) && !before;
            before = asks(line);
            begins
        })
        .count()
}

/// What was written has to be right, commented actions or not.
fn check(path: &Path, text: &str) -> Result<()> {
    let spec = Spec::parse(text).map_err(|source| Error::Spec {
        path: path.to_owned(),
        source,
    })?;
    Rules::compile(&spec).map_err(|error| Error::data(path, error.to_string()))?;
    Ok(())
}

fn check_told(tables: &[Table], told: &Told) -> Result<()> {
    let named = [&told.customer, &told.at, &told.touchpoint]
        .into_iter()
        .flatten()
        .chain(&told.known_at_start);
    for name in named {
        if tables.iter().all(|table| table.column(name).is_none()) {
            let there: Vec<String> = tables
                .iter()
                .map(|table| format!("{}: {}", table.name(), table.column_names()))
                .collect();
            return Err(Error::Missing(format!(
                "no column is named `{name}`; there are {}",
                there.join("; ")
            )));
        }
    }
    Ok(())
}

/// What the files say, looked at twice where the first look took a label for what happened.
fn guess(tables: Vec<Table>, told: &Told, name: String, progress: &dyn Progress) -> Result<Guessed> {
    let mut rejected = BTreeSet::new();
    loop {
        let mapped = tables
            .iter()
            .map(|table| (table.clone(), fields::guess(table, told, &rejected)));
        let (linked, passed_over) = fields::linked(mapped.collect());
        if linked.is_empty() {
            return Err(no_journeys(&tables, &passed_over));
        }
        let sample = sample::gather(&linked, progress)?;
        if sample.rows.is_empty() {
            let message = "no row names a customer and a time that can be read";
            return Err(Error::data(&linked[0].0.files[0].path, message));
        }
        let mut facts = facts::facts(&linked, &sample, told);
        let labels = linked.iter().zip(&facts).filter(|(_, facts)| facts.touchpoint_stays);
        let labels: Vec<String> = labels
            .filter_map(|((table, mapping), _)| match &mapping.touchpoint {
                TouchpointRule::Column(at) if fields::is_doubtful(&table.columns[*at]) => {
                    Some(table.columns[*at].name.clone())
                }
                _ => None,
            })
            .filter(|name| told.touchpoint.as_ref() != Some(name))
            .collect();
        if !labels.is_empty() {
            rejected.extend(labels);
            continue;
        }
        agree(&mut facts);
        let stages = stages::stages(&linked, &facts, &sample);
        let windows = windows::windows(&sample, &stages, &facts);
        return Ok(Guessed {
            name,
            tables: linked,
            passed_over,
            sample,
            facts,
            stages,
            windows,
        });
    }
}

/// Makes tables agree about attributes of one name: what is of the whole journey in one is so in all.
fn agree(facts: &mut [Facts]) {
    let all = facts.iter().flat_map(|facts| &facts.attributes);
    let asked: BTreeSet<String> = all.filter(|of| !of.is_selected()).map(|of| of.name.clone()).collect();
    let mut kinds = BTreeMap::new();
    for (number, facts) in facts.iter_mut().enumerate() {
        for attribute in &mut facts.attributes {
            if asked.contains(&attribute.name) && attribute.scope != Scope::Start {
                attribute.scope = Scope::Journey;
            }
            let kind = std::mem::discriminant(&attribute.kind);
            if *kinds.entry(attribute.name.clone()).or_insert(kind) != kind {
                attribute.name = format!("{}_of_{}", attribute.name, number + 1);
            }
        }
    }
}

/// Why there are no journeys in the files, and what else they may be good for.
fn no_journeys(tables: &[Table], passed_over: &BTreeMap<String, String>) -> Error {
    let reasons: Vec<String> = passed_over.iter().map(|(name, why)| format!("{name}: {why}")).collect();
    let mut message = format!(
        "a journey needs a customer, a time and what happened. {}",
        reasons.join(". ")
    );
    if let Some(command) = tables.iter().find_map(report::as_trial) {
        message += ". It looks like a randomised test, though; that is judged by\n  ";
        message += &command;
    }
    Error::data(&tables[0].files[0].path, message)
}

/// What the business is called until somebody says better: as the file or folder is.
fn name(data: &[PathBuf]) -> String {
    let whole = data.first().and_then(|path| path.canonicalize().ok());
    let name = whole
        .as_deref()
        .and_then(Path::file_name)
        .map(|name| name.to_string_lossy().into_owned());
    let name = name.unwrap_or_default();
    let stem = name.split('.').next().unwrap_or_default().to_owned();
    if stem.is_empty() { "business".to_owned() } else { stem }
}
