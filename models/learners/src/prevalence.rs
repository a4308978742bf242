//! The first baseline: every row gets the share of each class in training.

use percorso_artefact::{Artefact, Sealer};

use crate::odds::log_odds;
use crate::{Error, Result};

/// Settings of the prevalence baseline; there are none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prevalence;

/// The share of each class in training.
///
/// Shares are smoothed by half a row for each class (Krichevsky and Trofimov 1981), so none is 0 or 1.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedPrevalence {
    probabilities: Vec<f64>,
}

#[cfg(feature = "fit")]
impl Prevalence {
    /// The shares of the rows' weight in the set; works with a single class too.
    pub fn fit(&self, set: &crate::TrainingSet<'_>) -> FittedPrevalence {
        FittedPrevalence {
            probabilities: smoothed_shares(&set.class_weights()),
        }
    }
}

/// The smoothed share of each class from the weight of its rows.
#[cfg(feature = "fit")]
pub(crate) fn smoothed_shares(weights: &[f64]) -> Vec<f64> {
    let total = weights.iter().sum::<f64>() + 0.5 * weights.len() as f64;
    let mut shares: Vec<f64> = weights.iter().map(|weight| (weight + 0.5) / total).collect();
    crate::odds::floor_and_normalise(&mut shares);
    shares
}

impl FittedPrevalence {
    pub(crate) fn n_classes(&self) -> usize {
        self.probabilities.len()
    }

    pub(crate) fn predict_into(&self, out: &mut [f64]) {
        out.copy_from_slice(&self.probabilities);
    }

    /// Nothing contributes: the base is the answer.
    pub(crate) fn contributions(&self, class: usize, out: &mut [f64]) -> f64 {
        out.fill(0.0);
        log_odds(self.probabilities[class])
    }

    pub(crate) fn seal(&self, prefix: &str, sealer: &mut Sealer) -> Result<()> {
        Ok(sealer.put_vector(&format!("{prefix}/probabilities"), &self.probabilities)?)
    }

    pub(crate) fn open(prefix: &str, artefact: &Artefact) -> Result<FittedPrevalence> {
        let probabilities = artefact.vector::<f64>(&format!("{prefix}/probabilities"))?.to_vec();
        let sum: f64 = probabilities.iter().sum();
        if probabilities.len() < 2 || probabilities.iter().any(|p| *p <= 0.0) || (sum - 1.0).abs() > 1e-12 {
            return Err(Error::Malformed {
                prefix: prefix.to_owned(),
                what: "prevalence",
                why: "it needs two or more positive shares that sum to 1",
            });
        }
        Ok(FittedPrevalence { probabilities })
    }
}

#[cfg(all(test, feature = "fit"))]
mod tests {
    use super::*;

    #[test]
    fn shares_are_smoothed_by_half_a_row() {
        let shares = smoothed_shares(&[3.0, 0.0]);
        assert!((shares[0] - 3.5 / 4.0).abs() < 1e-15 && (shares[1] - 0.5 / 4.0).abs() < 1e-15);
    }
}
