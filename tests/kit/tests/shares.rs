//! The market has the size, the churn and the gaps that its page promises.

use std::collections::BTreeMap;

use percorso_kit::{END_DAY, Market, MarketSettings, SimulatedJourney, Touchpoint, micros_of_day};

const CUSTOMERS: u32 = 8_000;

fn journeys() -> Vec<SimulatedJourney> {
    let market = Market::new(MarketSettings {
        customers: CUSTOMERS,
        seed: 11,
    });
    (0..CUSTOMERS).map(|index| market.journey(index)).collect()
}

fn left_at(journey: &SimulatedJourney) -> Option<i64> {
    let last = journey.events.last().expect("a journey has an event");
    (last.touchpoint == "account_closed").then_some(last.at)
}

#[test]
fn events_and_leavers_are_as_many_as_promised() {
    let journeys = journeys();
    let n = f64::from(CUSTOMERS);
    let events_mean = journeys.iter().map(|journey| journey.events.len()).sum::<usize>() as f64 / n;
    assert!((25.0..35.0).contains(&events_mean), "{events_mean} events a customer");
    let left = journeys.iter().filter(|journey| left_at(journey).is_some()).count() as f64 / n;
    assert!((0.35..0.45).contains(&left), "{left} left");
    for day in (150..END_DAY - 30).step_by(30) {
        let (as_of, end) = (micros_of_day(day), micros_of_day(day + 30));
        let here: Vec<Option<i64>> = journeys
            .iter()
            .filter(|journey| journey.events[0].at < as_of)
            .map(left_at)
            .filter(|left| left.is_none_or(|at| at >= as_of))
            .collect();
        let leave = here.iter().flatten().filter(|&&at| at < end).count() as f64 / here.len() as f64;
        // The true rate lies in 4-7 %; the spread of a month's share is below 0.006 here.
        assert!(
            (0.03..0.08).contains(&leave),
            "day {day}: {leave} of {} left",
            here.len()
        );
    }
}

#[test]
fn events_come_in_strict_order_between_joining_and_the_end() {
    for journey in journeys() {
        assert!(
            journey.events.windows(2).all(|pair| pair[0].at < pair[1].at),
            "{}",
            journey.customer_id
        );
        let (first, last) = (&journey.events[0], journey.events.last().expect("not empty"));
        assert!(first.at >= micros_of_day(0) && last.at < micros_of_day(END_DAY));
        let closed = journey
            .events
            .iter()
            .filter(|event| event.touchpoint == "account_closed")
            .count();
        assert!(
            closed <= 1 && (closed == 1) == left_at(&journey).is_some(),
            "leaving is the end"
        );
        let ids: std::collections::BTreeSet<_> = journey.events.iter().map(|event| &event.event_id).collect();
        assert_eq!(ids.len(), journey.events.len());
    }
}

#[test]
fn journeys_skip_go_back_and_loop() {
    let stage_of: BTreeMap<&str, usize> = Touchpoint::ALL
        .iter()
        .map(|touchpoint| (touchpoint.name(), touchpoint.stage() as usize))
        .collect();
    let (mut back, mut skip, mut same, mut moves) = (0, 0, 0, 0);
    for journey in journeys() {
        for pair in journey.events.windows(2) {
            let (from, to) = (stage_of[pair[0].touchpoint], stage_of[pair[1].touchpoint]);
            moves += 1;
            back += usize::from(to < from);
            skip += usize::from(to > from + 1);
            same += usize::from(to == from);
        }
    }
    for (what, count) in [("back", back), ("skip", skip), ("same", same)] {
        assert!(count * 8 > moves, "{what}: {count} of {moves}");
    }
}

#[test]
fn every_touchpoint_happens_and_what_is_optional_is_sometimes_missing() {
    let journeys = journeys();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for event in journeys.iter().flat_map(|journey| &journey.events) {
        *counts.entry(event.touchpoint).or_default() += 1;
    }
    for touchpoint in Touchpoint::ALL {
        assert!(
            counts.get(touchpoint.name()).is_some_and(|&n| n > 1000),
            "{touchpoint:?}"
        );
    }
    let share = |missing: &dyn Fn(&percorso_kit::SimulatedEvent) -> Option<bool>| {
        let seen: Vec<bool> = journeys
            .iter()
            .flat_map(|journey| &journey.events)
            .filter_map(missing)
            .collect();
        seen.iter().filter(|&&missing| missing).count() as f64 / seen.len() as f64
    };
    let channel = share(&|event| Some(event.channel.is_none()));
    assert!((0.015..0.025).contains(&channel), "{channel}");
    let value = share(&|event| (event.touchpoint == "purchase").then_some(event.value.is_none()));
    assert!((0.02..0.04).contains(&value), "{value}");
    let score = share(&|event| (event.touchpoint == "feedback_survey").then_some(event.feedback_score.is_none()));
    assert!((0.12..0.18).contains(&score), "{score}");
}

#[test]
fn who_hides_price_sensitivity_leaves_sooner() {
    // Missing not at random: the more sensitive withhold it, and they leave more.
    let market = Market::new(MarketSettings {
        customers: CUSTOMERS,
        seed: 11,
    });
    let (mut leaves, mut days) = ([0.0; 2], [0.0; 2]);
    for index in 0..CUSTOMERS {
        let journey = market.journey(index);
        let hidden = usize::from(journey.events[0].attributes.price_sensitivity.is_none());
        leaves[hidden] += f64::from(u8::from(left_at(&journey).is_some()));
        days[hidden] += market.hazard_path(index).len() as f64;
    }
    let (known, hidden) = (leaves[0] / days[0], leaves[1] / days[1]);
    let spread = (leaves[0] / days[0].powi(2) + leaves[1] / days[1].powi(2)).sqrt();
    assert!(hidden - known > 3.0 * spread, "{known} {hidden} ± {spread}");
}

#[test]
fn what_customers_write_follows_what_they_score() {
    let journeys = journeys();
    let surveys: Vec<(f64, &str)> = journeys
        .iter()
        .flat_map(|journey| &journey.events)
        .filter(|event| event.touchpoint == "feedback_survey")
        .filter_map(|event| event.feedback_score.zip(event.feedback_text))
        .collect();
    let mean = |words: [&str; 3]| {
        let scores: Vec<f64> = surveys
            .iter()
            .filter(|(_, text)| words.iter().any(|word| text.contains(word)))
            .map(|(score, _)| *score)
            .collect();
        assert!(scores.len() > 100);
        scores.iter().sum::<f64>() / scores.len() as f64
    };
    let unhappy = mean(["Too expensive", "Troppo caro", "Demasiado caro"]);
    let happy = mean(["Great service", "Ottimo servizio", "Gran servicio"]);
    assert!(happy > unhappy + 1.0, "{unhappy} {happy}");
}

#[test]
fn what_is_decided_has_the_shares_of_its_propensities() {
    // By who is decided about (paid lately, silent) and action; the propensity tells which of both it is.
    let arms = [
        [(Some("discount"), 0.2), (Some("advice"), 0.3), (None, 0.5)],
        [(Some("discount"), 0.4), (Some("advice"), 0.2), (None, 0.4)],
    ];
    let mut counts = [[0_u32; 3]; 2];
    for decision in journeys().iter().flat_map(|journey| &journey.decisions) {
        let is = |&(action_id, propensity): &(Option<&str>, f64)| {
            decision.action_id == action_id && (decision.propensity - propensity).abs() < 1e-12
        };
        let found = arms
            .iter()
            .enumerate()
            .find_map(|(who, arms)| arms.iter().position(is).map(|arm| (who, arm)));
        let (who, arm) = found.unwrap_or_else(|| panic!("nobody decides {decision:?}"));
        counts[who][arm] += 1;
    }
    for (counts, arms) in counts.iter().zip(&arms) {
        let n = f64::from(counts.iter().sum::<u32>());
        assert!(n > 10_000.0, "{n} decisions");
        for (&count, (action_id, propensity)) in counts.iter().zip(arms) {
            let deviation = (f64::from(count) - n * propensity) / (n * propensity * (1.0 - propensity)).sqrt();
            // Six comparisons: 4 standard deviations are crossed by chance once in 2,600 seeds.
            assert!(deviation.abs() < 4.0, "{action_id:?} at {propensity}: {deviation}");
        }
    }
}
