//! How one question's recipe is chosen: learners compared at rolling origins, calibration kept only if it helps later ones.

use ndarray::Array2;
use percorso_features::Catalogue;
use percorso_journey::{Spec, Timestamp};
use percorso_learners::metrics::{binary_losses, multiclass_losses};
use percorso_learners::odds::{FLOOR, log_odds, probability};
use percorso_learners::{
    Bootstrap, Candidate, Forest, Learned, Learner, Level, Linear, Ngram, Prevalence, Recency, select,
};
use rayon::prelude::*;

use super::matrix::{Matrix, encoder, sample};
use super::predictions::{Phase, Predictions, SHIPPED};
use super::question::Question;
use crate::dataset::Dataset;
use crate::{Error, Result, TrainSettings};

/// Everything a fit reads.
pub(super) struct Bench<'a> {
    pub(super) spec: &'a Spec,
    pub(super) catalogue: &'a Catalogue,
    pub(super) dataset: &'a Dataset,
    pub(super) settings: &'a TrainSettings,
    pub(super) question: &'a Question,
}

/// The learner chosen, and what every learner said at the origins.
pub(super) struct Chosen {
    pub(super) learner: Learner,
    pub(super) at_origins: Vec<Predictions>,
    /// Mean log loss by learner.
    pub(super) losses: Vec<(String, f64)>,
}

impl Bench<'_> {
    /// The learners compared, simplest first.
    pub(super) fn learners(&self) -> Vec<Learner> {
        let sequence = (1..)
            .map_while(|place| self.catalogue.position(&format!("last_touchpoint_{place}")))
            .collect();
        let min_customers = self.spec.training().min_customers_per_value as usize;
        vec![
            Learner::Prevalence(Prevalence),
            Learner::Recency(Recency::of("recency_days")),
            Learner::Ngram(Ngram {
                min_customers,
                ..Ngram::over(sequence)
            }),
            Learner::Linear(Linear::default()),
            Learner::Forest(Forest {
                n_trees: 32,
                ..Forest::default()
            }),
        ]
    }

    /// Compares the learners at the origins; on too little history the prevalence is all that is honest.
    ///
    /// Where the level cannot be told from the season, each learner is judged with its level at each origin set right:
    /// else the luckiest base rate would win, not the learner that tells customers apart.
    pub(super) fn choose(&self, origins: &[Timestamp], level: Level) -> Result<Chosen> {
        let learners = self.learners();
        let at_origins: Vec<Vec<Predictions>> = origins
            .par_iter()
            .map(|&at| self.fit_and_predict(&learners, at, Phase::Origin))
            .collect::<Result<_>>()?;
        let at_origins: Vec<Predictions> = at_origins.into_iter().flatten().collect();
        if at_origins.is_empty() {
            return Ok(Chosen {
                learner: Learner::Prevalence(Prevalence),
                at_origins,
                losses: Vec::new(),
            });
        }
        let mut losses: Vec<Vec<f64>> = vec![Vec::new(); learners.len()];
        let mut customers = Vec::new();
        for (learner, losses) in learners.iter().zip(&mut losses) {
            for predictions in at_origins
                .iter()
                .filter(|predictions| predictions.learner == learner.name())
            {
                losses.extend(self.losses(predictions, level)?);
                if learner.name() == learners[0].name() {
                    customers.extend(predictions.groups());
                }
            }
        }
        let candidate =
            |(learner, losses): (&Learner, &'_ Vec<f64>)| (learner.name(), learner.complexity(), losses.clone());
        let told: Vec<_> = learners.iter().zip(&losses).map(candidate).collect();
        let candidates: Vec<Candidate<'_>> = told
            .iter()
            .map(|(name, complexity, losses)| Candidate {
                name,
                complexity: *complexity,
                losses,
            })
            .collect();
        let selection = select(&candidates, &customers, &Bootstrap::seeded(self.settings.seed))
            .map_err(self.failed("the choice"))?;
        Ok(Chosen {
            learner: learners[selection.chosen].clone(),
            at_origins,
            losses: selection
                .standings
                .into_iter()
                .map(|standing| (standing.name, standing.mean_loss))
                .collect(),
        })
    }

    /// Fits the learners on what was known by `at` and asks them about the rows of that day.
    pub(super) fn fit_and_predict(
        &self,
        learners: &[Learner],
        at: Timestamp,
        phase: Phase,
    ) -> Result<Vec<Predictions>> {
        let known = self.question.known_by(self.dataset, at);
        let known = sample(self.dataset, known, self.settings.max_rows, self.settings.seed);
        let asked = self.question.asked_at(self.dataset, at);
        let encoder = encoder(self.dataset, self.spec, self.catalogue, &known);
        let of = |rows: &[usize]| Matrix::of(self.dataset, self.catalogue, &encoder, self.question, rows);
        let (known, asked_of) = (of(&known), of(&asked));
        let mut predictions = Vec::with_capacity(learners.len());
        for learner in learners {
            let fitted = self.fit(learner, &known)?;
            predictions.push(Predictions {
                learner: learner.name().to_owned(),
                phase,
                as_of: at,
                customers: asked.iter().map(|&row| self.dataset.customers[row]).collect(),
                labels: asked_of.labels.clone(),
                probabilities: fitted.predict(&asked_of.cells.view()),
            });
        }
        Ok(predictions)
    }

    /// Fits a learner; of one class only, nothing but its prevalence can be learnt.
    pub(super) fn fit(&self, learner: &Learner, matrix: &Matrix) -> Result<Learned> {
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

    fn losses(&self, predictions: &Predictions, level: Level) -> Result<Vec<f64>> {
        let losses = if self.question.is_churn() {
            let p = match level {
                Level::Free => predictions.of_leaving(),
                Level::Kept => with_level_set(&predictions.of_leaving(), &predictions.labels),
            };
            binary_losses(&p, &predictions.labels)
        } else {
            multiclass_losses(predictions.probabilities.view(), &predictions.labels)
        };
        losses.map_err(self.failed("the losses"))
    }

    pub(super) fn failed(&self, what: &str) -> impl Fn(percorso_learners::Error) -> Error {
        let what = format!("{what} of {}", self.question.name);
        move |source| Error::Fit {
            what: what.clone(),
            source,
        }
    }
}

/// The probabilities shifted on the log-odds scale until their mean is the rate of the labels.
fn with_level_set(p: &[f64], labels: &[u32]) -> Vec<f64> {
    // One event and one other more than came keep the shift finite.
    let wanted = labels.iter().map(|&label| f64::from(label)).sum::<f64>() + 1.0;
    let log_odds: Vec<f64> = p.iter().map(|p| log_odds(p.clamp(FLOOR, 1.0 - FLOOR))).collect();
    let mut shift = 0.0;
    for _ in 0..50 {
        let (mut sum, mut slope) = (2.0 * probability(shift), 1e-9);
        for z in &log_odds {
            let p = probability(z + shift);
            sum += p;
            slope += p * (1.0 - p);
        }
        shift += ((wanted - sum) / slope).clamp(-2.0, 2.0);
    }
    log_odds.iter().map(|z| probability(z + shift)).collect()
}

/// Calibrated probabilities in place of raw ones.
pub(super) fn recalibrated(predictions: &Predictions, mut calibrate: impl FnMut(&mut [f64])) -> Predictions {
    let mut probabilities: Array2<f64> = predictions.probabilities.clone();
    for mut row in probabilities.outer_iter_mut() {
        calibrate(row.as_slice_mut().expect("a row-major matrix has contiguous rows"));
    }
    Predictions {
        learner: SHIPPED.to_owned(),
        probabilities,
        ..predictions.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_set_right_has_the_rate_of_the_labels_and_keeps_the_order() {
        let p = [0.02, 0.05, 0.1, 0.2];
        let shifted = with_level_set(&p.repeat(500), &[0, 1, 0, 1].repeat(500));
        let mean = shifted.iter().sum::<f64>() / 2_000.0;
        assert!((mean - 0.5).abs() < 1e-3, "{mean}");
        assert!(shifted[..4].is_sorted());
    }
}
