//! The next stage answered: hazards learnt from waits, judged as the one answer they make at the test cut-off.

use std::collections::{BTreeMap, BTreeSet};

use ndarray::Array2;
use percorso_journey::{CustomerKey, TimeGrid, Timestamp, Wait};
use percorso_learners::Contender;
use percorso_next_stage::{Calibrated as CalibratedLearner, Incidence, NextStageHead, competing};
use serde::{Deserialize, Serialize};

use super::calibrated::Calibrated;
use super::evaluation::{self, LearnerEvaluation, QuestionEvaluation};
use super::predictions::{Phase, Predictions, SHIPPED};
use super::question::{MIN_ROWS, Question};
use super::recipe::Bench;
use super::{Answer, Round, Said, Shipped, rates, segments_of, trust};
use crate::dataset::Dataset;
use crate::waits::Waits;
use crate::{Error, Result};

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
/// The round's bench asks for the stage that comes first within the horizon after a cut-off, which is what is judged.
pub(super) fn answer(round: &Round<'_>, waits: &Waits) -> Result<Answer> {
    let Round { bench, cutoffs, .. } = *round;
    let [coming, stage] = Question::of_waits(bench.spec);
    let [of_coming, of_stage] = [&coming, &stage].map(|question| Bench {
        dataset: &waits.seen,
        question,
        ..*bench
    });
    if of_stage.question.known_by(&waits.seen, cutoffs.test_at).is_empty() {
        return Err(Error::Missing(format!(
            "no event followed another by {}: nothing can be learnt of what comes next",
            cutoffs.test_at
        )));
    }
    let chosen = |on_waits: &Bench<'_>| Calibrated::by(on_waits, &cutoffs.all, cutoffs.test_at, round.search_until);
    let (by_coming, by_stage) = rayon::join(|| chosen(&of_coming), || chosen(&of_stage));
    let recipes = [by_coming?, by_stage?];
    let asked = Asked::at(bench, waits, cutoffs.test_at);
    let said_coming = asked.ask(&of_coming, recipes[0].contenders())?;
    let said_stage = asked.ask(&of_stage, recipes[1].contenders())?;
    let of = |said: &'_ [(String, Array2<f64>)], name: &str| {
        let found = said.iter().position(|(learner, _)| learner == name);
        found.map(|at| said[at].1.clone())
    };
    let shipped_coming = recipes[0].shipped_of_rows(&said_coming);
    let shipped_stage = recipes[1].shipped_of_rows(&said_stage);
    let shipped_answers = asked.incidences(&shipped_coming, &shipped_stage);
    let shipped = asked.predictions(SHIPPED, &shipped_answers, asked.horizon_days);
    let before = before(bench, waits, [&of_coming, &of_stage], &recipes, cutoffs.test_at)?;
    let trust = trust::trust(bench, &before)?;

    let mut said = Vec::new();
    let mut learners = Vec::new();
    for (learner, comes) in &said_coming {
        let Some(stages) = of(&said_stage, learner) else {
            continue;
        };
        let predictions = asked.predictions(learner, &asked.incidences(comes, &stages), asked.horizon_days);
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
            asked.rows,
            &bench.dataset.labels,
            asked.first_rows[row],
        )
    })?;
    let incidence = asked.evaluation(bench, &shipped_answers);
    let of_trust = trust::evaluation(&trust, &before, &shipped, &bench.question.classes);
    said.push(shipped);
    let by_day = incidence.points.iter().map(|point| {
        let predictions = asked.predictions(SHIPPED, &shipped_answers, point.days);
        Said::of(&bench.question.by(point.days), vec![predictions])
    });
    let by_day: Vec<Said> = by_day.collect();

    let told = |of_recipe: fn(&Calibrated) -> String| format!("{}; {}", of_recipe(&recipes[0]), of_recipe(&recipes[1]));
    let named = |part: &str, name: &str| format!("{part}/{name}");
    let parts = ["coming", "stage"].into_iter().zip(&recipes);
    let evaluation = QuestionEvaluation {
        question: bench.question.name.clone(),
        asks: bench.question.asks.clone(),
        window_days: bench.question.window_days,
        shipped: told(|recipe| recipe.chosen().to_owned()),
        calibrator: told(|recipe| recipe.calibrator.to_string()),
        n_test: asked.customers.len(),
        origins_log_loss: parts
            .clone()
            .flat_map(|(part, recipe)| {
                recipe
                    .chosen
                    .losses
                    .iter()
                    .map(move |(name, loss)| (named(part, name), *loss))
            })
            .collect(),
        found: parts
            .clone()
            .flat_map(|(part, recipe)| {
                let found = evaluation::found(&recipe.chosen.contenders);
                found.into_iter().map(move |(name, found)| (named(part, &name), found))
            })
            .collect(),
        origins: recipes[0].origins.iter().map(Timestamp::to_string).collect(),
        learners,
        segments,
        rates: rates(bench.question, bench.dataset, &cutoffs.all),
        incidence: Some(incidence),
        trust: Some(of_trust),
        picture: None,
    };
    let fitted = |on_waits: &Bench<'_>, recipe: &Calibrated| -> Result<CalibratedLearner> {
        Ok(CalibratedLearner {
            learned: round.refit(on_waits, &recipe.chosen.chosen.learner)?,
            calibrator: recipe.calibrator.clone(),
        })
    };
    let (coming_part, stage_part) = (fitted(&of_coming, &recipes[0])?, fitted(&of_stage, &recipes[1])?);
    let head = NextStageHead::new(coming_part, stage_part, waits.grid.clone(), trust);
    let head = head.map_err(bench.failed("the head"))?;
    let [by_coming, by_stage] = recipes;
    Ok(Answer {
        evaluation,
        said: [
            Said::of(&coming, by_coming.chosen.at_origins),
            Said::of(&stage, by_stage.chosen.at_origins),
            Said::of(bench.question, said),
        ]
        .into_iter()
        .chain(by_day)
        .collect(),
        shipped: Some(Shipped::NextStage(Box::new(head))),
    })
}

/// What ships would have said at the cut-offs before the test that waits are asked at, by what was known at each.
fn before(
    bench: &Bench<'_>,
    waits: &Waits,
    [of_coming, of_stage]: [&Bench<'_>; 2],
    recipes: &[Calibrated; 2],
    test_at: Timestamp,
) -> Result<Vec<Predictions>> {
    let n_classes = |on_waits: &Bench<'_>, by: Timestamp| {
        let known = on_waits.question.known_by(on_waits.dataset, by);
        let labels = known.iter().map(|row| on_waits.question.label(on_waits.dataset, *row));
        let classes = labels.collect::<BTreeSet<_>>().len();
        if known.len() < MIN_ROWS { 0 } else { classes }
    };
    // What must be told apart at the test has to be learnt at an origin too.
    let least = [of_coming, of_stage].map(|part| (part, n_classes(part, test_at).clamp(1, 2)));
    let can_learn = |at: Timestamp| least.iter().all(|(part, least)| n_classes(part, at) >= *least);
    let origins = waits.asked.keys().filter(|at| **at < test_at && can_learn(**at));
    let answers = origins.map(|&at| {
        let asked = Asked::at(bench, waits, at);
        let shipped = |on_waits: &Bench<'_>, recipe: &Calibrated| -> Result<Array2<f64>> {
            let said = asked.ask(on_waits, std::slice::from_ref(&recipe.chosen.chosen))?;
            Ok(recipe.shipped_of_rows(&said))
        };
        let (coming, stages) = rayon::join(|| shipped(of_coming, &recipes[0]), || shipped(of_stage, &recipes[1]));
        let answers = asked.incidences(&coming?, &stages?);
        Ok(asked.predictions(SHIPPED, &answers, asked.horizon_days))
    });
    answers.collect()
}

/// The customers asked about at a cut-off, with the waits that their answers are made of and what came.
struct Asked<'a> {
    rows: &'a Dataset,
    grid: &'a TimeGrid,
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
    fn at(bench: &Bench<'_>, waits: &'a Waits, at: Timestamp) -> Self {
        let dataset = bench.dataset;
        let waits_then = &waits.asked[&at];
        let rows = bench.question.asked_at(dataset, at);
        let outcomes: BTreeMap<CustomerKey, usize> = rows.iter().map(|&row| (dataset.customers[row], row)).collect();
        let mut asked = Self {
            rows: waits_then,
            grid: &waits.grid,
            at,
            n_stages: bench.spec.stages().len(),
            horizon_days: f64::from(bench.spec.next_stage().horizon_days),
            customers: Vec::new(),
            first_rows: Vec::new(),
            labels: Vec::new(),
            after_days: Vec::new(),
        };
        let mut row = 0;
        for waits_of_customer in waits_then.customers.chunk_by(|one, other| one == other) {
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

    /// What learners, fitted on what was known then, say of every wait.
    fn ask(&self, on_waits: &Bench<'_>, contenders: &[Contender]) -> Result<Vec<(String, Array2<f64>)>> {
        let all: Vec<usize> = (0..self.rows.len()).collect();
        on_waits.ask_rows(contenders, self.at, self.rows, &all)
    }

    /// The whole answer about each customer, of what is said of their waits.
    fn incidences(&self, coming: &Array2<f64>, stages: &Array2<f64>) -> Vec<Incidence> {
        let waits = self.rows;
        let answer = |(customer, &first): (&CustomerKey, &usize)| {
            let mut incidence = Incidence::new(self.n_stages);
            for row in (first..waits.len()).take_while(|&row| waits.customers[row] == *customer) {
                let mut classes = stages.row(row).to_vec();
                competing(coming[[row, 1]], &mut classes);
                classes.push(coming[[row, 0]]);
                let span = waits.waits[row];
                let last = Timestamp::from_micros(span.until.micros() - 1);
                incidence.wait(&Wait::at(span.last_at, self.grid, last), self.at, &classes);
            }
            incidence
        };
        self.customers.iter().zip(&self.first_rows).map(answer).collect()
    }

    /// Which stage comes first within so many days, by these answers.
    fn predictions(&self, learner: &str, answers: &[Incidence], days: f64) -> Predictions {
        let mut probabilities = Array2::zeros((answers.len(), self.n_stages + 1));
        for (answer, mut row) in answers.iter().zip(probabilities.outer_iter_mut()) {
            answer.at(days, row.as_slice_mut().expect("a new matrix is row-major"));
        }
        Predictions {
            learner: learner.to_owned(),
            phase: Phase::Test,
            as_of: self.at,
            customers: self.customers.clone(),
            labels: self.labels_by(days),
            probabilities,
            intervals: None,
        }
    }

    /// What had come first by so many days: a stage or nothing.
    fn labels_by(&self, days: f64) -> Vec<u32> {
        let label = |(label, after_days): (&u32, &Option<f64>)| match after_days {
            Some(after) if *after < days => *label,
            _ => self.n_stages as u32,
        };
        self.labels.iter().zip(&self.after_days).map(label).collect()
    }

    fn evaluation(&self, bench: &Bench<'_>, answers: &[Incidence]) -> IncidenceEvaluation {
        let grid_days = self.grid.ends_days();
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
