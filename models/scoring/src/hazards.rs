//! The hazards of a customer's intervals of waiting, kept from one answer to the next.

use percorso_journey::{Timestamp, Wait};

/// What may come first in each interval after a customer's last event.
///
/// It depends on the model and on the customer's state alone, not on when it is asked: as long as nothing happens, later
/// answers are made of the same hazards.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hazards {
    /// Intervals that follow each other.
    waits: Vec<Wait>,
    /// For each interval the probability of each class.
    classes: Vec<f64>,
}

impl Hazards {
    pub(crate) fn clear(&mut self) {
        self.waits.clear();
        self.classes.clear();
    }

    /// Adds the interval that follows the last one; its classes are to be written.
    pub(crate) fn add(&mut self, wait: Wait, n_classes: usize) -> &mut [f64] {
        self.waits.push(wait);
        let from = self.classes.len();
        self.classes.resize(from + n_classes, 0.0);
        &mut self.classes[from..]
    }

    /// True when every interval between the cut-off and the horizon is there.
    pub(crate) fn reach(&self, as_of: Timestamp, horizon: Timestamp) -> bool {
        let (first, last) = (self.waits.first(), self.waits.last());
        first.is_some_and(|first| first.from <= as_of) && last.is_some_and(|last| last.until >= horizon)
    }

    /// The intervals that end after the cut-off, up to the first that ends at or after the horizon.
    pub(crate) fn between(
        &self,
        as_of: Timestamp,
        horizon: Timestamp,
        n_classes: usize,
    ) -> impl Iterator<Item = (&Wait, &[f64])> {
        let first = self.waits.partition_point(|wait| wait.until <= as_of);
        let last = self.waits.partition_point(|wait| wait.until < horizon);
        let classes = self.classes.chunks_exact(n_classes);
        self.waits
            .iter()
            .zip(classes)
            .skip(first)
            .take((last + 1).saturating_sub(first))
    }
}
