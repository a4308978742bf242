//! Gaps between one thing and the next: the last one, and the moments of all.

use super::Moments;
use crate::bytes::{ByteReader, ByteWriter, MalformedBytes};

/// Gaps, in days.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gaps {
    last_days: f64,
    days: Moments,
    logs: Moments,
}

impl Default for Gaps {
    fn default() -> Self {
        Self {
            last_days: f64::NAN,
            days: Moments::default(),
            logs: Moments::default(),
        }
    }
}

impl Gaps {
    pub(super) fn observe(&mut self, days: f64) {
        self.last_days = days;
        self.days.observe(days);
        self.logs.observe(libm::log1p(days));
    }

    /// The last gap, in days; NaN before any.
    pub const fn last_days(&self) -> f64 {
        self.last_days
    }

    /// Gaps, in days.
    pub const fn days(&self) -> &Moments {
        &self.days
    }

    /// ln(1 + gap in days).
    pub const fn logs(&self) -> &Moments {
        &self.logs
    }

    pub(super) fn write(&self, to: &mut ByteWriter) {
        to.f64(self.last_days);
        self.days.write(to);
        self.logs.write(to);
    }

    pub(super) fn read(from: &mut ByteReader<'_>) -> Result<Self, MalformedBytes> {
        Ok(Self {
            last_days: from.f64()?,
            days: Moments::read(from)?,
            logs: Moments::read(from)?,
        })
    }
}
