//! The next touchpoint of every prefix of every case, on given folds of cases.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use ndarray::{Array2, Axis};
use percorso_features::{Catalogue, EncodedColumn, Encoder, FeatureRow};
use percorso_journey::{JourneyState, Timestamp};
use percorso_learners::{Column, Learner, TrainingSet, metrics};

use super::event_log::{Case, EventLog};
use super::measured::LearnerMeasures;
use crate::recipe::{self, Examples, Recipe};
use crate::{Error, Progress, Result};

/// Whether the end of a case is a class that is learnt and scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndOfCase {
    /// It is: after the last event comes the end.
    Scored,
    /// It is not: prefixes without a next event are left out.
    Unscored,
}

/// What a benchmark runs on.
#[derive(Clone, Debug)]
pub struct NextTouchpoint<'a> {
    /// The log, `.xes` or `.xes.gz`.
    pub log: &'a Path,
    /// A CSV with the columns `case_id` and `fold`.
    pub folds: &'a Path,
    /// Whether the end is scored.
    pub end: EndOfCase,
    /// The seed of every random choice.
    pub seed: u64,
}

/// What may be looked at, of all features that a spec gives rise to: touchpoints, who handled them, time differences, hour
/// and weekday, the amount asked for.
///
/// Dates and seasons are not among them: folds are drawn by case, so a date would lead to other cases of the same days.
fn is_allowed(feature: &str) -> bool {
    const NAMES: [&str; 14] = [
        "touchpoint_run",
        "touchpoints_distinct",
        "events_n",
        "tenure_days",
        "last_gap_1_days",
        "last_gap_2_days",
        "last_gap_3_days",
        "hour_sine",
        "hour_cosine",
        "weekday_sine",
        "weekday_cosine",
        "attribute_amount_requested",
        "attribute_resource_changed",
        "attribute_lifecycle_at_event_1",
    ];
    NAMES.contains(&feature)
        || feature.starts_with("last_touchpoint_")
        || feature.starts_with("attribute_resource_at_event_")
        || feature.starts_with("touchpoint_") && feature.ends_with("_n")
}

/// Runs the protocol and returns a row for each learner, what ships last.
///
/// # Errors
/// - the log or the folds cannot be read, a case has no fold, or there are fewer than two folds
pub fn next_touchpoint(benchmark: &NextTouchpoint<'_>, progress: &dyn Progress) -> Result<Vec<LearnerMeasures>> {
    let log = EventLog::read(benchmark.log)?;
    let fold_of_case = folds(benchmark, &log.cases)?;
    let prefixes = Prefixes::of(&log, &fold_of_case, benchmark.end);
    let folds: BTreeSet<u32> = fold_of_case.iter().copied().collect();
    progress.start("folds", folds.len() as u64);
    let mut rows: Vec<LearnerMeasures> = Vec::new();
    for fold in &folds {
        run_fold(benchmark, &prefixes, *fold, folds.len(), &mut rows)?;
        progress.advance(1);
    }
    progress.finish();
    Ok(rows)
}

fn run_fold(
    benchmark: &NextTouchpoint<'_>,
    prefixes: &Prefixes,
    fold: u32,
    n_folds: usize,
    rows: &mut Vec<LearnerMeasures>,
) -> Result<()> {
    let (train, test) = prefixes.split(fold);
    let encoder = prefixes.encoder(&train);
    let (train, test) = (prefixes.matrix(&encoder, &train), prefixes.matrix(&encoder, &test));
    let set = train.set()?;
    let recipe = Recipe::for_sequences(&prefixes.columns(&encoder));
    let mut measure = |name: &str, fit: &mut dyn FnMut() -> Result<percorso_learners::Learned>| -> Result<()> {
        if !rows.iter().any(|row| row.learner == name) {
            rows.push(LearnerMeasures::of(name));
        }
        let row = rows.iter_mut().find(|row| row.learner == name).expect("it was put there");
        let learned = row.fitting(fit)?;
        let predicted = row.predicting(|| learned.predict(&test.cells.view()));
        let measured = metrics::multiclass(predicted.view(), &test.labels).map_err(failed("the measures"))?;
        row.add("accuracy", measured.accuracy, n_folds);
        row.add("log_loss", measured.log_loss, n_folds);
        Ok(())
    };
    for learner in recipe.baselines() {
        measure(learner.name(), &mut || {
            learner.fit(&set, benchmark.seed).map_err(failed(learner.name()))
        })?;
    }
    let tuned = recipe::by_cases(&recipe, &train.examples(), benchmark.seed).map_err(failed("trees"))?;
    measure("trees", &mut || tuned.trees.fit(&set, benchmark.seed).map_err(failed("trees")))?;
    measure("shipped", &mut || tuned.shipped.fit(&set, benchmark.seed).map_err(failed("what ships")))
}

fn failed(what: &str) -> impl Fn(percorso_learners::Error) -> Error {
    let what = format!("{what} of the next touchpoint");
    move |source| Error::Fit {
        what: what.clone(),
        source,
    }
}
