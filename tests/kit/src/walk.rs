//! The one life a customer lives under a seed, up to an instant.

use crate::calendar::{Calendar, SECONDS_PER_DAY};
use crate::chance::{Chance, Purpose};
use crate::customer::Traits;
use crate::day::{Moment, Rates, Scene, Window};
use crate::next_touchpoint::first_touchpoint;
use crate::state::{Changed, State};

/// Where a customer who has come and not left stands at an instant.
pub(crate) struct Standing {
    pub(crate) state: State,
    pub(crate) day: i32,
    pub(crate) second: u32,
    /// The rates of the day under way; None when the instant is the day's beginning and the night is still to be drawn.
    pub(crate) rates: Option<Rates>,
}

/// Lives a customer's life up to `stop` (day, second), telling each moment before it; None when the customer has not come yet or has left.
///
/// What happens before `stop` does not depend on `stop`.
pub(crate) fn walk(
    calendar: &Calendar,
    traits: &Traits,
    mut chance: Chance,
    stop: (i32, u32),
    mut tell: impl FnMut(i32, u32, &State, Moment),
) -> Option<Standing> {
    let clock = calendar.clock(traits.clock);
    let join_second = clock.second_at(traits.join_second_share);
    if (traits.join_day, join_second) >= stop {
        return None;
    }
    let mut state = State::new(traits);
    let first = first_touchpoint(traits, calendar.season(traits.join_day), &mut chance);
    let changed: Changed = state.touch(first, traits.join_day, &mut chance);
    tell(traits.join_day, join_second, &state, Moment::Touched(first, changed));
    let (stop_day, stop_second) = stop;
    if stop_day == traits.join_day {
        // Nothing more happens on the first day.
        let rates = Some(Rates {
            hazard: 0.0,
            touches_mean: 0.0,
        });
        return Some(Standing {
            state,
            day: stop_day,
            second: stop_second,
            rates,
        });
    }
    let mut day = traits.join_day + 1;
    while (day, 0) < stop {
        let until = if day == stop_day { stop_second } else { SECONDS_PER_DAY };
        let scene = Scene { calendar, traits, day };
        let rates = scene.begin(&mut state, &mut chance);
        tell(day, 0, &state, Moment::Began);
        let leave_second = chance.happens(rates.hazard).then(|| clock.second_at(chance.unit()));
        let window = Window {
            from_second: 0,
            until_second: leave_second.unwrap_or(SECONDS_PER_DAY),
        };
        scene.live(
            rates.touches_mean,
            window,
            until,
            &mut state,
            &mut chance,
            |second, state, moment| {
                tell(day, second, state, moment);
            },
        );
        if let Some(second) = leave_second.filter(|&second| second < until) {
            tell(day, second, &state, Moment::Left);
            return None;
        }
        if until < SECONDS_PER_DAY {
            return Some(Standing {
                state,
                day,
                second: until,
                rates: Some(rates),
            });
        }
        day += 1;
    }
    Some(Standing {
        state,
        day: stop_day,
        second: 0,
        rates: None,
    })
}

/// The stream that a customer's life takes its chance from.
pub(crate) fn life(seed: u64, customer_index: u32) -> Chance {
    Chance::stream(seed, customer_index, Purpose::Life, [0, 0])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Days, seconds and touches before `stop`.
    fn told(customer_index: u32, stop: (i32, u32)) -> Vec<(i32, u32, String)> {
        let calendar = Calendar::new();
        let traits = Traits::draw(3, customer_index);
        let mut told = Vec::new();
        walk(
            &calendar,
            &traits,
            life(3, customer_index),
            stop,
            |day, second, _, moment| {
                told.push((day, second, format!("{moment:?}")));
            },
        );
        told
    }

    #[test]
    fn a_life_does_not_depend_on_where_one_stops_looking() {
        for customer_index in 0..60 {
            let whole = told(customer_index, (731, 0));
            for stop in [(300, 0), (455, 43_200), (620, 70_001)] {
                let before: Vec<_> = whole
                    .iter()
                    .filter(|moment| (moment.0, moment.1) < stop)
                    .cloned()
                    .collect();
                assert_eq!(
                    told(customer_index, stop),
                    before,
                    "customer {customer_index}, {stop:?}"
                );
            }
        }
    }
}
