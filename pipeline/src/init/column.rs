//! What a column looks like: how much is missing, what kind its values are, how many there are.
//!
//! Up to 1,000 different values are kept, of more only hashes.

use std::collections::{BTreeMap, BTreeSet};

use super::shapes::{is_amount, is_clock, nothing};
use super::tables::{TextColumn, Written};
use super::times::{FORMATS, swapped, time_of};
use super::words::{CONSENT, EVENT_TIMES, NAMERS, TIMES, has_word, hash, words};
use crate::ingest::{parse_flag, text_at};

/// A list of values is kept up to this length; longer ones are counted by their smallest hashes.
const MAX_VALUES: usize = 1_000;
const N_HASHES: usize = 2_048;
/// After so many values, formats that do not fit are given up.
const TRIED: u64 = 500;
/// No number of an event is larger.
const LARGEST: f64 = 1e15;
/// The share of values that a kind needs.
const NEARLY_ALL: f64 = 0.98;

/// What the values of a column are.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// Points in time, in text of this format when it is not ISO 8601.
    Time(Option<&'static str>),
    /// True or false.
    Flag,
    /// Numbers.
    Number,
    /// Anything else.
    Category,
}

/// A column in numbers.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) words: Vec<String>,
    /// Its place in the file.
    pub(super) position: usize,
    pub(super) written: Written,
    pub(super) n_rows: u64,
    pub(super) n_there: u64,
    n_numbers: u64,
    n_whole: u64,
    /// Numbers in digits alone, as ingest reads whole ones.
    n_in_digits: u64,
    /// Numbers larger than an event may bear.
    n_huge: u64,
    /// Cells that are not a number: nothing as text, and no number that ingest takes.
    n_nan: u64,
    n_flags: u64,
    /// Amounts with signs, spaces or commas, which ingest does not read.
    n_amounts: u64,
    /// Times of day without a day.
    n_clocks: u64,
    /// How often words for nothing come.
    pub(super) nothings: BTreeMap<&'static str, u64>,
    n_with_spaces: u64,
    pub(super) n_negative: u64,
    pub(super) smallest: f64,
    pub(super) largest: f64,
    /// Bytes of the longest value.
    pub(super) longest: usize,
    formats: Vec<(Option<&'static str>, u64)>,
    /// Every value with its count; `None` when there are too many.
    values: Option<BTreeMap<String, u64>>,
    hashes: BTreeSet<u64>,
    /// How often letters lead digits, as in `C536379`; without letters under the empty text.
    pub(super) led_by: BTreeMap<String, u64>,
    last: Option<f64>,
    /// True as long as every number is the one before and 1.
    counts_rows: bool,
}

impl Column {
    /// A column of which nothing was seen yet.
    pub(super) fn new(name: &str, position: usize, written: Written) -> Self {
        Self {
            name: name.to_owned(),
            words: words(name.strip_prefix("case:").unwrap_or(name)),
            position,
            written,
            n_rows: 0,
            n_there: 0,
            n_numbers: 0,
            n_whole: 0,
            n_in_digits: 0,
            n_huge: 0,
            n_nan: 0,
            n_flags: 0,
            n_amounts: 0,
            n_clocks: 0,
            nothings: BTreeMap::new(),
            n_with_spaces: 0,
            n_negative: 0,
            smallest: f64::INFINITY,
            largest: f64::NEG_INFINITY,
            longest: 0,
            formats: FORMATS.map(|format| (format, 0)).to_vec(),
            values: Some(BTreeMap::new()),
            hashes: BTreeSet::new(),
            led_by: BTreeMap::new(),
            last: None,
            counts_rows: true,
        }
    }

    /// Takes in a batch of it.
    pub(super) fn observe(&mut self, column: &TextColumn) {
        self.n_nan += column.n_nan;
        for row in 0..arrow::array::Array::len(&column.texts) {
            if let Some(text) = text_at(&column.texts, row) {
                self.observe_text(text);
            }
        }
    }

    fn observe_text(&mut self, text: &str) {
        self.n_there += 1;
        self.longest = self.longest.max(text.len());
        let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
        if let Some(number) = number {
            let is_whole = number == number.trunc();
            self.n_numbers += 1;
            self.n_whole += u64::from(is_whole);
            self.n_in_digits += u64::from(text.parse::<i64>().is_ok());
            self.n_huge += u64::from(number.abs() > LARGEST);
            self.n_negative += u64::from(number < 0.0);
            self.smallest = self.smallest.min(number);
            self.largest = self.largest.max(number);
            self.counts_rows &= is_whole && self.last.is_none_or(|last| number == last + 1.0);
            self.last = Some(number);
        } else {
            self.counts_rows = false;
            self.n_amounts += u64::from(is_amount(text));
            self.n_clocks += u64::from(is_clock(text));
            if let Some(word) = nothing(text) {
                *self.nothings.entry(word).or_default() += 1;
            }
        }
        self.n_with_spaces += u64::from(text.contains(' '));
        self.n_flags += u64::from(parse_flag(text).is_some());
        self.observe_time(text, number.is_some());
        let hash = hash(text);
        self.hashes.insert(hash);
        if self.hashes.len() > N_HASHES {
            self.hashes.pop_last();
        }
        if let Some(values) = &mut self.values {
            match values.get_mut(text) {
                Some(count) => *count += 1,
                None => {
                    values.insert(text.to_owned(), 1);
                }
            }
            if values.len() > MAX_VALUES {
                self.values = None;
            }
        }
        let letters: String = text.chars().take_while(char::is_ascii_alphabetic).collect();
        let leads = letters.len() <= 3 && text.len() > letters.len();
        if leads && text[letters.len()..].bytes().all(|byte| byte.is_ascii_digit()) && self.led_by.len() < 50 {
            *self.led_by.entry(letters).or_default() += 1;
        }
    }

    fn observe_time(&mut self, text: &str, is_number: bool) {
        if self.formats.is_empty() {
            return;
        }
        for (format, n_read) in &mut self.formats {
            let may_be = match *format {
                Some("%Y%m%d") => is_number && text.len() == 8,
                Some("%s") => is_number && text.len() == 10,
                _ => !is_number && (6..=40).contains(&text.len()),
            };
            *n_read += u64::from(may_be && time_of(text, *format).is_some());
        }
        if self.n_there == TRIED {
            self.formats.retain(|(_, n_read)| *n_read * 10 >= TRIED * 9);
        }
    }

    /// Whether the same column of another file can be read the same way: for times, by one format.
    pub(super) fn is_like(&self, other: &Column) -> bool {
        if self.n_there == 0 || other.n_there == 0 {
            return true;
        }
        let is_time = |column: &Column| matches!(column.kind(), Kind::Time(_));
        let reads = |column: &Column, format: Option<&str>| {
            let n_read = column.n_read(format).unwrap_or(0);
            n_read as f64 >= NEARLY_ALL * column.n_there as f64
        };
        let both = |format: &Option<&str>| reads(self, *format) && reads(other, *format);
        self.written == other.written
            && match (is_time(self), is_time(other)) {
                (true, true) => self.written == Written::Time || FORMATS.iter().any(both),
                (one, another) => one == another,
            }
    }

    /// Takes in the same column of another file.
    pub(super) fn join(&mut self, other: Column) {
        if self.n_there == 0 {
            // What is empty says nothing of how the others are written.
            let n_rows = self.n_rows + other.n_rows;
            *self = Column {
                position: self.position,
                n_rows,
                ..other
            };
            return;
        }
        self.n_rows += other.n_rows;
        self.n_there += other.n_there;
        self.n_numbers += other.n_numbers;
        self.n_whole += other.n_whole;
        self.n_in_digits += other.n_in_digits;
        self.n_huge += other.n_huge;
        self.n_nan += other.n_nan;
        self.n_flags += other.n_flags;
        self.n_amounts += other.n_amounts;
        self.n_clocks += other.n_clocks;
        for (word, count) in &other.nothings {
            *self.nothings.entry(word).or_default() += count;
        }
        self.n_with_spaces += other.n_with_spaces;
        self.n_negative += other.n_negative;
        self.smallest = self.smallest.min(other.smallest);
        self.largest = self.largest.max(other.largest);
        self.longest = self.longest.max(other.longest);
        self.counts_rows &= other.counts_rows;
        self.formats
            .retain_mut(|(format, n_read)| other.n_read(*format).inspect(|n| *n_read += n).is_some());
        self.values = self.values.take().zip(other.values).map(|(mut own, others)| {
            others
                .into_iter()
                .for_each(|(value, count)| *own.entry(value).or_default() += count);
            own
        });
        self.values.take_if(|values| values.len() > MAX_VALUES);
        self.hashes.extend(other.hashes);
        while self.hashes.len() > N_HASHES {
            self.hashes.pop_last();
        }
        for (letters, count) in other.led_by {
            *self.led_by.entry(letters).or_default() += count;
        }
    }

    /// What its values are.
    pub(super) fn kind(&self) -> Kind {
        let nearly_all = |count: u64| self.n_there > 0 && count as f64 >= NEARLY_ALL * self.n_there as f64;
        if self.written == Written::Time {
            return Kind::Time(None);
        }
        let best = self.formats.iter().rev().max_by_key(|(_, n_read)| *n_read);
        if let Some((format, n_read)) = best
            && nearly_all(*n_read)
            && self.written == Written::Text
        {
            // Whole numbers of eight or ten digits are times only where the name says so.
            let is_number = matches!(format, Some("%Y%m%d" | "%s"));
            if !is_number || has_word(&self.words, TIMES) || has_word(&self.words, EVENT_TIMES) {
                return Kind::Time(*format);
            }
        }
        if self.n_flags == self.n_there && self.n_there > 0 && self.n_distinct() <= 2.0 {
            let is_coded = self.n_numbers == self.n_there;
            if !is_coded || has_word(&self.words, CONSENT) || self.n_distinct() == 2.0 {
                return Kind::Flag;
            }
        }
        let is_name = self.n_whole == self.n_there && self.n_negative == 0 && has_word(&self.words, NAMERS);
        if self.n_numbers == self.n_there && self.n_there > 0 && !is_name {
            return Kind::Number;
        }
        Kind::Category
    }

    /// Whether ingest reads every value as one of its kind.
    pub(super) fn is_sound(&self) -> bool {
        match self.kind() {
            Kind::Time(format) => self.n_read(format) == Some(self.n_there),
            Kind::Number => self.n_huge + self.n_nan == 0,
            Kind::Flag | Kind::Category => true,
        }
    }

    /// Whether at most one row in 200 has a number that ingest refuses.
    pub(super) fn is_nearly_sound(&self) -> bool {
        (self.n_huge + self.n_nan) * 200 <= self.n_rows
    }

    /// Whether every value is a whole number in digits.
    pub(super) fn is_whole(&self) -> bool {
        self.n_in_digits == self.n_there
    }

    /// How many values a format reads; `None` when it was given up.
    fn n_read(&self, wanted: Option<&str>) -> Option<u64> {
        let of = self.formats.iter().find(|(format, _)| *format == wanted);
        of.map(|(_, n_read)| *n_read)
    }

    /// The format with day and month swapped, when no value tells them apart.
    pub(super) fn other_format(&self) -> Option<&'static str> {
        let Kind::Time(Some(chosen)) = self.kind() else {
            return None;
        };
        let swapped = swapped(chosen);
        let mut others = self.formats.iter().filter_map(|(format, _)| *format);
        others.find(|other| {
            *other != chosen && *other == swapped && self.n_read(Some(other)) == self.n_read(Some(chosen))
        })
    }

    /// How many different values there are; exact up to 1,000, else estimated to a few percent.
    pub(super) fn n_distinct(&self) -> f64 {
        if let Some(values) = &self.values {
            return values.len() as f64;
        }
        let largest = self.hashes.last().copied().unwrap_or(u64::MAX);
        (self.hashes.len() as f64 - 1.0) * (u64::MAX as f64 / largest as f64)
    }

    /// The values and their counts, when they are at most 1,000.
    pub(super) fn values(&self) -> Option<&BTreeMap<String, u64>> {
        self.values.as_ref()
    }

    /// The share of rows without a value.
    pub(super) fn share_missing(&self) -> f64 {
        1.0 - self.n_there as f64 / self.n_rows.max(1) as f64
    }

    /// The share of values that are the only one of their kind, at most: 1 for a key of the table.
    pub(super) fn share_distinct(&self) -> f64 {
        (self.n_distinct() / self.n_there.max(1) as f64).min(1.0)
    }

    /// Whether it could name things: no times, no fractions, not the number of the row.
    pub(super) fn may_be_id(&self) -> bool {
        !matches!(self.kind(), Kind::Time(_))
            && self.n_whole == self.n_numbers
            && self.n_negative == 0
            && !self.is_row_number()
            && self.n_distinct() >= 2.0
    }

    /// Whether it holds amounts with signs, spaces or commas.
    pub(super) fn has_amounts(&self) -> bool {
        self.n_amounts > 0 && (self.n_amounts + self.n_numbers) as f64 >= NEARLY_ALL * self.n_there as f64
    }

    /// Whether it holds times of day without a day.
    pub(super) fn is_clock(&self) -> bool {
        self.n_clocks > 0 && self.n_clocks as f64 >= NEARLY_ALL * self.n_there as f64
    }

    /// What its numbers count since 1970, where its name says a time and ingest reads none from them.
    pub(super) fn since_1970(&self) -> Option<&'static str> {
        let is_named = has_word(&self.words, TIMES) || has_word(&self.words, EVENT_TIMES);
        let is_from = |unit: f64| unit <= self.smallest && self.largest <= 4.1 * unit;
        let counted = [(1e9, "seconds"), (1e12, "milliseconds"), (1e15, "microseconds")];
        let unit = counted
            .into_iter()
            .find(|(unit, _)| is_from(*unit))
            .map(|(_, name)| name);
        unit.filter(|_| is_named && self.n_whole == self.n_there && !matches!(self.kind(), Kind::Time(_)))
    }

    /// Whether it only counts the rows.
    pub(super) fn is_row_number(&self) -> bool {
        self.counts_rows && self.n_there == self.n_rows && self.n_rows > 2 && self.smallest <= 1.0
    }

    /// Whether it holds sentences rather than values.
    pub(super) fn is_free_text(&self) -> bool {
        self.values.is_none() && self.n_with_spaces * 2 > self.n_there && self.kind() == Kind::Category
    }

    /// The share of this column's values that another one has too, as far as their hashes tell.
    pub(super) fn overlap(&self, other: &Column) -> f64 {
        let bound = |column: &Column| {
            let is_whole = column.hashes.len() < N_HASHES;
            if is_whole {
                u64::MAX
            } else {
                column.hashes.last().copied().unwrap_or(0)
            }
        };
        let bound = bound(self).min(bound(other));
        let mine: Vec<u64> = self.hashes.range(..=bound).copied().collect();
        let shared = mine.iter().filter(|hash| other.hashes.contains(hash)).count();
        shared as f64 / mine.len().max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, texts: &[&str]) -> Column {
        let mut column = Column::new(name, 0, Written::Text);
        texts.iter().for_each(|text| column.observe_text(text));
        column.n_rows = texts.len() as u64;
        column
    }

    #[test]
    fn times_are_known_however_they_are_written() {
        for (texts, expected) in [
            (["2024-01-31T10:00:00Z", "2024-02-01T10:00:00Z"], None),
            (["2024-01-31 10:00", "2024-02-01 10:00"], None),
            (["2024-01-31", "2024-02-01"], None),
            (["31/01/2024 10:00", "01/02/2024 10:00"], Some("%d/%m/%Y %H:%M")),
            (["12/31/2024 8:26", "1/2/2024 10:00"], Some("%m/%d/%Y %H:%M")),
            (["31.01.2024", "01.02.2024"], Some("%d.%m.%Y")),
            (["20240131", "20240201"], Some("%Y%m%d")),
            (["31/01/24", "01/02/24"], Some("%d/%m/%y")),
            (["1/31/24 8:26", "2/1/24 10:00"], Some("%m/%d/%y %H:%M")),
            (["31.01.24 10:00:05", "01.02.24 10:00:00"], Some("%d.%m.%y %H:%M:%S")),
            (["31-01-24", "01-02-24"], Some("%d-%m-%y")),
            (["31 Jan 2024 10:00", "01 Feb 2024 09:30"], Some("%d %b %Y %H:%M")),
            (
                ["2019-11-01 00:00:00.123 UTC", "2019-11-01 00:00:05.5 UTC"],
                Some("%Y-%m-%d %H:%M:%S%.f UTC"),
            ),
            (["1706700000", "1706800000"], Some("%s")),
            (
                ["2019-11-01 00:00:00 UTC", "2019-11-01 00:00:05 UTC"],
                Some("%Y-%m-%d %H:%M:%S UTC"),
            ),
        ] {
            let column = column("event time", &texts);
            assert_eq!(column.kind(), Kind::Time(expected), "{texts:?}");
            assert!(column.is_sound());
        }
        assert_eq!(column("customer", &["20240131", "20240201"]).kind(), Kind::Number);
        assert_eq!(
            column("when", &["01/02/2024", "03/04/2024"]).other_format(),
            Some("%m/%d/%Y")
        );
        assert_eq!(column("when", &["01/02/2024", "13/04/2024"]).other_format(), None);
        assert_eq!(column("when", &["1 Jan 2024", "2 Feb 2024"]).other_format(), None);
    }

    #[test]
    fn values_have_kinds() {
        assert_eq!(column("newsletter", &["yes", "no", "no"]).kind(), Kind::Flag);
        assert_eq!(column("x", &["1", "2.5"]).kind(), Kind::Number);
        assert_eq!(column("x", &["1", "two"]).kind(), Kind::Category);
        assert!(column("x", &["1,5", "2", "-3,25"]).has_amounts());
        assert!(!column("x", &["1.5", "2", "a,b"]).has_amounts());
        assert!(column("", &["0", "1", "2", "3"]).is_row_number());
        assert!(!column("id", &["7", "9", "3"]).is_row_number());
        assert_eq!(
            column("event_ts", &["1706700000123", "1706800000456"]).since_1970(),
            Some("milliseconds")
        );
        assert_eq!(column("price", &["1706700000123"]).since_1970(), None);
        assert_eq!(column("x", &["C536379", "536380", "536381"]).led_by.get("C"), Some(&1));
    }

    #[test]
    fn distinct_values_are_counted_or_nearly() {
        let texts: Vec<String> = (0..50_000).map(|number| format!("c{}", number % 20_000)).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let column = column("customer", &texts);
        assert!(
            (column.n_distinct() / 20_000.0 - 1.0).abs() < 0.1,
            "{}",
            column.n_distinct()
        );
        assert!(column.values().is_none());
        assert!(column.overlap(&column) > 0.99);
    }
}
