//! How often a customer will buy again, whether they still do, and how much they spend: models of purchases without a
//! contract.
//!
//! [`BgNbd`] answers the first two from three numbers a customer, [`GammaGamma`] the third from two.
//! Both know nothing else of the customer, which makes them baselines that every churn score should beat.

mod bg_nbd;
mod gamma_gamma;
mod model;
#[cfg(feature = "fit")]
mod simplex;

pub use bg_nbd::{BgNbd, Purchases};
pub use gamma_gamma::{GammaGamma, Spending};
pub use model::{Bought, PurchaseModel};

/// What a customer's leaving would cost over a horizon, and how likely that is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stake {
    /// The probability that the customer leaves, 0 to 1: a churn score, or `1 − p_alive` of [`BgNbd`].
    pub p_leaves: f64,
    /// The purchases expected over the horizon if the customer stays, such as [`BgNbd::expected_purchases_if_alive`].
    pub n_purchases_if_staying: f64,
    /// The value expected of each, in money, such as [`GammaGamma::expected_value`].
    pub mean_value: f64,
}

impl Stake {
    /// The value at risk, in units of money: `P(leaves) · purchases if staying · value of each`.
    ///
    /// It is what is expected to be lost by leaving, not what an offer could save.
    /// Purchases and values are taken as independent, as both models do; nothing is discounted.
    pub fn value_at_risk(&self) -> f64 {
        self.p_leaves * self.n_purchases_if_staying * self.mean_value
    }
}
