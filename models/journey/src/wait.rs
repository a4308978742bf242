//! Waiting: the intervals of a grid that go by after an event until the next one comes.

use crate::{JourneyState, TimeGrid, Timestamp};

/// One interval after a customer's last event: what comes first in it is one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    last_at: Timestamp,
    interval: usize,
    /// Where it begins: just after the event, or where the interval before ended.
    pub from: Timestamp,
    /// Where it ends.
    pub until: Timestamp,
}

impl Wait {
    /// An interval of the grid after an event.
    pub fn after(last_at: Timestamp, grid: &TimeGrid, interval: usize) -> Self {
        let since = |micros: i64| Timestamp::from_micros(last_at.micros().saturating_add(micros));
        Self {
            last_at,
            interval,
            // The event itself has to be of the past.
            from: since(grid.start_micros(interval).max(1)),
            until: since(grid.end_micros(interval)),
        }
    }

    /// The interval after an event that a later moment lies in.
    pub fn at(last_at: Timestamp, grid: &TimeGrid, moment: Timestamp) -> Self {
        let elapsed = moment.micros().saturating_sub(last_at.micros());
        Self::after(last_at, grid, grid.interval_at(elapsed))
    }

    /// The interval after this one.
    pub fn next(&self, grid: &TimeGrid) -> Self {
        Self::after(self.last_at, grid, self.interval + 1)
    }

    /// The event that it is an interval after.
    pub const fn follows_at(&self) -> Timestamp {
        self.last_at
    }

    /// True when it is an interval after this event.
    pub fn follows(&self, last_at: Option<Timestamp>) -> bool {
        last_at == Some(self.last_at)
    }

    /// When a state is asked what comes in the interval: at its beginning, or once the state's last event was known.
    ///
    /// It does not depend on when the answer is wanted, so the answer only changes with an event.
    pub fn asked_at(&self, state: &JourneyState) -> Timestamp {
        state
            .last_known_at()
            .map_or(self.from, |known_at| known_at.max(self.from))
    }

    /// The part of the interval that lies after a moment: 1 before it begins.
    pub fn part_after(&self, moment: Timestamp) -> f64 {
        if moment <= self.from {
            return 1.0;
        }
        let left = (self.until.micros() - moment.micros()) as f64;
        left.max(0.0) / (self.until.micros() - self.from.micros()) as f64
    }

    /// Days from a moment to the interval's end.
    pub fn ends_after_days(&self, moment: Timestamp) -> f64 {
        self.until.days_since(moment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::day;

    #[test]
    fn intervals_follow_each_other_from_just_after_the_event() {
        let grid = TimeGrid::new(&[1.0, 7.0]).expect("rises");
        let first = Wait::at(day(3), &grid, Timestamp::from_micros(day(3).micros() + 1));
        assert_eq!((first.from.micros(), first.until), (day(3).micros() + 1, day(4)));
        let second = first.next(&grid);
        assert_eq!((second.from, second.until), (day(4), day(10)));
        assert_eq!(second.next(&grid), Wait::at(day(3), &grid, day(10)));
        assert_eq!(Wait::at(day(3), &grid, day(9)), second);
    }

    #[test]
    fn the_part_left_of_an_interval_falls_to_none() {
        let grid = TimeGrid::new(&[1.0, 5.0]).expect("rises");
        let wait = Wait::after(day(0), &grid, 1);
        let parts = [0, 1, 2, 5, 6].map(|at| wait.part_after(day(at)));
        assert_eq!(parts, [1.0, 1.0, 0.75, 0.0, 0.0]);
        assert_eq!(wait.ends_after_days(day(2)), 3.0);
    }
}
