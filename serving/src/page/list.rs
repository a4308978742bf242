//! "My customers": who acting would save most for, first.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Extension, Query, State};
use axum::response::Response;
use percorso_journey::CustomerKey;
use percorso_next_action::Evidence;
use percorso_scoring::Order;

use super::cut_off::Panel;
use super::desk::{Desk, elsewhere, html, is_being_ranked};
use super::doors::Session;
use super::figures;
use super::filter::{Filter, NOTHING, percentage};
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
    as_of: String,
    filter: &'a Filter,
    owners: Vec<Choice>,
    slider: Slider,
    panel: Option<Panel>,
    stages: Vec<Choice>,
    actions: Vec<Choice>,
    sorts: Vec<Choice>,
    have_owners: bool,
    have_snoozed: bool,
    summary: String,
    rows: Vec<Row>,
    page: usize,
    page_of: String,
    has_next: bool,
}

/// The cut-off as the form asks for it, in percent.
struct Slider {
    value: String,
    most: String,
    step: String,
    told: String,
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
        return is_being_ranked(desk, t, "/");
    };
    let service = &desk.accounts.service;
    let found = ranking.found(&filter.wanted(&desk.accounts), &desk.accounts);
    let (cut_offs, at_least) = (&found.cut_offs, filter.at_least());
    let extent = found.extent(at_least);
    let n_pages = extent.n_customers.div_ceil(ROWS_ON_A_PAGE).max(1);
    let page = filter.page().min(n_pages);
    let shown = found.some(&ranking, at_least, (page - 1) * ROWS_ON_A_PAGE, ROWS_ON_A_PAGE);
    let rows: Vec<Row> = shown
        .map(|listed| row(&ranking.latest(listed), &ranking, &desk.accounts, t))
        .collect();
    tracing::info!(target: "audit", session = session.name, n_customers = rows.len(), "customers are listed");
    let notice = (extent.n_customers == 0).then(|| t.say(Said::NoneFound));
    let zone = service.spec().time_zone();
    html(&ListPage {
        as_of: t.say(Said::AsOf(&figures::moment(ranking.as_of, zone, t.0))),
        summary: t.say(Said::Summary {
            listed: &t.count(extent.n_customers),
            leavers: &t.count(extent.leavers.round() as usize),
            value: &t.money(extent.value_at_risk),
        }),
        notice,
        slider: Slider::of(filter, cut_offs.grain(), cut_offs.end(), t),
        panel: Panel::of(cut_offs, filter, t),
        rows,
        page,
        page_of: t.say(Said::PageOf(&t.count(page), &t.count(n_pages))),
        has_next: page < n_pages,
        ..ListPage::empty(desk, t, filter)
    })
}

impl Slider {
    /// A slider in such steps to such an end, or to what is asked for where that is more.
    fn of(filter: &Filter, step: f64, end: f64, t: Words) -> Self {
        let chosen = filter.at_least().unwrap_or(0.0);
        Self {
            value: percentage(chosen),
            most: percentage(end.max(chosen)),
            step: percentage(step),
            told: t.say(Said::AtLeastPercent(&t.cut_off(chosen))),
        }
    }
}

impl<'a> ListPage<'a> {
    fn empty(desk: &Desk, t: Words, filter: &'a Filter) -> Self {
        let service = &desk.accounts.service;
        let spec = service.spec();
        let chosen = |value: &str, label: String, asked: &str| Choice {
            value: value.to_owned(),
            label,
            is_chosen: value == asked,
        };
        let named = |name: &String, asked: &str| chosen(name, name.clone(), asked);
        let owners = desk.accounts.people.owners();
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
            as_of: String::new(),
            filter,
            stages: spec.stages().iter().map(|name| named(name, &filter.stage)).collect(),
            actions: actions.chain([nothing]).collect(),
            sorts: Order::ALL.map(sorted_by).into(),
            have_owners: !owners.is_empty(),
            have_snoozed: !service.store().snoozed_on(service.today()).is_empty(),
            owners: owners.iter().map(|name| named(name, &filter.owner)).collect(),
            slider: Slider::of(filter, 0.01, 1.0, t),
            panel: None,
            summary: String::new(),
            rows: Vec::new(),
            page: 1,
            page_of: String::new(),
            has_next: false,
        }
    }
}

/// A customer in words, with the main reason.
pub(super) fn row(listed: &Listed, ranking: &Ranking, accounts: &Accounts, t: Words) -> Row {
    let Accounts { service, people, .. } = accounts;
    let spec = service.spec();
    let key: CustomerKey = listed.key;
    let action = listed
        .action
        .map(|action| spec.actions()[usize::from(action)].name.clone());
    let reason = ranking.reason(service, key, t.0);
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
