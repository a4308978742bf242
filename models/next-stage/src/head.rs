//! The hazards of what comes next, learnt.

use percorso_artefact::{Artefact, Sealer};
use percorso_journey::TimeGrid;
use percorso_learners::{Calibrator, Error, Learned, Result};

/// A learner of what comes first in an interval, with its calibration and the grid of intervals.
#[derive(Clone, Debug, PartialEq)]
pub struct NextStageHead {
    learned: Learned,
    calibrator: Calibrator,
    grid: TimeGrid,
}

impl NextStageHead {
    /// The head of these parts.
    pub const fn new(learned: Learned, calibrator: Calibrator, grid: TimeGrid) -> Self {
        Self {
            learned,
            calibrator,
            grid,
        }
    }

    /// The intervals that are asked about.
    pub const fn grid(&self) -> &TimeGrid {
        &self.grid
    }

    /// How many classes it tells apart: every stage and "none".
    pub fn n_classes(&self) -> usize {
        self.learned.n_classes()
    }

    /// Writes the probability of each class for the interval at whose beginning the cells are read; they sum to 1 within
    /// 1e-12.
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
        self.calibrator.seal(prefix, sealer)?;
        Ok(sealer.put_vector(&grid_name(prefix), &self.grid.ends_days())?)
    }

    /// The head under `prefix`.
    ///
    /// # Errors
    /// - an array is missing, misshapen or out of range.
    pub fn open(prefix: &str, artefact: &Artefact) -> Result<Self> {
        let ends_days = artefact.vector(&grid_name(prefix))?;
        let malformed = |_| Error::Malformed {
            prefix: prefix.to_owned(),
            what: "time grid",
            why: "its intervals do not end on rising days",
        };
        Ok(Self::new(
            Learned::open(prefix, artefact)?,
            Calibrator::open(prefix, artefact)?,
            TimeGrid::new(ends_days).map_err(malformed)?,
        ))
    }
}

fn grid_name(prefix: &str) -> String {
    format!("{prefix}/grid_ends_days")
}
