//! What happened from a cut-off on: the labels that models learn from, never seen by a state.

use crate::spec::{ChurnKind, ChurnTarget};
use crate::state::Slot;
use crate::{History, JourneyEvent, JourneyState, Spec, Timestamp, at_risk};

/// The answers to every question asked of one customer at one cut-off.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Per [`Spec::churn_targets`]: left or not; `None` when the customer was not at risk or the window is not over.
    pub churn: Vec<Option<bool>>,
    /// What came first; `None` when the window is not over.
    pub next: Option<Next>,
    /// Per [`Spec::churn`]: how long the customer stayed; `None` when they were not at risk, or leaving is no event.
    pub stays: Vec<Option<Stay>>,
}

/// How long a customer stayed after a cut-off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stay {
    /// Days until they had left and it was known, or until the data end.
    pub days: f64,
    /// False when they were still there at the data's end.
    pub has_left: bool,
}

/// The first event from the cut-off on, within the next-stage horizon.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Next {
    /// An event of this stage and touchpoint came so many days after the cut-off.
    Event {
        /// Position of its stage.
        stage: u16,
        /// Position of its touchpoint.
        touchpoint: u16,
        /// Days from the cut-off to it.
        after_days: f64,
    },
    /// Nothing came.
    Nothing,
}

impl Outcome {
    /// Takes back the answers of whoever had left already, unknown to the business: they were not at risk that day.
    ///
    /// `unknown` holds the events before the cut-off that became known after it.
    pub fn censor_who_had_left(&mut self, spec: &Spec, unknown: &[&JourneyEvent]) {
        for (answer, target) in self.churn.iter_mut().zip(spec.churn_targets()) {
            if let ChurnKind::Event { touchpoints, .. } = &spec.churn()[target.definition].kind
                && unknown.iter().any(|event| touchpoints.contains(&event.touchpoint))
            {
                *answer = None;
                self.stays[target.definition] = None;
            }
        }
    }
}

impl Next {
    /// Position in [`Spec::next_stage_classes`].
    pub fn class(&self, spec: &Spec) -> usize {
        match self {
            Self::Event { stage, .. } => usize::from(*stage),
            Self::Nothing => spec.stages().len(),
        }
    }
}

/// The outcome of a customer whose past up to `as_of` is `state` and whose later events are `future`.
///
/// `future` holds the customer's events at or after `as_of`, in order; `observed_until` is where the data end.
/// A window that the data do not cover is censored, whatever was seen of it.
/// What became known only after a window's end does not count in it, so that labels are those of the day.
pub fn outcome_from(
    spec: &Spec,
    state: &JourneyState,
    future: &[JourneyEvent],
    as_of: Timestamp,
    observed_until: Timestamp,
) -> Outcome {
    let churn = spec
        .churn_targets()
        .into_iter()
        .map(|target| {
            let is_over = as_of.plus_days(i64::from(target.window_days)) <= observed_until;
            let any = |touchpoints: &[u16], to: Timestamp| {
                let mut met = future.iter().filter(|event| touchpoints.contains(&event.touchpoint));
                met.any(|event| is_within(event, as_of, to))
            };
            (is_over && at_risk(spec, state, target, as_of)).then(|| has_left(spec, state, target, as_of, any))
        })
        .collect();
    let end = as_of.plus_days(i64::from(spec.next_stage().horizon_days));
    let next = (end <= observed_until).then(|| next_within(future, as_of, end));
    let mut stays = vec![None; spec.churn().len()];
    for target in spec.churn_targets() {
        if let ChurnKind::Event { touchpoints, .. } = &spec.churn()[target.definition].kind
            && at_risk(spec, state, target, as_of)
        {
            stays[target.definition] = Some(stay(future, touchpoints, as_of, observed_until));
        }
    }
    Outcome { churn, next, stays }
}

/// How long a customer stayed, of what is known at the data's end; one who left has stayed until that was known.
fn stay(future: &[JourneyEvent], leaving: &[u16], as_of: Timestamp, observed_until: Timestamp) -> Stay {
    let left_at = future
        .iter()
        .filter(|event| leaving.contains(&event.touchpoint) && is_within(event, as_of, observed_until))
        .map(|event| event.at.max(event.known_at))
        .min();
    Stay {
        days: left_at.unwrap_or(observed_until).days_since(as_of),
        has_left: left_at.is_some(),
    }
}

/// What came first at or after `from` and before `until`, of what was known by then.
fn next_within(future: &[JourneyEvent], from: Timestamp, until: Timestamp) -> Next {
    let first = future.iter().find(|event| is_within(event, from, until));
    first.map_or(Next::Nothing, |event| Next::Event {
        stage: event.stage,
        touchpoint: event.touchpoint,
        after_days: event.at.days_since(from),
    })
}

fn is_within(event: &JourneyEvent, from: Timestamp, to: Timestamp) -> bool {
    from <= event.at && event.at < to && event.known_at < to
}

/// Whether a customer who was at risk at `as_of` has left since, as in [`outcome_from`], of what a history still tells.
///
/// `None` while the window is not over, or where the past it asks of can no longer be told.
/// Of what was folded into the base, the last event of each touchpoint is known: asked within the allowed lateness after
/// the window's end, that is all it takes.
pub fn left_since(history: &History, target: ChurnTarget, as_of: Timestamp, observed_until: Timestamp) -> Option<bool> {
    let spec = history.base().spec();
    if as_of.plus_days(i64::from(target.window_days)) > observed_until {
        return None;
    }
    let any = |touchpoints: &[u16], to| any_since(history, touchpoints, as_of, to);
    match &spec.churn()[target.definition].kind {
        // The contract's end as it was told then.
        ChurnKind::Contract { .. } => {
            let state = history.state_before(as_of).ok()?;
            Some(has_left(spec, &state, target, as_of, any))
        }
        ChurnKind::Event { .. } | ChurnKind::Inactivity { .. } => {
            Some(has_left(spec, history.base(), target, as_of, any))
        }
    }
}

/// Whether a customer has left by an event since `as_of`, before the window is over; `None` where leaving is no event.
pub fn left_so_far(
    history: &History,
    target: ChurnTarget,
    as_of: Timestamp,
    observed_until: Timestamp,
) -> Option<bool> {
    match &history.base().spec().churn()[target.definition].kind {
        ChurnKind::Event { touchpoints, .. } => Some(any_since(history, touchpoints, as_of, observed_until)),
        ChurnKind::Contract { .. } | ChurnKind::Inactivity { .. } => None,
    }
}

fn any_since(history: &History, touchpoints: &[u16], from: Timestamp, to: Timestamp) -> bool {
    let is_met = |touchpoint: u16| touchpoints.contains(&touchpoint);
    let mut in_log = history.log().iter().map(|logged| &logged.event);
    let mut last_in_base = touchpoints
        .iter()
        .filter_map(|&at| history.base().tallies().last_at(Slot::Touchpoint(at)));
    in_log.any(|event| is_met(event.touchpoint) && is_within(event, from, to))
        || last_in_base.any(|at| from <= at && at < to)
}

/// `any` tells whether one of some touchpoints came from `as_of` on, before a time.
fn has_left(
    spec: &Spec,
    state: &JourneyState,
    target: ChurnTarget,
    as_of: Timestamp,
    any: impl Fn(&[u16], Timestamp) -> bool,
) -> bool {
    let end = as_of.plus_days(i64::from(target.horizon_days));
    match &spec.churn()[target.definition].kind {
        ChurnKind::Event { touchpoints, .. } => any(touchpoints, end),
        ChurnKind::Inactivity { touchpoints, .. } => !any(touchpoints, end),
        ChurnKind::Contract {
            ends_at,
            renewed_by,
            grace_days,
            ..
        } => {
            let contract_end = Timestamp::from_micros(state.attributes()[usize::from(*ends_at)] as i64);
            !any(renewed_by, contract_end.plus_days(i64::from(*grace_days)))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::text;

    fn outcome(past: &str, future: &str, as_of_day: i64, until_day: i64) -> (Arc<Spec>, Outcome) {
        let spec = Arc::new(Spec::parse(text::SMALL_SPEC).expect("the small spec is valid"));
        let mut state = JourneyState::new(Arc::clone(&spec));
        for event in text::journey(&spec, past).expect("a journey in text") {
            state.observe(&event).expect("in order");
        }
        let future = text::journey(&spec, future).expect("a journey in text");
        let outcome = outcome_from(&spec, &state, &future, text::day(as_of_day), text::day(until_day));
        (spec, outcome)
    }

    fn churn(past: &str, future: &str, as_of_day: i64, until_day: i64, definition: &str) -> Option<bool> {
        let (spec, outcome) = outcome(past, future, as_of_day, until_day);
        let targets = spec.churn_targets();
        let at = targets
            .iter()
            .position(|target| spec.churn()[target.definition].name == definition);
        outcome.churn[at.expect("declared")]
    }

    #[test]
    fn a_gap_as_long_as_the_definition_is_churn() {
        assert_eq!(churn("purchase@0d", "purchase@90d", 1, 200, "inactive"), Some(false));
        assert_eq!(churn("purchase@0d", "purchase@91d", 1, 200, "inactive"), Some(true));
        assert_eq!(churn("purchase@0d", "visit@5d", 1, 200, "inactive"), Some(true));
    }

    #[test]
    fn a_window_that_the_data_do_not_cover_is_censored_whatever_was_seen() {
        assert_eq!(churn("purchase@0d", "closed@2d", 1, 30, "left"), None);
        assert_eq!(churn("purchase@0d", "closed@2d", 1, 31, "left"), Some(true));
    }

    fn history(spec: &Arc<Spec>, journey: &str) -> History {
        let mut history = History::new(Arc::clone(spec));
        let events = text::journey(spec, journey).expect("a journey");
        for (at, event) in events.into_iter().enumerate() {
            let event_id = at.to_string();
            history
                .insert(crate::LoggedEvent { event_id, event })
                .expect("in order");
        }
        history
    }

    /// What a history whose base has moved past the cut-off still tells, beside what training says of the same journey.
    fn told(past: &str, future: &str, as_of_day: i64, until_day: i64) -> Vec<[Option<bool>; 2]> {
        let (spec, found) = outcome(past, future, as_of_day, until_day);
        let mut history = history(&spec, &format!("{past} {future}"));
        history.settle();
        let targets = spec.churn_targets().into_iter().zip(found.churn);
        let (as_of, until) = (text::day(as_of_day), text::day(until_day));
        let asked = targets.filter(|(_, label)| label.is_some());
        asked
            .map(|(target, label)| [label, left_since(&history, target, as_of, until)])
            .collect()
    }

    #[test]
    fn what_a_history_tells_later_is_what_training_says() {
        for (past, future, as_of_day, until_day) in [
            ("purchase@0d", "purchase@80d", 1, 92),
            ("purchase@0d", "visit@5d", 1, 92),
            ("purchase@0d", "closed@20d", 1, 32),
            // The base has moved past the cut-off.
            ("purchase@0d", "closed@20d visit@60d", 1, 61),
            ("purchase@0d", "purchase@50d visit@95d", 1, 95),
            ("purchase@0d", "visit@50d visit@95d", 1, 95),
        ] {
            let told = told(past, future, as_of_day, until_day);
            assert!(!told.is_empty());
            for [label, later] in told {
                assert_eq!(label, later, "{past} | {future}");
            }
        }
        let contract = "purchase@0d:contract_ends_at=40d";
        assert_eq!(told(contract, "renewal@42d", 20, 64).last(), Some(&[Some(false); 2]));
        // Its end as it was told can be known no more, and nothing is made up.
        let moved = told(contract, "renewal@42d visit@100d", 20, 100);
        assert_eq!(moved.last(), Some(&[Some(false), None]));
    }

    #[test]
    fn before_the_window_is_over_only_an_event_tells_of_leaving() {
        let spec = Arc::new(Spec::parse(text::SMALL_SPEC).expect("the small spec is valid"));
        let history = history(&spec, "purchase@0d closed@5d");
        let so_far = |target, until| left_so_far(&history, target, text::day(1), text::day(until));
        let targets = spec.churn_targets();
        assert_eq!(
            (so_far(targets[0], 5), so_far(targets[0], 6)),
            (Some(false), Some(true))
        );
        assert_eq!((so_far(targets[1], 6), so_far(targets[2], 6)), (None, None));
        assert_eq!(left_since(&history, targets[0], text::day(1), text::day(6)), None);
    }

    #[test]
    fn a_renewal_in_the_grace_keeps_the_contract() {
        let past = "purchase@0d:contract_ends_at=40d";
        assert_eq!(churn(past, "renewal@53d", 20, 200, "not_renewed"), Some(false));
        assert_eq!(churn(past, "renewal@54d", 20, 200, "not_renewed"), Some(true));
    }

    #[test]
    fn the_next_stage_is_that_of_the_first_event_at_or_after_the_cut_off() {
        let (spec, found) = outcome("visit@0d", "purchase@1d visit@2d", 1, 100);
        let next = found.next.expect("the window is over");
        assert_eq!(spec.next_stage_classes()[next.class(&spec)], "purchase");
        let (spec, found) = outcome("visit@0d", "purchase@31d", 1, 100);
        assert_eq!(
            spec.next_stage_classes()[found.next.expect("the window is over").class(&spec)],
            "none"
        );
    }

    #[test]
    fn who_had_left_unknown_to_the_business_is_not_said_to_stay() {
        let (spec, mut outcome) = outcome("purchase@0d", "", 3, 200);
        let left = text::journey(&spec, "closed@2d~5d").expect("a journey in text");
        outcome.censor_who_had_left(&spec, &[&left[0]]);
        assert_eq!(outcome.churn, [None, Some(true), None]);
    }

    #[test]
    fn a_stay_ends_with_leaving_or_with_the_data() {
        let stay = |future: &str| outcome("purchase@0d", future, 2, 50).1.stays[0];
        let of = |days, has_left| Some(Stay { days, has_left });
        assert_eq!(stay("visit@5d closed@42d"), of(40.0, true));
        assert_eq!(stay("visit@5d"), of(48.0, false));
        // Leaving counts from when it is known, as in labels; what nobody knows of yet has not been seen.
        assert_eq!(stay("closed@20d~42d"), of(40.0, true));
        assert_eq!(stay("closed@42d~60d"), of(48.0, false));
        let (_, gone) = outcome("purchase@0d closed@1d", "", 2, 50);
        assert_eq!(gone.stays[0], None);
    }

    #[test]
    fn what_was_known_only_after_the_window_does_not_count_in_it() {
        assert_eq!(churn("purchase@0d", "closed@25d~40d", 1, 200, "left"), Some(false));
    }
}
