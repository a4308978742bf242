//! What each learner said of each row, kept so that every number of an evaluation can be made again.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, FixedSizeBinaryBuilder, Float64Builder, ListBuilder, RecordBatch, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use ndarray::Array2;
use percorso_journey::{CustomerKey, Timestamp};

use crate::columns::ParquetFile;
use crate::{Result, canonical};

/// Probabilities of one learner for rows of one question, all rows at one cut-off.
#[derive(Clone, Debug)]
pub(crate) struct Predictions {
    pub(crate) learner: String,
    pub(crate) phase: Phase,
    pub(crate) as_of: Timestamp,
    pub(crate) customers: Vec<CustomerKey>,
    pub(crate) labels: Vec<u32>,
    pub(crate) probabilities: Array2<f64>,
}

/// What predictions are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Choosing learner and calibration, at a rolling origin before the test.
    Origin,
    /// The one judgement, at the test cut-off.
    Test,
}

impl Predictions {
    /// Group numbers for resampling customers.
    pub(crate) fn groups(&self) -> Vec<u64> {
        self.customers.iter().map(CustomerKey::group).collect()
    }

    /// The probability of the second class: of leaving.
    pub(crate) fn of_leaving(&self) -> Vec<f64> {
        self.probabilities.column(1).to_vec()
    }
}

/// Writes predictions: `question`, `learner`, `phase`, `as_of`, `customer_key`, `label`, `probabilities` by class.
pub(crate) fn write(path: &Path, questions: &[(String, Vec<String>, &[Predictions])]) -> Result<()> {
    let schema = schema();
    let mut file = ParquetFile::create(path, Arc::clone(&schema))?;
    for (question, classes, predictions) in questions {
        for predictions in *predictions {
            file.write(&batch(&schema, question, classes, predictions))?;
        }
    }
    file.finish()
}

fn schema() -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, false);
    let probability = Arc::new(Field::new("item", DataType::Float64, true));
    Arc::new(Schema::new(vec![
        text("question"),
        text("learner"),
        text("phase"),
        Field::new("as_of", canonical::time_type(), false),
        Field::new("customer_key", DataType::FixedSizeBinary(16), false),
        text("label"),
        Field::new("probabilities", DataType::List(probability), false),
    ]))
}

fn batch(schema: &SchemaRef, question: &str, classes: &[String], predictions: &Predictions) -> RecordBatch {
    let mut texts = [(); 4].map(|()| StringBuilder::new());
    let mut as_of = TimestampMicrosecondBuilder::new().with_data_type(canonical::time_type());
    let mut keys = FixedSizeBinaryBuilder::new(16);
    let mut probabilities = ListBuilder::new(Float64Builder::new());
    let phase = match predictions.phase {
        Phase::Origin => "origin",
        Phase::Test => "test",
    };
    for (row, (customer, &label)) in predictions.customers.iter().zip(&predictions.labels).enumerate() {
        let told = [question, &predictions.learner, phase, &classes[label as usize]];
        texts.iter_mut().zip(told).for_each(|(builder, text)| builder.append_value(text));
        as_of.append_value(predictions.as_of.micros());
        keys.append_value(customer.bytes()).expect("a key has 16 bytes");
        probabilities.values().append_slice(&predictions.probabilities.row(row).to_vec());
        probabilities.append(true);
    }
    let [question, learner, phase, label] = texts.map(|mut builder| Arc::new(builder.finish()) as ArrayRef);
    let columns = vec![
        question,
        learner,
        phase,
        Arc::new(as_of.finish()) as ArrayRef,
        Arc::new(keys.finish()),
        label,
        Arc::new(probabilities.finish()),
    ];
    RecordBatch::try_new(Arc::clone(schema), columns).expect("the builders follow the schema")
}
