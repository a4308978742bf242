//! Uplift learnt and measured against known truth.
#![cfg(feature = "fit")]
#![allow(missing_docs, clippy::unwrap_used)]

use ndarray::Array2;
use percorso_artefact::{Artefact, Header, Sealer};
use percorso_learners::{Bootstrap, Column, Random};
use percorso_next_action::uplift::{Judged, Uplift, calibration_slope, measures, quadrants};
use percorso_next_action::{Given, Part, Trial};

/// A test of two actions: the first helps who has `x0` above a half and harms the others, the second helps all alike.
struct Market {
    x: Array2<f32>,
    columns: Vec<Column>,
    arm: Vec<u32>,
    outcome: Vec<f64>,
    propensity: Vec<f64>,
    customers: Vec<u64>,
}

fn true_uplift(x: &[f32], arm: u32) -> f64 {
    match arm {
        1 if x[0] > 0.5 => 0.3,
        1 => -0.1,
        2 => 0.1,
        _ => 0.0,
    }
}

impl Market {
    /// Arms are given more often to who has a high `x1`, as the propensities say.
    fn new(n: usize, seed: u64) -> Market {
        let mut random = Random::new(seed);
        let x = Array2::from_shape_simple_fn((n, 3), || random.uniform() as f32);
        let (mut arm, mut outcome, mut propensity) = (Vec::new(), Vec::new(), Vec::new());
        for row in x.outer_iter() {
            let treated = 0.2 + 0.2 * f64::from(row[1]);
            let of_arms = [1.0 - 2.0 * treated, treated, treated];
            let drawn = random.uniform();
            let given = u32::from(drawn >= of_arms[0]) + u32::from(drawn >= of_arms[0] + of_arms[1]);
            let chance = 0.2 + 0.3 * f64::from(row[1]) + true_uplift(row.as_slice().unwrap(), given);
            arm.push(given);
            propensity.push(of_arms[given as usize]);
            outcome.push(f64::from(u8::from(random.uniform() < chance)));
        }
        Market {
            columns: ["x0", "x1", "x2"].map(Column::number).to_vec(),
            arm,
            outcome,
            propensity,
            customers: (0..n as u64).collect(),
            x,
        }
    }

    fn trial(&self) -> Trial<'_> {
        let given = Given {
            arm: &self.arm,
            n_arms: 3,
            outcome: &self.outcome,
            propensity: &self.propensity,
            customers: &self.customers,
        };
        Trial::new(self.x.view(), &self.columns, given).unwrap()
    }
}

#[test]
fn who_is_helped_and_how_much_is_found() {
    let market = Market::new(12_000, 1);
    let uplift = Uplift::fit(&market.trial(), 1).unwrap().uplift;
    let mut squares = [0.0; 2];
    let mut said = [0.0; 2];
    for row in market.x.outer_iter() {
        let row = row.as_slice().unwrap();
        uplift.uplift_into(row, &mut said);
        for (squares, (said, arm)) in squares.iter_mut().zip(said.iter().zip([1, 2])) {
            let missed = said - true_uplift(row, arm);
            *squares += missed * missed / market.x.nrows() as f64;
        }
    }
    // The first arm's effects have a standard deviation of .2, the second's of 0.
    assert!(squares[0].sqrt() < 0.08 && squares[1].sqrt() < 0.03, "{squares:?}");
    let [first, second] = uplift.arms() else {
        panic!("two arms but the control")
    };
    assert!(
        first.average.low < 0.1 && 0.1 < first.average.high,
        "{:?}",
        first.average
    );
    assert!(
        second.average.low < 0.1 && 0.1 < second.average.high,
        "{:?}",
        second.average
    );
    assert!(second.average.low > 0.0, "{:?}", second.average);
}

#[test]
fn a_belief_is_told_until_decisions_tell_another() {
    // Arms do .1 on average: both beliefs are off by .1, which few rows cannot say.
    let of_arms = |n: usize| -> Vec<(f64, f64)> {
        let market = Market::new(n, 4);
        let trial = market.trial().with_beliefs(&[0.2, 0.2]).unwrap();
        let uplift = Uplift::fit(&trial, 1).unwrap().uplift;
        uplift.arms().iter().map(|arm| (arm.level, arm.average.value)).collect()
    };
    let kept = |arm: &(f64, f64)| (arm.0 - 0.2) / (arm.1 - 0.2);
    let (few, many) = (of_arms(150), of_arms(12_000));
    assert!(few.iter().all(|arm| (0.0..0.6).contains(&kept(arm))), "{few:?}");
    assert!(many.iter().all(|arm| (0.9..1.0).contains(&kept(arm))), "{many:?}");
    let market = Market::new(100, 4);
    let error = market.trial().with_beliefs(&[0.1]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "expected 2 beliefs, one for each arm but the control, found 1"
    );
}

#[test]
fn effects_on_amounts_are_found_and_refitted() {
    let mut market = Market::new(8_000, 6);
    market
        .outcome
        .iter_mut()
        .for_each(|outcome| *outcome = 14.0 * *outcome - 1.0);
    let learnt = Uplift::fit(&market.trial(), 1).unwrap();
    assert!(learnt.standings[0].iter().any(|standing| standing.is_chosen));
    let again = Uplift::refit(&market.trial(), &learnt.standings, 1).unwrap();
    for uplift in [&learnt.uplift, &again] {
        let mut said = [0.0; 2];
        uplift.uplift_into(&[0.9, 0.5, 0.5], &mut said);
        assert!((said[0] - 4.2).abs() < 2.5, "14 times .3, as a line tells it: {said:?}");
    }
}

#[test]
fn what_is_kept_says_the_same_when_it_is_opened() {
    let market = Market::new(3_000, 5);
    let uplift = Uplift::fit(&market.trial(), 3).unwrap().uplift;
    let mut sealer = Sealer::new();
    uplift.seal("next-action", &mut sealer).unwrap();
    let bytes = sealer.seal(&Header::default()).unwrap();
    let opened = Uplift::open("next-action", &Artefact::open(&bytes).unwrap()).unwrap();
    assert_eq!(opened, uplift);
}

#[test]
fn the_same_seed_learns_the_same_and_few_rows_are_told() {
    let market = Market::new(1_500, 2);
    let again = || Uplift::fit(&market.trial(), 7).unwrap();
    assert_eq!(again(), again());
    let few = Market::new(60, 3);
    let error = Uplift::fit(&few.trial(), 7).unwrap_err().to_string();
    assert!(error.contains("expected at least 20 to learn from"), "{error}");
}

/// A reward that is money, noisy and moved by nobody, and leaving at −400, whose odds the first arm halves for who has a high
/// `x0` and the second raises by half for all.
struct Rewarded {
    market: Market,
    money: Vec<f64>,
    leaving: Vec<f64>,
}

const LEAVING: f64 = -400.0;

fn p_leave(x: &[f32], arm: u32) -> f64 {
    let odds = 0.02 * f64::from(x[1] * 4.0).exp();
    let moved = odds
        * match arm {
            1 if x[0] > 0.5 => 0.5,
            2 => 1.5,
            _ => 1.0,
        };
    moved / (1.0 + moved)
}

impl Rewarded {
    fn new(n: usize, seed: u64) -> Rewarded {
        let mut market = Market::new(n, seed);
        let mut random = Random::new(seed + 1_000);
        let (mut money, mut leaving) = (Vec::new(), Vec::new());
        for (row, arm) in market.x.outer_iter().zip(&market.arm) {
            leaving.push(f64::from(u8::from(
                random.uniform() < p_leave(row.as_slice().unwrap(), *arm),
            )));
            money.push(if random.uniform() < 0.2 {
                200.0 * random.uniform()
            } else {
                0.0
            });
        }
        market.outcome = money
            .iter()
            .zip(&leaving)
            .map(|(money, left)| money + LEAVING * left)
            .collect();
        Rewarded { market, money, leaving }
    }

    fn parts(&self, of_money: f64) -> [Part<'_>; 2] {
        let part = |weight, outcome| Part { weight, outcome };
        [part(of_money, &self.money), part(LEAVING, &self.leaving)]
    }

    /// The root of the mean squared error of the first arm's effect.
    fn missed(&self, uplift: &Uplift) -> f64 {
        let mut said = [0.0; 2];
        let mut squares = 0.0;
        for row in self.market.x.outer_iter() {
            let row = row.as_slice().unwrap();
            uplift.uplift_into(row, &mut said);
            let truth = LEAVING * (p_leave(row, 1) - p_leave(row, 0));
            squares += (said[0] - truth) * (said[0] - truth);
        }
        (squares / self.market.x.nrows() as f64).sqrt()
    }
}

#[test]
fn effects_on_a_sum_are_nearer_the_truth_when_its_parts_are_learnt_apart() {
    let rewarded = Rewarded::new(20_000, 11);
    let parts = rewarded.parts(1.0);
    let trial = rewarded.market.trial();
    let whole = Uplift::fit(&trial, 1).unwrap();
    let apart = Uplift::fit(&trial.with_parts(&parts).unwrap(), 1).unwrap();
    let chosen = apart.standings[0].iter().find(|standing| standing.is_chosen);
    assert_eq!(chosen.unwrap().learner, "parts");
    let (of_whole, of_apart) = (rewarded.missed(&whole.uplift), rewarded.missed(&apart.uplift));
    assert!(of_apart < 0.8 * of_whole, "{of_apart} apart, {of_whole} whole");
    let again = Uplift::refit(&trial.with_parts(&parts).unwrap(), &apart.standings, 1).unwrap();
    assert_eq!(again, apart.uplift, "the same rows teach the same");
}

#[test]
fn what_is_kept_of_parts_says_the_same_when_it_is_opened() {
    let rewarded = Rewarded::new(8_000, 12);
    let parts = rewarded.parts(1.0);
    let trial = rewarded.market.trial().with_parts(&parts).unwrap();
    let uplift = Uplift::fit(&trial, 3).unwrap().uplift;
    let mut sealer = Sealer::new();
    uplift.seal("next-action", &mut sealer).unwrap();
    let bytes = sealer.seal(&Header::default()).unwrap();
    let opened = Uplift::open("next-action", &Artefact::open(&bytes).unwrap()).unwrap();
    assert_eq!(opened, uplift);
}

#[test]
fn a_part_that_counts_nothing_is_not_learnt_and_one_that_seldom_comes_is_learnt_with_the_whole() {
    let mut rewarded = Rewarded::new(4_000, 13);
    let names = |trial: &Trial<'_>| -> Vec<String> {
        let standings = Uplift::fit(trial, 1).unwrap().standings;
        standings[0].iter().map(|standing| standing.learner.clone()).collect()
    };
    // Money that counts nothing may hold anything, such as too little to learn from.
    rewarded.money.fill(0.0);
    let of_leaving = rewarded.parts(0.0);
    assert_eq!(
        names(&rewarded.market.trial().with_parts(&of_leaving).unwrap()),
        ["parts", "dr-linear"]
    );
    let of_both = rewarded.parts(1.0);
    assert_eq!(
        names(&rewarded.market.trial().with_parts(&of_both).unwrap()),
        ["dr-linear", "s", "t", "dr-trees"]
    );
}

/// The Qini as its formula reads, row after row, equal predictions averaged over every order they could come in.
fn qini_by_hand(uplift: &[f64], is_treated: &[bool], outcome: &[f64]) -> f64 {
    let mut order: Vec<usize> = (0..uplift.len()).collect();
    order.sort_by(|a, b| uplift[*b].total_cmp(&uplift[*a]));
    let q = |upto: usize| {
        let sum = |treated: bool, of: &dyn Fn(usize) -> f64| -> f64 {
            let rows = order[..upto].iter().filter(|row| is_treated[**row] == treated);
            rows.map(|row| of(*row)).sum()
        };
        let (n_treated, n_control) = (sum(true, &|_| 1.0), sum(false, &|_| 1.0));
        let control = if n_control > 0.0 {
            sum(false, &|row| outcome[row]) * n_treated / n_control
        } else {
            0.0
        };
        (sum(true, &|row| outcome[row]) - control, n_treated)
    };
    let is_end = |k: usize| k == order.len() || uplift[order[k - 1]] != uplift[order[k]];
    let ends: Vec<usize> = (0..=order.len()).filter(|k| *k == 0 || is_end(*k)).collect();
    let mut sum = 0.0;
    for pair in ends.windows(2) {
        let (from, to) = (q(pair[0]).0, q(pair[1]).0);
        for k in pair[0] + 1..=pair[1] {
            sum += from + (to - from) * (k - pair[0]) as f64 / (pair[1] - pair[0]) as f64;
        }
    }
    let (last, n_treated) = q(order.len());
    (sum / order.len() as f64 - last / 2.0) / n_treated
}

#[test]
fn the_qini_is_its_formula_with_lines_across_ties() {
    let mut random = Random::new(9);
    let n = 400;
    let uplift: Vec<f64> = (0..n).map(|_| random.below(7) as f64 * 0.1).collect();
    let is_treated: Vec<bool> = (0..n).map(|_| random.below(2) == 0).collect();
    let outcome: Vec<f64> = (0..n).map(|_| random.below(2) as f64).collect();
    let customers: Vec<u64> = (0..n as u64).collect();
    let judged = Judged {
        uplift: &uplift,
        is_treated: &is_treated,
        outcome: &outcome,
        propensity: &vec![0.5; n],
        customers: &customers,
    };
    let (found, [low, high], deciles) = measures(&judged, &Bootstrap::seeded(1)).unwrap();
    let by_hand = qini_by_hand(&uplift, &is_treated, &outcome);
    assert!((found.qini - by_hand).abs() < 1e-12, "{} and {by_hand}", found.qini);
    assert!(low.qini < found.qini && found.qini < high.qini);
    assert_eq!(deciles.iter().map(|decile| decile.n_rows).sum::<usize>(), n);
}

#[test]
fn true_uplift_is_calibrated_and_puts_customers_in_order() {
    let market = Market::new(20_000, 4);
    let rows: Vec<usize> = (0..20_000).filter(|row| market.arm[*row] < 2).collect();
    let of = |numbers: &[f64]| -> Vec<f64> { rows.iter().map(|row| numbers[*row]).collect() };
    // A little of x1 breaks ties, so that there are tenths.
    let truth: Vec<f64> = rows
        .iter()
        .map(|row| true_uplift(market.x.row(*row).as_slice().unwrap(), 1) + 1e-3 * f64::from(market.x[[*row, 1]]))
        .collect();
    let is_treated: Vec<bool> = rows.iter().map(|row| market.arm[*row] == 1).collect();
    let customers: Vec<u64> = rows.iter().map(|row| *row as u64).collect();
    let (outcome, propensity) = (of(&market.outcome), of(&market.propensity));
    let judged = |uplift| Judged {
        uplift,
        is_treated: &is_treated,
        outcome: &outcome,
        propensity: &propensity,
        customers: &customers,
    };
    let (of_truth, _, _) = measures(&judged(&truth), &Bootstrap::seeded(1)).unwrap();
    assert!((of_truth.calibration_slope - 1.0).abs() < 0.1, "{of_truth:?}");
    assert!(
        (of_truth.average - 0.1).abs() < 0.02,
        "propensities are taken into account: {of_truth:?}"
    );
    let against: Vec<f64> = truth.iter().map(|uplift| -uplift).collect();
    let (of_opposite, _, _) = measures(&judged(&against), &Bootstrap::seeded(1)).unwrap();
    assert!(of_truth.qini > 0.03 && of_opposite.qini < -0.03);
    assert!(of_truth.auuc > of_opposite.auuc);
}

#[test]
fn customers_are_of_four_kinds_and_equal_predictions_have_no_slope() {
    let kinds = quadrants(&[0.1, 0.6, 0.1, 0.6], &[0.5, 0.0, 0.1, -0.3], 0.5);
    assert_eq!(
        [
            kinds.persuadable,
            kinds.sure_thing,
            kinds.lost_cause,
            kinds.do_not_disturb
        ],
        [0.25; 4]
    );
    assert!(calibration_slope(&[(0.1, 0.0), (0.1, 0.3)]).is_nan());
    assert!((calibration_slope(&[(0.0, 0.0), (0.1, 0.2)]) - 2.0).abs() < 1e-12);
}
