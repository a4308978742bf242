//! A column with a list of numbers for each row, read batch by batch.

use std::path::{Path, PathBuf};

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float64Type};

use crate::ingest::{SourceBatches, read_parquet};
use crate::{Error, Result};

/// Reads one list after another: a number for each action, or for each action a list with a number for each position.
pub(super) struct Lists {
    path: PathBuf,
    name: &'static str,
    batches: SourceBatches,
    batch: Option<ArrayRef>,
    next_in_batch: usize,
    n_read: usize,
}

impl Lists {
    /// The lists of a column of a Parquet file.
    ///
    /// # Errors
    /// - the file cannot be read
    pub(super) fn read(path: &Path, name: &'static str) -> Result<Lists> {
        Ok(Lists {
            path: path.to_owned(),
            name,
            batches: read_parquet(path)?,
            batch: None,
            next_in_batch: 0,
            n_read: 0,
        })
    }

    /// Puts the next row's numbers in `out`, those of the position where there is one for each.
    ///
    /// # Errors
    /// - there is no such column or no further row, the row is missing, or its list has no number at the position
    pub(super) fn next_into(&mut self, position: usize, out: &mut Vec<f64>) -> Result<()> {
        while self
            .batch
            .as_ref()
            .is_none_or(|batch| batch.len() == self.next_in_batch)
        {
            let Some(batch) = self.batches.next() else {
                return Err(self.wrong("is missing: the file has too few rows".to_owned()));
            };
            let rows = batch?.rows;
            let Some(column) = rows.column_by_name(self.name) else {
                return Err(Error::data(&self.path, format!("no column is named `{}`", self.name)));
            };
            self.batch = Some(self.checked(column)?);
            self.next_in_batch = 0;
        }
        let lists = self.batch.as_ref().expect("one was read").as_list::<i32>();
        let row = self.next_in_batch;
        out.clear();
        if lists.is_null(row) {
            return Err(self.wrong("is missing, expected a list of numbers".to_owned()));
        }
        let list = lists.value(row);
        let by_position = list.as_list_opt::<i32>();
        for action in 0..list.len() {
            let number = match by_position {
                None => number_at(&list, action),
                Some(lists) if lists.is_null(action) => None,
                Some(lists) => number_at(&lists.value(action), position),
            };
            let Some(number) = number else {
                return Err(self.wrong(format!("has no number for action {action} at position {position}")));
            };
            out.push(number);
        }
        self.next_in_batch += 1;
        self.n_read += 1;
        Ok(())
    }

    /// Checks that no row is left.
    ///
    /// # Errors
    /// - there is one, or the rest cannot be read
    pub(super) fn end(mut self) -> Result<()> {
        let in_batch = self.batch.as_ref().map_or(0, |batch| batch.len() - self.next_in_batch);
        let mut n_left = in_batch;
        for batch in &mut self.batches {
            n_left += batch?.rows.num_rows();
        }
        if n_left > 0 {
            let message = format!(
                "has {} rows, expected {}, as many as were logged",
                self.n_read + n_left,
                self.n_read
            );
            return Err(Error::data(&self.path, message));
        }
        Ok(())
    }

    /// The column as lists of doubles, or of lists of doubles.
    fn checked(&self, column: &ArrayRef) -> Result<ArrayRef> {
        let item = |data_type: &DataType| Some(Field::new("item", data_type.clone(), true));
        let inner = |data_type: &DataType| match data_type {
            DataType::List(of) | DataType::LargeList(of) | DataType::FixedSizeList(of, _) => item(of.data_type()),
            _ => None,
        };
        let of_doubles = || DataType::new_list(DataType::Float64, true);
        let to = inner(column.data_type()).and_then(|item| match inner(item.data_type()) {
            Some(innermost) if innermost.data_type().is_numeric() => Some(DataType::new_list(of_doubles(), true)),
            None if item.data_type().is_numeric() => Some(of_doubles()),
            Some(_) | None => None,
        });
        let lists = to.and_then(|to| cast(column, &to).ok());
        lists.ok_or_else(|| {
            let message = format!(
                "column `{}` is of type {}, expected a list of numbers for each row, one for each action",
                self.name,
                column.data_type()
            );
            Error::data(&self.path, message)
        })
    }

    fn wrong(&self, what: String) -> Error {
        let message = format!("row {}, column `{}` {what}", self.n_read + 1, self.name);
        Error::data(&self.path, message)
    }
}

fn number_at(numbers: &ArrayRef, at: usize) -> Option<f64> {
    let numbers = numbers.as_primitive::<Float64Type>();
    (at < numbers.len() && numbers.is_valid(at)).then(|| numbers.value(at))
}
