//! What came of a decision, in money, as the business declares it.

use crate::spec::{Response, Reward};
use crate::{JourneyEvent, JourneyState, Spec, Timestamp};

/// What came of a decision in its window, before it is worth anything.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Came {
    /// The money that events were worth.
    pub spent: f64,
    /// Whether the customer left.
    pub has_left: bool,
    /// Offers taken.
    pub n_accepted: u32,
    /// Stages further than the one that the customer was in.
    pub n_stages_forward: u32,
}

/// How many parts a reward has.
pub const N_REWARD_PARTS: usize = 4;

impl Came {
    /// What came of it part by part, in the order of [`Reward::weights`]: leaving is 1 or 0.
    pub fn parts(&self) -> [f64; N_REWARD_PARTS] {
        [
            self.spent,
            f64::from(u8::from(self.has_left)),
            f64::from(self.n_accepted),
            f64::from(self.n_stages_forward),
        ]
    }
}

impl Reward {
    /// What one of each part is worth: money spent, leaving, an offer taken, a stage further; 0 for what does not count.
    pub fn weights(&self) -> [f64; N_REWARD_PARTS] {
        [self.spend, self.leaving, self.accepted, self.stage_forward]
    }

    /// What it is worth that this came: the cost of the decision is not in it.
    pub fn of(&self, came: &Came) -> f64 {
        let parts = self.weights().into_iter().zip(came.parts());
        parts.map(|(weight, part)| weight * part).sum()
    }
}

/// What came of whatever was decided at `as_of`: what the customer did in the window from then on.
///
/// `future` holds the customer's events at or after `as_of`, in order.
/// Contacts of the business are no stage of the customer's; what became known only after the window does not count.
/// `None` when the window is not over at `observed_until`.
pub fn came_of(
    spec: &Spec,
    state: &JourneyState,
    future: &[JourneyEvent],
    as_of: Timestamp,
    observed_until: Timestamp,
) -> Option<Came> {
    let end = as_of.plus_days(i64::from(spec.decisions().window_days));
    if end > observed_until {
        return None;
    }
    let is_within = |event: &&JourneyEvent| event.at >= as_of && event.at < end && event.known_at <= end;
    let mut came = Came::default();
    let stage_before = state.path().current().unwrap_or(0);
    let mut furthest = stage_before;
    for event in future.iter().filter(is_within) {
        let touchpoint = &spec.touchpoints()[usize::from(event.touchpoint)];
        came.spent += event.value.unwrap_or(0.0);
        came.n_accepted += u32::from(touchpoint.response == Some(Response::Accepted));
        came.has_left |= touchpoint.stage == spec.leaving_stage();
        if !touchpoint.contact && event.stage != spec.leaving_stage() {
            furthest = furthest.max(event.stage);
        }
    }
    came.n_stages_forward = u32::from(furthest - stage_before);
    Some(came)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::text;

    fn reward(past: &str, future: &str, observed_until_days: i64) -> Option<f64> {
        let declared = format!(
            "{}\n[decisions]\nwindow_days = 30\n[decisions.reward]\nspend = 0.5\nleaving = -100.0\nstage_forward = 3.0\n",
            text::SMALL_SPEC
        );
        let spec = Arc::new(Spec::parse(&declared).unwrap());
        let mut state = JourneyState::new(Arc::clone(&spec));
        for event in text::journey(&spec, past).unwrap() {
            state.observe(&event).unwrap();
        }
        let future = text::journey(&spec, future).unwrap();
        let came = came_of(&spec, &state, &future, text::day(10), text::day(observed_until_days));
        came.map(|came| spec.decisions().reward.of(&came))
    }

    #[test]
    fn what_was_spent_in_the_window_counts_and_what_came_later_does_not() {
        assert_eq!(
            reward("visit@0d purchase@3d=20", "purchase@11d=20 purchase@41d=20", 90),
            Some(10.0)
        );
    }

    #[test]
    fn each_stage_further_counts_once() {
        assert_eq!(reward("visit@0d", "visit@11d purchase@12d=0 offer@13d", 90), Some(3.0));
    }

    #[test]
    fn who_leaves_is_worth_what_is_declared() {
        assert_eq!(reward("visit@0d", "purchase@12d=20 closed@13d", 90), Some(-87.0));
    }

    #[test]
    fn a_window_that_is_not_over_tells_nothing() {
        assert_eq!(reward("visit@0d", "purchase@11d=20", 39), None);
    }
}
