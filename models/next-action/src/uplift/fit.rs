//! Learning effects: four learners, judged on customers who did not teach them.

use ndarray::{Array2, Axis};
use percorso_learners::{Bootstrap, Candidate, FittedTrees, Ridge, Target, Trees, select};
use rayon::prelude::*;

use super::{ArmUplift, Effect, EffectLearner, Learnt, Standing, Uplift};
use crate::outcome::{Folds, rows_of};
use crate::{Error, Interval, OutcomeModel, Result, Trial, mean};

/// The most that effects are stretched where a learner says too little of them.
const MAX_SLOPE: f64 = 2.0;
/// The fewest rows of an arm from which anything is learnt.
const MIN_ROWS: usize = 20;

/// The learners, from the simplest to the most complex.
const LEARNERS: [(&str, Kind); 4] = [
    ("dr-linear", Kind::DrLinear),
    ("s", Kind::S),
    ("t", Kind::T),
    ("dr-trees", Kind::DrTrees),
];

#[derive(Clone, Copy)]
enum Kind {
    DrLinear,
    S,
    T,
    DrTrees,
}

impl Uplift {
    /// The effect of each arm of the trial.
    ///
    /// What an outcome tells of an effect is taken as in the DR-learner (Kennedy 2023, "Towards optimal doubly robust
    /// estimation of heterogeneous causal effects"): the difference that a model of outcomes expects, corrected by what
    /// the model missed over the propensity of the arm that was given; the model has not seen the customer.
    /// Learners of effects are compared by how well they tell these for customers left out, ties go to the simpler, and
    /// what ships is shrunk by the slope found there (as the best linear predictor of Chernozhukov et al. 2018, "Generic
    /// machine learning inference on heterogeneous treatment effects").
    ///
    /// # Errors
    /// - an arm, the control included, has fewer than 20 rows
    /// - a learner refuses the rows
    pub fn fit(trial: &Trial<'_>, seed: u64) -> Result<Learnt> {
        for arm in 0..trial.given().n_arms {
            let found = rows_of_arm(trial, arm).len();
            if found < MIN_ROWS {
                let expected = MIN_ROWS;
                return Err(Error::FewRows { arm, found, expected });
            }
        }
        let outcomes = OutcomeModel::cross_fitted(trial, seed)?;
        let learnt = (1..trial.given().n_arms).map(|arm| Arm::new(trial, &outcomes, arm, seed).fit());
        let (arms, standings) = learnt.collect::<Result<Vec<_>>>()?.into_iter().unzip();
        let uplift = Uplift { arms };
        Ok(Learnt { uplift, standings })
    }
}

/// One arm to learn the effect of.
struct Arm<'a, 't> {
    trial: &'a Trial<'t>,
    /// What is expected of each arm, by models that have not seen the row's customer.
    outcomes: &'a Array2<f64>,
    arm: usize,
    seed: u64,
    /// What each row's outcome tells of the effect.
    told: Vec<f64>,
}

impl<'a, 't> Arm<'a, 't> {
    fn new(trial: &'a Trial<'t>, outcomes: &'a Array2<f64>, arm: usize, seed: u64) -> Self {
        let given = trial.given();
        let told = |(row, expected): (usize, ndarray::ArrayView1<'_, f64>)| {
            let missed = |arm: usize| (given.outcome[row] - expected[arm]) / given.propensity[row];
            let correction = match given.arm[row] as usize {
                0 => -missed(0),
                of if of == arm => missed(arm),
                _ => 0.0,
            };
            expected[arm] - expected[0] + correction
        };
        Arm {
            trial,
            outcomes,
            arm,
            seed,
            told: outcomes.outer_iter().enumerate().map(told).collect(),
        }
    }

    fn fit(&self) -> Result<(ArmUplift, Vec<Standing>)> {
        let customers = self.trial.given().customers;
        let left_out = LEARNERS
            .par_iter()
            .map(|(_, kind)| Ok(Judged::of(&self.of_left_out(*kind)?, &self.told)))
            .collect::<Result<Vec<_>>>()?;
        let candidates: Vec<Candidate<'_>> = LEARNERS
            .iter()
            .zip(&left_out)
            .zip(0..)
            .map(|(((name, _), judged), complexity)| Candidate {
                name,
                complexity,
                losses: &judged.losses,
            })
            .collect();
        let chosen = select(&candidates, customers, &Bootstrap::seeded(self.seed))?.chosen;
        let Judged { slope, .. } = left_out[chosen];
        let effect = if slope > 0.0 {
            let all: Vec<usize> = (0..self.trial.n_rows()).collect();
            let learner = self.learner(LEARNERS[chosen].1, &all)?;
            let raw = raw(&learner, self.trial.x().to_owned());
            let center = raw.iter().sum::<f64>() / raw.len() as f64;
            Some(Effect { learner, center, slope })
        } else {
            None
        };
        let standing = |(at, judged): (usize, &Judged)| Standing {
            learner: LEARNERS[at].0.to_owned(),
            gain: judged.gain,
            slope: judged.slope,
            is_chosen: at == chosen && effect.is_some(),
        };
        let standings = left_out.iter().enumerate().map(standing).collect();
        let uplift = ArmUplift {
            average: mean(&self.told, customers, &Interval::seeded(self.seed)),
            n_rows: rows_of_arm(self.trial, self.arm).len(),
            effect,
        };
        Ok((uplift, standings))
    }

    /// What a learner says of each row when it has not seen the row's customer.
    fn of_left_out(&self, kind: Kind) -> Result<Vec<f64>> {
        if let Kind::S = kind {
            let effect = |row: ndarray::ArrayView1<'_, f64>| row[self.arm] - row[0];
            return Ok(self.outcomes.outer_iter().map(effect).collect());
        }
        let mut said = vec![0.0; self.trial.n_rows()];
        for (rest, left_out) in Folds::of(self.trial.given().customers, self.seed).each() {
            let learner = self.learner(kind, &rest)?;
            for (row, effect) in left_out.iter().zip(raw(&learner, rows_of(self.trial, &left_out))) {
                said[*row] = effect;
            }
        }
        Ok(said)
    }

    fn learner(&self, kind: Kind, rows: &[usize]) -> Result<EffectLearner> {
        let (trial, arm, seed) = (self.trial, self.arm, self.seed);
        Ok(match kind {
            Kind::DrLinear => {
                let told: Vec<f64> = rows.iter().map(|row| self.told[*row]).collect();
                let customers: Vec<u64> = rows.iter().map(|row| trial.given().customers[*row]).collect();
                let cells = rows_of(trial, rows);
                let ridge = Ridge::default().fit(cells.view(), trial.columns(), &told, &customers, seed)?;
                EffectLearner::DrLinear(ridge)
            }
            Kind::S => EffectLearner::S {
                outcomes: OutcomeModel::fit(trial, rows, seed)?,
                arm,
            },
            Kind::T => {
                let of = |arm: usize| -> Vec<usize> {
                    let is_of = |row: &usize| trial.given().arm[*row] as usize == arm;
                    rows.iter().copied().filter(is_of).collect()
                };
                EffectLearner::T {
                    treated: OutcomeModel::fit(trial, &of(arm), seed)?,
                    control: OutcomeModel::fit(trial, &of(0), seed)?,
                    arm,
                }
            }
            Kind::DrTrees => EffectLearner::DrTrees(self.trees(rows)?),
        })
    }

    fn trees(&self, rows: &[usize]) -> Result<FittedTrees> {
        let told: Vec<f64> = rows.iter().map(|row| self.told[*row]).collect();
        let cells = rows_of(self.trial, rows);
        // Few leaves of many rows: one outcome tells little of an effect.
        let settings = Trees {
            n_rounds: 50,
            learning_rate: 0.1,
            max_leaves: 4,
            min_rows_in_leaf: (rows.len() as f64 / 100.0).max(50.0),
            l2: 10.0,
            ..Trees::default()
        };
        let target = Target::Amounts(&told);
        Ok(settings.fit_target(cells.view(), self.trial.columns(), target, None, self.seed)?)
    }
}

/// How well effects that were said fit what outcomes told.
struct Judged {
    losses: Vec<f64>,
    gain: f64,
    slope: f64,
}

impl Judged {
    fn of(said: &[f64], told: &[f64]) -> Judged {
        let mean = |numbers: &[f64]| numbers.iter().sum::<f64>() / numbers.len() as f64;
        let (said_mean, told_mean) = (mean(said), mean(told));
        let (mut together, mut spread, mut error) = (0.0, 0.0, 0.0);
        for (said, told) in said.iter().zip(told) {
            together += (said - said_mean) * (told - told_mean);
            spread += (said - said_mean) * (said - said_mean);
            error += (told - told_mean) * (told - told_mean);
        }
        let slope = if spread > 0.0 {
            (together / spread).clamp(0.0, MAX_SLOPE)
        } else {
            0.0
        };
        let loss = |(said, told): (&f64, &f64)| {
            let missed = told - told_mean - slope * (said - said_mean);
            missed * missed
        };
        let losses: Vec<f64> = said.iter().zip(told).map(loss).collect();
        let gain = if error > 0.0 {
            1.0 - losses.iter().sum::<f64>() / error
        } else {
            0.0
        };
        Judged { losses, gain, slope }
    }
}

fn rows_of_arm(trial: &Trial<'_>, arm: usize) -> Vec<usize> {
    let arms = trial.given().arm;
    (0..arms.len()).filter(|row| arms[*row] as usize == arm).collect()
}

/// What a learner says of each row.
fn raw(learner: &EffectLearner, cells: Array2<f32>) -> Vec<f64> {
    let rows: Vec<_> = cells.axis_iter(Axis(0)).collect();
    let said = rows
        .par_iter()
        .map(|row| learner.raw(row.as_slice().expect("rows are whole")));
    said.collect()
}
