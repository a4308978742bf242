//! The money that passed between customer and business.

use super::Moments;
use crate::JourneyEvent;
use crate::bytes::{ByteReader, ByteWriter, MalformedBytes};

/// Payments and refunds over the whole journey.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Money {
    paid: f64,
    refunded: f64,
    greatest: f64,
    last: f64,
    payments: Moments,
}

impl Money {
    pub(super) fn observe(&mut self, event: &JourneyEvent) {
        let Some(value) = event.value else { return };
        if value < 0.0 {
            self.refunded -= value;
            return;
        }
        self.paid += value;
        self.greatest = self.greatest.max(value);
        self.last = value;
        self.payments.observe(value);
    }

    /// The sum of payments.
    pub const fn paid(&self) -> f64 {
        self.paid
    }

    /// The sum of refunds, positive.
    pub const fn refunded(&self) -> f64 {
        self.refunded
    }

    /// The greatest payment; NaN before any.
    pub fn greatest(&self) -> f64 {
        if self.payments.n() == 0 {
            f64::NAN
        } else {
            self.greatest
        }
    }

    /// The last payment; NaN before any.
    pub fn last(&self) -> f64 {
        if self.payments.n() == 0 { f64::NAN } else { self.last }
    }

    /// Payments, in currency.
    pub const fn payments(&self) -> &Moments {
        &self.payments
    }

    pub(super) fn write(&self, to: &mut ByteWriter) {
        [self.paid, self.refunded, self.greatest, self.last]
            .into_iter()
            .for_each(|amount| to.f64(amount));
        self.payments.write(to);
    }

    pub(super) fn read(from: &mut ByteReader<'_>) -> Result<Self, MalformedBytes> {
        Ok(Self {
            paid: from.f64()?,
            refunded: from.f64()?,
            greatest: from.f64()?,
            last: from.f64()?,
            payments: Moments::read(from)?,
        })
    }
}
