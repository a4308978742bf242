//! Both models of purchases as one, as a model file keeps them.

use percorso_artefact::{Artefact, Sealer};

use super::{BgNbd, GammaGamma, Purchases, Spending};
use crate::{Error, Result};

/// How often customers buy and what they spend, fitted on the same customers; time is in weeks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PurchaseModel {
    /// How often, and whether they still do.
    pub counts: BgNbd,
    /// How much each time.
    pub values: GammaGamma,
}

/// What a customer has bought and spent; time is in weeks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bought {
    /// When.
    pub purchases: Purchases,
    /// For how much.
    pub spending: Spending,
}

impl PurchaseModel {
    /// The published models of CDNOW (Fader, Hardie and Lee 2005; Fader and Hardie 2013).
    pub const CDNOW: PurchaseModel = PurchaseModel {
        counts: BgNbd {
            r: 0.243,
            alpha: 4.414,
            a: 0.793,
            b: 2.426,
        },
        values: GammaGamma {
            p: 6.25,
            q: 3.74,
            v: 15.44,
        },
    };

    /// Both models of greatest likelihood.
    ///
    /// # Errors
    /// - as of [`BgNbd::fit`] and [`GammaGamma::fit`]
    /// - the values fit no Gamma-Gamma model: its mean over customers is above every customer's own, or below
    #[cfg(feature = "fit")]
    pub fn fit(customers: &[Bought]) -> Result<PurchaseModel> {
        let purchases: Vec<Purchases> = customers.iter().map(|bought| bought.purchases).collect();
        let spending: Vec<Spending> = customers.iter().map(|bought| bought.spending).collect();
        let values = GammaGamma::fit(&spending)?;
        let known = || {
            let known = spending.iter().filter(|spending| spending.frequency > 0);
            known.map(|spending| spending.mean_value)
        };
        let mean_value = values.expected_value(&Spending {
            frequency: 0,
            mean_value: 0.0,
        });
        // Where all spend the same, the mean is theirs to a hundredth.
        let (least, most) = (known().fold(f64::INFINITY, f64::min), known().fold(0.0, f64::max));
        let is_within = (0.99 * least..=1.01 * most).contains(&mean_value);
        let expected = "one between the least and the greatest customer's mean value";
        crate::setting::check("the Gamma-Gamma mean over customers", is_within, expected, mean_value)?;
        Ok(PurchaseModel {
            counts: BgNbd::fit(&purchases)?,
            values,
        })
    }

    /// Puts the parameters under names that begin with `prefix/`.
    ///
    /// # Errors
    /// - the prefix is not allowed in names, or was used before
    pub fn seal(&self, prefix: &str, sealer: &mut Sealer) -> Result<()> {
        let BgNbd { r, alpha, a, b } = self.counts;
        let GammaGamma { p, q, v } = self.values;
        sealer.put_vector(&format!("{prefix}/bg_nbd"), &[r, alpha, a, b])?;
        Ok(sealer.put_vector(&format!("{prefix}/gamma_gamma"), &[p, q, v])?)
    }

    /// What was sealed under the prefix.
    ///
    /// # Errors
    /// - an array is missing or of another type or shape
    /// - a parameter is not positive, or q is not above 1
    pub fn open(prefix: &str, artefact: &Artefact) -> Result<PurchaseModel> {
        let malformed = |why| Error::Malformed {
            prefix: prefix.to_owned(),
            what: "model of purchases",
            why,
        };
        let counts = artefact.array::<f64>(&format!("{prefix}/bg_nbd"), &[4])?;
        let values = artefact.array::<f64>(&format!("{prefix}/gamma_gamma"), &[3])?;
        if counts.iter().chain(values).any(|parameter| *parameter <= 0.0) {
            return Err(malformed("a parameter is not positive"));
        }
        if values[1] <= 1.0 {
            return Err(malformed("q is not above 1"));
        }
        Ok(PurchaseModel {
            counts: BgNbd {
                r: counts[0],
                alpha: counts[1],
                a: counts[2],
                b: counts[3],
            },
            values: GammaGamma {
                p: values[0],
                q: values[1],
                v: values[2],
            },
        })
    }
}
