//! What was done to whom, and what came of it: what the effect of actions is learnt from.

use ndarray::ArrayView2;
use percorso_learners::Column;

use crate::error::check_length;
use crate::{Error, Result};

/// Rows with the arm that each was given, how likely that was, and what came of it; every value has been checked.
///
/// Arm 0 is the control, to which the others are compared: mostly "do nothing".
/// The propensity of the arm that was given has to be known, as in a randomised test or a log that keeps it.
#[derive(Clone, Copy, Debug)]
pub struct Trial<'a> {
    x: ArrayView2<'a, f32>,
    columns: &'a [Column],
    given: Given<'a>,
    parts: &'a [Part<'a>],
    beliefs: &'a [f64],
}

/// A part of what outcomes are the sum of, such as leaving or money spent.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// What one of it counts in the outcome.
    pub weight: f64,
    /// How much of it came, for each row.
    pub outcome: &'a [f64],
}

/// What a trial is besides its cells.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    /// The arm of each row, 0 for the control.
    pub arm: &'a [u32],
    /// How many arms there are, the control included.
    pub n_arms: usize,
    /// What came of it, for each row.
    pub outcome: &'a [f64],
    /// How likely the row's arm was when it was given.
    pub propensity: &'a [f64],
    /// Whose row it is; what is learnt is judged on customers who did not teach it.
    pub customers: &'a [u64],
}

impl<'a> Trial<'a> {
    /// The rows of `x` with what was done to each.
    ///
    /// # Errors
    /// - a length differs from the number of rows, or there are fewer than two arms
    /// - an arm is not below `n_arms`, an outcome is not finite, a propensity is not above 0 and at most 1
    pub fn new(x: ArrayView2<'a, f32>, columns: &'a [Column], given: Given<'a>) -> Result<Trial<'a>> {
        let n_rows = x.nrows();
        check_length("columns", x.ncols(), columns.len())?;
        check_length("arms, one for each row", n_rows, given.arm.len())?;
        check_length("outcomes, one for each row", n_rows, given.outcome.len())?;
        check_length("propensities, one for each row", n_rows, given.propensity.len())?;
        check_length("customers, one for each row", n_rows, given.customers.len())?;
        if given.n_arms < 2 {
            check_length("arms or more", 2, given.n_arms)?;
        }
        if let Some(row) = given.arm.iter().position(|arm| *arm as usize >= given.n_arms) {
            return Err(Error::Arm {
                row,
                found: given.arm[row],
                n_arms: given.n_arms,
            });
        }
        let number = |what, numbers: &[f64], is_right: fn(f64) -> bool, expected| {
            let Some(row) = numbers.iter().position(|number| !is_right(*number)) else {
                return Ok(());
            };
            Err(Error::Number {
                row,
                what,
                found: numbers[row],
                expected,
            })
        };
        number("outcome", given.outcome, f64::is_finite, "a finite number")?;
        let is_propensity = |p: f64| p > 0.0 && p <= 1.0;
        number("propensity", given.propensity, is_propensity, "above 0, at most 1")?;
        Ok(Trial {
            x,
            columns,
            given,
            parts: &[],
            beliefs: &[],
        })
    }

    /// The same trial with what its outcomes are the sum of, so that effects on each part can be learnt apart.
    ///
    /// # Errors
    /// - a part's length differs from the number of rows, or one of its outcomes is not finite
    pub fn with_parts(self, parts: &'a [Part<'a>]) -> Result<Trial<'a>> {
        for part in parts {
            self.of_part(part)?;
        }
        Ok(Trial { parts, ..self })
    }

    /// The same trial with what the mean effect of each arm but the control is believed to be before anything is seen of it;
    /// without it, nothing.
    ///
    /// # Errors
    /// - there is not one belief for each of these arms
    pub fn with_beliefs(self, beliefs: &'a [f64]) -> Result<Trial<'a>> {
        check_length(
            "beliefs, one for each arm but the control",
            self.given.n_arms - 1,
            beliefs.len(),
        )?;
        Ok(Trial { beliefs, ..self })
    }

    /// What the mean effect of an arm is believed to be before anything is seen of it.
    ///
    /// # Panics
    /// When the arm is 0, the control.
    pub fn belief(&self, arm: usize) -> f64 {
        self.beliefs.get(arm - 1).copied().unwrap_or(0.0)
    }

    /// The trial of one part of the outcome.
    pub(crate) fn of_part(&self, part: &Part<'a>) -> Result<Trial<'a>> {
        let given = Given {
            outcome: part.outcome,
            ..self.given
        };
        Trial::new(self.x, self.columns, given)
    }

    /// What outcomes are the sum of; empty where that is not known.
    pub fn parts(&self) -> &'a [Part<'a>] {
        self.parts
    }

    /// The cells of all rows.
    pub fn x(&self) -> ArrayView2<'a, f32> {
        self.x
    }

    /// What the columns mean.
    pub fn columns(&self) -> &'a [Column] {
        self.columns
    }

    /// What was done to each row.
    pub fn given(&self) -> Given<'a> {
        self.given
    }

    /// The number of rows.
    pub fn n_rows(&self) -> usize {
        self.x.nrows()
    }

    /// True when every outcome is 0 or 1.
    pub fn is_of_yes_and_no(&self) -> bool {
        self.given
            .outcome
            .iter()
            .all(|outcome| *outcome == 0.0 || *outcome == 1.0)
    }
}
