//! From names as the outside gives them to an event the inside trusts.

use crate::spec::AttributeKind;
use crate::{CategoryId, JourneyEvent, Spec, Timestamp};

/// An event as a file or a call gives it: names, not positions; nothing checked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RawEvent<'a> {
    /// Microseconds since 1970-01-01 UTC.
    pub at: i64,
    /// When the business knew, in the same unit; `None` when at once.
    pub known_at: Option<i64>,
    /// Durable order among events of one instant.
    pub sequence: i64,
    /// The touchpoint's name.
    pub touchpoint: &'a str,
    /// The stage's name, when the touchpoint alone does not say.
    pub stage: Option<&'a str>,
    /// The channel's name.
    pub channel: Option<&'a str>,
    /// Money.
    pub value: Option<f64>,
    /// The customer's answer in score.
    pub feedback_score: Option<f64>,
    /// True when the customer answered in words.
    pub has_feedback_text: bool,
    /// The action of ours behind the event.
    pub action_id: Option<&'a str>,
    /// The decision that chose the action.
    pub decision_id: Option<&'a str>,
    /// Attribute values this event sets, by position in [`Spec::attributes`].
    pub attributes: Vec<(u16, AttributeValue<'a>)>,
}

/// An attribute's value as the outside gives it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AttributeValue<'a> {
    /// A number.
    Number(f64),
    /// A word.
    Text(&'a str),
    /// Microseconds since 1970-01-01 UTC.
    Timestamp(i64),
    /// True or false.
    Flag(bool),
}

/// Why a row or a message is not an event.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ContractBreak {
    /// A required field is absent or blank.
    #[error("{field} is missing")]
    Missing {
        /// The field.
        field: &'static str,
    },
    /// A text is longer than a name may be.
    #[error("{field} has {found} bytes, at most {allowed} are allowed")]
    TooLong {
        /// The field.
        field: &'static str,
        /// Bytes found.
        found: usize,
        /// Bytes allowed.
        allowed: usize,
    },
    /// A text does not parse as the field's type.
    #[error("{field} is `{found}`, expected {expected}")]
    Unparsable {
        /// The field.
        field: String,
        /// The text found.
        found: String,
        /// What would be right.
        expected: &'static str,
    },
    /// A time outside 1900-01-01 .. 2200-01-01.
    #[error("{field} is {found}, expected 1900-01-01 to 2200-01-01")]
    AbsurdTime {
        /// The field.
        field: String,
        /// The time found.
        found: Timestamp,
    },
    /// A touchpoint that `journey.toml` does not declare.
    #[error("touchpoint `{0}` is not declared")]
    UnknownTouchpoint(String),
    /// A stage that `journey.toml` does not declare.
    #[error("stage `{0}` is not declared")]
    UnknownStage(String),
    /// NaN, infinity or an absurd size where a number is due.
    #[error("{field} is {found}, expected a number of at most 1e15 either way")]
    NotFinite {
        /// The field.
        field: String,
        /// The value found.
        found: f64,
    },
    /// An attribute value of another kind than declared.
    #[error("attribute {attribute} is declared as {expected}")]
    WrongKind {
        /// The attribute.
        attribute: String,
        /// The kind declared.
        expected: &'static str,
    },
    /// Known too long after it happened.
    #[error("known {late_days:.1} days after it happened, at most {allowed_days} are allowed")]
    TooLate {
        /// How late.
        late_days: f64,
        /// How late is allowed.
        allowed_days: i64,
    },
    /// The same event id twice for one customer.
    #[error("event_id `{0}` was read before")]
    DuplicateEventId(String),
}

impl ContractBreak {
    /// A short name for counting, stable across versions.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "missing",
            Self::TooLong { .. } => "too_long",
            Self::Unparsable { .. } => "unparsable",
            Self::AbsurdTime { .. } => "absurd_time",
            Self::UnknownTouchpoint(_) => "unknown_touchpoint",
            Self::UnknownStage(_) => "unknown_stage",
            Self::NotFinite { .. } => "not_finite",
            Self::WrongKind { .. } => "wrong_kind",
            Self::TooLate { .. } => "too_late",
            Self::DuplicateEventId(_) => "duplicate_event_id",
        }
    }

    /// The field at fault, for error details that name it.
    pub fn field(&self) -> &str {
        match self {
            Self::Missing { field } | Self::TooLong { field, .. } => field,
            Self::Unparsable { field, .. } | Self::AbsurdTime { field, .. } | Self::NotFinite { field, .. } => field,
            Self::UnknownTouchpoint(_) => "touchpoint",
            Self::UnknownStage(_) => "stage",
            Self::WrongKind { attribute, .. } => attribute,
            Self::TooLate { .. } => "known_at",
            Self::DuplicateEventId(_) => "event_id",
        }
    }
}

impl Spec {
    /// The event that a raw event is, under this spec.
    ///
    /// # Errors
    /// - the touchpoint is missing or not declared, or the stage is not declared;
    /// - a time is absurd, or was known more than the allowed lateness after it happened;
    /// - a number is NaN or infinite;
    /// - an attribute is not of its declared kind.
    pub fn resolve(&self, raw: &RawEvent<'_>) -> Result<JourneyEvent, ContractBreak> {
        let at = plausible("at", raw.at)?;
        let known_at = match raw.known_at {
            Some(known_at) => self.in_time(at, plausible("known_at", known_at)?)?,
            None => at,
        };
        if raw.touchpoint.is_empty() {
            return Err(ContractBreak::Missing { field: "touchpoint" });
        }
        let unknown_touchpoint = || ContractBreak::UnknownTouchpoint(short(raw.touchpoint));
        let touchpoint = self.touchpoint_named(raw.touchpoint).ok_or_else(unknown_touchpoint)?;
        let stage = match raw.stage {
            Some(name) => self
                .stage_named(name)
                .ok_or_else(|| ContractBreak::UnknownStage(short(name)))?,
            None => self.touchpoints()[usize::from(touchpoint)].stage,
        };
        let attributes = raw
            .attributes
            .iter()
            .map(|&(attribute, value)| Ok((attribute, self.attribute_cell(attribute, value)?)))
            .collect::<Result<_, ContractBreak>>()?;
        Ok(JourneyEvent {
            at,
            known_at,
            sequence: raw.sequence,
            touchpoint,
            stage,
            channel: raw.channel.map(|name| self.channel_named(name)),
            value: finite("value", raw.value)?,
            feedback_score: finite("feedback_score", raw.feedback_score)?,
            has_feedback_text: raw.has_feedback_text,
            action: raw.action_id.map(CategoryId::of),
            decision: raw.decision_id.map(CategoryId::of),
            attributes,
        })
    }

    /// When what happened at `at` was known, which is never before.
    ///
    /// # Errors
    /// - that is more than the allowed lateness after it happened.
    pub fn in_time(&self, at: Timestamp, known_at: Timestamp) -> Result<Timestamp, ContractBreak> {
        let late_days = known_at.days_since(at);
        if late_days > self.allowed_lateness_days() as f64 {
            return Err(ContractBreak::TooLate {
                late_days,
                allowed_days: self.allowed_lateness_days(),
            });
        }
        Ok(known_at.max(at))
    }

    fn attribute_cell(&self, attribute: u16, value: AttributeValue<'_>) -> Result<f64, ContractBreak> {
        let declared = &self.attributes()[usize::from(attribute)];
        match (declared.kind, value) {
            (AttributeKind::Number, AttributeValue::Number(number)) => {
                finite(&declared.name, Some(number)).map(|number| number.expect("a number was given"))
            }
            (AttributeKind::Category, AttributeValue::Text(text)) => Ok(CategoryId::of(text).cell()),
            (AttributeKind::Timestamp, AttributeValue::Timestamp(micros)) => {
                plausible(&declared.name, micros).map(|at| at.micros() as f64)
            }
            (AttributeKind::Flag, AttributeValue::Flag(flag)) => Ok(f64::from(u8::from(flag))),
            (kind, _) => Err(ContractBreak::WrongKind {
                attribute: declared.name.clone(),
                expected: match kind {
                    AttributeKind::Number => "a number",
                    AttributeKind::Category => "a category",
                    AttributeKind::Timestamp => "a timestamp",
                    AttributeKind::Flag => "a flag",
                },
            }),
        }
    }
}

/// Enough of a text to recognise it by.
fn short(text: &str) -> String {
    text.chars().take(60).collect()
}

fn plausible(field: &str, micros: i64) -> Result<Timestamp, ContractBreak> {
    let found = Timestamp::from_micros(micros);
    if found.is_plausible() {
        Ok(found)
    } else {
        Err(ContractBreak::AbsurdTime {
            field: field.to_owned(),
            found,
        })
    }
}

/// No amount, score or attribute is larger; learners take numbers in single precision.
const LARGEST: f64 = 1e15;

/// The number that a field of an event may hold.
///
/// # Errors
/// - it is NaN, infinite or above 1e15 either way.
pub fn finite(field: &str, number: Option<f64>) -> Result<Option<f64>, ContractBreak> {
    match number {
        Some(found) if found.is_nan() || found.abs() > LARGEST => Err(ContractBreak::NotFinite {
            field: field.to_owned(),
            found,
        }),
        number => Ok(number),
    }
}
