//! What an account manager answers to a recommendation, sent by a form.

use std::sync::Arc;

use axum::extract::{Extension, Form, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use percorso_journey::CustomerKey;
use serde::Deserialize;

use super::desk::{Desk, failed, message};
use super::doors::Session;
use super::words::{Said, Words};
use crate::accounts::{Answered, Became, Feedback, MAX_REASON_BYTES};
use crate::{DecisionId, ResponseKind};

/// The form as it was sent.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Sent {
    form: String,
    answer: String,
    action: String,
    decision: String,
    reason: String,
}

impl Sent {
    /// What it says; `None` where it is no form of ours.
    fn feedback(&self) -> Option<Feedback> {
        let answer = match self.answer.as_str() {
            "will_do" => Answered::WillDo,
            "reject" => Answered::Came(ResponseKind::Rejected),
            "done" => Answered::Came(ResponseKind::Executed),
            "took" => Answered::Came(ResponseKind::Accepted),
            _ => return None,
        };
        let decision = match self.decision.as_str() {
            "" => None,
            id => Some(DecisionId::parse(id)?),
        };
        Some(Feedback {
            answer,
            action: self.action.clone(),
            decision,
            reason: shortened(self.reason.trim()).to_owned(),
        })
    }
}

pub(super) async fn answer(
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
    let Some(feedback) = sent.feedback() else {
        return message(StatusCode::BAD_REQUEST, t, Said::WrongForm);
    };
    tracing::info!(
        target: "audit",
        session = session.name,
        customer = %key,
        answer = sent.answer,
        "a recommendation is answered"
    );
    let became = match desk.accounts.hear(key, &feedback).await {
        Ok(became) => became,
        Err(error) => return failed(&error, t),
    };
    let told = match became {
        Became::Recorded(_) => "recorded",
        Became::Otherwise(_) => "otherwise",
        Became::NoReason => return message(StatusCode::BAD_REQUEST, t, Said::SayWhy),
        Became::NotNow => return message(StatusCode::CONFLICT, t, Said::CannotNow),
        Became::NotLogged => return message(StatusCode::SERVICE_UNAVAILABLE, t, Said::NotLogged),
        Became::UnknownDecision => return message(StatusCode::NOT_FOUND, t, Said::NoSuchPage),
    };
    Redirect::to(&format!("/customer/{key}?became={told}")).into_response()
}

/// The beginning of a text, as long as a reason may be.
fn shortened(text: &str) -> &str {
    let mut end = text.len().min(MAX_REASON_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
