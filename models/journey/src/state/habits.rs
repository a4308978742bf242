//! When and on which channel customers are there by themselves.

use crate::bytes::{ByteReader, ByteWriter, MalformedBytes};
use crate::spec::Touchpoint;
use crate::{JourneyEvent, Spec};

const HOURS: usize = 24;
/// Once something was counted so often, every count of its kind is halved: old habits fade.
const FULL: u8 = 64;
/// Fewer events tell no habit.
const MIN_EVENTS: u32 = 8;
/// How many hours a time to meet a customer has.
const WINDOW_HOURS: usize = 3;

/// How often the customer was there, contacts by the business left out, by hour of the business's day and by channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Habits {
    hours: [u8; HOURS],
    channels: Vec<u8>,
}

/// Some hours of the day where the business is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoursOfDay {
    /// The first hour, 0 to 23.
    pub from: u8,
    /// The hour that is no longer part of it, 0 to 23; less than the first where it goes over midnight.
    pub until: u8,
}

impl Habits {
    pub(super) fn new(spec: &Spec) -> Self {
        Self {
            hours: [0; HOURS],
            channels: vec![0; spec.channels().len()],
        }
    }

    pub(super) fn observe(&mut self, spec: &Spec, event: &JourneyEvent, touchpoint: &Touchpoint) {
        if touchpoint.contact {
            return;
        }
        if let Some(hour) = event.at.local_hour(spec.time_zone()) {
            count(&mut self.hours, usize::from(hour));
        }
        if let Some(channel) = event.channel {
            count(&mut self.channels, usize::from(channel));
        }
    }

    /// The three hours in a row in which the customer is there the most, of those that are `open`.
    ///
    /// `None` when less than half of what is remembered, or of eight events, lies in them: that is no habit.
    pub fn hours(&self, open: impl Fn(u8) -> bool) -> Option<HoursOfDay> {
        let hours_from = |from: usize| (from..from + WINDOW_HOURS).map(|hour| hour % HOURS);
        let n_of = |from: &usize| hours_from(*from).map(|hour| u32::from(self.hours[hour])).sum::<u32>();
        let is_open = |from: &usize| hours_from(*from).all(|hour| open(hour as u8));
        // Of equal ones that whose middle says the most.
        let said = |from: &usize| (n_of(from), self.hours[(from + WINDOW_HOURS / 2) % HOURS]);
        let best = (0..HOURS).filter(is_open).max_by_key(said)?;
        is_habit(n_of(&best), &self.hours).then_some(HoursOfDay {
            from: best as u8,
            until: ((best + WINDOW_HOURS) % HOURS) as u8,
        })
    }

    /// Position of the declared channel on which the customer mostly is; `None` as for [`Self::hours`].
    pub fn channel(&self) -> Option<u16> {
        let n_declared = self.channels.len() - 1;
        let best = (0..n_declared).max_by_key(|at| self.channels[*at])?;
        is_habit(u32::from(self.channels[best]), &self.channels).then_some(best as u16)
    }

    pub(super) fn write(&self, to: &mut ByteWriter) {
        to.bytes(&self.hours);
        to.bytes(&self.channels);
    }

    pub(super) fn read(&mut self, from: &mut ByteReader<'_>) -> Result<(), MalformedBytes> {
        self.hours = from.array()?;
        let channels = from.take(self.channels.len())?;
        self.channels.copy_from_slice(channels);
        Ok(())
    }
}

fn count(counts: &mut [u8], at: usize) {
    counts[at] += 1;
    if counts[at] == FULL {
        counts.iter_mut().for_each(|count| *count /= 2);
    }
}

fn is_habit(n: u32, counts: &[u8]) -> bool {
    let all: u32 = counts.iter().map(|count| u32::from(*count)).sum();
    all >= MIN_EVENTS && 2 * n >= all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text;

    /// Habits after visits at these hours, and an offer by mail at noon after each.
    fn after(visits: &[(usize, &str)]) -> Habits {
        let spec = Spec::parse(text::SMALL_SPEC).unwrap();
        let mut habits = Habits::new(&spec);
        for (day, (hour, channel)) in visits.iter().enumerate() {
            let journey = format!(
                "visit@{}d offer@{}d",
                day as f64 + (*hour as f64 + 0.5) / 24.0,
                day as f64 + 0.5
            );
            for mut event in text::journey(&spec, &journey).unwrap() {
                let touchpoint = &spec.touchpoints()[usize::from(event.touchpoint)];
                event.channel = Some(spec.channel_named(if touchpoint.contact { "mail" } else { channel }));
                habits.observe(&spec, &event, touchpoint);
            }
        }
        habits
    }

    #[test]
    fn a_customer_is_met_where_and_when_they_mostly_are() {
        let habits = after(&[(19, "web"); 6].into_iter().chain([(8, "shop"); 4]).collect::<Vec<_>>());
        let spec = Spec::parse(text::SMALL_SPEC).unwrap();
        assert_eq!(habits.hours(|_| true), Some(HoursOfDay { from: 18, until: 21 }));
        assert_eq!(habits.channel(), Some(spec.channel_named("web")));
        // In the evening nobody is to be disturbed, and the mornings are no habit.
        assert_eq!(habits.hours(|hour| hour < 17), None);
    }

    #[test]
    fn a_window_may_go_over_midnight() {
        let habits = after(&[
            (23, "web"),
            (0, "web"),
            (0, "web"),
            (23, "web"),
            (1, "web"),
            (23, "web"),
            (0, "web"),
            (12, "web"),
        ]);
        assert_eq!(habits.hours(|_| true), Some(HoursOfDay { from: 23, until: 2 }));
    }

    #[test]
    fn a_few_events_or_scattered_ones_are_no_habit() {
        assert_eq!(after(&[(9, "web"); 7]).hours(|_| true), None);
        let scattered: Vec<_> = (0..24).map(|hour| (hour, ["web", "shop", "mail"][hour % 3])).collect();
        let habits = after(&scattered);
        assert_eq!((habits.hours(|_| true), habits.channel()), (None, None));
    }

    #[test]
    fn days_without_a_time_tell_no_hour() {
        let spec = Spec::parse(text::SMALL_SPEC).unwrap();
        let mut habits = Habits::new(&spec);
        for event in text::journey(&spec, &["visit@1d"; 20].join(" ")).unwrap() {
            habits.observe(&spec, &event, &spec.touchpoints()[usize::from(event.touchpoint)]);
        }
        assert_eq!(habits.hours(|_| true), None);
    }

    #[test]
    fn old_habits_fade() {
        let mut visits = vec![(9, "web"); 500];
        visits.extend([(20, "web"); 70]);
        assert_eq!(after(&visits).hours(|_| true), Some(HoursOfDay { from: 19, until: 22 }));
    }
}
