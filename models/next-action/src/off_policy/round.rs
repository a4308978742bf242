//! One logged decision as a target policy sees it.

/// How far a target's probabilities may sum from 1.
const SUM_TOLERANCE: f64 = 1e-5;

/// One logged decision: what was done, and what came of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Logged {
    /// Decisions of one cluster, such as of one customer, are alike; intervals resample clusters.
    pub cluster: u64,
    /// Position of the action that was taken.
    pub action: usize,
    /// What came of it.
    pub reward: f64,
    /// How likely the action was when it was taken, above 0 and at most 1.
    pub propensity: f64,
}

/// All that estimators need of a logged decision under a target policy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Round {
    pub(super) cluster: u64,
    pub(super) reward: f64,
    /// π(a) / p: how much likelier the target makes what was done.
    pub(super) weight: f64,
    /// What the reward model says of what was done.
    pub(super) q_logged: f64,
    /// What it says of the target: the mean of `q` under π.
    pub(super) q_target: f64,
}

/// Why a logged decision says nothing about a target policy.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum RoundError {
    /// The action is none of the target's.
    #[error("action is {found}, expected a position below {n_actions}, the length of `pi`")]
    Action {
        /// The action logged.
        found: usize,
        /// How many actions the target knows.
        n_actions: usize,
    },
    /// The reward is not a finite number.
    #[error("reward is {found}, expected a finite number")]
    Reward {
        /// What was logged.
        found: f64,
    },
    /// The propensity is not that of something that happened.
    #[error("propensity is {found}, expected a probability above 0 and at most 1")]
    Propensity {
        /// What was logged.
        found: f64,
    },
    /// A probability of the target is none.
    #[error("pi[{action}] is {found}, expected a probability from 0 to 1")]
    Target {
        /// Of which action.
        action: usize,
        /// What it is.
        found: f64,
    },
    /// The target's probabilities do not sum to 1.
    #[error("pi sums to {found}, expected 1 within {SUM_TOLERANCE}")]
    TargetSum {
        /// What they sum to.
        found: f64,
    },
    /// The reward model does not say something of each action.
    #[error("q has {found} numbers, expected {n_actions}, the length of `pi`")]
    RewardModelLength {
        /// How many numbers there are.
        found: usize,
        /// How many actions the target knows.
        n_actions: usize,
    },
    /// What the reward model says is not a finite number.
    #[error("q[{action}] is {found}, expected a finite number")]
    RewardModel {
        /// Of which action.
        action: usize,
        /// What it says.
        found: f64,
    },
}

impl RoundError {
    /// True when it is the target's probabilities that are wrong, false when it is what was logged.
    pub const fn is_about_the_target(&self) -> bool {
        matches!(self, RoundError::Target { .. } | RoundError::TargetSum { .. })
    }
}

impl Round {
    /// The decision under a target: `pi` holds the probability of each action under it, `q` the reward expected of each.
    ///
    /// # Errors
    /// - the action is no position of `pi`, the reward is not finite, the propensity is not above 0 and at most 1
    /// - `pi` holds anything but probabilities that sum to 1 within 1e-5
    /// - `q` is of another length, or not finite
    pub fn new(logged: &Logged, pi: &[f64], q: &[f64]) -> Result<Round, RoundError> {
        let Logged {
            cluster,
            action,
            reward,
            propensity,
        } = *logged;
        let n_actions = pi.len();
        if action >= n_actions {
            return Err(RoundError::Action {
                found: action,
                n_actions,
            });
        }
        if !reward.is_finite() {
            return Err(RoundError::Reward { found: reward });
        }
        if !(propensity > 0.0 && propensity <= 1.0) {
            return Err(RoundError::Propensity { found: propensity });
        }
        if q.len() != n_actions {
            return Err(RoundError::RewardModelLength {
                found: q.len(),
                n_actions,
            });
        }
        let (mut mass, mut expected) = (0.0, 0.0);
        for (action, (&p, &reward)) in pi.iter().zip(q).enumerate() {
            if !(0.0..=1.0 + SUM_TOLERANCE).contains(&p) {
                return Err(RoundError::Target { action, found: p });
            }
            if !reward.is_finite() {
                return Err(RoundError::RewardModel { action, found: reward });
            }
            mass += p;
            expected += p * reward;
        }
        if (mass - 1.0).abs() > SUM_TOLERANCE {
            return Err(RoundError::TargetSum { found: mass });
        }
        Ok(Round {
            cluster,
            reward,
            weight: pi[action] / propensity,
            q_logged: q[action],
            q_target: expected / mass,
        })
    }

    /// How much likelier the target makes what was done.
    pub const fn weight(&self) -> f64 {
        self.weight
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGGED: Logged = Logged {
        cluster: 7,
        action: 1,
        reward: 2.0,
        propensity: 0.25,
    };

    #[test]
    fn a_round_is_the_weight_and_what_the_reward_model_says() {
        let round = Round::new(&LOGGED, &[0.5, 0.5], &[1.0, 3.0]).unwrap();
        assert_eq!((round.weight(), round.q_logged, round.q_target), (2.0, 3.0, 2.0));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let wrong = |change: fn(&mut Logged), pi: &[f64], q: &[f64]| {
            let mut logged = LOGGED;
            change(&mut logged);
            Round::new(&logged, pi, q).unwrap_err().to_string()
        };
        let (pi, q) = ([0.5, 0.5], [0.0, 0.0]);
        assert_eq!(
            wrong(|logged| logged.action = 2, &pi, &q),
            "action is 2, expected a position below 2, the length of `pi`"
        );
        assert_eq!(
            wrong(|logged| logged.propensity = 0.0, &pi, &q),
            "propensity is 0, expected a probability above 0 and at most 1"
        );
        assert_eq!(
            wrong(|logged| logged.reward = f64::NAN, &pi, &q),
            "reward is NaN, expected a finite number"
        );
        assert_eq!(
            wrong(|_| (), &[0.5, 0.4], &q),
            "pi sums to 0.9, expected 1 within 0.00001"
        );
        assert_eq!(
            wrong(|_| (), &[-0.5, 1.5], &q),
            "pi[0] is -0.5, expected a probability from 0 to 1"
        );
        assert_eq!(
            wrong(|_| (), &pi, &[0.0]),
            "q has 1 numbers, expected 2, the length of `pi`"
        );
        assert_eq!(
            wrong(|_| (), &pi, &[0.0, f64::INFINITY]),
            "q[1] is inf, expected a finite number"
        );
    }
}
