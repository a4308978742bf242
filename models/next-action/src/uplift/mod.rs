//! What does each action do, and to whom?
//!
//! [`Uplift`] holds, for each arm of a [`crate::Trial`], how much the outcome differs from the control's on average and
//! for a customer of these cells.
//! [`measures`] says how well predicted uplift puts customers in order, and how far it is from what was observed.

#[cfg(feature = "fit")]
mod fit;
#[cfg(feature = "fit")]
mod level;
mod measures;
#[cfg(feature = "fit")]
mod parts;
mod sealed;

use percorso_learners::odds::{log_odds, probability};
use percorso_learners::{FittedRidge, FittedTrees};
use serde::{Deserialize, Serialize};

pub use measures::{Decile, Judged, Quadrants, UpliftMeasures, calibration_slope, measures, quadrants};

use crate::{Estimate, OutcomeModel};

/// What was learnt, and how each learner stood.
#[derive(Clone, Debug, PartialEq)]
pub struct Learnt {
    /// The effect of each arm but the control.
    pub uplift: Uplift,
    /// For each of them how each learner stood on customers who did not teach it, from the simplest to the most complex.
    pub standings: Vec<Vec<Standing>>,
}

/// The effect of each arm but the control.
#[derive(Clone, Debug, PartialEq)]
pub struct Uplift {
    arms: Vec<ArmUplift>,
}

/// The effect of one arm against the control.
#[derive(Clone, Debug, PartialEq)]
pub struct ArmUplift {
    /// The mean effect over the customers of the trial, as it was seen.
    pub average: Estimate,
    /// The mean effect as it is believed: what was seen, pulled towards what was believed before by as little as is known.
    pub level: f64,
    /// How many rows were given this arm.
    pub n_rows: usize,
    /// What the chosen learner says of customers; nothing where none could tell them apart.
    effect: Option<Effect>,
}

/// How well a learner told effects that it had not seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// Its name: `parts` (of outcomes that are a sum), `odds` (of outcomes of yes and no), `dr-linear`, `s`, `t` or `dr-trees`.
    pub learner: String,
    /// How much of the squared error of the mean effect it takes away, in parts of one; negative when it adds to it.
    pub gain: f64,
    /// How far effects differ for every unit that it says they do; shipped effects are shrunk by it, or in `parts` those of
    /// each part by its own.
    pub slope: f64,
    /// Whether it is what ships.
    pub is_chosen: bool,
}

/// A learner's effects, shrunk towards their mean as far as customers who did not teach it showed to be right.
#[derive(Clone, Debug, PartialEq)]
struct Effect {
    learner: EffectLearner,
    center: f64,
    slope: f64,
}

/// What tells customers apart.
#[derive(Clone, Debug, PartialEq)]
enum EffectLearner {
    /// The effects on what the outcome is a sum of, weighted and added.
    Parts(Vec<PartEffect>),
    /// What is expected whichever arm is given, its log-odds moved by one line to what they are without any, and from there
    /// by another to what they are with the arm.
    Odds {
        outcomes: Box<OutcomeModel>,
        /// How often each arm was given.
        shares: Vec<f64>,
        control: FittedRidge,
        arm: FittedRidge,
    },
    /// A regression of the effects that outcomes tell, on the columns.
    DrLinear(FittedRidge),
    /// One model of outcomes that sees the arm.
    S { outcomes: OutcomeModel, arm: usize },
    /// Two models of outcomes, one for each arm.
    T {
        treated: OutcomeModel,
        control: OutcomeModel,
        arm: usize,
    },
    /// Boosted trees of the effects that outcomes tell.
    DrTrees(FittedTrees),
}

/// The effect on one part of the outcome.
#[derive(Clone, Debug, PartialEq)]
struct PartEffect {
    /// What one of it counts in the outcome, times how far its own effects are shrunk.
    weight: f64,
    learner: EffectLearner,
}

impl Uplift {
    /// The arms but the control, in order.
    pub fn arms(&self) -> &[ArmUplift] {
        &self.arms
    }

    /// Puts the uplift of each arm but the control in `out`, in outcomes a row.
    ///
    /// # Panics
    /// When `cells` are fewer than training had, or `out` is not as long as there are such arms.
    pub fn uplift_into(&self, cells: &[f32], out: &mut [f64]) {
        assert_eq!(out.len(), self.arms.len(), "one place for each arm but the control");
        for (out, arm) in out.iter_mut().zip(&self.arms) {
            *out = arm.uplift(cells);
        }
    }
}

impl ArmUplift {
    /// The uplift expected of a customer with these cells.
    ///
    /// # Panics
    /// When `cells` are fewer than training had.
    pub fn uplift(&self, cells: &[f32]) -> f64 {
        let effect = |effect: &Effect| effect.slope * (effect.learner.raw(cells) - effect.center);
        self.level + self.effect.as_ref().map_or(0.0, effect)
    }
}

impl EffectLearner {
    /// What the learner says before it is shrunk.
    fn raw(&self, cells: &[f32]) -> f64 {
        let of_arms = |outcomes: &OutcomeModel, arm: usize| {
            let mut expected = vec![0.0; outcomes.n_arms()];
            outcomes.expected_into(cells, &mut Vec::new(), &mut expected);
            (expected[arm], expected[0])
        };
        match self {
            EffectLearner::Parts(parts) => parts.iter().map(|part| part.weight * part.learner.raw(cells)).sum(),
            EffectLearner::Odds {
                outcomes,
                shares,
                control,
                arm,
            } => {
                let mut expected = vec![0.0; outcomes.n_arms()];
                outcomes.expected_into(cells, &mut Vec::new(), &mut expected);
                moved(mixed(&expected, shares), control.amount(cells), arm.amount(cells))
            }
            EffectLearner::DrLinear(ridge) => ridge.amount(cells),
            EffectLearner::S { outcomes, arm } => {
                let (treated, control) = of_arms(outcomes, *arm);
                treated - control
            }
            EffectLearner::T { treated, control, arm } => of_arms(treated, *arm).0 - of_arms(control, *arm).1,
            EffectLearner::DrTrees(trees) => {
                let mut amount = [0.0];
                trees.predict_into(cells, &mut amount);
                amount[0]
            }
        }
    }
}

/// What is expected whichever arm is given.
fn mixed(expected: &[f64], shares: &[f64]) -> f64 {
    expected
        .iter()
        .zip(shares)
        .map(|(expected, share)| expected * share)
        .sum()
}

/// How far a probability whose log-odds were moved before rises when they are moved again.
fn moved(p: f64, before: f64, again: f64) -> f64 {
    let before = log_odds(p) + before;
    probability(before + again) - probability(before)
}
