//! What a report draws of one churn question: told against came, gain, how it held over time, what drives it.

use std::collections::BTreeMap;

use percorso_features::Catalogue;
use percorso_learners::{Learned, share_interval};
use serde::{Deserialize, Serialize};

use super::matrix::Matrix;
use super::predictions::Predictions;

/// One churn question in pictures, of what ships.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Picture {
    /// Rows of the test in at most ten bins of equally many, by rising score.
    pub reliability: Vec<ReliabilityBin>,
    /// Of the rows with the highest scores, taken in twentieths, the share of all leavers among them.
    pub gain: Vec<f64>,
    /// Told and came at each rolling origin, and at the test.
    pub by_cutoff: Vec<CutoffGap>,
    /// False for a longer horizon: origins then tell of those who stayed until the horizon before, and the test is left out.
    pub is_of_all: bool,
    /// By family, how far its features move the log-odds of a row of the test, before calibration.
    pub drivers: BTreeMap<String, f64>,
}

/// Rows with about the same score.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReliabilityBin {
    /// Rows.
    pub n: usize,
    /// Mean probability told.
    pub told: f64,
    /// The share that left.
    pub came: f64,
    /// The 95 % interval of that share (Wilson 1927).
    pub came_interval: [f64; 2],
}

/// One cut-off's rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CutoffGap {
    /// The cut-off, RFC 3339.
    pub as_of: String,
    /// Rows.
    pub n: usize,
    /// Mean probability told.
    pub told: f64,
    /// The share that left.
    pub came: f64,
}

const N_BINS: usize = 10;
const N_GAINS: usize = 20;
/// More rows would tell the drivers no better.
pub(super) const DRIVER_ROWS: usize = 300;

impl Picture {
    /// Of what was told at the origins, each after calibration, and at the test.
    ///
    /// `is_of_all` says that the origins ask what the test does.
    pub(super) fn of(
        origins: &[Predictions],
        test: &Predictions,
        is_of_all: bool,
        drivers: BTreeMap<String, f64>,
    ) -> Self {
        let mut rows: Vec<(f64, u32)> = test.of_leaving().into_iter().zip(test.labels.iter().copied()).collect();
        rows.sort_by(|one, other| one.0.total_cmp(&other.0));
        let n_bins = N_BINS.min(rows.len());
        let bin = |at: usize| bin(&rows[at * rows.len() / n_bins..(at + 1) * rows.len() / n_bins]);
        let n_leavers = n_leavers(&rows).max(1) as f64;
        let gain = |part: usize| {
            let taken = &rows[rows.len() - part * rows.len() / N_GAINS..];
            self::n_leavers(taken) as f64 / n_leavers
        };
        Self {
            reliability: (0..n_bins).map(bin).collect(),
            gain: (0..=N_GAINS).map(gain).collect(),
            by_cutoff: origins.iter().chain(is_of_all.then_some(test)).map(gap).collect(),
            is_of_all,
            drivers,
        }
    }
}

fn n_leavers(rows: &[(f64, u32)]) -> usize {
    rows.iter().filter(|(_, left)| *left == 1).count()
}

fn bin(rows: &[(f64, u32)]) -> ReliabilityBin {
    let n = rows.len() as f64;
    let came = n_leavers(rows) as f64 / n;
    ReliabilityBin {
        n: rows.len(),
        told: rows.iter().map(|(p, _)| p).sum::<f64>() / n,
        came,
        came_interval: share_interval(n_leavers(rows) as f64, n),
    }
}

fn gap(predictions: &Predictions) -> CutoffGap {
    let n = predictions.labels.len();
    CutoffGap {
        as_of: predictions.as_of.to_string(),
        n,
        told: predictions.of_leaving().iter().sum::<f64>() / n as f64,
        came: predictions.labels.iter().sum::<u32>() as f64 / n as f64,
    }
}

/// How far each family moves the log-odds of a row, on average of these rows.
pub(super) fn drivers(learned: &Learned, matrix: &Matrix, catalogue: &Catalogue) -> BTreeMap<String, f64> {
    let mut moved: BTreeMap<String, f64> = BTreeMap::new();
    let n_rows = matrix.cells.nrows() as f64;
    let mut parts = vec![0.0; catalogue.len()];
    for cells in matrix.cells.outer_iter() {
        learned.contributions(cells.to_slice().expect("rows are contiguous"), 1, &mut parts);
        let mut of_row: BTreeMap<&str, f64> = BTreeMap::new();
        for (feature, part) in catalogue.features().zip(&parts) {
            *of_row.entry(feature.family.name()).or_default() += part;
        }
        for (family, sum) in of_row {
            *moved.entry(family.to_owned()).or_default() += sum.abs() / n_rows;
        }
    }
    moved
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use percorso_journey::{CustomerKey, text};

    use super::super::predictions::Phase;
    use super::*;

    fn predictions(p: &[f64], labels: &[u32]) -> Predictions {
        let both: Vec<f64> = p.iter().flat_map(|p| [1.0 - p, *p]).collect();
        Predictions {
            learner: "shipped".to_owned(),
            phase: Phase::Test,
            as_of: text::day(9),
            customers: vec![CustomerKey::from_bytes([0; 16]); p.len()],
            labels: labels.to_vec(),
            probabilities: Array2::from_shape_vec((p.len(), 2), both).unwrap(),
            intervals: None,
        }
    }

    #[test]
    fn bins_hold_every_row_once_and_the_best_rows_come_first() {
        let p: Vec<f64> = (0..40).map(|at| f64::from(at) / 40.0).collect();
        let labels: Vec<u32> = (0..40).map(|at| u32::from(at >= 30)).collect();
        let test = predictions(&p, &labels);
        let picture = Picture::of(std::slice::from_ref(&test), &test, true, BTreeMap::new());
        assert_eq!(picture.reliability.iter().map(|bin| bin.n).sum::<usize>(), 40);
        assert_eq!((picture.reliability[0].came, picture.reliability[9].came), (0.0, 1.0));
        assert_eq!((picture.gain[0], picture.gain[5], picture.gain[20]), (0.0, 1.0, 1.0));
        assert_eq!(picture.gain[2], 0.4);
        assert_eq!(picture.by_cutoff.len(), 2);
        assert_eq!(picture.by_cutoff[0].came, 0.25);
    }
}
