//! Who a customer is: what is drawn once and never changes.

use crate::calendar::END_DAY;
use crate::chance::{Chance, Purpose};
use crate::next_touchpoint::constant_scores;
use crate::words::{Audience, Product, Region, Touchpoint};

/// Nobody joins in the last month, so every journey has room to move.
const LAST_JOIN_DAY: f64 = (END_DAY - 31) as f64;
/// Join day is this power of a uniform number: below 1, more come later.
const JOIN_GROWTH: f64 = 0.75;
/// Share of each audience.
const AUDIENCE_SHARES: [f64; 3] = [0.30, 0.45, 0.25];
/// Share of each region.
const REGION_SHARES: [f64; 7] = [0.24, 0.18, 0.10, 0.14, 0.10, 0.14, 0.10];
/// First product of interest, by audience.
const PRODUCT_SHARES: [[f64; 4]; 3] = [[0.6, 0.35, 0.05, 0.0], [0.2, 0.3, 0.5, 0.0], [0.1, 0.35, 0.05, 0.5]];
/// Age in years: mean and spread, by audience.
const AGE_YEARS: [(f64, f64); 3] = [(22.0, 3.0), (43.0, 8.0), (38.0, 10.0)];
/// Mean price sensitivity, by audience; spread 0.25.
const PRICE_SENSITIVITY: [f64; 3] = [0.62, 0.50, 0.38];
/// Mean weight of each channel, by audience; each customer's is multiplied by exp(0.6 z).
const CHANNEL_HABIT: [[f64; 5]; 3] = [
    [1.4, 0.5, 0.4, 0.6, 1.2],
    [0.9, 0.9, 1.0, 1.3, 0.7],
    [1.3, 1.0, 1.2, 0.6, 0.5],
];

/// What is drawn once for a customer.
#[derive(Debug, Clone)]
pub(crate) struct Traits {
    pub(crate) join_day: i32,
    pub(crate) join_second_share: f64,
    pub(crate) audience: Audience,
    pub(crate) region: Region,
    pub(crate) age_years: f64,
    pub(crate) age_known: bool,
    pub(crate) price_sensitivity: f64,
    pub(crate) price_sensitivity_known: bool,
    /// Where satisfaction drifts back to.
    pub(crate) satisfaction_mean: f64,
    /// Multiplies the rate of events.
    pub(crate) activity: f64,
    /// Multiplies the rate of events by weekday, Monday first.
    pub(crate) weekday_habit: [f64; 7],
    /// Which of the three hour habits.
    pub(crate) clock: usize,
    pub(crate) channel_habit: [f64; 5],
    pub(crate) first_product: Product,
    /// The part of each touchpoint's score that never changes.
    pub(crate) scores: [f64; Touchpoint::ALL.len()],
    /// Day within the offer cycle on which we decide about this customer.
    pub(crate) offer_phase: i32,
    /// Second of the day at which we decide.
    pub(crate) offer_second: u32,
}

impl Traits {
    /// The customer of a seed and index.
    pub(crate) fn draw(seed: u64, customer_index: u32) -> Self {
        let mut chance = Chance::stream(seed, customer_index, Purpose::Traits, [0, 0]);
        let join_day = (LAST_JOIN_DAY * libm::pow(chance.unit(), JOIN_GROWTH)) as i32;
        let join_second_share = chance.unit();
        let audience = Audience::ALL[chance.pick(&AUDIENCE_SHARES)];
        let region = Region::ALL[chance.pick(&REGION_SHARES)];
        let first_product = Product::ALL[chance.pick(&PRODUCT_SHARES[audience as usize])];
        let (age_mean, age_spread) = AGE_YEARS[audience as usize];
        let age_years = libm::floor(age_mean + age_spread * chance.normal()).clamp(18.0, 90.0);
        let age_known = !chance.happens(0.04);
        let sensitivity = PRICE_SENSITIVITY[audience as usize] + 0.25 * chance.normal();
        let price_sensitivity = libm::round(sensitivity.clamp(0.0, 1.0) * 1000.0) / 1000.0;
        let price_sensitivity_known = !chance.happens(p_price_sensitivity_missing(price_sensitivity));
        let satisfaction_mean = 0.2 + 0.6 * chance.normal();
        let activity = libm::exp(0.45 * chance.normal() - 0.1);
        let weekend = 2.0 * chance.unit() - 1.0;
        let mut weekday_habit = [1.0; 7];
        weekday_habit[5] = libm::exp(0.8 * weekend);
        weekday_habit[6] = libm::exp(0.8 * weekend - 0.2);
        let clock = chance.pick(&[0.3, 0.4, 0.3]);
        let channel_habit = CHANNEL_HABIT[audience as usize].map(|mean| mean * libm::exp(0.6 * chance.normal()));
        let offer_phase = (7.0 * chance.unit()) as i32 + 7;
        let offer_second = 9 * 3600 + (1800.0 * chance.unit()) as u32;
        Self {
            join_day,
            join_second_share,
            audience,
            region,
            age_years,
            age_known,
            price_sensitivity,
            price_sensitivity_known,
            satisfaction_mean,
            activity,
            weekday_habit,
            clock,
            channel_habit,
            first_product,
            scores: constant_scores(audience, &channel_habit),
            offer_phase,
            offer_second,
        }
    }
}

/// The chance that the file leaves price sensitivity out: logistic(-2.8 + 4·sensitivity), so what is missing tells.
fn p_price_sensitivity_missing(price_sensitivity: f64) -> f64 {
    1.0 / (1.0 + libm::exp(2.8 - 4.0 * price_sensitivity))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_whose_price_sensitivity_is_missing_are_more_sensitive() {
        let customers: Vec<Traits> = (0..20_000).map(|index| Traits::draw(1, index)).collect();
        let mean = |known| {
            let group: Vec<f64> = customers
                .iter()
                .filter(|traits| traits.price_sensitivity_known == known)
                .map(|traits| traits.price_sensitivity)
                .collect();
            assert!(group.len() > 4000, "{} customers, known: {known}", group.len());
            group.iter().sum::<f64>() / group.len() as f64
        };
        // The standard error of the difference is about 0.004.
        assert!(mean(false) > mean(true) + 0.08, "{} {}", mean(false), mean(true));
    }
}
