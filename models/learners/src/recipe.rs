//! The recipe: learners compared on rows that they did not learn from, trees tuned, opinions blended, the best kept.

use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;

use crate::blend::{self, Opinions};
use crate::level::with_level_set;
use crate::metrics::{binary_losses, multiclass_losses};
use crate::tune::{Fold, Search, tune};
use crate::{Blend, Bootstrap, Candidate, Learned, Learner, Level, Prevalence, Result, Standing, select};

/// What is compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// Learners whose settings are given, simplest first.
    pub contenders: Vec<Contender>,
    /// How the settings of boosted trees are searched.
    pub search: Search,
}

/// A learner under the name that tables give it.
#[derive(Debug, Clone, PartialEq)]
pub struct Contender {
    /// Its name, unlike the others'.
    pub name: String,
    /// How it learns.
    pub learner: Learner,
}

impl Contender {
    /// A learner under its own name.
    pub fn of(learner: Learner) -> Contender {
        Contender {
            name: learner.name().to_owned(),
            learner,
        }
    }
}

/// What a contender said about rows that it did not learn from.
#[derive(Debug, Clone, PartialEq)]
pub struct Opinion {
    /// The contender, trees with the settings found, the blend with its weights.
    pub contender: Contender,
    /// For each fold the probability of each class for each watched row.
    pub probabilities: Vec<Array2<f64>>,
}

/// What was chosen, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// What to fit on everything.
    pub chosen: Contender,
    /// Every contender's opinion, then the trees' and the blend's.
    pub opinions: Vec<Opinion>,
    /// How each stands, in the order of opinions.
    pub standings: Vec<Standing>,
}

/// A part with less weight than this does not earn its time.
const LEAST_WEIGHT: f64 = 0.03;
/// Learners from this place in the order of [`Learner::complexity`] on are worth blending.
const FIRST_BLENDED: u32 = 2;

impl Recipe {
    /// The contender that loses least on the folds' watched rows, the simplest among those that cannot be told apart.
    ///
    /// With the level kept, each fold's level is set right before two classes are judged.
    /// Folds to learn from that are all of one class are left out; when none is left, the shares in training are all that
    /// is honest.
    ///
    /// # Errors
    /// - a contender cannot be fitted on a fold
    pub fn choose(
        &self,
        folds: &[Fold<'_>],
        bootstrap: &Bootstrap,
        seed: u64,
        go_on: impl FnMut() -> bool,
    ) -> Result<Choice> {
        let has_two_classes = |fold: &&Fold<'_>| fold.train.y().iter().any(|class| *class != fold.train.y()[0]);
        let folds: Vec<Fold<'_>> = folds.iter().filter(has_two_classes).copied().collect();
        if folds.is_empty() {
            return Ok(Choice {
                chosen: Contender::of(Learner::Prevalence(Prevalence)),
                opinions: Vec::new(),
                standings: Vec::new(),
            });
        }
        let mut opinions: Vec<Opinion> = self
            .contenders
            .iter()
            .map(|contender| opinion(contender, &folds, seed))
            .collect::<Result<_>>()?;
        let tuned = tune(&folds, &self.search, seed, go_on)?;
        opinions.push(Opinion {
            contender: Contender::of(Learner::Trees(tuned.trees)),
            probabilities: tuned.opinions,
        });
        opinions.extend(self.blend(&opinions, &folds)?);

        let losses: Vec<Vec<f64>> = opinions
            .iter()
            .map(|opinion| self.losses(opinion, &folds))
            .collect::<Result<_>>()?;
        let candidates: Vec<Candidate<'_>> = opinions
            .iter()
            .zip(&losses)
            .map(|(opinion, losses)| Candidate {
                name: &opinion.contender.name,
                complexity: opinion.contender.learner.complexity(),
                losses,
            })
            .collect();
        let customers: Vec<u64> = folds
            .iter()
            .flat_map(|fold| fold.watched.customers())
            .copied()
            .collect();
        let selection = select(&candidates, &customers, bootstrap)?;
        Ok(Choice {
            chosen: opinions[selection.chosen].contender.clone(),
            standings: selection.standings,
            opinions,
        })
    }

    /// The opinions worth blending as one; nothing when only one of them has weight.
    fn blend(&self, opinions: &[Opinion], folds: &[Fold<'_>]) -> Result<Option<Opinion>> {
        let y: Vec<u32> = folds.iter().flat_map(|fold| fold.watched.y()).copied().collect();
        let origins: Vec<u64> = (0..)
            .zip(folds)
            .flat_map(|(origin, fold)| vec![origin; fold.watched.n_rows()])
            .collect();
        let mut parts: Vec<(&Opinion, Array2<f64>)> = opinions
            .iter()
            .filter(|opinion| opinion.contender.learner.complexity() >= FIRST_BLENDED)
            .map(|opinion| (opinion, stacked(&opinion.probabilities)))
            .collect();
        while parts.len() >= 2 {
            let together: Vec<ArrayView2<'_, f64>> = parts.iter().map(|(_, together)| together.view()).collect();
            let weights = blend::weights(&Opinions {
                opinions: &together,
                y: &y,
                origins: &origins,
                level: self.search.level,
            })?;
            let least = (0..weights.len())
                .min_by(|a, b| weights[*a].total_cmp(&weights[*b]))
                .expect("it has parts");
            if weights[least] < LEAST_WEIGHT {
                parts.remove(least);
                continue;
            }
            let of_fold = |fold: usize| {
                let of_parts: Vec<_> = parts.iter().map(|(part, _)| part.probabilities[fold].view()).collect();
                blend::pooled(&of_parts, &weights)
            };
            let probabilities = (0..folds.len()).map(of_fold).collect();
            let learner = Learner::Blend(Blend {
                parts: parts.iter().map(|(part, _)| part.contender.learner.clone()).collect(),
                weights,
            });
            return Ok(Some(Opinion {
                contender: Contender::of(learner),
                probabilities,
            }));
        }
        Ok(None)
    }

    fn losses(&self, opinion: &Opinion, folds: &[Fold<'_>]) -> Result<Vec<f64>> {
        let mut losses = Vec::new();
        for (p, fold) in opinion.probabilities.iter().zip(folds) {
            let y = fold.watched.y();
            losses.extend(match (self.search.level, p.ncols()) {
                (Level::Kept, 2) => binary_losses(&with_level_set(&p.column(1).to_vec(), y), y)?,
                _ => multiclass_losses(p.view(), y)?,
            });
        }
        Ok(losses)
    }
}

fn opinion(contender: &Contender, folds: &[Fold<'_>], seed: u64) -> Result<Opinion> {
    let of_fold = |fold: &Fold<'_>| -> Result<Array2<f64>> {
        let learned: Learned = contender.learner.fit(&fold.train, seed)?;
        Ok(learned.predict(&fold.watched.x()))
    };
    Ok(Opinion {
        contender: contender.clone(),
        probabilities: folds.par_iter().map(of_fold).collect::<Result<_>>()?,
    })
}

fn stacked(parts: &[Array2<f64>]) -> Array2<f64> {
    let views: Vec<ArrayView2<'_, f64>> = parts.iter().map(Array2::view).collect();
    ndarray::concatenate(ndarray::Axis(0), &views).expect("folds have the same classes")
}

impl Choice {
    /// Every learner with the settings found, simplest first; the chosen one is among them.
    pub fn contenders(&self) -> Vec<&Contender> {
        match self.opinions.as_slice() {
            [] => vec![&self.chosen],
            opinions => opinions.iter().map(|opinion| &opinion.contender).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Linear, Ngram, metrics, synthetic};

    fn recipe() -> Recipe {
        let contenders = [
            Learner::Prevalence(Prevalence),
            Learner::Ngram(Ngram::over(vec![5, 6])),
            Learner::Linear(Linear::default()),
        ];
        Recipe {
            contenders: contenders.map(Contender::of).to_vec(),
            search: Search::default(),
        }
    }

    #[test]
    fn what_is_chosen_loses_least_on_rows_of_its_own_and_on_new_ones() {
        for n_classes in [2, 4] {
            let [train, watched, test] = [1, 2, 3].map(|seed| synthetic::market(2_500, n_classes, seed));
            let folds = [Fold {
                train: train.set(),
                watched: watched.set(),
            }];
            let choice = recipe().choose(&folds, &Bootstrap::seeded(1), 1, || true).unwrap();
            let names: Vec<&str> = choice
                .opinions
                .iter()
                .map(|opinion| opinion.contender.name.as_str())
                .collect();
            assert_eq!(names, ["prevalence", "ngram", "linear", "trees", "blend"]);
            let best = choice
                .standings
                .iter()
                .map(|standing| standing.mean_loss)
                .fold(f64::INFINITY, f64::min);
            assert_eq!(
                choice.standings[4].mean_loss, best,
                "the blend is the best on the rows that weighted it"
            );

            let loss = |learner: &Learner| {
                let p = learner.fit(&train.set(), 1).unwrap().predict(&test.x.view());
                metrics::multiclass(p.view(), &test.y).unwrap().log_loss
            };
            let chosen = loss(&choice.chosen.learner);
            for opinion in &choice.opinions[..3] {
                assert!(chosen < loss(&opinion.contender.learner) + 0.003, "{names:?}");
            }
        }
    }

    #[test]
    fn folds_of_one_class_leave_only_the_shares() {
        let (mut train, watched) = (synthetic::market(300, 2, 1), synthetic::market(300, 2, 2));
        train.y.fill(0);
        let folds = [Fold {
            train: train.set(),
            watched: watched.set(),
        }];
        let choice = recipe().choose(&folds, &Bootstrap::seeded(1), 1, || true).unwrap();
        assert_eq!((choice.chosen.name.as_str(), choice.opinions.len()), ("prevalence", 0));
    }
}
