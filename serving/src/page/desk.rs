//! What every answer of the page is made from, and how it is given.

use std::sync::Arc;

use askama::Template;
use axum::http::{HeaderName, StatusCode};
use axum::response::{Html, IntoResponse, Response};

use super::doors::Doors;
use super::words::{Said, Words};
use crate::accounts::Accounts;

/// What every answer is made from.
pub(super) struct Desk {
    pub(super) accounts: Arc<Accounts>,
    pub(super) doors: Doors,
    /// The hosts that the page answers as.
    pub(super) hosts: Vec<String>,
    /// The header in which a trusted proxy names who comes; `None` where there is no such proxy.
    pub(super) user_header: Option<HeaderName>,
}

#[derive(Template)]
#[template(path = "message.html")]
struct Message {
    t: Words,
    here: String,
    text: String,
}

/// A page of a template.
pub(super) fn html(page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => Html(text).into_response(),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a page cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// A page that says one thing.
pub(super) fn message(status: StatusCode, t: Words, said: Said<'_>) -> Response {
    let page = Message {
        t,
        here: "/".to_owned(),
        text: t.say(said),
    };
    (status, html(&page)).into_response()
}

/// Said until everyone is ranked for the first time; the browser looks again by itself.
pub(super) fn is_being_ranked(desk: &Desk, t: Words, here: &str) -> Response {
    let said = match desk.accounts.service.model() {
        Some(_) => Said::IsBeingRanked,
        None => Said::NoModel,
    };
    let page = Message {
        t,
        here: here.to_owned(),
        text: t.say(said),
    };
    let mut response = html(&page);
    let soon = axum::http::HeaderValue::from_static("3");
    response.headers_mut().insert(axum::http::header::REFRESH, soon);
    response
}

/// An answer that may wait for the disk or take its time, made off the threads that answer.
pub(super) async fn elsewhere(t: Words, answer: impl FnOnce() -> Response + Send + 'static) -> Response {
    let answered = tokio::task::spawn_blocking(answer).await;
    answered.unwrap_or_else(|_| message(StatusCode::INTERNAL_SERVER_ERROR, t, Said::Failed))
}

/// What a failure of the service is told as.
pub(super) fn failed(error: &crate::Error, t: Words) -> Response {
    match error {
        crate::Error::UnknownCustomer | crate::Error::NothingBefore { .. } => {
            message(StatusCode::NOT_FOUND, t, Said::NoSuchCustomer)
        }
        crate::Error::NoModel => message(StatusCode::SERVICE_UNAVAILABLE, t, Said::NoModel),
        error => {
            tracing::error!(error = error as &dyn std::error::Error, "the page cannot answer");
            message(StatusCode::SERVICE_UNAVAILABLE, t, Said::Failed)
        }
    }
}
