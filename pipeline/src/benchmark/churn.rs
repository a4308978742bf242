//! Who leaves, judged at the test cut-off of a business and at cut-offs before it, each as if the data had ended there.

use std::path::Path;

use percorso_engine::Engine;
use percorso_journey::Timestamp;

use super::business::{Business, too_short};
use super::measured::LearnerMeasures;
use crate::cutoffs::Cutoffs;
use crate::ids::reveal;
use crate::rows::training_rows;
use crate::training::{BG_NBD, Bench, Calibrated, MIN_ROWS, Phase, Predictions, Question, joined, named_measures};
use crate::{Progress, Result, RunFolder, TrainSettings};

/// What a benchmark runs on.
#[derive(Clone, Debug)]
pub struct ChurnBenchmark<'a> {
    /// The `journey.toml`; its sources are read anew.
    pub journey: &'a Path,
    /// How to train.
    pub settings: &'a TrainSettings,
    /// How many cut-offs before the test are judged too.
    pub n_before: usize,
}

/// The outcome of a benchmark.
#[derive(Clone, Debug)]
pub struct Churn {
    /// For each question and cut-off a row for each learner, what ships last; the test cut-off comes first.
    pub rows: Vec<LearnerMeasures>,
    /// What ships said of each customer: question, cut-off, customer id, whether they left, the probability.
    ///
    /// Customer ids are private: write them only where their owner looks.
    pub predictions: Vec<(String, Timestamp, String, bool, f64)>,
}

/// Runs the protocol in a folder of its own that is removed afterwards.
///
/// # Errors
/// - the data cannot be read, or their history is too short
/// - a fit fails
pub fn churn(benchmark: &ChurnBenchmark<'_>, engine: &dyn Engine, progress: &dyn Progress) -> Result<Churn> {
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
    let cutoffs = Cutoffs::of(spec, *first_at, *observed_until).ok_or_else(too_short)?;
    let dataset = training_rows(run, spec, catalogue, &cutoffs, &business.rows(), engine, progress)?;
    let judged_at: Vec<Timestamp> = {
        let up_to_test = cutoffs.all.iter().rev().filter(|at| **at <= cutoffs.test_at);
        up_to_test.take(benchmark.n_before + 1).copied().collect()
    };
    let curves = Question::curves(spec);
    let n_questions = curves.iter().flatten().count();
    progress.start("judge", (n_questions * judged_at.len()) as u64);
    let mut churn = Churn {
        rows: Vec::new(),
        predictions: Vec::new(),
    };
    for (curve, test_at) in curves
        .iter()
        .flat_map(|curve| judged_at.iter().map(move |at| (curve, at)))
    {
        let mut before: Option<Vec<Predictions>> = None;
        for step in curve {
            let n_known = step.learnt.known_by(&dataset, *test_at).len();
            if n_known < MIN_ROWS || step.judged.asked_at(&dataset, *test_at).len() < MIN_ROWS {
                return Err(too_short());
            }
            let bench = Bench {
                spec,
                catalogue,
                dataset: &dataset,
                settings: benchmark.settings,
                question: &step.learnt,
                progress,
            };
            let until = progress.elapsed() + benchmark.settings.time_budget;
            let recipe = Calibrated::by(&bench, &cutoffs.all, *test_at, until)?;
            let origin = bench.origin(*test_at, &step.judged);
            let (mut rows, mut said) = (Vec::new(), Vec::new());
            for contender in recipe.contenders() {
                let mut row = LearnerMeasures::of(&contender.name);
                let learned = row.fitting(progress, || bench.fit(&contender.learner, &origin.known))?;
                said.push(row.predicting(progress, || origin.ask(&contender.name, &learned, Phase::Test)));
                rows.push(row);
            }
            let mut row = LearnerMeasures::of(BG_NBD);
            if let Some(model) = row.fitting(progress, || bench.fit_bg_nbd(&origin))? {
                said.push(row.predicting(progress, || bench.ask_bg_nbd(&model, &origin, Phase::Test)));
                rows.push(row);
            }
            let shipped = recipe.shipped(&said);
            let chosen = rows.iter().find(|row| row.learner == recipe.chosen());
            let mut row = chosen.expect("what ships was asked").clone();
            row.learner.clone_from(&shipped.learner);
            rows.push(row);
            said.push(shipped);
            let said = match before.zip(step.goes_on) {
                None => said,
                Some((before, curve)) => joined(curve, &before, said),
            };
            for said in &said {
                let row = rows.iter().find(|row| row.learner == said.learner);
                let mut row = row.expect("who was asked has a row").clone();
                row.question = Some(step.judged.name.clone());
                row.as_of = Some(test_at.to_string());
                row.measures = named_measures(&step.judged, said)?;
                churn.rows.push(row);
            }
            tell(run, &step.judged, said.last().expect("what ships"), &mut churn)?;
            before = Some(said);
            progress.advance(1);
        }
    }
    progress.finish();
    Ok(churn)
}

fn tell(run: &RunFolder, question: &Question, shipped: &Predictions, churn: &mut Churn) -> Result<()> {
    let ids = reveal(&run.id_map(), &shipped.customers)?;
    let leaving = shipped.of_leaving();
    for ((customer, label), p) in shipped.customers.iter().zip(&shipped.labels).zip(leaving) {
        let id = ids.get(customer).cloned().unwrap_or_default();
        let told = (question.name.clone(), shipped.as_of, id, *label == 1, p);
        churn.predictions.push(told);
    }
    Ok(())
}
