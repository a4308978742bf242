//! What may come: futures that branch off where a customer stands, and everyone they branch off from.
//!
//! Along a future the customer stays, and the chance of leaving is integrated in closed form (Rao-Blackwell; Casella and Robert 1996).

use crate::calendar::{Calendar, SECONDS_PER_DAY, day_and_second};
use crate::chance::Chance;
use crate::customer::Traits;
use crate::day::{Moment, Rates, Scene, Window};
use crate::market::MarketSettings;
use crate::state::State;
use crate::walk::{Standing, life, walk};
use crate::words::Action;

/// Threads that share the customers.
const THREADS: usize = 2;

/// A path on which the customer stays, lived day by day from an instant to a horizon.
pub(crate) struct Future<'a> {
    calendar: &'a Calendar,
    traits: &'a Traits,
    state: State,
    day: i32,
    /// Where the rest of the day begins.
    second: u32,
    /// The rates of the day; None until it has begun.
    rates: Option<Rates>,
    /// The day and second before which it ends.
    end: (i32, u32),
    stays: f64,
}

impl<'a> Future<'a> {
    /// A future that is still all open.
    pub(crate) fn new(calendar: &'a Calendar, traits: &'a Traits, standing: &Standing, horizon_days: u32) -> Self {
        Self {
            calendar,
            traits,
            state: standing.state.clone(),
            day: standing.day,
            second: standing.second,
            rates: standing.rates,
            end: (standing.day + horizon_days as i32, standing.second),
            stays: 1.0,
        }
    }

    /// The day that is to be lived next; None at the horizon.
    pub(crate) fn day(&self) -> Option<i32> {
        ((self.day, self.second) < self.end).then_some(self.day)
    }

    /// P(has not left | there at the instant), so far.
    pub(crate) fn stays(&self) -> f64 {
        self.stays
    }

    /// Receives an offer now, as a `mail_offer` that the contact policy sends: once the day has begun, so that what the day holds in store does not know of it.
    pub(crate) fn receive(&mut self, action: Action, chance: &mut Chance) {
        self.rates(chance);
        self.state.receive(action, self.day);
    }

    /// Lives the rest of the day, telling each moment with P(still there when it comes).
    pub(crate) fn live_day(&mut self, chance: &mut Chance, mut tell: impl FnMut(f64, &State, Moment)) {
        let rates = self.rates(chance);
        let window = Window {
            from_second: self.second,
            until_second: if self.day == self.end.0 {
                self.end.1
            } else {
                SECONDS_PER_DAY
            },
        };
        let clock = self.calendar.clock(self.traits.clock);
        let from_share = clock.share_before(window.from_second);
        // P(leaves in [from, second) | here at from): the day's hazard spreads by the hour habit.
        let leaves_before =
            |second| rates.hazard * (clock.share_before(second) - from_share) / (1.0 - rates.hazard * from_share);
        let stays = self.stays;
        self.scene().live(
            rates.touches_mean,
            window,
            window.until_second,
            &mut self.state,
            chance,
            |second, state, moment| tell(stays * (1.0 - leaves_before(second)), state, moment),
        );
        self.stays *= 1.0 - leaves_before(window.until_second);
        self.day += 1;
        self.second = 0;
        self.rates = None;
    }

    /// The rates of the day, which begins with this unless it is under way.
    fn rates(&mut self, chance: &mut Chance) -> Rates {
        let scene = self.scene();
        *self.rates.get_or_insert_with(|| scene.begin(&mut self.state, chance))
    }

    fn scene(&self) -> Scene<'a> {
        Scene {
            calendar: self.calendar,
            traits: self.traits,
            day: self.day,
        }
    }
}

/// What `tell` says of every customer who is there at an instant, in order of index; two threads.
pub(crate) fn of_everyone_there<T: Send>(
    calendar: &Calendar,
    settings: MarketSettings,
    as_of_micros: i64,
    tell: impl Fn(u32, &Traits, &Standing) -> T + Sync,
) -> Vec<T> {
    let as_of = day_and_second(as_of_micros);
    let of = |customer_index| {
        let traits = Traits::draw(settings.seed, customer_index);
        let own = life(settings.seed, customer_index);
        let standing = walk(calendar, &traits, own, as_of, |_, _, _, _| {})?;
        Some(tell(customer_index, &traits, &standing))
    };
    let everyone: Vec<u32> = (0..settings.customers).collect();
    of_each(&everyone, |&customer_index| of(customer_index))
        .into_iter()
        .flatten()
        .collect()
}

/// What `tell` says of each, in order; two threads.
pub(crate) fn of_each<A: Sync, T: Send>(all: &[A], tell: impl Fn(&A) -> T + Sync) -> Vec<T> {
    let per_thread = all.len().div_ceil(THREADS).max(1);
    std::thread::scope(|scope| {
        let tell = &tell;
        let parts: Vec<_> = all
            .chunks(per_thread)
            .map(|part| scope.spawn(move || part.iter().map(tell).collect::<Vec<_>>()))
            .collect();
        parts
            .into_iter()
            .flat_map(|part| part.join().expect("no future panics"))
            .collect()
    })
}
