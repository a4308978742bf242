//! The service as its callers see it, over a real connection.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Chance, Happening, Running, happening, history, journey, spec, visit, wire_time};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use percorso_artefact::Registry;
use percorso_journey::text;
use percorso_proto::v1;
use percorso_proto::v1::EventOutcome::{Accepted, Duplicate, TooLate};
use percorso_proto::v1::batch_score_result::Result as BatchResult;
use percorso_proto::v1::journeys_client::JourneysClient;
use percorso_proto::v1::score_request::Customer;
use percorso_proto::v1::scoring_client::ScoringClient;
use percorso_scoring::Scratch;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

struct Caller {
    scoring: ScoringClient<Channel>,
    journeys: JourneysClient<Channel>,
}

impl Caller {
    async fn of(server: &Running) -> Self {
        let scoring = ScoringClient::connect(server.address.clone()).await.unwrap();
        let journeys = JourneysClient::connect(server.address.clone()).await.unwrap();
        Self { scoring, journeys }
    }

    async fn score(&mut self, customer: Customer, as_of_day: Option<i64>) -> Result<v1::ScoreReply, Status> {
        let as_of = as_of_day.map(|day| wire_time(text::day(day).micros()));
        let request = v1::ScoreRequest {
            customer: Some(customer),
            as_of,
            ..v1::ScoreRequest::default()
        };
        self.scoring.score(request).await.map(tonic::Response::into_inner)
    }

    async fn ingest(&mut self, customer_id: &str, journey: &[Happening]) -> Result<Vec<v1::EventOutcome>, Status> {
        let events = journey
            .iter()
            .map(|happening| event(customer_id, happening.wire()))
            .collect();
        self.send(events).await
    }

    async fn send(&mut self, events: Vec<v1::CustomerEvent>) -> Result<Vec<v1::EventOutcome>, Status> {
        let request = v1::IngestEventsRequest {
            request_id: "r1".to_owned(),
            events,
        };
        let reply = self.journeys.ingest_events(request).await?.into_inner();
        assert_eq!(reply.request_id, "r1");
        Ok(reply.outcomes().collect())
    }
}

fn event(customer_id: &str, event: v1::Event) -> v1::CustomerEvent {
    v1::CustomerEvent {
        customer_id: customer_id.to_owned(),
        event: Some(event),
    }
}

fn by_id(id: &str) -> Customer {
    Customer::CustomerId(id.to_owned())
}

fn inline(journey: &[Happening]) -> Customer {
    Customer::Journey(v1::InlineJourney {
        events: journey.iter().map(Happening::wire).collect(),
    })
}

/// Every number of a reply, by its bits.
fn bits(reply: &v1::ScoreReply) -> Vec<u64> {
    let churn = reply
        .churn
        .iter()
        .flat_map(|churn| [churn.probability, churn.low, churn.high]);
    let stages = reply
        .next_stage
        .iter()
        .flat_map(|next| next.stages.iter().map(|stage| stage.probability));
    churn.chain(stages).map(f64::to_bits).collect()
}

/// What each fault of a refusal says of which field.
fn faults(status: &Status) -> Vec<(String, String)> {
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    let details = status.get_details_bad_request().expect("a google.rpc.BadRequest");
    details
        .field_violations
        .into_iter()
        .map(|fault| (fault.field, fault.description))
        .collect()
}

fn fields(status: &Status) -> Vec<String> {
    faults(status).into_iter().map(|(field, _)| field).collect()
}

async fn server_with(customers: &[(String, Vec<Happening>)]) -> (tempfile::TempDir, Running) {
    let folder = tempfile::tempdir().unwrap();
    common::publish_model(&Registry::at(folder.path().join("models")), &spec(), 1);
    common::load(&folder.path().join("store"), &spec(), customers);
    let server = Running::start(folder.path()).await;
    (folder, server)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_a_score_gives_the_same_bits() {
    let loaded: Vec<(String, Vec<Happening>)> = (0..20)
        .map(|seed| (format!("loaded-{seed}"), journey(seed, 5 + seed as usize)))
        .collect();
    let (folder, server) = server_with(&loaded).await;
    let mut caller = Caller::of(&server).await;
    let model = common::open_model(&Registry::at(folder.path().join("models")), &spec());
    let mut chance = Chance(9);
    let mut n_distinct = std::collections::BTreeSet::new();
    for (id, journey) in &loaded {
        let state = history(&spec(), journey).state().clone();
        let scores = model
            .score(&state, text::day(common::TODAY), &mut Scratch::default())
            .unwrap();
        let churn = scores
            .churn
            .iter()
            .flatten()
            .flat_map(|churn| [churn.probability, churn.low, churn.high]);
        let expected: Vec<u64> = churn.chain(scores.next_stage).map(f64::to_bits).collect();
        assert!(expected.len() > 6, "the customer counts: {id}");

        let by_id_reply = caller.score(by_id(id), None).await.unwrap();
        assert_eq!(bits(&by_id_reply), expected, "loaded: {id}");
        assert_eq!(by_id_reply.n_events, journey.len() as u64);
        assert_eq!(by_id_reply.model_version, model.version());

        let mut shuffled = journey.clone();
        chance.shuffle(&mut shuffled);
        assert_eq!(
            bits(&caller.score(inline(&shuffled), None).await.unwrap()),
            expected,
            "inline: {id}"
        );

        // Streamed in any order within the allowed lateness: the old part first, then the last 29 days shuffled.
        let streamed = format!("streamed {id}");
        let last_at = journey.last().unwrap().at;
        let late = |happening: &&Happening| happening.at >= last_at - 29 * percorso_journey::MICROS_PER_DAY;
        let old: Vec<Happening> = journey.iter().filter(|happening| !late(happening)).cloned().collect();
        let mut recent: Vec<Happening> = journey.iter().filter(late).cloned().collect();
        chance.shuffle(&mut recent);
        let mut outcomes = caller.ingest(&streamed, &old).await.unwrap();
        for happening in recent {
            outcomes.extend(caller.ingest(&streamed, &[happening]).await.unwrap());
        }
        assert!(outcomes.iter().all(|outcome| *outcome == Accepted));
        assert_eq!(
            bits(&caller.score(by_id(&streamed), None).await.unwrap()),
            expected,
            "streamed: {id}"
        );
        n_distinct.insert(expected);
    }
    assert_eq!(n_distinct.len(), loaded.len(), "the model tells the customers apart");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_acknowledged_is_seen_by_the_next_score_and_once_only() {
    let (_folder, server) = server_with(&[("anna".to_owned(), journey(3, 12))]).await;
    let mut caller = Caller::of(&server).await;
    let before = caller.score(by_id("anna"), None).await.unwrap();
    let purchase = happening("new", "purchase", 118.0);
    assert_eq!(
        caller.ingest("anna", std::slice::from_ref(&purchase)).await.unwrap(),
        [Accepted]
    );
    let after = caller.score(by_id("anna"), None).await.unwrap();
    assert_eq!(after.n_events, before.n_events + 1);
    assert_ne!(bits(&after), bits(&before));
    let again = [purchase.clone(), purchase, visit("late", 80.0)];
    assert_eq!(
        caller.ingest("anna", &again).await.unwrap(),
        [Duplicate, Duplicate, TooLate]
    );
    assert_eq!(bits(&caller.score(by_id("anna"), None).await.unwrap()), bits(&after));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_every_event() {
    let (folder, server) = server_with(&[("anna".to_owned(), journey(3, 12))]).await;
    let mut caller = Caller::of(&server).await;
    caller
        .ingest("anna", &[happening("new", "purchase", 118.0)])
        .await
        .unwrap();
    caller.ingest("bruno", &journey(4, 40)).await.unwrap();
    let mut before = Vec::new();
    for id in ["anna", "bruno"] {
        before.push(bits(&caller.score(by_id(id), None).await.unwrap()));
    }
    drop(caller);
    server.stop().await;
    let server = Running::start(folder.path()).await;
    let mut caller = Caller::of(&server).await;
    for (id, before) in ["anna", "bruno"].into_iter().zip(before) {
        assert_eq!(bits(&caller.score(by_id(id), None).await.unwrap()), before);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_past_is_scored_as_far_as_events_are_kept_one_by_one() {
    let anna: Vec<Happening> = (0..100)
        .map(|day| happening(&format!("e{day}"), "purchase", f64::from(day)))
        .collect();
    let (folder, server) = server_with(&[("anna".to_owned(), anna.clone())]).await;
    let mut caller = Caller::of(&server).await;
    let model = common::open_model(&Registry::at(folder.path().join("models")), &spec());
    // Noon of day 80: days 0 to 80 count.
    let past = history(&spec(), &anna[..80]);
    let scores = model
        .score(past.state(), text::day(80), &mut Scratch::default())
        .unwrap();
    let reply = caller.score(by_id("anna"), Some(80)).await.unwrap();
    assert_eq!(reply.n_events, 80);
    assert_eq!(
        reply.churn[0].probability.to_bits(),
        scores.churn[0].unwrap().probability.to_bits()
    );
    let code = |outcome: Result<v1::ScoreReply, Status>| outcome.unwrap_err().code();
    assert_eq!(code(caller.score(by_id("anna"), Some(40)).await), Code::OutOfRange);
    assert_eq!(
        code(caller.score(by_id("anna"), Some(common::TODAY + 2)).await),
        Code::OutOfRange
    );
    assert!(caller.score(by_id("anna"), Some(common::TODAY + 1)).await.is_ok());
    assert_eq!(code(caller.score(inline(&anna), Some(0)).await), Code::OutOfRange);
    assert_eq!(code(caller.score(by_id("nobody"), None).await), Code::NotFound);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_with_one_wrong_event_names_its_field_and_takes_nothing_in() {
    let (_folder, server) = server_with(&[]).await;
    let mut caller = Caller::of(&server).await;
    let right = visit("e1", 100.0).wire();
    let wrong = |change: fn(&mut v1::Event)| {
        let mut event = visit("e2", 100.0).wire();
        change(&mut event);
        event
    };
    let attribute = |name: &str, value: v1::attribute_value::Value| {
        let mut event = visit("e2", 100.0).wire();
        event
            .attributes
            .insert(name.to_owned(), v1::AttributeValue { value: Some(value) });
        event
    };
    use v1::attribute_value::Value;
    let cases = [
        (
            wrong(|event| event.touchpoint = "vizit".to_owned()),
            "events[1].event.touchpoint",
            "did you mean `visit`?",
        ),
        (
            wrong(|event| event.touchpoint.clear()),
            "events[1].event.touchpoint",
            "missing",
        ),
        (
            wrong(|event| event.event_id = "  ".to_owned()),
            "events[1].event.event_id",
            "missing",
        ),
        (
            wrong(|event| event.event_id = "x".repeat(1_001)),
            "events[1].event.event_id",
            "at most 1000",
        ),
        (wrong(|event| event.at = None), "events[1].event.at", "missing"),
        (
            wrong(|event| event.at = Some(prost_types::Timestamp { seconds: 0, nanos: -1 })),
            "events[1].event.at",
            "valid",
        ),
        (
            wrong(|event| event.at = Some(wire_time(text::day(122).micros()))),
            "events[1].event.at",
            "in the future",
        ),
        (
            wrong(|event| event.at = Some(wire_time(text::day(-60_000).micros()))),
            "events[1].event.at",
            "1900",
        ),
        (
            wrong(|event| event.stage = Some("purchse".to_owned())),
            "events[1].event.stage",
            "did you mean `purchase`?",
        ),
        (
            wrong(|event| event.value = Some(f64::NAN)),
            "events[1].event.value",
            "finite",
        ),
        (
            wrong(|event| event.feedback_score = Some(f64::INFINITY)),
            "events[1].event.feedback_score",
            "finite",
        ),
        (
            wrong(|event| event.propensity = Some(1.5)),
            "events[1].event.propensity",
            "0..=1",
        ),
        (
            attribute("agee", Value::Number(1.0)),
            "events[1].event.attributes[agee]",
            "did you mean `age`?",
        ),
        (
            attribute("age", Value::Flag(true)),
            "events[1].event.attributes[age]",
            "a number",
        ),
        (
            attribute("age", Value::Number(f64::NAN)),
            "events[1].event.attributes[age]",
            "finite",
        ),
    ];
    for (event_2, field, advice) in cases {
        let status = caller
            .send(vec![event("anna", right.clone()), event("anna", event_2)])
            .await
            .unwrap_err();
        let faults = faults(&status);
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert_eq!(faults[0].0, field);
        assert!(faults[0].1.contains(advice), "{faults:?}");
    }
    let status = caller.send(vec![event(" ", right.clone())]).await.unwrap_err();
    assert_eq!(fields(&status), ["events[0].customer_id"]);
    let secret_id = "A".repeat(1_001);
    let status = caller.send(vec![event(&secret_id, right.clone())]).await.unwrap_err();
    assert_eq!(fields(&status), ["events[0].customer_id"]);
    assert!(!format!("{status:?}").contains("AAAA"), "an id is never repeated");
    let status = caller
        .send(vec![v1::CustomerEvent {
            customer_id: "anna".to_owned(),
            event: None,
        }])
        .await;
    assert_eq!(fields(&status.unwrap_err()), ["events[0].event"]);
    let status = caller
        .send(vec![event("anna", right.clone()); 1_001])
        .await
        .unwrap_err();
    assert_eq!(fields(&status), ["events"]);
    let unknown = caller.score(by_id("anna"), None).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound, "nothing was taken in");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_question_is_told_by_its_field() {
    let (_folder, server) = server_with(&[]).await;
    let mut caller = Caller::of(&server).await;
    let right = v1::ScoreRequest {
        customer: Some(inline(&journey(1, 4))),
        ..v1::ScoreRequest::default()
    };
    let mut field = async |request: v1::ScoreRequest| fields(&caller.scoring.score(request).await.unwrap_err());
    assert_eq!(
        field(v1::ScoreRequest {
            customer: None,
            ..right.clone()
        })
        .await,
        ["customer"]
    );
    assert_eq!(
        field(v1::ScoreRequest {
            customer: Some(by_id("")),
            ..right.clone()
        })
        .await,
        ["customer_id"]
    );
    assert_eq!(
        field(v1::ScoreRequest {
            top_reasons: 21,
            ..right.clone()
        })
        .await,
        ["top_reasons"]
    );
    assert_eq!(
        field(v1::ScoreRequest {
            request_id: "x".repeat(129),
            ..right.clone()
        })
        .await,
        ["request_id"]
    );
    let absurd = Some(wire_time(text::day(-60_000).micros()));
    assert_eq!(
        field(v1::ScoreRequest {
            as_of: absurd,
            ..right.clone()
        })
        .await,
        ["as_of"]
    );
    assert_eq!(
        field(v1::ScoreRequest {
            customer: Some(inline(&[])),
            ..right.clone()
        })
        .await,
        ["journey.events"]
    );
    let many = inline(&vec![visit("", 1.0); 10_001]);
    assert_eq!(
        field(v1::ScoreRequest {
            customer: Some(many),
            ..right.clone()
        })
        .await,
        ["journey.events"]
    );
    let mut two_faults = journey(1, 4);
    two_faults[1].touchpoint = "nowhere";
    two_faults[3].touchpoint = "";
    assert_eq!(
        field(v1::ScoreRequest {
            customer: Some(inline(&two_faults)),
            ..right
        })
        .await,
        ["journey.events[1].touchpoint", "journey.events[3].touchpoint"]
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_answers_each_request_by_itself() {
    let (_folder, server) = server_with(&[("anna".to_owned(), journey(3, 12))]).await;
    let mut caller = Caller::of(&server).await;
    let single = caller.score(by_id("anna"), None).await.unwrap();
    let request = |request_id: &str, customer| v1::ScoreRequest {
        request_id: request_id.to_owned(),
        customer: Some(customer),
        ..v1::ScoreRequest::default()
    };
    let requests = vec![
        request("a", by_id("anna")),
        request("b", by_id("nobody")),
        request("c", inline(&[visit("", 500.0)])),
    ];
    let reply = caller
        .scoring
        .batch_score(v1::BatchScoreRequest { requests })
        .await
        .unwrap()
        .into_inner();
    let results: Vec<BatchResult> = reply.results.into_iter().map(|result| result.result.unwrap()).collect();
    let [
        BatchResult::Reply(anna),
        BatchResult::Error(nobody),
        BatchResult::Error(future),
    ] = &results[..]
    else {
        panic!("{results:?}")
    };
    assert_eq!((anna.request_id.as_str(), bits(anna)), ("a", bits(&single)));
    assert_eq!((nobody.request_id.as_str(), nobody.code), ("b", Code::NotFound as i32));
    assert_eq!(
        (future.request_id.as_str(), future.code),
        ("c", Code::InvalidArgument as i32)
    );
    assert!(
        future.message.starts_with("journey.events[0].at: "),
        "{}",
        future.message
    );
    for n_requests in [0, 1_001] {
        let requests = vec![request("", by_id("anna")); n_requests];
        let status = caller
            .scoring
            .batch_score(v1::BatchScoreRequest { requests })
            .await
            .unwrap_err();
        assert_eq!(fields(&status), ["requests"]);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reasons_come_strongest_first_and_as_many_as_asked_for() {
    let (_folder, server) = server_with(&[("anna".to_owned(), journey(3, 12))]).await;
    let mut caller = Caller::of(&server).await;
    let request = v1::ScoreRequest {
        customer: Some(by_id("anna")),
        top_reasons: 3,
        ..v1::ScoreRequest::default()
    };
    let reply = caller.scoring.score(request).await.unwrap().into_inner();
    for churn in &reply.churn {
        let strengths: Vec<f64> = churn.reasons.iter().map(|reason| reason.log_odds.abs()).collect();
        assert_eq!(strengths.len(), 3);
        assert!(strengths.is_sorted_by(|left, right| left >= right), "{strengths:?}");
        assert!(churn.reasons.iter().all(|reason| !reason.text.is_empty()));
    }
    assert!(
        caller
            .score(by_id("anna"), None)
            .await
            .unwrap()
            .churn
            .iter()
            .all(|churn| churn.reasons.is_empty())
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_deadline_is_called_by_its_name() {
    let (_folder, server) = server_with(&[]).await;
    // A bare client: tonic's own would give up first and never hear the server's answer.
    let bare = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    let mut caller = ScoringClient::with_origin(bare, server.address.parse().unwrap());
    let long = inline(&journey(1, 10_000));
    let requests = vec![
        v1::ScoreRequest {
            customer: Some(long),
            ..v1::ScoreRequest::default()
        };
        4
    ];
    let mut request = Request::new(v1::BatchScoreRequest { requests });
    request.metadata_mut().insert("grpc-timeout", "4m".parse().unwrap());
    let status = caller.batch_score(request).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_beyond_the_limit_is_refused() {
    let (_folder, server) = server_with(&[]).await;
    let mut caller = Caller::of(&server).await;
    let mut large = visit("e1", 1.0).wire();
    large.feedback_text = Some("x".repeat(9 << 20));
    let status = caller.send(vec![event("anna", large)]).await.unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange, "{status}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn health_says_whether_a_model_answers() {
    use tonic_health::pb::health_check_response::ServingStatus::{NotServing, Serving};
    use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
    let folder = tempfile::tempdir().unwrap();
    common::load(&folder.path().join("store"), &spec(), &[]);
    let server = Running::start(folder.path()).await;
    let channel = Channel::from_shared(server.address.clone())
        .unwrap()
        .connect()
        .await
        .unwrap();
    let mut health = HealthClient::new(channel);
    let mut told = async |service: &str| {
        let request = HealthCheckRequest {
            service: service.to_owned(),
        };
        health.check(request).await.unwrap().into_inner().status()
    };
    assert_eq!(told("percorso.v1.Journeys").await, Serving);
    assert_eq!(told("percorso.v1.Scoring").await, NotServing);
    let mut caller = Caller::of(&server).await;
    let status = caller.score(inline(&journey(1, 4)), None).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    server.stop().await;
}

#[tokio::test]
async fn an_address_beyond_this_machine_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    common::load(&folder.path().join("store"), &spec(), &[]);
    let settings = percorso_serving::Settings {
        address: "0.0.0.0:0".parse().unwrap(),
        ..common::settings(folder.path())
    };
    let Err(error) = percorso_serving::Server::bind(settings).await else {
        panic!("it was bound")
    };
    assert!(error.to_string().contains("there is no TLS yet"), "{error}");
}
