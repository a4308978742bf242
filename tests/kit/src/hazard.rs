//! The law of leaving: a closed daily hazard, logistic in the documented state.

use crate::calendar::Season;
use crate::words::{Action, Audience};

/// Log-odds of leaving on a day when every other term is zero.
const INTERCEPT: f64 = -7.3;
/// Per 60 days without a purchase, at most 120 days.
const RECENCY: f64 = 0.9;
/// Per recent complaint, at most 3.
const COMPLAINT: f64 = 0.55;
/// Per unit of satisfaction.
const SATISFACTION: f64 = -0.8;
/// Per recent contact above [`FATIGUE_LIMIT`].
const FATIGUE: f64 = 0.4;
/// Recent contacts that are borne without harm.
pub(crate) const FATIGUE_LIMIT: f64 = 2.0;
/// Per unit of offer strength and contact above the limit: offers annoy the fatigued.
const OFFER_FATIGUE: f64 = 0.9;
/// Per unit of offer strength, by audience and action (discount, advice).
const OFFER: [[f64; 2]; 3] = [[-1.4, -0.3], [-0.6, -1.0], [0.5, -0.5]];
/// By audience.
const AUDIENCE: [f64; 3] = [0.35, -0.2, 0.0];
/// Per unit of the season's sine, and of the December peak.
const SEASON: (f64, f64) = (0.25, -0.3);
/// On the first day, falling in a straight line to zero at 90 days of tenure.
const NEWCOMER: f64 = 0.8;
/// Within 30 days of the contract's end, and once it has lapsed.
const CONTRACT: (f64, f64) = (0.5, 0.8);
/// Per unit of price sensitivity above 0.5.
const PRICE: f64 = 1.4;
/// For members of the loyalty programme.
const LOYALTY: f64 = -0.3;

/// Everything the hazard of one day is a function of, as it stands when the day begins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HazardInputs {
    /// Days since the last purchase or renewal, or since joining where there is none.
    pub days_since_purchase: f64,
    /// Complaints, each fading by 2.3 % a day.
    pub complaints: f64,
    /// Hidden satisfaction, in [-3, 3].
    pub satisfaction: f64,
    /// Contacts made by us, each fading by 1 % a day.
    pub fatigue: f64,
    /// 1 when an offer was sent, fading by 5 % a day.
    pub offer_strength: f64,
    /// What the last offer carried; has no effect at strength 0.
    pub offer_action: Action,
    /// The customer's audience.
    pub audience: Audience,
    /// The day's season.
    pub season: Season,
    /// Days since joining.
    pub tenure_days: f64,
    /// Where the contract stands.
    pub contract: ContractPhase,
    /// Price sensitivity, in [0, 1], also where the file leaves it out.
    pub price_sensitivity: f64,
    /// Whether the customer is in the loyalty programme.
    pub loyal: bool,
}

/// Where a contract stands on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContractPhase {
    /// Never had one.
    Never,
    /// Ends in more than 30 days.
    Running,
    /// Ends within 30 days.
    Ending,
    /// Ended and was not renewed.
    Lapsed,
}

impl HazardInputs {
    /// The probability of leaving on the day, given that the customer was there when it began; in (0, 1).
    ///
    /// The day's chance of leaving spreads over the hours by the customer's hour habit, whatever else happens on the day.
    #[inline]
    pub fn hazard(&self) -> f64 {
        1.0 / (1.0 + libm::exp(-self.log_odds()))
    }

    /// The hazard's log-odds; linear in the terms of README.md.
    #[inline]
    pub fn log_odds(&self) -> f64 {
        let over = (self.fatigue - FATIGUE_LIMIT).max(0.0);
        let contract = match self.contract {
            ContractPhase::Never | ContractPhase::Running => 0.0,
            ContractPhase::Ending => CONTRACT.0,
            ContractPhase::Lapsed => CONTRACT.1,
        };
        let offer = OFFER[self.audience as usize][self.offer_action as usize] + OFFER_FATIGUE * over;
        INTERCEPT
            + RECENCY * self.days_since_purchase.min(120.0) / 60.0
            + COMPLAINT * self.complaints.min(3.0)
            + SATISFACTION * self.satisfaction
            + FATIGUE * over
            + offer * self.offer_strength
            + AUDIENCE[self.audience as usize]
            + SEASON.0 * self.season.sine
            + SEASON.1 * self.season.december
            + NEWCOMER * (1.0 - self.tenure_days / 90.0).max(0.0)
            + contract
            + PRICE * (self.price_sensitivity - 0.5)
            + if self.loyal { LOYALTY } else { 0.0 }
    }

    /// The same day had nothing ever been offered lately: offer strength 0.
    pub fn without_offer(self) -> Self {
        Self {
            offer_strength: 0.0,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: HazardInputs = HazardInputs {
        days_since_purchase: 30.0,
        complaints: 0.0,
        satisfaction: 0.0,
        fatigue: 1.0,
        offer_strength: 0.0,
        offer_action: Action::Discount,
        audience: Audience::Students,
        season: Season {
            sine: 0.0,
            december: 0.0,
        },
        tenure_days: 200.0,
        contract: ContractPhase::Running,
        price_sensitivity: 0.5,
        loyal: false,
    };

    #[test]
    fn the_worked_example_of_the_readme_holds() {
        let inputs = HazardInputs {
            complaints: 1.0,
            satisfaction: -1.0,
            fatigue: 3.0,
            offer_strength: 0.5,
            contract: ContractPhase::Ending,
            loyal: true,
            ..PLAIN
        };
        // -7.3 + .45 + .55 + .8 + .4 + .5*(-1.4 + .9) + .35 + .5 - .3
        let log_odds = -4.8;
        // Sums of a dozen decimals: the last bits depend on their order.
        assert!((inputs.log_odds() - log_odds).abs() < 1e-12);
        assert!(
            (inputs.hazard() - 0.008_162_571_153_159_9).abs() < 1e-12,
            "{}",
            inputs.hazard()
        );
    }

    #[test]
    fn an_offer_helps_or_harms_as_the_audience_and_the_action_say() {
        let effect = |audience, offer_action, fatigue| {
            let offered = HazardInputs {
                audience,
                offer_action,
                fatigue,
                offer_strength: 1.0,
                ..PLAIN
            };
            offered.log_odds() - offered.without_offer().log_odds()
        };
        assert!(effect(Audience::Students, Action::Discount, 1.0) < -1.0);
        assert!(effect(Audience::Families, Action::Advice, 1.0) < effect(Audience::Families, Action::Discount, 1.0));
        assert!(effect(Audience::Professionals, Action::Discount, 1.0) > 0.0);
        assert!(effect(Audience::Professionals, Action::Advice, 1.0) < 0.0);
        for &audience in Audience::ALL {
            assert!(
                effect(audience, Action::Discount, 4.0) > 0.0,
                "{audience:?} is tired of us"
            );
        }
    }

    #[test]
    fn longer_silence_never_lowers_the_hazard() {
        let at = |days| {
            HazardInputs {
                days_since_purchase: days,
                ..PLAIN
            }
            .hazard()
        };
        assert!(at(0.0) < at(60.0) && at(60.0) < at(120.0) && at(120.0) == at(400.0));
    }
}
