//! Logistic regression on prepared columns: fast, exact to explain, and a fair opponent for everything else.

#[cfg(feature = "fit")]
mod design;
#[cfg(feature = "fit")]
mod fit;
#[cfg(feature = "fit")]
mod lbfgs;
#[cfg(feature = "fit")]
mod logistic;
#[cfg(feature = "fit")]
mod ridge;
#[cfg(feature = "fit")]
mod shift;
#[cfg(feature = "fit")]
mod solution;

use percorso_artefact::{Artefact, Sealer};
#[cfg(feature = "fit")]
pub use shift::GivenArms;

use crate::odds::{FLOOR, floor_and_normalise, log_odds, mean_slopes, probability, settle, softmax};
#[cfg(feature = "fit")]
use crate::setting;
use crate::training_set::code;
use crate::{Error, Result};

/// Settings of the logistic regression.
///
/// Numbers are taken as `sign(x) ln(1 + |x|)`, standardised and held within ±10; a missing number counts as the mean,
/// with a term of its own when training had missing cells.
/// Each category of at least `min_rows` rows has a term, missing among them.
/// Columns that are constant in training are dropped.
///
/// The penalty grows with the number of terms: it is the one that a Gaussian prior gives under which all terms together
/// spread a row's log-odds with variance `spread²` (as in Bayesian ridge regression), however many they are.
/// Above `max_rows` rows, that many are drawn by the seed without replacement.
///
/// At 30,000 rows of 250 columns (some 700 terms) the defaults take about 1.3 s for two classes and 1.6 s for eight, nearly
/// all in the library's matrix products; fewer iterations than full convergence act as regularisation too.
///
/// A fit repeats to the bit on one machine; between machines the matrix products may round differently.
/// Predictions of one fitted model are the same bits everywhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Linear {
    /// The standard deviation of a row's log-odds that is expected beforehand.
    pub spread: f64,
    /// The most iterations of L-BFGS.
    pub max_iterations: u64,
    /// The gradient norm to stop at, as a share of the square root of the number of rows.
    pub gradient_tolerance: f64,
    /// The most rows to learn from.
    pub max_rows: usize,
    /// The fewest rows that a category needs to have a term of its own.
    pub min_rows: usize,
}

impl Default for Linear {
    fn default() -> Self {
        Linear {
            spread: 0.7,
            max_iterations: 12,
            gradient_tolerance: 1e-2,
            max_rows: 10_000,
            min_rows: 20,
        }
    }
}

/// Settings of the logistic regression that goes on to the end, on as many rows as [`max_cells`](Logistic::max_cells) holds.
///
/// Columns are prepared and weights penalised as [`Linear`] does, which stands beside it as a baseline from a library;
/// this one takes many more rows in the same time, takes weights of rows, and fits the same bits on every machine and
/// any number of threads.
#[derive(Debug, Clone, PartialEq)]
pub struct Logistic {
    /// The standard deviation of a row's log-odds that is expected beforehand.
    pub spread: f64,
    /// The most steps of L-BFGS.
    pub max_iterations: usize,
    /// The largest part of the gradient of the mean log loss that counts as none.
    pub gradient_tolerance: f64,
    /// The most cells that one step goes through: rows to learn from, times terms, times scores (one for two classes, else
    /// one for each).
    ///
    /// Above it, as many rows are drawn by the seed without replacement.
    pub max_cells: usize,
    /// The fewest rows that a category needs to have a term of its own.
    pub min_rows: usize,
}

impl Default for Logistic {
    fn default() -> Self {
        Logistic {
            spread: 1.5,
            max_iterations: 200,
            gradient_tolerance: 3e-4,
            max_cells: 12_000_000,
            min_rows: 20,
        }
    }
}

/// Settings of the regression of amounts, least squares with a penalty on weights (Hoerl and Kennard 1970).
///
/// Columns are prepared as [`Linear`] does; the penalty is the one of `penalties` that tells best the amounts of customers
/// who were left out.
#[derive(Debug, Clone, PartialEq)]
pub struct Ridge {
    /// Penalties to choose from, each as a share of the number of rows.
    pub penalties: Vec<f64>,
    /// How many parts of the customers are left out in turn, at least 2.
    pub n_folds: usize,
    /// The most rows to learn from; as many are drawn by the seed without replacement.
    pub max_rows: usize,
    /// The fewest rows that a category needs to have a term of its own.
    pub min_rows: usize,
}

impl Default for Ridge {
    fn default() -> Self {
        Ridge {
            penalties: vec![0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0],
            n_folds: 5,
            max_rows: 50_000,
            min_rows: 20,
        }
    }
}

/// Settings of the lines by which arms move known log-odds: componentwise boosting of a logistic regression (Bühlmann and
/// Yu 2003; Bühlmann and Hothorn 2007, "Boosting algorithms"), which takes the one term that tells most a small step at a
/// time, so that the few that matter are found among many.
///
/// An arm's terms count 1 less its share where it was given and less its share elsewhere (Tian et al. 2014, "A simple
/// method for estimating interactions between a treatment and a large number of covariates"), so what is expected of all
/// needs to be known only on average over arms; with several arms, what they do alike has terms too.
/// Columns are prepared as [`Linear`] does; the number of steps is the one that tells best what came of customers who were
/// left out, none where arms move all alike.
#[derive(Debug, Clone, PartialEq)]
pub struct Shift {
    /// How much of the best step is taken, above 0 and at most 1.
    pub rate: f64,
    /// The most steps.
    pub max_steps: usize,
    /// How many parts of the customers are left out in turn, at least 2.
    pub n_folds: usize,
    /// The most rows to learn from; as many are drawn by the seed without replacement.
    pub max_rows: usize,
    /// The fewest rows that a category needs to have a term of its own.
    pub min_rows: usize,
}

impl Default for Shift {
    fn default() -> Self {
        Shift {
            rate: 0.1,
            max_steps: 500,
            n_folds: 5,
            max_rows: 400_000,
            min_rows: 20,
        }
    }
}

/// Lines that move log-odds: amounts are log-odds to add.
#[derive(Debug, Clone, PartialEq)]
pub struct Shifts {
    /// From what was expected to what is under the control.
    pub control: FittedRidge,
    /// From there to what is under each other arm.
    pub arms: Vec<FittedRidge>,
}

/// What [`Shift`] found.
#[cfg(feature = "fit")]
#[derive(Debug, Clone, PartialEq)]
pub struct ShiftFit {
    /// Of all rows.
    pub whole: Shifts,
    /// Without the rows of each fold of customers.
    pub without: Vec<Shifts>,
    seed: u64,
}

#[cfg(feature = "fit")]
impl ShiftFit {
    /// The lines that were found without a customer's own rows.
    pub fn left_out(&self, customer: u64) -> &Shifts {
        &self.without[crate::fold_of(customer, self.without.len(), self.seed)]
    }
}

/// Checks the settings of what finds its penalty by leaving out customers.
#[cfg(feature = "fit")]
fn check_left_out(penalties: &[f64], n_folds: usize, max_rows: usize) -> Result<()> {
    setting::at_least_one("penalties", penalties.len())?;
    penalties
        .iter()
        .try_for_each(|penalty| setting::positive("penalties", *penalty))?;
    setting::check("n_folds", n_folds >= 2, "at least 2", n_folds as f64)?;
    setting::at_least_one("max_rows", max_rows)
}

/// A fitted regression of amounts.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedRidge(FittedLinear);

impl FittedRidge {
    /// The amount expected of a row.
    ///
    /// # Panics
    /// When the row has fewer columns than training had.
    pub fn amount(&self, row: &[f32]) -> f64 {
        let mut amount = self.0.intercept[0];
        self.0.each_term(row, |_, _, term| amount += term);
        amount
    }

    /// Puts everything under names that begin with `prefix/`.
    ///
    /// # Errors
    /// - the prefix is not allowed in names, or was used before
    pub fn seal(&self, prefix: &str, sealer: &mut Sealer) -> Result<()> {
        self.0.seal(prefix, sealer)
    }

    /// What was sealed under the prefix.
    ///
    /// # Errors
    /// - an array is missing or of another type or shape, or the arrays contradict each other
    pub fn open(prefix: &str, artefact: &Artefact) -> Result<FittedRidge> {
        let fitted = FittedLinear::open(prefix, artefact)?;
        if fitted.n_scores() != 1 {
            return Err(Error::Malformed {
                prefix: prefix.to_owned(),
                what: "regression of amounts",
                why: "it has more than one score",
            });
        }
        Ok(FittedRidge(fitted))
    }
}

/// How far from the mean a standardised number may lie.
pub(crate) const MAX_DEVIATIONS: f64 = 10.0;

/// One score (two classes) or one score for each class, as sums of one term for each column.
///
/// Terms are centred: a row of average cells has the intercept as its score.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedLinear {
    n_classes: usize,
    n_columns: usize,
    intercept: Vec<f64>,
    /// Columns of numbers; each has `n_scores` weights, and as many terms for present and for missing cells.
    number_column: Vec<u32>,
    number_mean: Vec<f64>,
    number_scale: Vec<f64>,
    number_weight: Vec<f64>,
    number_present: Vec<f64>,
    number_missing: Vec<f64>,
    /// Columns of categories; each has a row of `n_scores` terms for every code and, last, for missing.
    category_column: Vec<u32>,
    category_first: Vec<u32>,
    category_term: Vec<f64>,
}

/// `sign(x) ln(1 + |x|)`: close to x for small x, tame for counts and money.
pub(crate) fn signed_log(x: f64) -> f64 {
    libm::log1p(x.abs()).copysign(x)
}

/// The standardised number.
pub(crate) fn standardised(x: f64, mean: f64, scale: f64) -> f64 {
    ((signed_log(x) - mean) / scale).clamp(-MAX_DEVIATIONS, MAX_DEVIATIONS)
}

impl FittedLinear {
    pub(crate) fn n_classes(&self) -> usize {
        self.n_classes
    }

    fn n_scores(&self) -> usize {
        self.intercept.len()
    }

    /// The number of columns that have a term; constant columns have none.
    pub fn n_columns_used(&self) -> usize {
        self.number_column.len() + self.category_column.len()
    }

    pub(crate) fn predict_into(&self, row: &[f32], out: &mut [f64]) {
        let n_scores = self.n_scores();
        out[..n_scores].copy_from_slice(&self.intercept);
        self.each_term(row, |_, score, term| out[score] += term);
        self.finish(out);
    }

    /// Turns the scores at the front of `out` into probabilities.
    fn finish(&self, out: &mut [f64]) {
        if self.n_scores() == 1 {
            let p = probability(out[0]).clamp(FLOOR, 1.0 - FLOOR);
            out[0] = 1.0 - p;
            out[1] = p;
        } else {
            softmax(out);
            floor_and_normalise(out);
        }
    }

    /// Calls `add(column, score, term)` for every column and score, in a fixed order.
    fn each_term(&self, row: &[f32], mut add: impl FnMut(usize, usize, f64)) {
        let n_scores = self.n_scores();
        for (number, column) in self.number_column.iter().enumerate() {
            let column = *column as usize;
            let terms = number * n_scores..(number + 1) * n_scores;
            let cell = row[column];
            if cell.is_nan() {
                for (score, missing) in self.number_missing[terms].iter().enumerate() {
                    add(column, score, *missing);
                }
                continue;
            }
            let z = standardised(cell.into(), self.number_mean[number], self.number_scale[number]);
            let weights = self.number_weight[terms.clone()]
                .iter()
                .zip(&self.number_present[terms]);
            for (score, (weight, present)) in weights.enumerate() {
                add(column, score, weight * z + present);
            }
        }
        for (category, column) in self.category_column.iter().enumerate() {
            let column = *column as usize;
            let first = self.category_first[category] as usize;
            let missing = self.category_first[category + 1] as usize - 1;
            let found = code(row[column]).map_or(missing, |code| (first + code as usize).min(missing));
            let terms = &self.category_term[found * n_scores..(found + 1) * n_scores];
            for (score, term) in terms.iter().enumerate() {
                add(column, score, *term);
            }
        }
    }

    /// Each column's part of the class's log-odds.
    ///
    /// Two classes: the terms themselves, exact.
    /// More: along the straight way from the average row to this one, as `mean_slopes` has it.
    pub(crate) fn contributions(&self, row: &[f32], class: usize, out: &mut [f64]) -> f64 {
        let n_scores = self.n_scores();
        let mut base = vec![0.0; self.n_classes];
        base[..n_scores].copy_from_slice(&self.intercept);
        let mut scores = base.clone();
        self.each_term(row, |_, score, term| scores[score] += term);

        out.fill(0.0);
        if n_scores == 1 {
            let sign = if class == 1 { 1.0 } else { -1.0 };
            self.each_term(row, |column, _, term| out[column] += sign * term);
        } else {
            let slopes = mean_slopes(&base, &scores, class);
            self.each_term(row, |column, score, term| out[column] += slopes[score] * term);
        }
        self.finish(&mut base);
        self.finish(&mut scores);
        let base = log_odds(base[class]);
        settle(out, log_odds(scores[class]) - base);
        base
    }

    pub(crate) fn seal(&self, prefix: &str, sealer: &mut Sealer) -> Result<()> {
        let name = |array: &str| format!("{prefix}/{array}");
        let (n_scores, n_numbers) = (self.n_scores(), self.number_column.len());
        sealer.put_scalar(&name("n_classes"), self.n_classes as u32)?;
        sealer.put_scalar(&name("n_columns"), self.n_columns as u32)?;
        sealer.put_vector(&name("intercept"), &self.intercept)?;
        sealer.put_vector(&name("number_column"), &self.number_column)?;
        sealer.put_vector(&name("number_mean"), &self.number_mean)?;
        sealer.put_vector(&name("number_scale"), &self.number_scale)?;
        sealer.put(&name("number_weight"), &[n_numbers, n_scores], &self.number_weight)?;
        sealer.put(&name("number_present"), &[n_numbers, n_scores], &self.number_present)?;
        sealer.put(&name("number_missing"), &[n_numbers, n_scores], &self.number_missing)?;
        sealer.put_vector(&name("category_column"), &self.category_column)?;
        sealer.put_vector(&name("category_first"), &self.category_first)?;
        let n_rows = self.category_term.len() / n_scores;
        Ok(sealer.put(&name("category_term"), &[n_rows, n_scores], &self.category_term)?)
    }

    pub(crate) fn open(prefix: &str, artefact: &Artefact) -> Result<FittedLinear> {
        let name = |array: &str| format!("{prefix}/{array}");
        let number_column = artefact.vector::<u32>(&name("number_column"))?.to_vec();
        let category_column = artefact.vector::<u32>(&name("category_column"))?.to_vec();
        let intercept = artefact.vector::<f64>(&name("intercept"))?.to_vec();
        let (n_numbers, n_scores) = (number_column.len(), intercept.len());
        let terms = |array: &str| artefact.array::<f64>(&name(array), &[n_numbers, n_scores]);
        let (n_rows, n_term_scores, category_term) = artefact.matrix::<f64>(&name("category_term"))?;
        let fitted = FittedLinear {
            n_classes: artefact.scalar::<u32>(&name("n_classes"))? as usize,
            n_columns: artefact.scalar::<u32>(&name("n_columns"))? as usize,
            number_mean: artefact.array::<f64>(&name("number_mean"), &[n_numbers])?.to_vec(),
            number_scale: artefact.array::<f64>(&name("number_scale"), &[n_numbers])?.to_vec(),
            number_weight: terms("number_weight")?.to_vec(),
            number_present: terms("number_present")?.to_vec(),
            number_missing: terms("number_missing")?.to_vec(),
            category_first: artefact
                .array::<u32>(&name("category_first"), &[category_column.len() + 1])?
                .to_vec(),
            category_term: category_term.to_vec(),
            number_column,
            category_column,
            intercept,
        };
        let malformed = |why| Error::Malformed {
            prefix: prefix.to_owned(),
            what: "linear model",
            why,
        };
        let n_classes = fitted.n_classes;
        if n_classes < 2 || n_scores != n_term_scores || (n_scores != 1 || n_classes != 2) && n_scores != n_classes {
            return Err(malformed("its scores are not one for two classes or one for each"));
        }
        let columns = fitted.number_column.iter().chain(&fitted.category_column);
        if columns.into_iter().any(|column| *column as usize >= fitted.n_columns) {
            return Err(malformed("it uses a column that it does not have"));
        }
        if fitted.number_scale.iter().any(|scale| *scale <= 0.0) {
            return Err(malformed("a scale is not positive"));
        }
        let first = &fitted.category_first;
        if first.windows(2).any(|pair| pair[0] >= pair[1]) || first.last().copied() != u32::try_from(n_rows).ok() {
            return Err(malformed("the places of its categories do not rise to their end"));
        }
        Ok(fitted)
    }
}
