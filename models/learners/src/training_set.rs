//! What a learner learns from: checked once, trusted afterwards.

use ndarray::ArrayView2;

use crate::{Error, Result};

/// One column of the matrix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What its cells mean.
    pub kind: ColumnKind,
}

impl Column {
    /// A column of numbers.
    pub fn number(name: impl Into<String>) -> Column {
        Column {
            name: name.into(),
            kind: ColumnKind::Number,
        }
    }

    /// A column of category codes from 0 up to `cardinality`.
    pub fn category(name: impl Into<String>, cardinality: u32) -> Column {
        Column {
            name: name.into(),
            kind: ColumnKind::Category { cardinality },
        }
    }
}

/// What the cells of a column mean; NaN is missing in either kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// A quantity.
    Number,
    /// A code from 0 up to `cardinality`; a value unseen in training is NaN.
    Category {
        /// The number of codes.
        cardinality: u32,
    },
}

/// Rows with their classes and customers; every value has been checked.
#[derive(Debug, Clone, Copy)]
pub struct TrainingSet<'a> {
    x: ArrayView2<'a, f32>,
    columns: &'a [Column],
    y: &'a [u32],
    n_classes: usize,
    customers: &'a [u64],
    weights: Option<&'a [f32]>,
}

impl<'a> TrainingSet<'a> {
    /// The rows of `x` with a class in `y` and a customer in `customers` each.
    ///
    /// # Errors
    /// - there is no row, or there are fewer than two classes
    /// - `x` is not row-major, or a length differs from the number of rows or columns
    /// - a class is not below `n_classes`
    /// - a cell is infinite, or a category cell is not one of its codes
    pub fn new(
        x: ArrayView2<'a, f32>,
        columns: &'a [Column],
        y: &'a [u32],
        n_classes: usize,
        customers: &'a [u64],
    ) -> Result<TrainingSet<'a>> {
        if n_classes < 2 {
            return Err(Error::TooFewClasses { found: n_classes });
        }
        check_cells(x, columns)?;
        check_length("classes, one for each row", x.nrows(), y.len())?;
        check_length("customers, one for each row", x.nrows(), customers.len())?;
        check_classes(y, n_classes)?;
        Ok(TrainingSet {
            x,
            columns,
            y,
            n_classes,
            customers,
            weights: None,
        })
    }

    /// The same rows, each as if it were there `weight` times.
    ///
    /// # Errors
    /// - there is not one weight for each row
    /// - a weight is negative or not finite, or all are 0
    pub fn with_weights(self, weights: &'a [f32]) -> Result<TrainingSet<'a>> {
        check_weights(weights, self.n_rows())?;
        Ok(TrainingSet {
            weights: Some(weights),
            ..self
        })
    }

    /// The weight of each row; none means 1 each.
    pub fn weights(&self) -> Option<&'a [f32]> {
        self.weights
    }

    /// The matrix, row-major.
    pub fn x(&self) -> ArrayView2<'a, f32> {
        self.x
    }

    /// What the columns mean.
    pub fn columns(&self) -> &'a [Column] {
        self.columns
    }

    /// The class of each row.
    pub fn y(&self) -> &'a [u32] {
        self.y
    }

    /// The number of classes declared, seen or not.
    pub fn n_classes(&self) -> usize {
        self.n_classes
    }

    /// The customer of each row.
    pub fn customers(&self) -> &'a [u64] {
        self.customers
    }

    /// The number of rows.
    pub fn n_rows(&self) -> usize {
        self.x.nrows()
    }

    /// The number of rows of each class.
    pub fn class_counts(&self) -> Vec<u64> {
        let mut counts = vec![0; self.n_classes];
        for class in self.y {
            counts[*class as usize] += 1;
        }
        counts
    }

    /// The weight of the rows of each class: their number, without weights.
    pub fn class_weights(&self) -> Vec<f64> {
        let mut sums = vec![0.0; self.n_classes];
        for (row, class) in self.y.iter().enumerate() {
            sums[*class as usize] += self.weight(row);
        }
        sums
    }

    /// The weight of a row.
    pub fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| f64::from(weights[row]))
    }

    /// Refuses weights on behalf of a learner that cannot take them into account.
    #[cfg(feature = "fit")]
    pub(crate) fn check_unweighted(&self, learner: &'static str) -> Result<()> {
        match self.weights {
            Some(_) => Err(Error::Weighted { learner }),
            None => Ok(()),
        }
    }

    /// The cells of a row.
    pub fn row(&self, row: usize) -> &'a [f32] {
        let n_columns = self.x.ncols();
        let cells = self.x.to_slice().expect("row-major was checked");
        &cells[row * n_columns..(row + 1) * n_columns]
    }
}

/// Checks a row-major matrix against its columns.
pub(crate) fn check_cells(x: ArrayView2<'_, f32>, columns: &[Column]) -> Result<()> {
    if x.nrows() == 0 {
        return Err(Error::NoRows);
    }
    if !x.is_standard_layout() {
        return Err(Error::NotRowMajor);
    }
    check_length("columns", x.ncols(), columns.len())?;
    for (row, cells) in x.outer_iter().enumerate() {
        for (cell, column) in cells.iter().zip(columns) {
            check_cell(row, *cell, column)?;
        }
    }
    Ok(())
}

pub(crate) fn check_weights(weights: &[f32], n_rows: usize) -> Result<()> {
    check_length("weights, one for each row", n_rows, weights.len())?;
    let wrong = weights
        .iter()
        .position(|weight| !(*weight >= 0.0 && weight.is_finite()));
    let all_zero = || weights.iter().all(|weight| *weight == 0.0).then_some(0);
    match wrong.or_else(all_zero) {
        Some(row) => Err(Error::Weight {
            row,
            found: weights[row],
        }),
        None => Ok(()),
    }
}

/// Checks that every class is declared.
pub(crate) fn check_classes(y: &[u32], n_classes: usize) -> Result<()> {
    match y.iter().position(|class| *class as usize >= n_classes) {
        Some(row) => Err(Error::Class {
            row,
            found: y[row],
            n_classes,
        }),
        None => Ok(()),
    }
}

pub(crate) fn check_length(what: &'static str, expected: usize, found: usize) -> Result<()> {
    if expected != found {
        return Err(Error::Length { what, expected, found });
    }
    Ok(())
}

fn check_cell(row: usize, cell: f32, column: &Column) -> Result<()> {
    if cell.is_nan() {
        return Ok(());
    }
    if cell.is_infinite() {
        return Err(Error::Infinite {
            row,
            column: column.name.clone(),
            found: cell,
        });
    }
    match column.kind {
        ColumnKind::Number => Ok(()),
        ColumnKind::Category { cardinality } => {
            let is_code = cell >= 0.0 && cell.fract() == 0.0 && (cell as u64) < u64::from(cardinality);
            if is_code {
                return Ok(());
            }
            Err(Error::CategoryCode {
                row,
                column: column.name.clone(),
                found: cell,
                cardinality,
            })
        }
    }
}

/// The code in a category cell; nothing when it is missing.
pub(crate) fn code(cell: f32) -> Option<u32> {
    (cell >= 0.0).then_some(cell as u32)
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    fn columns() -> Vec<Column> {
        vec![Column::number("recency_days"), Column::category("last_touchpoint", 3)]
    }

    #[test]
    fn a_good_set_is_accepted_with_missing_cells() {
        let x = array![[1.0f32, f32::NAN], [f32::NAN, 2.0]];
        let columns = columns();
        let set = TrainingSet::new(x.view(), &columns, &[0, 1], 2, &[7, 7]).unwrap();
        assert_eq!((set.n_rows(), set.class_counts(), set.row(1)[1]), (2, vec![1, 1], 2.0));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let columns = columns();
        let message = |x: ndarray::Array2<f32>, y: &[u32], n_classes, customers: &[u64]| {
            TrainingSet::new(x.view(), &columns, y, n_classes, customers)
                .unwrap_err()
                .to_string()
        };
        let good = array![[1.0f32, 0.0], [1.0, 0.0]];
        assert_eq!(
            message(ndarray::Array2::zeros((0, 2)), &[], 2, &[]),
            "expected at least one row, found none"
        );
        assert_eq!(
            message(good.clone(), &[0, 0], 1, &[1, 1]),
            "expected at least 2 classes, found 1"
        );
        assert_eq!(
            message(good.clone(), &[0], 2, &[1, 1]),
            "expected 2 classes, one for each row, found 1"
        );
        assert_eq!(
            message(good.clone(), &[0, 1], 2, &[1]),
            "expected 2 customers, one for each row, found 1"
        );
        assert_eq!(
            message(good, &[0, 2], 2, &[1, 1]),
            "row 1 has class 2, expected one below 2"
        );
        assert_eq!(
            message(array![[1.0f32, 0.0], [f32::INFINITY, 0.0]], &[0, 1], 2, &[1, 1]),
            "row 1, column `recency_days` is inf, expected a finite number or NaN for missing"
        );
        for code in [3.0f32, 0.5, -1.0] {
            let found = message(array![[1.0, 0.0], [1.0, code]], &[0, 1], 2, &[1, 1]);
            assert!(found.starts_with("row 1, column `last_touchpoint` is"), "{found}");
        }
        let transposed = array![[1.0f32, 1.0], [0.0, 0.0]];
        let error = TrainingSet::new(transposed.t(), &columns, &[0, 1], 2, &[1, 1]).unwrap_err();
        assert!(matches!(error, Error::NotRowMajor));
    }
}
