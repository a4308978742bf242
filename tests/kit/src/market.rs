//! The market: settings in, journeys, truth and hazards out.

use std::ops::Range;

use serde::Serialize;

use crate::action_truth::{ActionTruth, action_truth_at, decision_truths};
use crate::calendar::{Calendar, END_DAY};
use crate::customer::Traits;
use crate::day::Moment;
use crate::hazard::HazardInputs;
use crate::journey::{SimulatedJourney, written_journey};
use crate::truth::{CustomerTruth, truth_at};
use crate::walk::{life, walk};

/// How many customers, and which chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct MarketSettings {
    /// Customers that ever come, indices `0..customers`.
    pub customers: u32,
    /// Seed of everything; a customer depends on it and on the index alone.
    pub seed: u64,
}

/// A market that can be asked for what happened and for what was going to.
pub struct Market {
    settings: MarketSettings,
    calendar: Calendar,
}

impl Market {
    /// The market of the settings; cheap, as customers are made when asked for.
    pub fn new(settings: MarketSettings) -> Self {
        Self {
            settings,
            calendar: Calendar::new(),
        }
    }

    /// What it was made from.
    pub fn settings(&self) -> MarketSettings {
        self.settings
    }

    /// All that happened to a customer in 2024 and 2025, at least one event.
    ///
    /// The index may be beyond `customers`: the journey is the one that a larger market would hold.
    pub fn journey(&self, customer_index: u32) -> SimulatedJourney {
        written_journey(&self.calendar, self.settings.seed, customer_index)
    }

    /// The true probabilities at an instant, for each customer with an event before `as_of_micros` who has not left, in order of index.
    ///
    /// Each customer's life is lived again to the instant; from its full hidden state `draws` futures of `horizon_days` branch off, each with its own stream, under the same contact policy.
    /// Leaving is integrated in closed form along each future (Rao-Blackwell), so the standard error of `p_leave` is well below √(p(1−p)/draws).
    /// `as_of_micros` is in microseconds since 1970, UTC, any instant; the law goes on after the market's end.
    /// Two threads; the answer does not depend on them.
    ///
    /// # Panics
    /// When `draws` is 0.
    pub fn truth_at(&self, as_of_micros: i64, horizon_days: u32, draws: u32) -> Vec<CustomerTruth> {
        assert!(draws > 0, "expected at least one draw, found 0");
        truth_at(&self.calendar, self.settings, as_of_micros, horizon_days, draws)
    }

    /// What each action would truly have done at an instant, for the same customers as [`Market::truth_at`], in order of index.
    ///
    /// Each arm of [`ARMS`](crate::ARMS) is done at the instant as a `mail_offer` of the contact policy would be, which goes on from there on: also with a decision of its own that falls on that very second.
    /// A day's rates are fixed when it begins, so an offer changes the chance of leaving from the next day on.
    /// Of `draws` futures of `window_days`, each is lived once for each arm with the same chance day by day (common random numbers), so a difference of two arms has less noise than either; each future moment is weighted by the probability of still being there (Rao-Blackwell).
    /// `as_of_micros` is in microseconds since 1970, UTC, any instant.
    /// Two threads; the answer does not depend on them.
    ///
    /// # Panics
    /// When `draws` is 0.
    pub fn action_truth_at(&self, as_of_micros: i64, window_days: u32, draws: u32) -> Vec<ActionTruth> {
        assert!(draws > 0, "expected at least one draw, found 0");
        action_truth_at(&self.calendar, self.settings, as_of_micros, window_days, draws)
    }

    /// What each action would truly have done at instants of customers' own (index, microseconds since 1970, UTC), in their
    /// order: in place of whatever the contact policy decides at that second, mostly one of [`Decision`](crate::Decision).
    ///
    /// As [`Market::action_truth_at`] otherwise; the window begins the second after.
    /// `None` for a customer who has not come by then or has left.
    ///
    /// Other draws are other chance: what is best by `0..64` is worth without luck what `64..128` say.
    ///
    /// # Panics
    /// When there is no draw.
    pub fn decision_truths(
        &self,
        instants: &[(u32, i64)],
        window_days: u32,
        draws: Range<u32>,
    ) -> Vec<Option<ActionTruth>> {
        assert!(!draws.is_empty(), "expected at least one draw, found {draws:?}");
        decision_truths(&self.calendar, self.settings, instants, window_days, draws)
    }

    /// The true probability that a customer leaves on a day, given all that happened before it; None when the customer had not come before that day or has left.
    pub fn instant_hazard(&self, customer_index: u32, day: i32) -> Option<f64> {
        Some(self.hazard_inputs(customer_index, day)?.hazard())
    }

    /// What that hazard is a function of.
    pub fn hazard_inputs(&self, customer_index: u32, day: i32) -> Option<HazardInputs> {
        self.hazard_path_until(customer_index, day + 1)
            .pop()
            .and_then(|(last_day, inputs)| (last_day == day).then_some(inputs))
    }

    /// Each day a customer could have left on, up to the market's end, with what that day's hazard is a function of.
    ///
    /// The day of an `account_closed` is the last.
    pub fn hazard_path(&self, customer_index: u32) -> Vec<(i32, HazardInputs)> {
        self.hazard_path_until(customer_index, END_DAY)
    }

    fn hazard_path_until(&self, customer_index: u32, end_day: i32) -> Vec<(i32, HazardInputs)> {
        let seed = self.settings.seed;
        let traits = Traits::draw(seed, customer_index);
        let mut path = Vec::new();
        walk(
            &self.calendar,
            &traits,
            life(seed, customer_index),
            (end_day, 0),
            |day, _, state, moment| {
                if matches!(moment, Moment::Began) {
                    path.push((day, state.hazard_inputs(&traits, day, self.calendar.season(day))));
                }
            },
        );
        path
    }
}
