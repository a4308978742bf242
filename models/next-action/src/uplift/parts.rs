//! Effects on what outcomes are a sum of, learnt apart and added: what shifts a risk is told in log-odds, what moves money
//! in money.

use percorso_learners::{FittedRidge, Ridge, ShiftFit};

use super::fit::{Judged, Kind, Told};
use super::{EffectLearner, PartEffect};
use crate::outcome::folds;
use crate::{OutcomeModel, Result, Trial};

/// The fewest rows in which a part of yes and no comes, and in which it does not, that tell of it.
const MIN_OF_EACH: usize = 100;

/// What is told of an outcome through its parts, and what was learnt of effects.
pub(super) struct Apart<'a> {
    /// What is told of the whole: what is told of the parts, weighted and added.
    pub(super) told: Told,
    parts: Vec<LearntPart<'a>>,
    /// For each arm but the control a regression of the effects on the whole, and what it says of customers left out.
    linear: Vec<(FittedRidge, Vec<f64>)>,
}

/// One part, and the simplest learner of effects on it.
struct LearntPart<'a> {
    weight: f64,
    trial: Trial<'a>,
    told: Told,
    learnt: Simplest,
    /// For each arm but the control.
    slopes: Vec<f64>,
}

/// For each arm but the control.
enum Simplest {
    /// Of yes and no: what is expected, and the lines that move its log-odds.
    Odds(Box<OutcomeModel>, Box<ShiftFit>),
    /// Of amounts: regressions, and what they say of customers left out.
    Linear(Vec<(FittedRidge, Vec<f64>)>),
}

impl<'a> Apart<'a> {
    /// What is learnt of the parts; `None` where outcomes have none, or one comes or fails to come too seldom to tell.
    pub(super) fn of(trial: &Trial<'a>, seed: u64) -> Result<Option<Apart<'a>>> {
        let mut of_parts = Vec::new();
        for part in trial.parts().iter().filter(|part| part.weight != 0.0) {
            let of_part = trial.of_part(part)?;
            let n_came = part.outcome.iter().filter(|outcome| **outcome != 0.0).count();
            let n_not = part.outcome.len() - n_came;
            if n_came < MIN_OF_EACH || (of_part.is_of_yes_and_no() && n_not < MIN_OF_EACH) {
                return Ok(None);
            }
            of_parts.push((part.weight, of_part, Told::of(&of_part, seed)?));
        }
        if of_parts.is_empty() {
            return Ok(None);
        }
        let told = Told::added(of_parts.iter().map(|(weight, _, told)| (*weight, told)));
        // All regressions are on the same columns, so they are fitted together.
        let amounts = of_parts.iter().filter(|(_, trial, _)| !trial.is_of_yes_and_no());
        let targets = told
            .effects
            .iter()
            .chain(amounts.flat_map(|(_, _, told)| &told.effects));
        let targets: Vec<&[f64]> = targets.map(Vec::as_slice).collect();
        let customers = trial.given().customers;
        let fitted = Ridge::default().fit(trial.x(), trial.columns(), &targets, customers, seed)?;
        let mut fitted = fitted.into_iter();
        let linear: Vec<_> = fitted.by_ref().take(told.effects.len()).collect();
        let fold_of = folds(customers, seed);
        let mut parts = Vec::with_capacity(of_parts.len());
        for (weight, trial, told) in of_parts {
            let learnt = if trial.is_of_yes_and_no() {
                let all: Vec<usize> = (0..trial.n_rows()).collect();
                Simplest::Odds(
                    Box::new(OutcomeModel::fit(&trial, &all, seed)?),
                    Box::new(told.shifts(&trial, seed)?),
                )
            } else {
                Simplest::Linear(fitted.by_ref().take(told.effects.len()).collect())
            };
            let mut part = LearntPart {
                weight,
                trial,
                told,
                learnt,
                slopes: Vec::new(),
            };
            let slope = |(at, told): (usize, &Vec<f64>)| part.slope(at, told, &fold_of);
            part.slopes = part.told.effects.iter().enumerate().map(slope).collect();
            parts.push(part);
        }
        Ok(Some(Apart { told, parts, linear }))
    }

    /// How well the effects of an arm are told apart and added, and by one regression of the whole.
    pub(super) fn judged(&self, at: usize, fold_of: &[usize]) -> Vec<(&'static str, Judged)> {
        let effects = &self.told.effects[at];
        let mut added = vec![0.0; effects.len()];
        for part in self.parts.iter().filter(|part| part.slopes[at] > 0.0) {
            let sums = added.iter_mut().zip(part.said(at));
            sums.for_each(|(sum, said)| *sum += part.weight * part.slopes[at] * said);
        }
        // Each part is shrunk by its own slope already.
        let slope = f64::from(u8::from(self.parts.iter().any(|part| part.slopes[at] > 0.0)));
        vec![
            ("parts", Judged::at_slope(slope, &added, effects, fold_of)),
            (
                "dr-linear",
                Judged::of(
                    &self.linear[at].1,
                    effects,
                    self.parts[0].trial.given().customers,
                    fold_of,
                ),
            ),
        ]
    }

    /// The learner of that kind of an arm's effects; `None` for one that does not learn from parts.
    pub(super) fn learner(&self, at: usize, kind: Kind) -> Option<EffectLearner> {
        match kind {
            Kind::Parts => {
                let told_apart = self.parts.iter().filter(|part| part.slopes[at] > 0.0);
                Some(EffectLearner::Parts(told_apart.map(|part| part.effect(at)).collect()))
            }
            Kind::DrLinear => Some(EffectLearner::DrLinear(self.linear[at].0.clone())),
            Kind::Odds | Kind::S | Kind::T | Kind::DrTrees => None,
        }
    }
}

impl LearntPart<'_> {
    /// What is said of an arm's effect on each row when its customer is left out.
    fn said(&self, at: usize) -> Vec<f64> {
        match &self.learnt {
            Simplest::Odds(_, shifts) => self.told.odds_left_out(&self.trial, at, shifts),
            Simplest::Linear(linear) => linear[at].1.clone(),
        }
    }

    /// How far effects differ for every unit that they are said to.
    ///
    /// Lines of log-odds have found by customers left out how far to go, of outcomes themselves, which tell more than the
    /// effects that they tell of; money is so loud that who is told apart by it has to be so for sure.
    fn slope(&self, at: usize, told: &[f64], fold_of: &[usize]) -> f64 {
        match &self.learnt {
            Simplest::Odds(..) => 1.0,
            Simplest::Linear(linear) => {
                let judged = Judged::of(&linear[at].1, told, self.trial.given().customers, fold_of);
                if judged.is_sure { judged.slope } else { 0.0 }
            }
        }
    }

    fn effect(&self, at: usize) -> PartEffect {
        PartEffect {
            weight: self.weight * self.slopes[at],
            learner: match &self.learnt {
                Simplest::Odds(outcomes, shifts) => self.told.odds(outcomes, at, shifts),
                Simplest::Linear(linear) => EffectLearner::DrLinear(linear[at].0.clone()),
            },
        }
    }
}
