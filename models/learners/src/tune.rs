//! Settings of boosted trees that nobody has to know: found by watching rows that the trees did not learn from.

use ndarray::Array2;
use rayon::prelude::*;

use crate::trees::Watched;
use crate::{Error, Learned, Level, Result, TrainingSet, Trees};

/// Rows to learn from and rows to watch: the customers of one origin, or of one part of the cases.
#[derive(Debug, Clone, Copy)]
pub struct Fold<'a> {
    /// The rows that are learned from.
    pub train: TrainingSet<'a>,
    /// The rows that are watched, of the same columns and classes.
    pub watched: TrainingSet<'a>,
}

/// Where and how long to search.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// What to start from; its rounds are the most that are grown.
    pub start: Trees,
    /// Rounds without a lower loss after which a fit stops.
    pub patience: usize,
    /// Whether folds are judged with their level set right.
    pub level: Level,
    /// A setting is taken over the one before only when it saves at least this share of the loss.
    pub least_gain: f64,
}

impl Default for Search {
    fn default() -> Self {
        Search {
            start: Trees {
                n_rounds: 600,
                max_leaves: 15,
                ..Trees::default()
            },
            patience: 12,
            level: Level::Free,
            least_gain: 5e-4,
        }
    }
}

/// One setting with what it cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Tried {
    /// The settings, with the best number of rounds.
    pub trees: Trees,
    /// The mean loss over the watched rows of all folds, after that many rounds.
    pub loss: f64,
}

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Tuned {
    /// The settings to fit with, rounds included.
    pub trees: Trees,
    /// The mean loss over the watched rows.
    pub loss: f64,
    /// For each fold what the best trees said about its watched rows.
    pub opinions: Vec<Array2<f64>>,
    /// Everything tried, in order.
    pub tried: Vec<Tried>,
}

/// The settings with the least loss on the watched rows: leaves first, then columns a tree sees, then rows a leaf needs.
///
/// Each is changed in the direction that helps, as long as it helps.
/// The first settings are always tried; before each further one `go_on` is asked, so that a budget of time can end the
/// search with the best so far. As long as it says yes, the same folds and seed find the same settings.
///
/// # Errors
/// - there is no fold, or the trees cannot be fitted
pub fn tune(folds: &[Fold<'_>], search: &Search, seed: u64, mut go_on: impl FnMut() -> bool) -> Result<Tuned> {
    if folds.is_empty() {
        return Err(Error::NoRows);
    }
    let mut best = Trial::of(folds, search, search.start.clone(), seed)?;
    let mut tried = vec![best.tried.clone()];
    for (one_way, other_way) in CHANGES {
        let mut changed = false;
        for (way, is_second) in [(one_way, false), (other_way, true)] {
            if is_second && changed {
                break;
            }
            while let Some(trees) = way(&best.tried.trees, &search.start) {
                if !go_on() {
                    return Ok(best.tuned(folds, tried));
                }
                let trial = Trial::of(folds, search, trees, seed)?;
                tried.push(trial.tried.clone());
                if trial.tried.loss > best.tried.loss * (1.0 - search.least_gain) {
                    break;
                }
                best = trial;
                changed = true;
            }
        }
    }
    Ok(best.tuned(folds, tried))
}

/// The next settings in one direction, if there are any.
type Change = fn(&Trees, &Trees) -> Option<Trees>;

/// What is changed, in order, each in two directions.
const CHANGES: [(Change, Change); 3] = [
    (fewer_leaves, more_leaves),
    (fewer_columns, never),
    (more_rows_in_leaf, never),
];

fn fewer_leaves(trees: &Trees, start: &Trees) -> Option<Trees> {
    let max_leaves = trees.max_leaves / 2;
    (max_leaves >= 4).then(|| with(trees, start, |trees| trees.max_leaves = max_leaves))
}

fn more_leaves(trees: &Trees, start: &Trees) -> Option<Trees> {
    let max_leaves = 2 * trees.max_leaves + 1;
    (max_leaves <= 127).then(|| with(trees, start, |trees| trees.max_leaves = max_leaves))
}

fn fewer_columns(trees: &Trees, start: &Trees) -> Option<Trees> {
    (trees.column_share > 0.3).then(|| with(trees, start, |trees| trees.column_share *= 0.5))
}

fn more_rows_in_leaf(trees: &Trees, start: &Trees) -> Option<Trees> {
    let least = 4.0 * trees.min_rows_in_leaf;
    (least <= 400.0).then(|| with(trees, start, |trees| trees.min_rows_in_leaf = least))
}

fn never(_: &Trees, _: &Trees) -> Option<Trees> {
    None
}

fn with(trees: &Trees, start: &Trees, change: impl FnOnce(&mut Trees)) -> Trees {
    let mut trees = Trees {
        n_rounds: start.n_rounds,
        ..trees.clone()
    };
    change(&mut trees);
    trees
}

/// One setting, fitted on every fold.
struct Trial {
    tried: Tried,
    watched: Vec<Watched>,
}

impl Trial {
    fn of(folds: &[Fold<'_>], search: &Search, trees: Trees, seed: u64) -> Result<Trial> {
        let fit = |fold: &Fold<'_>| trees.fit_watched(&fold.train, &fold.watched, search.level, search.patience, seed);
        let watched: Vec<Watched> = folds.par_iter().map(fit).collect::<Result<_>>()?;
        let n_rows: Vec<f64> = folds.iter().map(|fold| fold.watched.n_rows() as f64).collect();
        let total: f64 = n_rows.iter().sum();
        let most = watched
            .iter()
            .map(|watched| watched.losses.len())
            .max()
            .expect("there is a fold");
        // A fold that stopped early keeps its last loss.
        let loss = |round: usize| -> f64 {
            let of_fold = |watched: &Watched| watched.losses[round.min(watched.losses.len() - 1)];
            watched
                .iter()
                .zip(&n_rows)
                .map(|(watched, n_rows)| n_rows / total * of_fold(watched))
                .sum()
        };
        let n_rounds = (0..most)
            .min_by(|a, b| loss(*a).total_cmp(&loss(*b)))
            .expect("there is a round");
        Ok(Trial {
            tried: Tried {
                trees: Trees { n_rounds, ..trees },
                loss: loss(n_rounds),
            },
            watched,
        })
    }

    fn tuned(self, folds: &[Fold<'_>], tried: Vec<Tried>) -> Tuned {
        let n_rounds = self.tried.trees.n_rounds;
        let opinion = |(watched, fold): (Watched, &Fold<'_>)| {
            let mut trees = watched.trees;
            trees.truncate(n_rounds.min(trees.n_rounds()));
            Learned::Trees(trees).predict(&fold.watched.x())
        };
        Tuned {
            trees: self.tried.trees,
            loss: self.tried.loss,
            opinions: self.watched.into_iter().zip(folds).map(opinion).collect(),
            tried,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{metrics, synthetic};

    #[test]
    fn what_is_found_is_the_best_of_what_was_tried_and_its_opinions_cost_that_much() {
        let (train, watched) = (synthetic::market(2_000, 3, 1), synthetic::market(1_000, 3, 2));
        let (more_train, more_watched) = (synthetic::market(1_000, 3, 3), synthetic::market(500, 3, 4));
        let folds = [
            Fold {
                train: train.set(),
                watched: watched.set(),
            },
            Fold {
                train: more_train.set(),
                watched: more_watched.set(),
            },
        ];
        let found = tune(&folds, &Search::default(), 1, || true).unwrap();
        assert!(found.tried.len() >= 4);
        let least = found.tried.iter().map(|tried| tried.loss).fold(f64::INFINITY, f64::min);
        assert!(found.loss <= least * 1.0006, "{} of {least}", found.loss);
        assert!(
            found.trees.max_leaves < 15,
            "a market of sums wants small trees: {:?}",
            found.trees
        );
        let losses = [&watched, &more_watched].map(|market| market.y.clone());
        let cost: f64 = found
            .opinions
            .iter()
            .zip(&losses)
            .map(|(p, y)| metrics::multiclass(p.view(), y).unwrap().log_loss * y.len() as f64 / 1_500.0)
            .sum();
        assert!((cost - found.loss).abs() < 1e-9, "{cost}, watched {}", found.loss);
    }

    #[test]
    fn a_budget_that_is_used_up_ends_the_search_with_the_first_settings() {
        let (train, watched) = (synthetic::market(500, 2, 1), synthetic::market(500, 2, 2));
        let folds = [Fold {
            train: train.set(),
            watched: watched.set(),
        }];
        let found = tune(&folds, &Search::default(), 1, || false).unwrap();
        assert_eq!((found.tried.len(), found.trees.max_leaves), (1, 15));
        assert!(tune(&[], &Search::default(), 1, || true).is_err());
    }
}
