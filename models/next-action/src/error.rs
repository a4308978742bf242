//! Why what actions do could not be learnt or measured.

/// What went wrong, with what was expected and what was found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
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
    /// An arm that was not declared.
    #[error("row {row} has arm {found}, expected one below {n_arms}")]
    Arm {
        /// The row.
        row: usize,
        /// Its arm.
        found: u32,
        /// How many arms there are.
        n_arms: usize,
    },
    /// An arm that too few rows had to learn from.
    #[error("arm {arm} has {found} rows, expected at least {expected} to learn from")]
    FewRows {
        /// The arm.
        arm: usize,
        /// The rows it has.
        found: usize,
        /// The rows it should have.
        expected: usize,
    },
    /// All rows of an arm, or all rows, are of so few customers that none are left when some are left out.
    #[error("too few customers to learn from some and ask about others; several of each arm are needed")]
    FewCustomers,
    /// A number outside its range.
    #[error("row {row} has {what} {found}, expected {expected}")]
    Number {
        /// The row.
        row: usize,
        /// What the number is.
        what: &'static str,
        /// The number.
        found: f64,
        /// The range, in words.
        expected: &'static str,
    },
    /// The arrays of a model file contradict each other.
    #[error("`{prefix}` in the model file is not usable: {why}")]
    Malformed {
        /// Where in the file.
        prefix: String,
        /// What is wrong.
        why: &'static str,
    },
    /// A learner refused its data, or arrays of a model file contradict each other.
    #[error(transparent)]
    Learner(#[from] percorso_learners::Error),
    /// The model file could not be written or read.
    #[error(transparent)]
    Artefact(#[from] percorso_artefact::Error),
}

/// The result of what may go wrong here.
pub type Result<T> = std::result::Result<T, Error>;

pub(crate) fn check_length(what: &'static str, expected: usize, found: usize) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    Err(Error::Length { what, expected, found })
}
