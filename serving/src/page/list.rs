//! "My customers": who acting would save most for, first.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Extension, Query, State};
use axum::response::Response;
use percorso_journey::CustomerKey;
use percorso_next_action::Evidence;
use percorso_scoring::Order;

use super::desk::{Desk, elsewhere, html};
use super::doors::Session;
use super::figures;
use super::filter::{Filter, NOTHING};
use super::words::{Said, Words};
use crate::ScoringService;
use crate::accounts::{Accounts, Listed, Ranking};

const ROWS_ON_A_PAGE: usize = 50;
/// The width that a certain chance has in a bar, in its own units.
const BAR: f64 = 100.0;

#[derive(Template)]
#[template(path = "list.html")]
struct ListPage<'a> {
    t: Words,
    here: String,
    notice: Option<String>,
    is_ranked: bool,
    as_of: String,
    filter: &'a Filter,
    stages: Vec<Choice>,
    actions: Vec<Choice>,
    sorts: Vec<Choice>,
    have_owners: bool,
    summary: String,
    rows: Vec<Row>,
    page: usize,
    page_of: String,
    has_next: bool,
}

/// A choice of a form.
struct Choice {
    value: String,
    label: String,
    is_chosen: bool,
}

/// A customer in words.
pub(super) struct Row {
    pub(super) key: String,
    pub(super) customer: String,
    pub(super) owner: String,
    pub(super) chance: Option<Chance>,
    pub(super) value_at_risk: String,
    pub(super) action: String,
    pub(super) gain: String,
    /// Whether the gain is only what the business assumes.
    pub(super) is_assumed: bool,
    pub(super) act_by: String,
    pub(super) reason: String,
}

/// A probability in words and as a bar.
pub(super) struct Chance {
    pub(super) percent: String,
    pub(super) between: String,
    /// The probability, and the ends of its interval, in widths of a bar of 100.
    pub(super) at: String,
    pub(super) from: String,
    pub(super) width: String,
}

impl Chance {
    pub(super) fn told(churn: &percorso_churn::ChurnScore, t: Words) -> Self {
        let between = if churn.is_enough_data() {
            t.say(Said::Between(&t.percent(churn.low), &t.percent(churn.high)))
        } else {
            t.say(Said::NotEnoughData)
        };
        let place = |share: f64| format!("{:.1}", BAR * share);
        Self {
            percent: t.percent(churn.probability),
            between,
            at: place(churn.probability),
            from: place(churn.low),
            width: place((churn.high - churn.low).max(0.01)),
        }
    }
}

pub(super) async fn list(
    State(desk): State<Arc<Desk>>,
    Extension(session): Extension<Session>,
    Extension(t): Extension<Words>,
    Query(filter): Query<Filter>,
) -> Response {
    elsewhere(t, move || page(&desk, &session, t, &filter)).await
}

fn page(desk: &Desk, session: &Session, t: Words, filter: &Filter) -> Response {
    let Some(ranking) = desk.accounts.ranking() else {
        return is_being_ranked(desk, t, filter);
    };
    let service = &desk.accounts.service;
    let listed = filter.of(&ranking, &desk.accounts);
    let n_pages = listed.len().div_ceil(ROWS_ON_A_PAGE).max(1);
    let page = filter.page().min(n_pages);
    let shown = listed.iter().skip((page - 1) * ROWS_ON_A_PAGE).take(ROWS_ON_A_PAGE);
    let rows: Vec<Row> = shown
        .map(|listed| row(&ranking.latest(listed), Some(&ranking), &desk.accounts, t))
        .collect();
    tracing::info!(target: "audit", session = session.name, n_customers = rows.len(), "customers are listed");
    let leavers: f64 = listed.iter().map(|listed| listed.chance()).sum();
    let value: f64 = listed.iter().filter_map(|listed| listed.value_at_risk).sum();
    let notice = listed.is_empty().then(|| t.say(Said::NoneFound));
    let zone = service.spec().time_zone();
    html(&ListPage {
        as_of: t.say(Said::AsOf(&figures::moment(ranking.as_of, zone, t.0))),
        summary: t.say(Said::Summary {
            listed: &t.count(listed.len()),
            leavers: &t.count(leavers.round() as usize),
            value: &t.money(value),
        }),
        notice,
        is_ranked: true,
        rows,
        page,
        page_of: t.say(Said::PageOf(&t.count(page), &t.count(n_pages))),
        has_next: page < n_pages,
        ..ListPage::empty(desk, t, filter)
    })
}

fn is_being_ranked(desk: &Desk, t: Words, filter: &Filter) -> Response {
    let said = match desk.accounts.service.model() {
        Some(_) => Said::IsBeingRanked,
        None => Said::NoModel,
    };
    let mut response = html(&ListPage {
        notice: Some(t.say(said)),
        ..ListPage::empty(desk, t, filter)
    });
    let soon = axum::http::HeaderValue::from_static("3");
    response.headers_mut().insert(axum::http::header::REFRESH, soon);
    response
}

impl<'a> ListPage<'a> {
    fn empty(desk: &Desk, t: Words, filter: &'a Filter) -> Self {
        let spec = desk.accounts.service.spec();
        let chosen = |value: &str, label: String, asked: &str| Choice {
            value: value.to_owned(),
            label,
            is_chosen: value == asked,
        };
        let named = |name: &String, asked: &str| chosen(name, name.clone(), asked);
        let actions = spec.actions().iter().map(|action| named(&action.name, &filter.action));
        let nothing = chosen(NOTHING, t.say(Said::Nothing), &filter.action);
        let sorted_by = |order: Order| {
            let label = t.say(match order {
                Order::Gain => Said::SortGain,
                Order::Chance => Said::SortChance,
                Order::Value => Said::SortValue,
                Order::ActBy => Said::SortActBy,
            });
            chosen(order.name(), label, filter.order().name())
        };
        Self {
            t,
            here: "/".to_owned(),
            notice: None,
            is_ranked: false,
            as_of: String::new(),
            filter,
            stages: spec.stages().iter().map(|name| named(name, &filter.stage)).collect(),
            actions: actions.chain([nothing]).collect(),
            sorts: Order::ALL.map(sorted_by).into(),
            have_owners: desk.accounts.people.have_owners(),
            summary: String::new(),
            rows: Vec::new(),
            page: 1,
            page_of: String::new(),
            has_next: false,
        }
    }
}

/// A customer in words; with the main reason where the ranking is given that keeps it.
pub(super) fn row(listed: &Listed, reasons: Option<&Ranking>, accounts: &Accounts, t: Words) -> Row {
    let Accounts { service, people, .. } = accounts;
    let spec = service.spec();
    let key: CustomerKey = listed.key;
    let action = listed
        .action
        .map(|action| spec.actions()[usize::from(action)].name.clone());
    let reason = reasons.and_then(|ranking| ranking.reason(service, key, t.0));
    Row {
        key: key.to_string(),
        customer: people.called(key),
        owner: people
            .of(key)
            .and_then(|person| person.owner.clone())
            .unwrap_or_default(),
        chance: listed.churn.as_ref().map(|churn| Chance::told(churn, t)),
        value_at_risk: listed
            .value_at_risk
            .map_or_else(|| "–".to_owned(), |value| t.money(value)),
        gain: action.as_ref().map_or_else(|| "–".to_owned(), |_| t.money(listed.gain)),
        is_assumed: listed.evidence == Evidence::Declared,
        action: action.unwrap_or_else(|| t.say(Said::Nothing)),
        act_by: act_by(listed, service, t),
        reason: reason.unwrap_or_default(),
    }
}

fn act_by(listed: &Listed, service: &ScoringService, t: Words) -> String {
    let Some(act_by) = listed.act_by else {
        return "–".to_owned();
    };
    let date = figures::date(act_by.at, service.spec().time_zone(), t.0);
    if act_by.is_end_of_knowledge {
        t.say(Said::OrLater(&date))
    } else {
        date
    }
}
