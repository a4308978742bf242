//! What is decided, told as stories.
#![allow(missing_docs, clippy::unwrap_used)]

use std::sync::Arc;

use percorso_journey::{CustomerKey, JourneyState, Spec, Timestamp, text};
use percorso_next_action::decide::{
    Case, Circumstances, Contact, Decision, Purpose, Rules, Score, Today, decide, fall_back, is_held_out,
};
use percorso_next_action::{Effect, Evidence};

/// A call, and a letter that may be tried; both worth something to whom they are meant for.
const ACTIONS: &str = r#"
[[attribute]]
name = "may_call"
kind = "flag"

[decisions]
customer_benefit = 0.5
contacts = { times = 3, days = 30 }

[[action]]
name = "call"
channel = "shop"
cost = 2.0
stages = ["purchase", "retention"]
consent = "may_call"
quiet_hours = ["20:00", "08:00"]
quiet_days = ["sunday"]
cool_down_days = 7

[[action]]
name = "letter"
channel = "mail"
cost = 1.0
benefit = 1.0
cap = { times = 2, days = 60 }
explore = true
rules = [
    { name = "only who may leave", when = "churn_left_30d > 0.1" },
    { name = "not the young", when = "age >= 18" },
]
"#;

struct Desk {
    spec: Arc<Spec>,
    rules: Rules,
    today: Today,
    channels: Vec<u16>,
    is_held_out: bool,
}

/// Noon of a Monday.
fn noon(day: i64) -> Timestamp {
    Timestamp::from_micros(text::day(day).micros() + 12 * 3_600_000_000)
}

impl Desk {
    fn new(more: &str) -> Desk {
        Desk::of(&format!("{ACTIONS}{more}"))
    }

    fn of(actions: &str) -> Desk {
        let declared = format!("{}{actions}", text::SMALL_SPEC);
        let spec = Arc::new(Spec::parse(&declared).unwrap_or_else(|error| panic!("{error}")));
        Desk {
            rules: Rules::compile(&spec).unwrap(),
            spec,
            today: Today::default(),
            channels: Vec::new(),
            is_held_out: false,
        }
    }

    fn state(&self, journey: &str) -> JourneyState {
        let mut state = JourneyState::new(Arc::clone(&self.spec));
        for event in text::journey(&self.spec, journey).unwrap() {
            state.observe(&event).unwrap();
        }
        state
    }

    fn decide(&self, journey: &str, as_of: Timestamp, churn: f64, contacts: &[Contact], seed: u64) -> Decision {
        self.ask(journey, as_of, churn, contacts, seed, decide)
    }

    fn ask(
        &self,
        journey: &str,
        as_of: Timestamp,
        churn: f64,
        contacts: &[Contact],
        seed: u64,
        answer: fn(&Rules, &Case<'_>) -> Decision,
    ) -> Decision {
        let worth = |reward| Effect {
            reward,
            evidence: Evidence::Learnt { n_decisions: 100 },
        };
        let scores = [Score {
            name: "churn_left_30d",
            value: Some(churn),
        }];
        let case = Case {
            spec: &self.spec,
            state: &self.state(journey),
            as_of,
            effects: &[worth(5.0), worth(3.0)],
            scores: &scores,
            circumstances: Circumstances {
                now: as_of,
                contacts,
                today: &self.today,
                channels: &self.channels,
                is_held_out: self.is_held_out,
                purpose: Purpose::Act { seed },
            },
        };
        answer(&self.rules, &case)
    }

    /// What was chosen and what was dropped, in words.
    fn told(&self, decision: &Decision) -> (String, Vec<String>) {
        let name = |action: u16| self.spec.actions()[usize::from(action)].name.clone();
        let dropped = decision
            .dropped
            .iter()
            .map(|dropped| format!("{}: {}", name(dropped.action), dropped.why));
        let chosen = decision.choice().action.map_or_else(|| "nothing".to_owned(), name);
        (chosen, dropped.collect())
    }
}

fn dropped(desk: &Desk, journey: &str, as_of: Timestamp, churn: f64, contacts: &[Contact]) -> Vec<String> {
    desk.told(&desk.decide(journey, as_of, churn, contacts, 1)).1
}

const AGREED: &str = "purchase@0d=20:may_call=true:age=40";

#[test]
fn the_best_of_what_may_be_done_is_done() {
    let desk = Desk::new("");
    let decision = desk.decide(AGREED, noon(7), 0.2, &[], 1);
    assert_eq!(desk.told(&decision), ("call".to_owned(), Vec::new()));
    let gains: Vec<f64> = decision.ranked.iter().map(|ranked| ranked.gain).collect();
    assert_eq!(gains, [3.0, 2.5, 0.0], "5 − 2; 3 − 1 + half of a benefit of 1; nothing");
    assert_eq!(decision.choice().propensity, 1.0);
}

#[test]
fn every_action_that_is_dropped_carries_the_rule_that_dropped_it() {
    let desk = Desk::new("");
    let of = |journey: &str, as_of, churn| dropped(&desk, journey, as_of, churn, &[]);
    assert_eq!(
        of("visit@0d:may_call=true:age=40", noon(7), 0.2),
        ["call: not for this stage"]
    );
    assert_eq!(of(AGREED, noon(7), 0.05), ["letter: rule: only who may leave"]);
    assert_eq!(
        of("purchase@0d=20:may_call=true", noon(7), 0.2),
        ["letter: rule cannot be told: not the young"]
    );
    assert_eq!(of("purchase@0d=20:age=40", noon(7), 0.2), ["call: no consent"]);
    assert_eq!(
        of("purchase@0d=20:may_call=false:age=40", noon(7), 0.2),
        ["call: no consent"]
    );
    assert_eq!(of(AGREED, text::day(7), 0.2), ["call: quiet hours"], "midnight");
    assert_eq!(of(AGREED, noon(6), 0.2), ["call: quiet hours"], "a Sunday");
}

#[test]
fn contacts_are_counted_over_actions_and_channels() {
    let desk = Desk::new("");
    let contact = |day, action| Contact { at: noon(day), action };
    let of = |contacts: &[Contact]| dropped(&desk, AGREED, noon(63), 0.2, contacts);
    assert_eq!(of(&[contact(57, Some(0))]), ["call: done too recently"]);
    assert_eq!(of(&[contact(56, Some(0))]), [""; 0], "a week ago is long enough");
    assert_eq!(
        of(&[contact(4, Some(1)), contact(5, Some(1))]),
        ["letter: done as often as it may be"]
    );
    assert_eq!(
        of(&[contact(40, None), contact(41, None), contact(42, Some(1))]),
        [
            "call: contacted as often as may be",
            "letter: contacted as often as may be"
        ]
    );
}

#[test]
fn doing_nothing_wins_where_nothing_gains() {
    let desk = Desk::new("");
    let decision = desk.decide("visit@0d:may_call=true:age=40", noon(7), 0.05, &[], 1);
    assert_eq!(desk.told(&decision).0, "nothing");
    assert_eq!(decision.ranked.len(), 1);
}

#[test]
fn a_lever_moves_what_is_done_and_no_gain_is_changed_by_it() {
    let desk = Desk::new("lever = 2.0\n");
    let decision = desk.decide(AGREED, noon(7), 0.2, &[], 1);
    assert_eq!(desk.told(&decision).0, "letter");
    assert_eq!((decision.choice().gain, decision.choice().priority), (2.5, 5.0));
}

#[test]
fn what_is_tried_by_chance_comes_as_often_as_its_propensity_says() {
    let declared = ACTIONS.replace("customer_benefit = 0.5", "customer_benefit = 0.5\nexploration = 0.3");
    let desk = Desk::of(&declared);
    let mut times = [0.0; 3];
    let mut propensities = [0.0; 3];
    for seed in 0..20_000 {
        let decision = desk.decide(AGREED, noon(7), 0.2, &[], seed);
        times[decision.chosen] += 1.0 / 20_000.0;
        propensities = [0, 1, 2].map(|at| decision.ranked[at].propensity);
        assert_eq!(decision, desk.decide(AGREED, noon(7), 0.2, &[], seed));
    }
    assert_eq!(
        propensities,
        [0.7, 0.15, 0.15],
        "the call may not be tried, the letter and nothing may"
    );
    for (times, propensity) in times.iter().zip(propensities) {
        assert!((times - propensity).abs() < 0.015, "{times} and {propensity}");
    }
}

#[test]
fn who_is_held_out_is_left_alone_and_it_is_the_same_share_always() {
    let mut desk = Desk::of(&ACTIONS.replace("customer_benefit = 0.5", "customer_benefit = 0.5\nholdout = 0.2"));
    let key = |n: u32| {
        let mut bytes = [0; 16];
        bytes[8..].copy_from_slice(
            &percorso_learners::Random::stream(1, u64::from(n))
                .uniform()
                .to_bits()
                .rotate_left(12)
                .to_le_bytes(),
        );
        CustomerKey::from_bytes(bytes)
    };
    let n_held_out = (0..10_000).filter(|n| is_held_out(&desk.spec, key(*n))).count();
    assert!((1_850..2_150).contains(&n_held_out), "{n_held_out}");
    assert_eq!(is_held_out(&desk.spec, key(7)), is_held_out(&desk.spec, key(7)));
    desk.is_held_out = true;
    let left_alone = dropped(&desk, AGREED, noon(7), 0.2, &[]);
    assert_eq!(
        left_alone,
        [
            "call: left alone, to compare with",
            "letter: left alone, to compare with"
        ]
    );
}

#[test]
fn only_what_can_be_done_on_a_channel_now_is_done() {
    let mut desk = Desk::new("");
    desk.channels = vec![desk.spec.channel_named("mail")];
    let decision = desk.decide(AGREED, noon(7), 0.2, &[], 1);
    assert_eq!(
        desk.told(&decision),
        ("letter".to_owned(), vec!["call: not on this channel".to_owned()])
    );
}

#[test]
fn what_is_done_as_often_as_may_be_today_is_done_no_more() {
    let mut desk = Desk::of(&ACTIONS.replace("cool_down_days = 7", "cool_down_days = 7\ndaily_capacity = 2"));
    desk.today.add(&desk.spec, 0);
    assert_eq!(dropped(&desk, AGREED, noon(7), 0.2, &[]), [""; 0]);
    desk.today.add(&desk.spec, 0);
    assert_eq!(
        dropped(&desk, AGREED, noon(7), 0.2, &[]),
        ["call: done today as often as may be"]
    );
}

#[test]
fn a_fallback_passes_the_funnel_too() {
    let actions = ACTIONS.replace(
        "customer_benefit = 0.5",
        "customer_benefit = 0.5\nfallback = \"postcard\"",
    );
    let postcard = "[[action]]\nname = \"postcard\"\nchannel = \"mail\"\ncool_down_days = 30\n";
    let desk = Desk::of(&format!("{actions}{postcard}"));
    let asked = |contacts: &[Contact]| desk.told(&desk.ask("", noon(7), 0.0, contacts, 1, |_, case| fall_back(case)));
    assert_eq!(asked(&[]), ("postcard".to_owned(), Vec::new()));
    let contact = Contact {
        at: noon(1),
        action: Some(2),
    };
    assert_eq!(
        asked(&[contact]),
        ("nothing".to_owned(), vec!["postcard: done too recently".to_owned()])
    );
}
