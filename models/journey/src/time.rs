//! Points in time, as microseconds since 1970-01-01 UTC.

use std::fmt;

/// Microseconds in a day of 24 hours; every duration in days means this, whatever the clock changes.
pub const MICROS_PER_DAY: i64 = 86_400_000_000;

/// A point in time: microseconds since 1970-01-01T00:00:00 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The earliest time an event may bear: 1900-01-01. Anything before it is a parsing accident.
    pub const EARLIEST: Timestamp = Timestamp(-2_208_988_800_000_000);
    /// The latest time an event may bear: 2200-01-01. Anything after it is a parsing accident.
    pub const LATEST: Timestamp = Timestamp(7_258_118_400_000_000);

    /// The point `micros` after 1970-01-01 UTC.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970-01-01 UTC.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The point `days` later, or earlier when negative.
    pub const fn plus_days(self, days: i64) -> Self {
        Self(self.0.saturating_add(days.saturating_mul(MICROS_PER_DAY)))
    }

    /// Days from `earlier` to this point, fractional, negative when `earlier` is later.
    pub fn days_since(self, earlier: Timestamp) -> f64 {
        days(self.0.saturating_sub(earlier.0))
    }

    /// Days from 1970-01-01 to the day it is then in a time zone.
    pub fn local_day(self, zone: &jiff::tz::TimeZone) -> i64 {
        self.local_micros(zone).div_euclid(MICROS_PER_DAY)
    }

    fn local_micros(self, zone: &jiff::tz::TimeZone) -> i64 {
        let instant = jiff::Timestamp::from_microsecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let offset_micros = i64::from(zone.to_offset(instant).seconds()) * 1_000_000;
        self.0.saturating_add(offset_micros)
    }

    /// The hour of the day, 0 to 23, that it is then in a time zone; `None` at midnight to the microsecond, which is how a
    /// date without a time is read.
    pub fn local_hour(self, zone: &jiff::tz::TimeZone) -> Option<u8> {
        const MICROS_PER_HOUR: i64 = MICROS_PER_DAY / 24;
        let micros = self.local_micros(zone).rem_euclid(MICROS_PER_DAY);
        (micros > 0).then_some((micros / MICROS_PER_HOUR) as u8)
    }

    /// The minute of the day and the day of the week (0 for Monday) that it is then in a time zone.
    pub fn local_minute_and_weekday(self, zone: &jiff::tz::TimeZone) -> (u16, u8) {
        let instant = jiff::Timestamp::from_microsecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let local = zone.to_datetime(instant);
        let minute = 60 * u16::from(local.hour().unsigned_abs()) + u16::from(local.minute().unsigned_abs());
        (minute, local.weekday().to_monday_zero_offset().unsigned_abs())
    }

    /// True when an event may bear this time.
    pub fn is_plausible(self) -> bool {
        Self::EARLIEST <= self && self < Self::LATEST
    }

    /// The point written as RFC 3339, or as a date or naive date-time taken as UTC.
    ///
    /// `None` when the text is none of these.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let micros = |t: jiff::Timestamp| Self(t.as_microsecond());
        if let Ok(instant) = text.parse::<jiff::Timestamp>() {
            return Some(micros(instant));
        }
        let naive: jiff::civil::DateTime = text.parse().ok()?;
        let instant = naive.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
        Some(micros(instant))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(instant) => write!(f, "{instant}"),
            Err(_) => write!(f, "{} µs", self.0),
        }
    }
}

/// Days in a span of microseconds, fractional.
pub fn days(micros: i64) -> f64 {
    micros as f64 / MICROS_PER_DAY as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_alone_is_its_midnight_in_utc() {
        assert_eq!(Timestamp::parse("1970-01-02"), Some(Timestamp(MICROS_PER_DAY)));
        assert_eq!(
            Timestamp::parse("2011-09-10T12:50"),
            Timestamp::parse("2011-09-10T12:50:00Z")
        );
        assert_eq!(Timestamp::parse("yesterday"), None);
    }

    #[test]
    fn a_day_begins_at_midnight_where_the_business_is() {
        let rome = jiff::tz::TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a zone");
        let day = |text: &str| Timestamp::parse(text).expect("a time").local_day(&rome);
        assert_eq!(day("1970-01-01T22:59:59Z"), 0);
        assert_eq!(day("1970-01-01T23:00:00Z"), 1);
        assert_eq!(day("2025-07-01T21:59:59Z") + 1, day("2025-07-01T22:00:00Z"));
    }

    #[test]
    fn the_plausible_span_ends_where_its_docs_say() {
        assert_eq!(Timestamp::EARLIEST, Timestamp::parse("1900-01-01").expect("a date"));
        assert_eq!(Timestamp::LATEST, Timestamp::parse("2200-01-01").expect("a date"));
        assert!(!Timestamp::LATEST.is_plausible());
    }
}
