//! What a learner's fits and predictions took.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::Progress;

/// One learner's row of a benchmark.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LearnerMeasures {
    /// Its name; `shipped` is what training would keep.
    pub learner: String,
    /// The question, where a benchmark asks several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
    /// The cut-off, RFC 3339, where a benchmark asks at several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_of: Option<String>,
    /// Measures by name; means where there are folds.
    #[serde(flatten)]
    pub measures: BTreeMap<String, f64>,
    /// Seconds that its fits took, all folds together.
    pub fit_s: f64,
    /// Seconds that its predictions took, all folds together.
    pub predict_s: f64,
    /// The most memory held while it was fitted or asked, in MiB; 0 where the system does not tell.
    pub peak_rss_mib: f64,
}

impl LearnerMeasures {
    pub(crate) fn of(learner: &str) -> Self {
        Self {
            learner: learner.to_owned(),
            question: None,
            as_of: None,
            measures: BTreeMap::new(),
            fit_s: 0.0,
            predict_s: 0.0,
            peak_rss_mib: 0.0,
        }
    }

    /// Runs a fit and adds what it took.
    pub(crate) fn fitting<T>(&mut self, progress: &dyn Progress, fit: impl FnOnce() -> T) -> T {
        reset_peak();
        let start = progress.elapsed();
        let fitted = fit();
        self.fit_s += (progress.elapsed() - start).as_secs_f64();
        self.peak_rss_mib = self.peak_rss_mib.max(peak_mib());
        fitted
    }

    /// Runs a prediction and adds what it took.
    pub(crate) fn predicting<T>(&mut self, progress: &dyn Progress, predict: impl FnOnce() -> T) -> T {
        let start = progress.elapsed();
        let predicted = predict();
        self.predict_s += (progress.elapsed() - start).as_secs_f64();
        self.peak_rss_mib = self.peak_rss_mib.max(peak_mib());
        predicted
    }

    /// Adds a measure of one of `n_folds` folds to its mean.
    pub(crate) fn add(&mut self, measure: &str, value: f64, n_folds: usize) {
        *self.measures.entry(measure.to_owned()).or_default() += value / n_folds as f64;
    }
}

/// Forgets the most memory held so far; Linux only, elsewhere nothing happens.
fn reset_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = peak.and_then(|peak| peak.split_whitespace().next()?.parse::<f64>().ok());
    kib.map_or(0.0, |kib| kib / 1024.0)
}
