//! One churn question answered.

use percorso_artefact::{Artefact, Sealer};
use percorso_learners::{Band, Calibrator, Error, Learned, Result};

use crate::Curve;

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

impl ChurnScore {
    /// The score of a longer time: of that of a shorter one, and of what is asked on.
    ///
    /// Its interval is that of both being off in the same direction, so rather too wide.
    pub fn then(self, curve: Curve, then: ChurnScore) -> ChurnScore {
        ChurnScore {
            probability: curve.joined(self.probability, then.probability),
            low: curve.joined(self.low, then.low),
            high: curve.joined(self.high, then.high),
        }
    }

    /// False when the interval is too wide to act on.
    pub fn is_enough_data(&self) -> bool {
        Band::is_enough_data(self.low, self.high)
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
    fn of_longer_times_leaving_is_likelier_and_silence_less() {
        let score = |low, probability, high| ChurnScore { probability, low, high };
        let (shorter, then) = (score(0.125, 0.25, 0.5), score(0.0, 0.5, 0.75));
        assert_eq!(shorter.then(Curve::Event, then), score(0.125, 0.625, 0.875));
        assert_eq!(shorter.then(Curve::Silence, then), score(0.0, 0.125, 0.375));
        assert_eq!(Curve::Silence.answer(None, Some(then)), None);
        assert_eq!(
            Curve::Contract.answer(Some(shorter), Some(then)),
            Some(shorter),
            "the same contract"
        );
        assert_eq!(Curve::Contract.answer(None, Some(then)), Some(then));
    }
}
