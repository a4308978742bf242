//! What each learner said of each row, kept so that every number of an evaluation can be made again.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, FixedSizeBinaryBuilder, Float64Builder, ListBuilder, RecordBatch, StringBuilder,
    TimestampMicrosecondBuilder, UInt32Array,
};
use arrow::datatypes::{DataType, Field, Float64Type, Schema, SchemaRef};
use ndarray::Array2;
use percorso_journey::{CustomerKey, Timestamp};

use super::question::Question;
use crate::columns::{self, ParquetFile};
use crate::ids::key_at;
use crate::run::RunFolder;
use crate::{Error, Result, canonical};

/// Where a training's predictions lie.
pub(crate) const FILE: &str = "predictions.parquet";

/// The name under which what ships is told.
pub(crate) const SHIPPED: &str = "shipped";

/// Probabilities of one learner for rows of one question, all rows at one cut-off.
#[derive(Clone, Debug)]
pub(crate) struct Predictions {
    pub(crate) learner: String,
    pub(crate) phase: Phase,
    pub(crate) as_of: Timestamp,
    pub(crate) customers: Vec<CustomerKey>,
    pub(crate) labels: Vec<u32>,
    pub(crate) probabilities: Array2<f64>,
    /// Ends of the interval of each row's probability of leaving, of what ships.
    pub(crate) intervals: Option<Vec<[f64; 2]>>,
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

/// What was said of one question.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    question: String,
    classes: Vec<String>,
    predictions: Vec<Predictions>,
}

impl Said {
    pub(crate) fn of(question: &Question, predictions: Vec<Predictions>) -> Self {
        Self {
            question: question.name.clone(),
            classes: question.classes.clone(),
            predictions,
        }
    }
}

/// Writes predictions: `question`, `learner`, `phase`, `as_of`, `customer_key`, `label`, `probabilities` by class; of what
/// ships of churn the interval's ends, `low` and `high`; the label's place among the probabilities, `label_idx`, and what
/// each place means, `classes`; and of `next-stage/by_<days>d`, what ships by each day.
pub(crate) fn write(path: &Path, all: &[Said]) -> Result<()> {
    let schema = schema();
    let mut file = ParquetFile::create(path, Arc::clone(&schema))?;
    for said in all {
        for predictions in &said.predictions {
            file.write(&batch(&schema, &said.question, &said.classes, predictions))?;
        }
    }
    file.finish()
}

fn schema() -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, false);
    let probability = Arc::new(Field::new("item", DataType::Float64, true));
    let class = Arc::new(Field::new("item", DataType::Utf8, true));
    Arc::new(Schema::new(vec![
        text("question"),
        text("learner"),
        text("phase"),
        Field::new("as_of", canonical::time_type(), false),
        Field::new("customer_key", DataType::FixedSizeBinary(16), false),
        text("label"),
        Field::new("probabilities", DataType::List(probability), false),
        Field::new("low", DataType::Float64, true),
        Field::new("high", DataType::Float64, true),
        Field::new("label_idx", DataType::UInt32, false),
        Field::new("classes", DataType::List(class), false),
    ]))
}

fn batch(schema: &SchemaRef, question: &str, classes: &[String], predictions: &Predictions) -> RecordBatch {
    let mut texts: [StringBuilder; 4] = std::array::from_fn(|_| StringBuilder::new());
    let mut as_of = TimestampMicrosecondBuilder::new().with_data_type(canonical::time_type());
    let mut keys = FixedSizeBinaryBuilder::new(16);
    let mut probabilities = ListBuilder::new(Float64Builder::new());
    let mut ends = [Float64Builder::new(), Float64Builder::new()];
    let mut of_classes = ListBuilder::new(StringBuilder::new());
    let phase = match predictions.phase {
        Phase::Origin => "origin",
        Phase::Test => "test",
    };
    for (row, (customer, &label)) in predictions.customers.iter().zip(&predictions.labels).enumerate() {
        let told = [question, &predictions.learner, phase, &classes[label as usize]];
        texts
            .iter_mut()
            .zip(told)
            .for_each(|(builder, text)| builder.append_value(text));
        as_of.append_value(predictions.as_of.micros());
        keys.append_value(customer.bytes()).expect("a key has 16 bytes");
        probabilities
            .values()
            .append_slice(&predictions.probabilities.row(row).to_vec());
        probabilities.append(true);
        let interval = predictions.intervals.as_ref().map(|intervals| intervals[row]);
        for (at, end) in ends.iter_mut().enumerate() {
            end.append_option(interval.map(|interval| interval[at]));
        }
        of_classes.append_value(classes.iter().map(Some));
    }
    let [low, high] = ends.map(|mut end| Arc::new(end.finish()) as ArrayRef);
    let [question, learner, phase, label] = texts.map(|mut builder| Arc::new(builder.finish()) as ArrayRef);
    let columns = vec![
        question,
        learner,
        phase,
        Arc::new(as_of.finish()) as ArrayRef,
        Arc::new(keys.finish()),
        label,
        Arc::new(probabilities.finish()),
        low,
        high,
        Arc::new(UInt32Array::from(predictions.labels.clone())),
        Arc::new(of_classes.finish()),
    ];
    RecordBatch::try_new(Arc::clone(schema), columns).expect("the builders follow the schema")
}

/// What ships, as it was judged: one customer's label and probabilities at the test cut-off.
#[derive(Clone, Debug, PartialEq)]
pub struct TestPrediction {
    /// Whose it is.
    pub customer: CustomerKey,
    /// The class that came.
    pub label: String,
    /// Probability by class.
    pub probabilities: Vec<f64>,
}

/// The shipped recipe's predictions of a question at the test cut-off.
///
/// # Errors
/// - nothing was trained here, or the file cannot be read.
pub fn test_predictions(run: &RunFolder, question: &str) -> Result<Vec<TestPrediction>> {
    let path = run.training().join(FILE);
    let mut found = Vec::new();
    for batch in columns::read(&path)? {
        let batch = batch.map_err(|error| Error::data(&path, error.to_string()))?;
        let texts = |at: usize| batch.column(at).as_string::<i32>();
        let (questions, learners, phases, labels) = (texts(0), texts(1), texts(2), texts(5));
        let (keys, probabilities) = (batch.column(4).as_fixed_size_binary(), batch.column(6).as_list::<i32>());
        for row in 0..batch.num_rows() {
            let is_judged = learners.value(row) == SHIPPED && phases.value(row) == "test";
            if is_judged && questions.value(row) == question {
                found.push(TestPrediction {
                    customer: key_at(keys, row),
                    label: labels.value(row).to_owned(),
                    probabilities: probabilities.value(row).as_primitive::<Float64Type>().values().to_vec(),
                });
            }
        }
    }
    Ok(found)
}
