//! How long customers stay, told by models that saw only the customers before them: customers ordered in time.
//!
//! Customers who began before a split teach, by what was known of them at the split; those who began later are asked about
//! at every cut-off from then on, and followed until they leave or the data end.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ndarray::Array2;
use percorso_churn::Curve;
use percorso_engine::Engine;
use percorso_journey::{CustomerKey, Timestamp};

use super::business::{Business, too_short};
use crate::cutoffs::Cutoffs;
use crate::rows::training_rows;
use crate::training::{Bench, Calibrated, MIN_ROWS, Question, SHIPPED, StayEvaluation, Stays};
use crate::{Error, Progress, Result, TrainSettings};

/// What a benchmark runs on.
#[derive(Clone, Debug)]
pub struct StaysBenchmark<'a> {
    /// The `journey.toml`; its sources are read anew.
    pub journey: &'a Path,
    /// How to train.
    pub settings: &'a TrainSettings,
    /// Who began before teaches, as far as was known by then; who began later is asked about.
    pub split_at: Timestamp,
    /// Where to leave the rows, for peers to learn from.
    pub rows: Option<PathBuf>,
}

/// The outcome of a benchmark.
#[derive(Clone, Debug)]
pub struct StaysJudged {
    /// By learner, what ships last: how good, for each definition.
    pub learners: Vec<(String, StayEvaluation)>,
    /// What ships said: definition, days, customer, cut-off, probability.
    pub said: Vec<(String, f64, CustomerKey, Timestamp, f64)>,
}

/// Runs the protocol in a folder of its own that is removed afterwards.
///
/// # Errors
/// - the data cannot be read, no definition is an event, or too few rows lie on one side of the split
/// - the data end before anyone who began after the split was followed for the longest horizon
/// - a fit fails
pub fn stays(benchmark: &StaysBenchmark<'_>, engine: &dyn Engine, progress: &dyn Progress) -> Result<StaysJudged> {
    let business = Business::read(benchmark.journey, engine, progress)?;
    let Business {
        run,
        spec,
        catalogue,
        first_at,
        observed_until,
        ..
    } = &business;
    let too_short = || too_short(benchmark.journey);
    let split_at = benchmark.split_at;
    if split_at.plus_days(i64::from(spec.longest_window_days())) >= *observed_until {
        return Err(Error::Missing(format!(
            "nobody who began after {split_at} could be followed for {} days: the data end at {observed_until}",
            spec.longest_window_days()
        )));
    }
    let cutoffs = Cutoffs::around(spec, split_at, *first_at, *observed_until).ok_or_else(too_short)?;
    let rows = benchmark.rows.clone().unwrap_or_else(|| business.rows());
    let dataset = training_rows(run, spec, catalogue, &cutoffs, &rows, engine, progress)?;
    let curves: Vec<_> = Question::curves(spec)
        .into_iter()
        .filter_map(|curve| Some((curve[0].judged.event(spec)?, curve)))
        .collect();
    progress.start("judge", curves.iter().map(|(_, curve)| curve.len() as u64).sum());
    let mut judged = StaysJudged {
        learners: Vec::new(),
        said: Vec::new(),
    };
    for (definition, curve) in &curves {
        let is_asked = |row: &usize| {
            dataset.as_of[*row] >= split_at
                && dataset.first_at[*row] >= split_at
                && dataset.stays[*definition][*row].is_some()
        };
        let rows: Vec<usize> = (0..dataset.len()).filter(is_asked).collect();
        let mut told: BTreeMap<String, Vec<(f64, Vec<f64>)>> = BTreeMap::new();
        for (step_at, step) in curve.iter().enumerate() {
            let bench = Bench {
                spec,
                catalogue,
                dataset: &dataset,
                settings: benchmark.settings,
                question: &step.learnt,
                progress,
            };
            if rows.len() < MIN_ROWS || step.learnt.known_by(&dataset, split_at).len() < MIN_ROWS {
                return Err(too_short());
            }
            let search_until = progress.elapsed() + benchmark.settings.time_budget;
            let recipe = Calibrated::by(&bench, &cutoffs.all, split_at, search_until)?;
            let said = bench.ask_rows(recipe.contenders(), split_at, &dataset, &rows)?;
            let shipped = (SHIPPED.to_owned(), recipe.shipped_of_rows(&said));
            for (learner, hazards) in said.into_iter().chain([shipped]) {
                let of_learner = told.entry(learner).or_default();
                // A learner that could not tell of a shorter horizon tells of no longer one.
                if of_learner.len() == step_at {
                    let by_then = by_then(of_learner.last().map(|(_, p)| p), &hazards);
                    of_learner.push((step.judged.window_days as f64, by_then));
                }
            }
            progress.advance(1);
        }
        let asked = Stays {
            dataset: &dataset,
            catalogue,
            definition: *definition,
            rows: &rows,
        };
        let name = &spec.churn()[*definition].name;
        let days: Vec<f64> = curve.iter().map(|step| step.judged.window_days as f64).collect();
        let of_stage = asked.told_of_stage(split_at, &days)?;
        let shipped = told.remove(SHIPPED).expect("something ships");
        for (days, p) in &shipped {
            let said = rows.iter().zip(p);
            judged
                .said
                .extend(said.map(|(&row, &p)| (name.clone(), *days, dataset.customers[row], dataset.as_of[row], p)));
        }
        for (learner, told) in told.into_iter().chain([(SHIPPED.to_owned(), shipped)]) {
            if told.len() == curve.len() {
                judged
                    .learners
                    .push((learner, asked.evaluation(name, &told, &of_stage, |_| None)?));
            }
        }
    }
    progress.finish();
    if judged.learners.is_empty() {
        return Err(Error::Missing(format!(
            "{} has no definition of leaving by an event",
            benchmark.journey.display()
        )));
    }
    Ok(judged)
}

/// The probability of each row to have left by a horizon, of that by the horizon before and of leaving in between.
fn by_then(before: Option<&Vec<f64>>, hazards: &Array2<f64>) -> Vec<f64> {
    let hazards = hazards.column(1);
    match before {
        None => hazards.to_vec(),
        Some(before) => before
            .iter()
            .zip(hazards)
            .map(|(before, p)| Curve::Event.joined(*before, *p))
            .collect(),
    }
}
