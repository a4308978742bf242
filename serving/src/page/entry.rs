//! Coming in, choosing a language, and what the pages look like.

use std::sync::Arc;

use axum::extract::{Extension, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use percorso_scoring::Language;
use serde::Deserialize;

use super::desk::{Desk, message};
use super::doors::{SESSION, SESSION_LASTS};
use super::guard::LANGUAGE;
use super::words::{Said, Words};

const CSS: &str = include_str!("../../templates/page.css");
const YEAR_SECONDS: u64 = 31_536_000;

#[derive(Deserialize)]
pub(super) struct Entering {
    #[serde(default)]
    token: String,
}

/// Changes the token for a session, once.
pub(super) async fn enter(
    State(desk): State<Arc<Desk>>,
    Extension(t): Extension<Words>,
    Query(Entering { token }): Query<Entering>,
) -> Response {
    let Some(session) = desk.doors.enter(&token) else {
        tracing::warn!(target: "audit", "someone tried to enter with a token that does not work");
        return message(StatusCode::FORBIDDEN, t, Said::LinkIsUsed);
    };
    tracing::info!(target: "audit", "someone entered");
    with_cookie(SESSION, &session, SESSION_LASTS.as_secs(), "/")
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(super) struct Chosen {
    to: String,
    back: String,
}

/// Keeps the language chosen, and goes back.
pub(super) async fn language(Query(Chosen { to, back }): Query<Chosen>) -> Response {
    // A path of this page, never another place.
    let is_path = back.starts_with('/') && !back.starts_with("//") && back.bytes().all(|byte| byte.is_ascii_graphic());
    let back = if is_path && !back.contains('\\') { &back } else { "/" };
    match Language::parse(&to) {
        Some(language) => with_cookie(LANGUAGE, language.code(), YEAR_SECONDS, back),
        None => Redirect::to(back).into_response(),
    }
}

fn with_cookie(name: &str, value: &str, seconds: u64, to: &str) -> Response {
    let cookie = format!("{name}={value}; HttpOnly; SameSite=Strict; Path=/; Max-Age={seconds}");
    ([(header::SET_COOKIE, cookie)], Redirect::to(to)).into_response()
}

pub(super) async fn css() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], CSS).into_response()
}

pub(super) async fn no_such_page(Extension(t): Extension<Words>) -> Response {
    message(StatusCode::NOT_FOUND, t, Said::NoSuchPage)
}
