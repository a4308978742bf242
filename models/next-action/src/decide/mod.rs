//! What should be done for this customer now?
//!
//! [`decide`] is pure: the same case, the same answer.
//! First the funnel: every action that must not be done is dropped, with the rule that dropped it.
//! Then arbitration: what is left, and doing nothing, is ranked by what it would gain.
//! Then exploration: now and then another action that may be tried is taken by chance, and how likely the one taken was
//! is told exactly, so that the log can prove other policies.

mod explore;
mod facts;
mod funnel;
mod ledger;
mod meeting;
mod rules;
mod today;

use percorso_journey::{CustomerKey, JourneyState, Spec, Timestamp};

pub use facts::{Score, score_name};
pub use funnel::{Contact, Dropped, Why};
pub use ledger::{Ledger, Made};
pub use meeting::{Meeting, meeting};
pub use rules::{RuleError, Rules};
pub use today::Today;

/// What an action would bring in beyond doing nothing, and what says so.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effect {
    /// In the money of the reward; the action's own cost is not taken off.
    pub reward: f64,
    /// What it is told from.
    pub evidence: Evidence,
}

/// What an effect is told from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Decisions that were logged.
    Learnt {
        /// How often the action was taken in them.
        n_decisions: usize,
    },
    /// What `journey.toml` declares, for lack of decisions.
    Declared,
    /// Nothing at all.
    None,
}

/// One customer at one moment, with all that a decision depends on.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The business.
    pub spec: &'a Spec,
    /// The customer's past.
    pub state: &'a JourneyState,
    /// Now.
    pub as_of: Timestamp,
    /// What each action would bring in, in the order of [`Spec::actions`].
    pub effects: &'a [Effect],
    /// Scores that rules may ask about.
    pub scores: &'a [Score<'a>],
    /// What else holds at the moment.
    pub circumstances: Circumstances<'a>,
}

/// What holds at the moment of a decision, beside the customer's past.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// What the clock says: it tells quiet hours, and may be behind the customer's own time.
    pub now: Timestamp,
    /// When the customer was contacted before, as far back as the longest cap or cool-down reaches.
    pub contacts: &'a [Contact],
    /// What was done today over all customers.
    pub today: &'a Today,
    /// Positions of the channels on which something can be done; every channel where there is none.
    pub channels: &'a [u16],
    /// Whether the customer is left alone, so that others can be compared with them; see [`is_held_out`].
    pub is_held_out: bool,
    /// What the decision is for.
    pub purpose: Purpose,
}

/// Whether a customer is one of the share to whom nothing is ever done: the same ones always.
pub fn is_held_out(spec: &Spec, customer: CustomerKey) -> bool {
    (customer.group() as f64) < spec.decisions().holdout * 2_f64.powi(64)
}

/// What a decision is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To act at once: quiet hours count, and in the share of decisions that the spec declares another action is tried by
    /// chance, drawn by this seed. The decision has to be logged.
    Act {
        /// The seed of what is left to chance.
        seed: u64,
    },
    /// To show what would be done at once: quiet hours count, and it is the best, with the chance that it would have.
    Preview,
    /// For a list that people act on in their own hours: the best for certain.
    List,
}

/// What was decided, and every step there.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// What could be done, the best first; doing nothing is always among it.
    pub ranked: Vec<Ranked>,
    /// What must not be done, and why.
    pub dropped: Vec<Dropped>,
    /// Position in [`Self::ranked`] of what was chosen: the first, or another by chance.
    pub chosen: usize,
}

/// Something that could be done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranked {
    /// Position in [`Spec::actions`]; `None` for nothing.
    pub action: Option<u16>,
    /// What it would bring in beyond doing nothing, what it gives to the customer counted, its cost taken off.
    pub gain: f64,
    /// By what it is ranked: its gain times its lever.
    pub priority: f64,
    /// How likely it was to be chosen.
    pub propensity: f64,
    /// What its gain is told from; nothing of doing nothing.
    pub evidence: Evidence,
}

impl Decision {
    /// What was chosen.
    pub fn choice(&self) -> &Ranked {
        &self.ranked[self.chosen]
    }
}

/// What an action gains that brings in so much: what it gives to the customer counted, its cost taken off.
pub fn gain(spec: &Spec, action: u16, reward: f64) -> f64 {
    let action = &spec.actions()[usize::from(action)];
    reward + spec.decisions().customer_benefit * action.benefit - action.cost
}

/// What to do for a customer of whom nothing can be told: what the spec declares for that, unless it must not be done.
///
/// No effect and no rule is asked for, and nothing is left to chance.
pub fn fall_back(case: &Case<'_>) -> Decision {
    let of = |action| Ranked {
        action,
        gain: 0.0,
        priority: 0.0,
        propensity: 0.0,
        evidence: Evidence::None,
    };
    let mut ranked = vec![of(None)];
    let mut dropped = Vec::new();
    if let Some(action) = case.spec.decisions().fallback {
        match funnel::why_not(None, case, action) {
            None => ranked.insert(0, of(Some(action))),
            Some(why) => dropped.push(Dropped { action, why }),
        }
    }
    ranked[0].propensity = 1.0;
    Decision {
        ranked,
        dropped,
        chosen: 0,
    }
}

/// What to do for a customer.
///
/// # Panics
/// When there is not one effect for each action, or the rules are those of another spec.
pub fn decide(rules: &Rules, case: &Case<'_>) -> Decision {
    let actions = case.spec.actions();
    assert_eq!(case.effects.len(), actions.len(), "one effect for each action");
    let mut dropped = Vec::new();
    let mut ranked = vec![Ranked {
        action: None,
        gain: 0.0,
        priority: 0.0,
        propensity: 0.0,
        evidence: Evidence::None,
    }];
    for (at, (action, effect)) in (0..).zip(actions.iter().zip(case.effects)) {
        if let Some(why) = funnel::why_not(Some(rules), case, at) {
            dropped.push(Dropped { action: at, why });
            continue;
        }
        let gain = gain(case.spec, at, effect.reward);
        ranked.push(Ranked {
            action: Some(at),
            gain,
            // A lever makes a gain larger, never a loss smaller.
            priority: if gain > 0.0 { action.lever * gain } else { gain },
            propensity: 0.0,
            evidence: effect.evidence,
        });
    }
    // Nothing comes first in the list, so that it wins where an action gains no more.
    ranked.sort_by(|a, b| b.priority.total_cmp(&a.priority));
    let chosen = explore::choose(case, &mut ranked);
    Decision {
        ranked,
        dropped,
        chosen,
    }
}
