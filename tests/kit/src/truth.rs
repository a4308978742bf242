//! The truth at an instant, by branching futures from the full hidden state.

use serde::Serialize;

use crate::calendar::Calendar;
use crate::chance::{Chance, Purpose};
use crate::day::Moment;
use crate::future::{Future, of_everyone_there};
use crate::journey::customer_id;
use crate::market::MarketSettings;
use crate::words::{Stage, Touchpoint};

/// The six stages, and last "none": no event within the horizon.
pub const N_NEXT_STAGES: usize = Stage::ALL.len() + 1;

/// What was going to happen to a customer, as probabilities.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CustomerTruth {
    /// Position in the market.
    pub customer_index: u32,
    /// As in the file, for instance `C000042`.
    pub customer_id: String,
    /// P(`account_closed` in `[as_of, as_of + horizon)`), in [0, 1].
    pub p_leave: f64,
    /// P(stage of the first event in `[as_of, as_of + horizon)`) in the order of [`Stage::ALL`], then P(no event); sums to 1.
    ///
    /// A mail offer of ours is an event, too.
    pub p_next_stage: [f64; N_NEXT_STAGES],
}

/// The truth about every customer who is there, in order of index.
pub(crate) fn truth_at(
    calendar: &Calendar,
    settings: MarketSettings,
    as_of_micros: i64,
    horizon_days: u32,
    draws: u32,
) -> Vec<CustomerTruth> {
    of_everyone_there(calendar, settings, as_of_micros, |customer_index, traits, standing| {
        let mut sums = Sums::default();
        for draw in 0..draws {
            let parts = [u64::from(draw), as_of_micros as u64];
            let chance = Chance::stream(settings.seed, customer_index, Purpose::Branch, parts);
            sums.add_future(Future::new(calendar, traits, standing, horizon_days), chance);
        }
        let n = f64::from(draws);
        CustomerTruth {
            customer_index,
            customer_id: customer_id(customer_index),
            p_leave: sums.leave / n,
            p_next_stage: sums.next_stage.map(|sum| sum / n),
        }
    })
}

/// Sums over futures.
#[derive(Default)]
struct Sums {
    leave: f64,
    next_stage: [f64; N_NEXT_STAGES],
}

impl Sums {
    /// Lives one future and adds it.
    fn add_future(&mut self, mut future: Future, mut chance: Chance) {
        let mut first = None;
        while future.day().is_some() {
            future.live_day(&mut chance, |stays, _, moment| {
                first = first.or(stage_of(moment).map(|stage| (stays, stage as usize)));
            });
        }
        self.leave += 1.0 - future.stays();
        // Whoever has left before the first event has leaving as the first.
        let (stays, next_stage) = first.unwrap_or((future.stays(), N_NEXT_STAGES - 1));
        self.next_stage[Stage::Leaving as usize] += 1.0 - stays;
        self.next_stage[next_stage] += stays;
    }
}

/// The stage a moment shows in the file; None when it writes no event.
fn stage_of(moment: Moment) -> Option<Stage> {
    match moment {
        Moment::Touched(touchpoint, _) => Some(touchpoint.stage()),
        Moment::Decided(drawn) => drawn.action.map(|_| Touchpoint::MailOffer.stage()),
        Moment::Began | Moment::Left => None,
    }
}
