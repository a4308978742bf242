//! How to learn: the settings of one of eight learners.

use crate::{Blend, Forest, Linear, Logistic, Ngram, Prevalence, Recency, Trees};

/// A learner with its settings.
#[derive(Debug, Clone, PartialEq)]
pub enum Learner {
    /// The shares in training.
    Prevalence(Prevalence),
    /// The rates by one number.
    Recency(Recency),
    /// What followed the same last steps.
    Ngram(Ngram),
    /// Logistic regression by a library, on some of the rows.
    Linear(Linear),
    /// Logistic regression on as many rows as its cells allow, to the end.
    Logistic(Logistic),
    /// Random forest.
    Forest(Forest),
    /// Boosted trees.
    Trees(Trees),
    /// Several of them as one.
    Blend(Blend),
}

impl Learner {
    /// The learner's name: `prevalence`, `recency`, `ngram`, `linear`, `logistic`, `forest`, `trees` or `blend`.
    pub fn name(&self) -> &'static str {
        match self {
            Learner::Prevalence(_) => "prevalence",
            Learner::Recency(_) => "recency",
            Learner::Ngram(_) => "ngram",
            Learner::Linear(_) => "linear",
            Learner::Logistic(_) => "logistic",
            Learner::Forest(_) => "forest",
            Learner::Trees(_) => "trees",
            Learner::Blend(_) => "blend",
        }
    }

    /// Its place in the order from simple to complex, from 0; ties between learners go to the lower.
    pub fn complexity(&self) -> u32 {
        match self {
            Learner::Prevalence(_) => 0,
            Learner::Recency(_) => 1,
            Learner::Ngram(_) => 2,
            Learner::Linear(_) => 3,
            Learner::Logistic(_) => 4,
            Learner::Forest(_) => 5,
            Learner::Trees(_) => 6,
            Learner::Blend(_) => 7,
        }
    }

    /// The fitted learner; the same set and seed give the same bytes, whatever the number of threads.
    ///
    /// Prevalence, recency and n-gram also learn from a set of a single class.
    ///
    /// # Errors
    /// - all rows are of one class, and the learner does not count only
    /// - linear or forest, alone or in a blend, and rows are weighted
    /// - a setting is outside its range or names a column that is not there or of another kind
    /// - the library behind linear or forest fails
    #[cfg(feature = "fit")]
    pub fn fit(&self, set: &crate::TrainingSet<'_>, seed: u64) -> crate::Result<crate::Learned> {
        use crate::Learned;
        Ok(match self {
            Learner::Prevalence(prevalence) => Learned::Prevalence(prevalence.fit(set)),
            Learner::Recency(recency) => Learned::Recency(recency.fit(set)?),
            Learner::Ngram(ngram) => Learned::Ngram(ngram.fit(set)?),
            Learner::Linear(linear) => Learned::Linear(linear.fit(set, seed)?),
            Learner::Logistic(logistic) => Learned::Linear(logistic.fit(set, seed)?),
            Learner::Forest(forest) => Learned::Forest(forest.fit(set, seed)?),
            Learner::Trees(trees) => Learned::Trees(trees.fit(set, seed)?),
            Learner::Blend(blend) => Learned::Blend(blend.fit(set, seed)?),
        })
    }
}
