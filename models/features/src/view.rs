//! A state looked at from a cut-off.

use percorso_journey::state::{N_HALF_LIVES, Slot, Tallies};
use percorso_journey::{JourneyState, Timestamp};

/// What a feature may look at: a state, the cut-off, and what many features need of both.
pub(crate) struct View<'a> {
    pub(crate) state: &'a JourneyState,
    pub(crate) as_of: Timestamp,
    fading: [f64; N_HALF_LIVES],
    local: LocalTime,
}

/// The cut-off on the clocks and calendars of the business.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LocalTime {
    pub(crate) hour_of_day: f64,
    pub(crate) day_of_week: f64,
    pub(crate) share_of_year: f64,
}

impl<'a> View<'a> {
    pub(crate) fn new(state: &'a JourneyState, as_of: Timestamp) -> Self {
        let silence_days = state.last_at().map_or(0.0, |last_at| as_of.days_since(last_at));
        Self {
            state,
            as_of,
            fading: Tallies::fading(silence_days),
            local: local_time(state, as_of),
        }
    }

    /// Days from `then` to the cut-off; missing when `then` is.
    pub(crate) fn days_since(&self, then: Option<Timestamp>) -> f64 {
        then.map_or(f64::NAN, |then| self.as_of.days_since(then))
    }

    /// The decayed sum of a slot as of the cut-off.
    pub(crate) fn decayed(&self, slot: Slot, half_life: usize) -> f64 {
        self.state.tallies().decayed(slot)[half_life] * self.fading[half_life]
    }

    /// Days since a slot last happened; missing when it never did.
    pub(crate) fn since(&self, slot: Slot) -> f64 {
        self.days_since(self.state.tallies().last_at(slot))
    }

    pub(crate) fn count(&self, slot: Slot) -> f64 {
        f64::from(self.state.tallies().count(slot))
    }

    pub(crate) const fn local(&self) -> LocalTime {
        self.local
    }
}

fn local_time(state: &JourneyState, as_of: Timestamp) -> LocalTime {
    let instant = jiff::Timestamp::from_microsecond(as_of.micros()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let local = state.spec().time_zone().to_datetime(instant);
    let hour_of_day = f64::from(local.hour()) + f64::from(local.minute()) / 60.0;
    let day_of_week = f64::from(local.weekday().to_monday_zero_offset());
    let share_of_year = (f64::from(local.day_of_year() - 1) + hour_of_day / 24.0) / 365.25;
    LocalTime {
        hour_of_day,
        day_of_week,
        share_of_year,
    }
}
