//! One day of one customer: how much happens, when, and what.
//!
//! The day's two rates are fixed when it begins and spread over the hours by the customer's hour habit, so the rest of a day can be drawn from any second on.

use crate::calendar::{Calendar, weekday};
use crate::chance::Chance;
use crate::customer::Traits;
use crate::hazard::ContractPhase;
use crate::next_touchpoint::next_touchpoint;
use crate::policy::{Drawn, decide, decides_on};
use crate::state::{Changed, State};
use crate::words::Touchpoint;

/// Own touches on a plain day.
const BASE_PER_DAY: f64 = 0.062;
/// Touches breed touches: per recent touch, at most 4.
const MOMENTUM: f64 = 0.9;
/// Within 30 days of the contract's end.
const CONTRACT_ENDING: f64 = 1.6;
/// Per unit of the season's sine, and of the December peak.
const SINE: f64 = 0.15;
const DECEMBER: f64 = 0.5;
/// No day has more own touches than this.
const MOST_PER_DAY: usize = 12;

/// What the day holds in store, fixed when it begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rates {
    /// P(leaves on the day | here when it began).
    pub(crate) hazard: f64,
    /// Mean number of own touches.
    pub(crate) touches_mean: f64,
}

/// A span of seconds of one day, `[from, until)`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) from_second: u32,
    pub(crate) until_second: u32,
}

/// What happens at one second of a day.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Moment {
    /// The customer touches.
    Touched(Touchpoint, Changed),
    /// We decide whether to write, and perhaps do.
    Decided(Drawn),
    /// A day begins.
    Began,
    /// The customer leaves.
    Left,
}

/// Whose day it is.
#[derive(Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) calendar: &'a Calendar,
    pub(crate) traits: &'a Traits,
    pub(crate) day: i32,
}

impl Scene<'_> {
    /// Begins the day: the night's changes, then the day's rates.
    #[inline]
    pub(crate) fn begin(&self, state: &mut State, chance: &mut Chance) -> Rates {
        let Self { calendar, traits, day } = *self;
        state.night(traits, chance);
        let season = calendar.season(day);
        let ending = state.contract_phase(day) == ContractPhase::Ending;
        Rates {
            hazard: state.hazard_inputs(traits, day, season).hazard(),
            touches_mean: BASE_PER_DAY
                * traits.activity
                * traits.weekday_habit[weekday(day)]
                * (1.0 + SINE * season.sine + DECEMBER * season.december)
                * (1.0 + MOMENTUM * state.momentum.min(4.0))
                * if ending { CONTRACT_ENDING } else { 1.0 },
        }
    }

    /// Lives the seconds of a window that come before `stop_second`, telling each moment after it has changed the state.
    #[inline]
    pub(crate) fn live(
        &self,
        touches_mean: f64,
        window: Window,
        stop_second: u32,
        state: &mut State,
        chance: &mut Chance,
        mut tell: impl FnMut(u32, &State, Moment),
    ) {
        let Self { calendar, traits, day } = *self;
        let clock = calendar.clock(traits.clock);
        let from_share = clock.share_before(window.from_second);
        let span = clock.share_before(window.until_second) - from_share;
        let n_touches = chance.poisson(touches_mean * span, MOST_PER_DAY);
        let decides =
            decides_on(traits, day) && (window.from_second..window.until_second).contains(&traits.offer_second);
        if n_touches == 0 && !decides {
            return;
        }
        let mut plan = [(0_u32, Planned::Touch); MOST_PER_DAY + 1];
        for slot in &mut plan[..n_touches] {
            let second = clock.second_at(from_share + span * chance.unit());
            slot.0 = second.max(window.from_second);
        }
        let n_moments = n_touches + usize::from(decides);
        if decides {
            plan[n_touches] = (traits.offer_second, Planned::Decision);
        }
        plan[..n_moments].sort_unstable();
        let stop_second = stop_second.min(window.until_second);
        let mut next_free = window.from_second;
        for &(drawn_second, planned) in &plan[..n_moments] {
            // Two draws may fall on one second; the later moves on by one.
            let second = drawn_second.max(next_free);
            next_free = second + 1;
            if second >= stop_second {
                return;
            }
            let moment = match planned {
                Planned::Decision => {
                    let drawn = decide(traits, state, day, chance);
                    if let Some(action) = drawn.action {
                        state.receive(action, day);
                    }
                    Moment::Decided(drawn)
                }
                Planned::Touch => {
                    let season = calendar.season(day);
                    let touchpoint = next_touchpoint(traits, state, day, season, chance);
                    Moment::Touched(touchpoint, state.touch(touchpoint, day, chance))
                }
            };
            tell(second, state, moment);
        }
    }
}

/// What a planned second is for; at equal seconds the decision comes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Planned {
    Decision,
    Touch,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Purpose;

    #[test]
    fn moments_of_a_crowded_minute_are_distinct_and_stay_inside_it() {
        let calendar = Calendar::new();
        let traits = Traits::draw(1, 0);
        let day = traits.join_day + traits.offer_phase;
        let scene = Scene {
            calendar: &calendar,
            traits: &traits,
            day,
        };
        let window = Window {
            from_second: traits.offer_second - 6,
            until_second: traits.offer_second + 6,
        };
        let span = {
            let clock = calendar.clock(traits.clock);
            clock.share_before(window.until_second) - clock.share_before(window.from_second)
        };
        let (mut n_moments, mut n_decisions) = (0, 0);
        for draw in 0..500 {
            let mut chance = Chance::stream(1, 0, Purpose::Branch, [draw, 0]);
            let mut seconds = Vec::new();
            let mut state = State::new(&traits);
            scene.live(
                8.0 / span,
                window,
                86_400,
                &mut state,
                &mut chance,
                |second, _, moment| {
                    seconds.push(second);
                    n_decisions += usize::from(matches!(moment, Moment::Decided(_)));
                },
            );
            assert!(seconds.windows(2).all(|pair| pair[0] < pair[1]), "{seconds:?}");
            assert!(
                seconds
                    .iter()
                    .all(|s| (window.from_second..window.until_second).contains(s))
            );
            n_moments += seconds.len();
        }
        // About 8 touches each, some pushed out of the narrow window.
        assert!(n_moments > 500 * 6, "{n_moments}");
        assert!(n_decisions > 400, "{n_decisions}");
    }
}
