//! What the market says each action would have done.

use std::sync::LazyLock;

use percorso_kit::{
    ARMS, Action, ActionTruth, ArmTruth, MICROS_PER_DAY, Market, MarketSettings, SimulatedJourney, micros_of_day,
};

const DAY: i32 = 640;
const WINDOW_DAYS: u32 = 30;
const DRAWS: u32 = 32;
const AUDIENCES: [&str; 3] = ["students", "families", "professionals"];
const SENT: [Action; 2] = [Action::Discount, Action::Advice];

fn market() -> Market {
    Market::new(MarketSettings {
        customers: 8_000,
        seed: 13,
    })
}

/// One customer who is there.
struct Known {
    truth: ActionTruth,
    journey: SimulatedJourney,
    /// Contacts that the customer still feels.
    fatigue: f64,
}

impl Known {
    fn effect_on_leaving(&self, action: Action) -> f64 {
        self.truth.arm(Some(action)).p_leave - self.truth.arm(None).p_leave
    }
}

static KNOWN: LazyLock<Vec<Known>> = LazyLock::new(|| {
    let market = market();
    let truths = market.action_truth_at(micros_of_day(DAY), WINDOW_DAYS, DRAWS);
    truths
        .into_iter()
        .map(|truth| {
            let inputs = market.hazard_inputs(truth.customer_index, DAY);
            Known {
                journey: market.journey(truth.customer_index),
                fatigue: inputs.expect("whoever is there begins the day").fatigue,
                truth,
            }
        })
        .collect()
});

/// Mean and its standard error.
fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    assert!(n >= 10.0, "{n} values");
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}

/// Mean effect on P(leave) and its standard error, among those of an audience whose fatigue lies in a range.
fn effect(audience: &str, action: Action, fatigue: std::ops::Range<f64>) -> (f64, f64) {
    let effects: Vec<f64> = KNOWN
        .iter()
        .filter(|known| known.journey.events[0].audience == audience && fatigue.contains(&known.fatigue))
        .map(|known| known.effect_on_leaving(action))
        .collect();
    mean_and_error(&effects)
}

#[test]
fn the_day_under_way_does_not_know_of_an_offer() {
    // From midnight, and from the small hours of a day into those of the next, in which nothing happens.
    for as_of in [micros_of_day(DAY), micros_of_day(DAY) + MICROS_PER_DAY / 24] {
        let truths = market().action_truth_at(as_of, 1, 16);
        let (mut spends, mut accepteds) = (Vec::new(), Vec::new());
        for truth in &truths {
            for action in SENT {
                let (with, without) = (truth.arm(Some(action)), truth.arm(None));
                assert_eq!(with.p_leave.to_bits(), without.p_leave.to_bits(), "{truth:?}");
                spends.push(with.spend - without.spend);
                accepteds.push(with.accepted - without.accepted);
            }
        }
        let (spend, accepted) = (mean_and_error(&spends).0, mean_and_error(&accepteds).0);
        // A day brings 0.8 euros, of which the answer to an offer takes the place of a tenth.
        assert!(spend.abs() < 0.25, "{spend} euros");
        assert!((0.0..0.01).contains(&accepted), "{accepted} accepted");
    }
}

#[test]
fn a_window_of_no_days_holds_nothing() {
    for truth in market().action_truth_at(micros_of_day(DAY), 0, 1) {
        for arm in truth.arms {
            assert_eq!((arm.p_leave, arm.spend, arm.accepted), (0.0, 0.0, 0.0));
        }
    }
}

#[test]
fn doing_nothing_is_the_truth_of_the_contact_policy() {
    let plain = market().truth_at(micros_of_day(DAY), WINDOW_DAYS, DRAWS);
    let there: Vec<u32> = KNOWN.iter().map(|known| known.truth.customer_index).collect();
    assert_eq!(
        plain.iter().map(|truth| truth.customer_index).collect::<Vec<_>>(),
        there
    );
    let gaps: Vec<f64> = KNOWN
        .iter()
        .zip(&plain)
        .map(|(known, plain)| known.truth.arm(None).p_leave - plain.p_leave)
        .collect();
    let (gap, error) = mean_and_error(&gaps);
    assert!(gap.abs() < 4.0 * error && error < 2e-4, "{gap} ± {error}");
    let far = gaps.iter().filter(|gap| gap.abs() > 0.03).count();
    assert!(
        far * 100 < gaps.len(),
        "{far} of {} differ by more than 0.03",
        gaps.len()
    );
}

#[test]
fn what_is_spent_and_accepted_when_nothing_is_done_is_what_happens() {
    let as_of = micros_of_day(DAY);
    let end = as_of + i64::from(WINDOW_DAYS) * MICROS_PER_DAY;
    let (mut spends, mut accepteds) = (Vec::new(), Vec::new());
    for known in &*KNOWN {
        let within = || {
            known
                .journey
                .events
                .iter()
                .filter(|event| (as_of..end).contains(&event.at))
        };
        let seen: f64 = within().filter_map(|event| event.value).sum();
        let accepted = within().filter(|event| event.touchpoint == "offer_accepted").count();
        let told = known.truth.arm(None);
        // The file leaves 3 % of the values out.
        spends.push(seen - 0.97 * told.spend);
        accepteds.push(accepted as f64 - told.accepted);
    }
    for (what, values) in [("euros", spends), ("accepted", accepteds)] {
        let (gap, error) = mean_and_error(&values);
        assert!(gap.abs() < 4.0 * error, "{what}: {gap} ± {error}");
    }
}

#[test]
fn a_discount_keeps_students_who_are_not_tired_of_us_and_drives_professionals_away() {
    // One more contact, beside those of the policy: it helps only whom it does not tire.
    let (students, error) = effect("students", Action::Discount, 0.0..1.0);
    assert!(students < -10.0 * error, "{students} ± {error}");
    let (families, error) = effect("families", Action::Advice, 0.0..1.0);
    assert!(families < -10.0 * error, "{families} ± {error}");
    let (professionals, error) = effect("professionals", Action::Discount, 0.0..f64::INFINITY);
    assert!(professionals > 10.0 * error, "{professionals} ± {error}");
}

#[test]
fn any_offer_harms_who_has_had_too_many() {
    for audience in AUDIENCES {
        for action in SENT {
            let (tired, error) = effect(audience, action, 3.0..f64::INFINITY);
            assert!(tired > 3.0 * error, "{audience} {action:?}: {tired} ± {error}");
            let (fresh, _) = effect(audience, action, 0.0..1.0);
            assert!(tired > fresh + 0.03, "{audience} {action:?}: {tired} {fresh}");
        }
    }
}

#[test]
fn what_is_offered_to_taste_is_accepted_more() {
    let accepted = |audience, action| {
        let more: Vec<f64> = KNOWN
            .iter()
            .filter(|known| known.journey.events[0].audience == audience)
            .map(|known| known.truth.arm(Some(action)).accepted)
            .collect();
        mean_and_error(&more).0
    };
    assert!(accepted("students", Action::Discount) > 1.5 * accepted("students", Action::Advice));
    assert!(accepted("professionals", Action::Advice) > 1.5 * accepted("professionals", Action::Discount));
}

#[test]
fn arms_that_share_their_chance_differ_with_less_noise() {
    // Nothing happens in the small hours, so a second later the law is the same and the chance another.
    let market = Market::new(MarketSettings {
        customers: 2_000,
        seed: 13,
    });
    let ask = |second: i64| {
        let as_of = micros_of_day(DAY) + MICROS_PER_DAY / 24 + second * 1_000_000;
        market.action_truth_at(as_of, WINDOW_DAYS, 16)
    };
    let (first, second) = (ask(0), ask(1));
    let variance = |of: &dyn Fn(&ActionTruth) -> f64| {
        let squares: f64 = first.iter().zip(&second).map(|(a, b)| (of(a) - of(b)).powi(2)).sum();
        squares / (2.0 * first.len() as f64)
    };
    let outcomes: [fn(&ArmTruth) -> f64; 2] = [|arm| arm.p_leave, |arm| arm.spend];
    for action in SENT {
        for outcome in outcomes {
            let alone = |action| variance(&|truth| outcome(truth.arm(action)));
            let together = variance(&|truth| outcome(truth.arm(Some(action))) - outcome(truth.arm(None)));
            let apart = alone(Some(action)) + alone(None);
            assert!(together < 0.45 * apart, "{action:?}: {together}, and apart {apart}");
        }
    }
}

#[test]
fn the_same_question_gets_the_same_bits_and_more_customers_change_none() {
    let as_of = micros_of_day(500) + 40_000_000_001;
    let ask = |customers| Market::new(MarketSettings { customers, seed: 8 }).action_truth_at(as_of, 28, 4);
    let (few, many) = (ask(333), ask(1_001));
    assert_eq!(few, ask(333));
    assert_eq!(few[..], many[..few.len()]);
    for truth in &few {
        assert_eq!(
            truth.arms.map(|arm| arm.action_id),
            ARMS.map(|action| action.map(Action::name))
        );
    }
}

/// Sums of a weight, of weighted numbers and of their squares about a mean told afterwards.
fn weighted_mean_and_error(rows: &[(f64, f64)]) -> (f64, f64) {
    let weights: f64 = rows.iter().map(|(weight, _)| weight).sum();
    let mean = rows.iter().map(|(weight, number)| weight * number).sum::<f64>() / weights;
    let squares: f64 = rows
        .iter()
        .map(|(weight, number)| (weight * (number - mean)).powi(2))
        .sum();
    (mean, squares.sqrt() / weights)
}

#[test]
fn what_a_decision_would_have_done_is_what_it_did_where_it_was_made() {
    let market = market();
    let window = i64::from(WINDOW_DAYS) * MICROS_PER_DAY;
    let (first, last) = (micros_of_day(500), micros_of_day(700));
    let mut instants = Vec::new();
    let mut seen = Vec::new();
    for customer_index in 0..4_000 {
        let journey = market.journey(customer_index);
        for decision in journey
            .decisions
            .iter()
            .filter(|decision| (first..last).contains(&decision.at))
        {
            let within = journey
                .events
                .iter()
                .filter(|event| (decision.at..decision.at + window).contains(&event.at));
            let left = within.clone().any(|event| event.touchpoint == "account_closed");
            let spent: f64 = within.filter_map(|event| event.value).sum();
            instants.push((customer_index, decision.at));
            seen.push((decision.clone(), f64::from(u8::from(left)), spent));
        }
    }
    let truths: Vec<ActionTruth> = market
        .decision_truths(&instants, WINDOW_DAYS, 0..4)
        .into_iter()
        .flatten()
        .collect();
    assert_eq!(truths.len(), instants.len(), "whoever is decided about is there");
    for (arm, action) in ARMS.iter().enumerate() {
        let weight = |decision: &percorso_kit::Decision| match decision.action_id == action.map(Action::name) {
            true => 1.0 / decision.propensity,
            false => 0.0,
        };
        let of_log = |number: &dyn Fn(&(percorso_kit::Decision, f64, f64)) -> f64| {
            let rows: Vec<(f64, f64)> = seen.iter().map(|row| (weight(&row.0), number(row))).collect();
            weighted_mean_and_error(&rows)
        };
        let of_truth = |number: &dyn Fn(&ArmTruth) -> f64| {
            let rows: Vec<(f64, f64)> = truths.iter().map(|truth| (1.0, number(&truth.arms[arm]))).collect();
            weighted_mean_and_error(&rows)
        };
        // The file leaves out 3 % of what is paid.
        let left = (of_log(&|row| row.1), of_truth(&|truth| truth.p_leave));
        let spent = (of_log(&|row| row.2), of_truth(&|truth| 0.97 * truth.spend));
        for ((seen, seen_error), (told, told_error)) in [left, spent] {
            let error = (seen_error * seen_error + told_error * told_error).sqrt();
            assert!(
                (seen - told).abs() <= 4.0 * error,
                "{action:?}: told {told}, seen {seen} ± {error}"
            );
        }
    }
    let after = micros_of_day(700);
    let left = (0..4_000).find(|index| {
        market
            .journey(*index)
            .events
            .last()
            .is_some_and(|event| event.touchpoint == "account_closed" && event.at < after)
    });
    let nobody = market.decision_truths(&[(left.expect("some leave"), after)], WINDOW_DAYS, 0..1);
    assert_eq!(nobody, [None]);
}
