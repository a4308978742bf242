//! One customer: what to do, whether they will leave, what comes next, and the journey so far.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Extension, Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use percorso_journey::CustomerKey;
use percorso_next_action::Evidence;
use percorso_next_action::decide::Why;
use percorso_scoring::Telling;
use serde::Deserialize;

use super::change::{Change, change};
use super::desk::{Desk, elsewhere, failed, html, message};
use super::doors::Session;
use super::figures;
use super::left::leaving_touchpoints;
use super::outlook::{Coming, Leaving, coming, leaving};
use super::snooze::DAYS;
use super::timeline::Timeline;
use super::words::{Said, Words};
use crate::accounts::{Decision, recent, request};
use crate::{Answer, Considered, DecisionRecord, Error, Meeting, Policy, Question};

const REASONS: usize = 5;

#[derive(Template)]
#[template(path = "customer.html")]
struct CustomerPage {
    t: Words,
    here: String,
    notice: Option<String>,
    customer: String,
    key: String,
    form_secret: String,
    stage: String,
    owner: String,
    advice: Advice,
    decisions: Vec<Told>,
    is_decided_today: bool,
    /// Why the advice cannot be logged, where the service would decide something else now.
    why_not_logged: Option<String>,
    /// Until when the customer is put off, in words; empty where they are not.
    put_off: String,
    put_off_for: Vec<(u16, String)>,
    /// Whether the business knows leaving by an event.
    may_have_left: bool,
    change: Change,
    leaving: Vec<Leaving>,
    coming: Option<Coming>,
    timeline: Timeline,
}

/// What is recommended, in words.
struct Advice {
    /// `None` for nothing.
    action: Option<String>,
    channel: String,
    because: Vec<String>,
    act_by: Option<String>,
    /// When and where the customer mostly is.
    habits: Vec<String>,
    /// Why nothing is recommended, where nothing is.
    nothing: String,
    alternatives: Vec<(String, String)>,
    why_not: Vec<(String, String)>,
}

/// A decision that was logged, in words.
struct Told {
    id: String,
    what: String,
    is_by_chance: bool,
    is_open: bool,
    is_done: bool,
    came: Vec<(String, String)>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    became: String,
}

pub(super) async fn customer(
    State(desk): State<Arc<Desk>>,
    Extension(session): Extension<Session>,
    Extension(t): Extension<Words>,
    Path(key): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    let Some(key) = CustomerKey::parse(&key) else {
        return message(StatusCode::NOT_FOUND, t, Said::NoSuchCustomer);
    };
    elsewhere(t, move || match page(&desk, &session, t, key, &asked) {
        Ok(page) => {
            tracing::info!(target: "audit", session = session.name, customer = %key, "a customer is viewed");
            html(&page)
        }
        Err(error) => failed(&error, t),
    })
    .await
}

fn page(desk: &Desk, session: &Session, t: Words, key: CustomerKey, asked: &Asked) -> Result<CustomerPage, Error> {
    let service = &desk.accounts.service;
    let spec = service.spec();
    let question = Question {
        as_of: None,
        telling: Telling::top(REASONS, t.0),
    };
    let answer = service.score(key, question)?;
    let history = service.store().history(key)?.ok_or(Error::UnknownCustomer)?;
    let record = service.would_list(&request(service, key))?.record;
    let leaving = leaving(&answer, t);
    let dangers = dangers(&answer);
    let decided_now = service.would_decide(&request(service, key), None)?.record;
    let decisions = recent(service, key)?;
    let today = request(service, key).id;
    let until = service.store().snoozed_until(key, service.today());
    let stage = history.state().path().current();
    let person = desk.accounts.people.of(key).cloned().unwrap_or_default();
    Ok(CustomerPage {
        t,
        here: format!("/customer/{key}"),
        notice: match asked.became.as_str() {
            "recorded" => Some(t.say(Said::Recorded)),
            "otherwise" => Some(t.say(Said::DecidedOtherwise)),
            _ => None,
        },
        customer: desk.accounts.people.called(key),
        key: key.to_string(),
        form_secret: session.form_secret.clone(),
        stage: stage.map_or_else(|| "–".to_owned(), |stage| spec.stages()[usize::from(stage)].clone()),
        owner: person.owner.unwrap_or_default(),
        advice: advice(desk, &record, dangers, t),
        is_decided_today: decisions.iter().any(|decision| decision.record.id == today),
        why_not_logged: why_not_logged(&record, &decided_now, t),
        decisions: decisions.iter().map(|decision| told(desk, decision, t)).collect(),
        put_off: until.map_or_else(String::new, |day| t.say(Said::PutOffUntil(&figures::day(day, t.0)))),
        put_off_for: DAYS.map(|days| (days, t.say(Said::PutOffFor(days)))).into(),
        may_have_left: !leaving_touchpoints(spec).is_empty(),
        change: change(service, key, &answer, t)?,
        coming: coming(&answer, t),
        timeline: Timeline::of(&history, spec, answer.scores.as_of, t),
        leaving,
    })
}

/// Why what is advised cannot be logged now; `None` where it can.
fn why_not_logged(advised: &DecisionRecord, decided: &DecisionRecord, t: Words) -> Option<String> {
    let action = advised.choice().action.as_ref();
    if decided.choice().action.as_ref() == action {
        return None;
    }
    let is_dropped = decided
        .dropped
        .iter()
        .any(|(name, _)| action.is_some_and(|named| named.name == *name));
    Some(t.say(if is_dropped {
        Said::NotAtThisHour
    } else {
        Said::NoPolicyYet
    }))
}

fn advice(desk: &Desk, record: &DecisionRecord, dangers: Vec<String>, t: Words) -> Advice {
    let choice = record.choice();
    let zone = desk.accounts.service.spec().time_zone();
    let act_by = record.act_by.map(|act_by| {
        let date = figures::date(act_by.at, zone, t.0);
        let date = if act_by.is_end_of_knowledge {
            t.say(Said::OrLater(&date))
        } else {
            date
        };
        t.say(Said::HoldsUntil(&date))
    });
    let named = choice.action.as_ref();
    let is_fallback = record.policy == Policy::Fallback;
    let first = if is_fallback {
        t.say(Said::Fallback)
    } else {
        worth(choice, t) + "."
    };
    let is_held_out = record.dropped.iter().any(|(_, why)| *why == Why::HeldOut);
    let others = record.options.iter().enumerate();
    let others = others.filter(|(at, option)| *at != record.chosen && option.action.is_some());
    Advice {
        action: named.map(|named| named.name.clone()),
        channel: named.map_or_else(String::new, |named| t.say(Said::OnChannel(&named.channel))),
        because: [first].into_iter().chain(dangers).collect(),
        act_by,
        habits: habits(&record.meeting, t),
        nothing: t.say(if is_held_out {
            Said::HeldOutToday
        } else {
            Said::DoNothing
        }),
        alternatives: others.map(|(_, option)| (name(option), worth(option, t))).collect(),
        why_not: record
            .dropped
            .iter()
            .map(|(action, why)| (action.clone(), t.say(Said::WhyNot(why))))
            .collect(),
    }
}

/// What raises the first chance of leaving that is explained, strongest first.
fn dangers(answer: &Answer) -> Vec<String> {
    let explained = answer.explained.iter().flat_map(|explained| &explained.churn);
    let first = explained.into_iter().find(|reasons| !reasons.is_empty());
    let raising = first.into_iter().flatten().filter(|reason| reason.log_odds > 0.0);
    raising.take(3).map(|reason| reason.text.clone()).collect()
}

fn habits(meeting: &Meeting, t: Words) -> Vec<String> {
    let hour = |hour: u8| format!("{hour}:00");
    let hours = meeting.hours;
    let hours = hours.map(|hours| t.say(Said::MostlyBetween(&hour(hours.from), &hour(hours.until))));
    let channel = (!meeting.channel.is_empty()).then(|| t.say(Said::MostlyOn(&meeting.channel)));
    hours.into_iter().chain(channel).collect()
}

fn name(option: &Considered) -> String {
    option
        .action
        .as_ref()
        .map_or_else(String::new, |named| named.name.clone())
}

/// What an option brings in, and what says so.
fn worth(option: &Considered, t: Words) -> String {
    let brings_in = || t.say(Said::BringsIn(&t.money(option.gain)));
    match option.evidence {
        Evidence::Learnt { n_decisions } => {
            format!("{} ({})", brings_in(), t.say(Said::Learnt(&t.count(n_decisions))))
        }
        Evidence::Declared => format!("{} ({})", brings_in(), t.say(Said::Declared)),
        Evidence::None => t.say(Said::Untaught),
    }
}

fn told(desk: &Desk, decision: &Decision, t: Words) -> Told {
    let zone = desk.accounts.service.spec().time_zone();
    let when = figures::date(decision.record.as_of, zone, t.0);
    let came = |response: &crate::Response| {
        let when = figures::date(response.at, zone, t.0);
        (t.say(Said::Responded(response.kind, &when)), response.reason.clone())
    };
    let executed = |response: &crate::Response| response.kind == crate::ResponseKind::Executed;
    Told {
        id: decision.record.id.to_string(),
        what: match decision.action() {
            Some(action) => t.say(Said::Decided(action, &when)),
            None => t.say(Said::DecidedNothing(&when)),
        },
        is_by_chance: decision.record.chosen != 0,
        is_open: decision.is_open(),
        is_done: decision.responses.iter().any(executed),
        came: decision.responses.iter().map(came).collect(),
    }
}
