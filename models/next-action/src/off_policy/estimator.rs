//! The estimators of a policy's value, each a formula over rounds.

use super::Round;
use crate::interval::Terms;

/// An estimator of the mean reward of a target policy; names, formulas and corner cases as in Open Bandit Pipeline 0.4.1
/// (Saito, Aihara, Matsutani, Narita 2021, "Open Bandit Dataset and Pipeline").
///
/// With `w = π(a) / p` the weight of a round, `q(a)` what the reward model says of the logged action and `q(π)` its mean
/// under the target, all means over rounds:
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Estimator {
    /// `dm`: mean of `q(π)`. As good as the reward model, whatever was logged
    /// (Beygelzimer and Langford 2009, "The offset tree for learning with partial labels").
    DirectMethod,
    /// `ipw`: mean of `w r`. Unbiased where propensities are right and every action of the target was taken
    /// (Strehl et al. 2010, "Learning from logged implicit exploration data").
    Ipw,
    /// `snipw`: mean of `w r` over mean of `w`. Bounded by the rewards, a little biased
    /// (Swaminathan and Joachims 2015, "The self-normalized estimator for counterfactual learning").
    SelfNormalisedIpw,
    /// `dr`: mean of `q(π) + w (r − q(a))`. Right when propensities or the reward model are
    /// (Dudík et al. 2014, "Doubly robust policy evaluation and optimization").
    DoublyRobust,
    /// `sndr`: mean of `q(π)`, and mean of `w (r − q(a))` over mean of `w`
    /// (Kallus and Uehara 2019, "Intrinsically efficient, stable, and bounded off-policy evaluation").
    SelfNormalisedDoublyRobust,
    /// `switch-dr`: as `dr` where `w ≤ τ`, as `dm` elsewhere
    /// (Wang, Agarwal, Dudík 2017, "Optimal and adaptive off-policy evaluation in contextual bandits").
    SwitchDoublyRobust {
        /// The largest weight that is used, from 0 on; infinity gives `dr`.
        tau: f64,
    },
    /// `dr-os`: as `dr` with `λ w / (w² + λ)` for `w`
    /// (Su et al. 2020, "Doubly robust off-policy evaluation with shrinkage").
    ///
    /// λ of 0 gives `dm`, infinity gives `dr`: there the package divides infinity by itself.
    OptimisticShrinkage {
        /// How little weights are shrunk, from 0 on.
        lambda: f64,
    },
}

/// A setting of an estimator that it cannot have.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{setting} is {found}, expected a number from 0 on, or inf")]
pub struct EstimatorError {
    /// Which.
    pub setting: &'static str,
    /// What was given.
    pub found: f64,
}

impl Estimator {
    /// Every estimator, in the order in which they are told.
    ///
    /// # Errors
    /// - `tau` or `lambda` is negative or not a number
    pub fn all(tau: f64, lambda: f64) -> Result<[Estimator; 7], EstimatorError> {
        for (setting, found) in [("tau", tau), ("lambda", lambda)] {
            if found.is_nan() || found < 0.0 {
                return Err(EstimatorError { setting, found });
            }
        }
        Ok([
            Estimator::DirectMethod,
            Estimator::Ipw,
            Estimator::SelfNormalisedIpw,
            Estimator::DoublyRobust,
            Estimator::SelfNormalisedDoublyRobust,
            Estimator::SwitchDoublyRobust { tau },
            Estimator::OptimisticShrinkage { lambda },
        ])
    }

    /// Its short name in the field.
    pub const fn name(&self) -> &'static str {
        match self {
            Estimator::DirectMethod => "dm",
            Estimator::Ipw => "ipw",
            Estimator::SelfNormalisedIpw => "snipw",
            Estimator::DoublyRobust => "dr",
            Estimator::SelfNormalisedDoublyRobust => "sndr",
            Estimator::SwitchDoublyRobust { .. } => "switch-dr",
            Estimator::OptimisticShrinkage { .. } => "dr-os",
        }
    }

    pub(super) fn terms(&self, round: &Round) -> Terms {
        let Round {
            reward,
            weight,
            q_logged,
            q_target,
            ..
        } = *round;
        let missed = reward - q_logged;
        let (base, correction, norm) = match *self {
            Estimator::DirectMethod => (q_target, 0.0, 1.0),
            Estimator::Ipw => (0.0, weight * reward, 1.0),
            Estimator::SelfNormalisedIpw => (0.0, weight * reward, weight),
            Estimator::DoublyRobust => (q_target, weight * missed, 1.0),
            Estimator::SelfNormalisedDoublyRobust => (q_target, weight * missed, weight),
            Estimator::SwitchDoublyRobust { tau } if weight <= tau => (q_target, weight * missed, 1.0),
            Estimator::SwitchDoublyRobust { .. } => (q_target, 0.0, 1.0),
            Estimator::OptimisticShrinkage { lambda } => (q_target, shrunk(weight, lambda) * missed, 1.0),
        };
        Terms { base, correction, norm }
    }
}

/// `λ w / (w² + λ)`, at its limits too.
fn shrunk(weight: f64, lambda: f64) -> f64 {
    if lambda.is_infinite() {
        return weight;
    }
    if weight == 0.0 {
        return 0.0;
    }
    lambda * weight / (weight * weight + lambda)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shrinkage_has_its_limits() {
        assert_eq!(
            [
                shrunk(2.0, 0.0),
                shrunk(2.0, 4.0),
                shrunk(2.0, f64::INFINITY),
                shrunk(0.0, 0.0)
            ],
            [0.0, 1.0, 2.0, 0.0]
        );
    }

    #[test]
    fn settings_below_zero_are_refused() {
        let error = Estimator::all(-1.0, 0.0).unwrap_err();
        assert_eq!(error.to_string(), "tau is -1, expected a number from 0 on, or inf");
        assert!(Estimator::all(1.0, f64::NAN).is_err());
        assert!(Estimator::all(f64::INFINITY, f64::INFINITY).is_ok());
    }
}
