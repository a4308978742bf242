//! The list as CSV, for a spreadsheet.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use tokio::sync::mpsc::Sender;
use tokio_stream::wrappers::ReceiverStream;

use super::desk::Desk;
use super::doors::Session;
use super::figures;
use super::filter::Filter;
use super::list::row;
use super::words::{Said, Words};
use crate::accounts::{Listed, Ranking};

/// Rows are sent so many at a time: reasons are asked of the model one by one, and whoever leaves asks no more.
const ROWS_AT_ONCE: usize = 200;

pub(super) async fn export(
    State(desk): State<Arc<Desk>>,
    Extension(session): Extension<Session>,
    Extension(t): Extension<Words>,
    Query(filter): Query<Filter>,
) -> Response {
    let (parts, sent) = tokio::sync::mpsc::channel(2);
    tokio::task::spawn_blocking(move || {
        let n_customers = write(&desk, t, &filter, &parts);
        tracing::info!(target: "audit", session = session.name, n_customers, "customers are exported");
    });
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"customers.csv\""),
    ];
    (headers, Body::from_stream(ReceiverStream::new(sent))).into_response()
}

/// Sends the customers asked for, numbers as machines read them; tells how many were sent.
fn write(desk: &Desk, t: Words, filter: &Filter, parts: &Sender<Result<String, Infallible>>) -> usize {
    let heads = [
        Said::Customer,
        Said::Owner,
        Said::Stage,
        Said::Chance,
        Said::ValueAtRisk,
        Said::DoThis,
        Said::Gain,
        Said::ActBy,
        Said::Because,
    ];
    let mut sent = 0;
    if parts
        .blocking_send(Ok(line(heads.map(|head| cell(&t.say(head))))))
        .is_err()
    {
        return sent;
    }
    let Some(ranking) = desk.accounts.ranking() else {
        return sent;
    };
    for some in filter.of(&ranking, &desk.accounts).chunks(ROWS_AT_ONCE) {
        let text = some
            .iter()
            .map(|listed| told(&ranking.latest(listed), &ranking, desk, t));
        if parts.blocking_send(Ok(text.collect())).is_err() {
            break;
        }
        sent += some.len();
    }
    sent
}

/// A customer's line.
fn told(listed: &Listed, ranking: &Ranking, desk: &Desk, t: Words) -> String {
    let spec = desk.accounts.service.spec();
    let number = |number: Option<f64>| number.map_or_else(String::new, |number| number.to_string());
    let row = row(listed, ranking, &desk.accounts, t);
    let stage = listed.stage.map(|stage| spec.stages()[usize::from(stage)].as_str());
    let day = listed
        .act_by
        .map(|act_by| figures::plain_date(act_by.at, spec.time_zone()));
    line([
        cell(&row.customer),
        cell(&row.owner),
        cell(stage.unwrap_or_default()),
        number(listed.churn.map(|churn| churn.probability)),
        number(listed.value_at_risk),
        cell(&row.action),
        number(listed.action.map(|_| listed.gain)),
        cell(&day.unwrap_or_default()),
        cell(&row.reason),
    ])
}

fn line(cells: [String; 9]) -> String {
    cells.join(",") + "\r\n"
}

/// A text in quotes; one that a spreadsheet would take for a formula is led by an apostrophe.
fn cell(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        "'"
    } else {
        ""
    };
    let plain = text.replace('"', "\"\"").replace(['\r', '\n'], " ");
    format!("\"{guard}{plain}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_that_looks_like_a_formula_is_defused() {
        for formula in ["=cmd", "+1", "-1", "@x", "\tx"] {
            assert!(cell(formula).starts_with("\"'"), "{formula}");
        }
        assert_eq!(cell("a \"b\"\nc"), "\"a \"\"b\"\" c\"");
    }
}
