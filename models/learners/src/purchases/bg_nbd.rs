//! The BG/NBD model: customers buy at their own rate until, after some purchase, they are gone.

#[cfg(feature = "fit")]
use crate::{Error, Result};

/// What a customer has bought, in units of time of your choice, the same for all.
///
/// Purchases of one unit of time (such as a day) are usually merged into one before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Purchases {
    /// Purchases after the first.
    pub frequency: u32,
    /// Time from the first purchase to the last; 0 when there was only one.
    pub recency: f64,
    /// Time from the first purchase to now.
    pub age: f64,
}

/// The beta-geometric / negative binomial model of Fader, Hardie and Lee (2005, "Counting your customers the easy way: an
/// alternative to the Pareto/NBD model", Marketing Science 24).
///
/// While alive a customer buys at a steady rate, and after each purchase is gone with a fixed probability; rates are
/// gamma distributed over customers, probabilities beta distributed.
/// It takes nobody who never bought again for gone, and knows no season.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BgNbd {
    /// The shape of the rates.
    pub r: f64,
    /// Their inverse scale, in units of time: the mean rate is `r / alpha`.
    pub alpha: f64,
    /// The beta distribution's weight of leaving.
    pub a: f64,
    /// Its weight of staying: the mean probability of leaving is `a / (a + b)`.
    pub b: f64,
}

impl BgNbd {
    /// The parameters of greatest likelihood (the paper's equation 6), by Nelder and Mead's simplex on their logarithms.
    ///
    /// # Errors
    /// - no customer bought again
    /// - an age or recency is negative or not finite, a recency is above the age, or it is 0 and the frequency is not or
    ///   the other way round
    #[cfg(feature = "fit")]
    pub fn fit(customers: &[Purchases]) -> Result<BgNbd> {
        for (row, customer) in customers.iter().enumerate() {
            customer.check(row)?;
        }
        if customers.iter().all(|customer| customer.frequency == 0) {
            return Err(Error::Length {
                what: "customer or more who bought again",
                expected: 1,
                found: 0,
            });
        }
        // Many customers, such as those of one day who never came back, are alike.
        let mut sorted = customers.to_vec();
        sorted.sort_by(|a, b| {
            a.frequency
                .cmp(&b.frequency)
                .then(a.recency.total_cmp(&b.recency))
                .then(a.age.total_cmp(&b.age))
        });
        let alike: Vec<(f64, Purchases)> = sorted
            .chunk_by(|a, b| a == b)
            .map(|alike| (alike.len() as f64, alike[0]))
            .collect();
        let mean_age = customers.iter().map(|customer| customer.age).sum::<f64>() / customers.len() as f64;
        let loss = |at: &[f64]| {
            let model = BgNbd::of_logs(at);
            let sum: f64 = alike
                .iter()
                .map(|(times, customer)| times * model.log_likelihood(customer))
                .sum();
            -sum / customers.len() as f64
        };
        let start = [0.0, libm::log(mean_age), 0.0, 0.0];
        Ok(BgNbd::of_logs(&super::simplex::least(loss, &start)))
    }

    #[cfg(feature = "fit")]
    fn of_logs(logs: &[f64]) -> BgNbd {
        BgNbd {
            r: libm::exp(logs[0]),
            alpha: libm::exp(logs[1]),
            a: libm::exp(logs[2]),
            b: libm::exp(logs[3]),
        }
    }

    /// The natural logarithm of the likelihood of what the customer bought.
    pub fn log_likelihood(&self, customer: &Purchases) -> f64 {
        let BgNbd { r, alpha, a, b } = *self;
        let x = f64::from(customer.frequency);
        let bought = libm::lgamma(r + x) - libm::lgamma(r) + r * libm::log(alpha);
        let stayed = libm::lgamma(a + b) + libm::lgamma(b + x) - libm::lgamma(b) - libm::lgamma(a + b + x);
        let is_alive = -(r + x) * libm::log(alpha + customer.age);
        bought + stayed + is_alive + libm::log1p(self.odds_of_gone(customer))
    }

    /// The probability that the customer still buys, 0 to 1 (Fader, Hardie and Lee 2008, "Computing P(alive) using the
    /// BG/NBD model"); 1 for one who never bought again.
    pub fn p_alive(&self, customer: &Purchases) -> f64 {
        1.0 / (1.0 + self.odds_of_gone(customer))
    }

    /// The probability that no purchase comes within `horizon` from now, 0 to 1: the customer is gone, or lets it pass.
    ///
    /// Nobody leaves without a purchase, so one who is alive lets it pass at a steady rate: a Pareto distributed wait.
    pub fn p_silent(&self, customer: &Purchases, horizon: f64) -> f64 {
        let BgNbd { r, alpha, .. } = *self;
        let shape = r + f64::from(customer.frequency);
        let p_buys = -libm::expm1(-shape * libm::log1p(horizon / (alpha + customer.age)));
        1.0 - self.p_alive(customer) * p_buys
    }

    /// The purchases expected within `horizon` from now, whether the customer is alive or not (the paper's equation 10).
    pub fn expected_purchases(&self, customer: &Purchases, horizon: f64) -> f64 {
        self.p_alive(customer) * self.expected_purchases_if_alive(customer, horizon)
    }

    /// The purchases expected within `horizon` from now of a customer who is still alive, and may leave on the way.
    ///
    /// Equation 10 without P(alive), its hypergeometric function turned by Euler's transformation and its division by
    /// `a − 1` carried out, so that neither many purchases nor `a` near 1 cost digits.
    pub fn expected_purchases_if_alive(&self, customer: &Purchases, horizon: f64) -> f64 {
        let BgNbd { r, alpha, a, b } = *self;
        let z = horizon / (alpha + customer.age + horizon);
        let log_rest = -libm::log1p(horizon / (alpha + customer.age));
        let (e, c) = (a - 1.0, a + b + f64::from(customer.frequency) - 1.0);
        let slope = if e == 0.0 {
            log_rest
        } else {
            libm::expm1(e * log_rest) / e
        };
        -c * slope - libm::exp(e * log_rest) * series(a + b - 1.0 - r, e, c, z)
    }

    /// The odds that the customer is gone.
    fn odds_of_gone(&self, customer: &Purchases) -> f64 {
        if customer.frequency == 0 {
            return 0.0;
        }
        let BgNbd { r, alpha, a, b } = *self;
        let x = f64::from(customer.frequency);
        let silence = libm::log((alpha + customer.age) / (alpha + customer.recency));
        a / (b + x - 1.0) * libm::exp((r + x) * silence)
    }
}

/// `c (₂F₁(d, e; c; z) − 1) / e`, term by term, for z from 0 up to 1.
fn series(d: f64, e: f64, c: f64, z: f64) -> f64 {
    const MAX_TERMS: u32 = 1_000_000;
    let mut term = d * z;
    let mut sum = term;
    for n in 1..MAX_TERMS {
        let n = f64::from(n);
        let ratio = (d + n) * (e + n) / ((c + n) * (n + 1.0)) * z;
        term *= ratio;
        sum += term;
        // What is left is about a geometric series.
        if term.abs() <= 1e-16 * sum.abs() * (1.0 - ratio.abs().min(z)) {
            break;
        }
    }
    sum
}

#[cfg(feature = "fit")]
impl Purchases {
    fn check(&self, row: usize) -> Result<()> {
        let wrong = |what, found, expected| {
            Err(Error::Customer {
                row,
                what,
                found,
                expected,
            })
        };
        if !(self.age >= 0.0 && self.age.is_finite()) {
            return wrong("age", self.age, "a finite time, 0 or more");
        }
        if !(0.0..=self.age).contains(&self.recency) {
            return wrong("recency", self.recency, "a time from 0 to the age");
        }
        if (self.recency == 0.0) != (self.frequency == 0) {
            return wrong(
                "recency",
                self.recency,
                "0 for one who never bought again, above 0 for others",
            );
        }
        Ok(())
    }
}
