//! Typed readings of a source column, one array per field, whatever type the file gave it.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use percorso_journey::{ContractBreak, Timestamp};

/// The column has a type that cannot be read as this field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WrongType {
    pub(crate) found: DataType,
    pub(crate) expected: &'static str,
}

/// Text of any column; whole numbers lose their `.0`, as spreadsheets add it to ids.
pub(crate) fn texts(column: &ArrayRef) -> Result<StringArray, WrongType> {
    let expected = "text or whole numbers";
    match column.data_type() {
        DataType::Float64 | DataType::Float32 => {
            let numbers = cast(column, &DataType::Float64).map_err(|_| wrong(column, expected))?;
            let numbers = numbers
                .as_any()
                .downcast_ref::<Float64Array>()
                .ok_or_else(|| wrong(column, expected))?;
            Ok(numbers
                .iter()
                .map(|number| number.filter(|number| !number.is_nan()).map(whole))
                .collect())
        }
        DataType::Decimal32(_, _)
        | DataType::Decimal64(_, _)
        | DataType::Decimal128(_, _)
        | DataType::Decimal256(_, _) => {
            let texts = cast(column, &DataType::Utf8).map_err(|_| wrong(column, expected))?;
            let texts = texts.as_any().downcast_ref::<StringArray>();
            let texts = texts.ok_or_else(|| wrong(column, expected))?.iter();
            Ok(texts.map(|text| text.map(without_zeros)).collect())
        }
        DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Utf8View
        | DataType::Dictionary(_, _)
        | DataType::Boolean
        | DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32
        | DataType::UInt64
        | DataType::Null => {
            let texts = cast(column, &DataType::Utf8).map_err(|_| wrong(column, expected))?;
            texts
                .as_any()
                .downcast_ref::<StringArray>()
                .cloned()
                .ok_or_else(|| wrong(column, expected))
        }
        _ => Err(wrong(column, expected)),
    }
}

fn whole(number: f64) -> String {
    if number == number.trunc() && number.abs() < 9e15 {
        format!("{}", number as i64)
    } else {
        number.to_string()
    }
}

/// A decimal without the zeros that end its fraction, as databases add them.
fn without_zeros(decimal: &str) -> &str {
    match decimal.contains('.') {
        true => decimal.trim_end_matches('0').trim_end_matches('.'),
        false => decimal,
    }
}

/// A column of numbers, or of texts that hold numbers.
pub(super) enum Numbers {
    Typed(Float64Array),
    Texts(StringArray),
}

impl Numbers {
    pub(super) fn of(column: &ArrayRef) -> Result<Self, WrongType> {
        let expected = "a number";
        let data_type = column.data_type();
        if data_type.is_numeric() || *data_type == DataType::Null {
            let numbers = cast(column, &DataType::Float64).map_err(|_| wrong(column, expected))?;
            return numbers
                .as_any()
                .downcast_ref::<Float64Array>()
                .cloned()
                .map(Self::Typed)
                .ok_or_else(|| wrong(column, expected));
        }
        if is_text(data_type) {
            Ok(Self::Texts(texts(column)?))
        } else {
            Err(wrong(column, expected))
        }
    }

    /// The number in a row; NaN counts as a break of the contract, not as missing.
    pub(super) fn get(&self, field: &str, row: usize) -> Result<Option<f64>, ContractBreak> {
        let not_finite = |found| ContractBreak::NotFinite {
            field: field.to_owned(),
            found,
        };
        let number = match self {
            Self::Typed(numbers) => numbers.is_valid(row).then(|| numbers.value(row)),
            Self::Texts(texts) => match text_at(texts, row) {
                None => None,
                Some(text) => Some(text.parse::<f64>().map_err(|_| unparsable(field, text, "a number"))?),
            },
        };
        match number {
            Some(number) if !number.is_finite() => Err(not_finite(number)),
            number => Ok(number),
        }
    }
}

/// A column of whole numbers, or of texts that hold them.
pub(super) enum WholeNumbers {
    Typed(Int64Array),
    Texts(StringArray),
}

impl WholeNumbers {
    pub(super) fn of(column: &ArrayRef) -> Result<Self, WrongType> {
        let expected = "a whole number";
        if column.data_type().is_integer() {
            let numbers = cast(column, &DataType::Int64).map_err(|_| wrong(column, expected))?;
            return numbers
                .as_any()
                .downcast_ref::<Int64Array>()
                .cloned()
                .map(Self::Typed)
                .ok_or_else(|| wrong(column, expected));
        }
        if is_text(column.data_type()) {
            Ok(Self::Texts(texts(column)?))
        } else {
            Err(wrong(column, expected))
        }
    }

    pub(super) fn get(&self, field: &str, row: usize) -> Result<Option<i64>, ContractBreak> {
        match self {
            Self::Typed(numbers) => Ok(numbers.is_valid(row).then(|| numbers.value(row))),
            Self::Texts(texts) => text_at(texts, row)
                .map(|text| text.parse().map_err(|_| unparsable(field, text, "a whole number")))
                .transpose(),
        }
    }
}

/// A column of truth values, or of texts that hold them.
pub(super) enum Flags {
    Typed(BooleanArray),
    Texts(StringArray),
}

impl Flags {
    pub(super) fn of(column: &ArrayRef) -> Result<Self, WrongType> {
        match column.as_any().downcast_ref::<BooleanArray>() {
            Some(flags) => Ok(Self::Typed(flags.clone())),
            None => texts(column)
                .map(Self::Texts)
                .map_err(|_| wrong(column, "true or false")),
        }
    }

    pub(super) fn get(&self, field: &str, row: usize) -> Result<Option<bool>, ContractBreak> {
        match self {
            Self::Typed(flags) => Ok(flags.is_valid(row).then(|| flags.value(row))),
            Self::Texts(texts) => text_at(texts, row)
                .map(|text| parse_flag(text).ok_or_else(|| unparsable(field, text, "true or false")))
                .transpose(),
        }
    }
}

/// A column of times, or of texts that hold them.
pub(crate) enum Times {
    Typed {
        micros: TimestampMicrosecondArray,
        is_naive: bool,
    },
    Texts {
        texts: StringArray,
        format: Option<String>,
    },
}

impl Times {
    pub(crate) fn of(column: &ArrayRef, format: Option<&str>) -> Result<Self, WrongType> {
        let expected = "a timestamp, a date, or text";
        let is_naive = match column.data_type() {
            DataType::Timestamp(_, zone) => zone.is_none(),
            DataType::Date32 | DataType::Date64 | DataType::Null => true,
            data_type if is_text(data_type) => {
                return Ok(Self::Texts {
                    texts: texts(column)?,
                    format: format.map(str::to_owned),
                });
            }
            _ => return Err(wrong(column, expected)),
        };
        let utc = match column.data_type() {
            DataType::Timestamp(_, Some(_)) => DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC"))),
            _ => DataType::Timestamp(TimeUnit::Microsecond, None),
        };
        let micros = cast(column, &utc).map_err(|_| wrong(column, expected))?;
        let micros = micros.as_any().downcast_ref::<TimestampMicrosecondArray>();
        micros
            .map(|micros| Self::Typed {
                micros: micros.clone(),
                is_naive,
            })
            .ok_or_else(|| wrong(column, expected))
    }

    /// The time in a row, in microseconds UTC; a naive one is told in `zone`.
    pub(crate) fn get(&self, field: &str, row: usize, zone: &TimeZone) -> Result<Option<i64>, ContractBreak> {
        match self {
            Self::Typed { micros, is_naive } => {
                let micros = micros.is_valid(row).then(|| micros.value(row));
                Ok(micros.map(|micros| if *is_naive { in_zone(micros, zone) } else { micros }))
            }
            Self::Texts { texts, format } => text_at(texts, row)
                .map(|text| {
                    parse_time(text, format.as_deref(), zone)
                        .ok_or_else(|| unparsable(field, text, "a time such as 2024-01-31T12:30:00Z"))
                })
                .transpose(),
        }
    }
}

fn in_zone(naive_micros: i64, zone: &TimeZone) -> i64 {
    if *zone == TimeZone::UTC {
        return naive_micros;
    }
    let Ok(instant) = jiff::Timestamp::from_microsecond(naive_micros) else {
        return naive_micros;
    };
    let civil = TimeZone::UTC.to_datetime(instant);
    zone.to_timestamp(civil)
        .map_or(naive_micros, jiff::Timestamp::as_microsecond)
}

/// The time that a text is, in microseconds UTC, read with a `strptime` format when given; a naive one is told in `zone`.
pub(crate) fn parse_time(text: &str, format: Option<&str>, zone: &TimeZone) -> Option<i64> {
    if let Some(format) = format {
        let parsed = jiff::fmt::strtime::parse(format, text).ok()?;
        return parsed
            .to_timestamp()
            .map(jiff::Timestamp::as_microsecond)
            .ok()
            .or_else(|| {
                let civil = parsed
                    .to_datetime()
                    .or_else(|_| parsed.to_date().map(DateTime::from))
                    .ok()?;
                zone.to_timestamp(civil).ok().map(jiff::Timestamp::as_microsecond)
            });
    }
    match text.parse::<DateTime>() {
        Ok(civil) if text.parse::<jiff::Timestamp>().is_err() => {
            zone.to_timestamp(civil).ok().map(jiff::Timestamp::as_microsecond)
        }
        _ => Timestamp::parse(text).map(Timestamp::micros),
    }
}

/// The truth value that a text is.
pub(crate) fn parse_flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" => Some(true),
        "false" | "0" | "no" => Some(false),
        _ => None,
    }
}

/// The text in a row, trimmed; `None` when absent or blank.
pub(crate) fn text_at(texts: &StringArray, row: usize) -> Option<&str> {
    texts
        .is_valid(row)
        .then(|| texts.value(row).trim())
        .filter(|text| !text.is_empty())
}

fn is_text(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(_, _)
    )
}

fn wrong(column: &ArrayRef, expected: &'static str) -> WrongType {
    WrongType {
        found: column.data_type().clone(),
        expected,
    }
}

fn unparsable(field: &str, found: &str, expected: &'static str) -> ContractBreak {
    let found = found.chars().take(60).collect();
    ContractBreak::Unparsable {
        field: field.to_owned(),
        found,
        expected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_a_spreadsheet_made_a_float_is_whole_again() {
        let column: ArrayRef = Arc::new(Float64Array::from(vec![Some(13085.0), Some(1.5), None]));
        let texts = texts(&column).expect("numbers are texts");
        assert_eq!(texts.iter().collect::<Vec<_>>(), [Some("13085"), Some("1.5"), None]);
    }

    #[test]
    fn an_id_that_a_database_made_a_decimal_is_whole_again() {
        let column = arrow::array::Decimal128Array::from(vec![Some(1_308_500), Some(150), None]);
        let column: ArrayRef = Arc::new(column.with_precision_and_scale(9, 2).expect("it fits"));
        let texts = texts(&column).expect("numbers are texts");
        assert_eq!(texts.iter().collect::<Vec<_>>(), [Some("13085"), Some("1.5"), None]);
        let numbers = Numbers::of(&column).expect("numbers");
        assert_eq!(numbers.get("value", 1), Ok(Some(1.5)));
    }

    #[test]
    fn a_naive_time_is_told_in_the_business_zone() {
        let zone = jiff::tz::TimeZoneDatabase::bundled()
            .get("Europe/Rome")
            .expect("bundled");
        let column: ArrayRef = Arc::new(StringArray::from(vec![
            "2024-07-01 12:00:00",
            "2024-07-01T12:00:00Z",
            "noon",
        ]));
        let times = Times::of(&column, None).expect("texts may be times");
        let at = |row| times.get("at", row, &zone);
        assert_eq!(at(0), Ok(Some(1_719_828_000_000_000)));
        assert_eq!(at(1), Ok(Some(1_719_835_200_000_000)));
        assert_eq!(at(2).expect_err("not a time").reason(), "unparsable");
        let column: ArrayRef = Arc::new(StringArray::from(vec!["01.07.2024 12:00"]));
        let times = Times::of(&column, Some("%d.%m.%Y %H:%M")).expect("texts may be times");
        assert_eq!(times.get("at", 0, &zone), Ok(Some(1_719_828_000_000_000)));
    }

    #[test]
    fn a_type_that_cannot_hold_the_field_is_refused() {
        let column: ArrayRef = Arc::new(BooleanArray::from(vec![true]));
        assert_eq!(
            Times::of(&column, None).err().expect("no time").found,
            DataType::Boolean
        );
    }

    #[test]
    fn not_a_number_breaks_the_contract() {
        let column: ArrayRef = Arc::new(Float64Array::from(vec![Some(f64::NAN), None, Some(2.0)]));
        let numbers = Numbers::of(&column).expect("numbers");
        assert_eq!(numbers.get("value", 0).expect_err("NaN").reason(), "not_finite");
        assert_eq!(numbers.get("value", 1), Ok(None));
        assert_eq!(numbers.get("value", 2), Ok(Some(2.0)));
    }
}
