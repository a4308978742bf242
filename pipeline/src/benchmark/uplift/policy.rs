//! What would giving each customer the arm that helps them most have earned?

use percorso_next_action::{Estimate, Interval, mean};

use super::Test;

/// What a policy earned in one split, a row: by inverse propensities, unbiased in a randomised test.
#[derive(Clone, Debug)]
pub struct PolicyFound {
    /// The split.
    pub split: String,
    /// Its name: `best arm for each`, or the arm that all are given.
    pub policy: String,
    /// The mean outcome of a row.
    pub value: Estimate,
    /// The mean difference of the best arm for each from it.
    pub best_for_each_less_this: Estimate,
}

/// The policy that gives each row the arm of the highest predicted uplift above 0, beside the same arm for all.
pub(super) fn found(test: &Test, split: &str, said: &[Vec<f64>], asked: &[usize], seed: u64) -> Vec<PolicyFound> {
    let customers: Vec<u64> = asked.iter().map(|row| test.rows[*row]).collect();
    let best = |row: usize| {
        let mut best = (0, 0.0);
        for (arm, said) in (1..).zip(said) {
            if said[row] > best.1 {
                best = (arm, said[row]);
            }
        }
        best.0
    };
    let earned = |arm_of: &dyn Fn(usize) -> u32| -> Vec<f64> {
        let of_row = |&row: &usize| {
            let is_given = test.arm[row] == arm_of(row);
            if is_given {
                test.outcome[row] / test.propensity[row]
            } else {
                0.0
            }
        };
        asked.iter().map(of_row).collect()
    };
    let of_best = earned(&best);
    let interval = Interval::seeded(seed);
    let tell = |policy: &str, earned: Vec<f64>| {
        let less: Vec<f64> = of_best
            .iter()
            .zip(&earned)
            .map(|(best, earned)| best - earned)
            .collect();
        PolicyFound {
            split: split.to_owned(),
            policy: policy.to_owned(),
            value: mean(&earned, &customers, &interval),
            best_for_each_less_this: mean(&less, &customers, &interval),
        }
    };
    let same = (0..).zip(&test.names).map(|(arm, name)| tell(name, earned(&|_| arm)));
    std::iter::once(tell("best arm for each", of_best.clone()))
        .chain(same)
        .collect()
}
