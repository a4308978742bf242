//! Can the log tell? How much of a target policy the log has tried.

use std::collections::BTreeMap;

use super::Round;
use crate::interval::{Interval, mean};

/// Fewer rounds than this, as an even log would have them, tell nothing of a policy.
pub const MIN_ESS: f64 = 200.0;
/// The largest share of a target's probability that may lie on actions which the log never took.
pub const MAX_UNLOGGED_MASS: f64 = 0.01;
/// Weights are told apart by these powers of two, and 0 by itself.
const BINS: std::ops::RangeInclusive<i32> = -6..=6;

/// How much of a target policy the log has tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Support {
    /// Logged decisions.
    pub n_rounds: usize,
    /// How many rounds of an even log tell as much: (Σw)² / Σw² (Kish 1965).
    pub ess: f64,
    /// The mean weight; 1 but for chance when the log could do all that the target would.
    pub mean_weight: f64,
    /// The lower and upper end of the mean weight's interval.
    pub mean_weight_ends: [f64; 2],
    /// The largest weight.
    pub max_weight: f64,
    /// The share of the target's probability on actions that the log never took where it could have.
    pub unlogged_mass: f64,
    /// Rounds by weight.
    pub overlap: Vec<OverlapBin>,
}

/// Rounds whose weights lie in `[from, to)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OverlapBin {
    /// The smallest weight of the bin.
    pub from: f64,
    /// Below which they lie.
    pub to: f64,
    /// How many rounds.
    pub n_rounds: usize,
    /// Their share of all weight.
    pub weight_share: f64,
}

/// Why a log tells too little of a target policy.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Thin {
    /// Few rounds carry all the weight.
    #[error("the log tells as much as {ess:.0} rounds of the target policy would, at least {MIN_ESS} are asked for")]
    FewRounds {
        /// The effective sample size.
        ess: f64,
    },
    /// Actions that were never taken.
    #[error(
        "{:.1} % of what the target policy would do was never done in the log, {:.0} % are allowed",
        100.0 * share,
        100.0 * MAX_UNLOGGED_MASS
    )]
    Unlogged {
        /// The share of the target's probability.
        share: f64,
    },
    /// The weights do not average 1.
    #[error(
        "weights average at most {high:.3}, expected 1: the log could not do all that the target policy would, or its \
         propensities are not those it had"
    )]
    WeightsBelowOne {
        /// The upper end of the mean weight's interval.
        high: f64,
    },
    /// Propensities are not known.
    #[error(
        "{n} of {n_rounds} propensities were estimated: whatever decided and is in no column cannot be told from what the \
         action did"
    )]
    Estimated {
        /// How many were.
        n: usize,
        /// Of how many.
        n_rounds: usize,
    },
    /// The weights average more than they can.
    #[error("weights average at least {low:.3}, expected 1: its propensities are not those it had")]
    WeightsAboveOne {
        /// The lower end of the mean weight's interval.
        low: f64,
    },
}

impl Thin {
    /// The reason that so many propensities are when they were estimated; none when all were logged.
    pub fn estimated(n: usize, n_rounds: usize) -> Option<Thin> {
        (n > 0).then_some(Thin::Estimated { n, n_rounds })
    }
}

/// What was taken, and what the target would take, by position and action.
#[derive(Clone, Debug, Default)]
pub struct SupportCounts {
    n_rounds: usize,
    by_action: BTreeMap<(usize, usize), (usize, f64)>,
}

impl SupportCounts {
    /// Adds a logged decision at a position (0 where there are none), with each action's probability under the target.
    pub fn add(&mut self, position: usize, action: usize, pi: &[f64]) {
        self.n_rounds += 1;
        for (other, p) in pi.iter().enumerate() {
            let (n_taken, mass) = self.by_action.entry((position, other)).or_default();
            *n_taken += usize::from(other == action);
            *mass += p;
        }
    }

    fn unlogged_mass(&self) -> f64 {
        let never = self.by_action.values().filter(|(n_taken, _)| *n_taken == 0);
        // Added to 0, since an empty sum of floats is −0.
        never.fold(0.0, |sum, (_, mass)| sum + mass) / self.n_rounds as f64
    }
}

impl Support {
    /// Of all rounds of a log, with what was taken in them.
    ///
    /// # Panics
    /// When there is no round.
    pub fn of(rounds: &[Round], counts: &SupportCounts, interval: &Interval) -> Support {
        let (mut sum, mut squares, mut max_weight) = (0.0, 0.0, 0.0_f64);
        for round in rounds {
            sum += round.weight;
            squares += round.weight * round.weight;
            max_weight = max_weight.max(round.weight);
        }
        let weights: Vec<f64> = rounds.iter().map(|round| round.weight).collect();
        let clusters: Vec<u64> = rounds.iter().map(|round| round.cluster).collect();
        let weight = mean(&weights, &clusters, interval);
        Support {
            n_rounds: rounds.len(),
            ess: if squares > 0.0 { sum * sum / squares } else { 0.0 },
            mean_weight: weight.value,
            mean_weight_ends: [weight.low, weight.high],
            max_weight,
            unlogged_mass: counts.unlogged_mass(),
            overlap: overlap(rounds, sum),
        }
    }

    /// Every reason why the log tells too little of the target; none when it tells enough.
    pub fn thin(&self) -> Vec<Thin> {
        let few = (self.ess < MIN_ESS).then_some(Thin::FewRounds { ess: self.ess });
        let unlogged = (self.unlogged_mass > MAX_UNLOGGED_MASS).then_some(Thin::Unlogged {
            share: self.unlogged_mass,
        });
        let [low, high] = self.mean_weight_ends;
        let below = (high < 1.0 - MAX_UNLOGGED_MASS).then_some(Thin::WeightsBelowOne { high });
        let above = (low > 1.0 + MAX_UNLOGGED_MASS).then_some(Thin::WeightsAboveOne { low });
        [few, unlogged, below, above].into_iter().flatten().collect()
    }
}

fn overlap(rounds: &[Round], all_weight: f64) -> Vec<OverlapBin> {
    let power = |at: i32| f64::from(2.0_f32.powi(at));
    let ends: Vec<f64> = [0.0, f64::MIN_POSITIVE]
        .into_iter()
        .chain(BINS.map(power))
        .chain([f64::INFINITY])
        .collect();
    let mut bins: Vec<OverlapBin> = ends
        .windows(2)
        .map(|ends| OverlapBin {
            from: ends[0],
            to: ends[1],
            n_rounds: 0,
            weight_share: 0.0,
        })
        .collect();
    for round in rounds {
        let at = bins.partition_point(|bin| bin.to <= round.weight);
        bins[at].n_rounds += 1;
        bins[at].weight_share += round.weight / all_weight;
    }
    bins
}

#[cfg(test)]
mod tests {
    use super::super::Logged;
    use super::*;

    /// A log in which action `n` of `actions` is taken `times[n]` times, each with the propensity that this suggests.
    fn support(times: &[usize], pi: &[f64]) -> Support {
        let n_rounds: usize = times.iter().sum();
        let mut counts = SupportCounts::default();
        let mut rounds = Vec::new();
        for (action, &times) in times.iter().enumerate() {
            for _ in 0..times {
                let logged = Logged {
                    cluster: rounds.len() as u64,
                    action,
                    reward: 0.0,
                    propensity: times as f64 / n_rounds as f64,
                };
                counts.add(0, action, pi);
                rounds.push(Round::new(&logged, pi, &vec![0.0; pi.len()]).unwrap());
            }
        }
        Support::of(&rounds, &counts, &Interval::seeded(1))
    }

    #[test]
    fn a_target_that_is_the_log_has_all_of_it() {
        let support = support(&[600, 400], &[0.6, 0.4]);
        assert!((support.ess - 1_000.0).abs() < 1e-6 && (support.mean_weight - 1.0).abs() < 1e-12);
        assert_eq!(support.thin(), []);
        let bins = support.overlap.iter().filter(|bin| bin.n_rounds > 0).count();
        assert!(bins <= 2, "weights of 1 lie on one side of 1 or the other");
    }

    #[test]
    fn a_target_that_was_seldom_done_is_thin() {
        let support = support(&[2_990, 10], &[0.0, 1.0]);
        assert!((support.ess - 10.0).abs() < 1e-9);
        assert!(matches!(support.thin()[..], [Thin::FewRounds { .. }]));
    }

    #[test]
    fn what_was_never_done_is_thin_and_shows_in_the_weights() {
        let support = support(&[500, 500, 0], &[0.45, 0.45, 0.1]);
        assert!((support.unlogged_mass - 0.1).abs() < 1e-12);
        let thin = support.thin();
        assert!(
            matches!(thin[..], [Thin::Unlogged { .. }, Thin::WeightsBelowOne { .. }]),
            "{thin:?}"
        );
        assert_eq!(
            thin[0].to_string(),
            "10.0 % of what the target policy would do was never done in the log, 1 % are allowed"
        );
    }

    #[test]
    fn an_action_at_a_place_where_it_was_never_shown_is_not_logged() {
        let mut counts = SupportCounts::default();
        counts.add(0, 0, &[0.5, 0.5]);
        counts.add(1, 1, &[0.5, 0.5]);
        assert_eq!(counts.unlogged_mass(), 0.5);
    }
}
