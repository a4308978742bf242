//! How one question's recipe is chosen: learners compared at rolling origins, calibration kept only if it helps later ones.

use std::time::Duration;

use ndarray::Array2;
use percorso_features::{Catalogue, Encoder};
use percorso_journey::{CustomerKey, Spec, Timestamp};
use percorso_learners::{
    Bootstrap, Calibrator, Contender, Fold, Learned, Learner, Level, Ngram, Prevalence, Recency, Recipe, Search,
};
use rayon::prelude::*;

use super::matrix::{Matrix, encoded, encoder, sample};
use super::predictions::{Phase, Predictions, SHIPPED};
use super::question::Question;
use crate::dataset::Dataset;
use crate::{Error, Progress, Result, TrainSettings};

/// Everything a fit reads.
#[derive(Clone, Copy)]
pub(crate) struct Bench<'a> {
    pub(crate) spec: &'a Spec,
    pub(crate) catalogue: &'a Catalogue,
    pub(crate) dataset: &'a Dataset,
    pub(crate) settings: &'a TrainSettings,
    pub(crate) question: &'a Question,
    /// Tells when the search has taken its time.
    pub(crate) progress: &'a dyn Progress,
}

/// The learner chosen, and what every learner said at the origins.
pub(super) struct Chosen {
    /// Every learner with the settings found, simplest first.
    pub(super) contenders: Vec<Contender>,
    pub(super) chosen: Contender,
    pub(super) at_origins: Vec<Predictions>,
    /// Mean log loss by learner.
    pub(super) losses: Vec<(String, f64)>,
}

impl Chosen {
    /// What the learner that was chosen said at the origins.
    pub(super) fn said_at_origins(&self) -> impl Iterator<Item = &Predictions> {
        self.at_origins.iter().filter(|said| said.learner == self.chosen.name)
    }

    /// A learner that no origin could try.
    fn untried(chosen: Contender) -> Self {
        Self {
            contenders: vec![chosen.clone()],
            chosen,
            at_origins: Vec::new(),
            losses: Vec::new(),
        }
    }
}

/// A day on which learners are asked.
pub(crate) struct Origin {
    pub(super) at: Timestamp,
    /// The rows whose answers were known by then, at most as many as a fit may learn from.
    pub(crate) known: Matrix,
    /// The rows of that day.
    asked: Matrix,
    /// The customers of that day's rows.
    pub(super) customers: Vec<CustomerKey>,
}

impl Origin {
    /// What a fitted learner says of the day's rows.
    pub(crate) fn ask(&self, learner: &str, learned: &Learned, phase: Phase) -> Predictions {
        self.predictions(learner, phase, learned.predict(&self.asked.cells.view()))
    }

    pub(super) fn predictions(&self, learner: &str, phase: Phase, probabilities: Array2<f64>) -> Predictions {
        Predictions {
            learner: learner.to_owned(),
            phase,
            as_of: self.at,
            customers: self.customers.clone(),
            labels: self.asked.labels.clone(),
            probabilities,
            intervals: None,
        }
    }
}

impl<'a> Bench<'a> {
    /// The same bench for another question.
    pub(crate) fn asking(&self, question: &'a Question) -> Bench<'a> {
        Bench { question, ..*self }
    }

    /// The learners compared whose settings are given, simplest first.
    fn contenders(&self) -> Vec<Contender> {
        let sequence = (1..)
            .map_while(|place| self.catalogue.position(&format!("last_touchpoint_{place}")))
            .collect();
        let min_customers = self.spec.training().min_customers_per_value as usize;
        let mut learners = vec![
            Learner::Prevalence(Prevalence),
            Learner::Recency(Recency::of("recency_days")),
            Learner::Ngram(Ngram {
                min_customers,
                ..Ngram::over(sequence)
            }),
            Learner::Linear(self.settings.linear.clone()),
        ];
        // Other questions have many classes: every step is as many times longer, and trees leave it little to add.
        if self.question.classes.len() == 2 {
            learners.push(Learner::Logistic(self.settings.logistic.clone()));
        }
        learners.push(Learner::Forest(self.settings.forest.clone()));
        learners.into_iter().map(Contender::of).collect()
    }

    /// Compares the learners at the origins; on too little history the prevalence is all that is honest.
    ///
    /// Where the level cannot be told from the season, each learner is judged with its level at each origin set right:
    /// else the luckiest base rate would win, not the learner that tells customers apart.
    pub(super) fn choose(&self, origins: &[Timestamp], level: Level, search_until: Duration) -> Result<Chosen> {
        // Of one class only, nothing can be learnt but its prevalence.
        let rows: Vec<Origin> = origins
            .par_iter()
            .map(|&at| self.origin(at, self.question))
            .filter(|origin| !origin.known.is_of_one_class())
            .collect();
        let folds = rows.iter().map(|origin| {
            Ok(Fold {
                train: origin.known.training_set(&self.question.name)?,
                watched: origin.asked.training_set(&self.question.name)?,
            })
        });
        let folds = folds.collect::<Result<Vec<_>>>()?;
        let recipe = Recipe {
            contenders: self.contenders(),
            search: Search {
                start: self.settings.trees.clone(),
                patience: self.settings.patience,
                level,
                ..Search::default()
            },
        };
        let seed = self.settings.seed;
        let choice = recipe
            .choose(&folds, &Bootstrap::seeded(seed), seed, || {
                self.progress.elapsed() < search_until
            })
            .map_err(self.failed("the choice"))?;
        if choice.opinions.is_empty() && self.question.is_of_waits() {
            // Intervals differ in length: a share of all of them would say nothing of any.
            return Ok(Chosen::untried(Contender::of(Learner::Recency(Recency::of(
                "recency_days",
            )))));
        }
        let at_origins = choice.opinions.iter().flat_map(|opinion| {
            let name = opinion.contender.name.as_str();
            let of_origin = |(origin, p): (&Origin, &Array2<f64>)| origin.predictions(name, Phase::Origin, p.clone());
            rows.iter().zip(&opinion.probabilities).map(of_origin)
        });
        let at_origins = at_origins.collect();
        Ok(Chosen {
            contenders: choice.contenders().into_iter().cloned().collect(),
            chosen: choice.chosen,
            at_origins,
            losses: choice
                .standings
                .into_iter()
                .map(|standing| (standing.name, standing.mean_loss))
                .collect(),
        })
    }

    /// Fits the learners on what was known by `at` and asks them about the rows of which `judged` asks that day; BG/NBD
    /// too, where it can tell.
    pub(super) fn fit_and_ask(
        &self,
        contenders: &[Contender],
        at: Timestamp,
        judged: &Question,
    ) -> Result<Vec<Predictions>> {
        let origin = self.origin(at, judged);
        let ask = |contender: &Contender| {
            let learned = self.fit(&contender.learner, &origin.known)?;
            Ok(origin.ask(&contender.name, &learned, Phase::Test))
        };
        let mut said = contenders.iter().map(ask).collect::<Result<Vec<_>>>()?;
        let bg_nbd = self.fit_bg_nbd(&origin)?;
        said.extend(bg_nbd.map(|model| self.ask_bg_nbd(&model, &origin, Phase::Test)));
        Ok(said)
    }

    /// The rows known by a day, and those of which `judged` asks that day, with its answers.
    pub(crate) fn origin(&self, at: Timestamp, judged: &Question) -> Origin {
        let known = self.question.known_by(self.dataset, at);
        let known = sample(self.dataset, known, self.settings.max_rows, self.settings.seed);
        let asked = judged.asked_at(self.dataset, at);
        let encoder = encoder(self.dataset, self.spec, self.catalogue, &known);
        Origin {
            at,
            known: self.matrix(&encoder, &known),
            asked: Matrix::of(self.dataset, self.catalogue, &encoder, judged, &asked),
            customers: asked.iter().map(|&row| self.dataset.customers[row]).collect(),
        }
    }

    /// What every learner, fitted on what was known by a day, says of rows, which need not have answers.
    pub(crate) fn ask_rows(
        &self,
        contenders: &[Contender],
        by: Timestamp,
        asked: &Dataset,
        rows: &[usize],
    ) -> Result<Vec<(String, Array2<f64>)>> {
        let known = self.question.known_by(self.dataset, by);
        let known = sample(self.dataset, known, self.settings.max_rows, self.settings.seed);
        let encoder = encoder(self.dataset, self.spec, self.catalogue, &known);
        let matrix = self.matrix(&encoder, &known);
        let cells = encoded(asked, self.catalogue, &encoder, rows);
        let ask = |contender: &Contender| {
            let learned = self.fit(&contender.learner, &matrix)?;
            Ok((contender.name.clone(), learned.predict(&cells.view())))
        };
        contenders.iter().map(ask).collect()
    }

    /// Rows with their answers, under an encoder.
    pub(super) fn matrix(&self, encoder: &Encoder, rows: &[usize]) -> Matrix {
        Matrix::of(self.dataset, self.catalogue, encoder, self.question, rows)
    }

    /// Fits a learner; of one class only, nothing but its prevalence can be learnt.
    pub(crate) fn fit(&self, learner: &Learner, matrix: &Matrix) -> Result<Learned> {
        let learner = if matrix.is_of_one_class() {
            &Learner::Prevalence(Prevalence)
        } else {
            learner
        };
        let set = matrix.training_set(&self.question.name)?;
        learner
            .fit(&set, self.settings.seed)
            .map_err(self.failed(learner.name()))
    }

    pub(super) fn failed(&self, what: &str) -> impl Fn(percorso_learners::Error) -> Error {
        let what = format!("{what} of {}", self.question.name);
        move |source| Error::Fit {
            what: what.clone(),
            source,
        }
    }
}

/// Calibrated probabilities in place of raw ones.
pub(super) fn recalibrated(predictions: &Predictions, calibrator: &Calibrator) -> Predictions {
    let mut probabilities: Array2<f64> = predictions.probabilities.clone();
    calibrate(&mut probabilities, calibrator);
    Predictions {
        learner: SHIPPED.to_owned(),
        probabilities,
        ..predictions.clone()
    }
}

/// Corrects the probabilities of every row.
pub(super) fn calibrate(probabilities: &mut Array2<f64>, calibrator: &Calibrator) {
    for mut row in probabilities.outer_iter_mut() {
        calibrator.apply(row.as_slice_mut().expect("a row-major matrix has contiguous rows"));
    }
}
