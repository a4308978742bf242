//! Visits: events of one set that lie close together are one, however often something was clicked or booked.

use super::Moments;
use crate::bytes::{ByteReader, ByteWriter, MalformedBytes};

/// An event at least this long after the one before begins another visit.
pub const BETWEEN_VISITS_DAYS: f64 = 0.5;

/// The gaps between visits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Visits {
    last_gap_days: f64,
    gaps_days: Moments,
    log_gaps: Moments,
}

impl Default for Visits {
    fn default() -> Self {
        Self {
            last_gap_days: f64::NAN,
            gaps_days: Moments::default(),
            log_gaps: Moments::default(),
        }
    }
}

impl Visits {
    /// Takes the gap to the event before, in days.
    pub(super) fn observe_gap(&mut self, gap_days: f64) {
        if gap_days < BETWEEN_VISITS_DAYS {
            return;
        }
        self.last_gap_days = gap_days;
        self.gaps_days.observe(gap_days);
        self.log_gaps.observe(libm::log1p(gap_days));
    }

    /// Days between the last two visits; NaN before two.
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

    pub(super) fn write(&self, to: &mut ByteWriter) {
        to.f64(self.last_gap_days);
        self.gaps_days.write(to);
        self.log_gaps.write(to);
    }

    pub(super) fn read(from: &mut ByteReader<'_>) -> Result<Self, MalformedBytes> {
        Ok(Self {
            last_gap_days: from.f64()?,
            gaps_days: Moments::read(from)?,
            log_gaps: Moments::read(from)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_close_together_is_one_visit() {
        let mut visits = Visits::default();
        assert!(visits.last_gap_days().is_nan());
        for gap_days in [0.1, 2.0, 0.49, 0.5, 4.0, 0.0] {
            visits.observe_gap(gap_days);
        }
        assert_eq!(visits.gaps_days().n(), 3);
        assert!((visits.gaps_days().mean() - 6.5 / 3.0).abs() < 1e-12);
        assert_eq!(visits.last_gap_days(), 4.0);
        assert_eq!(visits.log_gaps().n(), 3);
    }
}
