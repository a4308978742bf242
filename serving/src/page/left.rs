//! A customer has left anyway: said once, confirmed, and kept as the event by which the business knows leaving.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Extension, Form, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use percorso_journey::spec::ChurnKind;
use percorso_journey::{CustomerKey, LoggedEvent, RawEvent, Spec};
use serde::Deserialize;

use super::desk::{Desk, failed, html, message};
use super::doors::Session;
use super::words::{Said, Words};
use crate::{Error, Placement};

#[derive(Template)]
#[template(path = "left.html")]
struct Confirmation {
    t: Words,
    here: String,
    customer: String,
    key: String,
    form_secret: String,
    touchpoints: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Sent {
    form: String,
    touchpoint: String,
}

/// The touchpoints that are leaving: those of the churn definitions by an event, then those of the leaving stage.
pub(super) fn leaving_touchpoints(spec: &Spec) -> Vec<&str> {
    let declared = spec.churn().iter().filter_map(|definition| match &definition.kind {
        ChurnKind::Event { touchpoints, .. } => Some(touchpoints.iter().copied()),
        ChurnKind::Inactivity { .. } | ChurnKind::Contract { .. } => None,
    });
    let of_stage = (0..).zip(spec.touchpoints());
    let of_stage = of_stage.filter(|(_, touchpoint)| touchpoint.stage == spec.leaving_stage());
    let mut found: Vec<u16> = Vec::new();
    for at in declared.flatten().chain(of_stage.map(|(at, _)| at)) {
        if !found.contains(&at) {
            found.push(at);
        }
    }
    let name = |at: u16| spec.touchpoints()[usize::from(at)].name.as_str();
    found.into_iter().map(name).collect()
}

/// Asks whether it is so, and says what it does.
pub(super) async fn confirm(
    State(desk): State<Arc<Desk>>,
    Extension(session): Extension<Session>,
    Extension(t): Extension<Words>,
    Path(key): Path<String>,
) -> Response {
    let touchpoints = leaving_touchpoints(desk.accounts.service.spec());
    let Some(key) = CustomerKey::parse(&key).filter(|_| !touchpoints.is_empty()) else {
        return message(StatusCode::NOT_FOUND, t, Said::NoSuchPage);
    };
    html(&Confirmation {
        t,
        here: format!("/customer/{key}/left"),
        customer: desk.accounts.people.called(key),
        key: key.to_string(),
        form_secret: session.form_secret,
        touchpoints: touchpoints.into_iter().map(str::to_owned).collect(),
    })
}

/// Takes it in as an event of today.
pub(super) async fn record(
    State(desk): State<Arc<Desk>>,
    Extension(session): Extension<Session>,
    Extension(t): Extension<Words>,
    Path(key): Path<String>,
    Form(sent): Form<Sent>,
) -> Response {
    if !session.made(&sent.form) {
        return message(StatusCode::FORBIDDEN, t, Said::WrongForm);
    }
    let touchpoints = leaving_touchpoints(desk.accounts.service.spec());
    let Some(key) = CustomerKey::parse(&key) else {
        return message(StatusCode::NOT_FOUND, t, Said::NoSuchCustomer);
    };
    let Some(touchpoint) = touchpoints.into_iter().find(|name| *name == sent.touchpoint) else {
        return message(StatusCode::BAD_REQUEST, t, Said::WrongForm);
    };
    tracing::info!(target: "audit", session = session.name, customer = %key, touchpoint, "a customer is said to have left");
    match taken_in(&desk, key, touchpoint).await {
        Ok(Placement::Accepted | Placement::Duplicate) => {
            desk.accounts.tell_anew(key).await;
            Redirect::to(&format!("/customer/{key}?became=recorded")).into_response()
        }
        Ok(Placement::TooLate) => message(StatusCode::CONFLICT, t, Said::Failed),
        Err(error) => failed(&error, t),
    }
}

/// The event's id is made of the customer and the day, so that whoever says it twice says it once.
async fn taken_in(desk: &Desk, key: CustomerKey, touchpoint: &str) -> Result<Placement, Error> {
    let service = &desk.accounts.service;
    if service.store().history(key)?.is_none() {
        return Err(Error::UnknownCustomer);
    }
    let raw = RawEvent {
        at: service.now().micros(),
        touchpoint,
        ..RawEvent::default()
    };
    let event = service.spec().resolve(&raw).expect("a touchpoint of the spec, now");
    let event_id = format!("page-left-{key}-{}", service.today());
    let placed = service.ingest(vec![(key, LoggedEvent { event_id, event })])?;
    let placed = placed.answer().await?;
    Ok(placed.first().copied().unwrap_or(Placement::Duplicate))
}
