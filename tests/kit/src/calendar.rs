//! Days, seasons and hours of the market; all time is UTC.
//!
//! Day 0 is 2024-01-01, a Monday.

use std::f64::consts::PI;

/// Microseconds in a day.
pub const MICROS_PER_DAY: i64 = 86_400_000_000;
/// 2024-01-01T00:00:00Z in microseconds since 1970.
pub const START_MICROS: i64 = 1_704_067_200_000_000;
/// The day before which everything written happened: 2026-01-01 is day 731.
pub const END_DAY: i32 = 731;
/// Seconds in a day.
pub(crate) const SECONDS_PER_DAY: u32 = 86_400;
/// Days from one leap year to the next; seasons repeat after them.
const CYCLE_DAYS: usize = 1461;

/// The instant at which a day of the market begins.
pub const fn micros_of_day(day: i32) -> i64 {
    START_MICROS + day as i64 * MICROS_PER_DAY
}

/// The day an instant falls on, and the whole seconds of that day that are over when it comes (rounded up, so `at < as_of` holds exactly for events on whole seconds).
pub(crate) fn day_and_second(micros: i64) -> (i32, u32) {
    let since = micros - START_MICROS;
    let day = since.div_euclid(MICROS_PER_DAY) as i32;
    // Never negative, so adding before dividing rounds up.
    let second = ((since.rem_euclid(MICROS_PER_DAY) + 999_999) / 1_000_000) as u32;
    if second == SECONDS_PER_DAY {
        (day + 1, 0)
    } else {
        (day, second)
    }
}

/// 0 for Monday … 6 for Sunday.
pub(crate) fn weekday(day: i32) -> usize {
    day.rem_euclid(7) as usize
}

/// How a day of the year leans.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Season {
    /// sin(2π·(day of year − 1)/365.25), in [-1, 1]: spring high, autumn low.
    pub sine: f64,
    /// exp(−((days from 15 December)/10)²), in [0, 1].
    pub december: f64,
}

/// What every customer shares: seasons by day and the three habits of the hour.
pub(crate) struct Calendar {
    seasons: Vec<Season>,
    clocks: [Clock; 3],
}

impl Calendar {
    pub(crate) fn new() -> Self {
        Self {
            seasons: (0..CYCLE_DAYS).map(season_of).collect(),
            clocks: HOUR_WEIGHTS.map(Clock::new),
        }
    }

    pub(crate) fn season(&self, day: i32) -> Season {
        self.seasons[day.rem_euclid(CYCLE_DAYS as i32) as usize]
    }

    pub(crate) fn clock(&self, habit: usize) -> &Clock {
        &self.clocks[habit]
    }
}

fn season_of(cycle_day: usize) -> Season {
    let mut day_of_year = cycle_day;
    let mut year_days = 366;
    while day_of_year >= year_days {
        day_of_year -= year_days;
        year_days = 365;
    }
    // 15 December is 17 days before the year's end.
    let mut from_peak = day_of_year as f64 - (year_days as f64 - 17.0);
    if from_peak < -182.0 {
        from_peak += year_days as f64;
    }
    Season {
        sine: libm::sin(2.0 * PI * day_of_year as f64 / 365.25),
        december: libm::exp(-(from_peak / 10.0) * (from_peak / 10.0)),
    }
}

/// Weight of each hour for early birds, office hours and evenings.
const HOUR_WEIGHTS: [[f64; 24]; 3] = [
    [
        0., 0., 0., 0., 0., 1., 4., 8., 9., 8., 6., 5., 4., 3., 3., 2., 2., 2., 2., 1., 1., 1., 0., 0.,
    ],
    [
        0., 0., 0., 0., 0., 0., 0., 1., 5., 8., 9., 8., 5., 5., 8., 8., 7., 6., 4., 2., 1., 1., 0., 0.,
    ],
    [
        0., 0., 0., 0., 0., 0., 0., 1., 1., 1., 2., 2., 3., 3., 2., 2., 3., 5., 7., 9., 9., 8., 5., 0.,
    ],
];

/// How the chance of an event spreads over a day.
pub(crate) struct Clock {
    /// Share of the day's chance before each full hour.
    before_hour: [f64; 25],
}

impl Clock {
    fn new(weights: [f64; 24]) -> Self {
        let total: f64 = weights.iter().sum();
        let mut before_hour = [0.0; 25];
        let mut sum = 0.0;
        for (hour, weight) in weights.iter().enumerate() {
            before_hour[hour] = sum / total;
            sum += weight;
        }
        before_hour[24] = 1.0;
        Self { before_hour }
    }

    /// The share of the day's chance that is over at `second`, in [0, 1].
    #[inline]
    pub(crate) fn share_before(&self, second: u32) -> f64 {
        if second == 0 {
            return 0.0;
        }
        if second >= SECONDS_PER_DAY {
            return 1.0;
        }
        let hour = (second / 3600) as usize;
        let within = f64::from(second % 3600) / 3600.0;
        self.before_hour[hour] + within * (self.before_hour[hour + 1] - self.before_hour[hour])
    }

    /// The second at which `share` of the day's chance is over; the inverse of [`Clock::share_before`], rounded down.
    pub(crate) fn second_at(&self, share: f64) -> u32 {
        let mut hour = 0;
        while hour < 23 && self.before_hour[hour + 1] <= share {
            hour += 1;
        }
        let width = self.before_hour[hour + 1] - self.before_hour[hour];
        let within = if width > 0.0 {
            (share - self.before_hour[hour]) / width
        } else {
            0.0
        };
        hour as u32 * 3600 + ((within * 3600.0) as u32).min(3599)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_december_peak_falls_on_the_fifteenth_in_leap_years_and_others() {
        let calendar = Calendar::new();
        // 2024-12-15 is day 349 (leap), 2025-12-15 is day 714.
        assert_eq!(calendar.season(349).december, 1.0);
        assert_eq!(calendar.season(714).december, 1.0);
        assert!(calendar.season(349 - 60).december < 1e-9);
        assert!(calendar.season(10).december < 0.01);
    }

    #[test]
    fn an_hour_habit_and_its_inverse_agree() {
        let calendar = Calendar::new();
        for habit in 0..3 {
            let clock = calendar.clock(habit);
            for step in 0..1000 {
                let share = f64::from(step) / 1000.0;
                let second = clock.second_at(share);
                // One second is at most 9/52/3600 of a day's chance.
                assert!((clock.share_before(second) - share).abs() < 1e-4);
            }
        }
    }

    #[test]
    fn an_instant_inside_a_second_counts_that_second_as_over() {
        assert_eq!(day_and_second(micros_of_day(3)), (3, 0));
        assert_eq!(day_and_second(micros_of_day(3) + 1), (3, 1));
        assert_eq!(day_and_second(micros_of_day(3) - 1), (3, 0));
    }
}
