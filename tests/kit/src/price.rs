//! What is paid: the price of a purchase or renewal, and how far a payment lies from it.

use crate::calendar::Season;
use crate::chance::Chance;
use crate::words::{Product, Touchpoint};

/// Price of a purchase in euros, by product; a renewal costs twice that.
const PRICE_EUR: [f64; 4] = [12.0, 29.0, 49.0, 120.0];
/// What the December peak adds.
const DECEMBER: f64 = 0.2;
/// A payment is the price times exp of this times z.
const SPREAD: f64 = 0.25;

/// Price in euros on a day of the season; None where the touch pays nothing.
pub(crate) fn price_eur(touchpoint: Touchpoint, product: Product, season: Season) -> Option<f64> {
    let times = match touchpoint {
        Touchpoint::Purchase => 1.0,
        Touchpoint::Renewal => 2.0,
        _ => return None,
    };
    Some(times * PRICE_EUR[product as usize] * (1.0 + DECEMBER * season.december))
}

/// One payment of that price in euros, not yet rounded to cents.
pub(crate) fn paid_eur(price_eur: f64, chance: &mut Chance) -> f64 {
    price_eur * libm::exp(SPREAD * chance.normal())
}

/// The mean payment of that price in euros: the mean of exp(0.25 z) is exp(0.25²/2).
pub(crate) fn mean_paid_eur(price_eur: f64) -> f64 {
    price_eur * libm::exp(SPREAD * SPREAD / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Purpose;

    #[test]
    fn payments_have_the_mean_that_is_told() {
        let mut chance = Chance::stream(1, 0, Purpose::Detail, [0, 0]);
        let n = 100_000;
        let mean = (0..n).map(|_| paid_eur(29.0, &mut chance)).sum::<f64>() / f64::from(n);
        // The spread of a payment is 7.6 euros, so the mean's standard error is 0.024.
        assert!((mean - mean_paid_eur(29.0)).abs() < 0.1, "{mean}");
    }

    #[test]
    fn a_renewal_costs_two_purchases_and_a_visit_nothing() {
        let season = Season {
            sine: 0.0,
            december: 1.0,
        };
        let price = |touchpoint| price_eur(touchpoint, Product::Plus, season);
        assert_eq!(price(Touchpoint::Purchase), Some(29.0 * 1.2));
        assert_eq!(price(Touchpoint::Renewal), Some(58.0 * 1.2));
        assert_eq!(price(Touchpoint::StoreVisit), None);
    }
}
