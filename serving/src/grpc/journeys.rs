//! `percorso.v1.Journeys`.

use percorso_journey::{CustomerKey, LoggedEvent};
use percorso_proto::v1;
use percorso_proto::v1::journeys_server::Journeys;
use tonic::{Request, Response, Status};

use super::Edge;
use super::event::{Contract, Identity};
use super::scoring::{checked_customer_id, checked_request_id};
use super::status::{Violations, status};
use crate::{Placement, ScoringService};

const MAX_EVENTS: usize = 1_000;

#[tonic::async_trait]
impl Journeys for Edge {
    async fn ingest_events(
        &self,
        request: Request<v1::IngestEventsRequest>,
    ) -> Result<Response<v1::IngestEventsReply>, Status> {
        let message = request.into_inner();
        let work = async {
            let events = events(&self.service, &message)?;
            let receipt = self.service.ingest(events).map_err(|error| status(&error))?;
            let placements = receipt.answer().await.map_err(|error| status(&error.into()))?;
            let outcomes = placements
                .into_iter()
                .map(|placement| outcome(placement).into())
                .collect();
            Ok(v1::IngestEventsReply {
                request_id: message.request_id,
                outcomes,
            })
        };
        self.admission.admit(work).await
    }
}

/// The events of a call, all of them right.
fn events(
    service: &ScoringService,
    message: &v1::IngestEventsRequest,
) -> Result<Vec<(CustomerKey, LoggedEvent)>, Violations> {
    let mut wrong = Violations::default();
    checked_request_id(&message.request_id, "request_id", &mut wrong);
    if message.events.len() > MAX_EVENTS {
        wrong.add(
            "events",
            format!("has {} events, at most {MAX_EVENTS} are allowed", message.events.len()),
        );
        return Err(wrong);
    }
    let contract = Contract {
        spec: service.spec(),
        identity: Identity::Required,
        latest: service.latest(),
    };
    let mut events = Vec::with_capacity(message.events.len());
    for (at, sent) in message.events.iter().enumerate() {
        let path = format!("events[{at}]");
        let customer_id = checked_customer_id(&sent.customer_id, &format!("{path}.customer_id"), &mut wrong);
        let event = match &sent.event {
            Some(event) => contract.event(event, &format!("{path}.event"), &mut wrong),
            None => {
                wrong.add(format!("{path}.event"), "is missing");
                None
            }
        };
        if let (Some(customer_id), Some(event)) = (customer_id, event) {
            events.push((service.key_of(customer_id), event));
        }
    }
    wrong.or(|| events)
}

fn outcome(placement: Placement) -> v1::EventOutcome {
    match placement {
        Placement::Accepted => v1::EventOutcome::Accepted,
        Placement::Duplicate => v1::EventOutcome::Duplicate,
        Placement::TooLate => v1::EventOutcome::TooLate,
    }
}
