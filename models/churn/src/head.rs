//! One churn question answered.

use percorso_artefact::{Artefact, Sealer};
use percorso_learners::{Band, Calibrator, Error, Learned, Result};

/// A learner of leaving or staying, with its calibration and its uncertainty.
#[derive(Clone, Debug, PartialEq)]
pub struct ChurnHead {
    learned: Learned,
    calibrator: Calibrator,
    band: Band,
}

/// How likely a customer leaves, and how sure that is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChurnScore {
    /// Probability of leaving, in 0..=1.
    pub probability: f64,
    /// Lower end of the 90 % interval of the true share of leavers among customers with this score.
    pub low: f64,
    /// Upper end of it.
    pub high: f64,
}

/// The probability of having left by the end of an interval, of that of having left before it, and of leaving in it when
/// one has not.
pub fn left_by(before: f64, in_it: f64) -> f64 {
    1.0 - (1.0 - before) * (1.0 - in_it)
}

impl ChurnScore {
    /// The score of a longer horizon: of that of a shorter one, and of leaving in what lies between when one has not.
    ///
    /// Its interval is that of both being off in the same direction, so rather too wide.
    pub fn then(self, between: ChurnScore) -> ChurnScore {
        ChurnScore {
            probability: left_by(self.probability, between.probability),
            low: left_by(self.low, between.low),
            high: left_by(self.high, between.high),
        }
    }

    /// An interval wider than this answers "not enough data".
    pub const WIDEST: f64 = 0.3;

    /// False when the interval is too wide to act on.
    pub fn is_enough_data(&self) -> bool {
        self.high - self.low <= Self::WIDEST
    }
}

impl ChurnHead {
    /// The head of these parts.
    ///
    /// # Errors
    /// - the learner does not tell two classes apart.
    pub fn new(learned: Learned, calibrator: Calibrator, band: Band) -> Result<Self> {
        match learned.n_classes() {
            2 => Ok(Self {
                learned,
                calibrator,
                band,
            }),
            found => Err(Error::Length {
                what: "classes of a churn learner",
                expected: 2,
                found,
            }),
        }
    }

    /// The score of a row of encoded cells.
    pub fn score(&self, cells: &[f32]) -> ChurnScore {
        let mut classes = [0.0; 2];
        self.learned.predict_into(cells, &mut classes);
        self.calibrator.apply(&mut classes);
        let probability = classes[1];
        let (low, high) = self.band.around(probability);
        ChurnScore { probability, low, high }
    }

    /// What each cell adds to the log-odds of leaving before calibration; returns what they start from.
    pub fn contributions(&self, cells: &[f32], parts: &mut [f64]) -> f64 {
        self.learned.contributions(cells, 1, parts)
    }

    /// Puts the head's arrays under `prefix`.
    ///
    /// # Errors
    /// - a name is taken already.
    pub fn seal(&self, prefix: &str, sealer: &mut Sealer) -> Result<()> {
        self.learned.seal(prefix, sealer)?;
        self.calibrator.seal(prefix, sealer)?;
        self.band.seal(prefix, sealer)
    }

    /// The head under `prefix`.
    ///
    /// # Errors
    /// - an array is missing, misshapen or out of range.
    pub fn open(prefix: &str, artefact: &Artefact) -> Result<Self> {
        Self::new(
            Learned::open(prefix, artefact)?,
            Calibrator::open(prefix, artefact)?,
            Band::open(prefix, artefact)?,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_horizon_is_leaving_before_or_having_stayed_in_between() {
        let score = |low, probability, high| ChurnScore { probability, low, high };
        let longer = score(0.1, 0.2, 0.4).then(score(0.0, 0.5, 0.5));
        assert_eq!(longer, score(left_by(0.1, 0.0), 0.6, 0.7));
        assert!((longer.low - 0.1).abs() < 1e-12, "nobody leaves in between");
    }
}
