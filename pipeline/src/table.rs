//! A plain table in memory: columns of numbers and of words, for commands that read no journeys.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use ndarray::Array2;
use percorso_learners::Column;

use crate::ingest::read_table;
use crate::run::hex;
use crate::{Error, Result};

/// A word is told apart from missing when this many rows have it.
const MIN_ROWS_PER_WORD: usize = 10;

/// A table whose columns are numbers or words; columns of lists and of times are left out.
#[derive(Debug)]
pub(crate) struct Table {
    path: PathBuf,
    n_rows: usize,
    columns: Vec<(String, Cells)>,
    /// The names of columns that were left out.
    others: Vec<String>,
}

/// The ids in a column of text, of whole numbers or of bytes, none missing; each as it is, whatever its size.
///
/// # Errors
/// - the file cannot be read, the column is of another type, or an id is missing
pub(crate) fn read_ids(path: &Path, name: &str) -> Result<Vec<String>> {
    let mut ids = Vec::new();
    for batch in read_table(path)? {
        let rows = batch?.rows;
        let column = rows.column_by_name(name).expect("batches of a file have one schema");
        let wrong = |what: String| Error::data(path, format!("column `{name}` {what}"));
        let type_name = column.data_type();
        let of_batch: Vec<Option<String>> = match type_name {
            DataType::FixedSizeBinary(_) => {
                let keys = column.as_fixed_size_binary();
                keys.iter().map(|key| key.map(hex)).collect()
            }
            DataType::Binary => column.as_binary::<i32>().iter().map(|key| key.map(hex)).collect(),
            _ if type_name.is_integer() || type_name.is_string() || matches!(type_name, DataType::Dictionary(_, _)) => {
                let texts = cast(column, &DataType::Utf8).map_err(|error| wrong(format!("cannot be read: {error}")))?;
                texts
                    .as_string::<i32>()
                    .iter()
                    .map(|text| text.map(str::to_owned))
                    .collect()
            }
            _ => {
                return Err(wrong(format!(
                    "is of type {type_name}, expected text, whole numbers or bytes"
                )));
            }
        };
        for id in of_batch {
            let row = ids.len() + 1;
            ids.push(id.ok_or_else(|| Error::data(path, format!("row {row}, column `{name}` is missing")))?);
        }
    }
    Ok(ids)
}

/// The cells of a column.
#[derive(Debug, PartialEq)]
pub(crate) enum Cells {
    /// NaN is missing.
    Numbers(Vec<f64>),
    /// `None` is missing.
    Words(Vec<Option<String>>),
}

/// Some columns as learners take them.
#[derive(Debug)]
pub(crate) struct Matrix {
    pub(crate) columns: Vec<Column>,
    pub(crate) cells: Array2<f32>,
}

impl Table {
    /// The table in a Parquet or CSV file; a CSV column is one of numbers when every cell that is not empty is a number.
    ///
    /// # Errors
    /// - the file cannot be read, is of another format, or has no row
    pub(crate) fn read(path: &Path) -> Result<Table> {
        let mut columns: Vec<(String, Cells)> = Vec::new();
        let mut others = Vec::new();
        let mut n_rows = 0;
        for batch in read_table(path)? {
            let rows = batch?.rows;
            n_rows += rows.num_rows();
            if columns.is_empty() && others.is_empty() {
                for (field, column) in rows.schema().fields().iter().zip(rows.columns()) {
                    match Cells::of(column) {
                        Some(cells) => columns.push((field.name().clone(), cells)),
                        None => others.push(field.name().clone()),
                    }
                }
                continue;
            }
            for (name, cells) in &mut columns {
                let more = rows.column_by_name(name).and_then(Cells::of);
                cells.extend(more.expect("batches of a file have one schema"));
            }
        }
        if n_rows == 0 {
            return Err(Error::data(path, "the table has no row"));
        }
        columns
            .iter_mut()
            .for_each(|(_, cells)| cells.as_numbers_where_all_are());
        Ok(Table {
            path: path.to_owned(),
            n_rows,
            columns,
            others,
        })
    }

    pub(crate) const fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// The names of its columns, in file order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|(name, _)| name.as_str())
    }

    /// Whether a column of lists or times has this name.
    pub(crate) fn has_other(&self, name: &str) -> bool {
        self.others.iter().any(|other| other == name)
    }

    /// A column; `None` when there is none of this name.
    pub(crate) fn column(&self, name: &str) -> Option<&Cells> {
        self.columns.iter().find(|(of, _)| of == name).map(|(_, cells)| cells)
    }

    fn required(&self, name: &str) -> Result<&Cells> {
        self.column(name).ok_or_else(|| {
            let known: Vec<&str> = self.names().collect();
            let message = format!(
                "no column of numbers or words is named `{name}`; there are {}",
                known.join(", ")
            );
            Error::data(&self.path, message)
        })
    }

    /// A column of numbers, none missing.
    ///
    /// # Errors
    /// - there is no such column, it holds words, or a number is missing: tells file, row and column
    pub(crate) fn numbers(&self, name: &str) -> Result<&[f64]> {
        let wrong = |row: usize, found: &str| {
            let message = format!("row {}, column `{name}` is {found}, expected a number", row + 1);
            Error::data(&self.path, message)
        };
        match self.required(name)? {
            Cells::Numbers(numbers) => match numbers.iter().position(|number| !number.is_finite()) {
                Some(row) if numbers[row].is_nan() => Err(wrong(row, "missing")),
                Some(row) => Err(wrong(row, &numbers[row].to_string())),
                None => Ok(numbers),
            },
            Cells::Words(words) => {
                let is_no_number =
                    |word: &Option<String>| word.as_ref().is_none_or(|word| word.parse::<f64>().is_err());
                let row = words.iter().position(is_no_number).unwrap_or(0);
                let found = words[row]
                    .as_ref()
                    .map_or_else(|| "missing".to_owned(), |word| format!("`{word}`"));
                Err(wrong(row, &found))
            }
        }
    }

    /// A column of whole numbers from 0 on, none missing.
    ///
    /// # Errors
    /// - as [`Table::numbers`], or a number is negative or not whole
    pub(crate) fn positions(&self, name: &str) -> Result<Vec<usize>> {
        let whole = |(row, number): (usize, &f64)| {
            let is_position = *number >= 0.0 && number.fract() == 0.0 && *number < f64::from(u32::MAX);
            is_position.then_some(*number as usize).ok_or_else(|| {
                let message = format!(
                    "row {}, column `{name}` is {number}, expected a whole number from 0 on",
                    row + 1
                );
                Error::data(&self.path, message)
            })
        };
        self.numbers(name)?.iter().enumerate().map(whole).collect()
    }

    /// The cells of a column as text; missing is empty.
    ///
    /// # Errors
    /// - there is no such column
    pub(crate) fn texts(&self, name: &str) -> Result<Vec<String>> {
        Ok(match self.required(name)? {
            Cells::Numbers(numbers) => numbers.iter().map(f64::to_string).collect(),
            Cells::Words(words) => words.iter().map(|word| word.clone().unwrap_or_default()).collect(),
        })
    }

    /// Some columns as learners take them: numbers as they are, words as categories where enough rows have them.
    pub(crate) fn matrix(&self, names: &[&str]) -> Matrix {
        let named: Vec<&(String, Cells)> = names
            .iter()
            .filter_map(|name| self.columns.iter().find(|(of, _)| of == name))
            .collect();
        let mut cells = Array2::zeros((self.n_rows, named.len()));
        let mut columns = Vec::with_capacity(named.len());
        for (mut column_cells, (name, of)) in cells.columns_mut().into_iter().zip(named) {
            match of {
                Cells::Numbers(numbers) => {
                    columns.push(Column::number(name));
                    let finite = numbers.iter().map(|number| *number as f32);
                    let finite = finite.map(|cell| if cell.is_finite() { cell } else { f32::NAN });
                    column_cells
                        .iter_mut()
                        .zip(finite)
                        .for_each(|(cell, number)| *cell = number);
                }
                Cells::Words(words) => {
                    let code_of = codes(words);
                    columns.push(Column::category(name, code_of.len().max(1) as u32));
                    for (cell, word) in column_cells.iter_mut().zip(words) {
                        let code = word.as_ref().and_then(|word| code_of.get(word.as_str()));
                        *cell = code.map_or(f32::NAN, |code| *code as f32);
                    }
                }
            }
        }
        Matrix { columns, cells }
    }
}

impl Matrix {
    /// Some of its rows.
    pub(crate) fn select(&self, rows: &[usize]) -> Matrix {
        Matrix {
            columns: self.columns.clone(),
            cells: self.cells.select(ndarray::Axis(0), rows),
        }
    }
}

/// A code for each word that enough rows have, in the order of words.
fn codes(words: &[Option<String>]) -> BTreeMap<&str, u32> {
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for word in words.iter().flatten() {
        *times.entry(word).or_default() += 1;
    }
    times.retain(|_, times| *times >= MIN_ROWS_PER_WORD);
    times.keys().zip(0..).map(|(word, code)| (*word, code)).collect()
}

impl Cells {
    /// The cells of an Arrow column; `None` for lists, times and whatever else is neither number nor word.
    fn of(column: &ArrayRef) -> Option<Cells> {
        let to = match column.data_type() {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
            DataType::Dictionary(_, of) if matches!(**of, DataType::Utf8 | DataType::LargeUtf8) => DataType::Utf8,
            data_type if data_type.is_numeric() || *data_type == DataType::Boolean => DataType::Float64,
            _ => return None,
        };
        let cells = cast(column, &to).ok()?;
        Some(match to {
            DataType::Utf8 => {
                let words = cells.as_string::<i32>();
                Cells::Words(words.iter().map(|word| word.map(str::to_owned)).collect())
            }
            _ => {
                let numbers = cells.as_primitive::<Float64Type>();
                Cells::Numbers(numbers.iter().map(|number| number.unwrap_or(f64::NAN)).collect())
            }
        })
    }

    fn extend(&mut self, more: Cells) {
        match (self, more) {
            (Cells::Numbers(numbers), Cells::Numbers(more)) => numbers.extend(more),
            (Cells::Words(words), Cells::Words(more)) => words.extend(more),
            (Cells::Numbers(_) | Cells::Words(_), _) => unreachable!("batches of a file have one schema"),
        }
    }

    /// Turns words into numbers when each is one, as the columns of a CSV file are.
    fn as_numbers_where_all_are(&mut self) {
        let Cells::Words(words) = self else { return };
        let number = |word: &Option<String>| word.as_ref().map_or(Some(f64::NAN), |word| word.trim().parse().ok());
        if let Some(numbers) = words.iter().map(number).collect() {
            *self = Cells::Numbers(numbers);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.csv");
        std::fs::write(&path, text).unwrap();
        Table::read(&path).unwrap()
    }

    #[test]
    fn a_column_is_of_numbers_when_every_cell_is_one() {
        let table = table("spend,channel\n1.5,web\n,7\n");
        assert_eq!(
            table.column("channel"),
            Some(&Cells::Words(vec![Some("web".into()), Some("7".into())]))
        );
        assert!(
            matches!(table.column("spend"), Some(Cells::Numbers(numbers)) if numbers[0] == 1.5 && numbers[1].is_nan())
        );
        assert_eq!(table.texts("channel").unwrap(), ["web", "7"]);
    }

    #[test]
    fn what_is_wrong_is_told_by_row_and_column() {
        let table = table("spend,channel,action\n1.5,web,0\n,7,-1\n");
        let message = |error: Error| error.to_string().split(": ").skip(1).collect::<Vec<_>>().join(": ");
        assert_eq!(
            message(table.numbers("spend").unwrap_err()),
            "row 2, column `spend` is missing, expected a number"
        );
        assert_eq!(
            message(table.numbers("channel").unwrap_err()),
            "row 1, column `channel` is `web`, expected a number"
        );
        assert_eq!(
            message(table.positions("action").unwrap_err()),
            "row 2, column `action` is -1, expected a whole number from 0 on"
        );
        assert_eq!(
            message(table.numbers("visit").unwrap_err()),
            "no column of numbers or words is named `visit`; there are spend, channel, action"
        );
    }

    #[test]
    fn words_that_few_rows_have_are_missing_to_a_learner() {
        let rows: String = (0..12)
            .map(|row| if row < 10 { "web,1\n" } else { "shop,2\n" })
            .collect();
        let matrix = table(&format!("channel,n\n{rows}")).matrix(&["n", "channel"]);
        assert_eq!(matrix.columns, [Column::number("n"), Column::category("channel", 1)]);
        assert_eq!((matrix.cells[[0, 1]], matrix.cells[[11, 0]]), (0.0, 2.0));
        assert!(matrix.cells[[11, 1]].is_nan());
    }
}
