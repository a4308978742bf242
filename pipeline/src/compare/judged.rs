//! What a run folder's shipped recipes said at the test, by question and customer.

use std::collections::BTreeMap;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, UInt32Type};
use percorso_journey::CustomerKey;

use crate::ids::key_at;
use crate::run::RunFolder;
use crate::training::{PREDICTIONS, SHIPPED};
use crate::{Error, Result, columns};

/// What ships, as it was judged.
#[derive(Debug, Default)]
pub(super) struct Judged {
    pub(super) questions: BTreeMap<String, Answers>,
}

/// What was said of one question.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// What each place among the probabilities means.
    pub(super) classes: Vec<String>,
    /// Place of the answer that came, and the probabilities.
    pub(super) by_customer: BTreeMap<CustomerKey, (u32, Vec<f64>)>,
}

impl Judged {
    /// Reads `training/predictions.parquet`; of a training before predictions told their classes, nothing.
    ///
    /// # Errors
    /// - the file is not there or cannot be read.
    pub(super) fn read(run: &RunFolder) -> Result<Self> {
        let path = run.training().join(PREDICTIONS);
        let mut judged = Self::default();
        for batch in columns::read(&path)? {
            let batch = batch.map_err(|error| Error::data(&path, error.to_string()))?;
            judged.take(&batch);
        }
        Ok(judged)
    }

    fn take(&mut self, batch: &RecordBatch) -> Option<()> {
        let texts = |name: &str| batch.column_by_name(name)?.as_string_opt::<i32>();
        let lists = |name: &str| batch.column_by_name(name)?.as_list_opt::<i32>();
        let (questions, learners, phases) = (texts("question")?, texts("learner")?, texts("phase")?);
        let labels = batch.column_by_name("label_idx")?.as_primitive_opt::<UInt32Type>()?;
        let keys = batch.column_by_name("customer_key")?.as_fixed_size_binary_opt()?;
        let (probabilities, classes) = (lists("probabilities")?, lists("classes")?);
        for row in 0..batch.num_rows() {
            if learners.value(row) != SHIPPED || phases.value(row) != "test" {
                continue;
            }
            let answers = self.questions.entry(questions.value(row).to_owned()).or_default();
            if answers.classes.is_empty() {
                let names = classes.value(row);
                answers.classes = names.as_string::<i32>().iter().flatten().map(str::to_owned).collect();
            }
            let told = probabilities.value(row).as_primitive::<Float64Type>().values().to_vec();
            answers.by_customer.insert(key_at(keys, row), (labels.value(row), told));
        }
        Some(())
    }
}
