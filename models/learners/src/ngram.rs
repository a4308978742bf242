//! What followed the same last steps: an n-gram with back-off over the most recent touchpoints.

mod counts;
#[cfg(feature = "fit")]
mod fit;
mod smoothing;

use percorso_artefact::{Artefact, Sealer};

use crate::odds::{floor_and_normalise, log_odds};
use crate::training_set::code;
use crate::{Error, Result};

pub use counts::{NgramCounts, Observed};
pub use smoothing::Smoothing;

/// The most steps that are looked back.
pub const MAX_ORDER: usize = 8;

/// Settings of the n-gram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ngram {
    /// The positions of the category columns that hold the steps, most recent first; a missing cell ends the sequence.
    pub columns: Vec<usize>,
    /// The most steps to look back, 0 to [`MAX_ORDER`].
    pub max_order: usize,
    /// The fewest distinct customers that a context needs; rarer contexts are forgotten, so that none is remembered.
    pub min_customers: usize,
    /// How contexts are drawn to shorter ones.
    pub smoothing: Smoothing,
}

impl Ngram {
    /// Up to eight steps back in these columns, contexts of ten customers or more, the default smoothing.
    pub fn over(columns: Vec<usize>) -> Ngram {
        Ngram {
            columns,
            max_order: MAX_ORDER,
            min_customers: 10,
            smoothing: Smoothing::default(),
        }
    }
}

/// The contexts as a tree: the root knows no step, each level one step further back.
///
/// A class's probability in a context is a weight of its own plus its probability one step shorter times a weight that
/// all classes share; [`Smoothing`] says which weights.
/// The shortest context interpolates with equal shares.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedNgram {
    n_classes: usize,
    columns: Vec<u32>,
    /// The step that leads to each context; contexts are in breadth-first order, siblings by rising step.
    steps: Vec<u32>,
    /// Where the children of each context begin; the next one's beginning is their end.
    first_child: Vec<u32>,
    /// Where the seen classes of each context begin.
    first_seen: Vec<u32>,
    seen_class: Vec<u32>,
    /// What a context says when none of its children is met.
    longest: Weights,
    /// What it says to its children; the same where there is none.
    shorter: Option<Weights>,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Weights {
    /// Of the shorter context, for each context.
    back_off: Vec<f64>,
    /// Of each seen class.
    seen: Vec<f64>,
}

impl FittedNgram {
    pub(crate) fn n_classes(&self) -> usize {
        self.n_classes
    }

    /// The number of contexts kept, the empty one included.
    pub fn n_contexts(&self) -> usize {
        self.steps.len()
    }

    pub(crate) fn predict_into(&self, row: &[f32], out: &mut [f64]) {
        let shorter = self.shorter.as_ref().unwrap_or(&self.longest);
        out.fill(1.0 / self.n_classes as f64);
        let mut context = 0;
        for column in &self.columns {
            let child = code(row[*column as usize]).and_then(|step| self.child(context, step));
            let Some(child) = child else {
                break;
            };
            self.interpolate(context, shorter, out);
            context = child;
        }
        self.interpolate(context, &self.longest, out);
        floor_and_normalise(out);
    }

    /// All of the difference from the shortest context belongs to the most recent step's column.
    pub(crate) fn contributions(&self, row: &[f32], class: usize, out: &mut [f64]) -> f64 {
        let mut probabilities = vec![0.0; self.n_classes];
        probabilities.fill(1.0 / self.n_classes as f64);
        self.interpolate(0, &self.longest, &mut probabilities);
        floor_and_normalise(&mut probabilities);
        let base = log_odds(probabilities[class]);
        out.fill(0.0);
        if let Some(column) = self.columns.first() {
            self.predict_into(row, &mut probabilities);
            out[*column as usize] = log_odds(probabilities[class]) - base;
        }
        base
    }

    fn interpolate(&self, context: usize, weights: &Weights, out: &mut [f64]) {
        for probability in out.iter_mut() {
            *probability *= weights.back_off[context];
        }
        let seen = self.first_seen[context] as usize..self.first_seen[context + 1] as usize;
        for (class, weight) in self.seen_class[seen.clone()].iter().zip(&weights.seen[seen]) {
            out[*class as usize] += weight;
        }
    }

    fn child(&self, context: usize, step: u32) -> Option<usize> {
        let first = self.first_child[context] as usize;
        let end = self.first_child[context + 1] as usize;
        self.steps[first..end]
            .binary_search(&step)
            .ok()
            .map(|position| first + position)
    }

    pub(crate) fn seal(&self, prefix: &str, sealer: &mut Sealer) -> Result<()> {
        sealer.put_scalar(&format!("{prefix}/n_classes"), self.n_classes as u32)?;
        sealer.put_vector(&format!("{prefix}/columns"), &self.columns)?;
        sealer.put_vector(&format!("{prefix}/steps"), &self.steps)?;
        sealer.put_vector(&format!("{prefix}/first_child"), &self.first_child)?;
        sealer.put_vector(&format!("{prefix}/first_seen"), &self.first_seen)?;
        sealer.put_vector(&format!("{prefix}/seen_class"), &self.seen_class)?;
        let parts: Vec<&Weights> = std::iter::once(&self.longest).chain(&self.shorter).collect();
        let shape = |n: usize| if parts.len() == 1 { vec![n] } else { vec![2, n] };
        let back_off: Vec<f64> = parts.iter().flat_map(|part| &part.back_off).copied().collect();
        let seen: Vec<f64> = parts.iter().flat_map(|part| &part.seen).copied().collect();
        sealer.put(&format!("{prefix}/back_off"), &shape(self.steps.len()), &back_off)?;
        Ok(sealer.put(&format!("{prefix}/seen_weight"), &shape(self.seen_class.len()), &seen)?)
    }

    pub(crate) fn open(prefix: &str, artefact: &Artefact) -> Result<FittedNgram> {
        let name = |array: &str| format!("{prefix}/{array}");
        let steps = artefact.vector::<u32>(&name("steps"))?.to_vec();
        let n_contexts = steps.len();
        let seen_class = artefact.vector::<u32>(&name("seen_class"))?.to_vec();
        let n_parts = artefact.shape(&name("back_off"))?.len();
        let shape = |n: usize| if n_parts == 1 { vec![n] } else { vec![2, n] };
        let back_off = artefact.array::<f64>(&name("back_off"), &shape(n_contexts))?;
        let seen = artefact.array::<f64>(&name("seen_weight"), &shape(seen_class.len()))?;
        let mut weights = (0..n_parts).map(|part| Weights {
            back_off: back_off[part * n_contexts..][..n_contexts].to_vec(),
            seen: seen[part * seen_class.len()..][..seen_class.len()].to_vec(),
        });
        let fitted = FittedNgram {
            n_classes: artefact.scalar::<u32>(&name("n_classes"))? as usize,
            columns: artefact.vector::<u32>(&name("columns"))?.to_vec(),
            first_child: artefact.array::<u32>(&name("first_child"), &[n_contexts + 1])?.to_vec(),
            first_seen: artefact.array::<u32>(&name("first_seen"), &[n_contexts + 1])?.to_vec(),
            longest: weights.next().unwrap_or_default(),
            shorter: weights.next(),
            seen_class,
            steps,
        };
        let malformed = |why| Error::Malformed {
            prefix: prefix.to_owned(),
            what: "n-gram",
            why,
        };
        let rises_to =
            |starts: &[u32], end: usize| starts.is_sorted() && starts.last().copied() == u32::try_from(end).ok();
        if fitted.n_classes < 2 || n_contexts == 0 {
            return Err(malformed("it needs two or more classes and the shortest context"));
        }
        if fitted.columns.len() > MAX_ORDER {
            return Err(malformed("it looks back more steps than 8"));
        }
        if !rises_to(&fitted.first_child, n_contexts) || !rises_to(&fitted.first_seen, fitted.seen_class.len()) {
            return Err(malformed("the places of its contexts do not rise to their end"));
        }
        if fitted
            .seen_class
            .iter()
            .any(|class| *class as usize >= fitted.n_classes)
        {
            return Err(malformed("it has seen a class that it does not have"));
        }
        if back_off.iter().chain(seen).any(|weight| !(0.0..=1.0).contains(weight)) {
            return Err(malformed("a weight is not from 0 to 1"));
        }
        Ok(fitted)
    }
}
