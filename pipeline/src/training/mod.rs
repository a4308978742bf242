//! Training: rows, recipes chosen at rolling origins, one judgement at the test cut-off, a model kept.

mod actions;
mod bg_nbd;
mod calibrated;
mod catalogue_file;
mod churn;
mod evaluation;
mod matrix;
mod next;
mod picture;
mod predictions;
mod programme;
mod purchases;
mod question;
mod recipe;
mod settings;
mod stays;
mod trust;

use std::sync::Arc;
use std::time::Duration;

use percorso_artefact::{Header, Registry, TrainingWindow, VersionId};
use percorso_churn::ChurnHead;
use percorso_engine::Engine;
use percorso_features::{Catalogue, Encoder, Labels};
use percorso_journey::{CategoryId, Spec, Timestamp};
use percorso_learners::{Learned, Learner, PurchaseModel};
use percorso_next_stage::NextStageHead;
use percorso_scoring::{Parts, ScoringModel};
use rayon::prelude::*;

pub(crate) use self::actions::{AS_LOGGED, BEST_FOR_EACH, PolicyEvaluation};
pub use self::actions::{ActionEvaluation, ActionsEvaluation, Ends};
pub(crate) use self::bg_nbd::BG_NBD;
pub(crate) use self::calibrated::Calibrated;
pub(crate) use self::churn::joined;
pub(crate) use self::evaluation::measures as named_measures;
pub use self::evaluation::{CutoffRate, Evaluation, LearnerEvaluation, QuestionEvaluation, SegmentEvaluation};
pub(crate) use self::matrix::{Matrix, columns};
use self::matrix::{encoder, sample};
pub use self::next::{IncidenceEvaluation, IncidencePoint};
pub use self::picture::{CutoffGap, Picture, ReliabilityBin};
pub(crate) use self::predictions::FILE as PREDICTIONS;
pub(crate) use self::predictions::{Phase, Predictions, SHIPPED, Said};
pub use self::predictions::{TestPrediction, test_predictions};
pub use self::programme::ProgrammeEvaluation;
pub use self::purchases::{PurchaseEvaluation, PurchaseTest};
pub(crate) use self::question::{MIN_ROWS, Question};
pub(crate) use self::recipe::Bench;
pub use self::settings::TrainSettings;
pub(crate) use self::stays::Stays;
pub use self::stays::{StayEvaluation, StayPoint, ToldAndCame};
pub use self::trust::TrustEvaluation;
use crate::cutoffs::Cutoffs;
use crate::dataset::Dataset;
use crate::decided::{DecidedSettings, decided_rows};
use crate::progress::Progress;
use crate::report::report;
use crate::rows::training_rows;
use crate::run::{RunFolder, write_json};
use crate::waits::{WaitSettings, Waits};
use crate::{Error, Result};

/// What training made.
#[derive(Clone, Debug)]
pub struct TrainSummary {
    /// The version kept in the registry.
    pub version: VersionId,
    /// How good it is.
    pub evaluation: Evaluation,
}

/// So many waits are drawn for each row that a fit may learn from: of most of them only one of the two questions is asked.
const WAITS_PER_ROW: usize = 3;

/// So many decisions are taken for each row that a fit may learn from: most do nothing, and mean effects are told by all.
const DECISIONS_PER_ROW: usize = 3;

/// At an origin about so many customers are asked what comes next, to tell how far its answer can be trusted.
const CUSTOMERS_PER_ORIGIN: f64 = 2_000.0;

const EVALUATION: &str = "evaluation.json";
pub(crate) const REPORT: &str = "report.html";

/// Trains every question of the run's spec, evaluates it out of time and keeps one model.
///
/// Writes `training/` (rows, what their columns mean, predictions, evaluation and its report) and a new version in `models/`.
///
/// # Errors
/// - the run has no events, or too short a history;
/// - a file cannot be read or written.
pub fn train(
    run: &RunFolder,
    settings: &TrainSettings,
    engine: &dyn Engine,
    progress: &dyn Progress,
) -> Result<TrainSummary> {
    let (spec, manifest) = (run.spec()?, run.manifest()?);
    let first_at = Timestamp::from_micros(manifest.first_at_us);
    let cutoffs = Cutoffs::of(&spec, first_at, manifest.observed_until()).ok_or_else(|| too_short(run, &spec))?;
    let catalogue = Arc::new(Catalogue::of(&spec));
    let staging = run.stage("training")?;
    let rows = staging.path().join("rows.parquet");
    let dataset = training_rows(run, &spec, &catalogue, &cutoffs, &rows, engine, progress)?;
    if dataset.is_empty() {
        return Err(too_short(run, &spec));
    }
    let (curves, next_stage) = (Question::curves(&spec), Question::next_stage(&spec));
    if next_stage.known_by(&dataset, cutoffs.test_at).is_empty()
        || next_stage.asked_at(&dataset, cutoffs.test_at).is_empty()
    {
        return Err(too_short(run, &spec));
    }
    let waits = {
        let grid = dataset.gaps.grid(&spec);
        let origins = next_stage.origins(&dataset, &cutoffs.all, cutoffs.test_at, settings.origins);
        let some = |at: Timestamp| {
            let n_customers = dataset.as_of.iter().filter(|as_of| **as_of == at).count();
            (at, CUSTOMERS_PER_ORIGIN / n_customers as f64)
        };
        let settings = WaitSettings {
            shares: dataset.gaps.shares(&grid, WAITS_PER_ROW * settings.max_rows),
            grid,
            asked_at: origins.into_iter().map(some).chain([(cutoffs.test_at, 1.0)]).collect(),
            observed_until: manifest.observed_until(),
            seed: settings.seed,
        };
        let path = staging.path().join("waits.parquet");
        let mut waits = Waits::of(run, &spec, &catalogue, settings, &path, engine, progress)?;
        waits.seen.labels = dataset.labels.clone();
        waits
    };
    let shipped_encoder = {
        let all = sample(&dataset, (0..dataset.len()).collect(), settings.max_rows, settings.seed);
        encoder(&dataset, &spec, &catalogue, &all)
    };
    progress.start("train", curves.len() as u64 + 1);
    let search_until = progress.elapsed() + settings.time_budget;
    let bench = Bench {
        spec: &spec,
        catalogue: &catalogue,
        dataset: &dataset,
        settings,
        question: &next_stage,
        progress,
    };
    let round = Round {
        bench: &bench,
        cutoffs: &cutoffs,
        observed_until: manifest.observed_until(),
        encoder: &shipped_encoder,
        search_until,
    };
    let of_curves = || {
        let answers = curves.par_iter().map(|curve| {
            let answers = churn::answers(&round, curve);
            progress.advance(1);
            answers
        });
        answers.collect::<Result<Vec<_>>>()
    };
    let of_next_stage = || {
        let answer = next::answer(&round, &waits);
        progress.advance(1);
        answer
    };
    let (of_curves, of_next_stage) = rayon::join(of_curves, of_next_stage);
    let (of_curves, stays): (Vec<Vec<Answer>>, Vec<_>) = of_curves?.into_iter().unzip();
    let targets = curves.iter().flatten().map(|step| step.target);
    let mut of_targets: Vec<(usize, Answer)> = targets.zip(of_curves.into_iter().flatten()).collect();
    of_targets.sort_by_key(|(target, _)| *target);
    let mut answers: Vec<Answer> = of_targets.into_iter().map(|(_, answer)| answer).collect();
    answers.push(of_next_stage?);
    progress.finish();
    let (purchases, of_purchases) = purchases::purchases(&spec, &dataset, &cutoffs);
    let of_actions = {
        let settings = DecidedSettings {
            spec: &spec,
            catalogue: &catalogue,
            encoder: &shipped_encoder,
            observed_until: manifest.observed_until(),
            most: DECISIONS_PER_ROW * settings.max_rows,
        };
        let rows = decided_rows(run, &settings, engine, progress)?;
        progress.start("actions", 0);
        let learnt = actions::actions(&spec, &rows, cutoffs.test_at, bench.settings.seed)?;
        progress.finish();
        learnt
    };
    let (actions, of_actions) = of_actions.unzip();
    let evaluation = Evaluation {
        protocol: protocol(&spec),
        test_at: cutoffs.test_at.to_string(),
        questions: answers.iter().map(|answer| answer.evaluation.clone()).collect(),
        stays: stays.into_iter().flatten().collect(),
        purchases: Some(of_purchases),
        actions: of_actions,
    };
    let told: Vec<Said> = answers.iter().flat_map(|answer| answer.said.clone()).collect();
    predictions::write(&staging.path().join(predictions::FILE), &told)?;
    catalogue_file::write(staging.path(), &spec, &catalogue, [&dataset, &waits.seen])?;
    write_json(&staging.path().join(EVALUATION), &evaluation)?;
    let page = staging.path().join(REPORT);
    std::fs::write(&page, report(&evaluation, spec.name())).map_err(Error::io("write", &page))?;
    let header = Header {
        training_window: TrainingWindow {
            from_us: manifest.first_at_us,
            to_us: manifest.last_at_us,
        },
        seed: settings.seed,
        code_revision: env!("CARGO_PKG_VERSION").to_owned(),
        data_digest: manifest.data_digest,
        evaluation: serde_json::to_value(&evaluation).expect("our own types turn into JSON"),
        ..Header::default()
    };
    let parts = Parts {
        actions,
        ..parts(answers, shipped_encoder, purchases)
    };
    let bytes = ScoringModel::seal(&spec, &parts, header)?;
    let version = Registry::at(run.models()).publish(&bytes)?;
    staging.publish()?;
    Ok(TrainSummary { version, evaluation })
}

/// The evaluation of a version, or of the last training when none is named.
///
/// # Errors
/// - there is no such version or training.
pub fn evaluation(run: &RunFolder, model: Option<&str>) -> Result<Evaluation> {
    let Some(model) = model else {
        let path = run.training().join(EVALUATION);
        if !path.exists() {
            let folder = run.path().display();
            return Err(Error::Missing(format!(
                "{folder} holds no training; run `percorso train --run {folder}` first"
            )));
        }
        let text = std::fs::read_to_string(&path).map_err(Error::io("read", &path))?;
        return serde_json::from_str(&text).map_err(|error| Error::data(&path, format!("not an evaluation: {error}")));
    };
    let registry = Registry::at(run.models());
    let artefact = registry.open(&registry.resolve(model)?)?;
    serde_json::from_value(artefact.header().evaluation.clone())
        .map_err(|error| Error::Missing(format!("{model} holds no evaluation: {error}")))
}

fn too_short(run: &RunFolder, spec: &Spec) -> Error {
    Error::Missing(format!(
        "{} holds too short a history: no customer of the population was seen more than {} days before its end",
        run.path().display(),
        spec.longest_window_days()
    ))
}

fn protocol(spec: &Spec) -> String {
    let population = spec.population();
    let seen = population
        .seen_within_days
        .map_or_else(String::new, |days| format!(" seen in the last {days} days"));
    let having = if population.having.is_empty() {
        String::new()
    } else {
        format!(" with {}", question::either(spec, &population.having))
    };
    let gone = if population.who_left { "" } else { " who have not left" };
    format!(
        "customers{seen}{having}{gone}; a learner knows the rows whose windows were over by a cut-off, and is asked about \
         everyone who is there then; learner and calibration are chosen at cut-offs before the test, which is judged once; \
         churn is judged before scores are moved to agree with what comes next, which these figures do not measure"
    )
}

/// One question answered: how good, with what, and what was said.
struct Answer {
    evaluation: QuestionEvaluation,
    said: Vec<Said>,
    /// `None` when too little was seen to learn from.
    shipped: Option<Shipped>,
}

enum Shipped {
    Churn(Box<ChurnHead>),
    NextStage(Box<NextStageHead>),
}

/// One training: what all its questions are answered with.
struct Round<'a> {
    /// Of churn and of what comes next at the cut-offs.
    bench: &'a Bench<'a>,
    cutoffs: &'a Cutoffs,
    /// Where the data end.
    observed_until: Timestamp,
    /// Of all rows: what ships reads cells with it.
    encoder: &'a Encoder,
    /// When the search for settings ends.
    search_until: Duration,
}

impl Round<'_> {
    /// The recipe of a question fitted on every row whose answer is known.
    fn refit(&self, bench: &Bench<'_>, learner: &Learner) -> Result<Learned> {
        let Bench {
            dataset,
            catalogue,
            settings,
            question,
            ..
        } = *bench;
        let rows = question.known_by(dataset, self.observed_until);
        let rows = sample(dataset, rows, settings.max_rows, settings.seed);
        bench.fit(learner, &Matrix::of(dataset, catalogue, self.encoder, question, &rows))
    }
}

/// The segments of a row: its stage, and its audience where one is known.
fn segments_of(spec: &Spec, catalogue: &Catalogue, dataset: &Dataset, labels: &Labels, row: usize) -> Vec<String> {
    let segment = |name: &str, told: &str| {
        Some(format!(
            "{told}={}",
            label_of(spec, catalogue, dataset, labels, row, name)?
        ))
    };
    segment("stage_current", "stage")
        .into_iter()
        .chain(segment("attribute_audience", "audience"))
        .collect()
}

/// What a categorical cell of a row says, in words.
fn label_of(
    spec: &Spec,
    catalogue: &Catalogue,
    dataset: &Dataset,
    labels: &Labels,
    row: usize,
    feature: &str,
) -> Option<String> {
    let at = catalogue.position(feature)?;
    let id = CategoryId::from_cell(dataset.cell(row, at))?;
    Some(catalogue.label(spec, labels, at, id))
}

/// The base rate at every cut-off that has answers: of leaving, or of the most frequent next stage.
fn rates(question: &Question, dataset: &Dataset, cutoffs: &[Timestamp]) -> Vec<CutoffRate> {
    let mut counts: std::collections::BTreeMap<i64, Vec<usize>> = Default::default();
    for row in 0..dataset.len() {
        if let Some(label) = question.label(dataset, row) {
            let of_day = counts.entry(dataset.as_of[row].micros());
            of_day.or_insert_with(|| vec![0; question.classes.len()])[label as usize] += 1;
        }
    }
    let rate = |as_of: &Timestamp| {
        let counts = counts.get(&as_of.micros())?;
        let n: usize = counts.iter().sum();
        let hits = if question.is_churn() {
            counts[1]
        } else {
            counts.iter().copied().max().unwrap_or(0)
        };
        Some(CutoffRate {
            as_of: as_of.to_string(),
            n,
            rate: hits as f64 / n as f64,
        })
    };
    cutoffs.iter().filter_map(rate).collect()
}

/// The heads of all answers: churn in order, then the next stage; and the models of purchases.
fn parts(answers: Vec<Answer>, encoder: Encoder, purchases: Option<PurchaseModel>) -> Parts {
    let (mut churn, mut next_stage) = (Vec::new(), None);
    for answer in answers {
        match answer.shipped {
            None => churn.push(None),
            Some(Shipped::Churn(head)) => churn.push(Some(*head)),
            Some(Shipped::NextStage(head)) => next_stage = Some(*head),
        }
    }
    Parts {
        encoder,
        churn,
        next_stage: next_stage.expect("the next stage is always answered, if by its prevalence"),
        purchases,
        actions: None,
    }
}
