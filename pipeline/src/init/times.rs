//! How people write times, and which of those that can be read an event may bear.

use jiff::tz::TimeZone;
use percorso_journey::Timestamp;

use crate::ingest::parse_time;

/// Ways to write a time, in the order in which they are preferred; `None` is ISO 8601.
pub(super) const FORMATS: [Option<&str>; 52] = [
    None,
    Some("%Y-%m-%d %H:%M:%S UTC"),
    Some("%Y-%m-%d %H:%M:%S%.f UTC"),
    Some("%d/%m/%Y %H:%M:%S"),
    Some("%d/%m/%Y %H:%M"),
    Some("%d/%m/%Y"),
    Some("%m/%d/%Y %H:%M:%S"),
    Some("%m/%d/%Y %H:%M"),
    Some("%m/%d/%Y"),
    Some("%m/%d/%Y %I:%M:%S %p"),
    Some("%m/%d/%Y %I:%M %p"),
    Some("%d/%m/%Y, %H:%M:%S"),
    Some("%d/%m/%Y, %H:%M"),
    Some("%d.%m.%Y %H:%M:%S"),
    Some("%d.%m.%Y %H:%M"),
    Some("%d.%m.%Y, %H:%M"),
    Some("%d.%m.%Y"),
    Some("%d-%m-%Y %H:%M:%S"),
    Some("%d-%m-%Y %H:%M"),
    Some("%d-%m-%Y"),
    Some("%m-%d-%Y %H:%M:%S"),
    Some("%m-%d-%Y %H:%M"),
    Some("%m-%d-%Y"),
    Some("%Y/%m/%d %H:%M:%S"),
    Some("%Y/%m/%d %H:%M"),
    Some("%Y/%m/%d"),
    Some("%d/%m/%y %H:%M:%S"),
    Some("%d/%m/%y %H:%M"),
    Some("%d/%m/%y"),
    Some("%m/%d/%y %H:%M:%S"),
    Some("%m/%d/%y %H:%M"),
    Some("%m/%d/%y"),
    Some("%d.%m.%y %H:%M:%S"),
    Some("%d.%m.%y %H:%M"),
    Some("%d.%m.%y"),
    Some("%d-%m-%y %H:%M:%S"),
    Some("%d-%m-%y %H:%M"),
    Some("%d-%m-%y"),
    Some("%d %b %Y %H:%M:%S"),
    Some("%d %b %Y %H:%M"),
    Some("%d %b %Y"),
    Some("%d-%b-%Y %H:%M:%S"),
    Some("%d-%b-%Y %H:%M"),
    Some("%d-%b-%Y"),
    Some("%d-%b-%y %H:%M:%S"),
    Some("%d-%b-%y %H:%M"),
    Some("%d-%b-%y"),
    Some("%b %d, %Y %H:%M:%S"),
    Some("%b %d, %Y %H:%M"),
    Some("%b %d, %Y"),
    Some("%Y%m%d"),
    Some("%s"),
];

/// The time that a text is, in microseconds, when an event may bear it: `%Y` reads the year 24 too.
pub(super) fn time_of(text: &str, format: Option<&str>) -> Option<i64> {
    let micros = parse_time(text, format, &TimeZone::UTC)?;
    Timestamp::from_micros(micros).is_plausible().then_some(micros)
}

/// A format with day and month swapped where they begin it; itself where they do not.
pub(super) fn swapped(format: &str) -> String {
    match format.as_bytes() {
        [b'%', b'd', between, b'%', b'm', ..] => format!("%m{}%d{}", char::from(*between), &format[5..]),
        [b'%', b'm', between, b'%', b'd', ..] => format!("%d{}%m{}", char::from(*between), &format[5..]),
        _ => format.to_owned(),
    }
}
