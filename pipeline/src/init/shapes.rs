//! What a text looks like that is no plain number and no time: an amount of money, a time of day, a word for nothing.

/// Signs and codes of currencies, in capitals.
const CURRENCIES: &str =
    "$ € £ ¥ ₹ R$ KR ZŁ EUR USD GBP CHF BRL MXN JPY CNY INR AUD CAD PLN SEK NOK DKK CZK ARS CLP COP";
/// What exports write where nothing is.
const NOTHING: &str = "null na n/a nan none nil \\n undefined unknown guest anonymous";

/// Whether a text is a number as people and countries write amounts: `$1,234.50`, `1 234,50 €`, `12,5`.
pub(super) fn is_amount(text: &str) -> bool {
    let is_mark = |letter: char| letter.is_alphabetic() || "$€£¥₹".contains(letter);
    let ends = |letter: char| !is_mark(letter) && !letter.is_whitespace();
    let (Some(from), Some(to)) = (text.find(ends), text.rfind(ends)) else {
        return false;
    };
    let to = to + text[to..].chars().next().map_or(0, char::len_utf8);
    let marks = [&text[..from], &text[to..]].map(|mark| mark.trim().to_uppercase());
    let is_currency = |mark: &String| mark.is_empty() || CURRENCIES.split(' ').any(|of| of == mark);
    let number = text[from..to].trim_start_matches(['-', '+', '(', '$', '€', '£']);
    let number = number.trim_end_matches(')').trim();
    marks.iter().all(is_currency) && is_grouped(number)
}

/// Whether a text is digits in groups of three, with a fraction behind another sign or without.
fn is_grouped(number: &str) -> bool {
    let plain = number.replace(['\u{a0}', '\u{202f}', '\''], " ");
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let groups = |text: &str, sign: char| {
        let mut groups = text.split(sign);
        let first = groups.next().unwrap_or_default();
        is_digits(first)
            && groups.all(|group| group.len() == 3 && is_digits(group))
            && (first.len() <= 3 || first == text)
    };
    let whole = |text: &str, other: char| [' ', other].into_iter().any(|sign| groups(text, sign));
    let with_fraction = |sign: char, other: char| {
        let parts = plain.rsplit_once(sign);
        parts.is_some_and(|(before, fraction)| is_digits(fraction) && whole(before, other))
    };
    whole(&plain, '.') || whole(&plain, ',') || with_fraction('.', ',') || with_fraction(',', '.')
}

/// Whether a text is a time of day without a day, as `10:30`.
pub(super) fn is_clock(text: &str) -> bool {
    let mut parts = text.split(':');
    let two = |part: Option<&str>, below: u32| {
        let number = part
            .and_then(|part| part.get(..2).or(Some(part)))
            .and_then(|part| part.parse::<u32>().ok());
        number.is_some_and(|number| number < below)
    };
    text.len() <= 15 && two(parts.next(), 24) && two(parts.next(), 60) && parts.count() <= 1
}

/// The word for nothing that a text is.
pub(super) fn nothing(text: &str) -> Option<&'static str> {
    NOTHING.split(' ').find(|of| of.eq_ignore_ascii_case(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_known_in_every_country() {
        for text in [
            "$1,234.50",
            "1 234,50 €",
            "1,234",
            "12,5",
            "-3,25",
            "EUR 12",
            "1.234,00",
            "R$ 5,90",
            "($4.10)",
            "1'000.00",
        ] {
            assert!(is_amount(text), "{text}");
        }
        for text in [
            "C536379",
            "1,23,4",
            "12 Main St",
            "a,b",
            "",
            "$",
            "10:30",
            "2024-01-31",
            "3 kg",
        ] {
            assert!(!is_amount(text), "{text}");
        }
    }

    #[test]
    fn times_of_day_and_words_for_nothing_are_known() {
        assert!(is_clock("10:30") && is_clock("9:05:59.5") && is_clock("10:30 PM"));
        assert!(!is_clock("25:00") && !is_clock("a:b") && !is_clock("2024-01-31 10:30"));
        assert_eq!(
            (nothing("NULL"), nothing("\\N"), nothing("ann")),
            (Some("null"), Some("\\n"), None)
        );
    }
}
