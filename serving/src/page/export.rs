//! The list as CSV, for a spreadsheet.

use std::sync::Arc;

use axum::extract::{Extension, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::desk::{Desk, elsewhere};
use super::doors::Session;
use super::figures;
use super::filter::Filter;
use super::list::row;
use super::words::{Said, Words};

/// The first so many rows have their reasons; asking them of everyone would take too long.
const ROWS_WITH_REASONS: usize = 500;

pub(super) async fn export(
    State(desk): State<Arc<Desk>>,
    Extension(session): Extension<Session>,
    Extension(t): Extension<Words>,
    Query(filter): Query<Filter>,
) -> Response {
    elsewhere(t, move || {
        let text = csv(&desk, t, &filter);
        let n_customers = text.lines().count() - 1;
        tracing::info!(target: "audit", session = session.name, n_customers, "customers are exported");
        let named = "attachment; filename=\"customers.csv\"";
        let headers = [
            (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
            (header::CONTENT_DISPOSITION, named),
        ];
        (headers, text).into_response()
    })
    .await
}

/// The customers asked for, numbers as machines read them.
fn csv(desk: &Desk, t: Words, filter: &Filter) -> String {
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
    let mut text = line(heads.map(|head| cell(&t.say(head))));
    let Some(ranking) = desk.accounts.ranking() else {
        return text;
    };
    let service = &desk.accounts.service;
    let spec = service.spec();
    let number = |number: Option<f64>| number.map_or_else(String::new, |number| number.to_string());
    for (at, listed) in filter.of(&ranking, &desk.accounts).into_iter().enumerate() {
        let listed = ranking.latest(listed);
        let reasons = (at < ROWS_WITH_REASONS).then_some(&*ranking);
        let row = row(&listed, reasons, &desk.accounts, t);
        let stage = listed.stage.map(|stage| spec.stages()[usize::from(stage)].as_str());
        let day = listed
            .act_by
            .map(|act_by| figures::plain_date(act_by.at, spec.time_zone()));
        text += &line([
            cell(&row.customer),
            cell(&row.owner),
            cell(stage.unwrap_or_default()),
            number(listed.churn.map(|churn| churn.probability)),
            number(listed.value_at_risk),
            cell(&row.action),
            number(listed.action.map(|_| listed.gain)),
            cell(&day.unwrap_or_default()),
            cell(&row.reason),
        ]);
    }
    text
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
