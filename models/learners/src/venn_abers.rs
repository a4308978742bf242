//! Venn-Abers calibration: two isotonic answers for every score, one if the row is without the event and one if with.

use crate::isotonic::{Pooled, by_score, rising_blocks};
use crate::odds::{FLOOR, log_odds};
use crate::{Result, metrics};

/// More different scores than these are put in as many bins of about equally many rows.
const MAX_BINS: usize = 512;

/// The inductive Venn-Abers predictor (Vovk and Petej 2014, "Venn-Abers predictors"; Vovk, Petej and Fedorova 2015,
/// "Large-scale probabilistic predictors with and without guarantees of validity").
///
/// A new row is put among the calibration rows, once as 0 and once as 1; the isotonic rates at its score are `p₀` and
/// `p₁`, one of which is a calibrated probability whatever the scores' distribution, as long as rows are exchangeable.
/// The two are merged as `p₁ / (1 − p₀ + p₁)`, the least regret under log loss.
#[derive(Debug, Clone, PartialEq)]
pub struct VennAbers {
    /// The lowest and highest log-odds of each bin, rising.
    first: Vec<f64>,
    last: Vec<f64>,
    /// The rate with a further row of class 0, and of class 1, in the bin.
    low: Vec<f64>,
    high: Vec<f64>,
}

impl VennAbers {
    /// The predictor of rows that no learner learnt from: a probability of class 1 and the class that came, for each.
    ///
    /// # Errors
    /// - there is no row, the lengths differ, or a probability or class is none
    pub fn of(p: &[f64], y: &[u32]) -> Result<VennAbers> {
        metrics::binary(p, y)?;
        Ok(Self::fit(&by_score(p.iter().zip(y))))
    }

    pub(crate) fn fit(points: &[Pooled]) -> VennAbers {
        let bins = binned(points);
        let rate_with = |class: f64| -> Vec<f64> {
            (0..bins.len())
                .map(|place| {
                    let with_row = bins.iter().enumerate().map(|(bin, pooled)| {
                        let one_more = f64::from(u8::from(bin == place));
                        Pooled {
                            events: pooled.events + class * one_more,
                            rows: pooled.rows + one_more,
                            ..*pooled
                        }
                    });
                    let blocks = rising_blocks(with_row);
                    let of_place = blocks.partition_point(|block| block.last < bins[place].first);
                    blocks[of_place].rate()
                })
                .collect()
        };
        VennAbers {
            first: bins.iter().map(|bin| bin.first).collect(),
            last: bins.iter().map(|bin| bin.last).collect(),
            low: rate_with(0.0),
            high: rate_with(1.0),
        }
    }

    /// The interval from `p₀` to `p₁` for a row that the learner gives this probability.
    pub fn interval(&self, p: f64) -> (f64, f64) {
        self.both(log_odds(p.clamp(FLOOR, 1.0 - FLOOR)))
    }

    /// A row between two bins would be pooled with the lower one as 0, and with the upper one as 1.
    fn both(&self, score: f64) -> (f64, f64) {
        let below = self.first.partition_point(|first| *first <= score);
        let above = self.last.partition_point(|last| *last < score);
        let low = below.checked_sub(1).map_or(0.0, |bin| self.low[bin]);
        (low, self.high.get(above).copied().unwrap_or(1.0))
    }

    /// The calibrated probability of these log-odds, 0 to 1.
    pub(crate) fn at(&self, score: f64) -> f64 {
        let (low, high) = self.both(score);
        high / (1.0 - low + high)
    }

    /// Lowest and highest scores, then rates with a 0 and with a 1.
    pub(crate) fn numbers(&self) -> Vec<f64> {
        [self.first.as_slice(), &self.last, &self.low, &self.high].concat()
    }

    /// Nothing when the numbers are no such calibration.
    pub(crate) fn of_numbers(numbers: &[f64]) -> Option<VennAbers> {
        let n_bins = numbers.len() / 4;
        if n_bins == 0 || numbers.len() != 4 * n_bins {
            return None;
        }
        let part = |part: usize| numbers[part * n_bins..(part + 1) * n_bins].to_vec();
        let opened = VennAbers {
            first: part(0),
            last: part(1),
            low: part(2),
            high: part(3),
        };
        let bins_rise = (0..n_bins).all(|bin| {
            let next = opened.first.get(bin + 1).copied().unwrap_or(f64::MAX);
            opened.first[bin] <= opened.last[bin] && opened.last[bin] < next
        });
        let is_rate = |rate: &f64| (0.0..=1.0).contains(rate);
        let rates_rise = opened.low.is_sorted() && opened.high.is_sorted();
        let are_rates = opened.low.iter().chain(&opened.high).all(is_rate);
        let in_order = opened.low.iter().zip(&opened.high).all(|(low, high)| low <= high);
        let is_finite = opened.first[0].is_finite();
        (bins_rise && rates_rise && are_rates && in_order && is_finite).then_some(opened)
    }
}

fn binned(points: &[Pooled]) -> Vec<Pooled> {
    if points.len() <= MAX_BINS {
        return points.to_vec();
    }
    let n_rows: f64 = points.iter().map(|point| point.rows).sum();
    let mut bins: Vec<Pooled> = Vec::new();
    let (mut before, mut last_bin) = (0.0, None);
    for point in points {
        let bin = (before * MAX_BINS as f64 / n_rows) as usize;
        before += point.rows;
        match bins.last_mut() {
            Some(pooled) if last_bin == Some(bin) => *pooled = pooled.with(point),
            _ => bins.push(*point),
        }
        last_bin = Some(bin);
    }
    bins
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isotonic::by_score;
    use crate::random::Random;

    /// Scores with few different values, and classes that rise with them.
    fn rows(n_rows: usize, n_scores: usize, seed: u64) -> (Vec<f64>, Vec<u32>) {
        let mut random = Random::new(seed);
        (0..n_rows)
            .map(|_| {
                let p = (1.0 + random.below(n_scores) as f64) / (1.0 + n_scores as f64);
                (p, u32::from(random.uniform() < p))
            })
            .unzip()
    }

    /// The isotonic rate at a score by its definition: the greatest, over beginnings up to there, of the least mean over
    /// ends from there on.
    fn rate_by_definition(rows: &[(f64, u32)], score: f64) -> f64 {
        let mean = |from: f64, to: f64| {
            let within: Vec<f64> = rows
                .iter()
                .filter(|(p, _)| (from..=to).contains(p))
                .map(|(_, class)| f64::from(*class))
                .collect();
            within.iter().sum::<f64>() / within.len() as f64
        };
        let least = |from: f64| {
            let ends = rows.iter().map(|(p, _)| *p).filter(|p| *p >= score);
            ends.map(|to| mean(from, to)).fold(f64::INFINITY, f64::min)
        };
        let beginnings = rows.iter().map(|(p, _)| *p).filter(|p| *p <= score);
        beginnings.map(least).fold(0.0, f64::max)
    }

    #[test]
    fn both_answers_are_isotonic_rates_with_the_row_among_the_others() {
        // Scores asked lie on those of the rows and between them.
        for (n_scores, seed) in [(9, 1), (24, 2), (199, 3)] {
            let (p, y) = rows(60, n_scores, seed);
            let fitted = VennAbers::fit(&by_score(p.iter().zip(&y)));
            let all: Vec<(f64, u32)> = p.iter().copied().zip(y.iter().copied()).collect();
            for step in 1..100 {
                let score = f64::from(step) / 100.0;
                let (low, high) = fitted.interval(score);
                let expected = |class| rate_by_definition(&[all.as_slice(), &[(score, class)]].concat(), score);
                assert!((low - expected(0)).abs() < 1e-12, "{score}: {low}, {}", expected(0));
                assert!((high - expected(1)).abs() < 1e-12, "{score}: {high}, {}", expected(1));
                let merged = fitted.at(log_odds(score));
                assert!((merged - high / (1.0 - low + high)).abs() < 1e-15);
                assert!(low <= merged && merged <= high);
            }
        }
    }

    #[test]
    fn many_scores_are_binned_and_the_answer_still_rises() {
        let (p, y) = rows(6_000, 3_000, 4);
        let fitted = VennAbers::fit(&by_score(p.iter().zip(&y)));
        assert!(fitted.first.len() <= MAX_BINS && fitted.first.len() > MAX_BINS / 2);
        let answers: Vec<f64> = (1..1_000)
            .map(|step| fitted.at(log_odds(f64::from(step) / 1_000.0)))
            .collect();
        assert!(answers.is_sorted());
        let furthest = (1..1_000)
            .map(|step| (answers[step - 1] - step as f64 / 1_000.0).abs())
            .fold(0.0, f64::max);
        assert!(furthest < 0.12, "scores were right already, moved by {furthest}");
    }
}
