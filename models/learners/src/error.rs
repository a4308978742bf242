//! Why something could not be learned, opened or measured.

/// What went wrong, with what was expected and what was found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is nothing to learn from or to measure.
    #[error("expected at least one row, found none")]
    NoRows,
    /// There are not two classes to tell apart.
    #[error("expected at least 2 classes, found {found}")]
    TooFewClasses {
        /// The number of classes declared.
        found: usize,
    },
    /// The matrix is not stored row after row.
    #[error("expected a row-major matrix without gaps")]
    NotRowMajor,
    /// Two inputs that belong together have different lengths.
    #[error("expected {expected} {what}, found {found}")]
    Length {
        /// What was counted.
        what: &'static str,
        /// How many there should be.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A class that was not declared.
    #[error("row {row} has class {found}, expected one below {n_classes}")]
    Class {
        /// The row.
        row: usize,
        /// Its class.
        found: u32,
        /// The number of classes declared.
        n_classes: usize,
    },
    /// A cell that is infinite; missing cells are NaN.
    #[error("row {row}, column `{column}` is {found}, expected a finite number or NaN for missing")]
    Infinite {
        /// The row.
        row: usize,
        /// The column's name.
        column: String,
        /// The cell.
        found: f32,
    },
    /// A category cell that is not one of its codes.
    #[error("row {row}, column `{column}` is {found}, expected a whole code below {cardinality} or NaN for missing")]
    CategoryCode {
        /// The row.
        row: usize,
        /// The column's name.
        column: String,
        /// The cell.
        found: f32,
        /// The number of codes.
        cardinality: u32,
    },
    /// A weight that no row can have.
    #[error("row {row} has weight {found}, expected a finite one, 0 or more, and some above 0")]
    Weight {
        /// The row.
        row: usize,
        /// Its weight.
        found: f32,
    },
    /// Rows are weighted, and this learner cannot take that into account.
    #[error("{learner} takes no weights")]
    Weighted {
        /// The learner's name.
        learner: &'static str,
    },
    /// An answer that cannot be learnt.
    #[error("row {row} has the answer {found}, expected {expected}")]
    Target {
        /// The row.
        row: usize,
        /// Its answer.
        found: f64,
        /// What it should be.
        expected: &'static str,
    },
    /// A customer's purchases that cannot be.
    #[error("customer {row}: {what} is {found}, expected {expected}")]
    Customer {
        /// The customer's position.
        row: usize,
        /// The number's name.
        what: &'static str,
        /// The number.
        found: f64,
        /// What it should be.
        expected: &'static str,
    },
    /// A probability outside [0, 1], or not a number.
    #[error("row {row} has probability {found}, expected one from 0 to 1")]
    Probability {
        /// The row.
        row: usize,
        /// The value.
        found: f64,
    },
    /// All rows are of one class, and this learner needs two.
    #[error("{learner} needs two classes to tell apart, found only class {class}")]
    OneClass {
        /// The learner's name.
        learner: &'static str,
        /// The class that all rows have.
        class: u32,
    },
    /// A setting names a column that is not there.
    #[error("{learner} wants column `{column}`, which is not among the {n_columns} columns")]
    NoSuchColumn {
        /// The learner's name.
        learner: &'static str,
        /// The column's name or position.
        column: String,
        /// The number of columns.
        n_columns: usize,
    },
    /// A setting names a column of the wrong kind.
    #[error("{learner} wants column `{column}` to be a {expected}")]
    ColumnKind {
        /// The learner's name.
        learner: &'static str,
        /// The column's name.
        column: String,
        /// The kind wanted.
        expected: &'static str,
    },
    /// A setting outside its range.
    #[error("{setting} is {found}, expected {expected}")]
    Setting {
        /// The setting's name.
        setting: &'static str,
        /// The range, in words.
        expected: &'static str,
        /// The value.
        found: f64,
    },
    /// The library that fits could not.
    #[error("{learner} could not be fitted")]
    Library {
        /// The learner's name.
        learner: &'static str,
        /// What the library said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The model file could not be written or read.
    #[error(transparent)]
    Artefact(#[from] percorso_artefact::Error),
    /// The arrays of a fitted learner contradict each other.
    #[error("`{prefix}` in the model file is not a usable {what}: {why}")]
    Malformed {
        /// Where in the file.
        prefix: String,
        /// What was read.
        what: &'static str,
        /// What contradicts.
        why: &'static str,
    },
}

/// The result of everything here.
pub type Result<T> = std::result::Result<T, Error>;
