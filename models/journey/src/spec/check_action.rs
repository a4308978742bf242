//! Actions and decisions, from as they are written to as they are meant.

use super::action::{Action, Cap, Daily, Decisions, Eligible, Prior, Quiet, Reward, Rule};
use super::check::{Names, distinct, horizon};
use super::raw_action::{RawAction, RawCap, RawDecisions};
use super::{AttributeKind, SpecError};
use crate::CategoryId;

/// What a decision to do nothing is called; no action has this name.
pub const NOTHING: &str = "nothing";

const MAX_ACTIONS: usize = 200;
const WEEKDAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

pub(super) fn checked_decisions(raw: RawDecisions, actions: &[Action]) -> Result<Decisions, SpecError> {
    let reward = Reward {
        spend: finite("decisions.reward.spend", raw.reward.spend)?,
        leaving: finite("decisions.reward.leaving", raw.reward.leaving)?,
        accepted: finite("decisions.reward.accepted", raw.reward.accepted)?,
        stage_forward: finite("decisions.reward.stage_forward", raw.reward.stage_forward)?,
    };
    if reward.leaving > 0.0 {
        let message = format!("a customer who leaves is worth 0 or less, found {}", reward.leaving);
        return Err(SpecError::at("decisions.reward.leaving", message));
    }
    Ok(Decisions {
        logs: raw.logs,
        window_days: horizon("decisions.window_days", raw.window_days)?,
        reward,
        customer_benefit: not_negative("decisions.customer_benefit", raw.customer_benefit)?,
        contacts: raw
            .contacts
            .map(|cap| checked_cap("decisions.contacts", cap))
            .transpose()?,
        exploration: share("decisions.exploration", raw.exploration)?,
        daily_budget: money("decisions.daily_budget", raw.daily_budget)?,
        holdout: share("decisions.holdout", raw.holdout)?,
        fallback: checked_fallback(&raw.fallback, actions)?,
    })
}

/// What is done where nothing can be told of a customer: it must not ask anything about them.
fn checked_fallback(name: &str, actions: &[Action]) -> Result<Option<u16>, SpecError> {
    const KEY: &str = "decisions.fallback";
    if name == NOTHING {
        return Ok(None);
    }
    let Some(at) = actions.iter().position(|action| action.name == name) else {
        let known = actions.iter().map(|action| action.name.as_str());
        return Err(SpecError::unknown(KEY, "action", name, known.chain([NOTHING])));
    };
    let action = &actions[at];
    let asks = [
        (action.consent.is_some(), "consent"),
        (!action.eligible.stages.is_empty(), "stages"),
        (!action.eligible.audiences.is_empty(), "audiences"),
        (!action.eligible.products.is_empty(), "products"),
        (!action.rules.is_empty(), "rules"),
    ];
    match asks.iter().find(|(is_asked, _)| *is_asked) {
        None => Ok(Some(at as u16)),
        Some((_, what)) => {
            let message = format!("`{name}` has {what}, but a fallback is for customers of whom nothing can be told");
            Err(SpecError::at(KEY, message))
        }
    }
}

pub(super) fn checked_actions(raw: Vec<RawAction>, names: &Names<'_>) -> Result<Vec<Action>, SpecError> {
    let declared: Vec<String> = raw.iter().map(|action| action.name.clone()).collect();
    if declared.is_empty() {
        return Ok(Vec::new());
    }
    distinct("action", &declared, 1..=MAX_ACTIONS)?;
    let checked = raw.into_iter().enumerate();
    checked
        .map(|(at, raw)| checked_action(&format!("action[{at}]"), raw, names))
        .collect()
}

fn checked_action(key: &str, raw: RawAction, names: &Names<'_>) -> Result<Action, SpecError> {
    let key_of = |name: &str| format!("{key}.{name}");
    if raw.name == NOTHING {
        let message = format!("`{NOTHING}` is always there and needs no entry");
        return Err(SpecError::at(key_of("name"), message));
    }
    let consent = raw.consent.map(|name| {
        let at = names.attribute(&key_of("consent"), &name)?;
        match names.attributes[usize::from(at)].kind {
            AttributeKind::Flag => Ok(at),
            AttributeKind::Number | AttributeKind::Category | AttributeKind::Timestamp => Err(SpecError::at(
                key_of("consent"),
                format!("attribute `{name}` is not of kind `flag`"),
            )),
        }
    });
    let stages = raw.stages.iter().map(|stage| names.stage(&key_of("stages"), stage));
    let prior = raw.prior.map(|prior| {
        Ok(Prior {
            gain: finite(&key_of("prior.gain"), prior.gain)?,
        })
    });
    let rules: Vec<Rule> = raw
        .rules
        .into_iter()
        .map(|rule| Rule {
            name: rule.name,
            when: rule.when,
        })
        .collect();
    let rule_names: Vec<String> = rules.iter().map(|rule| rule.name.clone()).collect();
    distinct(&key_of("rules"), &rule_names, 0..=100)?;
    if raw.quiet_hours.as_ref().is_some_and(|[from, until]| from == until) {
        let message = "expected two different times; leave it out where no hour is quiet";
        return Err(SpecError::at(key_of("quiet_hours"), message));
    }
    Ok(Action {
        id: CategoryId::of(&raw.name),
        text: raw.text.unwrap_or_else(|| raw.name.clone()),
        channel: names.channel(&key_of("channel"), &raw.channel)?,
        cost: not_negative(&key_of("cost"), raw.cost)?,
        benefit: finite(&key_of("benefit"), raw.benefit)?,
        eligible: Eligible {
            stages: stages.collect::<Result<_, _>>()?,
            audiences: raw.audiences,
            products: raw.products,
        },
        consent: consent.transpose()?,
        quiet: Quiet {
            minutes: raw
                .quiet_hours
                .map(|[from, until]| Ok((minute(key, &from)?, minute(key, &until)?)))
                .transpose()?,
            weekdays: raw
                .quiet_days
                .iter()
                .map(|day| weekday(&key_of("quiet_days"), day))
                .collect::<Result<_, _>>()?,
        },
        cool_down_days: raw.cool_down_days,
        cap: raw.cap.map(|cap| checked_cap(&key_of("cap"), cap)).transpose()?,
        daily: Daily {
            capacity: raw.daily_capacity,
            budget: money(&key_of("daily_budget"), raw.daily_budget)?,
        },
        prior: prior.transpose()?,
        lever: not_negative(&key_of("lever"), raw.lever)?,
        explore: raw.explore,
        rules,
        name: raw.name,
    })
}

fn checked_cap(key: &str, raw: RawCap) -> Result<Cap, SpecError> {
    Ok(Cap {
        times: raw.times,
        days: horizon(&format!("{key}.days"), raw.days)?,
    })
}

/// The minute of the day of a time such as `20:30`.
fn minute(key: &str, text: &str) -> Result<u16, SpecError> {
    let parsed = text.split_once(':').and_then(|(hour, minute)| {
        let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
        (hour < 24 && minute < 60).then_some(60 * hour + minute)
    });
    parsed.ok_or_else(|| {
        let message = format!("expected a time from 00:00 to 23:59, found `{text}`");
        SpecError::at(format!("{key}.quiet_hours"), message)
    })
}

fn weekday(key: &str, text: &str) -> Result<u8, SpecError> {
    let at = WEEKDAYS.iter().position(|day| *day == text);
    at.map(|at| at as u8)
        .ok_or_else(|| SpecError::unknown(key, "day", text, WEEKDAYS))
}

fn share(key: &str, number: f64) -> Result<f64, SpecError> {
    if (0.0..=1.0).contains(&number) {
        return Ok(number);
    }
    Err(SpecError::at(key, format!("expected 0 to 1, found {number}")))
}

fn money(key: &str, number: Option<f64>) -> Result<Option<f64>, SpecError> {
    number.map(|number| not_negative(key, number)).transpose()
}

fn finite(key: &str, number: f64) -> Result<f64, SpecError> {
    if number.is_finite() {
        return Ok(number);
    }
    Err(SpecError::at(key, format!("expected a finite number, found {number}")))
}

fn not_negative(key: &str, number: f64) -> Result<f64, SpecError> {
    if finite(key, number)? >= 0.0 {
        return Ok(number);
    }
    Err(SpecError::at(key, format!("expected 0 or more, found {number}")))
}
