//! Running mean and spread.

use crate::bytes::{ByteReader, ByteWriter, MalformedBytes};

/// Count, mean and squared deviation of a series, one number at a time.
///
/// Source: Welford, "Note on a method for calculating corrected sums of squares and products", Technometrics 1962.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moments {
    n: u64,
    mean: f64,
    squares: f64,
}

impl Moments {
    pub(super) fn observe(&mut self, number: f64) {
        self.n += 1;
        let before = number - self.mean;
        self.mean += before / self.n as f64;
        self.squares += before * (number - self.mean);
    }

    /// How many numbers were seen.
    pub const fn n(&self) -> u64 {
        self.n
    }

    /// Their mean; NaN before any.
    pub fn mean(&self) -> f64 {
        if self.n == 0 { f64::NAN } else { self.mean }
    }

    /// Their standard deviation, of the sample; NaN before two.
    pub fn deviation(&self) -> f64 {
        if self.n < 2 {
            f64::NAN
        } else {
            (self.squares / (self.n - 1) as f64).max(0.0).sqrt()
        }
    }

    pub(super) fn write(&self, to: &mut ByteWriter) {
        to.u64(self.n);
        to.f64(self.mean);
        to.f64(self.squares);
    }

    pub(super) fn read(from: &mut ByteReader<'_>) -> Result<Self, MalformedBytes> {
        Ok(Self {
            n: from.u64()?,
            mean: from.f64()?,
            squares: from.f64()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_deviation_agree_with_the_definition() {
        let mut moments = Moments::default();
        assert!(moments.mean().is_nan() && moments.deviation().is_nan());
        [2.0, 4.0, 9.0].iter().for_each(|&number| moments.observe(number));
        assert_eq!(moments.mean(), 5.0);
        assert!((moments.deviation() - 13.0_f64.sqrt()).abs() < 1e-12);
    }
}
