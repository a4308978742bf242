//! A message's event, checked field by field and resolved against the spec.

use percorso_journey::{AttributeValue, ContractBreak, LoggedEvent, RawEvent, Spec, Timestamp};
use percorso_proto::v1;
use percorso_proto::v1::attribute_value::Value;

use super::status::Violations;

/// The longest id or name, in bytes; as in ingest.
pub(super) const MAX_TEXT_BYTES: usize = 1_000;
/// The longest answer in words, in bytes; as in ingest.
const MAX_FEEDBACK_BYTES: usize = 60_000;

/// Whether an event must bear an id.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Identity {
    /// Streamed: the same id is the same event.
    Required,
    /// Inline: events without one all count.
    Optional,
}

/// What events of a call are checked against.
pub(super) struct Contract<'a> {
    pub(super) spec: &'a Spec,
    pub(super) identity: Identity,
    /// The latest time an event may bear.
    pub(super) latest: Timestamp,
}

impl Contract<'_> {
    /// The event in a message found at `path`; `None` when something is wrong, which is then among the violations.
    pub(super) fn event(&self, message: &v1::Event, path: &str, wrong: &mut Violations) -> Option<LoggedEvent> {
        let field = |name: &str| format!("{path}.{name}");
        let mut text = |name: &str, text: &str, allowed: usize| {
            if text.len() > allowed {
                wrong.add(
                    field(name),
                    format!("has {} bytes, at most {allowed} are allowed", text.len()),
                );
            }
        };
        text("event_id", &message.event_id, MAX_TEXT_BYTES);
        text("touchpoint", &message.touchpoint, MAX_TEXT_BYTES);
        for (name, value) in [
            ("channel", &message.channel),
            ("stage", &message.stage),
            ("action_id", &message.action_id),
            ("decision_id", &message.decision_id),
        ] {
            text(name, value.as_deref().unwrap_or_default(), MAX_TEXT_BYTES);
        }
        text(
            "feedback_text",
            message.feedback_text.as_deref().unwrap_or_default(),
            MAX_FEEDBACK_BYTES,
        );
        let event_id = message.event_id.trim();
        if self.identity == Identity::Required && event_id.is_empty() {
            wrong.add(
                field("event_id"),
                "is missing; it is what makes sending an event again harmless",
            );
        }
        if let Some(found) = message
            .propensity
            .filter(|propensity| !(0.0..=1.0).contains(propensity))
        {
            wrong.add(
                field("propensity"),
                format!("is {found}, expected a probability in 0..=1"),
            );
        }
        let at = match &message.at {
            None => {
                wrong.add(field("at"), "is missing");
                None
            }
            Some(at) => moment(at).or_else(|| {
                wrong.add(field("at"), "is not a valid timestamp");
                None
            }),
        };
        let attributes = self.attributes(message, path, wrong);
        let raw = RawEvent {
            at: at?,
            known_at: None,
            sequence: message.sequence,
            touchpoint: message.touchpoint.trim(),
            stage: given(&message.stage),
            channel: given(&message.channel),
            value: message.value,
            feedback_score: message.feedback_score,
            has_feedback_text: given(&message.feedback_text).is_some(),
            action_id: given(&message.action_id),
            decision_id: given(&message.decision_id),
            attributes: attributes?,
        };
        if raw.at > self.latest.micros() {
            let at = Timestamp::from_micros(raw.at);
            wrong.add(
                field("at"),
                format!("is {at}, in the future: expected at most {}", self.latest),
            );
        }
        match self.spec.resolve(&raw) {
            Ok(event) => Some(LoggedEvent {
                event_id: event_id.to_owned(),
                event,
            }),
            Err(fault) => {
                wrong.add(self.place(&fault, path), self.advice(&fault));
                None
            }
        }
    }

    /// Attribute values by position, in position order, as the state takes them.
    fn attributes<'m>(
        &self,
        message: &'m v1::Event,
        path: &str,
        wrong: &mut Violations,
    ) -> Option<Vec<(u16, AttributeValue<'m>)>> {
        let mut names: Vec<&'m String> = message.attributes.keys().collect();
        names.sort();
        let mut values = Vec::with_capacity(names.len());
        let mut is_whole = true;
        for name in names {
            let mut fault = |description: String| {
                let name: String = name.chars().take(100).collect();
                wrong.add(format!("{path}.attributes[{name}]"), description);
                is_whole = false;
            };
            let Some(position) = self.spec.attribute_named(name) else {
                let known = self.spec.attributes().iter().map(|attribute| attribute.name.as_str());
                fault(format!("is not declared{}", nearest(name, known)));
                continue;
            };
            let value = match &message.attributes[name].value {
                None => None,
                Some(Value::Number(number)) => Some(AttributeValue::Number(*number)),
                Some(Value::Category(text)) if text.len() > MAX_TEXT_BYTES => {
                    fault(format!(
                        "has {} bytes, at most {MAX_TEXT_BYTES} are allowed",
                        text.len()
                    ));
                    continue;
                }
                Some(Value::Category(text)) => match text.trim() {
                    "" => continue,
                    text => Some(AttributeValue::Text(text)),
                },
                Some(Value::Timestamp(at)) => moment(at).map(AttributeValue::Timestamp),
                Some(Value::Flag(flag)) => Some(AttributeValue::Flag(*flag)),
            };
            match value {
                None => fault("has no valid value".to_owned()),
                Some(value) => values.push((position, value)),
            }
        }
        values.sort_by_key(|&(position, _)| position);
        is_whole.then_some(values)
    }

    fn place(&self, fault: &ContractBreak, path: &str) -> String {
        let field = fault.field();
        let is_attribute = match fault {
            ContractBreak::WrongKind { .. } => true,
            ContractBreak::NotFinite { field, .. } => !matches!(field.as_str(), "value" | "feedback_score"),
            ContractBreak::AbsurdTime { field, .. } => field != "at",
            ContractBreak::Missing { .. }
            | ContractBreak::TooLong { .. }
            | ContractBreak::Unparsable { .. }
            | ContractBreak::UnknownTouchpoint(_)
            | ContractBreak::UnknownStage(_)
            | ContractBreak::TooLate { .. }
            | ContractBreak::DuplicateEventId(_) => false,
        };
        if is_attribute {
            format!("{path}.attributes[{field}]")
        } else {
            format!("{path}.{field}")
        }
    }

    fn advice(&self, fault: &ContractBreak) -> String {
        let nearest = match fault {
            ContractBreak::UnknownTouchpoint(name) => nearest(
                name,
                self.spec
                    .touchpoints()
                    .iter()
                    .map(|touchpoint| touchpoint.name.as_str()),
            ),
            ContractBreak::UnknownStage(name) => nearest(name, self.spec.stages().iter().map(String::as_str)),
            _ => String::new(),
        };
        format!("{fault}{nearest}")
    }
}

/// Microseconds since 1970-01-01 UTC; `None` for a timestamp outside its own definition.
pub(super) fn moment(at: &prost_types::Timestamp) -> Option<i64> {
    let nanos = u32::try_from(at.nanos).ok().filter(|&nanos| nanos < 1_000_000_000)?;
    at.seconds.checked_mul(1_000_000)?.checked_add(i64::from(nanos / 1_000))
}

/// A time for the wire.
pub(super) fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    let micros = at.micros();
    let nanos = i32::try_from(micros.rem_euclid(1_000_000) * 1_000).expect("below a second");
    prost_types::Timestamp {
        seconds: micros.div_euclid(1_000_000),
        nanos,
    }
}

/// A text that says something, trimmed; ingest reads texts in the same way.
fn given(text: &Option<String>) -> Option<&str> {
    text.as_deref().map(str::trim).filter(|text| !text.is_empty())
}

fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let similar = known
        .map(|known| (strsim::jaro_winkler(name, known), known))
        .filter(|(similarity, _)| *similarity > 0.75);
    let best = similar.max_by(|left, right| left.0.total_cmp(&right.0));
    best.map_or_else(String::new, |(_, known)| format!("; did you mean `{known}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_survives_the_wire() {
        for micros in [0, 1, -1, 1_704_067_200_123_456, -2_208_988_800_000_000] {
            assert_eq!(moment(&timestamp(Timestamp::from_micros(micros))), Some(micros));
        }
        assert_eq!(
            moment(&prost_types::Timestamp {
                seconds: 0,
                nanos: 1_000_000_000
            }),
            None
        );
        assert_eq!(
            moment(&prost_types::Timestamp {
                seconds: i64::MAX,
                nanos: 0
            }),
            None
        );
    }
}
