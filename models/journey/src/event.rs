//! One event of a journey, resolved against the spec: names are positions, absent is absent.

use crate::bytes::{ByteReader, ByteWriter, MalformedBytes};
use crate::{CategoryId, Spec, Timestamp};

/// One event as a state observes it. Made from a [`crate::RawEvent`] by [`Spec::resolve`], so every position is in range.
#[derive(Clone, Debug, PartialEq)]
pub struct JourneyEvent {
    /// When it happened.
    pub at: Timestamp,
    /// When the business knew of it; never before `at`.
    pub known_at: Timestamp,
    /// Durable order among events of one instant.
    pub sequence: i64,
    /// Position in [`Spec::touchpoints`].
    pub touchpoint: u16,
    /// Position in [`Spec::stages`].
    pub stage: u16,
    /// Position in [`Spec::channels`]; `None` when the event had none.
    pub channel: Option<u16>,
    /// Money, in the business's currency; negative for refunds.
    pub value: Option<f64>,
    /// The customer's answer in score, on the business's own scale.
    pub feedback_score: Option<f64>,
    /// True when the customer answered in words.
    pub has_feedback_text: bool,
    /// The action of ours behind this event.
    pub action: Option<CategoryId>,
    /// The decision that chose the action.
    pub decision: Option<CategoryId>,
    /// Attribute cells that this event sets: position in [`Spec::attributes`] and value, in position order.
    pub attributes: Vec<(u16, f64)>,
}

/// Where an event stands among a customer's events: by time, then sequence, then event id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventOrder {
    /// When it happened.
    pub at: Timestamp,
    /// Durable order among events of one instant.
    pub sequence: i64,
    /// The event's id; breaks what ties remain.
    pub event_id: String,
}

/// An event with its id, as logs keep it.
#[derive(Clone, Debug, PartialEq)]
pub struct LoggedEvent {
    /// The event's id; the same id is the same event.
    pub event_id: String,
    /// The event.
    pub event: JourneyEvent,
}

impl LoggedEvent {
    /// Where it stands among the customer's events.
    pub fn order(&self) -> EventOrder {
        EventOrder {
            at: self.event.at,
            sequence: self.event.sequence,
            event_id: self.event_id.clone(),
        }
    }

    /// The byte form, version 2.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut to = ByteWriter::default();
        let event = &self.event;
        to.u8(EVENT_FORMAT);
        to.text(&self.event_id);
        to.i64(event.at.micros());
        to.i64(event.known_at.micros());
        to.i64(event.sequence);
        to.u16(event.touchpoint);
        to.u16(event.stage);
        to.u16(event.channel.unwrap_or(u16::MAX));
        to.f64(event.value.unwrap_or(f64::NAN));
        to.f64(event.feedback_score.unwrap_or(f64::NAN));
        to.u8(u8::from(event.has_feedback_text));
        to.category(event.action);
        to.category(event.decision);
        to.u16(u16::try_from(event.attributes.len()).expect("attributes are bounded by the spec"));
        for &(attribute, cell) in &event.attributes {
            to.u16(attribute);
            to.f64(cell);
        }
        to.into_bytes()
    }

    /// The event in these bytes.
    ///
    /// # Errors
    /// - the bytes are not an event of version 2, or of version 1, which knew no decisions;
    /// - a position lies outside the spec.
    pub fn from_bytes(spec: &Spec, bytes: &[u8]) -> Result<Self, MalformedBytes> {
        let mut from = ByteReader::new(bytes, "event");
        let present = |number: f64| (!number.is_nan()).then_some(number);
        let format = from.u8()?;
        if !(1..=EVENT_FORMAT).contains(&format) {
            return Err(from.malformed());
        }
        let event_id = from.text()?.to_owned();
        let at = Timestamp::from_micros(from.i64()?);
        let known_at = Timestamp::from_micros(from.i64()?);
        let sequence = from.i64()?;
        let touchpoint = below(from.u16()?, spec.touchpoints().len(), &from)?;
        let stage = below(from.u16()?, spec.stages().len(), &from)?;
        let channel = match from.u16()? {
            u16::MAX => None,
            channel => Some(below(channel, spec.channels().len(), &from)?),
        };
        let value = present(from.f64()?);
        let feedback_score = present(from.f64()?);
        let has_feedback_text = from.u8()? != 0;
        let action = from.category()?;
        let decision = if format == 1 { None } else { from.category()? };
        let n_attributes = from.u16()?;
        let mut attributes = Vec::with_capacity(usize::from(n_attributes));
        for _ in 0..n_attributes {
            attributes.push((below(from.u16()?, spec.attributes().len(), &from)?, from.f64()?));
        }
        from.end()?;
        let event = JourneyEvent {
            at,
            known_at,
            sequence,
            touchpoint,
            stage,
            channel,
            value,
            feedback_score,
            has_feedback_text,
            action,
            decision,
            attributes,
        };
        Ok(Self { event_id, event })
    }
}

const EVENT_FORMAT: u8 = 2;

fn below(position: u16, length: usize, from: &ByteReader<'_>) -> Result<u16, MalformedBytes> {
    if usize::from(position) < length {
        Ok(position)
    } else {
        Err(from.malformed())
    }
}
