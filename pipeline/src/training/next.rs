//! The next stage answered: hazards learnt from waits, judged as the one answer they make at the test cut-off.

use std::collections::BTreeMap;
use std::time::Duration;

use ndarray::Array2;
use percorso_features::Encoder;
use percorso_journey::{CustomerKey, Timestamp, Wait};
use percorso_learners::{Calibrator, Contender};
use percorso_next_stage::Incidence;
use serde::{Deserialize, Serialize};

use super::calibrated::Calibrated;
use super::evaluation::{self, LearnerEvaluation, QuestionEvaluation};
use super::matrix::{encoded, encoder, sample};
use super::predictions::{Phase, Predictions, SHIPPED};
use super::question::Question;
use super::recipe::Bench;
use super::{Answer, Shipped, rates, refit, segments_of};
use crate::Result;
use crate::cutoffs::Cutoffs;
use crate::waits::Waits;

/// How the whole answer about what comes next was borne out after the test cut-off.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IncidenceEvaluation {
    /// Where the intervals end that the time since an event is cut into, in days.
    pub grid_days: Vec<f64>,
    /// Customers asked about.
    pub n: usize,
    /// By day, up to the horizon.
    pub points: Vec<IncidencePoint>,
}

/// The answers at one number of days after the cut-off.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IncidencePoint {
    /// Days after the cut-off.
    pub days: f64,
    /// Mean squared distance between the probability that anything has come and whether it had.
    pub brier: f64,
    /// The same when every customer is told the share of all, which is the best that ignores who they are.
    pub brier_of_share: f64,
    /// Mean incidence told, by stage.
    pub told: BTreeMap<String, f64>,
    /// The share for which it came first, by stage.
    pub came: BTreeMap<String, f64>,
}

/// The recipe chosen on waits before the test, every learner's answers at the test, what ships.
///
/// `bench` asks for the stage that comes first within the horizon after a cut-off, which is what is judged.
pub(super) fn answer(
    bench: &Bench<'_>,
    waits: &Waits,
    cutoffs: &Cutoffs,
    observed_until: Timestamp,
    shipped_encoder: &Encoder,
    search_until: Duration,
) -> Result<Answer> {
    let question = Question::waits(bench.spec);
    let on_waits = Bench {
        dataset: &waits.seen,
        question: &question,
        ..*bench
    };
    let recipe = Calibrated::by(&on_waits, &cutoffs.all, cutoffs.test_at, search_until)?;
    let asked = Asked::at_test(bench, waits, cutoffs.test_at);
    let at_test = asked.of_contenders(&on_waits, recipe.contenders())?;
    let name = recipe.chosen().to_owned();
    let of_chosen = at_test.iter().find(|(learner, _)| *learner == name);
    let (_, classes) = of_chosen.expect("every learner was asked");
    let shipped_answers = asked.incidences(classes, &recipe.calibrator);
    let shipped = asked.predictions(SHIPPED, &shipped_answers);

    let mut said = Vec::new();
    let mut learners = Vec::new();
    for (learner, classes) in &at_test {
        let predictions = asked.predictions(learner, &asked.incidences(classes, &Calibrator::Identity));
        learners.push(LearnerEvaluation {
            learner: learner.clone(),
            measures: evaluation::measures(bench.question, &predictions)?,
            intervals: BTreeMap::new(),
        });
        said.push(predictions);
    }
    learners.push(evaluation::learner(bench.question, &shipped, bench.settings.seed)?);
    let segments = evaluation::segments(bench.question, &shipped, |row| {
        segments_of(
            bench.spec,
            bench.catalogue,
            &waits.asked,
            &bench.dataset.labels,
            asked.first_rows[row],
        )
    })?;
    let incidence = asked.evaluation(bench, waits, &shipped_answers);
    said.push(shipped);

    let Calibrated {
        origins,
        chosen,
        calibrator,
        ..
    } = recipe;
    let evaluation = QuestionEvaluation {
        question: bench.question.name.clone(),
        shipped: chosen.chosen.name,
        calibrator: calibrator.to_string(),
        n_test: asked.customers.len(),
        origins_log_loss: chosen.losses.into_iter().collect(),
        found: evaluation::found(&chosen.contenders),
        origins: origins.iter().map(Timestamp::to_string).collect(),
        learners,
        segments,
        rates: rates(bench.question, bench.dataset, &cutoffs.all),
        incidence: Some(incidence),
    };
    let everything = question.known_by(&waits.seen, observed_until);
    let learned = refit(&on_waits, &chosen.chosen.learner, everything, shipped_encoder)?;
    Ok(Answer {
        evaluation,
        said: vec![
            (question.name.clone(), chosen.at_origins),
            (bench.question.name.clone(), said),
        ],
        shipped: Some(Shipped {
            learned,
            calibrator,
            band: None,
        }),
        is_churn: false,
    })
}

/// The customers asked about at the test cut-off, with the waits that their answers are made of and what came.
struct Asked<'a> {
    waits: &'a Waits,
    at: Timestamp,
    n_stages: usize,
    horizon_days: f64,
    customers: Vec<CustomerKey>,
    /// For each customer the first of their waits; the others follow.
    first_rows: Vec<usize>,
    labels: Vec<u32>,
    /// Days until the first event, where one came within the horizon.
    after_days: Vec<Option<f64>>,
}

impl<'a> Asked<'a> {
    fn at_test(bench: &Bench<'_>, waits: &'a Waits, at: Timestamp) -> Self {
        let dataset = bench.dataset;
        let rows = bench.question.asked_at(dataset, at);
        let outcomes: BTreeMap<CustomerKey, usize> = rows.iter().map(|&row| (dataset.customers[row], row)).collect();
        let mut asked = Self {
            waits,
            at,
            n_stages: bench.spec.stages().len(),
            horizon_days: f64::from(bench.spec.next_stage().horizon_days),
            customers: Vec::new(),
            first_rows: Vec::new(),
            labels: Vec::new(),
            after_days: Vec::new(),
        };
        let mut row = 0;
        for waits_of_customer in waits.asked.customers.chunk_by(|one, other| one == other) {
            if let Some(&outcome) = outcomes.get(&waits_of_customer[0]) {
                asked.customers.push(waits_of_customer[0]);
                asked.first_rows.push(row);
                let label = bench.question.label(dataset, outcome);
                asked.labels.push(label.expect("only known outcomes are asked for"));
                asked.after_days.push(dataset.next_after_days[outcome]);
            }
            row += waits_of_customer.len();
        }
        asked
    }

    /// What every learner, fitted on what was known at the test cut-off, says of each wait.
    fn of_contenders(&self, on_waits: &Bench<'_>, contenders: &[Contender]) -> Result<Vec<(String, Array2<f64>)>> {
        let known = on_waits.question.known_by(on_waits.dataset, self.at);
        let known = sample(
            on_waits.dataset,
            known,
            on_waits.settings.max_rows,
            on_waits.settings.seed,
        );
        let encoder = encoder(on_waits.dataset, on_waits.spec, on_waits.catalogue, &known);
        let matrix = on_waits.matrix(&encoder, &known);
        let all: Vec<usize> = (0..self.waits.asked.len()).collect();
        let cells = encoded(&self.waits.asked, on_waits.catalogue, &encoder, &all);
        let ask = |contender: &Contender| {
            let learned = on_waits.fit(&contender.learner, &matrix)?;
            Ok((contender.name.clone(), learned.predict(&cells.view())))
        };
        contenders.iter().map(ask).collect()
    }

    /// The whole answer about each customer, of the classes of their waits.
    fn incidences(&self, classes: &Array2<f64>, calibrator: &Calibrator) -> Vec<Incidence> {
        let mut of_wait = vec![0.0; self.n_stages + 1];
        let mut answer = |(customer, &first): (&CustomerKey, &usize)| {
            let mut incidence = Incidence::new(self.n_stages);
            let rows = (first..self.waits.asked.len()).take_while(|&row| self.waits.asked.customers[row] == *customer);
            for row in rows {
                of_wait
                    .iter_mut()
                    .zip(classes.row(row))
                    .for_each(|(class, p)| *class = *p);
                calibrator.apply(&mut of_wait);
                let span = self.waits.asked.waits[row];
                let last = Timestamp::from_micros(span.until.micros() - 1);
                incidence.wait(&Wait::at(span.last_at, &self.waits.grid, last), self.at, &of_wait);
            }
            incidence
        };
        self.customers.iter().zip(&self.first_rows).map(&mut answer).collect()
    }

    /// Which stage comes first within the horizon, by these answers.
    fn predictions(&self, learner: &str, answers: &[Incidence]) -> Predictions {
        let mut probabilities = Array2::zeros((answers.len(), self.n_stages + 1));
        for (answer, mut row) in answers.iter().zip(probabilities.outer_iter_mut()) {
            answer.at(
                self.horizon_days,
                row.as_slice_mut().expect("a new matrix is row-major"),
            );
        }
        Predictions {
            learner: learner.to_owned(),
            phase: Phase::Test,
            as_of: self.at,
            customers: self.customers.clone(),
            labels: self.labels.clone(),
            probabilities,
        }
    }

    fn evaluation(&self, bench: &Bench<'_>, waits: &Waits, answers: &[Incidence]) -> IncidenceEvaluation {
        let grid_days = waits.grid.ends_days();
        let within = grid_days.iter().copied().filter(|&days| days < self.horizon_days);
        let points = within
            .chain([self.horizon_days])
            .map(|days| self.point(bench, days, answers));
        IncidenceEvaluation {
            points: points.collect(),
            grid_days,
            n: answers.len(),
        }
    }

    fn point(&self, bench: &Bench<'_>, days: f64, answers: &[Incidence]) -> IncidencePoint {
        let n = answers.len() as f64;
        let mut told = vec![0.0; self.n_stages + 1];
        let mut came = vec![0.0; self.n_stages];
        let (mut squares, mut classes) = (0.0, vec![0.0; self.n_stages + 1]);
        for (answer, (label, after_days)) in answers.iter().zip(self.labels.iter().zip(&self.after_days)) {
            answer.at(days, &mut classes);
            told.iter_mut().zip(&classes).for_each(|(sum, p)| *sum += p / n);
            let has_come = after_days.is_some_and(|after| after < days);
            if has_come {
                came[*label as usize] += 1.0 / n;
            }
            let distance = 1.0 - classes[self.n_stages] - f64::from(u8::from(has_come));
            squares += distance * distance;
        }
        let share: f64 = came.iter().sum();
        let by_stage = |numbers: Vec<f64>| bench.spec.stages().iter().cloned().zip(numbers).collect();
        told.truncate(self.n_stages);
        IncidencePoint {
            days,
            brier: squares / n,
            brier_of_share: share * (1.0 - share),
            told: by_stage(told),
            came: by_stage(came),
        }
    }
}
