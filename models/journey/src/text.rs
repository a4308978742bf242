//! Journeys as text, for tests, docs and messages: `"visit@0d mail@1.5d#mail purchase@3d=20 survey@4d!2"`.
//!
//! An event is `touchpoint@DAYSd`, then in any order: `=VALUE`, `#CHANNEL`, `!SCORE`, `~DAYSd` (when it became known),
//! `:NAME=VALUE` (an attribute; times of timestamp attributes are `DAYSd`). Day 0 is 2024-01-01 UTC.

use crate::spec::AttributeKind;
use crate::{AttributeValue, ContractBreak, JourneyEvent, MICROS_PER_DAY, RawEvent, Spec, Timestamp};

/// A spec small enough for a test and with one of everything.
pub const SMALL_SPEC: &str = r#"
format = 1
name = "small"

[stages]
order = ["awareness", "consideration", "purchase", "retention"]

[channels]
names = ["web", "mail", "shop"]

[[touchpoint]]
name = "visit"
stage = "consideration"

[[touchpoint]]
name = "offer"
stage = "retention"
contact = true

[[touchpoint]]
name = "accepted"
stage = "retention"
response = "accepted"

[[touchpoint]]
name = "purchase"
stage = "purchase"

[[touchpoint]]
name = "renewal"
stage = "retention"

[[touchpoint]]
name = "closed"
stage = "leaving"

[[attribute]]
name = "age"
kind = "number"
unit = "years"

[[attribute]]
name = "region"
kind = "category"

[[attribute]]
name = "contract_ends_at"
kind = "timestamp"

[[attribute]]
name = "loyal"
kind = "flag"

[[designed_map]]
moves = [{ from = "consideration", to = "purchase", within_days = 30 }]

[[churn]]
name = "left"
kind = "event"
touchpoints = ["closed"]
horizons_days = [30]

[[churn]]
name = "inactive"
kind = "inactivity"
touchpoints = ["purchase", "renewal"]
days = 90

[[churn]]
name = "not_renewed"
kind = "contract"
ends_at = "contract_ends_at"
renewed_by = ["renewal"]
grace_days = 14
horizons_days = [30]

[population]
seen_within_days = 365
having = ["purchase"]
"#;

/// A text that is not a journey.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TextError {
    /// A part of an event cannot be read.
    #[error("`{0}` is not an event such as `visit@0d#web=20`")]
    Malformed(String),
    /// It can be read, but the spec refuses it.
    #[error("`{event}` is not an event of this spec")]
    Refused {
        /// The event's text.
        event: String,
        /// Why.
        #[source]
        reason: ContractBreak,
    },
}

/// Midnight of a day, day 0 being 2024-01-01 UTC.
pub const fn day(day: i64) -> Timestamp {
    Timestamp::from_micros(DAY_0 + day * MICROS_PER_DAY)
}

const DAY_0: i64 = 1_704_067_200_000_000;

/// The events of a journey in text, in the order written; `sequence` counts them.
///
/// # Errors
/// - a part is not an event, or names what the spec does not know.
pub fn journey(spec: &Spec, text: &str) -> Result<Vec<JourneyEvent>, TextError> {
    text.split_whitespace()
        .enumerate()
        .map(|(at, event)| parse(spec, event, at as i64))
        .collect()
}

fn parse(spec: &Spec, text: &str, sequence: i64) -> Result<JourneyEvent, TextError> {
    let malformed = || TextError::Malformed(text.to_owned());
    let (touchpoint, rest) = text.split_once('@').ok_or_else(malformed)?;
    let (at, mut rest) = take(rest);
    let mut raw = RawEvent {
        at: moment(at).ok_or_else(malformed)?,
        sequence,
        touchpoint,
        ..RawEvent::default()
    };
    while let Some(mark) = rest.chars().next() {
        let (part, after) = if mark == ':' {
            take_attribute(&rest[1..])
        } else {
            take(&rest[1..])
        };
        rest = after;
        match mark {
            '=' => raw.value = Some(part.parse().map_err(|_| malformed())?),
            '!' => raw.feedback_score = Some(part.parse().map_err(|_| malformed())?),
            '#' => raw.channel = Some(part),
            '~' => raw.known_at = Some(moment(part).ok_or_else(malformed)?),
            ':' => {
                let (name, value) = part.split_once('=').ok_or_else(malformed)?;
                let attribute = spec.attribute_named(name).ok_or_else(malformed)?;
                let value = match spec.attributes()[usize::from(attribute)].kind {
                    AttributeKind::Number => AttributeValue::Number(value.parse().map_err(|_| malformed())?),
                    AttributeKind::Category => AttributeValue::Text(value),
                    AttributeKind::Timestamp => AttributeValue::Timestamp(moment(value).ok_or_else(malformed)?),
                    AttributeKind::Flag => AttributeValue::Flag(value.parse().map_err(|_| malformed())?),
                };
                raw.attributes.push((attribute, value));
            }
            _ => return Err(malformed()),
        }
    }
    spec.resolve(&raw).map_err(|reason| TextError::Refused {
        event: text.to_owned(),
        reason,
    })
}

fn take(text: &str) -> (&str, &str) {
    text.split_at(text.find(['=', '!', '#', '~', ':']).unwrap_or(text.len()))
}

fn take_attribute(text: &str) -> (&str, &str) {
    let value = text.find('=').map_or(text.len(), |at| at + 1);
    let (_, rest) = take(&text[value..]);
    text.split_at(text.len() - rest.len())
}

fn moment(text: &str) -> Option<i64> {
    let days: f64 = text.strip_suffix('d')?.parse().ok()?;
    days.is_finite()
        .then(|| DAY_0 + libm::round(days * MICROS_PER_DAY as f64) as i64)
}
