//! How many events each of the last weeks had: what a year looked like, in space that does not grow.

use crate::bytes::{ByteReader, ByteWriter, MalformedBytes};
use crate::{MICROS_PER_DAY, Timestamp};

/// Counts of the last [`Weeks::LENGTH`] weeks up to the last event's.
///
/// Weeks begin every seven days from 1970-01-01, so that where an event falls does not depend on when it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weeks {
    /// The week of the last event; counts stand at their week modulo the length.
    last: i64,
    counts: [u16; Weeks::LENGTH],
}

impl Default for Weeks {
    fn default() -> Self {
        Self {
            last: i64::MIN,
            counts: [0; Self::LENGTH],
        }
    }
}

impl Weeks {
    /// How many weeks are remembered: a year and a quarter.
    pub const LENGTH: usize = 66;

    pub(super) fn observe(&mut self, at: Timestamp) {
        let week = week(at);
        if self.last == i64::MIN || week - self.last >= Self::LENGTH as i64 {
            self.counts = [0; Self::LENGTH];
        } else {
            for passed in self.last + 1..=week {
                self.counts[place(passed)] = 0;
            }
        }
        self.last = week;
        let count = &mut self.counts[place(week)];
        *count = count.saturating_add(1);
    }

    /// The counts of the weeks `ages` before the week of `as_of` (0 is that week itself), youngest first.
    ///
    /// Weeks older than are remembered count nothing.
    pub fn counts(&self, as_of: Timestamp, ages: std::ops::Range<usize>) -> impl Iterator<Item = u16> {
        let now = week(as_of);
        ages.map(move |age| {
            let week = now - age as i64;
            let is_remembered = week <= self.last && week > self.last.saturating_sub(Self::LENGTH as i64);
            if is_remembered { self.counts[place(week)] } else { 0 }
        })
    }

    pub(super) fn write(&self, to: &mut ByteWriter) {
        to.i64(self.last);
        self.counts.iter().for_each(|&count| to.u16(count));
    }

    pub(super) fn read(from: &mut ByteReader<'_>) -> Result<Self, MalformedBytes> {
        let mut weeks = Self {
            last: from.i64()?,
            ..Self::default()
        };
        for count in &mut weeks.counts {
            *count = from.u16()?;
        }
        Ok(weeks)
    }
}

fn week(at: Timestamp) -> i64 {
    at.micros().div_euclid(7 * MICROS_PER_DAY)
}

fn place(week: i64) -> usize {
    week.rem_euclid(Weeks::LENGTH as i64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::day;

    fn observed(days: &[i64]) -> Weeks {
        let mut weeks = Weeks::default();
        days.iter().for_each(|&at| weeks.observe(day(at)));
        weeks
    }

    fn count(weeks: &Weeks, as_of: i64, ages: std::ops::Range<usize>) -> u16 {
        weeks.counts(day(as_of), ages).sum()
    }

    #[test]
    fn events_are_counted_in_their_weeks_as_time_passes() {
        let weeks = observed(&[0, 1, 100, 363, 364]);
        assert_eq!(count(&weeks, 364, 0..52), 3);
        assert_eq!(count(&weeks, 364, 0..66), 5);
        assert_eq!(count(&weeks, 364, 52..66), 2);
        // Days 363 and 364 are of one week, which begins on a Thursday.
        assert_eq!(count(&weeks, 364 + 7 * 40, 40..41), 2);
    }

    #[test]
    fn weeks_older_than_are_remembered_are_forgotten_and_never_counted_twice() {
        let long_ago = observed(&[0, 1, 2, 1_000]);
        assert_eq!(count(&long_ago, 1_000, 0..66), 1);
        let week_by_week: Vec<i64> = (0..200).map(|week| 7 * week).collect();
        assert_eq!(count(&observed(&week_by_week), 7 * 199, 0..66), 66);
        assert_eq!(count(&observed(&week_by_week), 7 * 265, 0..66), 0);
        assert_eq!(count(&Weeks::default(), 0, 0..66), 0);
    }
}
