//! Of whom a question can be asked at a cut-off.

use crate::spec::{ChurnKind, ChurnTarget};
use crate::state::Slot;
use crate::{JourneyState, Spec, Timestamp};

/// True when the customer counts at `as_of`: seen lately enough, with what the population asks for, and not gone.
///
/// Who was last seen leaving (by a touchpoint declared in the leaving stage, whatever stage its events say) is gone until
/// they come back, unless the population also asks of them. A state without events is in no population.
pub fn in_population(spec: &Spec, state: &JourneyState, as_of: Timestamp) -> bool {
    let Some(last_at) = state.last_at() else { return false };
    let population = spec.population();
    let is_fresh = population
        .seen_within_days
        .is_none_or(|days| last_at >= as_of.plus_days(-i64::from(days)));
    let counts = population.having.is_empty() || latest(state, &population.having).is_some();
    let leaving = (0..).zip(spec.touchpoints());
    let leaving = leaving
        .filter(|(_, met)| met.stage == spec.leaving_stage())
        .map(|(at, _)| at);
    is_fresh && counts && (population.who_left || !has_left(spec, state, leaving))
}

/// True when the customer can still leave in this sense, so that the question has a meaning.
///
/// - Event: has not left, or has come back since (done again what the population asks for).
/// - Contract: has a contract that ends in `[as_of, as_of + horizon)`.
/// - Inactivity: everyone in the population.
pub fn at_risk(spec: &Spec, state: &JourneyState, target: ChurnTarget, as_of: Timestamp) -> bool {
    if !in_population(spec, state, as_of) {
        return false;
    }
    match &spec.churn()[target.definition].kind {
        ChurnKind::Event { touchpoints, .. } => !has_left(spec, state, touchpoints.iter().copied()),
        ChurnKind::Contract { ends_at, .. } => {
            let cell = state.attributes()[usize::from(*ends_at)];
            let end = as_of.plus_days(i64::from(target.horizon_days));
            !cell.is_nan() && (as_of.micros() as f64..end.micros() as f64).contains(&cell)
        }
        ChurnKind::Inactivity { .. } => true,
    }
}

/// True when the customer has left by one of the touchpoints and not come back since: done what the population asks for,
/// or, where it asks for nothing, anything.
fn has_left(spec: &Spec, state: &JourneyState, leaving: impl Iterator<Item = u16>) -> bool {
    let left_at = leaving
        .filter_map(|at| state.tallies().last_at(Slot::Touchpoint(at)))
        .max();
    let having = &spec.population().having;
    let back_at = if having.is_empty() {
        state.last_at()
    } else {
        latest(state, having)
    };
    left_at.is_some_and(|left_at| back_at.is_none_or(|back_at| back_at <= left_at))
}

/// When one of the touchpoints was last seen.
fn latest(state: &JourneyState, touchpoints: &[u16]) -> Option<Timestamp> {
    let seen = touchpoints
        .iter()
        .filter_map(|&at| state.tallies().last_at(Slot::Touchpoint(at)));
    seen.max()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::text;

    fn is_at_risk(journey: &str, definition: &str, as_of_day: i64) -> bool {
        let spec = Arc::new(Spec::parse(text::SMALL_SPEC).expect("the small spec is valid"));
        let mut state = JourneyState::new(Arc::clone(&spec));
        for event in text::journey(&spec, journey).expect("a journey in text") {
            state.observe(&event).expect("in order");
        }
        let target = spec
            .churn_targets()
            .into_iter()
            .find(|target| spec.churn()[target.definition].name == definition);
        at_risk(&spec, &state, target.expect("declared"), text::day(as_of_day))
    }

    #[test]
    fn who_has_left_is_not_at_risk_until_they_buy_again() {
        assert!(is_at_risk("purchase@0d visit@1d", "left", 5));
        assert!(!is_at_risk("purchase@0d closed@1d visit@2d", "left", 5));
        assert!(is_at_risk("purchase@0d closed@1d purchase@2d", "left", 5));
    }

    #[test]
    fn who_has_left_is_asked_nothing_until_they_come_back_unless_the_population_says_so() {
        for definition in ["inactive", "left"] {
            assert!(
                !is_at_risk("purchase@0d closed@1d visit@2d", definition, 5),
                "{definition}"
            );
            assert!(
                is_at_risk("purchase@0d closed@1d purchase@2d", definition, 5),
                "{definition}"
            );
        }
        let spec = text::SMALL_SPEC.replace("[population]", "[population]\nwho_left = true");
        let spec = Arc::new(Spec::parse(&spec).expect("still valid"));
        let mut state = JourneyState::new(Arc::clone(&spec));
        for event in text::journey(&spec, "purchase@0d closed@1d").expect("a journey in text") {
            state.observe(&event).expect("in order");
        }
        let is_at_risk = |target| at_risk(&spec, &state, target, text::day(5));
        assert_eq!(
            spec.churn_targets().into_iter().map(is_at_risk).collect::<Vec<_>>(),
            [false, true, false]
        );
    }

    #[test]
    fn who_was_not_seen_for_long_is_in_no_population() {
        assert!(is_at_risk("purchase@0d", "inactive", 365));
        assert!(!is_at_risk("purchase@0d", "inactive", 366));
        assert!(!is_at_risk("visit@0d", "inactive", 5));
    }

    #[test]
    fn a_contract_is_at_risk_in_the_horizon_before_its_end() {
        assert!(is_at_risk("purchase@0d:contract_ends_at=40d", "not_renewed", 20));
        assert!(!is_at_risk("purchase@0d:contract_ends_at=40d", "not_renewed", 5));
        assert!(!is_at_risk("purchase@0d:contract_ends_at=40d", "not_renewed", 41));
    }
}
