//! The customer's own rhythm: how far apart their events and visits use to be, and how the last year's weeks looked.

use super::{Moments, Visits, Weeks};
use crate::bytes::{ByteReader, ByteWriter, MalformedBytes};
use crate::spec::Rhythm;
use crate::{JourneyEvent, Spec, Timestamp};

/// Gaps between events of one set of touchpoints.
#[derive(Clone, Debug)]
pub struct RhythmState {
    belongs: Vec<bool>,
    last_at: Option<Timestamp>,
    last_gap_days: f64,
    gaps_days: Moments,
    log_gaps: Moments,
    visits: Visits,
    weeks: Weeks,
}

impl RhythmState {
    pub(super) fn new(rhythm: &Rhythm, spec: &Spec) -> Self {
        let belongs = (0..spec.touchpoints().len() as u16)
            .map(|at| rhythm.touchpoints.contains(&at))
            .collect();
        Self {
            belongs,
            last_at: None,
            last_gap_days: f64::NAN,
            gaps_days: Moments::default(),
            log_gaps: Moments::default(),
            visits: Visits::default(),
            weeks: Weeks::default(),
        }
    }

    pub(super) fn observe(&mut self, event: &JourneyEvent) {
        if !self.belongs[usize::from(event.touchpoint)] {
            return;
        }
        if let Some(last_at) = self.last_at {
            let gap_days = event.at.days_since(last_at);
            self.last_gap_days = gap_days;
            self.gaps_days.observe(gap_days);
            self.log_gaps.observe(libm::log1p(gap_days));
            self.visits.observe_gap(gap_days);
        }
        self.last_at = Some(event.at);
        self.weeks.observe(event.at);
    }

    /// When the last event of the set happened; `None` before any.
    pub const fn last_at(&self) -> Option<Timestamp> {
        self.last_at
    }

    /// Days between the last two events of the set; NaN before two.
    pub const fn last_gap_days(&self) -> f64 {
        self.last_gap_days
    }

    /// Gaps, in days.
    pub const fn gaps_days(&self) -> &Moments {
        &self.gaps_days
    }

    /// ln(1 + gap in days).
    pub const fn log_gaps(&self) -> &Moments {
        &self.log_gaps
    }

    /// Gaps between visits.
    pub const fn visits(&self) -> &Visits {
        &self.visits
    }

    /// Events of the last weeks.
    pub const fn weeks(&self) -> &Weeks {
        &self.weeks
    }

    pub(super) fn write(&self, to: &mut ByteWriter) {
        to.i64(self.last_at.map_or(i64::MIN, Timestamp::micros));
        to.f64(self.last_gap_days);
        self.gaps_days.write(to);
        self.log_gaps.write(to);
        self.visits.write(to);
        self.weeks.write(to);
    }

    pub(super) fn read(&mut self, from: &mut ByteReader<'_>) -> Result<(), MalformedBytes> {
        let last_at = from.i64()?;
        self.last_at = (last_at != i64::MIN).then_some(Timestamp::from_micros(last_at));
        self.last_gap_days = from.f64()?;
        self.gaps_days = Moments::read(from)?;
        self.log_gaps = Moments::read(from)?;
        self.visits = Visits::read(from)?;
        self.weeks = Weeks::read(from)?;
        Ok(())
    }
}
