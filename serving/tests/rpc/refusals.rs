//! What is refused, and how the fault is named.

use crate::caller::{Caller, by_id, event, faults, fields, inline, server_with};
use crate::common::{journey, spec, visit, wire_time};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use percorso_journey::text;
use percorso_proto::v1;
use percorso_proto::v1::scoring_client::ScoringClient;
use tonic::{Code, Request};

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
            "1e15",
        ),
        (
            wrong(|event| event.feedback_score = Some(f64::INFINITY)),
            "events[1].event.feedback_score",
            "1e15",
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
            "1e15",
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

#[tokio::test]
async fn an_address_beyond_this_machine_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    crate::common::load(&folder.path().join("store"), &spec(), &[]);
    let settings = percorso_serving::Settings {
        address: "0.0.0.0:0".parse().unwrap(),
        ..crate::common::settings(folder.path())
    };
    let Err(error) = percorso_serving::Server::bind(settings).await else {
        panic!("it was bound")
    };
    assert!(error.to_string().contains("there is no TLS yet"), "{error}");
}
