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
    /// The rates in the set, each row as if it were there `weight` times; works with a single class too.
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
        crate::setting::at_least_one("n_bins", self.n_bins)?;
        crate::setting::positive("prior_rows", self.prior_rows)?;
        let n_classes = set.n_classes();
        let overall = crate::prevalence::smoothed_shares(&set.class_weights());
        let weighted_cells = (0..set.n_rows()).map(|row| (set.row(row)[column], set.weight(row)));
        let ends = quantile_ends(weighted_cells, self.n_bins);
        let mut weights = vec![0.0; (ends.len() + 2) * n_classes];
        for (row, class) in set.y().iter().enumerate() {
            weights[bin(&ends, set.row(row)[column]) * n_classes + *class as usize] += set.weight(row);
        }
        let shares = weights
            .chunks(n_classes)
            .flat_map(|bin| {
                let n_rows = bin.iter().sum::<f64>();
                bin.iter()
                    .zip(&overall)
                    .map(move |(weight, share)| (weight + self.prior_rows * share) / (n_rows + self.prior_rows))
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

/// The last cell of each bin but the last, where cells of weight w stand w times in a row: as many to each bin as nearly
/// as ties allow.
#[cfg(feature = "fit")]
fn quantile_ends(cells: impl Iterator<Item = (f32, f64)>, n_bins: usize) -> Vec<f32> {
    let mut present: Vec<(f32, f64)> = cells.filter(|(cell, weight)| !cell.is_nan() && *weight > 0.0).collect();
    present.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let total: f64 = present.iter().map(|(_, weight)| weight).sum();
    let mut ends = Vec::new();
    let (mut place, mut up_to) = (0, 0.0);
    for end in 1..n_bins {
        let wanted = end as f64 * total / n_bins as f64;
        if wanted < 1.0 {
            continue;
        }
        // The cell in the last whole place before the cut.
        while place < present.len() && up_to <= wanted - 1.0 {
            up_to += present[place].1;
            place += 1;
        }
        ends.push(present[place - 1].0);
    }
    ends.dedup();
    // An end at the largest cell would leave the last bin empty.
    ends.pop_if(|end| present.last().is_some_and(|(cell, _)| cell == end));
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
        let ends_of = |cells: &[f32], n_bins| quantile_ends(cells.iter().map(|cell| (*cell, 1.0)), n_bins);
        let ends = ends_of(&[5.0, 1.0, 2.0, 3.0, 4.0, 6.0, f32::NAN], 3);
        assert_eq!(ends, [2.0, 4.0]);
        assert_eq!(
            [1.0, 2.0, 2.5, 4.0, 9.0, f32::NAN].map(|cell| bin(&ends, cell)),
            [0, 0, 1, 1, 2, 3]
        );
        assert!(ends_of(&[7.0; 9], 3).is_empty());
        assert!(ends_of(&[f32::NAN], 3).is_empty());
    }

    #[test]
    fn a_weight_is_so_many_rows() {
        let cells: Vec<(f32, f64)> = (0..40u16)
            .map(|cell| (f32::from(cell * 7 % 31), f64::from(cell % 4)))
            .collect();
        let repeated: Vec<(f32, f64)> = cells
            .iter()
            .flat_map(|(cell, weight)| vec![(*cell, 1.0); *weight as usize])
            .collect();
        for n_bins in 1..80 {
            let found = quantile_ends(cells.iter().copied(), n_bins);
            assert_eq!(found, quantile_ends(repeated.iter().copied(), n_bins), "{n_bins} bins");
            let mut sorted: Vec<f32> = repeated.iter().map(|(cell, _)| *cell).collect();
            sorted.sort_by(f32::total_cmp);
            let places = (1..n_bins).filter_map(|end| (end * sorted.len() / n_bins).checked_sub(1));
            let mut expected: Vec<f32> = places.map(|place| sorted[place]).collect();
            expected.dedup();
            expected.retain(|end| Some(end) != sorted.last());
            assert_eq!(found, expected, "{n_bins} bins");
        }
    }
}
