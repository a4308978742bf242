//! The byte form of a state: what a store keeps and a run resumes from.

use std::sync::Arc;

use super::{Exposure, Feedback, JourneyState, Money, Recent, StagePath};
use crate::bytes::{ByteReader, ByteWriter, MalformedBytes};
use crate::{Spec, Timestamp};

/// The version of the byte form; the first byte of it.
pub const STATE_FORMAT: u8 = 4;
/// The oldest version that is still read; its states have no habits.
const OLDEST_FORMAT: u8 = 3;

impl JourneyState {
    /// The byte form, of the same length for every customer of one spec.
    ///
    /// It holds no names: read it back only under the spec it was folded under.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut to = ByteWriter::default();
        to.u8(STATE_FORMAT);
        to.u64(self.n_events);
        to.i64(self.first_at.micros());
        to.i64(self.last_at.micros());
        to.i64(self.last_sequence);
        to.i64(self.last_known_at.micros());
        self.tallies.write(&mut to);
        self.rhythms.iter().for_each(|rhythm| rhythm.write(&mut to));
        self.money.write(&mut to);
        self.purchase_days.write(&mut to);
        self.path.write(&mut to);
        self.recent.write(&mut to);
        self.feedback.write(&mut to);
        self.exposure.write(&mut to);
        self.attributes.iter().for_each(|&cell| to.f64(cell));
        self.attribute_moments.write(&mut to);
        self.recent_values.iter().for_each(|values| values.write(&mut to));
        self.habits.write(&mut to);
        to.into_bytes()
    }

    /// The state in these bytes, equal to the one written in everything it will ever answer.
    ///
    /// # Errors
    /// - the bytes are of another format version, or of another spec's length;
    /// - a position lies outside the spec.
    pub fn from_bytes(spec: Arc<Spec>, bytes: &[u8]) -> Result<Self, MalformedBytes> {
        let mut from = ByteReader::new(bytes, "journey state");
        let format = from.u8()?;
        if !(OLDEST_FORMAT..=STATE_FORMAT).contains(&format) {
            return Err(from.malformed());
        }
        let mut state = Self::new(Arc::clone(&spec));
        state.n_events = from.u64()?;
        state.first_at = Timestamp::from_micros(from.i64()?);
        state.last_at = Timestamp::from_micros(from.i64()?);
        state.last_sequence = from.i64()?;
        state.last_known_at = Timestamp::from_micros(from.i64()?);
        state.tallies.read(&mut from)?;
        for rhythm in &mut state.rhythms {
            rhythm.read(&mut from)?;
        }
        state.money = Money::read(&mut from)?;
        state.purchase_days.read(&mut from)?;
        state.path = StagePath::read(&spec, &mut from)?;
        state.recent = Recent::read(&spec, &mut from)?;
        state.feedback = Feedback::read(&mut from)?;
        state.exposure = Exposure::read(&mut from)?;
        for cell in &mut state.attributes {
            *cell = from.f64()?;
        }
        state.attribute_moments.read(&mut from)?;
        for values in &mut state.recent_values {
            values.read(&mut from)?;
        }
        if format >= STATE_FORMAT {
            state.habits.read(&mut from)?;
        }
        from.end()?;
        Ok(state)
    }
}
