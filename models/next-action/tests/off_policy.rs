//! Off-policy estimators against the package that defined their corner cases, and intervals against known truth.
#![allow(missing_docs, clippy::unwrap_used)]

use percorso_learners::Random;
use percorso_next_action::Interval;
use percorso_next_action::off_policy::{Estimator, Logged, Round, values};
use serde_json::Value;

/// Sums of 200 terms in another order than NumPy's differ by some last digits.
const TOLERANCE: f64 = 1e-9;

fn numbers(of: &Value) -> Vec<f64> {
    of.as_array()
        .unwrap()
        .iter()
        .map(|number| number.as_f64().unwrap())
        .collect()
}

/// The numbers of each action at a position, of an array of actions by positions.
fn at_position(of: &Value, position: usize) -> Vec<f64> {
    let actions = of.as_array().unwrap().iter();
    actions.map(|positions| positions[position].as_f64().unwrap()).collect()
}

fn rounds_of(fixture: &Value) -> Vec<Round> {
    let (reward, action) = (numbers(&fixture["reward"]), numbers(&fixture["action"]));
    let (propensity, position) = (numbers(&fixture["pscore"]), numbers(&fixture["position"]));
    let round = |at: usize| {
        let logged = Logged {
            cluster: at as u64,
            action: action[at] as usize,
            reward: reward[at],
            propensity: propensity[at],
        };
        let position = position[at] as usize;
        let pi = at_position(&fixture["action_dist"][at], position);
        let q = at_position(&fixture["estimated_rewards_by_reg_model"][at], position);
        Round::new(&logged, &pi, &q).unwrap()
    };
    (0..reward.len()).map(round).collect()
}

/// Reference: obp 0.4.1 by `off_policy/make.py`, at three positions.
#[test]
fn every_estimator_equals_the_reference() {
    let fixture: Value = serde_json::from_str(include_str!("off_policy/obp.json")).unwrap();
    let rounds = rounds_of(&fixture);
    let doubly_robust = values(&rounds, &[Estimator::DoublyRobust], &Interval::seeded(1))[0]
        .estimate
        .value;
    let mut n_compared = 0;
    for told in fixture["values"].as_array().unwrap() {
        let name = told["estimator"].as_str().unwrap();
        let setting = told["setting"].as_str().map_or(1.0, |text| text.parse().unwrap());
        let all = Estimator::all(setting, setting).unwrap();
        let estimator = all.iter().find(|estimator| estimator.name() == name).unwrap();
        let found = values(&rounds, &[*estimator], &Interval::seeded(1))[0].estimate.value;
        // Where the package divides infinity by itself, the limit is what is meant.
        let expected = told["value"].as_f64().unwrap_or(doubly_robust);
        assert!((found - expected).abs() < TOLERANCE, "{told}: {found}");
        n_compared += 1;
    }
    assert_eq!(n_compared, 13, "five estimators without a setting, two with four");
}

/// A market of two actions whose rewards and policies are known: mostly action 0 is taken, the target prefers action 1.
fn logged_rounds(seed: u64, n_rounds: usize) -> (Vec<Round>, f64) {
    let mut random = Random::stream(77, seed);
    let mut truth = 0.0;
    let rounds = (0..n_rounds).map(|at| {
        let x = random.uniform();
        let chance = [0.05 + 0.05 * x, 0.02 + 0.15 * x];
        let second = 0.1 + 0.2 * x;
        let pi = [1.0 - 0.8 * x, 0.8 * x];
        let action = usize::from(random.uniform() < second);
        let reward = f64::from(u8::from(random.uniform() < chance[action]));
        truth += pi[0] * chance[0] + pi[1] * chance[1];
        let logged = Logged {
            cluster: at as u64,
            action,
            reward,
            propensity: [1.0 - second, second][action],
        };
        Round::new(&logged, &pi, &[0.07, 0.09]).unwrap()
    });
    let rounds = rounds.collect();
    (rounds, truth / n_rounds as f64)
}

/// Of 200 intervals of 95 % at least 182 hold the truth, which fewer than one in 1,000 honest intervals would miss.
#[test]
fn intervals_hold_the_truth_as_often_as_they_say() {
    let estimators = Estimator::all(20.0, 100.0).unwrap();
    let mut n_held = [0; 7];
    for seed in 0..200 {
        let (rounds, truth) = logged_rounds(seed, 600);
        let interval = Interval {
            n_samples: 400,
            ..Interval::seeded(seed)
        };
        for (n_held, value) in n_held.iter_mut().zip(values(&rounds, &estimators, &interval)) {
            *n_held += usize::from(value.estimate.low <= truth && truth <= value.estimate.high);
        }
    }
    // The direct method is as good as the reward model alone; shrinkage trades bias for variance.
    for (estimator, n_held) in estimators.iter().zip(n_held) {
        let is_unbiased = !matches!(
            estimator,
            Estimator::DirectMethod | Estimator::OptimisticShrinkage { .. }
        );
        assert!(!is_unbiased || n_held >= 182, "{}: {n_held} of 200", estimator.name());
    }
}

#[test]
fn rounds_of_one_customer_are_one_draw() {
    let (rounds, _) = logged_rounds(1, 400);
    let alone = values(&rounds, &[Estimator::Ipw], &Interval::seeded(1))[0].estimate;
    let fourfold: Vec<Round> = rounds.iter().flat_map(|round| [*round; 4]).collect();
    let together = values(&fourfold, &[Estimator::Ipw], &Interval::seeded(1))[0].estimate;
    let ratio = (together.high - together.low) / (alone.high - alone.low);
    assert!(
        (ratio - 1.0).abs() < 1e-9,
        "four copies of a customer tell nothing new: {ratio}"
    );
    assert_eq!(
        values(&rounds, &[Estimator::Ipw], &Interval::seeded(1))[0].estimate,
        alone
    );
}

#[test]
fn where_nothing_was_earned_the_interval_does_not_claim_to_know() {
    let logged = Logged {
        cluster: 0,
        action: 0,
        reward: 1.0,
        propensity: 0.5,
    };
    let alone = Round::new(&logged, &[1.0, 0.0], &[0.0, 0.0]).unwrap();
    let value = values(&[alone], &[Estimator::Ipw], &Interval::seeded(1))[0].estimate;
    assert_eq!(value.value, 2.0);
    assert!(!value.low.is_finite() && !value.high.is_finite(), "{value:?}");
}
