//! Logs of decisions, read and kept: what was decided for whom, and how likely that was.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeBinaryBuilder, Float64Array, RecordBatch, TimestampMicrosecondArray, UInt16Array,
};
use arrow::datatypes::{DataType, Field, Float64Type, Schema, TimestampMicrosecondType, UInt16Type};
use percorso_journey::spec::NOTHING;
use percorso_journey::{CategoryId, ContractBreak, CustomerKey, KeySecret, Spec, Timestamp};

use super::cells::{Numbers, Times, WrongType, text_at, texts};
use super::read::{SourceBatch, read_table};
use crate::columns::{self, ParquetFile};
use crate::ids::key_at;
use crate::{Error, Result, canonical};

/// One decision that was logged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Decided {
    pub(crate) customer: CustomerKey,
    pub(crate) at: Timestamp,
    /// Position in [`Spec::actions`]; `None` for nothing.
    pub(crate) action: Option<u16>,
    /// How likely it was when it was decided; `None` where its log does not say.
    pub(crate) propensity: Option<f64>,
}

/// A decision as a log tells it.
struct Told {
    decided: Decided,
    /// Its id, where the log has one.
    id: Option<CategoryId>,
}

/// Every decision in the logs that the spec names, by customer, then time.
///
/// A log has `customer_id` (or the `customer_key` of a log that the service made), `at`, `action_id` (empty or `nothing`
/// where nothing was done) and mostly `propensity`; with a `decision_id`, two decisions may be about one customer at one
/// time.
///
/// # Errors
/// - a file cannot be read, a column is missing or of the wrong type
/// - a row is not one of a decision, or names an action that is not declared: tells file, row, column and what would be right
pub(super) fn read_logs(spec: &Spec, folder: &Path, secret: &KeySecret) -> Result<Vec<Decided>> {
    let mut told = Vec::new();
    for log in &spec.decisions().logs {
        let path = folder.join(log);
        for batch in read_table(&path)? {
            let rows = Rows {
                path: &path,
                batch: &batch?,
            };
            rows.read(spec, secret, &mut told)?;
        }
    }
    told.sort_by_key(|told| (told.decided.customer, told.decided.at, told.id));
    let is_twice = |pair: &&[Told]| {
        let [one, other] = [&pair[0], &pair[1]].map(|told| (told.decided.customer, told.decided.at));
        one == other && (pair[0].id == pair[1].id || pair[0].id.is_none())
    };
    if let Some(twice) = told.windows(2).find(is_twice) {
        let message = format!(
            "two decisions are about one customer at {}; is a log named twice, or does one hold rows twice?",
            twice[0].decided.at
        );
        return Err(Error::data(&folder.join(&spec.decisions().logs[0]), message));
    }
    Ok(told.into_iter().map(|told| told.decided).collect())
}

/// Some rows of a log.
struct Rows<'a> {
    path: &'a Path,
    batch: &'a SourceBatch,
}

impl Rows<'_> {
    fn read(&self, spec: &Spec, secret: &KeySecret, told: &mut Vec<Told>) -> Result<()> {
        let customers = self.customers(secret)?;
        let actions = texts(self.column("action_id")?).map_err(|wrong| self.wrong_type("action_id", &wrong))?;
        let times = Times::of(self.column("at")?, None).map_err(|wrong| self.wrong_type("at", &wrong))?;
        let propensities = self.batch.rows.column_by_name("propensity").map(Numbers::of);
        let propensities = propensities
            .transpose()
            .map_err(|wrong| self.wrong_type("propensity", &wrong))?;
        let ids = match self.batch.rows.column_by_name("decision_id") {
            None => None,
            Some(column) => Some(texts(column).map_err(|wrong| self.wrong_type("decision_id", &wrong))?),
        };
        for row in 0..self.batch.rows.num_rows() {
            let missing = |field: &str| self.wrong(row, field, "missing");
            let customer = customers(row)?;
            let at = times
                .get("at", row, spec.time_zone())
                .map_err(|broken| self.broken(row, &broken))?
                .ok_or_else(|| missing("at"))?;
            let propensity = |propensities: &Numbers| {
                let propensity = propensities
                    .get("propensity", row)
                    .map_err(|broken| self.broken(row, &broken))?
                    .ok_or_else(|| missing("propensity"))?;
                if propensity > 0.0 && propensity <= 1.0 {
                    return Ok(propensity);
                }
                let message = format!("{propensity}, expected a probability above 0 and at most 1");
                Err(self.wrong(row, "propensity", &message))
            };
            let decided = Decided {
                customer,
                at: Timestamp::from_micros(at),
                action: self.action(spec, row, text_at(&actions, row))?,
                propensity: propensities.as_ref().map(propensity).transpose()?,
            };
            let id = ids.as_ref().and_then(|ids| text_at(ids, row)).map(CategoryId::of);
            told.push(Told { decided, id });
        }
        Ok(())
    }

    /// Whose row it is: by the id of the customer, or by the key of one.
    fn customers(&self, secret: &KeySecret) -> Result<Box<dyn Fn(usize) -> Result<CustomerKey> + '_>> {
        if self.batch.rows.column_by_name("customer_id").is_none()
            && let Some(keys) = self.batch.rows.column_by_name("customer_key")
        {
            let wrong = WrongType {
                found: keys.data_type().clone(),
                expected: "16 bytes",
            };
            let keys = keys.as_fixed_size_binary_opt().filter(|keys| keys.value_length() == 16);
            let keys = keys.ok_or_else(|| self.wrong_type("customer_key", &wrong))?;
            return Ok(Box::new(move |row| {
                let is_there = keys.is_valid(row).then(|| key_at(keys, row));
                is_there.ok_or_else(|| self.wrong(row, "customer_key", "missing"))
            }));
        }
        let ids = texts(self.column("customer_id")?).map_err(|wrong| self.wrong_type("customer_id", &wrong))?;
        let secret = secret.clone();
        Ok(Box::new(move |row| {
            let id = text_at(&ids, row).ok_or_else(|| self.wrong(row, "customer_id", "missing"))?;
            Ok(secret.key_of(id))
        }))
    }

    fn action(&self, spec: &Spec, row: usize, name: Option<&str>) -> Result<Option<u16>> {
        let Some(name) = name.filter(|name| *name != NOTHING) else {
            return Ok(None);
        };
        let at = spec.actions().iter().position(|action| action.name == name);
        let unknown = || {
            let known: Vec<&str> = spec.actions().iter().map(|action| action.name.as_str()).collect();
            let known = known.join(", ");
            let message =
                format!("`{name}`, which is no [[action]] of journey.toml; there are {known}, and `{NOTHING}`");
            self.wrong(row, "action_id", &message)
        };
        Ok(Some(at.ok_or_else(unknown)? as u16))
    }

    fn column(&self, name: &str) -> Result<&ArrayRef> {
        let missing = || {
            let message = format!("a log of decisions has a column `{name}`, this file has none");
            Error::data(self.path, message)
        };
        self.batch.rows.column_by_name(name).ok_or_else(missing)
    }

    fn wrong(&self, row: usize, field: &str, what: &str) -> Error {
        let row = self.batch.first_row + row as i64;
        Error::data(self.path, format!("row {row}, column `{field}` is {what}"))
    }

    fn broken(&self, row: usize, broken: &ContractBreak) -> Error {
        let row = self.batch.first_row + row as i64;
        Error::data(self.path, format!("row {row}: {broken}"))
    }

    fn wrong_type(&self, field: &str, wrong: &WrongType) -> Error {
        let WrongType { found, expected } = wrong;
        Error::data(
            self.path,
            format!("column `{field}` is of type {found}, expected {expected}"),
        )
    }
}

const FILE: &str = "decisions.parquet";

/// Keeps decisions in the folder of an ingest.
pub(super) fn write(folder: &Path, decided: &[Decided]) -> Result<()> {
    let schema = Arc::new(Schema::new(vec![
        Field::new("customer_key", DataType::FixedSizeBinary(16), false),
        Field::new("at", canonical::time_type(), false),
        Field::new("action", DataType::UInt16, true),
        Field::new("propensity", DataType::Float64, true),
    ]));
    let mut keys = FixedSizeBinaryBuilder::with_capacity(decided.len(), 16);
    for decided in decided {
        keys.append_value(decided.customer.bytes()).expect("a key has 16 bytes");
    }
    let times = TimestampMicrosecondArray::from_iter_values(decided.iter().map(|decided| decided.at.micros()));
    let actions: UInt16Array = decided.iter().map(|decided| decided.action).collect();
    let propensities: Float64Array = decided.iter().map(|decided| decided.propensity).collect();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(keys.finish()),
        Arc::new(times.with_timezone("UTC")),
        Arc::new(actions),
        Arc::new(propensities),
    ];
    let mut file = ParquetFile::create(&folder.join(FILE), Arc::clone(&schema))?;
    file.write(&RecordBatch::try_new(schema, columns).expect("columns of one length"))?;
    file.finish()
}

/// The decisions that an ingest kept, by customer, each in order of time.
///
/// # Errors
/// - the file cannot be read
pub(crate) fn decisions(ingest: &Path) -> Result<BTreeMap<CustomerKey, Vec<Decided>>> {
    let path = ingest.join(FILE);
    let mut decisions: BTreeMap<CustomerKey, Vec<Decided>> = BTreeMap::new();
    if !path.exists() {
        return Ok(decisions);
    }
    for batch in columns::read(&path)? {
        let batch = batch.map_err(|error| Error::data(&path, error.to_string()))?;
        let keys = batch.column(0).as_fixed_size_binary();
        let times = batch.column(1).as_primitive::<TimestampMicrosecondType>();
        let actions = batch.column(2).as_primitive::<UInt16Type>();
        let propensities = batch.column(3).as_primitive::<Float64Type>();
        for row in 0..batch.num_rows() {
            let decided = Decided {
                customer: key_at(keys, row),
                at: Timestamp::from_micros(times.value(row)),
                action: actions.is_valid(row).then(|| actions.value(row)),
                propensity: propensities.is_valid(row).then(|| propensities.value(row)),
            };
            decisions.entry(decided.customer).or_default().push(decided);
        }
    }
    Ok(decisions)
}
