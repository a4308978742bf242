//! The grid of time: how long nothing has come, cut into intervals.

use crate::{MICROS_PER_DAY, days};

/// Intervals of the time since a customer's last event.
///
/// The first begins with the event; after the last one they go on for ever, each as long as it.
/// Whether something comes in an interval is one question, asked at its beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeGrid {
    /// Where each interval ends, in microseconds since the event, rising.
    ends: Vec<i64>,
}

/// Why intervals make no grid.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum GridError {
    /// None, or too many.
    #[error("a time grid has 1 to {} intervals, found {found}", TimeGrid::MOST)]
    Length {
        /// How many there are.
        found: usize,
    },
    /// An end that is not after the one before, or too far.
    #[error(
        "intervals end on rising days within ten years, each a quarter of an hour or more after the one before, found {found}"
    )]
    End {
        /// The end in days.
        found: f64,
    },
}

/// Where intervals may end, in days: a person reads them as an hour, a morning, a day, a week, a season.
pub const STEPS_DAYS: [f64; 16] = [
    1.0 / 24.0,
    0.25,
    1.0,
    2.0,
    4.0,
    7.0,
    14.0,
    21.0,
    30.0,
    45.0,
    60.0,
    90.0,
    120.0,
    180.0,
    270.0,
    365.0,
];

/// A quarter of an hour.
const LEAST_MICROS: i64 = MICROS_PER_DAY / 96;

/// An interval is worth a question of its own when so large a part of all gaps ends in it.
const LEAST_SHARE: f64 = 0.03;

impl TimeGrid {
    /// More intervals than this are not told apart.
    pub const MOST: usize = 24;

    /// The grid whose intervals end so many days after an event.
    ///
    /// # Errors
    /// - there is no end, or more than [`Self::MOST`]
    /// - an interval is shorter than a quarter of an hour, or one lies beyond ten years
    pub fn new(ends_days: &[f64]) -> Result<Self, GridError> {
        if ends_days.is_empty() || ends_days.len() > Self::MOST {
            return Err(GridError::Length { found: ends_days.len() });
        }
        let ends: Vec<i64> = ends_days.iter().map(|days| micros(*days)).collect();
        let starts = [0].into_iter().chain(ends.iter().copied());
        let is_right = |start: i64, end: i64, days: f64| end - start >= LEAST_MICROS && days <= 3_653.0;
        let mut intervals = starts.zip(&ends).zip(ends_days);
        match intervals.find(|((start, end), days)| !is_right(*start, **end, **days)) {
            Some((_, &found)) => Err(GridError::End { found }),
            None => Ok(Self { ends }),
        }
    }

    /// True when so few intervals lie within the horizon that all of them can be asked about in one answer.
    pub fn is_coarse_enough(&self, horizon_days: f64) -> bool {
        self.interval_at(micros(horizon_days)) <= 1_000
    }

    /// The grid for gaps of which so many ended in each step of [`STEPS_DAYS`], the last count being of longer ones.
    ///
    /// Steps in which few gaps end are joined to the next; the last interval is at most `longest_days` long.
    pub fn of_gaps(counts: &[u64; STEPS_DAYS.len() + 1], longest_days: f64) -> Self {
        let least = (LEAST_SHARE * counts.iter().sum::<u64>() as f64).max(1.0);
        let mut ends = Vec::new();
        let (mut so_far, mut start, mut length) = (0, 0.0, 0.0);
        for (end, count) in STEPS_DAYS.into_iter().zip(counts) {
            so_far += count;
            if so_far as f64 >= least && end - start <= longest_days {
                ends.push(end);
                (so_far, length, start) = (0, end - start, end);
            }
        }
        // The last interval goes on for ever: a short one would be asked about again and again.
        if length < longest_days / 4.0 {
            ends.push(start + longest_days);
        }
        Self::new(&ends).expect("steps rise, and there are few")
    }

    /// The interval that so many microseconds after the event lie in.
    pub fn interval_at(&self, elapsed_micros: i64) -> usize {
        let last = self.ends[self.ends.len() - 1];
        if elapsed_micros < last {
            self.ends.partition_point(|end| *end <= elapsed_micros)
        } else {
            self.ends.len() + ((elapsed_micros - last) / self.last_length()) as usize
        }
    }

    /// Where an interval begins, in microseconds since the event.
    pub fn start_micros(&self, interval: usize) -> i64 {
        interval.checked_sub(1).map_or(0, |before| self.end_micros(before))
    }

    /// Where an interval ends, in microseconds since the event.
    pub fn end_micros(&self, interval: usize) -> i64 {
        match self.ends.get(interval) {
            Some(end) => *end,
            None => {
                let further = (interval + 1 - self.ends.len()) as i64;
                self.ends[self.ends.len() - 1].saturating_add(further.saturating_mul(self.last_length()))
            }
        }
    }

    /// Where the intervals end that are told apart, in days since the event.
    pub fn ends_days(&self) -> Vec<f64> {
        self.ends.iter().map(|end| days(*end)).collect()
    }

    /// Where intervals end before the horizon, then the horizon, in days.
    pub fn days_until(&self, horizon_days: f64) -> Vec<f64> {
        let ends = self.ends_days().into_iter().filter(|days| *days < horizon_days);
        ends.chain([horizon_days]).collect()
    }

    fn last_length(&self) -> i64 {
        let last = self.ends.len() - 1;
        self.ends[last] - self.start_micros(last)
    }
}

fn micros(days: f64) -> i64 {
    (days * MICROS_PER_DAY as f64) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = MICROS_PER_DAY / 24;

    #[test]
    fn intervals_go_on_for_ever_as_long_as_the_last() {
        let grid = TimeGrid::new(&[1.0, 3.0, 7.0]).unwrap();
        let bounds = |at: usize| [grid.start_micros(at), grid.end_micros(at)].map(|micros| micros / MICROS_PER_DAY);
        assert_eq!([0, 1, 2, 3, 4].map(bounds), [[0, 1], [1, 3], [3, 7], [7, 11], [11, 15]]);
        let elapsed_hours = [0, 23, 24, 71, 72, 168 - 1, 168, 263, 264, 1_000_000];
        let found = elapsed_hours.map(|hours| grid.interval_at(hours * HOUR));
        assert_eq!(found[..9], [0, 0, 1, 1, 2, 2, 3, 3, 4]);
        assert_eq!(found[9], 3 + (1_000_000 - 168) / 96);
        for hours in elapsed_hours {
            let at = grid.interval_at(hours * HOUR);
            assert!((grid.start_micros(at)..grid.end_micros(at)).contains(&(hours * HOUR)));
        }
    }

    #[test]
    fn steps_in_which_little_ends_are_joined() {
        let mut counts = [0; STEPS_DAYS.len() + 1];
        counts[2] = 500; // within a day
        counts[3] = 10;
        counts[5] = 300; // within a week
        counts[8] = 150; // within a month
        counts[16] = 40; // of more than a year
        let grid = TimeGrid::of_gaps(&counts, 30.0);
        assert_eq!(grid.ends_days(), [1.0, 7.0, 30.0]);
        // Nothing known: one interval as long as the question.
        assert_eq!(TimeGrid::of_gaps(&[0; 17], 30.0).ends_days(), [30.0]);
        // Gaps of months asked about in months: the tail is no longer than the question.
        let mut counts = [0; STEPS_DAYS.len() + 1];
        counts[13] = 1_000;
        assert_eq!(TimeGrid::of_gaps(&counts, 180.0).ends_days(), [180.0]);
        assert!(TimeGrid::of_gaps(&counts, 30.0).last_length() <= 30 * MICROS_PER_DAY);
        // Bursts of an hour, then weeks of silence: the hour does not go on for ever.
        let mut counts = [0; STEPS_DAYS.len() + 1];
        (counts[0], counts[9]) = (900, 100);
        assert_eq!(TimeGrid::of_gaps(&counts, 30.0).ends_days().len(), 2);
        assert!(TimeGrid::of_gaps(&counts, 30.0).last_length() >= 29 * MICROS_PER_DAY);
    }

    #[test]
    fn a_grid_that_does_not_rise_is_refused() {
        for ends in [
            &[][..],
            &[0.0],
            &[f64::NAN],
            &[2.0, 2.0],
            &[3.0, 1.0],
            &[4_000.0],
            &[0.001],
        ] {
            assert!(TimeGrid::new(ends).is_err(), "{ends:?}");
        }
    }
}
