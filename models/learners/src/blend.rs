//! A blend: several learners as one opinion, each weighted by how well it did on rows that it did not learn from.

#[cfg(feature = "fit")]
mod fit;

use percorso_artefact::{Artefact, Sealer};

use crate::odds::{floor_and_normalise, log_odds, settle, softmax};
use crate::{Error, Learned, Learner, Result};

#[cfg(feature = "fit")]
pub(crate) use self::fit::pooled;
#[cfg(feature = "fit")]
pub use self::fit::{Opinions, weights};

/// Settings of the blend: its parts with their weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Blend {
    /// The learners; none of them a blend.
    pub parts: Vec<Learner>,
    /// The weight of each, 0 or more; [`weights`] finds good ones.
    pub weights: Vec<f64>,
}

/// Fitted parts with their weights.
///
/// The logarithmic opinion pool (Genest and Zidek 1986): a class's probability is in proportion to the product of the
/// parts' probabilities, each to the power of its weight.
/// For two classes that is the weighted sum of the parts' log-odds.
/// Weights need not sum to 1: less than 1 makes the opinion milder, more makes it bolder.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedBlend {
    parts: Vec<Learned>,
    weights: Vec<f64>,
}

/// Up to this many classes are predicted without allocation.
const FEW_CLASSES: usize = 64;

impl FittedBlend {
    /// The fitted parts, each with its weight.
    pub fn parts(&self) -> impl Iterator<Item = (&Learned, f64)> {
        self.parts.iter().zip(self.weights.iter().copied())
    }

    pub(crate) fn n_classes(&self) -> usize {
        self.parts[0].n_classes()
    }

    pub(crate) fn predict_into(&self, row: &[f32], out: &mut [f64]) {
        let mut few = [0.0; FEW_CLASSES];
        let mut many = Vec::new();
        let opinion = match out.len() {
            n_classes if n_classes <= FEW_CLASSES => &mut few[..n_classes],
            n_classes => {
                many.resize(n_classes, 0.0);
                &mut many[..]
            }
        };
        out.fill(0.0);
        for (part, weight) in self.parts() {
            part.predict_into(row, opinion);
            pool(&*opinion, weight, out);
        }
        settle_pool(out);
    }

    /// Answers for many rows, row after row, the parts one after another; the same bits as one by one.
    pub(crate) fn predict_rows_into(&self, x: &ndarray::ArrayView2<'_, f32>, out: &mut [f64]) {
        let n_classes = self.n_classes();
        out.fill(0.0);
        for (part, weight) in self.parts() {
            let opinions = part.predict(x);
            for (opinion, out) in opinions.outer_iter().zip(out.chunks_mut(n_classes)) {
                pool(opinion, weight, out);
            }
        }
        out.chunks_mut(n_classes).for_each(settle_pool);
    }

    /// Each column's part of the class's log-odds: the parts' own, times their weights.
    ///
    /// For two classes they add up as they are; for more, the rest is shared in proportion to their size.
    pub(crate) fn contributions(&self, row: &[f32], class: usize, out: &mut [f64]) -> f64 {
        let mut of_part = vec![0.0; row.len()];
        let mut base = 0.0;
        out.fill(0.0);
        for (part, weight) in self.parts() {
            base += weight * part.contributions(row, class, &mut of_part);
            for (out, of_part) in out.iter_mut().zip(&of_part) {
                *out += weight * of_part;
            }
        }
        let mut probabilities = vec![0.0; self.n_classes()];
        self.predict_into(row, &mut probabilities);
        settle(out, log_odds(probabilities[class]) - base);
        base
    }

    pub(crate) fn seal(&self, prefix: &str, sealer: &mut Sealer) -> Result<()> {
        sealer.put_vector(&format!("{prefix}/weights"), &self.weights)?;
        for (position, part) in self.parts.iter().enumerate() {
            part.seal(&format!("{prefix}/part_{position}"), sealer)?;
        }
        Ok(())
    }

    pub(crate) fn open(prefix: &str, artefact: &Artefact) -> Result<FittedBlend> {
        let malformed = |why| Error::Malformed {
            prefix: prefix.to_owned(),
            what: "blend",
            why,
        };
        let weights = artefact.vector::<f64>(&format!("{prefix}/weights"))?.to_vec();
        let mut parts = Vec::with_capacity(weights.len());
        for position in 0..weights.len() {
            let part = format!("{prefix}/part_{position}");
            // Checked before it is opened, so that a file cannot nest blends without end.
            if artefact.text(&format!("{part}/learner"))? == "blend" {
                return Err(malformed("one of its parts is a blend"));
            }
            parts.push(Learned::open(&part, artefact)?);
        }
        if parts.is_empty() || weights.iter().any(|weight| *weight < 0.0) {
            return Err(malformed("it has no part, or a negative weight"));
        }
        if parts.iter().any(|part| part.n_classes() != parts[0].n_classes()) {
            return Err(malformed("its parts have different classes"));
        }
        Ok(FittedBlend { parts, weights })
    }
}

/// Adds an opinion's weighted logarithms to the pool.
fn pool<'a>(opinion: impl IntoIterator<Item = &'a f64>, weight: f64, out: &mut [f64]) {
    for (out, probability) in out.iter_mut().zip(opinion) {
        *out += weight * libm::log(*probability);
    }
}

/// Turns the pool into probabilities.
fn settle_pool(out: &mut [f64]) {
    softmax(out);
    floor_and_normalise(out);
}
