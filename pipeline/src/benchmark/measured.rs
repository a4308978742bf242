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
    /// Measures by name; means over the folds that it was asked in, where there are folds.
    #[serde(flatten)]
    pub measures: BTreeMap<String, f64>,
    /// Seconds that its fits took, all folds together.
    pub fit_s: f64,
    /// Seconds that its predictions took, all folds together.
    pub predict_s: f64,
    /// The most memory held while it was fitted or asked, in MiB; 0 where the system does not tell.
    pub peak_rss_mib: f64,
    /// The folds added so far.
    #[serde(skip)]
    n_folds: usize,
}

impl LearnerMeasures {
    pub(super) fn of(learner: &str) -> Self {
        Self {
            learner: learner.to_owned(),
            question: None,
            as_of: None,
            measures: BTreeMap::new(),
            fit_s: 0.0,
            predict_s: 0.0,
            peak_rss_mib: 0.0,
            n_folds: 0,
        }
    }

    /// Runs a fit and adds what it took.
    pub(super) fn fitting<T>(&mut self, progress: &dyn Progress, fit: impl FnOnce() -> T) -> T {
        reset_peak();
        let start = progress.elapsed();
        let fitted = fit();
        self.fit_s += (progress.elapsed() - start).as_secs_f64();
        self.peak_rss_mib = self.peak_rss_mib.max(peak_mib());
        fitted
    }

    /// Runs a prediction and adds what it took.
    pub(super) fn predicting<T>(&mut self, progress: &dyn Progress, predict: impl FnOnce() -> T) -> T {
        let start = progress.elapsed();
        let predicted = predict();
        self.predict_s += (progress.elapsed() - start).as_secs_f64();
        self.peak_rss_mib = self.peak_rss_mib.max(peak_mib());
        predicted
    }

    /// Adds what a fold took, and its measures to the means.
    pub(super) fn add_fold(&mut self, fold: &LearnerMeasures) {
        self.n_folds += 1;
        for (measure, value) in &fold.measures {
            let mean = self.measures.entry(measure.clone()).or_default();
            *mean += (value - *mean) / self.n_folds as f64;
        }
        self.fit_s += fold.fit_s;
        self.predict_s += fold.predict_s;
        self.peak_rss_mib = self.peak_rss_mib.max(fold.peak_rss_mib);
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
