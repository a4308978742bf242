//! The last few touchpoints, in order.

use crate::bytes::{ByteReader, ByteWriter, MalformedBytes};
use crate::{JourneyEvent, Spec, Timestamp};

/// The last [`Recent::LENGTH`] events, most recent first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recent {
    ring: [Option<RecentEvent>; Recent::LENGTH],
    next: usize,
    run: u32,
}

/// What is remembered of a recent event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecentEvent {
    /// Position of its touchpoint.
    pub touchpoint: u16,
    /// When it happened.
    pub at: Timestamp,
}

impl Recent {
    /// How many events are remembered.
    pub const LENGTH: usize = 8;

    pub(super) fn observe(&mut self, event: &JourneyEvent) {
        let is_repeated = self.get(0).is_some_and(|last| last.touchpoint == event.touchpoint);
        self.run = if is_repeated { self.run + 1 } else { 1 };
        self.ring[self.next] = Some(RecentEvent {
            touchpoint: event.touchpoint,
            at: event.at,
        });
        self.next = (self.next + 1) % Self::LENGTH;
    }

    /// The event `back` places before the last, 0 being the last; `None` when there is none.
    pub fn get(&self, back: usize) -> Option<RecentEvent> {
        (back < Self::LENGTH)
            .then(|| self.ring[(self.next + 2 * Self::LENGTH - 1 - back) % Self::LENGTH])
            .flatten()
    }

    /// How often the last touchpoint came without another in between; 0 before any event.
    pub const fn run(&self) -> u32 {
        self.run
    }

    pub(super) fn write(&self, to: &mut ByteWriter) {
        for back in (0..Self::LENGTH).rev() {
            to.u16(self.get(back).map_or(u16::MAX, |event| event.touchpoint));
            to.i64(self.get(back).map_or(i64::MIN, |event| event.at.micros()));
        }
        to.u32(self.run);
    }

    pub(super) fn read(spec: &Spec, from: &mut ByteReader<'_>) -> Result<Self, MalformedBytes> {
        let mut ring = [None; Self::LENGTH];
        for place in &mut ring {
            let (touchpoint, at) = (from.u16()?, Timestamp::from_micros(from.i64()?));
            if touchpoint != u16::MAX && usize::from(touchpoint) >= spec.touchpoints().len() {
                return Err(from.malformed());
            }
            *place = (touchpoint != u16::MAX).then_some(RecentEvent { touchpoint, at });
        }
        let run = from.u32()?;
        Ok(Self { ring, next: 0, run })
    }
}
