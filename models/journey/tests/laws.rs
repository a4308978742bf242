//! Laws of the fold, on random journeys: where it was cut, and in what order events came, cannot matter.

use std::sync::Arc;

use percorso_journey::{
    AttributeValue, History, HistoryError, Insertion, JourneyEvent, JourneyState, LoggedEvent, MICROS_PER_DAY,
    RawEvent, Spec, Timestamp, text,
};
use proptest::prelude::*;

fn spec() -> Arc<Spec> {
    Arc::new(Spec::parse(text::SMALL_SPEC).expect("the small spec is valid"))
}

/// Events of one customer within `span_days`, in order, many of them at the same instant.
fn events(span_days: i64) -> impl Strategy<Value = Vec<JourneyEvent>> {
    let touchpoint = prop::sample::select(vec!["visit", "offer", "accepted", "purchase", "renewal", "closed"]);
    let channel = prop::sample::select(vec![None, Some("web"), Some("mail"), Some("carrier pigeon")]);
    let value = prop::option::of(-50.0..500.0);
    let score = prop::option::of(1.0..5.0);
    let event = (
        0..span_days * 4,
        touchpoint,
        channel,
        value,
        score,
        prop::option::of(18.0..90.0),
    );
    prop::collection::vec(event, 1..40).prop_map(|mut drawn| {
        let spec = spec();
        let age = spec.attribute_named("age").expect("declared");
        drawn.sort_by_key(|event| event.0);
        let resolve = |(sequence, (quarter, touchpoint, channel, value, feedback_score, years))| {
            let raw = RawEvent {
                at: text::day(0).micros() + quarter * (MICROS_PER_DAY / 4),
                sequence,
                touchpoint,
                channel,
                value,
                feedback_score,
                attributes: Option::into_iter(years)
                    .map(|years| (age, AttributeValue::Number(years)))
                    .collect(),
                ..RawEvent::default()
            };
            spec.resolve(&raw).expect("within the contract")
        };
        (0..).zip(drawn).map(resolve).collect()
    })
}

fn fold(events: &[JourneyEvent]) -> JourneyState {
    let mut state = JourneyState::new(spec());
    for event in events {
        state.observe(event).expect("in order");
    }
    state
}

fn logged(events: &[JourneyEvent]) -> Vec<LoggedEvent> {
    let log = |event: &JourneyEvent| LoggedEvent {
        event_id: format!("e{}", event.sequence),
        event: event.clone(),
    };
    events.iter().map(log).collect()
}

proptest! {
    #[test]
    fn a_fold_cut_anywhere_and_resumed_from_bytes_is_the_same_fold(events in events(400), cut in 0.0..1.0_f64) {
        let (head, tail) = events.split_at((events.len() as f64 * cut) as usize);
        let mut resumed = JourneyState::from_bytes(spec(), &fold(head).to_bytes()).expect("written above");
        for event in tail {
            resumed.observe(event).expect("in order");
        }
        let whole = fold(&events);
        prop_assert_eq!(resumed.to_bytes(), whole.to_bytes());
        // No feature shows these days, and what is missing in the bytes is missing on both sides above.
        prop_assert_eq!(resumed.purchase_days(), whole.purchase_days());
    }

    #[test]
    fn shuffled_delivery_within_the_allowance_gives_the_same_state(
        (events, shuffled) in events(29).prop_flat_map(|events| {
            let shuffled = Just(logged(&events)).prop_shuffle();
            (Just(events), shuffled)
        }),
    ) {
        let mut history = History::new(spec());
        for event in shuffled {
            prop_assert_ne!(history.insert(event.clone()), Ok(Insertion::Duplicate));
            prop_assert_eq!(history.insert(event), Ok(Insertion::Duplicate));
        }
        prop_assert_eq!(history.state().to_bytes(), fold(&events).to_bytes());
    }

    #[test]
    fn settling_and_resuming_a_history_changes_no_state(events in events(400), late in 0_usize..40) {
        let late = late % events.len();
        let mut history = History::new(spec());
        for event in logged(&events).into_iter().enumerate().filter(|(at, _)| *at != late).map(|(_, event)| event) {
            history.insert(event).expect("in order");
            history.settle();
        }
        let base = JourneyState::from_bytes(spec(), &history.base().to_bytes()).expect("written above");
        let mut history = History::resume(base, history.log().to_vec()).expect("in order");
        match history.insert(logged(&events).remove(late)) {
            Ok(_) => prop_assert_eq!(history.state().to_bytes(), fold(&events).to_bytes()),
            Err(HistoryError::TooLate { at, last_at, .. }) => prop_assert!(last_at.days_since(at) > 30.0),
            Err(other) => prop_assert!(false, "{}", other),
        }
    }

    #[test]
    fn a_logged_event_survives_its_bytes(events in events(400)) {
        for event in logged(&events) {
            prop_assert_eq!(LoggedEvent::from_bytes(&spec(), &event.to_bytes()).expect("written above"), event);
        }
    }

    #[test]
    fn bytes_that_were_cut_or_stretched_are_refused(events in events(100), cut in 0_usize..100) {
        let mut bytes = fold(&events).to_bytes();
        bytes.truncate(bytes.len() - 1 - cut);
        prop_assert!(JourneyState::from_bytes(spec(), &bytes).is_err());
        let mut bytes = fold(&events).to_bytes();
        bytes.push(0);
        prop_assert!(JourneyState::from_bytes(spec(), &bytes).is_err());
    }
}

#[test]
fn the_past_that_was_settled_can_no_longer_be_told_apart() {
    let spec = spec();
    let events = text::journey(&spec, "visit@0d visit@10d purchase@50d").expect("a journey in text");
    let mut history = History::new(Arc::clone(&spec));
    for event in logged(&events) {
        history.insert(event).expect("in order");
    }
    assert_eq!(
        history.state_before(text::day(5)).expect("nothing settled").n_events(),
        1
    );
    assert_eq!(history.settle(), 2);
    assert!(matches!(
        history.state_before(text::day(5)),
        Err(HistoryError::TooOld { .. })
    ));
    assert_eq!(
        history.state_before(text::day(20)).expect("after the base").n_events(),
        2
    );
    let too_late = LoggedEvent {
        event_id: "late".into(),
        event: events[0].clone(),
    };
    assert!(matches!(history.insert(too_late), Err(HistoryError::TooLate { .. })));
}

#[test]
fn an_absurd_time_is_refused() {
    let raw = RawEvent {
        at: Timestamp::LATEST.micros(),
        touchpoint: "visit",
        ..RawEvent::default()
    };
    assert_eq!(spec().resolve(&raw).expect_err("out of range").reason(), "absurd_time");
}

#[test]
fn an_event_as_late_as_allowed_finds_its_place_after_settling() {
    let spec = spec();
    let events = text::journey(&spec, "visit@0d visit@10d purchase@40d").expect("a journey in text");
    let mut history = History::new(Arc::clone(&spec));
    for event in logged(&events) {
        history.insert(event).expect("in order");
    }
    history.settle();
    // Day 10 is exactly the allowed thirty days before the last event: it stays in the log, and an earlier twin may join.
    assert_eq!(history.log().len(), 2);
    let mut twin = LoggedEvent {
        event_id: "twin".into(),
        event: events[1].clone(),
    };
    twin.event.sequence = 0;
    assert_eq!(history.insert(twin.clone()), Ok(Insertion::Refolded));
    let folded = fold(&[events[0].clone(), twin.event, events[1].clone(), events[2].clone()]);
    assert_eq!(history.state().to_bytes(), folded.to_bytes());
}

#[test]
fn what_became_known_later_is_not_in_the_state_of_that_day() {
    let spec = spec();
    let events = text::journey(&spec, "visit@0d purchase@1d~9d visit@12d").expect("a journey in text");
    let history = History::resume(JourneyState::new(Arc::clone(&spec)), logged(&events)).expect("in order");
    assert_eq!(
        history.state_before(text::day(5)).expect("nothing settled").n_events(),
        1
    );
    assert_eq!(
        history.state_before(text::day(9)).expect("nothing settled").n_events(),
        2
    );
}

#[test]
fn specs_whose_states_hold_other_things_have_other_digests() {
    let known_at_start = text::SMALL_SPEC.replace("unit = \"years\"", "unit = \"years\"\nknown_at_start = true");
    let other = Arc::new(Spec::parse(&known_at_start).expect("still valid"));
    let bytes = |spec: &Arc<Spec>| JourneyState::new(Arc::clone(spec)).to_bytes();
    assert_ne!(bytes(&spec()).len(), bytes(&other).len());
    assert_ne!(spec().digest(), other.digest());
}
