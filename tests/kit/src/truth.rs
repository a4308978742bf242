//! The truth at an instant, by branching futures from the full hidden state.

use serde::Serialize;

use crate::calendar::{Calendar, SECONDS_PER_DAY, day_and_second};
use crate::chance::{Chance, Purpose};
use crate::customer::Traits;
use crate::day::{Moment, Scene, Window};
use crate::journey::customer_id;
use crate::market::MarketSettings;
use crate::walk::{Standing, life, walk};
use crate::words::{Stage, Touchpoint};

/// The six stages, and last "none": no event within the horizon.
pub const N_NEXT_STAGES: usize = Stage::ALL.len() + 1;

/// Threads that share the customers.
const THREADS: usize = 2;

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
    let of = |customer_index| {
        let traits = Traits::draw(settings.seed, customer_index);
        let as_of = day_and_second(as_of_micros);
        let own = life(settings.seed, customer_index);
        let standing = walk(calendar, &traits, own, as_of, |_, _, _, _| {})?;
        let mut sums = Sums::default();
        for draw in 0..draws {
            let parts = [u64::from(draw), as_of_micros as u64];
            let chance = Chance::stream(settings.seed, customer_index, Purpose::Branch, parts);
            sums.add_future(calendar, &traits, &standing, horizon_days as i32, chance);
        }
        let n = f64::from(draws);
        Some(CustomerTruth {
            customer_index,
            customer_id: customer_id(customer_index),
            p_leave: sums.leave / n,
            p_next_stage: sums.next_stage.map(|sum| sum / n),
        })
    };
    let per_thread = settings.customers.div_ceil(THREADS as u32).max(1);
    std::thread::scope(|scope| {
        let of = &of;
        let parts: Vec<_> = (0..settings.customers)
            .step_by(per_thread as usize)
            .map(|start| {
                let end = start.saturating_add(per_thread).min(settings.customers);
                scope.spawn(move || (start..end).filter_map(of).collect::<Vec<_>>())
            })
            .collect();
        parts
            .into_iter()
            .flat_map(|part| part.join().expect("no future panics"))
            .collect()
    })
}

/// Sums over futures.
#[derive(Default)]
struct Sums {
    leave: f64,
    next_stage: [f64; N_NEXT_STAGES],
}

impl Sums {
    /// Adds one future: a path on which the customer stays, with the chance of leaving integrated along it.
    fn add_future(
        &mut self,
        calendar: &Calendar,
        traits: &Traits,
        standing: &Standing,
        horizon_days: i32,
        mut chance: Chance,
    ) {
        let clock = calendar.clock(traits.clock);
        let mut state = standing.state.clone();
        let mut stays = 1.0;
        let mut waiting = true;
        let last_day = standing.day + horizon_days;
        for day in standing.day..=last_day {
            let from_second = if day == standing.day { standing.second } else { 0 };
            let until_second = if day == last_day {
                standing.second
            } else {
                SECONDS_PER_DAY
            };
            if from_second >= until_second {
                continue;
            }
            let scene = Scene { calendar, traits, day };
            let rates = standing
                .rates
                .filter(|_| day == standing.day)
                .unwrap_or_else(|| scene.begin(&mut state, &mut chance));
            // P(leaves in [from, second) | here at from): the day's hazard spreads by the hour habit.
            let from_share = clock.share_before(from_second);
            let leaves_before =
                |second| rates.hazard * (clock.share_before(second) - from_share) / (1.0 - rates.hazard * from_share);
            let mut first = None;
            let window = Window {
                from_second,
                until_second,
            };
            scene.live(
                rates.touches_mean,
                window,
                until_second,
                &mut state,
                &mut chance,
                |second, _, moment| {
                    first = first.or(stage_of(moment).map(|stage| (second, stage)));
                },
            );
            let leaves = leaves_before(until_second);
            if waiting {
                if let Some((second, stage)) = first {
                    let earlier = leaves_before(second);
                    self.next_stage[Stage::Leaving as usize] += stays * earlier;
                    self.next_stage[stage as usize] += stays * (1.0 - earlier);
                    waiting = false;
                } else {
                    self.next_stage[Stage::Leaving as usize] += stays * leaves;
                }
            }
            stays *= 1.0 - leaves;
        }
        self.leave += 1.0 - stays;
        if waiting {
            self.next_stage[N_NEXT_STAGES - 1] += stays;
        }
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
