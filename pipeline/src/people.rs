//! Who everyone is: ids by key, with the account manager where a score file names one. For pages that people read.

use std::collections::HashMap;
use std::path::Path;

use arrow::array::{Array, AsArray, RecordBatch};
use percorso_journey::CustomerKey;

use crate::ids::key_at;
use crate::{Error, Result, columns};

/// A customer as people know them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The id.
    pub id: String,
    /// The account manager.
    pub owner: Option<String>,
}

/// Everyone of an id map, with the account managers of a score file where there is one.
///
/// # Errors
/// - a file cannot be read, or is none of these.
pub fn people(id_map: &Path, scores: &Path) -> Result<HashMap<CustomerKey, Known>> {
    let mut people = HashMap::new();
    each_named(id_map, "customer_id", |key, id| {
        let id = id.to_owned();
        people.insert(key, Known { id, owner: None });
    })?;
    if scores.exists() {
        each_named(scores, "owner", |key, owner| {
            if let Some(known) = people.get_mut(&key) {
                known.owner = Some(owner.to_owned());
            }
        })?;
    }
    Ok(people)
}

/// Tells every key of a file with the text that a column has for it, where it has one.
fn each_named(path: &Path, column: &str, mut tell: impl FnMut(CustomerKey, &str)) -> Result<()> {
    let absent = |name: &str| Error::data(path, format!("no column `{name}`"));
    for batch in columns::read(path)? {
        let batch: RecordBatch = batch.map_err(|error| Error::data(path, error.to_string()))?;
        let named = |name: &str| batch.column_by_name(name).ok_or_else(|| absent(name));
        let keys = named("customer_key")?;
        let keys = keys.as_fixed_size_binary_opt().filter(|keys| keys.value_length() == 16);
        let keys = keys.ok_or_else(|| absent("customer_key"))?;
        let texts = named(column)?.as_string_opt::<i32>().ok_or_else(|| absent(column))?;
        for row in (0..batch.num_rows()).filter(|row| texts.is_valid(*row)) {
            tell(key_at(keys, row), texts.value(row));
        }
    }
    Ok(())
}
