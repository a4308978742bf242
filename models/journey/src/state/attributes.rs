//! The last known value of each declared attribute, and how the numbers that events tell were spread.

use super::Moments;
use crate::bytes::{ByteReader, ByteWriter, MalformedBytes};
use crate::{JourneyEvent, Spec};

/// Takes over the attribute cells that this event sets; the others stay as they were.
pub(super) fn observe(attributes: &mut [f64], event: &JourneyEvent) {
    for &(attribute, cell) in &event.attributes {
        attributes[usize::from(attribute)] = cell;
    }
}

/// Mean and spread over events of each attribute with [`is_told_by_events`](crate::spec::Attribute::is_told_by_events).
#[derive(Clone, Debug, PartialEq)]
pub(super) struct AttributeMoments {
    of: Vec<(u16, Moments)>,
}

impl AttributeMoments {
    pub(super) fn new(spec: &Spec) -> Self {
        let told = (0..)
            .zip(spec.attributes())
            .filter(|(_, attribute)| attribute.is_told_by_events());
        Self {
            of: told.map(|(at, _)| (at, Moments::default())).collect(),
        }
    }

    pub(super) fn observe(&mut self, event: &JourneyEvent) {
        for &(attribute, cell) in &event.attributes {
            if let Some((_, moments)) = self.of.iter_mut().find(|(at, _)| *at == attribute) {
                moments.observe(cell);
            }
        }
    }

    /// The moments of the attribute at this position; `None` when events do not tell it.
    pub(super) fn get(&self, attribute: u16) -> Option<&Moments> {
        self.of
            .iter()
            .find(|(at, _)| *at == attribute)
            .map(|(_, moments)| moments)
    }

    pub(super) fn write(&self, to: &mut ByteWriter) {
        self.of.iter().for_each(|(_, moments)| moments.write(to));
    }

    pub(super) fn read(&mut self, from: &mut ByteReader<'_>) -> Result<(), MalformedBytes> {
        for (_, moments) in &mut self.of {
            *moments = Moments::read(from)?;
        }
        Ok(())
    }
}
