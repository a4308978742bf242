//! Every feature of one business, in order, each with what computes it.

use percorso_journey::state::STATE_FORMAT;
use percorso_journey::{JourneyState, Spec, Timestamp};
use sha2::{Digest, Sha256};

use crate::column::Column;
use crate::families;
use crate::view::View;
use crate::{Feature, FeatureRow};

/// The features that a spec gives rise to.
pub struct Catalogue {
    columns: Vec<Column>,
}

/// A state was asked for a row at a cut-off at which its events had not all happened and become known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the state's last event is at {last_at}: it, or when something became known, is not before the cut-off {as_of}"
)]
pub struct HoldsTheFuture {
    /// The state's last event.
    pub last_at: Timestamp,
    /// The cut-off asked for.
    pub as_of: Timestamp,
}

impl Catalogue {
    /// The catalogue of a spec.
    pub fn of(spec: &Spec) -> Self {
        Self {
            columns: families::columns(spec),
        }
    }

    /// The features, in row order.
    pub fn features(&self) -> impl ExactSizeIterator<Item = &Feature> {
        self.columns.iter().map(|column| &column.feature)
    }

    /// How many features there are.
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Never true: every spec gives rise to features.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// Where a feature stands in a row.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.features().position(|feature| feature.name == name)
    }

    /// The row of a state at a cut-off.
    ///
    /// # Errors
    /// - the state holds an event at or after `as_of`, or one not known by then.
    pub fn row(&self, state: &JourneyState, as_of: Timestamp) -> Result<FeatureRow, HoldsTheFuture> {
        let mut row = FeatureRow::default();
        self.row_into(state, as_of, &mut row)?;
        Ok(row)
    }

    /// [`Self::row`] into a row that is used again, so that nothing is allocated.
    ///
    /// # Errors
    /// - the state holds an event at or after `as_of`, or one not known by then; `row` is unchanged.
    pub fn row_into(&self, state: &JourneyState, as_of: Timestamp, row: &mut FeatureRow) -> Result<(), HoldsTheFuture> {
        if let (Some(last_at), false) = (state.last_at(), state.is_of_the_past(as_of)) {
            return Err(HoldsTheFuture { last_at, as_of });
        }
        let view = View::new(state, as_of);
        row.refill(self.columns.iter().map(|column| (column.cell)(&view)));
        Ok(())
    }

    /// SHA-256 over every feature's meaning and the state's format, in hex; differs whenever any meaning does.
    pub fn fingerprint(&self) -> String {
        let mut digest = Sha256::new();
        digest.update([STATE_FORMAT]);
        for feature in self.features() {
            digest.update(feature.signature());
        }
        digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
