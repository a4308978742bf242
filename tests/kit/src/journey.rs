//! What is written down of a life: events as the file holds them, and decisions also where nothing was sent.

use serde::Serialize;

use crate::calendar::{Calendar, END_DAY, micros_of_day};
use crate::chance::{Chance, Purpose};
use crate::customer::Traits;
use crate::day::Moment;
use crate::feedback;
use crate::next_touchpoint::SERVES;
use crate::policy::Drawn;
use crate::price::{paid_eur, price_eur};
use crate::state::{Changed, State};
use crate::walk::{life, walk};
use crate::words::{Action, Channel, Touchpoint};

/// Customers of one account manager.
const CUSTOMERS_PER_OWNER: u32 = 500;
/// P(channel missing), P(value missing) on an event that has one.
const MISSING: (f64, f64) = (0.02, 0.03);

/// A customer's journey, oldest event first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SimulatedJourney {
    /// `C` and six digits (more from a million on).
    pub customer_id: String,
    /// Strictly increasing in `at`; never empty.
    pub events: Vec<SimulatedEvent>,
    /// Every decision of the contact policy, sent or not, oldest first; those that sent something are also events, as `mail_offer`.
    pub decisions: Vec<Decision>,
}

/// One event in the terms of the event contract; None is a missing value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SimulatedEvent {
    /// Microseconds since 1970, UTC; whole seconds.
    pub at: i64,
    /// Customer id, a dash, four digits.
    pub event_id: String,
    /// Name of the touchpoint; its stage is in journey.toml.
    pub touchpoint: &'static str,
    /// Where it happened; missing in 2 % of events.
    pub channel: Option<&'static str>,
    /// The customer's audience.
    pub audience: &'static str,
    /// The product in question; missing in the awareness stage.
    pub product: Option<&'static str>,
    /// Name of the account manager.
    pub owner: String,
    /// Euros paid; only for `purchase` and `renewal`, missing in 3 % of them.
    pub value: Option<f64>,
    /// 1 to 5.
    pub feedback_score: Option<f64>,
    /// A sentence in English, Italian or Spanish.
    pub feedback_text: Option<&'static str>,
    /// What a `mail_offer` carried, or what was answered to.
    pub action_id: Option<&'static str>,
    /// The decision behind a `mail_offer` or its answer.
    pub decision_id: Option<String>,
    /// P(this action | what the log shows), only on `mail_offer`.
    pub propensity: Option<f64>,
    /// Attributes that became known or changed with this event; all that are known on the first.
    pub attributes: Attributes,
}

/// Attributes; None is "no news", and on the first event "not known".
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Attributes {
    /// Years.
    pub age: Option<f64>,
    /// Name of the region.
    pub region: Option<&'static str>,
    /// Microseconds since 1970, UTC: the midnight at which the contract ends.
    pub contract_ends_at: Option<i64>,
    /// In [0, 1]; missing more often for the more sensitive.
    pub price_sensitivity: Option<f64>,
    /// In the loyalty programme.
    pub loyalty: Option<bool>,
}

/// One decision of the contact policy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Decision {
    /// Microseconds since 1970, UTC.
    pub at: i64,
    /// Customer id, `-D`, two digits.
    pub decision_id: String,
    /// None when nothing was sent.
    pub action_id: Option<&'static str>,
    /// P(what was done | what the log shows), in (0, 1).
    pub propensity: f64,
}

/// The id of a customer in files.
pub(crate) fn customer_id(customer_index: u32) -> String {
    format!("C{customer_index:06}")
}

/// Writes down a customer's life to the market's end.
pub(crate) fn written_journey(calendar: &Calendar, seed: u64, customer_index: u32) -> SimulatedJourney {
    let traits = Traits::draw(seed, customer_index);
    let mut scribe = Scribe {
        calendar,
        traits: &traits,
        chance: Chance::stream(seed, customer_index, Purpose::Detail, [0, 0]),
        owner: owner(customer_index),
        answering: None,
        journey: SimulatedJourney {
            customer_id: customer_id(customer_index),
            events: Vec::with_capacity(32),
            decisions: Vec::new(),
        },
    };
    walk(
        calendar,
        &traits,
        life(seed, customer_index),
        (END_DAY, 0),
        |day, second, state, moment| match moment {
            Moment::Began => {}
            Moment::Touched(touchpoint, changed) => scribe.touched(touchpoint, (day, second), state, changed),
            Moment::Decided(drawn) => scribe.decided(drawn, (day, second), state),
            Moment::Left => scribe.touched(Touchpoint::AccountClosed, (day, second), state, Changed::default()),
        },
    );
    scribe.journey
}

/// Turns moments into events; its chance touches nothing that a life depends on.
struct Scribe<'a> {
    calendar: &'a Calendar,
    traits: &'a Traits,
    chance: Chance,
    owner: String,
    /// The last decision that sent something.
    answering: Option<(Action, String)>,
    journey: SimulatedJourney,
}

impl Scribe<'_> {
    fn touched(&mut self, touchpoint: Touchpoint, at: (i32, u32), state: &State, changed: Changed) {
        let mut event = self.event(touchpoint, at, state);
        event.value = self.value(touchpoint, at.0, state);
        event.feedback_score = feedback::score(touchpoint, state.satisfaction, &mut self.chance);
        event.feedback_text = feedback::words(touchpoint, state.satisfaction, self.traits.region, &mut self.chance);
        if matches!(touchpoint, Touchpoint::OfferAccepted | Touchpoint::OfferRejected) {
            let (action, decision_id) = self.answering.clone().expect("only an open offer is answered");
            event.action_id = Some(action.name());
            event.decision_id = Some(decision_id);
        }
        if changed.contract {
            event.attributes.contract_ends_at = state.contract_end_day.map(micros_of_day);
        }
        if changed.loyalty {
            event.attributes.loyalty = Some(state.loyal);
        }
        self.journey.events.push(event);
    }

    fn decided(&mut self, drawn: Drawn, at: (i32, u32), state: &State) {
        let decision_id = format!("{}-D{:02}", self.journey.customer_id, self.journey.decisions.len());
        self.journey.decisions.push(Decision {
            at: micros(at),
            decision_id: decision_id.clone(),
            action_id: drawn.action.map(Action::name),
            propensity: drawn.propensity,
        });
        if let Some(action) = drawn.action {
            let mut event = self.event(Touchpoint::MailOffer, at, state);
            event.action_id = Some(action.name());
            event.decision_id = Some(decision_id.clone());
            event.propensity = Some(drawn.propensity);
            self.journey.events.push(event);
            self.answering = Some((action, decision_id));
        }
    }

    /// The part that every event has.
    fn event(&mut self, touchpoint: Touchpoint, at: (i32, u32), state: &State) -> SimulatedEvent {
        let traits = self.traits;
        let mut weights = SERVES[touchpoint as usize];
        for (weight, habit) in weights.iter_mut().zip(traits.channel_habit) {
            *weight *= habit;
        }
        let channel = Channel::ALL[self.chance.pick(&weights)].name();
        let n_before = self.journey.events.len();
        SimulatedEvent {
            at: micros(at),
            event_id: format!("{}-{n_before:04}", self.journey.customer_id),
            touchpoint: touchpoint.name(),
            channel: (!self.chance.happens(MISSING.0)).then_some(channel),
            audience: traits.audience.name(),
            product: (touchpoint.stage() != crate::words::Stage::Awareness).then(|| state.product.name()),
            owner: self.owner.clone(),
            value: None,
            feedback_score: None,
            feedback_text: None,
            action_id: None,
            decision_id: None,
            propensity: None,
            attributes: if n_before == 0 {
                known_at_first(traits)
            } else {
                Attributes::default()
            },
        }
    }

    /// Euros paid; None where the touch pays nothing and where it is missing.
    fn value(&mut self, touchpoint: Touchpoint, day: i32, state: &State) -> Option<f64> {
        let price_eur = price_eur(touchpoint, state.product, self.calendar.season(day))?;
        let euros = paid_eur(price_eur, &mut self.chance);
        (!self.chance.happens(MISSING.1)).then(|| libm::round(euros * 100.0) / 100.0)
    }
}

fn known_at_first(traits: &Traits) -> Attributes {
    Attributes {
        age: traits.age_known.then_some(traits.age_years),
        region: Some(traits.region.name()),
        contract_ends_at: None,
        price_sensitivity: traits.price_sensitivity_known.then_some(traits.price_sensitivity),
        loyalty: Some(false),
    }
}

fn micros((day, second): (i32, u32)) -> i64 {
    micros_of_day(day) + i64::from(second) * 1_000_000
}

/// The account manager of a customer: 500 neighbours share one, so a market of N has about N/500.
fn owner(customer_index: u32) -> String {
    const FIRST: [&str; 12] = [
        "Giulia", "Marco", "Elena", "Luca", "Carmen", "Javier", "Lucía", "Diego", "Aoife", "Conor", "Niamh", "Sean",
    ];
    const LAST: [&str; 11] = [
        "Rossi", "Bianchi", "Ferrari", "Romano", "García", "Martín", "Serrano", "Vidal", "Murphy", "Walsh", "Byrne",
    ];
    let manager = (customer_index / CUSTOMERS_PER_OWNER) as usize;
    // 12 and 11 share no factor, so the pairs repeat only after 132 managers; then they are numbered.
    let name = format!("{} {}", FIRST[manager % FIRST.len()], LAST[manager % LAST.len()]);
    match manager / (FIRST.len() * LAST.len()) {
        0 => name,
        round => format!("{name} {}", round + 1),
    }
}
