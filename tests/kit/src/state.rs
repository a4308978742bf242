//! Where a customer stands: the full hidden state, and how days and touches change it.

use crate::calendar::Season;
use crate::chance::Chance;
use crate::customer::Traits;
use crate::hazard::{ContractPhase, HazardInputs};
use crate::words::{Action, Product, Stage, Touchpoint};

/// What is kept of each quantity from one day to the next.
const KEPT_COMPLAINTS: f64 = 0.977;
const KEPT_FATIGUE: f64 = 0.99;
const KEPT_INTENT: f64 = 0.93;
const KEPT_MOMENTUM: f64 = 0.80;
const KEPT_OFFER: f64 = 0.95;
/// Share of the way back to its mean that satisfaction goes each day.
const SATISFACTION_RETURN: f64 = 0.02;
/// Chance of a failure of ours on a day, and what it costs in satisfaction; no event shows it.
const INCIDENT: (f64, f64) = (0.008, 0.9);
/// Days for which an offer can be answered.
const OFFER_OPEN_DAYS: i32 = 14;
/// Length of a contract in days, by product.
const CONTRACT_DAYS: [i32; 4] = [90, 180, 365, 365];
/// Purchases and renewals that make a customer loyal.
const LOYAL_FROM: u32 = 4;
/// Chance that a purchase moves to another product.
const PRODUCT_CHANGE: f64 = 0.15;
/// Days before a contract's end from which, and after it until which, it can be renewed.
const RENEWAL_DAYS: (i32, i32) = (45, 14);

/// The full state of a customer.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) last_touchpoint: Touchpoint,
    /// Stage of the customer's own last touch; our contacts do not move it.
    pub(crate) last_stage: Stage,
    pub(crate) satisfaction: f64,
    pub(crate) complaints: f64,
    pub(crate) fatigue: f64,
    pub(crate) intent: f64,
    pub(crate) momentum: f64,
    pub(crate) offer_strength: f64,
    pub(crate) offer_action: Action,
    /// Last day on which the offer can be answered; before the market's start when none is open.
    offer_until_day: i32,
    last_purchase_day: Option<i32>,
    n_purchases: u32,
    pub(crate) contract_end_day: Option<i32>,
    pub(crate) product: Product,
    pub(crate) loyal: bool,
}

/// What a touch changed that the file shows as an attribute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Changed {
    pub(crate) contract: bool,
    pub(crate) loyalty: bool,
}

impl State {
    /// A customer just before the first touch.
    pub(crate) fn new(traits: &Traits) -> Self {
        Self {
            last_touchpoint: Touchpoint::SiteVisit,
            last_stage: Stage::Awareness,
            satisfaction: traits.satisfaction_mean,
            complaints: 0.0,
            fatigue: 0.0,
            intent: 0.0,
            momentum: 0.0,
            offer_strength: 0.0,
            offer_action: Action::Discount,
            offer_until_day: i32::MIN,
            last_purchase_day: None,
            n_purchases: 0,
            contract_end_day: None,
            product: traits.first_product,
            loyal: false,
        }
    }

    /// Lets a night pass: everything fades, satisfaction drifts home, something may fail.
    #[inline]
    pub(crate) fn night(&mut self, traits: &Traits, chance: &mut Chance) {
        self.complaints *= KEPT_COMPLAINTS;
        self.fatigue *= KEPT_FATIGUE;
        self.intent *= KEPT_INTENT;
        self.momentum *= KEPT_MOMENTUM;
        self.offer_strength *= KEPT_OFFER;
        self.satisfaction += SATISFACTION_RETURN * (traits.satisfaction_mean - self.satisfaction);
        if chance.happens(INCIDENT.0) {
            self.please(-INCIDENT.1);
        }
    }

    /// What the hazard of `day` is a function of.
    #[inline]
    pub(crate) fn hazard_inputs(&self, traits: &Traits, day: i32, season: Season) -> HazardInputs {
        HazardInputs {
            days_since_purchase: f64::from(self.days_since_purchase(traits, day)),
            complaints: self.complaints,
            satisfaction: self.satisfaction,
            fatigue: self.fatigue,
            offer_strength: self.offer_strength,
            offer_action: self.offer_action,
            audience: traits.audience,
            season,
            tenure_days: f64::from(day - traits.join_day),
            contract: self.contract_phase(day),
            price_sensitivity: traits.price_sensitivity,
            loyal: self.loyal,
        }
    }

    /// Days since the last purchase or renewal, or since joining.
    pub(crate) fn days_since_purchase(&self, traits: &Traits, day: i32) -> i32 {
        day - self.last_purchase_day.unwrap_or(traits.join_day)
    }

    pub(crate) fn contract_phase(&self, day: i32) -> ContractPhase {
        match self.contract_end_day {
            None => ContractPhase::Never,
            Some(end) if end <= day => ContractPhase::Lapsed,
            Some(end) if end <= day + 30 => ContractPhase::Ending,
            Some(_) => ContractPhase::Running,
        }
    }

    /// Whether anything was ever bought.
    pub(crate) fn has_bought(&self) -> bool {
        self.n_purchases > 0
    }

    /// Whether an offer waits for an answer.
    pub(crate) fn offer_open(&self, day: i32) -> bool {
        day <= self.offer_until_day
    }

    /// Whether the contract can be renewed.
    pub(crate) fn renewable(&self, day: i32) -> bool {
        self.contract_end_day
            .is_some_and(|end| end - RENEWAL_DAYS.0 <= day && day <= end + RENEWAL_DAYS.1)
    }

    /// Receives an offer from us.
    pub(crate) fn receive(&mut self, action: Action, day: i32) {
        self.fatigue += 1.0;
        self.offer_strength = 1.0;
        self.offer_action = action;
        self.offer_until_day = day + OFFER_OPEN_DAYS;
    }

    /// Touches, and returns what the touch changed.
    pub(crate) fn touch(&mut self, touchpoint: Touchpoint, day: i32, chance: &mut Chance) -> Changed {
        let mut changed = Changed::default();
        self.momentum += 1.0;
        self.last_touchpoint = touchpoint;
        self.last_stage = touchpoint.stage();
        if self.last_stage == Stage::Consideration {
            self.intent += 1.0;
        }
        match touchpoint {
            Touchpoint::Purchase => {
                if chance.happens(PRODUCT_CHANGE) {
                    self.product = Product::ALL[chance.pick(&[1.0; 4])];
                }
                if self.contract_end_day.is_none_or(|end| end <= day) {
                    self.contract_end_day = Some(day + CONTRACT_DAYS[self.product as usize]);
                    changed.contract = true;
                }
                self.intent = 0.0;
                self.please(0.10);
                changed.loyalty = self.pay(day);
            }
            Touchpoint::Renewal => {
                let from = self.contract_end_day.map_or(day, |end| end.max(day));
                self.contract_end_day = Some(from + CONTRACT_DAYS[self.product as usize]);
                changed.contract = true;
                self.please(0.15);
                changed.loyalty = self.pay(day);
            }
            Touchpoint::SupportCall => self.please(if chance.happens(0.65) { 0.35 } else { -0.35 }),
            Touchpoint::Complaint => {
                self.complaints += 1.0;
                self.please(-0.15);
            }
            Touchpoint::KioskDemo => self.please(0.05),
            Touchpoint::OfferAccepted => {
                self.offer_until_day = i32::MIN;
                self.intent += 1.0;
                self.please(0.10);
            }
            Touchpoint::OfferRejected => self.offer_until_day = i32::MIN,
            Touchpoint::AdClick
            | Touchpoint::SiteVisit
            | Touchpoint::NewsletterOpen
            | Touchpoint::ProductCompare
            | Touchpoint::StoreVisit
            | Touchpoint::QuoteRequest
            | Touchpoint::FeedbackSurvey
            | Touchpoint::Referral
            | Touchpoint::MailOffer
            | Touchpoint::AccountClosed => {}
        }
        changed
    }

    /// Counts a payment; true when it makes the customer loyal.
    fn pay(&mut self, day: i32) -> bool {
        self.last_purchase_day = Some(day);
        self.n_purchases += 1;
        let newly_loyal = !self.loyal && self.n_purchases >= LOYAL_FROM;
        self.loyal |= newly_loyal;
        newly_loyal
    }

    fn please(&mut self, by: f64) {
        self.satisfaction = (self.satisfaction + by).clamp(-3.0, 3.0);
    }
}
