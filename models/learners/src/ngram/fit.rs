//! Counting a training set, and predicting its rows without their own customers.

use ndarray::{Array2, Axis};
use rayon::prelude::*;

use super::{FittedNgram, Ngram, NgramCounts, Observed};
use crate::random::Random;
use crate::training_set::code;
use crate::{ColumnKind, Error, Result, TrainingSet, setting};

impl Ngram {
    /// The contexts in the set; works with a single class too.
    ///
    /// # Errors
    /// - `max_order` is above [`super::MAX_ORDER`]
    /// - a column is not there or does not hold categories
    pub fn fit(&self, set: &TrainingSet<'_>) -> Result<FittedNgram> {
        Ok(self.count(set)?.freeze())
    }

    /// The counts of the set's rows in their order, which further observations can be added to.
    ///
    /// # Errors
    /// - as [`Ngram::fit`]
    pub fn count(&self, set: &TrainingSet<'_>) -> Result<NgramCounts> {
        self.count_where(set, |_| true)
    }

    /// The probability of each class (columns) for each row (rows) of the set from an n-gram that saw no row of the
    /// row's customer: what another learner can learn from as if it were the n-gram's word on new customers.
    ///
    /// Customers fall into `n_folds` folds by chance from the seed; each fold is predicted from the others' counts.
    /// Without any other row, all classes are equally likely.
    ///
    /// # Errors
    /// - there are fewer than two folds
    /// - as [`Ngram::fit`]
    pub fn out_of_fold(&self, set: &TrainingSet<'_>, n_folds: usize, seed: u64) -> Result<Array2<f64>> {
        setting::check("n_folds", n_folds >= 2, "at least 2", n_folds as f64)?;
        let fold_of_row: Vec<usize> = set
            .customers()
            .iter()
            .map(|customer| Random::stream(seed, *customer).below(n_folds))
            .collect();
        let fitted: Vec<FittedNgram> = (0..n_folds)
            .into_par_iter()
            .map(|fold| Ok(self.count_where(set, |row| fold_of_row[row] != fold)?.freeze()))
            .collect::<Result<_>>()?;
        let mut p = Array2::zeros((set.n_rows(), set.n_classes()));
        for (row, mut out) in p.axis_iter_mut(Axis(0)).enumerate() {
            let out = out.as_slice_mut().expect("a new matrix is row-major");
            fitted[fold_of_row[row]].predict_into(set.row(row), out);
        }
        Ok(p)
    }

    fn count_where(&self, set: &TrainingSet<'_>, is_counted: impl Fn(usize) -> bool) -> Result<NgramCounts> {
        self.check(set)?;
        let mut counts = NgramCounts::new(self, set.n_classes())?;
        let columns = &self.columns[..self.columns.len().min(self.max_order)];
        let mut steps = Vec::with_capacity(columns.len());
        for row in (0..set.n_rows()).filter(|row| is_counted(*row)) {
            let cells = set.row(row);
            steps.clear();
            steps.extend(columns.iter().map_while(|column| code(cells[*column])));
            counts.observe(&Observed {
                steps: &steps,
                class: set.y()[row],
                customer: set.customers()[row],
                weight: set.weight(row),
            })?;
        }
        Ok(counts)
    }

    fn check(&self, set: &TrainingSet<'_>) -> Result<()> {
        const LEARNER: &str = "ngram";
        let columns = set.columns();
        for position in &self.columns {
            let column = columns.get(*position).ok_or_else(|| Error::NoSuchColumn {
                learner: LEARNER,
                column: position.to_string(),
                n_columns: columns.len(),
            })?;
            if column.kind == ColumnKind::Number {
                return Err(Error::ColumnKind {
                    learner: LEARNER,
                    column: column.name.clone(),
                    expected: "category",
                });
            }
        }
        Ok(())
    }
}
