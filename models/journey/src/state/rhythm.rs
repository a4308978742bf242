//! The customer's own rhythm: how far apart their events and visits use to be, and how the last year's weeks looked.

use super::{Gaps, Weeks};
use crate::bytes::{ByteReader, ByteWriter, MalformedBytes};
use crate::spec::Rhythm;
use crate::{JourneyEvent, Spec, Timestamp};

/// An event at least this long after the one before begins another visit, however often something was clicked or booked.
const BETWEEN_VISITS_DAYS: f64 = 0.5;

/// Gaps between events of one set of touchpoints, and between visits: events that lie close together.
#[derive(Clone, Debug)]
pub struct RhythmState {
    belongs: Vec<bool>,
    last_at: Option<Timestamp>,
    gaps: Gaps,
    visit_gaps: Gaps,
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
            gaps: Gaps::default(),
            visit_gaps: Gaps::default(),
            weeks: Weeks::default(),
        }
    }

    pub(super) fn observe(&mut self, event: &JourneyEvent) {
        if !self.belongs[usize::from(event.touchpoint)] {
            return;
        }
        if let Some(last_at) = self.last_at {
            let gap_days = event.at.days_since(last_at);
            self.gaps.observe(gap_days);
            if gap_days >= BETWEEN_VISITS_DAYS {
                self.visit_gaps.observe(gap_days);
            }
        }
        self.last_at = Some(event.at);
        self.weeks.observe(event.at);
    }

    /// When the last event of the set happened; `None` before any.
    pub const fn last_at(&self) -> Option<Timestamp> {
        self.last_at
    }

    /// Gaps between events.
    pub const fn gaps(&self) -> &Gaps {
        &self.gaps
    }

    /// Gaps between visits.
    pub const fn visit_gaps(&self) -> &Gaps {
        &self.visit_gaps
    }

    /// Events of the last weeks.
    pub const fn weeks(&self) -> &Weeks {
        &self.weeks
    }

    pub(super) fn write(&self, to: &mut ByteWriter) {
        to.i64(self.last_at.map_or(i64::MIN, Timestamp::micros));
        self.gaps.write(to);
        self.visit_gaps.write(to);
        self.weeks.write(to);
    }

    pub(super) fn read(&mut self, from: &mut ByteReader<'_>) -> Result<(), MalformedBytes> {
        let last_at = from.i64()?;
        self.last_at = (last_at != i64::MIN).then_some(Timestamp::from_micros(last_at));
        self.gaps = Gaps::read(from)?;
        self.visit_gaps = Gaps::read(from)?;
        self.weeks = Weeks::read(from)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text;

    #[test]
    fn what_lies_close_together_is_one_visit() {
        let spec = Spec::parse(text::SMALL_SPEC).expect("the small spec is valid");
        let mut rhythm = RhythmState::new(&spec.rhythms()[0], &spec);
        assert!(rhythm.visit_gaps().last_days().is_nan());
        let days = [0.0, 0.1, 2.1, 2.59, 3.09, 7.09, 7.09];
        for at in days {
            let event = text::journey(&spec, &format!("purchase@{at}d"))
                .expect("a journey in text")
                .remove(0);
            rhythm.observe(&event);
        }
        assert_eq!(rhythm.gaps().days().n(), 6);
        assert_eq!(rhythm.gaps().last_days(), 0.0);
        assert_eq!(rhythm.visit_gaps().days().n(), 3);
        assert_eq!(rhythm.visit_gaps().logs().n(), 3);
        assert!((rhythm.visit_gaps().days().mean() - 6.5 / 3.0).abs() < 1e-9);
        assert_eq!(rhythm.visit_gaps().last_days(), 4.0);
    }
}
