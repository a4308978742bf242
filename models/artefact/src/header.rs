//! What a model file says about itself, as one JSON object.

use serde::{Deserialize, Serialize};

/// The format version that this crate writes and reads.
pub const FORMAT: u32 = 1;

/// What a model is, what it was learned from and what it expects to be given.
///
/// Unknown keys are refused: a file with meaning that this reader does not know is not opened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// The format version; [`FORMAT`] when written here.
    pub format: u32,
    /// What question the model answers, such as `churn`.
    pub kind: String,
    /// The digest of the feature catalogue that rows must come from.
    pub feature_fingerprint: String,
    /// The columns of a row, in order.
    pub feature_names: Vec<String>,
    /// The digest of the journey spec.
    pub spec_digest: String,
    /// The span of the training events.
    pub training_window: TrainingWindow,
    /// What is predicted, in the order of the model's heads.
    pub definitions: Vec<Definition>,
    /// The seed of every random choice in training.
    pub seed: u64,
    /// The revision of the code that trained it.
    pub code_revision: String,
    /// The digest of the training input.
    pub data_digest: String,
    /// Measured quality, for the model card; no reader depends on it.
    pub evaluation: serde_json::Value,
    /// The model's structure: which learner sits in which slot.
    pub body: serde_json::Value,
}

impl Default for Header {
    /// An empty header of the current format, to be filled by name.
    fn default() -> Self {
        Header {
            format: FORMAT,
            kind: String::new(),
            feature_fingerprint: String::new(),
            feature_names: Vec::new(),
            spec_digest: String::new(),
            training_window: TrainingWindow::default(),
            definitions: Vec::new(),
            seed: 0,
            code_revision: String::new(),
            data_digest: String::new(),
            evaluation: serde_json::Value::Null,
            body: serde_json::Value::Null,
        }
    }
}

/// A half-open span of time: microseconds since 1970-01-01 UTC, `[from_us, to_us)`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingWindow {
    /// The first microsecond inside.
    pub from_us: i64,
    /// The first microsecond after.
    pub to_us: i64,
}

/// One thing that the model predicts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// The definition's name in the journey spec.
    pub name: String,
    /// How far ahead, in days.
    pub horizon_days: u32,
    /// The kind of definition, such as `event`, `contract` or `inactivity`.
    pub kind: String,
}
