//! The hazards of what comes next, learnt.

use percorso_artefact::{Artefact, Sealer};
use percorso_journey::TimeGrid;
use percorso_learners::{Calibrator, Error, Learned, Result};

use crate::Trust;

/// What comes first in an interval of the grid: whether anything does, and if so, which stage.
#[derive(Clone, Debug, PartialEq)]
pub struct NextStageHead {
    coming: Calibrated,
    stage: Calibrated,
    grid: TimeGrid,
    trust: Trust,
}

/// A learner with its calibration.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibrated {
    /// What has been learnt.
    pub learned: Learned,
    /// What corrects its probabilities.
    pub calibrator: Calibrator,
}

impl Calibrated {
    /// A learner whose probabilities are right as they are.
    pub const fn as_it_is(learned: Learned) -> Self {
        Self {
            learned,
            calibrator: Calibrator::Identity,
        }
    }

    /// Writes the probability of each class.
    pub fn score(&self, cells: &[f32], classes: &mut [f64]) {
        self.learned.predict_into(cells, classes);
        self.calibrator.apply(classes);
    }

    fn seal(&self, prefix: &str, sealer: &mut Sealer) -> Result<()> {
        self.learned.seal(prefix, sealer)?;
        self.calibrator.seal(prefix, sealer)
    }

    fn open(prefix: &str, artefact: &Artefact) -> Result<Self> {
        Ok(Self {
            learned: Learned::open(prefix, artefact)?,
            calibrator: Calibrator::open(prefix, artefact)?,
        })
    }
}

impl NextStageHead {
    /// The head of these parts.
    ///
    /// # Errors
    /// - `coming` does not tell two classes apart.
    pub fn new(coming: Calibrated, stage: Calibrated, grid: TimeGrid, trust: Trust) -> Result<Self> {
        match coming.learned.n_classes() {
            2 => Ok(Self {
                coming,
                stage,
                grid,
                trust,
            }),
            found => Err(Error::Length {
                what: "classes of a learner of whether anything comes",
                expected: 2,
                found,
            }),
        }
    }

    /// The intervals that are asked about.
    pub const fn grid(&self) -> &TimeGrid {
        &self.grid
    }

    /// How far its answers can be trusted.
    pub const fn trust(&self) -> &Trust {
        &self.trust
    }

    /// How many classes it tells apart: every stage and "none".
    pub fn n_classes(&self) -> usize {
        self.stage.learned.n_classes() + 1
    }

    /// Writes the probability of each class for the interval at whose beginning the cells are read; they sum to 1 within
    /// 1e-12.
    ///
    /// # Panics
    /// When `classes` has not one place for each class.
    pub fn score(&self, cells: &[f32], classes: &mut [f64]) {
        let mut coming = [0.0; 2];
        self.coming.score(cells, &mut coming);
        let (none, stages) = classes.split_last_mut().expect("one class is that nothing comes");
        self.stage.score(cells, stages);
        competing(coming[1], stages);
        *none = coming[0];
    }

    /// What each cell adds to the log-odds that anything comes in the interval, before calibration; returns what they
    /// start from.
    pub fn coming_contributions(&self, cells: &[f32], parts: &mut [f64]) -> f64 {
        self.coming.learned.contributions(cells, 1, parts)
    }

    /// What each cell adds to the log-odds that what comes is of a stage, before calibration; returns what they start from.
    pub fn stage_contributions(&self, cells: &[f32], stage: usize, parts: &mut [f64]) -> f64 {
        self.stage.learned.contributions(cells, stage, parts)
    }

    /// Puts the head's arrays under `prefix`.
    ///
    /// # Errors
    /// - a name is taken already.
    pub fn seal(&self, prefix: &str, sealer: &mut Sealer) -> Result<()> {
        self.coming.seal(&format!("{prefix}/coming"), sealer)?;
        self.stage.seal(&format!("{prefix}/stage"), sealer)?;
        self.trust.seal(&format!("{prefix}/trust"), sealer)?;
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
        Self::new(
            Calibrated::open(&format!("{prefix}/coming"), artefact)?,
            Calibrated::open(&format!("{prefix}/stage"), artefact)?,
            TimeGrid::new(ends_days).map_err(malformed)?,
            Trust::open(&format!("{prefix}/trust"), artefact)?,
        )
    }
}

/// The probability of each stage to come first, of the probability that anything comes and the stages' shares in it.
pub fn competing(comes: f64, stages: &mut [f64]) {
    stages.iter_mut().for_each(|share| *share *= comes);
}

fn grid_name(prefix: &str) -> String {
    format!("{prefix}/grid_ends_days")
}
