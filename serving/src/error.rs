//! Why a question is not answered.

use percorso_journey::Timestamp;

use crate::StoreError;

/// Why a question is not answered; no customer is ever named.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// No event is kept of the customer.
    #[error("no events are kept of this customer")]
    UnknownCustomer,
    /// No model is loaded.
    #[error("no model is loaded; promote one with `percorso models promote`")]
    NoModel,
    /// The cut-off lies further back than the events that are kept one by one.
    #[error("as_of is {as_of}, expected a time after {base_at}, the last event no longer kept by itself")]
    AsOfTooEarly {
        /// The cut-off asked for.
        as_of: Timestamp,
        /// The last event folded for good.
        base_at: Timestamp,
    },
    /// No event lies before the cut-off.
    #[error("as_of is {as_of}, and no event of the customer lies before it")]
    NothingBefore {
        /// The cut-off asked for.
        as_of: Timestamp,
    },
    /// The cut-off lies further ahead than the server allows.
    #[error("as_of is {as_of}, expected at most {latest}")]
    AsOfTooLate {
        /// The cut-off asked for.
        as_of: Timestamp,
        /// The latest allowed.
        latest: Timestamp,
    },
    /// The id of a request was used for another.
    #[error("the request_id was used for another customer or other channels; give each request its own")]
    RequestIdReused,
    /// The store refuses or fails.
    #[error(transparent)]
    Store(#[from] StoreError),
}
