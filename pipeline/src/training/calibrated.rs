//! A recipe chosen and calibrated on what was known by a cut-off, ready to be judged there once.

use std::time::Duration;

use ndarray::Array2;
use percorso_journey::Timestamp;
use percorso_learners::{Band, Bootstrap, Calibrator, Contender, Level, OriginPredictions, OutOfFold};

use super::predictions::Predictions;
use super::recipe::{Bench, Chosen, calibrate, recalibrated};
use crate::Result;

/// The recipe of one question.
pub(crate) struct Calibrated {
    pub(super) origins: Vec<Timestamp>,
    pub(super) chosen: Chosen,
    pub(super) calibrator: Calibrator,
    /// For churn, the 90 % band around calibrated scores.
    pub(super) band: Option<Band>,
}

impl Calibrated {
    /// Chooses and calibrates on what was known by `test_at`.
    pub(crate) fn by(
        bench: &Bench<'_>,
        cutoffs: &[Timestamp],
        test_at: Timestamp,
        search_until: Duration,
    ) -> Result<Self> {
        let question = bench.question;
        let origins = question.origins(bench.dataset, cutoffs, test_at, bench.settings.origins);
        let level = level(bench, &origins);
        let chosen = bench.choose(&origins, level, search_until)?;
        let at_origins: Vec<&Predictions> = chosen.said_at_origins().collect();
        let calibrator = calibrator(bench, &at_origins, level)?;
        let band = question
            .is_churn()
            .then(|| band(bench, &at_origins, &calibrator, test_at))
            .transpose()?;
        Ok(Self {
            origins,
            chosen,
            calibrator,
            band,
        })
    }

    /// Every learner with the settings found, simplest first; the one that ships is among them.
    pub(crate) fn contenders(&self) -> &[Contender] {
        &self.chosen.contenders
    }

    /// The name of the learner that ships.
    pub(crate) fn chosen(&self) -> &str {
        &self.chosen.chosen.name
    }

    /// What ships says of rows, of what every learner said of them.
    pub(crate) fn shipped_of_rows(&self, said: &[(String, Array2<f64>)]) -> Array2<f64> {
        let of_chosen = said.iter().find(|(learner, _)| learner == self.chosen());
        let mut probabilities = of_chosen.expect("every learner was asked").1.clone();
        calibrate(&mut probabilities, &self.calibrator);
        probabilities
    }

    /// What ships said at each origin, after calibration.
    pub(crate) fn shipped_at_origins(&self) -> Vec<Predictions> {
        let said = self.chosen.said_at_origins();
        said.map(|said| recalibrated(said, &self.calibrator)).collect()
    }

    /// What ships says, of what every learner said: the chosen one after calibration.
    pub(crate) fn shipped(&self, said: &[Predictions]) -> Predictions {
        let of_chosen = said.iter().find(|said| said.learner == self.chosen());
        let shipped = recalibrated(of_chosen.expect("every learner was asked"), &self.calibrator);
        let around = |p| {
            let (low, high) = self.band.as_ref()?.around(p);
            Some([low, high])
        };
        Predictions {
            intervals: shipped.of_leaving().into_iter().map(around).collect(),
            ..shipped
        }
    }
}

/// The calibrator that helped later origins, fitted on all of them.
fn calibrator(bench: &Bench<'_>, at_origins: &[&Predictions], level: Level) -> Result<Calibrator> {
    if at_origins.is_empty() {
        return Ok(Calibrator::Identity);
    }
    let origins: Vec<OriginPredictions<'_>> = at_origins
        .iter()
        .map(|predictions| OriginPredictions {
            p: predictions.probabilities.view(),
            y: &predictions.labels,
            at: predictions.as_of.micros(),
            known_at: predictions.as_of.plus_days(bench.question.window_days).micros(),
        })
        .collect();
    Calibrator::choose(&origins, level).map_err(bench.failed("the calibration"))
}

/// The level may move only where every season was an origin and had a whole one behind it; else drift and season are one.
fn level(bench: &Bench<'_>, origins: &[Timestamp]) -> Level {
    let first = bench.dataset.as_of.iter().min();
    let spans_seasons = match (first, origins.first(), origins.last()) {
        (Some(first), Some(first_origin), Some(last_origin)) => {
            first_origin.days_since(*first) >= SEASON_DAYS
                && last_origin.days_since(*first_origin) >= SEASON_DAYS - 31.0
        }
        _ => false,
    };
    if spans_seasons { Level::Free } else { Level::Kept }
}

/// After so many days the seasons come again.
const SEASON_DAYS: f64 = 365.0;

/// The 90 % band around calibrated scores, from the origins' out-of-fold scores.
///
/// Without origins there is nothing to tell it from: it is then fitted on the rows known by the test, of one prevalence.
fn band(bench: &Bench<'_>, at_origins: &[&Predictions], calibrator: &Calibrator, test_at: Timestamp) -> Result<Band> {
    let (mut p, mut y, mut customers, mut origins) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for predictions in at_origins {
        p.extend(recalibrated(predictions, calibrator).of_leaving());
        y.extend(&predictions.labels);
        customers.extend(predictions.groups());
        origins.extend(predictions.labels.iter().map(|_| predictions.as_of.micros() as u64));
    }
    if p.is_empty() {
        let rows = bench.question.known_by(bench.dataset, test_at);
        y = rows
            .iter()
            .filter_map(|&row| bench.question.label(bench.dataset, row))
            .collect();
        let rate = y.iter().map(|&left| f64::from(left)).sum::<f64>() / y.len() as f64;
        p = vec![rate; y.len()];
        customers = rows.iter().map(|&row| bench.dataset.customers[row].group()).collect();
        origins = vec![0; y.len()];
    }
    let rows = OutOfFold {
        p: &p,
        y: &y,
        customers: &customers,
        origins: &origins,
    };
    band_of(bench, &rows)
}

/// The 90 % band of out-of-fold probabilities.
pub(super) fn band_of(bench: &Bench<'_>, rows: &OutOfFold<'_>) -> Result<Band> {
    let bootstrap = Bootstrap {
        level: 0.9,
        ..Bootstrap::seeded(bench.settings.seed)
    };
    Band::fit(rows, &bootstrap).map_err(bench.failed("the interval"))
}
