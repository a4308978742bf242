//! Churn answered: curve by curve, the shortest time first.

use std::collections::BTreeMap;

use percorso_churn::{ChurnHead, Curve};
use percorso_journey::{CustomerKey, Timestamp};
use rayon::prelude::*;

use super::calibrated::Calibrated;
use super::evaluation::{self, LearnerEvaluation, QuestionEvaluation};
use super::picture::{self, DRIVER_ROWS, Picture};
use super::predictions::Predictions;
use super::question::{CurveStep, MIN_ROWS, Question};
use super::recipe::Bench;
use super::stays::{StayEvaluation, Stays};
use super::{Answer, Round, Said, Shipped, label_of, rates, segments_of};
use crate::Result;
use crate::cutoffs::Cutoffs;

/// The answers to the steps of a curve, in order; and of leaving by an event, how it was judged over time.
///
/// A step that too little was seen to learn, and those after it, are not answered.
pub(super) fn answers(round: &Round<'_>, curve: &[CurveStep]) -> Result<(Vec<Answer>, Option<StayEvaluation>)> {
    let recipes = curve.par_iter().map(|step| recipe(round, step));
    let recipes: Vec<Option<Calibrated>> = recipes.collect::<Result<_>>()?;
    let mut answers = Vec::new();
    let mut said: Option<Vec<Predictions>> = None;
    let mut told = Vec::new();
    let mut is_broken = false;
    for (step, recipe) in curve.iter().zip(recipes) {
        // What goes on from a time that is not answered is not answered either; a contract has its own answer.
        is_broken = (is_broken && step.goes_on != Some(Curve::Contract)) || recipe.is_none();
        let Some(recipe) = recipe.filter(|_| !is_broken) else {
            answers.push(not_answered(round, step));
            continue;
        };
        let learning = round.bench.asking(&step.learnt);
        let mut of_step = learning.fit_and_ask(recipe.contenders(), round.cutoffs.test_at, &step.judged)?;
        of_step.push(recipe.shipped(&of_step));
        let so_far = match said.take().zip(step.goes_on) {
            None => of_step,
            Some((before, curve)) => joined(curve, &before, of_step),
        };
        let shipped = so_far.last().expect("what ships");
        told.push((step.judged.window_days as f64, shipped.of_leaving()));
        answers.push(answer(round, step, recipe, &so_far)?);
        said = Some(so_far);
    }
    Ok((answers, stays(round, &curve[0].judged, &told)?))
}

/// The recipe of a step; `None` where too little was seen.
fn recipe(round: &Round<'_>, step: &CurveStep) -> Result<Option<Calibrated>> {
    let (dataset, cutoffs) = (round.bench.dataset, round.cutoffs);
    let is_learnable = step.judged.asked_at(dataset, cutoffs.test_at).len() >= MIN_ROWS
        && [cutoffs.test_at, round.observed_until]
            .iter()
            .all(|by| step.learnt.known_by(dataset, *by).len() >= MIN_ROWS);
    let learning = round.bench.asking(&step.learnt);
    is_learnable
        .then(|| Calibrated::by(&learning, &cutoffs.all, cutoffs.test_at, round.search_until))
        .transpose()
}

/// One step answered, of what every learner said of it at the test, joined with the steps before.
fn answer(round: &Round<'_>, step: &CurveStep, recipe: Calibrated, said: &[Predictions]) -> Result<Answer> {
    let learning = round.bench.asking(&step.learnt);
    let learned = round.refit(&learning, &recipe.chosen.chosen.learner)?;
    let drivers = {
        let mut rows = step.judged.asked_at(learning.dataset, round.cutoffs.test_at);
        rows.truncate(DRIVER_ROWS);
        let matrix = round.bench.asking(&step.judged).matrix(round.encoder, &rows);
        picture::drivers(&learned, &matrix, learning.catalogue)
    };
    let picture = Picture::of(
        &recipe.shipped_at_origins(),
        said.last().expect("what ships"),
        step.learnt == step.judged,
        drivers,
    );
    let evaluation = QuestionEvaluation {
        picture: Some(picture),
        ..judged(&learning, &step.judged, &recipe, said, round.cutoffs)?
    };
    let band = recipe.band.expect("every churn question has a band");
    let head = ChurnHead::new(learned, recipe.calibrator, band).map_err(learning.failed("the head"))?;
    Ok(Answer {
        evaluation,
        said: vec![
            Said::of(&step.learnt, recipe.chosen.at_origins),
            Said::of(&step.judged, said.to_vec()),
        ],
        shipped: Some(Shipped::Churn(Box::new(head))),
    })
}

fn not_answered(round: &Round<'_>, step: &CurveStep) -> Answer {
    let dataset = round.bench.dataset;
    Answer {
        evaluation: QuestionEvaluation {
            question: step.judged.name.clone(),
            asks: step.judged.asks.clone(),
            window_days: step.judged.window_days,
            n_test: step.judged.asked_at(dataset, round.cutoffs.test_at).len(),
            rates: rates(&step.judged, dataset, &round.cutoffs.all),
            ..QuestionEvaluation::default()
        },
        said: Vec::new(),
        shipped: None,
    }
}

/// Of leaving by an event, what ships told of each time, judged by how long customers stayed.
fn stays(round: &Round<'_>, first: &Question, told: &[(f64, Vec<f64>)]) -> Result<Option<StayEvaluation>> {
    let Bench {
        spec,
        catalogue,
        dataset,
        ..
    } = *round.bench;
    let Some(definition) = first.event(spec).filter(|_| !told.is_empty()) else {
        return Ok(None);
    };
    let test_at = round.cutoffs.test_at;
    let stays = Stays {
        dataset,
        catalogue,
        definition,
        rows: &first.asked_at(dataset, test_at),
    };
    let days: Vec<f64> = told.iter().map(|(days, _)| *days).collect();
    let of_stage = stays.told_of_stage(test_at, &days)?;
    let name_of_stage = |row| label_of(spec, catalogue, dataset, &dataset.labels, row, "stage_current");
    let evaluation = stays.evaluation(&spec.churn()[definition].name, told, &of_stage, name_of_stage);
    evaluation.map(Some)
}

/// What is said of the longer time of a curve: of the shorter one `before`, and of what is asked on.
///
/// Only learners that told of both are joined; the labels are those of the longer time.
pub(crate) fn joined(curve: Curve, before: &[Predictions], then: Vec<Predictions>) -> Vec<Predictions> {
    let join = |mut said: Predictions| {
        let shorter = before.iter().find(|shorter| shorter.learner == said.learner)?;
        let rows: BTreeMap<CustomerKey, usize> = shorter.customers.iter().copied().zip(0..).collect();
        for (row, customer) in said.customers.iter().enumerate() {
            let of_shorter = match (rows.get(customer), curve) {
                (Some(&of_shorter), _) => of_shorter,
                // One that ends later was not asked about within the shorter time.
                (None, Curve::Contract) => continue,
                (None, Curve::Event | Curve::Silence) => panic!("a curve is asked of the same customers"),
            };
            let p = curve.joined(shorter.probabilities[[of_shorter, 1]], said.probabilities[[row, 1]]);
            said.probabilities[[row, 0]] = 1.0 - p;
            said.probabilities[[row, 1]] = p;
            if let (Some(ends), Some(shorter)) = (&mut said.intervals, &shorter.intervals) {
                let joined = |at: usize| curve.joined(shorter[of_shorter][at], ends[row][at]);
                ends[row] = [joined(0), joined(1)];
            }
        }
        Some(said)
    };
    then.into_iter().filter_map(join).collect()
}

/// How good every learner and what ships are; what ships comes last.
fn judged(
    learning: &Bench<'_>,
    question: &Question,
    recipe: &Calibrated,
    said: &[Predictions],
    cutoffs: &Cutoffs,
) -> Result<QuestionEvaluation> {
    let dataset = learning.dataset;
    let (shipped, learners) = said.split_last().expect("what ships was asked");
    let mut evaluations = learners
        .iter()
        .map(|predictions| {
            Ok(LearnerEvaluation {
                learner: predictions.learner.clone(),
                measures: evaluation::measures(question, predictions)?,
                intervals: BTreeMap::new(),
            })
        })
        .collect::<Result<Vec<_>>>()?;
    evaluations.push(evaluation::learner(question, shipped, learning.settings.seed)?);
    let test_rows = question.asked_at(dataset, cutoffs.test_at);
    let segments = evaluation::segments(question, shipped, |row| {
        segments_of(
            learning.spec,
            learning.catalogue,
            dataset,
            &dataset.labels,
            test_rows[row],
        )
    })?;
    Ok(QuestionEvaluation {
        question: question.name.clone(),
        asks: question.asks.clone(),
        window_days: question.window_days,
        shipped: recipe.chosen().to_owned(),
        calibrator: recipe.calibrator.to_string(),
        n_test: test_rows.len(),
        origins_log_loss: recipe.chosen.losses.iter().cloned().collect(),
        found: evaluation::found(recipe.contenders()),
        origins: recipe.origins.iter().map(Timestamp::to_string).collect(),
        learners: evaluations,
        segments,
        rates: rates(question, dataset, &cutoffs.all),
        incidence: None,
        trust: None,
        picture: None,
    })
}
