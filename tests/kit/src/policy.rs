//! Our own contacts: a randomised policy whose propensities are known and logged.

use crate::chance::Chance;
use crate::customer::Traits;
use crate::state::State;
use crate::words::Action;

/// Days between two decisions about one customer.
const CYCLE_DAYS: i32 = 28;
/// P(discount), P(advice) for those who bought within 60 days, and for the others.
const PROPENSITY: [[f64; 2]; 2] = [[0.20, 0.30], [0.40, 0.20]];

/// One decision: what was sent, if anything, and how likely that was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Drawn {
    /// None when nothing was sent.
    pub(crate) action: Option<Action>,
    /// P(what was done | what the log shows), in (0, 1).
    pub(crate) propensity: f64,
}

/// Whether a decision is taken on a day: every 28 days, first 7 to 13 days after joining.
#[inline]
pub(crate) fn decides_on(traits: &Traits, day: i32) -> bool {
    let since = day - traits.join_day - traits.offer_phase;
    since >= 0 && since % CYCLE_DAYS == 0
}

/// Draws the decision; its propensities depend only on days since the last purchase, which the log shows.
pub(crate) fn decide(traits: &Traits, state: &State, day: i32, chance: &mut Chance) -> Drawn {
    let quiet = state.days_since_purchase(traits, day) > 60;
    let [discount, advice] = PROPENSITY[usize::from(quiet)];
    let u = chance.unit();
    if u < discount {
        Drawn {
            action: Some(Action::Discount),
            propensity: discount,
        }
    } else if u < discount + advice {
        Drawn {
            action: Some(Action::Advice),
            propensity: advice,
        }
    } else {
        Drawn {
            action: None,
            propensity: 1.0 - discount - advice,
        }
    }
}
