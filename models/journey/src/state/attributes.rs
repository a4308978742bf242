//! The last known value of each declared attribute.

use crate::JourneyEvent;

/// Takes over the attribute cells that this event sets; the others stay as they were.
pub(super) fn observe(attributes: &mut [f64], event: &JourneyEvent) {
    for &(attribute, cell) in &event.attributes {
        attributes[usize::from(attribute)] = cell;
    }
}
