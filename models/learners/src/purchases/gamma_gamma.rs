//! The Gamma-Gamma model: what a customer spends each time, drawn to what all spend.

#[cfg(feature = "fit")]
use crate::{Error, Result};

/// What a customer has spent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spending {
    /// The number of purchases that the mean is of; 0 when nothing is known.
    pub frequency: u32,
    /// Their mean value, in money; not read when the frequency is 0.
    pub mean_value: f64,
}

/// The Gamma-Gamma model of Fader and Hardie (2013, "The Gamma-Gamma model of monetary value").
///
/// A purchase's value is gamma distributed around the customer's mean, and means vary over customers as an inverse gamma
/// distribution.
/// Value is taken as independent of how often the customer buys.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GammaGamma {
    /// The shape of values around a customer's mean.
    pub p: f64,
    /// The shape over customers, above 1.
    pub q: f64,
    /// The scale over customers, in money.
    pub v: f64,
}

/// Where all pay the same, or each always pays the same, the likelihood rises with the shapes for ever; beyond this it
/// tells no customer from another, and loses digits.
#[cfg(feature = "fit")]
const MOST_SHAPE: f64 = 1_000.0;

impl GammaGamma {
    /// The parameters of greatest likelihood (the note's equation 1a) among those with a mean over customers (q above 1),
    /// by Nelder and Mead's simplex on logarithms; shapes stay up to 1,000, and customers of frequency 0 tell nothing.
    ///
    /// # Errors
    /// - no customer has a purchase
    /// - a mean value is not a positive number
    #[cfg(feature = "fit")]
    pub fn fit(customers: &[Spending]) -> Result<GammaGamma> {
        let known: Vec<&Spending> = customers.iter().filter(|customer| customer.frequency > 0).collect();
        for (row, customer) in customers.iter().enumerate() {
            if customer.frequency > 0 && !(customer.mean_value > 0.0 && customer.mean_value.is_finite()) {
                return Err(Error::Customer {
                    row,
                    what: "mean value",
                    found: customer.mean_value,
                    expected: "a positive amount",
                });
            }
        }
        if known.is_empty() {
            return Err(Error::Length {
                what: "customer or more with a purchase",
                expected: 1,
                found: 0,
            });
        }
        let loss = |at: &[f64]| {
            let model = GammaGamma::of_logs(at);
            let sum: f64 = known.iter().map(|customer| model.log_likelihood(customer)).sum();
            -sum / known.len() as f64
        };
        let mean = known.iter().map(|customer| customer.mean_value).sum::<f64>() / known.len() as f64;
        let start = [0.0, 0.0, libm::log(mean)];
        Ok(GammaGamma::of_logs(&super::simplex::least(loss, &start)))
    }

    #[cfg(feature = "fit")]
    fn of_logs(logs: &[f64]) -> GammaGamma {
        GammaGamma {
            p: libm::exp(logs[0]).min(MOST_SHAPE),
            q: 1.0 + libm::exp(logs[1]).min(MOST_SHAPE),
            v: libm::exp(logs[2]),
        }
    }

    /// The natural logarithm of the density of the customer's mean value; 0 for frequency 0.
    pub fn log_likelihood(&self, customer: &Spending) -> f64 {
        if customer.frequency == 0 {
            return 0.0;
        }
        let GammaGamma { p, q, v } = *self;
        let (x, z) = (f64::from(customer.frequency), customer.mean_value);
        libm::lgamma(p * x + q) - libm::lgamma(p * x) - libm::lgamma(q)
            + q * libm::log(v)
            + (p * x - 1.0) * libm::log(z)
            + p * x * libm::log(x)
            - (p * x + q) * libm::log(v + x * z)
    }

    /// The value expected of the customer's next purchase, in money (the note's equation 5): the mean over all customers
    /// for frequency 0, nearer to the customer's own the more purchases there were.
    pub fn expected_value(&self, customer: &Spending) -> f64 {
        let GammaGamma { p, q, v } = *self;
        if customer.frequency == 0 {
            return p * v / (q - 1.0);
        }
        let x = f64::from(customer.frequency);
        p * (v + x * customer.mean_value) / (p * x + q - 1.0)
    }
}
