//! What must not be done: who it is for, what has to hold, when, and how often.

use std::fmt;

use percorso_journey::spec::{Action, Cap};
use percorso_journey::{CategoryId, Spec, Timestamp};

use super::{Case, Purpose, Rules};

/// A contact that was made with the customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contact {
    /// When.
    pub at: Timestamp,
    /// Position in [`Spec::actions`]; `None` for one that is none of them.
    pub action: Option<u16>,
}

/// An action that must not be done, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// Position in [`Spec::actions`].
    pub action: u16,
    /// The first reason found.
    pub why: Why,
}

/// Why an action must not be done, in the order in which it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The customer is left alone, so that others can be compared with them.
    HeldOut,
    /// Its channel is none of those on which something can be done now.
    Channel,
    /// The customer is in another stage.
    Stage,
    /// The customer is of another audience.
    Audience,
    /// The customer has another product.
    Product,
    /// A rule does not hold.
    Rule(String),
    /// A rule cannot be told, for lack of what it asks about.
    Untold(String),
    /// The customer has not agreed, or it is not known.
    Consent,
    /// It is a quiet hour or day.
    Quiet,
    /// It was done too short a time ago.
    CoolDown,
    /// It was done as often as it may be.
    Cap,
    /// The customer was contacted as often as may be.
    Contacts,
    /// It was done today as often as may be, over all customers.
    Capacity,
    /// What may be spent today is spent.
    Budget,
}

impl Why {
    /// Every reason, with this name where one is of a rule.
    pub fn every(rule: &str) -> [Why; 14] {
        [
            Why::HeldOut,
            Why::Channel,
            Why::Stage,
            Why::Audience,
            Why::Product,
            Why::Rule(rule.to_owned()),
            Why::Untold(rule.to_owned()),
            Why::Consent,
            Why::Quiet,
            Why::CoolDown,
            Why::Cap,
            Why::Contacts,
            Why::Capacity,
            Why::Budget,
        ]
    }

    /// The reason of a kind, of a rule where it is of one; `None` when there is no such kind.
    pub fn of(kind: &str, rule: &str) -> Option<Why> {
        Why::every(rule).into_iter().find(|why| why.kind() == kind)
    }

    /// What kind of reason it is, in one word for machines.
    pub const fn kind(&self) -> &'static str {
        match self {
            Why::HeldOut => "held_out",
            Why::Channel => "channel",
            Why::Stage => "stage",
            Why::Audience => "audience",
            Why::Product => "product",
            Why::Rule(_) => "rule",
            Why::Untold(_) => "untold",
            Why::Consent => "consent",
            Why::Quiet => "quiet",
            Why::CoolDown => "cool_down",
            Why::Cap => "cap",
            Why::Contacts => "contacts",
            Why::Capacity => "capacity",
            Why::Budget => "budget",
        }
    }

    /// The rule's name, where it is of one.
    pub fn rule(&self) -> Option<&str> {
        match self {
            Why::Rule(name) | Why::Untold(name) => Some(name),
            _ => None,
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::HeldOut => f.write_str("left alone, to compare with"),
            Why::Channel => f.write_str("not on this channel"),
            Why::Stage => f.write_str("not for this stage"),
            Why::Audience => f.write_str("not for this audience"),
            Why::Product => f.write_str("not for this product"),
            Why::Rule(name) => write!(f, "rule: {name}"),
            Why::Untold(name) => write!(f, "rule cannot be told: {name}"),
            Why::Consent => f.write_str("no consent"),
            Why::Quiet => f.write_str("quiet hours"),
            Why::CoolDown => f.write_str("done too recently"),
            Why::Cap => f.write_str("done as often as it may be"),
            Why::Contacts => f.write_str("contacted as often as may be"),
            Why::Capacity => f.write_str("done today as often as may be"),
            Why::Budget => f.write_str("today's budget is spent"),
        }
    }
}

/// The first reason why an action must not be done, if there is one; `rules` are those of the spec, if it has any.
pub(super) fn why_not(rules: Option<&Rules>, case: &Case<'_>, at: u16) -> Option<Why> {
    let Case { spec, as_of, .. } = *case;
    let now = &case.circumstances;
    let action = &spec.actions()[usize::from(at)];
    if now.is_held_out {
        return Some(Why::HeldOut);
    }
    if !now.channels.is_empty() && !now.channels.contains(&action.channel) {
        return Some(Why::Channel);
    }
    let is_in = |attribute: u16, names: &[String]| {
        let found = CategoryId::from_cell(case.state.attributes()[usize::from(attribute)]);
        names.is_empty() || names.iter().any(|name| found == Some(CategoryId::of(name)))
    };
    let stage = case.state.path().current();
    let stages = &action.eligible.stages;
    if !stages.is_empty() && stage.is_none_or(|stage| !stages.contains(&stage)) {
        return Some(Why::Stage);
    }
    if !is_in(Spec::AUDIENCE, &action.eligible.audiences) {
        return Some(Why::Audience);
    }
    if !is_in(Spec::PRODUCT, &action.eligible.products) {
        return Some(Why::Product);
    }
    if let Some(why) = rules.and_then(|rules| rules.why_not(case, at)) {
        return Some(why);
    }
    let has_agreed = |flag: u16| case.state.attributes()[usize::from(flag)] == 1.0;
    if action.consent.is_some_and(|flag| !has_agreed(flag)) {
        return Some(Why::Consent);
    }
    if now.purpose != Purpose::List && is_quiet(spec, action, now.now) {
        return Some(Why::Quiet);
    }
    let since = |days: u32| as_of.plus_days(-i64::from(days));
    let own = || now.contacts.iter().filter(|contact| contact.action == Some(at));
    if action.cool_down_days > 0 && own().any(|contact| contact.at > since(action.cool_down_days)) {
        return Some(Why::CoolDown);
    }
    let is_full = |cap: Cap, n: usize| n >= cap.times as usize;
    let within = |cap: Cap| move |contact: &&Contact| contact.at > since(cap.days);
    if action
        .cap
        .is_some_and(|cap| is_full(cap, own().filter(within(cap)).count()))
    {
        return Some(Why::Cap);
    }
    let all = spec.decisions().contacts;
    if all.is_some_and(|cap| is_full(cap, now.contacts.iter().filter(within(cap)).count())) {
        return Some(Why::Contacts);
    }
    now.today.why_not(spec, at)
}

fn is_quiet(spec: &Spec, action: &Action, now: Timestamp) -> bool {
    let (minute, weekday) = now.local_minute_and_weekday(spec.time_zone());
    action.quiet.has_minute(minute) || action.quiet.weekdays.contains(&weekday)
}
