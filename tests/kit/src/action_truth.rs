//! What each action would have done: the futures of an instant, lived once for each arm.
//!
//! The arms of a future share their chance day by day (common random numbers; Glasserman and Yao 1992), so paths that part over one touch come together again and differences have little noise.

use std::ops::Range;

use serde::Serialize;

use crate::calendar::{Calendar, day_and_second};
use crate::chance::{Chance, Purpose};
use crate::customer::Traits;
use crate::day::Moment;
use crate::future::{Future, of_each, of_everyone_there};
use crate::journey::customer_id;
use crate::market::MarketSettings;
use crate::price::{mean_paid_eur, price_eur};
use crate::walk::{Standing, life, walk};
use crate::words::{Action, Touchpoint};

/// What can be done at an instant; the first is nothing.
pub const ARMS: [Option<Action>; 3] = [None, Some(Action::Discount), Some(Action::Advice)];

/// What was going to happen to a customer, for each thing we might have done.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ActionTruth {
    /// Position in the market.
    pub customer_index: u32,
    /// As in the file, for instance `C000042`.
    pub customer_id: String,
    /// One for each of [`ARMS`], in its order.
    pub arms: [ArmTruth; ARMS.len()],
}

/// What happens in `[as_of, as_of + window)` when one thing is done at `as_of`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ArmTruth {
    /// As in the file; None when nothing is done.
    pub action_id: Option<&'static str>,
    /// P(`account_closed`), in [0, 1].
    pub p_leave: f64,
    /// Mean euros of purchases and renewals, also of those whose `value` the file leaves out.
    pub spend: f64,
    /// Mean number of offers accepted, whenever they were sent.
    pub accepted: f64,
}

impl ActionTruth {
    /// What happens when `action` is done, or nothing.
    pub fn arm(&self, action: Option<Action>) -> &ArmTruth {
        let position = ARMS.iter().position(|&arm| arm == action);
        &self.arms[position.expect("every action is an arm")]
    }
}

/// The truth of each arm about every customer who is there, in order of index.
pub(crate) fn action_truth_at(
    calendar: &Calendar,
    settings: MarketSettings,
    as_of_micros: i64,
    window_days: u32,
    draws: u32,
) -> Vec<ActionTruth> {
    of_everyone_there(calendar, settings, as_of_micros, |customer_index, traits, standing| {
        let chance_of = |draw: u32, day: i32| {
            let parts = [u64::from(draw) << 32 | u64::from(day as u32), as_of_micros as u64];
            Chance::stream(settings.seed, customer_index, Purpose::BranchDay, parts)
        };
        ActionTruth {
            customer_index,
            customer_id: customer_id(customer_index),
            arms: arms(
                calendar,
                0..draws,
                || Future::new(calendar, traits, standing, window_days),
                chance_of,
            ),
        }
    })
}

/// The truth of each arm at an instant of each customer's own, done in place of what the policy decides at that second;
/// nobody where the customer has not come or has left.
pub(crate) fn decision_truths(
    calendar: &Calendar,
    settings: MarketSettings,
    instants: &[(u32, i64)],
    window_days: u32,
    draws: Range<u32>,
) -> Vec<Option<ActionTruth>> {
    of_each(instants, |&(customer_index, at_micros)| {
        let traits = Traits::draw(settings.seed, customer_index);
        let own = life(settings.seed, customer_index);
        let before = walk(calendar, &traits, own, day_and_second(at_micros), |_, _, _, _| {})?;
        // The future begins the second after, when the policy's own decision is over.
        let standing = Standing {
            second: before.second + 1,
            ..before
        };
        let chance_of = |draw: u32, day: i32| {
            let parts = [u64::from(draw) << 32 | u64::from(day as u32), at_micros as u64];
            Chance::stream(settings.seed, customer_index, Purpose::BranchDay, parts)
        };
        let open = || Future::new(calendar, &traits, &standing, window_days);
        Some(ActionTruth {
            customer_index,
            customer_id: customer_id(customer_index),
            arms: arms(calendar, draws.clone(), open, chance_of),
        })
    })
}

/// The arms of one customer, from as many open futures as there are draws; `chance_of` a draw and day is the same for every arm.
fn arms<'a>(
    calendar: &Calendar,
    draws: Range<u32>,
    open: impl Fn() -> Future<'a>,
    chance_of: impl Fn(u32, i32) -> Chance,
) -> [ArmTruth; ARMS.len()] {
    ARMS.map(|action| {
        let mut sums = Sums::default();
        for draw in draws.clone() {
            sums.add_future(calendar, action, open(), |day| chance_of(draw, day));
        }
        let n = f64::from(draws.end - draws.start);
        ArmTruth {
            action_id: action.map(Action::name),
            p_leave: sums.leave / n,
            spend: sums.spend / n,
            accepted: sums.accepted / n,
        }
    })
}

/// Sums over the futures of an arm.
#[derive(Default)]
struct Sums {
    leave: f64,
    spend: f64,
    accepted: f64,
}

impl Sums {
    /// Does `action` at the beginning of one future, lives it and adds it.
    fn add_future(
        &mut self,
        calendar: &Calendar,
        mut action: Option<Action>,
        mut future: Future,
        chance_of: impl Fn(i32) -> Chance,
    ) {
        while let Some(day) = future.day() {
            let mut chance = chance_of(day);
            if let Some(action) = action.take() {
                future.receive(action, &mut chance);
            }
            let season = calendar.season(day);
            future.live_day(&mut chance, |stays, state, moment| {
                if let Moment::Touched(touchpoint, _) = moment {
                    if let Some(price_eur) = price_eur(touchpoint, state.product, season) {
                        self.spend += stays * mean_paid_eur(price_eur);
                    }
                    if touchpoint == Touchpoint::OfferAccepted {
                        self.accepted += stays;
                    }
                }
            });
        }
        self.leave += 1.0 - future.stays();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::calendar::{END_DAY, MICROS_PER_DAY, micros_of_day};
    use crate::journey::{SimulatedJourney, written_journey};
    use crate::words::Audience;

    const SEED: u64 = 17;
    /// One day less than from decision to decision.
    const WINDOW_DAYS: u32 = 27;
    /// P(leave), euros seen, offers accepted.
    const N_OUTCOMES: usize = 3;

    /// Weighted sums of outcomes, for their means and standard errors.
    #[derive(Default)]
    struct Weighted {
        weights: f64,
        sums: [f64; N_OUTCOMES],
        rows: Vec<(f64, [f64; N_OUTCOMES])>,
    }

    impl Weighted {
        fn add(&mut self, weight: f64, outcomes: [f64; N_OUTCOMES]) {
            self.weights += weight;
            for (sum, outcome) in self.sums.iter_mut().zip(outcomes) {
                *sum += weight * outcome;
            }
            self.rows.push((weight, outcomes));
        }

        fn mean_and_error(&self, outcome_idx: usize) -> (f64, f64) {
            let mean = self.sums[outcome_idx] / self.weights;
            let squares: f64 = self
                .rows
                .iter()
                .map(|(weight, outcomes)| (weight * (outcomes[outcome_idx] - mean)).powi(2))
                .sum();
            (mean, squares.sqrt() / self.weights)
        }
    }

    /// What the log shows within the window after an instant.
    fn seen(journey: &SimulatedJourney, from: i64) -> [f64; N_OUTCOMES] {
        let end = from + i64::from(WINDOW_DAYS) * MICROS_PER_DAY;
        let mut outcomes = [0.0; N_OUTCOMES];
        for event in journey.events.iter().filter(|event| (from..end).contains(&event.at)) {
            outcomes[0] += f64::from(u8::from(event.touchpoint == Touchpoint::AccountClosed.name()));
            outcomes[1] += event.value.unwrap_or(0.0);
            outcomes[2] += f64::from(u8::from(event.touchpoint == Touchpoint::OfferAccepted.name()));
        }
        outcomes
    }

    /// What is told of those to whom a decision sent nothing, had it sent something, and what the log shows of those to whom it did, by audience and arm.
    fn told_and_seen() -> BTreeMap<(Audience, usize), (Weighted, Weighted)> {
        let calendar = Calendar::new();
        let mut by_arm: BTreeMap<(Audience, usize), (Weighted, Weighted)> = BTreeMap::new();
        for customer_index in 0..6_000 {
            let traits = Traits::draw(SEED, customer_index);
            let journey = written_journey(&calendar, SEED, customer_index);
            for decision in &journey.decisions {
                // The second after: the decision is taken, the next is 28 days off.
                let from = decision.at + 1_000_000;
                if from + i64::from(WINDOW_DAYS) * MICROS_PER_DAY > micros_of_day(END_DAY) {
                    continue;
                }
                let own = life(SEED, customer_index);
                let Some(standing) = walk(&calendar, &traits, own, day_and_second(from), |_, _, _, _| {}) else {
                    continue;
                };
                let weight = 1.0 / decision.propensity;
                let sent = ARMS.iter().position(|arm| arm.map(Action::name) == decision.action_id);
                let sent = sent.expect("every action is an arm");
                by_arm
                    .entry((traits.audience, sent))
                    .or_default()
                    .1
                    .add(weight, seen(&journey, from));
                if sent > 0 {
                    continue;
                }
                let told = arms(
                    &calendar,
                    0..4,
                    || Future::new(&calendar, &traits, &standing, WINDOW_DAYS),
                    |draw, day| {
                        let parts = [u64::from(draw) << 32 | u64::from(day as u32), from as u64];
                        Chance::stream(SEED, customer_index, Purpose::BranchDay, parts)
                    },
                );
                for (arm_idx, arm) in told.iter().enumerate() {
                    // The log shows 97 % of what is paid.
                    by_arm
                        .entry((traits.audience, arm_idx))
                        .or_default()
                        .0
                        .add(weight, [arm.p_leave, 0.97 * arm.spend, arm.accepted]);
                }
            }
        }
        by_arm
    }

    #[test]
    fn what_an_arm_would_have_done_is_what_it_did_where_the_policy_chose_it() {
        let by_arm = told_and_seen();
        assert_eq!(by_arm.len(), 9);
        for (which, (told, seen)) in &by_arm {
            for outcome_idx in 0..N_OUTCOMES {
                let (told, told_error) = told.mean_and_error(outcome_idx);
                let (seen, seen_error) = seen.mean_and_error(outcome_idx);
                let error = (told_error * told_error + seen_error * seen_error).sqrt();
                // 24 comparisons, as nobody accepts what was not sent: 4 standard errors are crossed by chance once in 650 seeds.
                assert!(
                    (seen - told).abs() <= 4.0 * error,
                    "{which:?}, {outcome_idx}: told {told}, seen {seen} ± {error}"
                );
            }
        }
        let effect = |audience, arm_idx: usize| {
            let p_leave = |arm_idx| by_arm[&(audience, arm_idx)].0.mean_and_error(0).0;
            p_leave(arm_idx) - p_leave(0)
        };
        assert!(effect(Audience::Students, 1) < -0.005, "a discount keeps students");
        assert!(effect(Audience::Families, 2) < -0.005, "advice keeps families");
        assert!(
            effect(Audience::Professionals, 1) > 0.005,
            "a discount drives professionals away"
        );
    }

    #[test]
    fn nobody_spends_or_accepts_after_leaving() {
        let calendar = Calendar::new();
        let mut spent = 0.0;
        for customer_index in 0..400 {
            let traits = Traits::draw(SEED, customer_index);
            let own = life(SEED, customer_index);
            let Some(mut standing) = walk(&calendar, &traits, own, (640, 0), |_, _, _, _| {}) else {
                continue;
            };
            // So tired of us that the day is surely the last.
            standing.state.fatigue = 200.0;
            let within = |window_days| {
                arms(
                    &calendar,
                    0..16,
                    || Future::new(&calendar, &traits, &standing, window_days),
                    |draw, day| {
                        let parts = [u64::from(draw), day as u64];
                        Chance::stream(SEED, customer_index, Purpose::BranchDay, parts)
                    },
                )
            };
            for (day, month) in within(1).iter().zip(&within(30)) {
                assert!(day.p_leave > 1.0 - 1e-9, "{day:?}");
                assert!((month.spend - day.spend).abs() < 1e-6, "{day:?} {month:?}");
                assert!((month.accepted - day.accepted).abs() < 1e-6, "{day:?} {month:?}");
                spent += day.spend;
            }
        }
        assert!(spent > 0.0, "some pay on their last day");
    }
}
