//! Learning effects: five learners, judged on customers who did not teach them.

use ndarray::{Array2, ArrayView1, Axis};
use percorso_learners::odds::log_odds;
use percorso_learners::{
    Bootstrap, Candidate, FittedRidge, FittedTrees, GivenArms, Groups, Ridge, Shift, ShiftFit, Target, Trees, select,
};
use rayon::prelude::*;

use super::level::{Seen, levels};
use super::parts::Apart;
use super::{ArmUplift, Effect, EffectLearner, Learnt, Standing, Uplift, mixed, moved};
use crate::interval::standard_error;
use crate::outcome::{N_FOLDS, folds, left_out, of_arm, rows_of};
use crate::{Error, Interval, OutcomeModel, Result, Trial, mean};

/// The most that effects are stretched where a learner says too little of them.
const MAX_SLOPE: f64 = 2.0;
/// How much of a slope is kept, at least, when it is 1.96 of its standard errors above 0.
const SURELY_KEPT: f64 = 1.0 - 1.0 / (1.96 * 1.96);
/// The fewest rows of an arm from which anything is learnt.
const MIN_ROWS: usize = 20;

/// The learners, from the simplest to the most complex.
const LEARNERS: [(&str, Kind); 6] = [
    ("parts", Kind::Parts),
    ("odds", Kind::Odds),
    ("dr-linear", Kind::DrLinear),
    ("s", Kind::S),
    ("t", Kind::T),
    ("dr-trees", Kind::DrTrees),
];

#[derive(Clone, Copy)]
pub(super) enum Kind {
    Parts,
    Odds,
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
        let fold_of = folds(trial.given().customers, seed);
        if let Some(apart) = Apart::of(trial, seed)? {
            let judged = (0..apart.told.effects.len()).map(|at| apart.judged(at, &fold_of));
            return learnt(trial, judged.collect(), seed, |at, chosen| {
                apart.told.arm(trial, at, chosen, Some(&apart), seed)
            });
        }
        let told = Told::of(trial, seed)?;
        let by_arm = OutcomeModel::cross_fitted_apart(trial, seed)?;
        let linear = told.linear(trial, seed)?;
        let trees = left_out(trial, told.effects.len(), seed, |rest, cells| {
            let mut said = Array2::zeros((cells.nrows(), told.effects.len()));
            for (mut said, effects) in said.columns_mut().into_iter().zip(&told.effects) {
                let trees = dr_trees(trial, effects, rest, seed)?;
                let rows: Vec<f64> = raw(&EffectLearner::DrTrees(trees), cells);
                said.iter_mut().zip(rows).for_each(|(said, row)| *said = row);
            }
            Ok(said)
        })?;
        let shifts = trial.is_of_yes_and_no().then(|| told.shifts(trial, seed)).transpose()?;
        let mut judged = Vec::with_capacity(told.effects.len());
        for (at, effects) in told.effects.iter().enumerate() {
            let difference = |expected: &Array2<f64>| -> Vec<f64> {
                let of_row = |row: ArrayView1<'_, f64>| row[at + 1] - row[0];
                expected.outer_iter().map(of_row).collect()
            };
            let mut of_arm = Vec::with_capacity(LEARNERS.len());
            for (name, kind) in LEARNERS {
                let said = match kind {
                    Kind::Parts => continue,
                    Kind::Odds => match &shifts {
                        Some(shifts) => told.odds_left_out(trial, at, shifts),
                        None => continue,
                    },
                    Kind::DrLinear => linear[at].1.clone(),
                    Kind::S => difference(&told.outcomes),
                    Kind::T => difference(&by_arm),
                    Kind::DrTrees => trees.column(at).to_vec(),
                };
                of_arm.push((name, Judged::of(&said, effects, trial.given().customers, &fold_of)));
            }
            judged.push(of_arm);
        }
        learnt(trial, judged, seed, |at, chosen| {
            told.arm(trial, at, chosen, None, seed)
        })
    }

    /// The effect of each arm by the learners and slopes that another trial of the same arms found best; the slopes of parts
    /// are found again.
    ///
    /// # Errors
    /// - as [`Uplift::fit`]
    ///
    /// # Panics
    /// When the standings are not of as many arms.
    pub fn refit(trial: &Trial<'_>, standings: &[Vec<Standing>], seed: u64) -> Result<Uplift> {
        assert_eq!(
            standings.len() + 1,
            trial.given().n_arms,
            "standings of each arm but the control"
        );
        let is_of_parts = |standing: &Standing| standing.learner == "parts";
        let apart = match standings.iter().flatten().any(is_of_parts) {
            true => Apart::of(trial, seed)?,
            false => None,
        };
        let whole = match &apart {
            Some(_) => None,
            None => Some(Told::of(trial, seed)?),
        };
        let told = apart.as_ref().map(|apart| &apart.told).or(whole.as_ref());
        let told = told.expect("one of them");
        let arm =
            |(at, standings): (usize, &Vec<Standing>)| told.arm(trial, at, chosen(standings), apart.as_ref(), seed);
        let arms = standings.iter().enumerate().map(arm).collect::<Result<_>>()?;
        Ok(Uplift { arms })
    }
}

/// What was learnt, by what is chosen for each arm of how well learners told its effects.
fn learnt(
    trial: &Trial<'_>,
    judged: Vec<Vec<(&'static str, Judged)>>,
    seed: u64,
    arm: impl Fn(usize, Option<(Kind, f64)>) -> Result<ArmUplift>,
) -> Result<Learnt> {
    let (mut arms, mut standings) = (Vec::new(), Vec::new());
    for (at, judged) in judged.iter().enumerate() {
        let mut of_learners = standings_of(judged, trial.given().customers, seed)?;
        arms.push(arm(at, chosen(&of_learners))?);
        // A slope of 0 tells nobody apart, whoever has it.
        of_learners
            .iter_mut()
            .for_each(|standing| standing.is_chosen &= standing.slope > 0.0);
        standings.push(of_learners);
    }
    let uplift = Uplift { arms };
    Ok(Learnt { uplift, standings })
}

/// What outcomes tell of effects.
pub(super) struct Told {
    /// What is expected of each arm, by models that have not seen the row's customer.
    outcomes: Array2<f64>,
    /// How often each arm was given.
    shares: Vec<f64>,
    /// For each arm but the control, what each row's outcome tells of its effect.
    pub(super) effects: Vec<Vec<f64>>,
}

impl Told {
    pub(super) fn of(trial: &Trial<'_>, seed: u64) -> Result<Told> {
        let given = trial.given();
        let all: Vec<usize> = (0..trial.n_rows()).collect();
        for arm in 0..given.n_arms {
            let found = of_arm(trial, &all, arm).len();
            if found < MIN_ROWS {
                let expected = MIN_ROWS;
                return Err(Error::FewRows { arm, found, expected });
            }
        }
        let outcomes = OutcomeModel::cross_fitted(trial, seed)?;
        let effects = (1..given.n_arms).map(|arm| {
            let told = |(row, expected): (usize, ArrayView1<'_, f64>)| {
                let missed = |arm: usize| (given.outcome[row] - expected[arm]) / given.propensity[row];
                let correction = match given.arm[row] as usize {
                    0 => -missed(0),
                    of if of == arm => missed(arm),
                    _ => 0.0,
                };
                expected[arm] - expected[0] + correction
            };
            outcomes.outer_iter().enumerate().map(told).collect()
        });
        let share = |arm| of_arm(trial, &all, arm).len() as f64 / trial.n_rows() as f64;
        Ok(Told {
            effects: effects.collect(),
            shares: (0..given.n_arms).map(share).collect(),
            outcomes,
        })
    }

    /// For each arm a regression of what is told of its effect, and what it says of customers left out.
    fn linear(&self, trial: &Trial<'_>, seed: u64) -> Result<Vec<(FittedRidge, Vec<f64>)>> {
        let targets: Vec<&[f64]> = self.effects.iter().map(Vec::as_slice).collect();
        let customers = trial.given().customers;
        Ok(Ridge::default().fit(trial.x(), trial.columns(), &targets, customers, seed)?)
    }

    /// The lines that move what is expected whichever arm is given to what comes with each.
    pub(super) fn shifts(&self, trial: &Trial<'_>, seed: u64) -> Result<ShiftFit> {
        let given = trial.given();
        let y: Vec<u32> = given.outcome.iter().map(|outcome| *outcome as u32).collect();
        let expected =
            |row: ArrayView1<'_, f64>| log_odds(mixed(row.as_slice().expect("rows are whole"), &self.shares));
        let log_odds: Vec<f64> = self.outcomes.outer_iter().map(expected).collect();
        let arms = GivenArms {
            arm: given.arm,
            n_arms: given.n_arms,
            y: &y,
            log_odds: &log_odds,
        };
        Ok(Shift::default().fit(trial.x(), trial.columns(), &arms, given.customers, seed)?)
    }

    /// What the lines say of an arm's effect on each row when its customer is left out.
    pub(super) fn odds_left_out(&self, trial: &Trial<'_>, at: usize, shifts: &ShiftFit) -> Vec<f64> {
        let said = |(row, &customer): (usize, &u64)| {
            let cells = trial.x().row(row).to_vec();
            let lines = shifts.left_out(customer);
            let expected = self.outcomes.row(row).to_vec();
            moved(
                mixed(&expected, &self.shares),
                lines.control.amount(&cells),
                lines.arms[at].amount(&cells),
            )
        };
        trial.given().customers.iter().enumerate().map(said).collect()
    }

    /// The learner of an arm's effect that moves log-odds by the lines.
    pub(super) fn odds(&self, outcomes: &OutcomeModel, at: usize, shifts: &ShiftFit) -> EffectLearner {
        EffectLearner::Odds {
            outcomes: Box::new(outcomes.clone()),
            shares: self.shares.clone(),
            control: shifts.whole.control.clone(),
            arm: shifts.whole.arms[at].clone(),
        }
    }

    /// The effect of an arm as a learner tells it, shrunk by a slope; the mean effect for all without one.
    fn arm(
        &self,
        trial: &Trial<'_>,
        at: usize,
        learner: Option<(Kind, f64)>,
        apart: Option<&Apart<'_>>,
        seed: u64,
    ) -> Result<ArmUplift> {
        let all: Vec<usize> = (0..trial.n_rows()).collect();
        let arm = at + 1;
        let effect = match learner.filter(|(_, slope)| *slope > 0.0) {
            None => None,
            Some((kind, slope)) => {
                let learner = match apart.and_then(|apart| apart.learner(at, kind)) {
                    Some(learner) => learner,
                    None => self.learner(trial, at, kind, seed)?,
                };
                let raw = raw(&learner, &trial.x().to_owned());
                let center = raw.iter().sum::<f64>() / raw.len() as f64;
                Some(Effect { learner, center, slope })
            }
        };
        Ok(ArmUplift {
            average: mean(&self.effects[at], trial.given().customers, &Interval::seeded(seed)),
            level: self.levels(trial)[at],
            n_rows: of_arm(trial, &all, arm).len(),
            effect,
        })
    }
}

impl Told {
    /// What each arm but the control is believed to do on average.
    fn levels(&self, trial: &Trial<'_>) -> Vec<f64> {
        let seen = self.effects.iter().zip(1..).map(|(effects, arm)| Seen {
            mean: effects.iter().sum::<f64>() / effects.len() as f64,
            error: standard_error(effects, trial.given().customers),
            believed: trial.belief(arm),
        });
        levels(&seen.collect::<Vec<_>>())
    }

    /// The learner of that kind of an arm's effects on the whole.
    fn learner(&self, trial: &Trial<'_>, at: usize, kind: Kind, seed: u64) -> Result<EffectLearner> {
        let all: Vec<usize> = (0..trial.n_rows()).collect();
        let arm = at + 1;
        Ok(match kind {
            Kind::Parts => EffectLearner::Parts(Vec::new()),
            Kind::Odds => self.odds(&OutcomeModel::fit(trial, &all, seed)?, at, &self.shifts(trial, seed)?),
            Kind::DrLinear => EffectLearner::DrLinear(self.linear(trial, seed)?.swap_remove(at).0),
            Kind::S => EffectLearner::S {
                outcomes: OutcomeModel::fit(trial, &all, seed)?,
                arm,
            },
            Kind::T => EffectLearner::T {
                treated: OutcomeModel::fit(trial, &of_arm(trial, &all, arm), seed)?,
                control: OutcomeModel::fit(trial, &of_arm(trial, &all, 0), seed)?,
                arm,
            },
            Kind::DrTrees => EffectLearner::DrTrees(dr_trees(trial, &self.effects[at], &all, seed)?),
        })
    }

    /// What is told of a weighted sum by what is told of its parts.
    pub(super) fn added<'t>(parts: impl Iterator<Item = (f64, &'t Told)>) -> Told {
        let add = |sum: Option<Told>, (weight, told): (f64, &Told)| {
            let outcomes = &told.outcomes * weight;
            let effects = told
                .effects
                .iter()
                .map(|effects| effects.iter().map(|effect| weight * effect).collect());
            let mut effects: Vec<Vec<f64>> = effects.collect();
            let shares = told.shares.clone();
            let Some(sum) = sum else {
                return Some(Told {
                    outcomes,
                    shares,
                    effects,
                });
            };
            for (effects, before) in effects.iter_mut().zip(&sum.effects) {
                effects
                    .iter_mut()
                    .zip(before)
                    .for_each(|(effect, before)| *effect += before);
            }
            let outcomes = outcomes + sum.outcomes;
            Some(Told {
                outcomes,
                shares,
                effects,
            })
        };
        parts.fold(None, add).expect("a sum has a part")
    }
}

/// Boosted trees of effects: few leaves of many rows, since one outcome tells little of an effect.
fn dr_trees(trial: &Trial<'_>, effects: &[f64], rows: &[usize], seed: u64) -> Result<FittedTrees> {
    let told: Vec<f64> = rows.iter().map(|row| effects[*row]).collect();
    let settings = Trees {
        n_rounds: 50,
        learning_rate: 0.1,
        max_leaves: 4,
        min_rows_in_leaf: (rows.len() as f64 / 100.0).max(50.0),
        l2: 10.0,
        column_share: 0.5,
        ..Trees::default()
    };
    let cells = rows_of(trial, rows);
    Ok(settings.fit_target(cells.view(), trial.columns(), Target::Amounts(&told), None, seed)?)
}

/// How well effects that were said fit what outcomes told.
pub(super) struct Judged {
    losses: Vec<f64>,
    gain: f64,
    pub(super) slope: f64,
    /// Whether the slope is surely above 0, at 97.5 %.
    pub(super) is_sure: bool,
}

impl Judged {
    /// What was said and told is taken from the mean of its fold: a model's mean leans away from that of the fold it has
    /// not seen, which says nothing of customers.
    ///
    /// The slope is shrunk by the share of its square that its own error makes up, to 0 where the error is the larger
    /// (positive-part James and Stein 1961): a learner that tells nothing mostly has none left.
    pub(super) fn of(said: &[f64], told: &[f64], customers: &[u64], fold_of: &[usize]) -> Judged {
        let (said, told) = (centred(said, fold_of), centred(told, fold_of));
        let together: f64 = said.iter().zip(&told).map(|(said, told)| said * told).sum();
        let spread: f64 = said.iter().map(|said| said * said).sum();
        let slope = if spread > 0.0 {
            (together / spread).max(0.0)
        } else {
            0.0
        };
        // Rows of a customer are alike, so it is customers whose part in the slope is by chance.
        let Groups { of_row, n } = Groups::new(customers);
        let mut wobbles = vec![0.0; n];
        for ((said, told), customer) in said.iter().zip(&told).zip(of_row) {
            wobbles[customer as usize] += said * (told - slope * said);
        }
        let wobble: f64 = wobbles.iter().map(|wobble| wobble * wobble).sum();
        let kept = if slope > 0.0 {
            (1.0 - wobble / (together * together)).max(0.0)
        } else {
            0.0
        };
        Judged {
            is_sure: kept > SURELY_KEPT,
            ..Judged::of_centred(&said, &told, (kept * slope).min(MAX_SLOPE))
        }
    }

    /// What was said is shrunk by a slope that is known.
    pub(super) fn at_slope(slope: f64, said: &[f64], told: &[f64], fold_of: &[usize]) -> Judged {
        Judged::of_centred(&centred(said, fold_of), &centred(told, fold_of), slope)
    }

    fn of_centred(said: &[f64], told: &[f64], slope: f64) -> Judged {
        let error: f64 = told.iter().map(|told| told * told).sum();
        let loss = |(said, told): (&f64, &f64)| (told - slope * said) * (told - slope * said);
        let losses: Vec<f64> = said.iter().zip(told).map(loss).collect();
        let gain = if error > 0.0 {
            1.0 - losses.iter().sum::<f64>() / error
        } else {
            0.0
        };
        Judged {
            losses,
            gain,
            slope,
            is_sure: true,
        }
    }
}

/// Numbers less the mean of their fold.
fn centred(numbers: &[f64], fold_of: &[usize]) -> Vec<f64> {
    let mut sums = [(0.0, 0.0); N_FOLDS];
    for (number, fold) in numbers.iter().zip(fold_of) {
        sums[*fold].0 += number;
        sums[*fold].1 += 1.0;
    }
    let less = |(number, fold): (&f64, &usize)| number - sums[*fold].0 / sums[*fold].1;
    numbers.iter().zip(fold_of).map(less).collect()
}

/// The learner that was chosen, and its slope.
fn chosen(standings: &[Standing]) -> Option<(Kind, f64)> {
    let chosen = standings.iter().find(|standing| standing.is_chosen)?;
    let (_, kind) = LEARNERS.into_iter().find(|(name, _)| *name == chosen.learner)?;
    Some((kind, chosen.slope))
}

/// How learners stand; chosen is the simplest that cannot be told from the best.
fn standings_of(judged: &[(&str, Judged)], customers: &[u64], seed: u64) -> Result<Vec<Standing>> {
    let candidates: Vec<Candidate<'_>> = judged
        .iter()
        .zip(0..)
        .map(|((name, judged), complexity)| Candidate {
            name,
            complexity,
            losses: &judged.losses,
        })
        .collect();
    let chosen = select(&candidates, customers, &Bootstrap::seeded(seed))?.chosen;
    let standing = |(at, (name, judged)): (usize, &(&str, Judged))| Standing {
        learner: (*name).to_owned(),
        gain: judged.gain,
        slope: judged.slope,
        is_chosen: at == chosen,
    };
    Ok(judged.iter().enumerate().map(standing).collect())
}

/// What a learner says of each row.
fn raw(learner: &EffectLearner, cells: &Array2<f32>) -> Vec<f64> {
    let rows: Vec<_> = cells.axis_iter(Axis(0)).collect();
    let said = rows
        .par_iter()
        .map(|row| learner.raw(row.as_slice().expect("rows are whole")));
    said.collect()
}
