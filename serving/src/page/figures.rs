//! Numbers and dates as each language writes them; days are the business's own.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use percorso_journey::Timestamp;
use percorso_scoring::Language;

/// A space that no line is broken at.
const NO_BREAK: char = '\u{a0}';

/// A share of 1 as a whole percentage; what is not quite 0 or 1 is told as less than one, or more than 99.
pub(super) fn percent(share: f64, language: Language) -> String {
    let (mark, whole) = match 100.0 * share {
        above if above > 0.0 && above < 1.0 => ("< ", 1.0),
        below if below > 99.0 && below < 100.0 => ("> ", 99.0),
        plain => ("", plain.round()),
    };
    match language {
        Language::English | Language::Italian => format!("{mark}{whole}%"),
        Language::Spanish => format!("{mark}{whole}{NO_BREAK}%"),
    }
}

/// A cut-off on a share: a percentage as it is, to a tenth.
pub(super) fn cut_off(share: f64, language: Language) -> String {
    let percent = ((share * 1_000.0).round() / 10.0).to_string();
    match language {
        Language::English => format!("{percent}%"),
        Language::Italian => format!("{}%", percent.replace('.', ",")),
        Language::Spanish => format!("{}{NO_BREAK}%", percent.replace('.', ",")),
    }
}

/// An amount of the business's money, whole from 100 on, with two decimals below.
pub(super) fn money(amount: f64, language: Language) -> String {
    if amount.abs() >= 99.995 {
        return grouped(&format!("{:.0}", amount), language);
    }
    // Minus zero plus zero is zero.
    let cents = (amount * 100.0).round() / 100.0 + 0.0;
    grouped(&format!("{cents:.2}"), language)
}

/// A number with one decimal, or none where it is large.
pub(super) fn decimal(number: f64, language: Language) -> String {
    let places = usize::from(number.abs() < 99.95);
    grouped(&format!("{number:.places$}"), language)
}

/// A whole number.
pub(super) fn count(number: usize, language: Language) -> String {
    grouped(&number.to_string(), language)
}

/// Plain digits with the language's marks.
fn grouped(plain: &str, language: Language) -> String {
    let (group, point, shortest) = match language {
        Language::English => (',', '.', 4),
        Language::Italian => ('.', ',', 4),
        // Four digits stay together.
        Language::Spanish => ('.', ',', 5),
    };
    let (sign, digits) = plain.strip_prefix('-').map_or(("", plain), |digits| ("−", digits));
    let (whole, cents) = digits.split_once('.').unwrap_or((digits, ""));
    let mut text = sign.to_owned();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 && whole.len() >= shortest {
            text.push(group);
        }
        text.push(digit);
    }
    if !cents.is_empty() {
        text.push(point);
        text.push_str(cents);
    }
    text
}

/// The day it is then for the business.
fn local_date(at: Timestamp, zone: &TimeZone) -> jiff::civil::DateTime {
    let instant = jiff::Timestamp::from_microsecond(at.micros()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    zone.to_datetime(instant)
}

/// The day in figures, for machines: `2026-11-23`.
pub(super) fn plain_date(at: Timestamp, zone: &TimeZone) -> String {
    local_date(at, zone).date().to_string()
}

/// The day in words.
pub(super) fn date(at: Timestamp, zone: &TimeZone, language: Language) -> String {
    worded(local_date(at, zone).date(), language)
}

/// The day and minute in words.
pub(super) fn moment(at: Timestamp, zone: &TimeZone, language: Language) -> String {
    let local = local_date(at, zone);
    let day = worded(local.date(), language);
    format!("{day}, {}:{:02}", local.hour(), local.minute())
}

/// A day counted from 1970-01-01 in words.
pub(super) fn day(day: i64, language: Language) -> String {
    let epoch = jiff::civil::date(1970, 1, 1);
    worded(epoch.saturating_add(jiff::Span::new().days(day)), language)
}

fn worded(date: Date, language: Language) -> String {
    let months = match language {
        Language::English => [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ],
        Language::Italian => [
            "gen", "feb", "mar", "apr", "mag", "giu", "lug", "ago", "set", "ott", "nov", "dic",
        ],
        Language::Spanish => [
            "ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sept", "oct", "nov", "dic",
        ],
    };
    let month = months[usize::from(date.month().unsigned_abs()) - 1];
    format!("{}{NO_BREAK}{month}{NO_BREAK}{}", date.day(), date.year())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_has_the_marks_of_its_language() {
        let told = |amount| Language::ALL.map(|language| money(amount, language));
        assert_eq!(told(1_234.4), ["1,234", "1.234", "1234"]);
        assert_eq!(told(-12_345.6), ["−12,346", "−12.346", "−12.346"]);
        assert_eq!(told(8.0), ["8.00", "8,00", "8,00"]);
        assert_eq!(told(-0.001), ["0.00", "0,00", "0,00"]);
        assert_eq!(told(99.999), ["100", "100", "100"]);
    }

    #[test]
    fn a_share_is_never_told_as_certain_when_it_is_not() {
        assert_eq!(percent(0.002, Language::English), "< 1%");
        assert_eq!(percent(0.999, Language::Italian), "> 99%");
        assert_eq!(percent(0.425, Language::Spanish), "43\u{a0}%");
        assert_eq!(percent(0.0, Language::English), "0%");
    }

    #[test]
    fn days_are_the_businesss_own() {
        let rome = TimeZone::get("Europe/Rome").unwrap();
        let at = Timestamp::parse("2026-11-23T23:05:00Z").unwrap();
        assert_eq!(moment(at, &rome, Language::Italian), "24\u{a0}nov\u{a0}2026, 0:05");
        assert_eq!(date(at, &TimeZone::UTC, Language::Spanish), "23\u{a0}nov\u{a0}2026");
        assert_eq!(plain_date(at, &rome), "2026-11-24");
    }
}
