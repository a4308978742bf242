//! How sure an estimate is: the studentised bootstrap over clusters of rows, such as those of one customer, and no less
//! than the normal approximation.

use percorso_learners::{Groups, Random};
use rayon::prelude::*;

/// Clusters beyond this many are resampled in blocks of several.
const MAX_CLUSTERS: usize = 20_000;

/// Settings of an interval.
///
/// Clusters are drawn with replacement, and what is compared with the estimate in each resample is the difference in its
/// own standard errors (the bootstrap-t of Efron 1981; Hall 1988, "Theoretical comparison of bootstrap confidence
/// intervals"): the few large numbers that make a mean skewed also make its error large.
///
/// Each end is that or the end of the normal interval, whichever is further out.
/// Where large numbers are few, a sample has a skewness of its own that resampling takes for the truth: there one of the
/// two is too short, now this and now that.
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

/// An estimate and its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The estimate; NaN where what it divides by is 0.
    pub value: f64,
    /// The lower end of its interval; infinite where the rows cannot tell.
    pub low: f64,
    /// The upper end of its interval; infinite where the rows cannot tell.
    pub high: f64,
}

/// A row's terms; an estimate is the mean of `base` plus the sum of `correction` over the sum of `norm`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) base: f64,
    pub(crate) correction: f64,
    pub(crate) norm: f64,
}

/// The mean of a number for each row, rows of one cluster being alike.
///
/// # Panics
/// When there is no row, or not one cluster for each.
pub fn mean(numbers: &[f64], clusters: &[u64], interval: &Interval) -> Estimate {
    let terms = |_, row: usize| Terms {
        base: numbers[row],
        correction: 0.0,
        norm: 1.0,
    };
    estimates(clusters, 1, terms, interval)[0]
}

/// The standard error of the mean of a number for each row, rows of one cluster being alike.
#[cfg(feature = "fit")]
pub(crate) fn standard_error(numbers: &[f64], clusters: &[u64]) -> f64 {
    let groups = blocks(clusters);
    let mut sums = vec![Sums::default(); groups.n];
    for (&base, cluster) in numbers.iter().zip(&groups.of_row) {
        sums[*cluster as usize].add(Terms {
            base,
            correction: 0.0,
            norm: 1.0,
        });
    }
    Resampled::of(&sums, &vec![1.0; groups.n]).error
}

/// So many estimates on the same rows and resamples, so that their intervals may be compared; `terms(estimate, row)` are
/// what each is made of.
pub(crate) fn estimates(
    clusters: &[u64],
    n_estimates: usize,
    terms: impl Fn(usize, usize) -> Terms,
    interval: &Interval,
) -> Vec<Estimate> {
    assert!(!clusters.is_empty(), "an estimate is of at least one row");
    let groups = blocks(clusters);
    let sums: Vec<Vec<Sums>> = (0..n_estimates)
        .map(|estimate| {
            let mut sums = vec![Sums::default(); groups.n];
            for (row, cluster) in groups.of_row.iter().enumerate() {
                sums[*cluster as usize].add(terms(estimate, row));
            }
            sums
        })
        .collect();
    let once = vec![1.0; groups.n];
    let wholes: Vec<Resampled> = sums.iter().map(|sums| Resampled::of(sums, &once)).collect();
    let resampled: Vec<Vec<f64>> = (0..interval.n_samples as u64)
        .into_par_iter()
        .map(|sample| {
            let times = groups.draw(&mut Random::stream(interval.seed, sample));
            let pairs = sums.iter().zip(&wholes);
            pairs
                .map(|(sums, whole)| Resampled::of(sums, &times).errors_from(whole))
                .collect()
        })
        .collect();
    let tell = |(at, whole): (usize, &Resampled)| {
        let mut errors: Vec<f64> = resampled.iter().map(|sample| sample[at]).collect();
        errors.retain(|error| !error.is_nan());
        errors.sort_unstable_by(f64::total_cmp);
        let tail = 0.5 * (1.0 - interval.level);
        let normal = normal_quantile(1.0 - tail);
        let (most, least) = match errors.len().checked_sub(1) {
            // The next one out when a rank lies between two.
            Some(last) => (
                errors[((1.0 - tail) * last as f64).ceil() as usize],
                errors[(tail * last as f64).floor() as usize],
            ),
            None => (f64::INFINITY, f64::NEG_INFINITY),
        };
        Estimate {
            value: whole.value,
            low: whole.value - scaled(most.max(normal), whole.error),
            high: whole.value - scaled(least.min(-normal), whole.error),
        }
    };
    wholes.iter().enumerate().map(tell).collect()
}

/// A number of standard errors; none of an error of 0, also when the number is endless.
fn scaled(errors: f64, error: f64) -> f64 {
    if error == 0.0 { 0.0 } else { errors * error }
}

/// The number below which a standard normal one lies with this chance, 0.5 to 1.
fn normal_quantile(share: f64) -> f64 {
    let (mut low, mut high) = (0.0, 40.0);
    while high - low > 1e-12 {
        let middle = 0.5 * (low + high);
        if 0.5 * libm::erfc(-middle / std::f64::consts::SQRT_2) < share {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// The clusters of rows, several together in a block where there are many.
fn blocks(clusters: &[u64]) -> Groups {
    let Groups { mut of_row, n } = Groups::new(clusters);
    let per_block = n.div_ceil(MAX_CLUSTERS);
    of_row.iter_mut().for_each(|cluster| *cluster /= per_block as u32);
    Groups {
        of_row,
        n: n.div_ceil(per_block),
    }
}

/// A cluster's terms added up.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    n_rows: f64,
    base: f64,
    correction: f64,
    norm: f64,
}

impl Sums {
    fn add(&mut self, terms: Terms) {
        self.n_rows += 1.0;
        self.base += terms.base;
        self.correction += terms.correction;
        self.norm += terms.norm;
    }
}

/// An estimate with its standard error, by the linear terms of the two ratios it is made of (the delta method).
#[derive(Clone, Copy, Debug)]
struct Resampled {
    value: f64,
    error: f64,
}

impl Resampled {
    /// Of clusters, each as often as `times` says.
    fn of(sums: &[Sums], times: &[f64]) -> Resampled {
        let mut total = Sums::default();
        for (sums, &times) in sums.iter().zip(times) {
            total.n_rows += times * sums.n_rows;
            total.base += times * sums.base;
            total.correction += times * sums.correction;
            total.norm += times * sums.norm;
        }
        let base = total.base / total.n_rows;
        let correction = total.correction / total.norm;
        let mut squares = 0.0;
        for (sums, &times) in sums.iter().zip(times) {
            let residual = (sums.base - sums.n_rows * base) / total.n_rows
                + (sums.correction - sums.norm * correction) / total.norm;
            squares += times * residual * residual;
        }
        let n_clusters = sums.len() as f64;
        Resampled {
            value: base + correction,
            error: (squares * n_clusters / (n_clusters - 1.0)).sqrt(),
        }
    }

    /// How many of its own standard errors it lies above another.
    fn errors_from(&self, whole: &Resampled) -> f64 {
        let difference = self.value - whole.value;
        if difference == 0.0 {
            0.0
        } else {
            difference / self.error
        }
    }
}
