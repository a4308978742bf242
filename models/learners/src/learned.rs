//! What has been learned: one of seven fitted learners behind one set of questions.

use ndarray::{Array2, ArrayView2};
use percorso_artefact::{Artefact, Sealer};

use crate::{
    Error, FittedBlend, FittedForest, FittedLinear, FittedNgram, FittedPrevalence, FittedRecency, FittedTrees, Result,
};

/// A fitted learner.
///
/// Predictions need no library that fits and are the same bits on every machine; a single one allocates nothing, unless
/// very large trees need room for their tests.
/// A row must have (at least) the columns of the training set, in its order; missing cells are NaN.
#[derive(Debug, Clone, PartialEq)]
pub enum Learned {
    /// The shares in training.
    Prevalence(FittedPrevalence),
    /// The rates by one number.
    Recency(FittedRecency),
    /// What followed the same last steps.
    Ngram(FittedNgram),
    /// Logistic regression.
    Linear(FittedLinear),
    /// Random forest.
    Forest(FittedForest),
    /// Boosted trees.
    Trees(FittedTrees),
    /// Several of them as one.
    Blend(FittedBlend),
}

impl Learned {
    /// The learner's name: `prevalence`, `recency`, `ngram`, `linear`, `forest`, `trees` or `blend`.
    pub fn name(&self) -> &'static str {
        match self {
            Learned::Prevalence(_) => "prevalence",
            Learned::Recency(_) => "recency",
            Learned::Ngram(_) => "ngram",
            Learned::Linear(_) => "linear",
            Learned::Forest(_) => "forest",
            Learned::Trees(_) => "trees",
            Learned::Blend(_) => "blend",
        }
    }

    /// The number of classes.
    pub fn n_classes(&self) -> usize {
        match self {
            Learned::Prevalence(fitted) => fitted.n_classes(),
            Learned::Recency(fitted) => fitted.n_classes(),
            Learned::Ngram(fitted) => fitted.n_classes(),
            Learned::Linear(fitted) => fitted.n_classes(),
            Learned::Forest(fitted) => fitted.n_classes(),
            Learned::Trees(fitted) => fitted.n_classes(),
            Learned::Blend(fitted) => fitted.n_classes(),
        }
    }

    /// Puts the probability of each class in `out`: each between 0 and 1, together 1 within 1e-12.
    ///
    /// # Panics
    /// When the row has fewer columns than are used, or `out` is not as long as there are classes.
    pub fn predict_into(&self, row: &[f32], out: &mut [f64]) {
        match self {
            Learned::Prevalence(fitted) => fitted.predict_into(out),
            Learned::Recency(fitted) => fitted.predict_into(row, out),
            Learned::Ngram(fitted) => fitted.predict_into(row, out),
            Learned::Linear(fitted) => fitted.predict_into(row, out),
            Learned::Forest(fitted) => fitted.predict_into(row, out),
            Learned::Trees(fitted) => fitted.predict_into(row, out),
            Learned::Blend(fitted) => fitted.predict_into(row, out),
        }
    }

    /// The probability of each class (columns) for each row of `x` (rows).
    ///
    /// # Panics
    /// When `x` has fewer columns than are used.
    pub fn predict(&self, x: &ArrayView2<'_, f32>) -> Array2<f64> {
        let mut probabilities = Array2::zeros((x.nrows(), self.n_classes()));
        let out = probabilities.as_slice_mut().expect("a new matrix is row-major");
        match (self, x.to_slice()) {
            (Learned::Trees(trees), Some(rows)) => {
                trees.predict_rows_into(rows, x.ncols(), out);
                return probabilities;
            }
            (Learned::Blend(blend), _) => {
                blend.predict_rows_into(x, out);
                return probabilities;
            }
            _ => (),
        }
        let mut cells = vec![0.0; x.ncols()];
        for (row, mut out) in x.outer_iter().zip(probabilities.outer_iter_mut()) {
            cells.iter_mut().zip(row).for_each(|(cell, from)| *cell = *from);
            self.predict_into(&cells, out.as_slice_mut().expect("a new matrix is row-major"));
        }
        probabilities
    }

    /// Puts each column's part of the class's log-odds `ln p − ln(1 − p)` in `out` and returns the log-odds that they
    /// start from; start and parts add up to the predicted log-odds within 1e-6.
    ///
    /// Each learner's type says how it attributes and from which row it starts.
    ///
    /// # Panics
    /// When `class` is not a class, or `out` is not as long as the row.
    pub fn contributions(&self, row: &[f32], class: usize, out: &mut [f64]) -> f64 {
        assert_eq!(row.len(), out.len(), "one part for each column");
        match self {
            Learned::Prevalence(fitted) => fitted.contributions(class, out),
            Learned::Recency(fitted) => fitted.contributions(row, class, out),
            Learned::Ngram(fitted) => fitted.contributions(row, class, out),
            Learned::Linear(fitted) => fitted.contributions(row, class, out),
            Learned::Forest(fitted) => fitted.contributions(row, class, out),
            Learned::Trees(fitted) => fitted.contributions(row, class, out),
            Learned::Blend(fitted) => fitted.contributions(row, class, out),
        }
    }

    /// Puts everything under names that begin with `prefix/`.
    ///
    /// # Errors
    /// - the prefix is not allowed in names, or was used before
    pub fn seal(&self, prefix: &str, sealer: &mut Sealer) -> Result<()> {
        sealer.put_text(&format!("{prefix}/learner"), self.name())?;
        match self {
            Learned::Prevalence(fitted) => fitted.seal(prefix, sealer),
            Learned::Recency(fitted) => fitted.seal(prefix, sealer),
            Learned::Ngram(fitted) => fitted.seal(prefix, sealer),
            Learned::Linear(fitted) => fitted.seal(prefix, sealer),
            Learned::Forest(fitted) => fitted.seal(prefix, sealer),
            Learned::Trees(fitted) => fitted.seal(prefix, sealer),
            Learned::Blend(fitted) => fitted.seal(prefix, sealer),
        }
    }

    /// What was sealed under the prefix.
    ///
    /// # Errors
    /// - an array is missing or of another type or shape
    /// - the learner's name is unknown, or its arrays contradict each other
    pub fn open(prefix: &str, artefact: &Artefact) -> Result<Learned> {
        match artefact.text(&format!("{prefix}/learner"))? {
            "prevalence" => Ok(Learned::Prevalence(FittedPrevalence::open(prefix, artefact)?)),
            "recency" => Ok(Learned::Recency(FittedRecency::open(prefix, artefact)?)),
            "ngram" => Ok(Learned::Ngram(FittedNgram::open(prefix, artefact)?)),
            "linear" => Ok(Learned::Linear(FittedLinear::open(prefix, artefact)?)),
            "forest" => Ok(Learned::Forest(FittedForest::open(prefix, artefact)?)),
            "trees" => Ok(Learned::Trees(FittedTrees::open(prefix, artefact)?)),
            "blend" => Ok(Learned::Blend(FittedBlend::open(prefix, artefact)?)),
            _ => Err(Error::Malformed {
                prefix: prefix.to_owned(),
                what: "learner",
                why: "its name is none of prevalence, recency, ngram, linear, forest, trees, blend",
            }),
        }
    }
}
