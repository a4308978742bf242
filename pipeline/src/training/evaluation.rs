//! How good the recipes are, out of time: what `evaluation.json` holds.

use std::collections::BTreeMap;

use percorso_learners::metrics::{binary, binary_with_intervals, multiclass, multiclass_with_intervals};
use percorso_learners::{Bootstrap, Contender, Learner};
use serde::{Deserialize, Serialize};

use super::actions::ActionsEvaluation;
use super::next::IncidenceEvaluation;
use super::picture::Picture;
use super::predictions::Predictions;
use super::purchases::PurchaseEvaluation;
use super::question::{MIN_ROWS, Question};
use super::stays::StayEvaluation;
use super::trust::TrustEvaluation;
use crate::{Error, Result};

/// The evaluation of a training run: every question at the test cut-off.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evaluation {
    /// How rows were split and whom they are of, in words.
    pub protocol: String,
    /// The test cut-off, RFC 3339.
    pub test_at: String,
    /// Per question.
    pub questions: Vec<QuestionEvaluation>,
    /// Leaving by an event, over time; none in evaluations made before it was judged so.
    #[serde(default)]
    pub stays: Vec<StayEvaluation>,
    /// The models of purchases; absent in evaluations made before there were any.
    #[serde(default)]
    pub purchases: Option<PurchaseEvaluation>,
    /// What actions do; absent where none was logged often enough.
    #[serde(default)]
    pub actions: Option<ActionsEvaluation>,
}

/// One question's evaluation.
///
/// Of leaving by an event within a longer horizon, learner, settings and losses at the origins are of those who stayed until
/// the horizon before; the measures at the test are of the whole horizon.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuestionEvaluation {
    /// `churn/<definition>_<horizon>d` or `next-stage`.
    pub question: String,
    /// The learner that ships; empty when too little was seen to learn from.
    pub shipped: String,
    /// Its calibrator.
    pub calibrator: String,
    /// Rows at the test cut-off.
    pub n_test: usize,
    /// Mean log loss of each learner over the rolling origins, where it was chosen.
    pub origins_log_loss: BTreeMap<String, f64>,
    /// What was found at the origins, by learner: settings of the trees, weights of the blend's parts.
    #[serde(default)]
    pub found: BTreeMap<String, BTreeMap<String, f64>>,
    /// Origins that learners were compared at, RFC 3339.
    pub origins: Vec<String>,
    /// The question in a sentence; empty in evaluations made before there was one.
    #[serde(default)]
    pub asks: String,
    /// Days from the cut-off until the answers were known; 0 in evaluations made before it was told.
    #[serde(default)]
    pub window_days: i64,
    /// Measures of every learner at the test, and of what ships (`shipped`).
    pub learners: Vec<LearnerEvaluation>,
    /// Measures of what ships, by segment.
    pub segments: Vec<SegmentEvaluation>,
    /// Share of each class by cut-off; of leavers only, for churn.
    pub rates: Vec<CutoffRate>,
    /// For the next stage, how the whole answer was borne out; absent in evaluations made before there was one.
    #[serde(default)]
    pub incidence: Option<IncidenceEvaluation>,
    /// For the next stage, what its sets and intervals were worth; absent in evaluations made before there were any.
    #[serde(default)]
    pub trust: Option<TrustEvaluation>,
    /// For churn, what a report draws; absent in evaluations made before there was one.
    #[serde(default)]
    pub picture: Option<Picture>,
}

/// One learner's measures at the test.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LearnerEvaluation {
    /// The learner's name; `shipped` is the chosen one after calibration.
    pub learner: String,
    /// Measure by name; absent where it is not defined.
    pub measures: BTreeMap<String, f64>,
    /// 95 % intervals over resampled customers, for `shipped`.
    pub intervals: BTreeMap<String, [f64; 2]>,
}

/// What ships, measured on a part of the test rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentEvaluation {
    /// What the segment is told by, and its value: `stage=purchase`.
    pub segment: String,
    /// Rows.
    pub n: usize,
    /// Measure by name.
    pub measures: BTreeMap<String, f64>,
}

/// The base rate at a cut-off.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CutoffRate {
    /// The cut-off, RFC 3339.
    pub as_of: String,
    /// Rows with an answer.
    pub n: usize,
    /// Share of leavers, or of the most frequent next stage.
    pub rate: f64,
}

/// What the search settled on, by the names that a settings file has for it.
pub(super) fn found(contenders: &[Contender]) -> BTreeMap<String, BTreeMap<String, f64>> {
    let of_learner = |learner: &Learner| -> BTreeMap<String, f64> {
        match learner {
            Learner::Trees(trees) => [
                ("n_rounds", trees.n_rounds as f64),
                ("max_leaves", trees.max_leaves as f64),
                ("column_share", trees.column_share),
                ("min_rows_in_leaf", trees.min_rows_in_leaf),
            ]
            .map(|(name, setting)| (name.to_owned(), setting))
            .into(),
            Learner::Blend(blend) => {
                let parts = blend.parts.iter().map(|part| part.name().to_owned());
                parts.zip(blend.weights.iter().copied()).collect()
            }
            Learner::Prevalence(_)
            | Learner::Recency(_)
            | Learner::Ngram(_)
            | Learner::Linear(_)
            | Learner::Logistic(_)
            | Learner::Forest(_) => BTreeMap::new(),
        }
    };
    let all = contenders
        .iter()
        .map(|contender| (contender.name.clone(), of_learner(&contender.learner)));
    all.filter(|(_, found)| !found.is_empty()).collect()
}

/// Measures without intervals.
pub(crate) fn measures(question: &Question, predictions: &Predictions) -> Result<BTreeMap<String, f64>> {
    let failed = |source| Error::Fit {
        what: format!("the measures of {}", question.name),
        source,
    };
    let named = if question.is_churn() {
        named_binary(&binary(&predictions.of_leaving(), &predictions.labels).map_err(failed)?).to_vec()
    } else {
        named_multiclass(&multiclass(predictions.probabilities.view(), &predictions.labels).map_err(failed)?).to_vec()
    };
    Ok(kept(named))
}

/// Measures with 95 % intervals over resampled customers.
pub(super) fn learner(question: &Question, predictions: &Predictions, seed: u64) -> Result<LearnerEvaluation> {
    let failed = |source| Error::Fit {
        what: format!("the measures of {}", question.name),
        source,
    };
    let (customers, bootstrap) = (predictions.groups(), Bootstrap::seeded(seed));
    let labels = &predictions.labels;
    let [value, low, high] = if question.is_churn() {
        let found = binary_with_intervals(&predictions.of_leaving(), labels, &customers, &bootstrap).map_err(failed)?;
        [found.value, found.low, found.high].map(|measured| named_binary(&measured).to_vec())
    } else {
        let probabilities = predictions.probabilities.view();
        let found = multiclass_with_intervals(probabilities, labels, &customers, &bootstrap).map_err(failed)?;
        [found.value, found.low, found.high].map(|measured| named_multiclass(&measured).to_vec())
    };
    let intervals = low
        .iter()
        .zip(&high)
        .filter(|((_, low), (_, high))| low.is_finite() && high.is_finite());
    let intervals = intervals
        .map(|((name, low), (_, high))| ((*name).to_owned(), [*low, *high]))
        .collect();
    Ok(LearnerEvaluation {
        learner: predictions.learner.clone(),
        measures: kept(value),
        intervals,
    })
}

/// What ships, by segment; segments of few rows are left out.
pub(super) fn segments(
    question: &Question,
    shipped: &Predictions,
    segment_of: impl Fn(usize) -> Vec<String>,
) -> Result<Vec<SegmentEvaluation>> {
    let mut rows: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for row in 0..shipped.labels.len() {
        for segment in segment_of(row) {
            rows.entry(segment).or_default().push(row);
        }
    }
    let mut segments = Vec::new();
    for (segment, rows) in rows.into_iter().filter(|(_, rows)| rows.len() >= MIN_ROWS) {
        let part = Predictions {
            learner: shipped.learner.clone(),
            phase: shipped.phase,
            as_of: shipped.as_of,
            customers: rows.iter().map(|&row| shipped.customers[row]).collect(),
            labels: rows.iter().map(|&row| shipped.labels[row]).collect(),
            probabilities: shipped.probabilities.select(ndarray::Axis(0), &rows),
            intervals: None,
        };
        segments.push(SegmentEvaluation {
            segment,
            n: rows.len(),
            measures: measures(question, &part)?,
        });
    }
    Ok(segments)
}

fn kept(named: Vec<(&str, f64)>) -> BTreeMap<String, f64> {
    named
        .into_iter()
        .filter(|(_, measured)| measured.is_finite())
        .map(|(name, n)| (name.to_owned(), n))
        .collect()
}

fn named_binary(measured: &percorso_learners::metrics::BinaryMetrics) -> [(&'static str, f64); 8] {
    [
        ("rate", measured.rate),
        ("auc", measured.auc),
        ("average_precision", measured.average_precision),
        ("log_loss", measured.log_loss),
        ("brier", measured.brier),
        ("ece", measured.calibration_error),
        ("lift_10", measured.lift_at_10),
        ("mean_gap", measured.mean_gap),
    ]
}

fn named_multiclass(measured: &percorso_learners::metrics::MulticlassMetrics) -> [(&'static str, f64); 4] {
    [
        ("accuracy", measured.accuracy),
        ("top_3", measured.top_3_accuracy),
        ("log_loss", measured.log_loss),
        ("brier", measured.brier),
    ]
}
