//! How far the answer about what comes next can be trusted: told from answers at origins, judged at the test cut-off.

use std::collections::BTreeMap;

use ndarray::{Axis, concatenate};
use percorso_learners::{OutOfFold, PredictionSets, share_interval};
use percorso_next_stage::{Trust, likeliest};
use serde::{Deserialize, Serialize};

use super::calibrated::band_of;
use super::predictions::Predictions;
use super::question::MIN_ROWS;
use super::recipe::Bench;
use crate::Result;

/// What the sets and intervals of the next stage were worth after the test cut-off.
///
/// Learners at the origins knew only what lay before each; their choice and calibration knew all origins, not the test.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustEvaluation {
    /// Cut-offs before the test whose answers they are told from, RFC 3339; of none, everything is possible.
    pub origins: Vec<String>,
    /// Answers there.
    pub n_told_from: usize,
    /// The share of sets that are said to hold what comes.
    pub stated: f64,
    /// The share that did.
    pub realised: f64,
    /// Its interval of 95 % (Wilson 1927).
    pub realised_interval: [f64; 2],
    /// Classes in a set, on average.
    pub mean_size: f64,
    /// The share of sets that hold every class, and so say nothing.
    pub share_of_all: f64,
    /// The share that held what came, by what came; classes that seldom came are left out.
    pub realised_by_class: BTreeMap<String, f64>,
    /// The share of customers for whom there is enough data: the interval of how often the likeliest comes is narrow.
    pub enough_data: f64,
}

/// What ships' answers at origins say of its answers from then on.
pub(super) fn trust(bench: &Bench<'_>, at_origins: &[Predictions]) -> Result<Trust> {
    if at_origins.is_empty() {
        return Ok(Trust::none());
    }
    let tables: Vec<_> = at_origins.iter().map(|said| said.probabilities.view()).collect();
    let probabilities = concatenate(Axis(0), &tables).expect("tables of the same classes");
    let labels: Vec<u32> = at_origins.iter().flat_map(|said| said.labels.iter().copied()).collect();
    let sets = PredictionSets::fit(probabilities.view(), &labels, PredictionSets::COVERAGE);
    let (mut p, mut has_come) = (Vec::new(), Vec::new());
    for (row, label) in probabilities.outer_iter().zip(&labels) {
        let (class, of_class) = likeliest(row.as_slice().expect("a new matrix is row-major"));
        p.push(of_class);
        has_come.push(u32::from(class == *label as usize));
    }
    let customers: Vec<u64> = at_origins.iter().flat_map(Predictions::groups).collect();
    let origins = at_origins.iter();
    let origins: Vec<u64> = origins
        .flat_map(|said| said.labels.iter().map(|_| said.as_of.micros() as u64))
        .collect();
    let rows = OutOfFold {
        p: &p,
        y: &has_come,
        customers: &customers,
        origins: &origins,
    };
    Ok(Trust {
        sets: sets.map_err(bench.failed("the prediction sets"))?,
        band: band_of(bench, &rows)?,
    })
}

/// What a trust told at origins was worth of what ships at the test.
pub(super) fn evaluation(
    trust: &Trust,
    at_origins: &[Predictions],
    shipped: &Predictions,
    classes: &[String],
) -> TrustEvaluation {
    let n = shipped.labels.len() as f64;
    let (mut n_held, mut n_classes, mut n_of_all, mut n_enough) = (0.0, 0.0, 0.0, 0.0);
    let mut of_class: BTreeMap<u32, (usize, usize)> = BTreeMap::new();
    for (row, label) in shipped.probabilities.outer_iter().zip(&shipped.labels) {
        let row = row.to_vec();
        let set: Vec<bool> = trust.sets.of(&row).collect();
        let is_held = set[*label as usize];
        n_held += f64::from(u8::from(is_held));
        n_classes += set.iter().filter(|is_in_set| **is_in_set).count() as f64;
        n_of_all += f64::from(u8::from(set.iter().all(|is_in_set| *is_in_set)));
        n_enough += f64::from(u8::from(trust.likeliest(&row).is_enough_data()));
        let (held, all) = of_class.entry(*label).or_default();
        *held += usize::from(is_held);
        *all += 1;
    }
    let often = of_class.into_iter().filter(|(_, (_, all))| *all >= MIN_ROWS);
    TrustEvaluation {
        origins: at_origins.iter().map(|said| said.as_of.to_string()).collect(),
        n_told_from: at_origins.iter().map(|said| said.labels.len()).sum(),
        stated: PredictionSets::COVERAGE,
        realised: n_held / n,
        realised_interval: share_interval(n_held, n),
        mean_size: n_classes / n,
        share_of_all: n_of_all / n,
        realised_by_class: often
            .map(|(class, (held, all))| (classes[class as usize].clone(), held as f64 / all as f64))
            .collect(),
        enough_data: n_enough / n,
    }
}
