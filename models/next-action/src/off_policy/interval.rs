//! How sure an estimate is: the studentised bootstrap over clusters of rounds.

use std::collections::BTreeMap;

use percorso_learners::Random;
use rayon::prelude::*;

use super::estimator::Terms;
use super::{Estimator, Round};

/// Clusters beyond this many are resampled in blocks of several.
const MAX_CLUSTERS: usize = 20_000;

/// Settings of an interval.
///
/// Clusters are drawn with replacement, and what is compared with the estimate in each resample is the difference in its
/// own standard errors (the bootstrap-t of Efron 1981; Hall 1988, "Theoretical comparison of bootstrap confidence
/// intervals"): the few large weights that make a policy's value skewed also make its error large.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// How often to resample.
    pub n_samples: usize,
    /// The share of times that the truth should lie between the ends, between 0 and 1.
    pub level: f64,
    /// The seed of all draws.
    pub seed: u64,
}

impl Interval {
    /// 1,000 resamples and 95 % between the ends.
    pub const fn seeded(seed: u64) -> Interval {
        Interval {
            n_samples: 1_000,
            level: 0.95,
            seed,
        }
    }
}

/// What a policy is worth by one estimator.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PolicyValue {
    /// By which.
    pub estimator: Estimator,
    /// The mean reward of a round; NaN where no round has weight and the estimator divides by it.
    pub value: f64,
    /// The lower end of its interval; infinite where the rounds cannot tell.
    pub low: f64,
    /// The upper end of its interval; infinite where the rounds cannot tell.
    pub high: f64,
}

/// What the target policy of these rounds is worth by each estimator.
///
/// All estimators are asked on the same resamples, so their intervals may be compared.
///
/// # Panics
/// When there is no round.
pub fn values(rounds: &[Round], estimators: &[Estimator], interval: &Interval) -> Vec<PolicyValue> {
    assert!(!rounds.is_empty(), "a policy is judged by at least one round");
    let (of_round, n_clusters) = clusters(rounds);
    let sums: Vec<Vec<Sums>> = estimators
        .iter()
        .map(|estimator| {
            let mut sums = vec![Sums::default(); n_clusters];
            for (round, cluster) in rounds.iter().zip(&of_round) {
                sums[*cluster as usize].add(estimator.terms(round));
            }
            sums
        })
        .collect();
    let once = vec![1; n_clusters];
    let wholes: Vec<Estimate> = sums.iter().map(|sums| Estimate::of(sums, &once)).collect();
    let resampled: Vec<Vec<f64>> = (0..interval.n_samples as u64)
        .into_par_iter()
        .map(|sample| {
            let times = drawn(n_clusters, &mut Random::stream(interval.seed, sample));
            let pairs = sums.iter().zip(&wholes);
            pairs
                .map(|(sums, whole)| Estimate::of(sums, &times).errors_from(whole))
                .collect()
        })
        .collect();
    let tell = |(at, estimator): (usize, &Estimator)| {
        let whole = wholes[at];
        let mut errors: Vec<f64> = resampled.iter().map(|sample| sample[at]).collect();
        errors.retain(|error| !error.is_nan());
        errors.sort_unstable_by(f64::total_cmp);
        let tail = 0.5 * (1.0 - interval.level);
        PolicyValue {
            estimator: *estimator,
            value: whole.value,
            low: whole.value - scaled(at_rank(&errors, 1.0 - tail, f64::ceil), whole.error),
            high: whole.value - scaled(at_rank(&errors, tail, f64::floor), whole.error),
        }
    };
    estimators.iter().enumerate().map(tell).collect()
}

/// A number of standard errors; none of an error of 0, also when the number is endless.
fn scaled(errors: f64, error: f64) -> f64 {
    if error == 0.0 { 0.0 } else { errors * error }
}

/// The number at a share of the sorted ones, the next one out when it lies between two; infinite when there is none.
fn at_rank(sorted: &[f64], share: f64, outwards: fn(f64) -> f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::INFINITY;
    };
    sorted[outwards(share * last as f64) as usize]
}

/// A number for each round's cluster, in order of first appearance, and how many there are.
fn clusters(rounds: &[Round]) -> (Vec<u32>, usize) {
    let mut number_of = BTreeMap::new();
    let mut of_round: Vec<u32> = Vec::with_capacity(rounds.len());
    for round in rounds {
        let next = number_of.len() as u32;
        of_round.push(*number_of.entry(round.cluster).or_insert(next));
    }
    let n_clusters = number_of.len();
    let per_block = n_clusters.div_ceil(MAX_CLUSTERS) as u32;
    of_round.iter_mut().for_each(|cluster| *cluster /= per_block);
    (of_round, n_clusters.div_ceil(per_block as usize))
}

/// How often each cluster is drawn in one resample.
fn drawn(n: usize, random: &mut Random) -> Vec<u32> {
    let mut times = vec![0; n];
    for _ in 0..n {
        times[random.below(n)] += 1;
    }
    times
}

/// A cluster's terms added up.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    n_rounds: f64,
    base: f64,
    correction: f64,
    norm: f64,
}

impl Sums {
    fn add(&mut self, terms: Terms) {
        self.n_rounds += 1.0;
        self.base += terms.base;
        self.correction += terms.correction;
        self.norm += terms.norm;
    }
}

/// An estimate with its standard error, by the linear terms of the two ratios it is made of (the delta method).
#[derive(Clone, Copy, Debug)]
struct Estimate {
    value: f64,
    error: f64,
}

impl Estimate {
    /// Of clusters, each as often as `times` says.
    fn of(sums: &[Sums], times: &[u32]) -> Estimate {
        let mut total = Sums::default();
        for (sums, &times) in sums.iter().zip(times) {
            let times = f64::from(times);
            total.n_rounds += times * sums.n_rounds;
            total.base += times * sums.base;
            total.correction += times * sums.correction;
            total.norm += times * sums.norm;
        }
        let base = total.base / total.n_rounds;
        let correction = total.correction / total.norm;
        let mut squares = 0.0;
        for (sums, &times) in sums.iter().zip(times) {
            let residual = (sums.base - sums.n_rounds * base) / total.n_rounds
                + (sums.correction - sums.norm * correction) / total.norm;
            squares += f64::from(times) * residual * residual;
        }
        let n_clusters = sums.len() as f64;
        Estimate {
            value: base + correction,
            error: (squares * n_clusters / (n_clusters - 1.0)).sqrt(),
        }
    }

    /// How many of its own standard errors it lies above another.
    fn errors_from(&self, whole: &Estimate) -> f64 {
        let difference = self.value - whole.value;
        if difference == 0.0 { 0.0 } else { difference / self.error }
    }
}
