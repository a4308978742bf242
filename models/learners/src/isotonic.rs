//! Rates that never fall: pool adjacent violators, and the calibration by them.

use crate::odds::{FLOOR, log_odds};

/// Rows of one score: their number with the event and in all.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pooled {
    /// The lowest score among them, as log-odds.
    pub(crate) first: f64,
    /// The highest.
    pub(crate) last: f64,
    pub(crate) events: f64,
    pub(crate) rows: f64,
}

impl Pooled {
    pub(crate) fn rate(&self) -> f64 {
        self.events / self.rows
    }

    pub(crate) fn with(&self, next: &Pooled) -> Pooled {
        Pooled {
            first: self.first,
            last: next.last,
            events: self.events + next.events,
            rows: self.rows + next.rows,
        }
    }
}

/// Rows of two classes by rising score, those of one score pooled.
pub(crate) fn by_score<'a>(rows: impl Iterator<Item = (&'a f64, &'a u32)>) -> Vec<Pooled> {
    let mut pooled: Vec<Pooled> = rows
        .map(|(p, class)| {
            let score = log_odds(p.clamp(FLOOR, 1.0 - FLOOR));
            Pooled {
                first: score,
                last: score,
                events: f64::from(*class),
                rows: 1.0,
            }
        })
        .collect();
    pooled.sort_unstable_by(|a, b| a.first.total_cmp(&b.first));
    pooled
        .chunk_by(|a, b| a.first == b.first)
        .map(|same| same[1..].iter().fold(same[0], |pooled, next| pooled.with(next)))
        .collect()
}

/// The blocks of the rising rates nearest to the points' own by squared error (Ayer, Brunk, Ewing, Reid and Silverman
/// 1955): neighbours that fall are pooled until none does.
pub(crate) fn rising_blocks(points: impl Iterator<Item = Pooled>) -> Vec<Pooled> {
    let mut blocks: Vec<Pooled> = Vec::new();
    for mut next in points {
        while let Some(before) = blocks.pop_if(|before| before.rate() >= next.rate()) {
            next = before.with(&next);
        }
        blocks.push(next);
    }
    blocks
}

/// A calibration that rises with the score and has no other shape (Zadrozny and Elkan 2002, "Transforming classifier
/// scores into accurate multiclass probability estimates").
///
/// It has the rate of each block of pooled scores and runs straight, over log-odds, between blocks; scores of one block
/// become equal, so an order within it is lost.
#[derive(Debug, Clone, PartialEq)]
pub struct Isotonic {
    /// Log-odds at the blocks' ends, rising.
    scores: Vec<f64>,
    /// The rates there, never falling.
    rates: Vec<f64>,
}

impl Isotonic {
    pub(crate) fn fit(points: &[Pooled]) -> Isotonic {
        let (mut scores, mut rates) = (Vec::new(), Vec::new());
        for block in rising_blocks(points.iter().copied()) {
            scores.push(block.first);
            rates.push(block.rate());
            if block.last > block.first {
                scores.push(block.last);
                rates.push(block.rate());
            }
        }
        Isotonic { scores, rates }
    }

    /// The calibrated probability of these log-odds, 0 to 1.
    pub(crate) fn at(&self, score: f64) -> f64 {
        let after = self.scores.partition_point(|knot| *knot < score);
        let Some(before) = after.checked_sub(1) else {
            return self.rates[0];
        };
        let Some(end) = self.scores.get(after) else {
            return self.rates[before];
        };
        let share = (score - self.scores[before]) / (end - self.scores[before]);
        self.rates[before] + share * (self.rates[after] - self.rates[before])
    }

    /// Scores, then rates.
    pub(crate) fn numbers(&self) -> Vec<f64> {
        [self.scores.as_slice(), &self.rates].concat()
    }

    /// Nothing when the numbers are no such calibration.
    pub(crate) fn of_numbers(numbers: &[f64]) -> Option<Isotonic> {
        let (scores, rates) = numbers.split_at(numbers.len() / 2);
        let rise = scores.windows(2).all(|pair| pair[0] < pair[1]) && rates.is_sorted();
        let are_right = rise && rates.iter().all(|rate| (0.0..=1.0).contains(rate));
        let is_whole =
            !scores.is_empty() && scores.len() == rates.len() && scores.iter().all(|score| score.is_finite());
        (are_right && is_whole).then(|| Isotonic {
            scores: scores.to_vec(),
            rates: rates.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(events: &[f64]) -> Vec<Pooled> {
        (0u8..)
            .zip(events)
            .map(|(score, events)| Pooled {
                first: f64::from(score),
                last: f64::from(score),
                events: *events,
                rows: 1.0,
            })
            .collect()
    }

    /// The example of R's help page on `isoreg` (package stats): two halves, then seven threes.
    #[test]
    fn the_example_of_isoreg_is_pooled_as_there() {
        let blocks = rising_blocks(points(&[1.0, 0.0, 4.0, 3.0, 3.0, 5.0, 4.0, 2.0, 0.0]).into_iter());
        let found: Vec<(f64, f64)> = blocks.iter().map(|block| (block.rate(), block.rows)).collect();
        assert_eq!(found, [(0.5, 2.0), (3.0, 7.0)]);
    }

    #[test]
    fn rates_are_met_in_blocks_and_run_straight_between() {
        let isotonic = Isotonic::fit(&points(&[0.0, 1.0, 0.0, 1.0]));
        let found = [-9.0, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 9.0].map(|score| isotonic.at(score));
        assert_eq!(found, [0.0, 0.0, 0.25, 0.5, 0.5, 0.5, 0.75, 1.0, 1.0]);
    }

    #[test]
    fn rows_of_one_score_are_one_point() {
        let pooled = by_score([0.7, 0.2, 0.7, 0.7].iter().zip(&[1, 0, 0, 1]));
        let found: Vec<(f64, f64)> = pooled.iter().map(|point| (point.events, point.rows)).collect();
        assert_eq!(found, [(0.0, 1.0), (2.0, 3.0)]);
    }
}
