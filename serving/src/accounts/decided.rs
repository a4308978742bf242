//! Decisions that account managers asked for: one a customer and day, so that whoever presses twice decides once, and they are found
//! again.

use percorso_journey::CustomerKey;

use crate::{DecisionRecord, DecisionRequest, Error, Response, ScoringService};

/// Decisions so many days old are shown.
const SHOWN_DAYS: i64 = 30;

/// A decision, and what came of it.
pub(crate) struct Decision {
    pub(crate) record: DecisionRecord,
    pub(crate) responses: Vec<Response>,
}

/// Today's request for a decision about a customer.
pub(crate) fn request(service: &ScoringService, key: CustomerKey) -> DecisionRequest {
    of_day(service, key, service.today())
}

/// The last days' decisions of account managers about a customer, newest first.
///
/// # Errors
/// - the store fails.
pub(crate) fn recent(service: &ScoringService, key: CustomerKey) -> Result<Vec<Decision>, Error> {
    let today = service.today();
    let mut found = Vec::new();
    for day in (today - SHOWN_DAYS..=today).rev() {
        let id = of_day(service, key, day).id;
        let decision = service.decision(id)?;
        found.extend(decision.map(|(record, responses)| Decision { record, responses }));
    }
    Ok(found)
}

fn of_day(service: &ScoringService, key: CustomerKey, day: i64) -> DecisionRequest {
    DecisionRequest {
        customer: key,
        id: service.decision_id(&format!("page\0{key}\0{day}")),
        channels: Vec::new(),
    }
}

impl Decision {
    /// The action chosen, by name; `None` for nothing.
    pub(crate) fn action(&self) -> Option<&str> {
        self.record.choice().action.as_ref().map(|named| named.name.as_str())
    }

    /// Whether anything can still be said of it.
    pub(crate) fn is_open(&self) -> bool {
        use crate::ResponseKind::{Accepted, Executed, Ignored, Presented, Rejected};
        let ends = |response: &Response| match response.kind {
            Accepted | Rejected | Ignored => true,
            Presented | Executed => false,
        };
        self.action().is_some() && !self.responses.iter().any(ends)
    }
}
