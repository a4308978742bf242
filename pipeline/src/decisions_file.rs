//! Decisions that a service logged, as a log that training reads.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, FixedSizeBinaryBuilder, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema};
use percorso_journey::{CustomerKey, Timestamp};

use crate::columns::ParquetFile;
use crate::{Result, canonical};

/// One decision that a service logged, with what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct LoggedDecision {
    /// Its id.
    pub decision_id: String,
    /// For whom.
    pub customer: CustomerKey,
    /// When.
    pub at: Timestamp,
    /// What was chosen; `None` for nothing.
    pub action: Option<String>,
    /// How likely it was to be chosen.
    pub propensity: f64,
    /// What it was expected to bring in.
    pub gain: f64,
    /// Whose effects were believed: `learnt`, `declared` or `fallback`.
    pub policy: &'static str,
    /// The model version that answered; empty when none did.
    pub model_version: String,
    /// Whether the customer was held out.
    pub is_held_out: bool,
    /// What came of it: `presented`, `accepted`, `rejected`, `ignored`, `executed`, with commas between.
    pub responses: String,
    /// Why it was rejected; empty where it was not.
    pub reason: String,
}

/// Writes decisions in order of customer and time, as `[decisions] logs` of a journey.toml reads them.
///
/// # Errors
/// - the file cannot be written
pub fn write_decisions(path: &Path, mut decisions: Vec<LoggedDecision>) -> Result<()> {
    decisions.sort_by(|a, b| (a.customer, a.at, &a.decision_id).cmp(&(b.customer, b.at, &b.decision_id)));
    let text = |name: &str, nullable| Field::new(name, DataType::Utf8, nullable);
    let schema = Arc::new(Schema::new(vec![
        text("decision_id", false),
        Field::new("customer_key", DataType::FixedSizeBinary(16), false),
        Field::new("at", canonical::time_type(), false),
        text("action_id", true),
        Field::new("propensity", DataType::Float64, false),
        Field::new("gain", DataType::Float64, false),
        text("policy", false),
        text("model_version", false),
        Field::new("is_held_out", DataType::Boolean, false),
        text("responses", false),
        text("reason", false),
    ]));
    let mut keys = FixedSizeBinaryBuilder::with_capacity(decisions.len(), 16);
    for decision in &decisions {
        keys.append_value(decision.customer.bytes())
            .expect("a key has 16 bytes");
    }
    let times = TimestampMicrosecondArray::from_iter_values(decisions.iter().map(|decision| decision.at.micros()));
    let texts = |of: fn(&LoggedDecision) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(decisions.iter().map(of)))
    };
    let numbers = |of: fn(&LoggedDecision) -> f64| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values(decisions.iter().map(of)))
    };
    let actions: StringArray = decisions.iter().map(|decision| decision.action.as_deref()).collect();
    let held_out: BooleanArray = decisions.iter().map(|decision| Some(decision.is_held_out)).collect();
    let columns: Vec<ArrayRef> = vec![
        texts(|decision| &decision.decision_id),
        Arc::new(keys.finish()),
        Arc::new(times.with_timezone("UTC")),
        Arc::new(actions),
        numbers(|decision| decision.propensity),
        numbers(|decision| decision.gain),
        texts(|decision| decision.policy),
        texts(|decision| &decision.model_version),
        Arc::new(held_out),
        texts(|decision| &decision.responses),
        texts(|decision| &decision.reason),
    ];
    let mut file = ParquetFile::create(path, Arc::clone(&schema))?;
    file.write(&RecordBatch::try_new(schema, columns).expect("columns of one length"))?;
    file.finish()
}
