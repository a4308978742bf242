//! What is asked of every request before it is answered: the right host, a session, a language.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use percorso_scoring::Language;

use super::desk::{Desk, message};
use super::doors::{SESSION, Session};
use super::words::{Said, Words};

/// The cookie that holds the language chosen.
pub(super) const LANGUAGE: &str = "percorso_language";
/// Pages that need no session.
const OPEN: [&str; 3] = ["/enter", "/language", "/page.css"];

/// A name longer than this is none.
const MAX_USER_BYTES: usize = 200;

const CONTENT_POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Lets a request through to its page, or refuses it; either way nothing of the answer is kept or framed.
pub(super) async fn guard(State(desk): State<Arc<Desk>>, mut request: Request, next: Next) -> Response {
    let t = words(request.headers());
    let user = user(request.headers(), &desk);
    let mut response = if !is_for_this_page(request.headers(), &desk.hosts, user.is_some()) {
        message(StatusCode::FORBIDDEN, t, Said::WrongHost)
    } else {
        let session = || cookie(request.headers(), SESSION).and_then(|secret| desk.doors.who(secret));
        let session = user.or_else(session);
        let is_open = OPEN.contains(&request.uri().path());
        request.extensions_mut().insert(t);
        match session {
            Some(session) => {
                request.extensions_mut().insert(session);
                next.run(request).await
            }
            None if is_open => next.run(request).await,
            None => message(StatusCode::UNAUTHORIZED, t, Said::NeedsLink),
        }
    };
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value| headers.insert(name, HeaderValue::from_static(value));
    set(header::CONTENT_SECURITY_POLICY, CONTENT_POLICY);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "no-referrer");
    set(header::CACHE_CONTROL, "no-store");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    response
}

/// The language chosen, else the one that the browser asks for.
pub(super) fn words(headers: &HeaderMap) -> Words {
    match cookie(headers, LANGUAGE).and_then(Language::parse) {
        Some(language) => Words(language),
        None => Words::accepted(text(headers, header::ACCEPT_LANGUAGE).unwrap_or_default()),
    }
}

/// Whom a trusted proxy names, where there is one; elsewhere the header says nothing.
fn user(headers: &HeaderMap, desk: &Desk) -> Option<Session> {
    let named = text(headers, desk.user_header.clone()?)?.trim();
    let is_name = !named.is_empty() && named.len() <= MAX_USER_BYTES;
    is_name.then(|| desk.doors.named(named))
}

/// Whether a request names this page as its host, and comes from it where it says whence it comes.
///
/// A name that leads to this machine but is not on the list would let another site read along.
/// Behind a proxy the browser knows the page by another name, so there only the form's secret tells; no other site can send
/// the proxy's header from a browser without asking first, and it is never allowed to.
fn is_for_this_page(headers: &HeaderMap, hosts: &[String], is_behind_proxy: bool) -> bool {
    let is_ours = |host: &str| hosts.iter().any(|ours| ours == host);
    let is_from_us = text(headers, header::ORIGIN)
        .is_none_or(|origin| origin.strip_prefix("http://").is_some_and(is_ours) || origin == "null");
    text(headers, header::HOST).is_some_and(is_ours) && (is_from_us || is_behind_proxy)
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let cookies = headers.get_all(header::COOKIE).into_iter();
    let cookies = cookies.filter_map(|cookies| cookies.to_str().ok());
    let mut named = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|cookie| {
        let (found, value) = cookie.trim().split_once('=')?;
        (found == name).then_some(value)
    });
    named.next()
}
