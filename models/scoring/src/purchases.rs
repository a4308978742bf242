//! What a customer has bought, as models of purchases take it.

use percorso_journey::{JourneyState, Timestamp};
use percorso_learners::{Bought, Purchases, Spending};

const DAYS_PER_WEEK: f64 = 7.0;

/// A span of days in the unit of purchase models: weeks.
pub fn weeks(days: f64) -> f64 {
    days / DAYS_PER_WEEK
}

/// What a customer bought before a cut-off, read off their state; `None` for one who never did.
///
/// Training fits on it and scoring answers from it, so both see the same bits.
/// Days with a purchase are counted, not purchases; the mean value is that of all days with a value, the first one too.
pub fn bought(state: &JourneyState, as_of: Timestamp) -> Option<Bought> {
    let days = state.purchase_days();
    let since_last_days = days.since_last_days(state.spec(), as_of)?;
    let n_valued = days.n_valued_days();
    Some(Bought {
        purchases: Purchases {
            frequency: days.n_days() - 1,
            recency: weeks(days.first_to_last_days() as f64),
            age: weeks((days.first_to_last_days() + since_last_days) as f64),
        },
        spending: Spending {
            frequency: n_valued,
            mean_value: days.value() / f64::from(n_valued.max(1)),
        },
    })
}
