//! What came of a decision, in money, as the business declares it.

use crate::spec::Response;
use crate::{JourneyEvent, JourneyState, Spec, Timestamp};

/// The reward of whatever was decided at `as_of`: what the customer did in the window from then on, worth what
/// [`crate::spec::Reward`] says; the cost of the decision is not in it.
///
/// `future` holds the customer's events at or after `as_of`, in order.
/// Contacts of the business are no stage of the customer's; what became known only after the window does not count.
/// `None` when the window is not over at `observed_until`.
pub fn reward_of(
    spec: &Spec,
    state: &JourneyState,
    future: &[JourneyEvent],
    as_of: Timestamp,
    observed_until: Timestamp,
) -> Option<f64> {
    let decisions = spec.decisions();
    let end = as_of.plus_days(i64::from(decisions.window_days));
    if end > observed_until {
        return None;
    }
    let worth = decisions.reward;
    let is_within = |event: &&JourneyEvent| event.at >= as_of && event.at < end && event.known_at <= end;
    let (mut spent, mut n_accepted, mut has_left) = (0.0, 0.0, false);
    let stage_before = state.path().current().unwrap_or(0);
    let mut furthest = stage_before;
    for event in future.iter().filter(is_within) {
        let touchpoint = &spec.touchpoints()[usize::from(event.touchpoint)];
        spent += event.value.unwrap_or(0.0);
        n_accepted += f64::from(u8::from(touchpoint.response == Some(Response::Accepted)));
        has_left |= touchpoint.stage == spec.leaving_stage();
        if !touchpoint.contact && event.stage != spec.leaving_stage() {
            furthest = furthest.max(event.stage);
        }
    }
    Some(
        worth.spend * spent
            + worth.accepted * n_accepted
            + worth.stage_forward * f64::from(furthest - stage_before)
            + if has_left { worth.leaving } else { 0.0 },
    )
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
        reward_of(&spec, &state, &future, text::day(10), text::day(observed_until_days))
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
