//! What an account manager says of a recommendation: it is decided and logged, and what came of it recorded.

use std::sync::Arc;

use percorso_journey::CustomerKey;

use super::decided::request;
use super::{Accounts, Listed};
use crate::{DecisionId, Error, Recorded, Response, ResponseKind};

/// The longest reason that is kept.
pub(crate) const MAX_REASON_BYTES: usize = 500;

/// What is said of a recommendation.
#[derive(Clone, Debug)]
pub(crate) struct Feedback {
    pub(crate) answer: Answered,
    /// The action that was shown, by name; asked of nothing but what is not decided yet.
    pub(crate) action: String,
    /// The decision that is meant; today's when `None`.
    pub(crate) decision: Option<DecisionId>,
    /// In words, at most [`MAX_REASON_BYTES`].
    pub(crate) reason: String,
}

/// What an account manager says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answered {
    /// Will be done as recommended: it is decided.
    WillDo,
    /// Something came of it, or was said of it.
    Came(ResponseKind),
}

/// What became of feedback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Became {
    Recorded(DecisionId),
    /// Something else was decided by chance, and nothing was said of that yet.
    Otherwise(DecisionId),
    /// A rejection needs a reason; nothing is logged.
    NoReason,
    /// What would be decided now is something else; nothing is logged.
    NotNow,
    /// Nothing could be logged.
    NotLogged,
    /// There is no such decision about the customer.
    UnknownDecision,
}

impl Accounts {
    /// Takes feedback about a customer in; the list tells the customer anew.
    ///
    /// # Errors
    /// - nothing is known of the customer, no model is loaded, or the store fails.
    pub(crate) async fn hear(&self, key: CustomerKey, feedback: &Feedback) -> Result<Became, Error> {
        let became = self.recorded(key, feedback).await?;
        if matches!(became, Became::Recorded(_) | Became::Otherwise(_)) {
            self.tell_anew(key).await;
        }
        Ok(became)
    }

    async fn recorded(&self, key: CustomerKey, feedback: &Feedback) -> Result<Became, Error> {
        if feedback.answer == Answered::Came(ResponseKind::Rejected) && feedback.reason.is_empty() {
            return Ok(Became::NoReason);
        }
        let id = match feedback.decision {
            Some(id) if self.is_about(id, key).await? => id,
            Some(_) => return Ok(Became::UnknownDecision),
            None => match self.decided(key, &feedback.action).await? {
                Became::Recorded(id) => id,
                refused => return Ok(refused),
            },
        };
        let Answered::Came(kind) = feedback.answer else {
            return Ok(Became::Recorded(id));
        };
        let response = Response {
            kind,
            at: self.service.now(),
            reason: feedback.reason.clone(),
        };
        Ok(match self.service.respond(id, response).await? {
            Recorded::New | Recorded::Before => Became::Recorded(id),
            Recorded::UnknownDecision => Became::UnknownDecision,
        })
    }

    /// Decides, if what would be decided now is what was shown.
    async fn decided(&self, key: CustomerKey, shown: &str) -> Result<Became, Error> {
        let service = &self.service;
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
            return Ok(Became::NotNow);
        }
        let decided = service.decide(&request).await?;
        Ok(match decided.is_logged {
            false => Became::NotLogged,
            true if is_shown(&decided.record) => Became::Recorded(decided.record.id),
            true => Became::Otherwise(decided.record.id),
        })
    }

    /// Whether there is such a decision about this customer.
    async fn is_about(&self, id: DecisionId, key: CustomerKey) -> Result<bool, Error> {
        let service = Arc::clone(&self.service);
        let found = tokio::task::spawn_blocking(move || service.decision(id)).await;
        let found = found.expect("reading does not panic")?;
        Ok(found.is_some_and(|(record, _)| record.customer == key))
    }

    /// The list tells the customer as they are now.
    pub(crate) async fn tell_anew(&self, key: CustomerKey) {
        let Some(ranking) = self.ranking() else { return };
        let service = Arc::clone(&self.service);
        if let Ok(Ok(listed)) = tokio::task::spawn_blocking(move || Listed::of(&service, key)).await {
            ranking.tell_anew(listed);
        }
    }
}
