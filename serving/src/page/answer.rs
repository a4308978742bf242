//! What an account manager answers to a recommendation: it is decided and logged, and what came of it recorded.

use std::sync::Arc;

use axum::extract::{Extension, Form, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use percorso_journey::CustomerKey;
use serde::Deserialize;

use super::customer::parsed;
use super::decided::request;
use super::desk::{Desk, failed, message};
use super::doors::Session;
use super::words::{Said, Words};
use crate::accounts::Listed;
use crate::{DecisionId, Error, Recorded, ResponseKind};

const MAX_REASON_BYTES: usize = 500;

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

/// What the form says.
enum Answered {
    /// Will be done as recommended: it is decided.
    WillDo,
    /// Something came of it, or was said of it.
    Came(ResponseKind),
}

impl Answered {
    fn read(sent: &Sent) -> Option<Self> {
        match sent.answer.as_str() {
            "will_do" => Some(Self::WillDo),
            "reject" => Some(Self::Came(ResponseKind::Rejected)),
            "done" => Some(Self::Came(ResponseKind::Executed)),
            "took" => Some(Self::Came(ResponseKind::Accepted)),
            _ => None,
        }
    }
}

/// What became of an answer.
enum Became {
    Recorded,
    /// Something else was decided by chance, and nothing was said of that yet.
    Otherwise,
    /// Said in so many words, with a status.
    Refused(StatusCode, Said<'static>),
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
    let Some(key) = parsed(&key) else {
        return message(StatusCode::NOT_FOUND, t, Said::NoSuchCustomer);
    };
    let Some(answered) = Answered::read(&sent) else {
        return message(StatusCode::BAD_REQUEST, t, Said::WrongForm);
    };
    tracing::info!(
        target: "audit",
        session = session.name,
        customer = %key,
        answer = sent.answer,
        "a recommendation is answered"
    );
    let became = match recorded(&desk, key, answered, &sent).await {
        Ok(Became::Recorded) => "recorded",
        Ok(Became::Otherwise) => "otherwise",
        Ok(Became::Refused(status, said)) => return message(status, t, said),
        Err(error) => return failed(&error, t),
    };
    tell_anew(&desk, key).await;
    Redirect::to(&format!("/customer/{key}?became={became}")).into_response()
}

async fn recorded(desk: &Desk, key: CustomerKey, answered: Answered, sent: &Sent) -> Result<Became, Error> {
    let reason = shortened(sent.reason.trim());
    if matches!(answered, Answered::Came(ResponseKind::Rejected)) && reason.is_empty() {
        return Ok(Became::Refused(StatusCode::BAD_REQUEST, Said::SayWhy));
    }
    let id = if sent.decision.is_empty() {
        match decided(desk, key, &sent.action).await? {
            Ok(Some(id)) => id,
            Ok(None) => return Ok(Became::Otherwise),
            Err(refused) => return Ok(refused),
        }
    } else {
        match known(desk, key, &sent.decision).await? {
            Some(id) => id,
            None => return Ok(Became::Refused(StatusCode::NOT_FOUND, Said::NoSuchPage)),
        }
    };
    let Answered::Came(kind) = answered else {
        return Ok(Became::Recorded);
    };
    let response = crate::Response {
        kind,
        at: desk.accounts.service.now(),
        reason: reason.to_owned(),
    };
    Ok(match desk.accounts.service.respond(id, response).await? {
        Recorded::New | Recorded::Before => Became::Recorded,
        Recorded::UnknownDecision => Became::Refused(StatusCode::NOT_FOUND, Said::NoSuchPage),
    })
}

/// Decides, if what would be decided now is what was shown; the id where it is also what was decided.
async fn decided(desk: &Desk, key: CustomerKey, shown: &str) -> Result<Result<Option<DecisionId>, Became>, Error> {
    let service = &desk.accounts.service;
    let request = request(service, key);
    let (previewing, asked) = (Arc::clone(service), request.clone());
    let preview = tokio::task::spawn_blocking(move || {
        let before = previewing.decision(asked.id)?;
        Ok::<_, Error>((before.is_some(), previewing.would_decide(&asked, None)?))
    });
    let (is_decided, preview) = preview.await.expect("deciding does not panic")?;
    let is_shown = |record: &crate::DecisionRecord| {
        let action = record.choice().action.as_ref();
        action.is_some_and(|named| named.name == shown)
    };
    if !is_decided && !is_shown(&preview.record) {
        return Ok(Err(Became::Refused(StatusCode::CONFLICT, Said::CannotNow)));
    }
    let decided = service.decide(&request).await?;
    if !decided.is_logged {
        return Ok(Err(Became::Refused(StatusCode::SERVICE_UNAVAILABLE, Said::NotLogged)));
    }
    Ok(Ok(is_shown(&decided.record).then_some(decided.record.id)))
}

/// The id of a decision about this customer; `None` where there is none.
async fn known(desk: &Desk, key: CustomerKey, id: &str) -> Result<Option<DecisionId>, Error> {
    let Some(id) = DecisionId::parse(id) else {
        return Ok(None);
    };
    let service = Arc::clone(&desk.accounts.service);
    let found = tokio::task::spawn_blocking(move || service.decision(id)).await;
    let found = found.expect("reading does not panic")?;
    Ok(found.filter(|(record, _)| record.customer == key).map(|_| id))
}

/// The list tells the customer as they are now.
pub(super) async fn tell_anew(desk: &Desk, key: CustomerKey) {
    let Some(ranking) = desk.accounts.ranking() else { return };
    let service = Arc::clone(&desk.accounts.service);
    if let Ok(Ok(listed)) = tokio::task::spawn_blocking(move || Listed::of(&service, key)).await {
        ranking.tell_anew(listed);
    }
}

/// The beginning of a text, as long as a reason may be.
fn shortened(text: &str) -> &str {
    let mut end = text.len().min(MAX_REASON_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
