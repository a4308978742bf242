//! A caller, and what its tests say and read.

use crate::common::{Happening, Running, spec, wire_time};
use percorso_artefact::Registry;
use percorso_journey::text;
use percorso_proto::v1;
use percorso_proto::v1::journeys_client::JourneysClient;
use percorso_proto::v1::score_request::Customer;
use percorso_proto::v1::scoring_client::ScoringClient;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt;

pub(crate) struct Caller {
    pub(crate) scoring: ScoringClient<Channel>,
    pub(crate) journeys: JourneysClient<Channel>,
}

impl Caller {
    pub(crate) async fn of(server: &Running) -> Self {
        let scoring = ScoringClient::connect(server.address.clone()).await.unwrap();
        let journeys = JourneysClient::connect(server.address.clone()).await.unwrap();
        Self { scoring, journeys }
    }

    pub(crate) async fn score(&mut self, customer: Customer, as_of_day: Option<i64>) -> Result<v1::ScoreReply, Status> {
        let as_of = as_of_day.map(|day| wire_time(text::day(day).micros()));
        let request = v1::ScoreRequest {
            customer: Some(customer),
            as_of,
            ..v1::ScoreRequest::default()
        };
        self.scoring.score(request).await.map(tonic::Response::into_inner)
    }

    pub(crate) async fn ingest(
        &mut self,
        customer_id: &str,
        journey: &[Happening],
    ) -> Result<Vec<v1::EventOutcome>, Status> {
        let events = journey
            .iter()
            .map(|happening| event(customer_id, happening.wire()))
            .collect();
        self.send(events).await
    }

    pub(crate) async fn send(&mut self, events: Vec<v1::CustomerEvent>) -> Result<Vec<v1::EventOutcome>, Status> {
        let request = v1::IngestEventsRequest {
            request_id: "r1".to_owned(),
            events,
        };
        let reply = self.journeys.ingest_events(request).await?.into_inner();
        assert_eq!(reply.request_id, "r1");
        Ok(reply.outcomes().collect())
    }
}

pub(crate) fn event(customer_id: &str, event: v1::Event) -> v1::CustomerEvent {
    v1::CustomerEvent {
        customer_id: customer_id.to_owned(),
        event: Some(event),
    }
}

pub(crate) fn by_id(id: &str) -> Customer {
    Customer::CustomerId(id.to_owned())
}

pub(crate) fn inline(journey: &[Happening]) -> Customer {
    Customer::Journey(v1::InlineJourney {
        events: journey.iter().map(Happening::wire).collect(),
    })
}

/// Every number of a reply, by its bits.
pub(crate) fn bits(reply: &v1::ScoreReply) -> Vec<u64> {
    let churn = reply.churn.iter().flat_map(|churn| {
        let told = [churn.probability, churn.low, churn.high];
        told.into_iter().chain(churn.value_at_risk)
    });
    let stages = reply
        .next_stage
        .iter()
        .flat_map(|next| next.stages.iter().map(|stage| stage.probability));
    let incidence = reply.next_stage.iter().flat_map(|next| {
        let of_stages = next.stages.iter().flat_map(|stage| stage.incidence.iter().copied());
        next.median_days.into_iter().chain(of_stages)
    });
    churn.chain(stages).chain(incidence).map(f64::to_bits).collect()
}

/// What each fault of a refusal says of which field.
pub(crate) fn faults(status: &Status) -> Vec<(String, String)> {
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    let details = status.get_details_bad_request().expect("a google.rpc.BadRequest");
    details
        .field_violations
        .into_iter()
        .map(|fault| (fault.field, fault.description))
        .collect()
}

pub(crate) fn fields(status: &Status) -> Vec<String> {
    faults(status).into_iter().map(|(field, _)| field).collect()
}

pub(crate) async fn server_with(customers: &[(String, Vec<Happening>)]) -> (tempfile::TempDir, Running) {
    let folder = tempfile::tempdir().unwrap();
    crate::common::publish_model(&Registry::at(folder.path().join("models")), &spec(), 1);
    crate::common::load(&folder.path().join("store"), &spec(), customers);
    let server = Running::start(folder.path()).await;
    (folder, server)
}
