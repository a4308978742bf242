//! The next touchpoint of every prefix of every case, on given folds of cases.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use ndarray::Array2;
use percorso_features::{Catalogue, Encoder, FeatureRow};
use percorso_journey::{JourneyState, Timestamp};
use percorso_learners::{
    Bootstrap, Column, Contender, Fold, Forest, Learner, Linear, Ngram, Prevalence, Recipe, Search, fold_of, metrics,
};

use super::event_log::{Case, EventLog};
use super::measured::LearnerMeasures;
use crate::training::{Matrix, SHIPPED, columns};
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

/// A resource or lifecycle that fewer cases had is "other".
const MIN_CASES_PER_VALUE: usize = 5;

/// What a refused set of rows is called.
const ROWS: &str = "the rows of the next touchpoint";

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
    let prefixes = Prefixes::of(log, &fold_of_case, benchmark.end)?;
    let folds: BTreeSet<u32> = fold_of_case.iter().copied().collect();
    progress.start("folds", folds.len() as u64);
    let mut rows: Vec<LearnerMeasures> = Vec::new();
    for fold in &folds {
        run_fold(benchmark, &prefixes, *fold, &mut rows, progress)?;
        progress.advance(1);
    }
    progress.finish();
    Ok(rows)
}

fn run_fold(
    benchmark: &NextTouchpoint<'_>,
    prefixes: &Prefixes,
    fold: u32,
    rows: &mut Vec<LearnerMeasures>,
    progress: &dyn Progress,
) -> Result<()> {
    let seed = benchmark.seed;
    let (known, asked) = prefixes.split(|row| prefixes.folds[row] != fold);
    let encoder = prefixes.encoder(&known);
    let (known_rows, asked_rows) = (prefixes.matrix(&encoder, &known), prefixes.matrix(&encoder, &asked));
    // A part of the known cases is watched: it decides rounds, leaves, weights and what ships, and nothing else does.
    let (learned_from, watched) = prefixes.split_of(&known, |row| !prefixes.is_watched(row, seed));
    let (learned_from, watched) = (
        prefixes.matrix(&encoder, &learned_from),
        prefixes.matrix(&encoder, &watched),
    );
    let fold = Fold {
        train: learned_from.training_set(ROWS)?,
        watched: watched.training_set(ROWS)?,
    };
    let recipe = Recipe {
        contenders: contenders(&known_rows.columns),
        search: Search::default(),
    };
    let choice = recipe
        .choose(&[fold], &Bootstrap::seeded(seed), seed, || true)
        .map_err(failed("the choice"))?;
    let set = known_rows.training_set(ROWS)?;
    for Contender { name, learner } in choice.contenders() {
        let mut took = LearnerMeasures::of(name);
        let learned = took
            .fitting(progress, || learner.fit(&set, seed))
            .map_err(failed(name))?;
        let predicted = took.predicting(progress, || learned.predict(&asked_rows.cells.view()));
        let measured = metrics::multiclass(predicted.view(), &asked_rows.labels).map_err(failed("the measures"))?;
        took.measures = [("accuracy", measured.accuracy), ("log_loss", measured.log_loss)]
            .map(|(measure, value)| (measure.to_owned(), value))
            .into();
        row_of(rows, name).add_fold(&took);
        if *name == choice.chosen.name {
            row_of(rows, SHIPPED).add_fold(&took);
        }
    }
    Ok(())
}

/// The row of a learner, a new one when it is the first fold; what ships stays last.
fn row_of<'a>(rows: &'a mut Vec<LearnerMeasures>, learner: &str) -> &'a mut LearnerMeasures {
    let place = rows.iter().position(|row| row.learner == learner).unwrap_or_else(|| {
        let before_shipped = rows.iter().position(|row| row.learner == SHIPPED);
        let place = before_shipped.unwrap_or(rows.len());
        rows.insert(place, LearnerMeasures::of(learner));
        place
    });
    &mut rows[place]
}

/// The learners compared, simplest first: counts, sequences of touchpoints alone and with who handled them, regression,
/// forest. Trees and the blend come of themselves.
fn contenders(columns: &[Column]) -> Vec<Contender> {
    let position = |name: String| columns.iter().position(|column| column.name == name);
    let places = |prefix: &str| {
        (1..)
            .map_while(|place| position(format!("{prefix}{place}")))
            .collect::<Vec<usize>>()
    };
    let touchpoints = places("last_touchpoint_");
    let handled: Vec<usize> = touchpoints
        .iter()
        .zip(places("attribute_resource_at_event_"))
        .flat_map(|(touchpoint, resource)| [*touchpoint, resource])
        .collect();
    let ngram = |columns| {
        Learner::Ngram(Ngram {
            min_customers: 1,
            ..Ngram::over(columns)
        })
    };
    vec![
        Contender::of(Learner::Prevalence(Prevalence)),
        Contender::of(ngram(touchpoints)),
        Contender {
            name: "ngram_by_resource".to_owned(),
            learner: ngram(handled),
        },
        Contender::of(Learner::Linear(Linear::default())),
        Contender::of(Learner::Forest(Forest::default())),
    ]
}

fn failed(what: &str) -> impl Fn(percorso_learners::Error) -> Error {
    let what = format!("{what} of the next touchpoint");
    move |source| Error::Fit {
        what: what.clone(),
        source,
    }
}

/// The fold of each case.
fn folds(benchmark: &NextTouchpoint<'_>, cases: &[Case]) -> Result<Vec<u32>> {
    let path = benchmark.folds;
    let wrong = |message: String| Error::Data {
        path: path.to_owned(),
        message,
    };
    let mut reader = csv::Reader::from_path(path).map_err(|error| wrong(error.to_string()))?;
    let header = reader.headers().map_err(|error| wrong(error.to_string()))?.clone();
    let column = |name: &str| {
        let found = header.iter().position(|header| header.trim() == name);
        found.ok_or_else(|| wrong(format!("it has no column `{name}`, expected case_id and fold")))
    };
    let (case_id, fold) = (column("case_id")?, column("fold")?);
    let mut fold_of_case = BTreeMap::new();
    for (row, record) in reader.records().enumerate() {
        let line = row + 2;
        let record = record.map_err(|error| wrong(error.to_string()))?;
        let (case, text) = (
            record.get(case_id).unwrap_or_default(),
            record.get(fold).unwrap_or_default(),
        );
        let number = text.trim().parse::<u32>();
        let number = number.map_err(|_| {
            wrong(format!(
                "line {line}: the fold is `{text}`, expected a number from 0 on"
            ))
        })?;
        if fold_of_case
            .insert(case.trim().to_owned(), number)
            .is_some_and(|before| before != number)
        {
            return Err(wrong(format!("line {line}: case `{case}` has two folds")));
        }
    }
    let of_case = |case: &Case| {
        let fold = fold_of_case.get(case.name.as_str()).copied();
        fold.ok_or_else(|| wrong(format!("case `{}` of the log has no fold", case.name)))
    };
    let folds: Vec<u32> = cases.iter().map(of_case).collect::<Result<_>>()?;
    if folds.iter().all(|fold| *fold == folds[0]) {
        return Err(wrong(
            "all cases are in one fold, expected two folds or more".to_owned(),
        ));
    }
    Ok(folds)
}

/// Every prefix of every case: what may be looked at, and what came next.
struct Prefixes {
    catalogue: Catalogue,
    log: EventLog,
    /// The positions of allowed features.
    allowed: Vec<usize>,
    /// All features of each prefix, row after row.
    cells: Vec<f64>,
    labels: Vec<u32>,
    /// The case of each prefix.
    cases: Vec<u64>,
    /// The fold of each prefix.
    folds: Vec<u32>,
}

impl Prefixes {
    fn of(log: EventLog, fold_of_case: &[u32], end: EndOfCase) -> Result<Self> {
        let spec = Arc::new(log.spec.clone());
        let catalogue = Catalogue::of(&spec);
        let allowed = (0..)
            .zip(catalogue.features())
            .filter(|(_, feature)| is_allowed(&feature.name));
        let allowed = allowed.map(|(position, _)| position).collect();
        let end_class = spec.touchpoints().len() as u32;
        let (mut cells, mut labels, mut cases, mut folds) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut row = FeatureRow::default();
        for (case, (of, fold)) in log.cases.iter().zip(fold_of_case).enumerate() {
            let mut state = JourneyState::new(Arc::clone(&spec));
            for (place, event) in of.events.iter().enumerate() {
                state.observe(event).expect("events were put in order");
                let next = of.events.get(place + 1);
                if next.is_none() && end == EndOfCase::Unscored {
                    continue;
                }
                // Asked as soon as the event is in, before the next one of the same instant.
                let as_of = Timestamp::from_micros(event.at.micros() + 1);
                catalogue
                    .row_into(&state, as_of, &mut row)
                    .expect("the event is of the past");
                cells.extend_from_slice(row.cells());
                labels.push(next.map_or(end_class, |next| next.touchpoint.into()));
                cases.push(case as u64);
                folds.push(*fold);
            }
        }
        Ok(Self {
            catalogue,
            log,
            allowed,
            cells,
            labels,
            cases,
            folds,
        })
    }

    fn n_rows(&self) -> usize {
        self.labels.len()
    }

    fn row(&self, row: usize) -> &[f64] {
        &self.cells[row * self.catalogue.len()..(row + 1) * self.catalogue.len()]
    }

    fn split(&self, is_first: impl Fn(usize) -> bool) -> (Vec<usize>, Vec<usize>) {
        (0..self.n_rows()).partition(|row| is_first(*row))
    }

    fn split_of(&self, rows: &[usize], is_first: impl Fn(usize) -> bool) -> (Vec<usize>, Vec<usize>) {
        rows.iter().partition(|row| is_first(**row))
    }

    /// Whether the case of a row is among the one in seven that are watched.
    fn is_watched(&self, row: usize, seed: u64) -> bool {
        fold_of(self.cases[row], 7, seed) == 0
    }

    fn encoder(&self, rows: &[usize]) -> Encoder {
        let with_case = |row: &usize| (self.row(*row), self.cases[*row]);
        Encoder::fit(
            &self.catalogue,
            rows.iter().map(with_case),
            |at, id| self.catalogue.label(&self.log.spec, &self.log.labels, at, id),
            MIN_CASES_PER_VALUE,
        )
    }

    fn matrix(&self, encoder: &Encoder, rows: &[usize]) -> Matrix {
        let columns = columns(&self.catalogue, encoder);
        let mut all = vec![0.0; self.catalogue.len()];
        let mut cells = Array2::zeros((rows.len(), self.allowed.len()));
        for (row, mut to) in rows.iter().zip(cells.outer_iter_mut()) {
            encoder.encode(self.row(*row), &mut all);
            to.iter_mut()
                .zip(&self.allowed)
                .for_each(|(to, position)| *to = all[*position]);
        }
        Matrix {
            cells,
            columns: self.allowed.iter().map(|position| columns[*position].clone()).collect(),
            labels: rows.iter().map(|row| self.labels[*row]).collect(),
            customers: rows.iter().map(|row| self.cases[*row]).collect(),
            n_classes: self.log.spec.touchpoints().len() + 1,
        }
    }
}
