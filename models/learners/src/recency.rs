//! The rule everybody knows: the rate of each class by how long ago (or any one number) it was.

use percorso_artefact::{Artefact, Sealer};

use crate::odds::log_odds;
use crate::{Error, Result};

/// Settings of the rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Recency {
    /// The column of numbers to cut into bins, by name.
    pub column: String,
    /// The number of bins with (nearly) equally many rows; one more holds missing cells.
    pub n_bins: usize,
    /// How strongly a bin is drawn to the overall rate: the weight of the overall rate, in rows.
    pub prior_rows: f64,
}

impl Recency {
    /// Ten bins of the column, each drawn to the overall rate with the weight of ten rows.
    pub fn of(column: impl Into<String>) -> Recency {
        Recency {
            column: column.into(),
            n_bins: 10,
            prior_rows: 10.0,
        }
    }
}

/// The rate of each class in each bin of one column.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedRecency {
    n_classes: usize,
    column: usize,
    /// Upper ends of all bins but the last, rising; a cell equal to an end is below it.
    ends: Vec<f32>,
    /// Overall shares, then a row for each bin, then the row for missing cells.
    overall: Vec<f64>,
    shares: Vec<f64>,
}

#[cfg(feature = "fit")]
impl Recency {
    /// The rates in the set; works with a single class too.
    ///
    /// # Errors
    /// - the column is not there or does not hold numbers
    /// - there is no bin, or the prior weight is not a positive number
    pub fn fit(&self, set: &crate::TrainingSet<'_>) -> Result<FittedRecency> {
        const LEARNER: &str = "recency";
        let columns = set.columns();
        let column = columns
            .iter()
            .position(|column| column.name == self.column)
            .ok_or_else(|| Error::NoSuchColumn {
                learner: LEARNER,
                column: self.column.clone(),
                n_columns: columns.len(),
            })?;
        if columns[column].kind != crate::ColumnKind::Number {
            return Err(Error::ColumnKind {
                learner: LEARNER,
                column: self.column.clone(),
                expected: "number",
            });
        }
        if self.n_bins == 0 {
            return Err(Error::Setting {
                setting: "n_bins",
                expected: "at least 1",
                found: 0.0,
            });
        }
        if !(self.prior_rows.is_finite() && self.prior_rows > 0.0) {
            return Err(Error::Setting {
                setting: "prior_rows",
                expected: "a positive number",
                found: self.prior_rows,
            });
        }
        let n_classes = set.n_classes();
        let overall = crate::prevalence::smoothed_shares(&set.class_counts());
        let ends = quantile_ends(set.x().column(column).iter().copied(), self.n_bins);
        let mut counts = vec![0u64; (ends.len() + 2) * n_classes];
        for (row, class) in set.y().iter().enumerate() {
            counts[bin(&ends, set.row(row)[column]) * n_classes + *class as usize] += 1;
        }
        let shares = counts
            .chunks(n_classes)
            .flat_map(|bin| {
                let n_rows = bin.iter().sum::<u64>() as f64;
                bin.iter()
                    .zip(&overall)
                    .map(move |(count, share)| (*count as f64 + self.prior_rows * share) / (n_rows + self.prior_rows))
            })
            .collect();
        Ok(FittedRecency {
            n_classes,
            column,
            ends,
            overall,
            shares,
        })
    }
}

#[cfg(feature = "fit")]
fn quantile_ends(cells: impl Iterator<Item = f32>, n_bins: usize) -> Vec<f32> {
    let mut present: Vec<f32> = cells.filter(|cell| !cell.is_nan()).collect();
    present.sort_unstable_by(f32::total_cmp);
    let mut ends: Vec<f32> = (1..n_bins)
        .filter_map(|end| present.get((end * present.len() / n_bins).checked_sub(1)?).copied())
        .collect();
    ends.dedup();
    // An end at the largest cell would leave the last bin empty.
    ends.pop_if(|end| present.last() == Some(end));
    ends
}

fn bin(ends: &[f32], cell: f32) -> usize {
    if cell.is_nan() {
        return ends.len() + 1;
    }
    ends.partition_point(|end| *end < cell)
}

impl FittedRecency {
    pub(crate) fn n_classes(&self) -> usize {
        self.n_classes
    }

    pub(crate) fn predict_into(&self, row: &[f32], out: &mut [f64]) {
        let bin = bin(&self.ends, row[self.column]);
        out.copy_from_slice(&self.shares[bin * self.n_classes..(bin + 1) * self.n_classes]);
        crate::odds::floor_and_normalise(out);
    }

    /// All of the difference from the overall rate belongs to the one column.
    pub(crate) fn contributions(&self, row: &[f32], class: usize, out: &mut [f64]) -> f64 {
        let base = log_odds(self.overall[class]);
        let mut probabilities = vec![0.0; self.n_classes];
        self.predict_into(row, &mut probabilities);
        out.fill(0.0);
        out[self.column] = log_odds(probabilities[class]) - base;
        base
    }

    pub(crate) fn seal(&self, prefix: &str, sealer: &mut Sealer) -> Result<()> {
        sealer.put_scalar(&format!("{prefix}/column"), self.column as u32)?;
        sealer.put_vector(&format!("{prefix}/ends"), &self.ends)?;
        sealer.put_vector(&format!("{prefix}/overall"), &self.overall)?;
        let shape = [self.ends.len() + 2, self.n_classes];
        Ok(sealer.put(&format!("{prefix}/shares"), &shape, &self.shares)?)
    }

    pub(crate) fn open(prefix: &str, artefact: &Artefact) -> Result<FittedRecency> {
        let malformed = |why| Error::Malformed {
            prefix: prefix.to_owned(),
            what: "recency rule",
            why,
        };
        let ends = artefact.vector::<f32>(&format!("{prefix}/ends"))?.to_vec();
        let overall = artefact.vector::<f64>(&format!("{prefix}/overall"))?.to_vec();
        let n_classes = overall.len();
        let shares = artefact.array::<f64>(&format!("{prefix}/shares"), &[ends.len() + 2, n_classes])?;
        if n_classes < 2 || overall.iter().chain(shares).any(|share| !(0.0..=1.0).contains(share)) {
            return Err(malformed("it needs two or more classes with shares from 0 to 1"));
        }
        if ends.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(malformed("the ends of its bins do not rise"));
        }
        let column = artefact.scalar::<u32>(&format!("{prefix}/column"))? as usize;
        Ok(FittedRecency {
            n_classes,
            column,
            ends,
            overall,
            shares: shares.to_vec(),
        })
    }
}

#[cfg(all(test, feature = "fit"))]
mod tests {
    use super::*;

    #[test]
    fn bins_hold_equally_many_rows_and_ties_stay_together() {
        let ends = quantile_ends([5.0, 1.0, 2.0, 3.0, 4.0, 6.0, f32::NAN].into_iter(), 3);
        assert_eq!(ends, [2.0, 4.0]);
        assert_eq!(
            [1.0, 2.0, 2.5, 4.0, 9.0, f32::NAN].map(|cell| bin(&ends, cell)),
            [0, 0, 1, 1, 2, 3]
        );
        assert!(quantile_ends([7.0; 9].into_iter(), 3).is_empty());
        assert!(quantile_ends([f32::NAN].into_iter(), 3).is_empty());
    }
}
