//! What each attribute was at the last few events.

use crate::JourneyEvent;
use crate::bytes::{ByteReader, ByteWriter, MalformedBytes};

/// An attribute's cells at the last events, most recent first; NaN where the event did not set it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RecentValues {
    cells: [f64; RecentValues::LENGTH],
}

impl Default for RecentValues {
    fn default() -> Self {
        Self {
            cells: [f64::NAN; Self::LENGTH],
        }
    }
}

impl RecentValues {
    /// How many events are remembered.
    pub const LENGTH: usize = 3;

    /// The cell that the event `back` places before the last set, 0 being the last.
    ///
    /// # Panics
    /// When `back` is [`Self::LENGTH`] or more.
    pub const fn get(&self, back: usize) -> f64 {
        self.cells[back]
    }

    /// Takes one event into every attribute's cells.
    pub(super) fn observe(values: &mut [Self], event: &JourneyEvent) {
        for value in values.iter_mut() {
            value.cells.rotate_right(1);
            value.cells[0] = f64::NAN;
        }
        for &(attribute, cell) in &event.attributes {
            values[usize::from(attribute)].cells[0] = cell;
        }
    }

    pub(super) fn write(&self, to: &mut ByteWriter) {
        self.cells.iter().for_each(|&cell| to.f64(cell));
    }

    pub(super) fn read(&mut self, from: &mut ByteReader<'_>) -> Result<(), MalformedBytes> {
        for cell in &mut self.cells {
            *cell = from.f64()?;
        }
        Ok(())
    }
}
