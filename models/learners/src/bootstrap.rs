//! How sure a measure is: resampling customers, since rows of one customer are alike.

use crate::random::Random;
use crate::training_set::check_length;
use crate::{Error, Result, setting};

/// Settings of a bootstrap (Efron 1979) that draws whole customers with replacement (Field and Welsh 2007).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bootstrap {
    /// How often to resample.
    pub n_samples: usize,
    /// The share of resamples between the ends of an interval, between 0 and 1.
    pub level: f64,
    /// The seed of all draws.
    pub seed: u64,
}

impl Bootstrap {
    /// 200 resamples and 95 % between the ends.
    pub fn seeded(seed: u64) -> Bootstrap {
        Bootstrap {
            n_samples: 200,
            level: 0.95,
            seed,
        }
    }

    pub(crate) fn check(&self) -> Result<()> {
        setting::at_least_one("n_samples", self.n_samples)?;
        let is_within = self.level > 0.0 && self.level < 1.0;
        setting::check("level", is_within, "between 0 and 1", self.level)
    }

    /// The ends of the interval in values that need not be sorted; NaN when there is none.
    pub(crate) fn ends(&self, mut values: Vec<f64>) -> (f64, f64) {
        values.sort_unstable_by(f64::total_cmp);
        let tail = 0.5 * (1.0 - self.level);
        (quantile(&values, tail), quantile(&values, 1.0 - tail))
    }
}

/// The quantile of sorted values, between neighbours by their distance (type 7 of Hyndman and Fan 1996, as in NumPy).
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    if sorted.is_empty() {
        return f64::NAN;
    }
    let position = share * (sorted.len() - 1) as f64;
    let low = position.floor() as usize;
    let high = (low + 1).min(sorted.len() - 1);
    sorted[low] + (position - low as f64) * (sorted[high] - sorted[low])
}

/// Rows by group, such as customer or origin: a number below `n` for each row, in order of first appearance.
#[derive(Debug, Clone)]
pub struct Groups {
    /// The number of each row's group.
    pub of_row: Vec<u32>,
    /// How many groups there are.
    pub n: usize,
}

impl Groups {
    /// The groups of rows by their keys.
    pub fn new(keys: &[u64]) -> Groups {
        let mut number_of = std::collections::BTreeMap::new();
        let mut of_row = Vec::with_capacity(keys.len());
        for key in keys {
            let next = number_of.len() as u32;
            of_row.push(*number_of.entry(*key).or_insert(next));
        }
        Groups {
            of_row,
            n: number_of.len(),
        }
    }

    /// How often each group is drawn in one resample.
    pub fn draw(&self, random: &mut Random) -> Vec<f64> {
        let mut times = vec![0.0; self.n];
        for _ in 0..self.n {
            times[random.below(self.n)] += 1.0;
        }
        times
    }
}

/// The mean difference of two losses over the same rows, with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    /// The mean of the first loss less the mean of the second; below 0 the first is better.
    pub mean: f64,
    /// The lower end of the interval.
    pub low: f64,
    /// The upper end of the interval.
    pub high: f64,
}

impl Difference {
    /// Whether the interval contains 0: the two cannot be told apart.
    pub fn is_tie(&self) -> bool {
        self.low <= 0.0 && 0.0 <= self.high
    }
}

/// The mean of `first − second` over the rows, with an interval from resampled customers.
///
/// # Errors
/// - there is no row, or the lengths differ
/// - a setting is outside its range
pub fn paired_difference(
    first: &[f64],
    second: &[f64],
    customers: &[u64],
    bootstrap: &Bootstrap,
) -> Result<Difference> {
    bootstrap.check()?;
    if first.is_empty() {
        return Err(Error::NoRows);
    }
    check_length("losses to compare with", first.len(), second.len())?;
    check_length("customers, one for each row", first.len(), customers.len())?;
    let groups = Groups::new(customers);
    let mut sums = vec![(0.0, 0.0); groups.n];
    for ((a, b), group) in first.iter().zip(second).zip(&groups.of_row) {
        let (sum, n_rows) = &mut sums[*group as usize];
        *sum += a - b;
        *n_rows += 1.0;
    }
    let mean = |times: &[f64]| {
        let (mut total, mut n_rows) = (0.0, 0.0);
        for (times, (sum, n)) in times.iter().zip(&sums) {
            total += times * sum;
            n_rows += times * n;
        }
        total / n_rows
    };
    let resampled = (0..bootstrap.n_samples as u64)
        .map(|sample| mean(&groups.draw(&mut Random::stream(bootstrap.seed, sample))))
        .collect();
    let (low, high) = bootstrap.ends(resampled);
    Ok(Difference {
        mean: mean(&vec![1.0; groups.n]),
        low,
        high,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reference: numpy.quantile([1, 2, 4, 8], [0.05, 0.5, 0.95]).
    #[test]
    fn quantiles_are_those_of_numpy() {
        let sorted = [1.0, 2.0, 4.0, 8.0];
        for (share, expected) in [(0.05, 1.15), (0.5, 3.0), (0.95, 7.4)] {
            assert!((quantile(&sorted, share) - expected).abs() < 1e-12);
        }
        assert!(quantile(&[], 0.5).is_nan());
    }

    /// The standard error of a mean of customers' means is known here: 1 over the root of their number.
    #[test]
    fn the_interval_is_as_wide_as_the_number_of_customers_allows_not_of_rows() {
        let mut random = Random::new(4);
        let mut losses = Vec::new();
        let mut customers = Vec::new();
        for customer in 0..400 {
            let sign = if random.uniform() < 0.5 { -1.0 } else { 1.0 };
            for _ in 0..10 {
                losses.push(sign);
                customers.push(customer);
            }
        }
        let difference =
            paired_difference(&losses, &vec![0.0; losses.len()], &customers, &Bootstrap::seeded(1)).unwrap();
        let half_width = 0.5 * (difference.high - difference.low);
        assert!((half_width - 1.96 / 20.0).abs() < 0.02, "{difference:?}");
        assert!(difference.is_tie());
    }

    #[test]
    fn a_clear_difference_is_no_tie_and_repeats_with_its_seed() {
        let second: Vec<f64> = (0..100).map(|row| 0.5 + f64::from(row % 3) * 0.1).collect();
        let first: Vec<f64> = second.iter().map(|loss| loss - 0.2).collect();
        let customers: Vec<u64> = (0..100).collect();
        let again = || paired_difference(&first, &second, &customers, &Bootstrap::seeded(1)).unwrap();
        assert!((again().mean + 0.2).abs() < 1e-12 && !again().is_tie());
        assert_eq!(again(), again());
        assert!(paired_difference(&[], &[], &[], &Bootstrap::seeded(1)).is_err());
        assert!(paired_difference(&first, &second[1..], &customers, &Bootstrap::seeded(1)).is_err());
    }
}
