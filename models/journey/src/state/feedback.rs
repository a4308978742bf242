//! What customers themselves said of their journey.

use super::Moments;
use crate::bytes::{ByteReader, ByteWriter, MalformedBytes};
use crate::{JourneyEvent, Timestamp};

/// The customer's answers so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Feedback {
    last_at: Option<Timestamp>,
    last: f64,
    least: f64,
    scores: Moments,
    n_texts: u32,
}

impl Feedback {
    pub(super) fn observe(&mut self, event: &JourneyEvent) {
        self.n_texts += u32::from(event.has_feedback_text);
        let Some(score) = event.feedback_score else { return };
        self.least = if self.scores.n() == 0 {
            score
        } else {
            self.least.min(score)
        };
        self.last = score;
        self.last_at = Some(event.at);
        self.scores.observe(score);
    }

    /// When the last score was given; `None` before any.
    pub const fn last_at(&self) -> Option<Timestamp> {
        self.last_at
    }

    /// The last score; NaN before any.
    pub fn last(&self) -> f64 {
        if self.scores.n() == 0 { f64::NAN } else { self.last }
    }

    /// The least score; NaN before any.
    pub fn least(&self) -> f64 {
        if self.scores.n() == 0 { f64::NAN } else { self.least }
    }

    /// Scores, on the business's own scale.
    pub const fn scores(&self) -> &Moments {
        &self.scores
    }

    /// Answers in words.
    pub const fn n_texts(&self) -> u32 {
        self.n_texts
    }

    pub(super) fn write(&self, to: &mut ByteWriter) {
        to.i64(self.last_at.map_or(i64::MIN, Timestamp::micros));
        to.f64(self.last);
        to.f64(self.least);
        self.scores.write(to);
        to.u32(self.n_texts);
    }

    pub(super) fn read(from: &mut ByteReader<'_>) -> Result<Self, MalformedBytes> {
        let last_at = from.i64()?;
        Ok(Self {
            last_at: (last_at != i64::MIN).then_some(Timestamp::from_micros(last_at)),
            last: from.f64()?,
            least: from.f64()?,
            scores: Moments::read(from)?,
            n_texts: from.u32()?,
        })
    }
}
