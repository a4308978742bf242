//! Putting a customer off: until a day they stand in no list unless asked for.

use std::sync::Arc;

use axum::extract::{Extension, Form, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use percorso_journey::CustomerKey;
use serde::Deserialize;

use super::desk::{Desk, failed, message};
use super::doors::Session;
use super::words::{Said, Words};

/// A customer may be put off for so many days.
pub(super) const DAYS: [u16; 3] = [7, 14, 30];

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Sent {
    form: String,
    days: String,
}

pub(super) async fn snooze(
    State(desk): State<Arc<Desk>>,
    Extension(session): Extension<Session>,
    Extension(t): Extension<Words>,
    Path(key): Path<String>,
    Form(sent): Form<Sent>,
) -> Response {
    if !session.made(&sent.form) {
        return message(StatusCode::FORBIDDEN, t, Said::WrongForm);
    }
    let Some(key) = CustomerKey::parse(&key) else {
        return message(StatusCode::NOT_FOUND, t, Said::NoSuchCustomer);
    };
    // 0 is no longer.
    let days = sent.days.parse().ok().filter(|days| *days == 0 || DAYS.contains(days));
    let Some(days) = days else {
        return message(StatusCode::BAD_REQUEST, t, Said::WrongForm);
    };
    tracing::info!(target: "audit", session = session.name, customer = %key, days, "a customer is put off");
    match desk.accounts.service.snooze(key, days).await {
        Ok(()) => Redirect::to(&format!("/customer/{key}?became=recorded")).into_response(),
        Err(error) => failed(&error, t),
    }
}
