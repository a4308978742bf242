//! What the market calls true is what happens.

use std::collections::BTreeMap;

use percorso_kit::{
    CustomerTruth, MICROS_PER_DAY, Market, MarketSettings, N_NEXT_STAGES, SimulatedJourney, Stage, Touchpoint,
    micros_of_day,
};

const HORIZON_DAYS: u32 = 30;

/// Says of each group of about equal size, ordered by `p`, how far its count lies from its sum of p, in standard deviations.
fn deviations(mut pairs: Vec<(f64, bool)>, groups: usize) -> Vec<f64> {
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    pairs
        .chunks(pairs.len().div_ceil(groups))
        .map(|group| {
            let expected: f64 = group.iter().map(|(p, _)| p).sum();
            let variance: f64 = group.iter().map(|(p, _)| p * (1.0 - p)).sum();
            let happened = group.iter().filter(|(_, happened)| *happened).count() as f64;
            (happened - expected) / variance.sqrt()
        })
        .collect()
}

fn stage_of(touchpoint: &str) -> Stage {
    let found = Touchpoint::ALL.iter().find(|known| known.name() == touchpoint);
    found.expect("a name of ours").stage()
}

fn last_stage_before(journey: &SimulatedJourney, as_of: i64) -> Stage {
    let last = journey.events.iter().rev().find(|event| event.at < as_of);
    stage_of(last.expect("a truth is about somebody who came").touchpoint)
}

/// Index of what came next: a stage, or the last for none.
fn next_stage(journey: &SimulatedJourney, as_of: i64, end: i64) -> usize {
    let next = journey.events.iter().find(|event| event.at >= as_of && event.at < end);
    next.map_or(N_NEXT_STAGES - 1, |event| stage_of(event.touchpoint) as usize)
}

fn leaves(journey: &SimulatedJourney, end: i64) -> bool {
    journey
        .events
        .last()
        .is_some_and(|event| event.touchpoint == "account_closed" && event.at < end)
}

fn truths_and_journeys(as_of: i64) -> Vec<(CustomerTruth, SimulatedJourney)> {
    let market = Market::new(MarketSettings {
        customers: 12_000,
        seed: 5,
    });
    let truths = market.truth_at(as_of, HORIZON_DAYS, 64);
    truths
        .into_iter()
        .map(|truth| {
            let journey = market.journey(truth.customer_index);
            (truth, journey)
        })
        .collect()
}

#[test]
fn the_daily_hazard_is_the_frequency_of_leaving() {
    let market = Market::new(MarketSettings {
        customers: 6_000,
        seed: 21,
    });
    let mut pairs = Vec::new();
    for index in 0..6_000 {
        let journey = market.journey(index);
        let last = journey.events.last().expect("not empty");
        let left_day =
            (last.touchpoint == "account_closed").then(|| ((last.at - micros_of_day(0)) / MICROS_PER_DAY) as i32);
        for (day, inputs) in market.hazard_path(index) {
            pairs.push((inputs.hazard(), left_day == Some(day)));
        }
    }
    assert!(pairs.len() > 1_000_000, "{} customer-days", pairs.len());
    for deviation in deviations(pairs, 20) {
        // Twenty groups: 4 standard deviations are crossed by chance once in 800 seeds.
        assert!(deviation.abs() < 4.0, "{deviation}");
    }
}

#[test]
fn p_leave_is_calibrated_in_every_decile() {
    // Midnight, and the middle of an afternoon.
    for as_of in [micros_of_day(455), micros_of_day(600) + 15 * 3_600_000_000 + 1] {
        let end = as_of + i64::from(HORIZON_DAYS) * MICROS_PER_DAY;
        let pairs: Vec<(f64, bool)> = truths_and_journeys(as_of)
            .iter()
            .map(|(truth, journey)| (truth.p_leave, leaves(journey, end)))
            .collect();
        let (lowest, highest) = (
            pairs.iter().map(|pair| pair.0).fold(1.0, f64::min),
            pairs.iter().map(|pair| pair.0).fold(0.0, f64::max),
        );
        assert!(lowest < 0.01 && highest > 0.4, "truths range over {lowest} … {highest}");
        for deviation in deviations(pairs.clone(), 10) {
            assert!(deviation.abs() < 3.9, "{deviation}");
        }
        let overall = deviations(pairs, 1)[0];
        assert!(overall.abs() < 3.3, "{overall}");
    }
}

#[test]
fn p_next_stage_is_calibrated_for_every_stage() {
    let mut n_cells = 0;
    for as_of in [micros_of_day(455), micros_of_day(600) + 15 * 3_600_000_000 + 1] {
        let end = as_of + i64::from(HORIZON_DAYS) * MICROS_PER_DAY;
        let known = truths_and_journeys(as_of);
        for (truth, _) in &known {
            assert!((truth.p_next_stage.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            assert!(truth.p_next_stage[Stage::Leaving as usize] <= truth.p_leave + 1e-12);
        }
        // Groups by what the log shows, as ordering by p would sort the noise of its 64 draws, too.
        for last_stage in Stage::ALL {
            for stage_idx in 0..N_NEXT_STAGES {
                let pairs: Vec<(f64, bool)> = known
                    .iter()
                    .filter(|(_, journey)| last_stage_before(journey, as_of) == *last_stage)
                    .map(|(truth, journey)| {
                        (
                            truth.p_next_stage[stage_idx],
                            next_stage(journey, as_of, end) == stage_idx,
                        )
                    })
                    .collect();
                if pairs.iter().map(|pair| pair.0).sum::<f64>() < 10.0 {
                    continue;
                }
                n_cells += 1;
                let deviation = deviations(pairs, 1)[0];
                // About 70 cells: 4.2 standard deviations are crossed by chance once in 500 seeds.
                assert!(deviation.abs() < 4.2, "{last_stage:?} to {stage_idx}: {deviation}");
            }
        }
    }
    assert!(n_cells >= 60, "{n_cells} cells were large enough");
}

#[test]
fn one_day_of_truth_from_the_small_hours_is_the_closed_hazard() {
    // Nothing happens between midnight and five, so the day from 01:00 to 01:00 holds one day's hazard whole.
    let market = Market::new(MarketSettings {
        customers: 400,
        seed: 3,
    });
    let truths = market.truth_at(micros_of_day(500) + MICROS_PER_DAY / 24, 1, 3);
    assert!(truths.len() > 100);
    for truth in truths {
        let hazard = market.instant_hazard(truth.customer_index, 500).unwrap_or(0.0);
        // 1 - (1 - h) loses bits of h.
        assert!((truth.p_leave - hazard).abs() < 1e-14, "{} {hazard}", truth.p_leave);
    }
}

#[test]
fn everybody_who_has_come_and_not_left_has_a_truth() {
    let market = Market::new(MarketSettings {
        customers: 1_500,
        seed: 3,
    });
    for as_of in [
        micros_of_day(0),
        micros_of_day(365),
        micros_of_day(365) + 40_000_000_001,
    ] {
        let told: Vec<u32> = market
            .truth_at(as_of, 7, 1)
            .iter()
            .map(|truth| truth.customer_index)
            .collect();
        let there: Vec<u32> = (0..1_500)
            .filter(|&index| {
                let journey = market.journey(index);
                journey.events[0].at < as_of && !leaves(&journey, as_of)
            })
            .collect();
        assert_eq!(told, there);
    }
}

#[test]
fn the_same_question_gets_the_same_bits_and_more_customers_change_none() {
    let ask = |customers| Market::new(MarketSettings { customers, seed: 8 }).truth_at(micros_of_day(500), 30, 8);
    let (few, many) = (ask(333), ask(1_001));
    assert_eq!(few, ask(333));
    assert_eq!(few[..], many[..few.len()]);
}

/// Share that left within 28 days of a decision, by what was sent, weighted by 1/propensity (Horvitz and Thompson 1952, normalised), and its standard error.
fn left_by_action(audience: &str) -> BTreeMap<Option<&'static str>, (f64, f64)> {
    let market = Market::new(MarketSettings {
        customers: 25_000,
        seed: 2,
    });
    let mut sums: BTreeMap<Option<&str>, (f64, f64, f64)> = BTreeMap::new();
    for index in 0..25_000 {
        let journey = market.journey(index);
        if journey.events[0].audience != audience {
            continue;
        }
        for decision in &journey.decisions {
            let end = decision.at + 28 * MICROS_PER_DAY;
            if end > micros_of_day(percorso_kit::END_DAY) {
                continue;
            }
            let weight = 1.0 / decision.propensity;
            let sum = sums.entry(decision.action_id).or_default();
            sum.0 += weight;
            sum.1 += weight * f64::from(u8::from(leaves(&journey, end)));
            sum.2 += weight * weight;
        }
    }
    sums.into_iter()
        .map(|(action, (weights, left, squares))| {
            let share = left / weights;
            (action, (share, (share * (1.0 - share) * squares).sqrt() / weights))
        })
        .collect()
}

#[test]
fn offers_help_some_audiences_and_harm_others_as_the_propensity_weighted_log_shows() {
    let effect = |audience, action| {
        let shares = left_by_action(audience);
        let ((with, with_error), (without, without_error)) = (shares[&Some(action)], shares[&None]);
        (with - without) / (with_error * with_error + without_error * without_error).sqrt()
    };
    let students = effect("students", "discount");
    let families = effect("families", "advice");
    let professionals = effect("professionals", "discount");
    assert!(students < -3.0, "a discount keeps students: {students} standard errors");
    assert!(families < -3.0, "advice keeps families: {families} standard errors");
    assert!(
        professionals > 3.0,
        "a discount drives professionals away: {professionals} standard errors"
    );
}

#[test]
fn logged_propensities_are_the_frequencies_of_what_was_done() {
    let market = Market::new(MarketSettings {
        customers: 3_000,
        seed: 4,
    });
    let mut pairs = Vec::new();
    for index in 0..3_000 {
        let journey = market.journey(index);
        for decision in &journey.decisions {
            // E[1/propensity | done] counts the decisions: each arm's weights sum to their number.
            pairs.push((decision.action_id, decision.propensity));
        }
    }
    let n = pairs.len() as f64;
    for arm in [None, Some("discount"), Some("advice")] {
        let weights: Vec<f64> = pairs
            .iter()
            .filter(|pair| pair.0 == arm)
            .map(|pair| 1.0 / pair.1)
            .collect();
        let variance: f64 = weights.iter().map(|weight| weight * weight).sum::<f64>() - n;
        let deviation = (weights.iter().sum::<f64>() - n) / variance.sqrt();
        assert!(deviation.abs() < 4.0, "{arm:?}: {deviation}");
    }
}
