//! The next-stage question answered.

use percorso_artefact::{Artefact, Sealer};
use percorso_learners::{Calibrator, Learned, Result};

/// A learner of the next stage, with its calibration.
#[derive(Clone, Debug, PartialEq)]
pub struct NextStageHead {
    learned: Learned,
    calibrator: Calibrator,
}

impl NextStageHead {
    /// The head of these parts.
    pub fn new(learned: Learned, calibrator: Calibrator) -> Self {
        Self { learned, calibrator }
    }

    /// How many classes it tells apart: every stage and "none".
    pub fn n_classes(&self) -> usize {
        self.learned.n_classes()
    }

    /// Writes the probability of each class; they sum to 1 within 1e-12.
    pub fn score(&self, cells: &[f32], classes: &mut [f64]) {
        self.learned.predict_into(cells, classes);
        self.calibrator.apply(classes);
    }

    /// Puts the head's arrays under `prefix`.
    ///
    /// # Errors
    /// - a name is taken already.
    pub fn seal(&self, prefix: &str, sealer: &mut Sealer) -> Result<()> {
        self.learned.seal(prefix, sealer)?;
        self.calibrator.seal(prefix, sealer)
    }

    /// The head under `prefix`.
    ///
    /// # Errors
    /// - an array is missing, misshapen or out of range.
    pub fn open(prefix: &str, artefact: &Artefact) -> Result<Self> {
        Ok(Self::new(
            Learned::open(prefix, artefact)?,
            Calibrator::open(prefix, artefact)?,
        ))
    }
}
