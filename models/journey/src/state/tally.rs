//! Counts, last times and decayed sums, one of each for every stage, channel, touchpoint and a few things more.

use super::path::Step;
use crate::bytes::{ByteReader, ByteWriter, MalformedBytes};
use crate::spec::{Response, Touchpoint};
use crate::{JourneyEvent, Spec, Timestamp};

/// The half-lives of decayed sums, in days.
pub const HALF_LIVES_DAYS: [f64; N_HALF_LIVES] = [1.0, 7.0, 30.0, 90.0, 365.0];
/// How many half-lives there are.
pub const N_HALF_LIVES: usize = 5;

/// What is tallied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// Every event.
    Overall,
    /// Money: the decayed sum is in currency, the count is of events with a value.
    Value,
    /// Contacts that the business made.
    Contact,
    /// Offers taken.
    Accepted,
    /// Offers turned down.
    Rejected,
    /// Answers in score or words.
    Feedback,
    /// Moves to an earlier stage.
    BackMove,
    /// Moves that the designed map does not foresee.
    OffMapMove,
    /// Events of this stage.
    Stage(u16),
    /// Events on this channel.
    Channel(u16),
    /// Events of this touchpoint.
    Touchpoint(u16),
}

const N_FIXED: usize = 8;

/// One clock for all decayed sums: they are as of the state's last event.
#[derive(Clone, Debug)]
pub struct Tallies {
    n_stages: usize,
    n_channels: usize,
    counts: Vec<u32>,
    last: Vec<Timestamp>,
    decayed: Vec<[f64; N_HALF_LIVES]>,
}

/// The factor by which each decayed sum shrinks in `days`.
pub(super) fn fading(days: f64) -> [f64; N_HALF_LIVES] {
    HALF_LIVES_DAYS.map(|half_life| libm::exp2(-days / half_life))
}

impl Tallies {
    pub(super) fn new(spec: &Spec) -> Self {
        let n = N_FIXED + spec.stages().len() + spec.channels().len() + spec.touchpoints().len();
        Self {
            n_stages: spec.stages().len(),
            n_channels: spec.channels().len(),
            counts: vec![0; n],
            last: vec![Timestamp::from_micros(i64::MIN); n],
            decayed: vec![[0.0; N_HALF_LIVES]; n],
        }
    }

    fn at(&self, slot: Slot) -> usize {
        match slot {
            Slot::Overall => 0,
            Slot::Value => 1,
            Slot::Contact => 2,
            Slot::Accepted => 3,
            Slot::Rejected => 4,
            Slot::Feedback => 5,
            Slot::BackMove => 6,
            Slot::OffMapMove => 7,
            Slot::Stage(stage) => N_FIXED + usize::from(stage),
            Slot::Channel(channel) => N_FIXED + self.n_stages + usize::from(channel),
            Slot::Touchpoint(touchpoint) => N_FIXED + self.n_stages + self.n_channels + usize::from(touchpoint),
        }
    }

    pub(super) fn fade(&mut self, days: f64) {
        let factors = fading(days);
        for sums in &mut self.decayed {
            for (sum, factor) in sums.iter_mut().zip(factors) {
                *sum *= factor;
            }
        }
    }

    pub(super) fn observe(&mut self, event: &JourneyEvent, touchpoint: &Touchpoint, step: Step) {
        let mut add = |slot, amount| self.add(slot, event.at, amount);
        add(Slot::Overall, 1.0);
        add(Slot::Stage(event.stage), 1.0);
        add(Slot::Touchpoint(event.touchpoint), 1.0);
        if let Some(channel) = event.channel {
            add(Slot::Channel(channel), 1.0);
        }
        if let Some(value) = event.value {
            add(Slot::Value, value);
        }
        if touchpoint.contact {
            add(Slot::Contact, 1.0);
        }
        match touchpoint.response {
            Some(Response::Accepted) => add(Slot::Accepted, 1.0),
            Some(Response::Rejected) => add(Slot::Rejected, 1.0),
            None => {}
        }
        if event.feedback_score.is_some() || event.has_feedback_text {
            add(Slot::Feedback, 1.0);
        }
        if step.is_back {
            add(Slot::BackMove, 1.0);
        }
        if step.is_off_map {
            add(Slot::OffMapMove, 1.0);
        }
    }

    fn add(&mut self, slot: Slot, at: Timestamp, amount: f64) {
        let slot = self.at(slot);
        self.counts[slot] = self.counts[slot].saturating_add(1);
        self.last[slot] = at;
        for sum in &mut self.decayed[slot] {
            *sum += amount;
        }
    }

    /// How many times it happened.
    pub fn count(&self, slot: Slot) -> u32 {
        self.counts[self.at(slot)]
    }

    /// When it last happened; `None` when never.
    pub fn last_at(&self, slot: Slot) -> Option<Timestamp> {
        let slot = self.at(slot);
        (self.counts[slot] > 0).then_some(self.last[slot])
    }

    /// The decayed sums as of the last event of any kind, by half-life.
    pub fn decayed(&self, slot: Slot) -> &[f64; N_HALF_LIVES] {
        &self.decayed[self.at(slot)]
    }

    /// The factors that bring [`Self::decayed`] from the last event to `days` later.
    pub fn fading(days: f64) -> [f64; N_HALF_LIVES] {
        fading(days)
    }

    pub(super) fn write(&self, to: &mut ByteWriter) {
        for ((count, last), decayed) in self.counts.iter().zip(&self.last).zip(&self.decayed) {
            to.u32(*count);
            to.i64(last.micros());
            decayed.iter().for_each(|&sum| to.f64(sum));
        }
    }

    pub(super) fn read(&mut self, from: &mut ByteReader<'_>) -> Result<(), MalformedBytes> {
        for ((count, last), decayed) in self.counts.iter_mut().zip(&mut self.last).zip(&mut self.decayed) {
            *count = from.u32()?;
            *last = Timestamp::from_micros(from.i64()?);
            for sum in decayed {
                *sum = from.f64()?;
            }
        }
        Ok(())
    }
}
