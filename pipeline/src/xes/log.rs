//! What a log holds: traces, their events, and typed attributes.

use std::borrow::Cow;
use std::fmt;

use percorso_journey::Timestamp;

/// One case: its attributes and its events in file order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    /// What is said of the case; `concept:name` is its name, where it has one.
    pub attributes: Attributes,
    /// Its events; none is possible.
    pub events: Vec<Event>,
}

/// One event.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Event {
    /// What is said of it; `concept:name` is its activity, `time:timestamp` when it happened.
    pub attributes: Attributes,
}

/// Attributes in file order. Of two with one key, the last counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attributes(pub Vec<Attribute>);

/// A key, its value, and what is said about the value.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    /// Its key, such as `org:resource`.
    pub key: String,
    /// Its value.
    pub value: Value,
    /// Attributes of the attribute, or the items of a list.
    pub nested: Attributes,
}

/// A value as the type of its element has it.
///
/// What cannot be read as that type stays [`Value::Text`], as does a date without an offset: it is no point in time.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `<string>` and `<id>`.
    Text(String),
    /// `<date>`, to the microsecond.
    Time(Timestamp),
    /// `<int>`.
    Int(i64),
    /// `<float>`; NaN and infinities are possible.
    Float(f64),
    /// `<boolean>`.
    Bool(bool),
    /// `<list>` and `<container>`; the items are nested attributes.
    List,
}

impl Attributes {
    /// The value under a key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        let attribute = self.0.iter().rev().find(|attribute| attribute.key == key);
        attribute.map(|attribute| &attribute.value)
    }

    /// The value under a key as text, trimmed; `None` when absent or blank.
    pub fn text(&self, key: &str) -> Option<Cow<'_, str>> {
        let text = match self.get(key)? {
            Value::Text(text) => Cow::Borrowed(text.trim()),
            value => Cow::Owned(value.to_string()),
        };
        (!text.is_empty()).then_some(text)
    }

    /// The value under a key as a point in time; one without an offset is taken as UTC.
    ///
    /// `None` when absent or no time.
    pub fn time(&self, key: &str) -> Option<Timestamp> {
        match self.get(key)? {
            Value::Time(at) => Some(*at),
            Value::Text(text) => Timestamp::parse(text),
            Value::Int(_) | Value::Float(_) | Value::Bool(_) | Value::List => None,
        }
    }
}

impl Value {
    /// The value that an attribute element's text is, by the local name of the element.
    ///
    /// `None` when the element is no attribute.
    pub(super) fn of(element: &str, text: &str) -> Option<Self> {
        let typed = match element {
            "string" | "id" => None,
            "date" => time(text.trim()).map(Self::Time),
            "int" => text.trim().parse().ok().map(Self::Int),
            "float" => text.trim().parse().ok().map(Self::Float),
            "boolean" => flag(text.trim()).map(Self::Bool),
            "list" | "container" => Some(Self::List),
            _ => return None,
        };
        Some(typed.unwrap_or_else(|| Self::Text(text.to_owned())))
    }
}

/// A value as text: a whole float without its `.0`, a time as RFC 3339, a list as nothing.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Time(at) => write!(f, "{at}"),
            Self::Int(number) => write!(f, "{number}"),
            Self::Float(number) => write!(f, "{number}"),
            Self::Bool(flag) => write!(f, "{flag}"),
            Self::List => Ok(()),
        }
    }
}

/// A point in time as `xs:dateTime` writes it, with offset; digits beyond the nanosecond are cut.
fn time(text: &str) -> Option<Timestamp> {
    let parse = |text: &str| text.parse::<jiff::Timestamp>().ok();
    let parsed = parse(text).or_else(|| {
        let fraction = text.find('.')? + 1;
        let digits = text[fraction..].bytes().take_while(u8::is_ascii_digit).count();
        let (kept, after) = (fraction + digits.min(9), fraction + digits);
        parse(&format!("{}{}", &text[..kept], &text[after..]))
    })?;
    Some(Timestamp::from_micros(parsed.as_microsecond()))
}

fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(element: &str, text: &str) -> Value {
        Value::of(element, text).expect("an attribute element")
    }

    fn at(text: &str) -> Value {
        Value::Time(Timestamp::parse(text).expect("a time"))
    }

    #[test]
    fn a_value_has_the_type_of_its_element() {
        assert_eq!(value("string", " 7 "), Value::Text(" 7 ".to_owned()));
        assert_eq!(value("id", "a-b"), Value::Text("a-b".to_owned()));
        assert_eq!(value("int", "-7"), Value::Int(-7));
        assert_eq!(value("float", "112.0"), Value::Float(112.0));
        assert_eq!(value("float", "-INF"), Value::Float(f64::NEG_INFINITY));
        assert_eq!(value("boolean", "True"), Value::Bool(true));
        assert_eq!(value("boolean", "0"), Value::Bool(false));
        assert_eq!(value("list", ""), Value::List);
        assert_eq!(value("container", ""), Value::List);
        assert_eq!(Value::of("event", ""), None);
    }

    #[test]
    fn a_date_is_a_point_in_time_whatever_its_offset_and_fraction() {
        assert_eq!(
            value("date", "2011-10-01T00:38:44.546+02:00"),
            at("2011-09-30T22:38:44.546Z")
        );
        assert_eq!(value("date", "2011-10-01T00:38:44-0730"), at("2011-10-01T08:08:44Z"));
        assert_eq!(value("date", "2011-10-01T00:38:44Z"), at("2011-10-01T00:38:44Z"));
        assert_eq!(
            value("date", "2011-10-01 00:38:44.123456+00:00"),
            at("2011-10-01T00:38:44.123456Z")
        );
        assert_eq!(
            value("date", "2011-10-01T00:38:44.12345678901234+01:00"),
            at("2011-09-30T23:38:44.123456Z")
        );
    }

    #[test]
    fn what_cannot_be_read_as_its_type_stays_text() {
        for (element, text) in [
            ("date", "yesterday"),
            ("date", "2011-10-01T00:38:44"),
            ("date", "."),
            ("int", "7.5"),
            ("int", "99999999999999999999"),
            ("float", "1,5"),
            ("boolean", "maybe"),
        ] {
            assert_eq!(value(element, text), Value::Text(text.to_owned()));
        }
    }

    #[test]
    fn values_are_found_by_key_and_told_as_text_or_time() {
        let attribute = |key: &str, value| Attribute {
            key: key.to_owned(),
            value,
            nested: Attributes::default(),
        };
        let attributes = Attributes(vec![
            attribute("twice", Value::Int(1)),
            attribute("twice", Value::Int(2)),
            attribute("resource", Value::Float(112.0)),
            attribute("share", Value::Float(0.5)),
            attribute("blank", Value::Text("  ".to_owned())),
            attribute("name", Value::Text(" Closed ".to_owned())),
            attribute("local", Value::Text("2011-10-01T00:38:44".to_owned())),
            attribute("at", at("2011-10-01T00:38:44.5Z")),
            attribute("is_open", Value::Bool(true)),
            attribute("items", Value::List),
        ]);
        let told = |key| attributes.text(key).map(Cow::into_owned);
        assert_eq!(attributes.get("twice"), Some(&Value::Int(2)));
        assert_eq!(told("resource").as_deref(), Some("112"));
        assert_eq!(told("share").as_deref(), Some("0.5"));
        assert_eq!(told("blank"), None);
        assert_eq!(told("items"), None);
        assert_eq!(told("absent"), None);
        assert_eq!(told("name").as_deref(), Some("Closed"));
        assert_eq!(told("at").as_deref(), Some("2011-10-01T00:38:44.5Z"));
        assert_eq!(told("is_open").as_deref(), Some("true"));
        assert_eq!(attributes.time("local"), Timestamp::parse("2011-10-01T00:38:44Z"));
        assert_eq!(attributes.time("at"), Timestamp::parse("2011-10-01T00:38:44.5Z"));
        assert_eq!(attributes.time("name"), None);
    }
}
