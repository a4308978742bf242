//! What is decided over the wire: once, within its limits, explained and made again.

use std::collections::BTreeSet;

use percorso_artefact::Registry;
use percorso_journey::text;
use percorso_proto::v1;
use percorso_proto::v1::decisions_client::DecisionsClient;
use percorso_serving::Settings;
use tokio_stream::StreamExt;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::caller::{Caller, fields};
use crate::common::{
    Happening, Running, TODAY, happening, load, publish_model, settings, spec_with_actions, wire_time,
};

struct Desk {
    folder: tempfile::TempDir,
    server: Running,
    decisions: DecisionsClient<Channel>,
    caller: Caller,
}

fn with_actions(dir: &std::path::Path) -> Settings {
    Settings {
        spec: spec_with_actions(),
        ..settings(dir)
    }
}

/// Bought something a while ago, and may be called or not.
fn customer(id: &str, loyal: bool) -> (String, Vec<Happening>) {
    let mut purchase = happening(&format!("{id}-1"), "purchase", 90.0);
    purchase.loyal = Some(loyal);
    (id.to_owned(), vec![purchase])
}

impl Desk {
    async fn open() -> Desk {
        let folder = tempfile::tempdir().unwrap();
        publish_model(&Registry::at(folder.path().join("models")), &spec_with_actions(), 1);
        let customers: Vec<_> = (0..8).map(|n| customer(&format!("loyal-{n}"), true)).collect();
        let customers = [customers, vec![customer("bruno", false)]].concat();
        load(&folder.path().join("store"), &spec_with_actions(), &customers);
        Desk::over(folder).await
    }

    async fn over(folder: tempfile::TempDir) -> Desk {
        let server = Running::with(folder.path(), with_actions(folder.path())).await;
        let decisions = DecisionsClient::connect(server.address.clone()).await.unwrap();
        let caller = Caller::of(&server).await;
        Desk {
            folder,
            server,
            decisions,
            caller,
        }
    }

    async fn reopened(self) -> Desk {
        let Desk {
            folder,
            server,
            decisions,
            caller,
        } = self;
        drop((decisions, caller));
        server.stop().await;
        Desk::over(folder).await
    }

    async fn ask(&mut self, request: v1::RecommendRequest) -> Result<v1::Recommendation, Status> {
        self.decisions.recommend(request).await.map(tonic::Response::into_inner)
    }

    async fn decide(&mut self, request_id: &str, customer_id: &str) -> v1::Recommendation {
        self.ask(request(request_id, customer_id)).await.unwrap()
    }

    async fn explain(&mut self, decision_id: &str) -> v1::Explanation {
        let decision_id = decision_id.to_owned();
        let request = v1::ExplainDecisionRequest { decision_id };
        self.decisions.explain_decision(request).await.unwrap().into_inner()
    }

    async fn replay(&mut self, decision_id: &str) -> v1::Replay {
        let decision_id = decision_id.to_owned();
        let request = v1::ReplayDecisionRequest { decision_id };
        self.decisions.replay_decision(request).await.unwrap().into_inner()
    }
}

fn request(request_id: &str, customer_id: &str) -> v1::RecommendRequest {
    v1::RecommendRequest {
        request_id: request_id.to_owned(),
        customer_id: customer_id.to_owned(),
        ..v1::RecommendRequest::default()
    }
}

fn dropped(recommendation: &v1::Recommendation) -> Vec<(&str, &str)> {
    recommendation
        .dropped
        .iter()
        .map(|dropped| (dropped.action.as_str(), dropped.kind.as_str()))
        .collect()
}

#[tokio::test]
async fn the_best_of_what_may_be_done_is_told_with_all_that_was_considered() {
    let mut desk = Desk::open().await;
    let told = desk.decide("r1", "loyal-0").await;
    assert_eq!(
        (
            told.request_id.as_str(),
            told.action.as_str(),
            told.text.as_str(),
            told.channel.as_str()
        ),
        ("r1", "call", "call_text", "shop")
    );
    assert_eq!((told.gain, told.propensity), (8.0, 1.0), "10 declared, 2 spent");
    assert_eq!(told.evidence(), v1::Evidence::Declared);
    assert_eq!(told.policy(), v1::Policy::Declared);
    assert!(!told.model_version.is_empty() && told.fallback_reason.is_empty());
    let options: Vec<(&str, f64)> = told
        .options
        .iter()
        .map(|option| (option.action.as_str(), option.gain))
        .collect();
    assert_eq!(options, [("call", 8.0), ("postcard", 3.0), ("nothing", 0.0)]);
    let told = desk.decide("r2", "bruno").await;
    assert_eq!(
        (told.action.as_str(), dropped(&told)),
        ("postcard", vec![("call", "consent")])
    );
    assert_eq!(told.dropped[0].why, "no consent");
    let only_mail = v1::RecommendRequest {
        channels: vec!["mail".to_owned()],
        ..request("r3", "loyal-1")
    };
    let told = desk.ask(only_mail).await.unwrap();
    assert_eq!(
        (told.action.as_str(), dropped(&told)),
        ("postcard", vec![("call", "channel")])
    );
}

#[tokio::test]
async fn the_same_request_is_the_same_decision_and_no_other() {
    let mut desk = Desk::open().await;
    let first = desk.decide("r1", "loyal-0").await;
    for _ in 0..5 {
        assert_eq!(desk.decide("r1", "loyal-0").await, first);
    }
    let mut desk = desk.reopened().await;
    assert_eq!(desk.decide("r1", "loyal-0").await, first, "also after a restart");
    assert_eq!(desk.explain(&first.decision_id).await.contacts.len(), 0);
    let second = desk.decide("r2", "loyal-0").await;
    assert_eq!(
        desk.explain(&second.decision_id).await.contacts.len(),
        1,
        "the contact was counted once"
    );
    for other in [
        request("r1", "loyal-1"),
        v1::RecommendRequest {
            channels: vec!["mail".to_owned()],
            ..request("r1", "loyal-0")
        },
    ] {
        let refused = desk.ask(other).await.unwrap_err();
        assert_eq!(refused.code(), Code::AlreadyExists, "{refused}");
    }
}

#[tokio::test]
async fn contacts_are_counted_when_decided_and_their_events_are_the_same_contacts() {
    let mut desk = Desk::open().await;
    let first = desk.decide("r1", "loyal-0").await;
    let offer = v1::Event {
        // What was done need not be said: the decision says it.
        decision_id: Some(first.decision_id.clone()),
        ..happening("e-1", "offer", TODAY as f64 + 0.01).wire()
    };
    desk.caller
        .send(vec![crate::caller::event("loyal-0", offer)])
        .await
        .unwrap();
    assert_eq!(
        desk.decide("r2", "loyal-0").await.action,
        "call",
        "one contact of two was made"
    );
    let third = desk.decide("r3", "loyal-0").await;
    assert_eq!(
        (third.action.as_str(), dropped(&third)),
        ("nothing", vec![("call", "contacts"), ("postcard", "contacts")])
    );
}

#[tokio::test]
async fn no_cap_is_exceeded_by_who_asks_at_the_same_time() {
    let desk = Desk::open().await;
    let asked: Vec<_> = (0..48)
        .map(|n| {
            let mut decisions = desk.decisions.clone();
            let request = request(&format!("r{n}"), &format!("loyal-{}", n % 6));
            tokio::spawn(async move { decisions.recommend(request).await.unwrap().into_inner() })
        })
        .collect();
    let mut by_action = std::collections::BTreeMap::new();
    let mut contacts_of = std::collections::BTreeMap::new();
    for (n, asked) in asked.into_iter().enumerate() {
        let told = asked.await.unwrap();
        assert!(!told.decision_id.is_empty(), "{}", told.fallback_reason);
        if told.action != "nothing" {
            *contacts_of.entry(n % 6).or_insert(0) += 1;
        }
        *by_action.entry(told.action).or_insert(0) += 1;
    }
    assert_eq!(by_action["call"], 3, "as many as may be called in a day");
    assert!(
        contacts_of.values().all(|n| *n == 2),
        "as many as a customer may get: {contacts_of:?}"
    );
}

#[tokio::test]
async fn a_consent_that_is_withdrawn_is_not_used() {
    let mut desk = Desk::open().await;
    assert_eq!(desk.decide("r1", "loyal-0").await.action, "call");
    let mut withdrawn = happening("e-1", "visit", TODAY as f64 + 0.5);
    withdrawn.loyal = Some(false);
    desk.caller.ingest("loyal-0", &[withdrawn]).await.unwrap();
    let told = desk.decide("r2", "loyal-0").await;
    assert_eq!(
        (told.action.as_str(), dropped(&told)),
        ("postcard", vec![("call", "consent")])
    );
    assert_eq!(
        told.as_of.unwrap().seconds,
        wire_time(text::day(TODAY).micros()).seconds + 43_200
    );
}

#[tokio::test]
async fn a_dry_run_logs_nothing_and_counts_nothing() {
    let mut desk = Desk::open().await;
    let dry = |as_of| v1::RecommendRequest {
        dry_run: true,
        as_of,
        ..request("", "loyal-0")
    };
    for _ in 0..5 {
        let told = desk.ask(dry(None)).await.unwrap();
        assert_eq!((told.action.as_str(), told.decision_id.as_str()), ("call", ""));
    }
    let told = desk.decide("r1", "loyal-0").await;
    assert!(desk.explain(&told.decision_id).await.contacts.is_empty());
    let before_all = desk.ask(dry(Some(wire_time(text::day(1).micros())))).await.unwrap();
    assert_eq!(before_all.policy(), v1::Policy::Fallback);
    assert_eq!(before_all.fallback_reason, "no event of the customer lies before as_of");
}

#[tokio::test]
async fn who_is_not_known_gets_the_fallback_within_its_limits() {
    let mut desk = Desk::open().await;
    for (request_id, action) in [("r1", "postcard"), ("r2", "postcard"), ("r3", "nothing")] {
        let told = desk.decide(request_id, "nobody").await;
        assert_eq!((told.action.as_str(), told.policy()), (action, v1::Policy::Fallback));
        assert_eq!(told.fallback_reason, "no events are kept of this customer");
        assert!(desk.replay(&told.decision_id).await.is_same);
    }
}

#[tokio::test]
async fn a_response_is_recorded_once_and_explained() {
    let mut desk = Desk::open().await;
    let told = desk.decide("r1", "loyal-0").await;
    let response = |kind: v1::ResponseKind, reason: &str| v1::RecordResponseRequest {
        decision_id: told.decision_id.clone(),
        kind: kind.into(),
        at: Some(wire_time(text::day(TODAY).micros())),
        reason: reason.to_owned(),
    };
    let presented = response(v1::ResponseKind::Presented, "");
    let rejected = response(v1::ResponseKind::Rejected, "moved abroad");
    for (request, is_new) in [(&presented, true), (&rejected, true), (&rejected, false)] {
        let reply = desk
            .decisions
            .record_response(request.clone())
            .await
            .unwrap()
            .into_inner();
        assert_eq!(reply.is_new, is_new);
    }
    let explained = desk.explain(&told.decision_id).await;
    let recorded: Vec<(v1::ResponseKind, &str)> = explained
        .responses
        .iter()
        .map(|response| (response.kind(), response.reason.as_str()))
        .collect();
    assert_eq!(
        recorded,
        [
            (v1::ResponseKind::Presented, ""),
            (v1::ResponseKind::Rejected, "moved abroad")
        ]
    );
    let mut again = explained.recommendation.unwrap();
    again.request_id = told.request_id.clone();
    assert_eq!(again, told);
    assert!(explained.scores["churn_left_30d"] > 0.0);
    let unknown = v1::RecordResponseRequest {
        decision_id: "0".repeat(32),
        ..presented
    };
    let refused = desk.decisions.record_response(unknown).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
}

#[tokio::test]
async fn a_decision_is_made_again_byte_for_byte_whatever_has_happened_since() {
    let mut desk = Desk::open().await;
    let told = [desk.decide("r1", "loyal-0").await, desk.decide("r2", "bruno").await];
    publish_model(
        &Registry::at(desk.folder.path().join("models")),
        &spec_with_actions(),
        2,
    );
    let late = happening("late", "visit", TODAY as f64 - 10.0);
    desk.caller.ingest("loyal-0", &[late]).await.unwrap();
    let mut desk = desk.reopened().await;
    let now = desk.decide("r3", "loyal-1").await;
    assert_ne!(now.model_version, told[0].model_version, "another model serves");
    for told in &told {
        let replay = desk.replay(&told.decision_id).await;
        assert!(replay.is_same, "{}", replay.difference);
        assert!(!replay.logged.is_empty());
        assert_eq!(replay.logged, replay.replayed);
    }
}

#[tokio::test]
async fn a_batch_is_answered_in_the_order_asked() {
    let mut desk = Desk::open().await;
    let mut requests: Vec<_> = (0..100)
        .map(|n| request(&format!("b{n}"), &format!("stranger-{n}")))
        .collect();
    requests[7].customer_id.clear();
    let batch = v1::BatchRecommendRequest { requests };
    let replies = desk.decisions.batch_recommend(batch).await.unwrap().into_inner();
    let replies: Vec<v1::BatchRecommendReply> = replies.map(Result::unwrap).collect().await;
    let mut ids = BTreeSet::new();
    for (n, reply) in replies.iter().enumerate() {
        match reply.result.as_ref().unwrap() {
            v1::batch_recommend_reply::Result::Recommendation(told) => {
                assert_eq!(told.request_id, format!("b{n}"));
                ids.insert(told.decision_id.clone());
            }
            v1::batch_recommend_reply::Result::Error(error) => {
                assert_eq!((n, error.request_id.as_str()), (7, "b7"));
                assert_eq!((error.code, error.message.as_str()), (3, "customer_id: is missing"));
            }
        }
    }
    assert_eq!((replies.len(), ids.len()), (100, 99));
    let none = v1::BatchRecommendRequest { requests: Vec::new() };
    let refused = desk.decisions.batch_recommend(none).await.unwrap_err();
    assert_eq!(fields(&refused), ["requests"]);
}

#[tokio::test]
async fn a_wrong_request_is_told_by_its_fields() {
    let mut desk = Desk::open().await;
    let wrong = v1::RecommendRequest {
        channels: vec!["mail".to_owned(), "pigeon".to_owned()],
        as_of: Some(wire_time(0)),
        ..request("", " ")
    };
    let refused = desk.ask(wrong).await.unwrap_err();
    assert_eq!(fields(&refused), ["request_id", "channels[1]", "as_of", "customer_id"]);
    let wrong = v1::RecordResponseRequest {
        decision_id: "d1".to_owned(),
        reason: "x".repeat(501),
        ..v1::RecordResponseRequest::default()
    };
    let refused = desk.decisions.record_response(wrong).await.unwrap_err();
    assert_eq!(fields(&refused), ["decision_id", "kind", "reason"]);
    let silent = v1::RecordResponseRequest {
        decision_id: "0".repeat(32),
        kind: v1::ResponseKind::Rejected.into(),
        ..v1::RecordResponseRequest::default()
    };
    assert_eq!(
        fields(&desk.decisions.record_response(silent).await.unwrap_err()),
        ["reason"]
    );
    let request = v1::ExplainDecisionRequest {
        decision_id: "f".repeat(32),
    };
    assert_eq!(
        desk.decisions.explain_decision(request).await.unwrap_err().code(),
        Code::NotFound
    );
}

#[tokio::test]
async fn what_was_decided_and_the_contacts_in_the_data_outlive_a_load() {
    let folder = tempfile::tempdir().unwrap();
    publish_model(&Registry::at(folder.path().join("models")), &spec_with_actions(), 1);
    let (id, mut journey) = customer("anna", true);
    journey.push(happening("anna-2", "offer", 110.0));
    let customers = [(id, journey)];
    load(&folder.path().join("store"), &spec_with_actions(), &customers);
    let mut desk = Desk::over(folder).await;
    let first = desk.decide("r1", "anna").await;
    assert_eq!(first.action, "call");
    assert_eq!(
        desk.explain(&first.decision_id).await.contacts.len(),
        1,
        "the offer in the data"
    );
    let Desk {
        folder,
        server,
        decisions,
        caller,
    } = desk;
    drop((decisions, caller));
    server.stop().await;
    load(&folder.path().join("store"), &spec_with_actions(), &customers);
    let mut desk = Desk::over(folder).await;
    assert_eq!(desk.decide("r1", "anna").await, first);
    assert!(desk.replay(&first.decision_id).await.is_same);
    let second = desk.decide("r2", "anna").await;
    assert_eq!(dropped(&second), [("call", "contacts"), ("postcard", "contacts")]);
}

#[tokio::test]
async fn capacities_and_their_days_are_the_clocks_whatever_lies_ahead_of_a_customer() {
    let mut desk = Desk::open().await;
    for n in 0..3 {
        assert_eq!(
            desk.decide(&format!("r{n}"), &format!("loyal-{n}")).await.action,
            "call"
        );
    }
    let ahead = happening("ahead", "visit", TODAY as f64 + 0.9);
    desk.caller.ingest("loyal-4", &[ahead]).await.unwrap();
    let told = desk.decide("r4", "loyal-4").await;
    assert_eq!(dropped(&told), [("call", "capacity")], "three were called today");
}

#[tokio::test]
async fn contacts_of_one_moment_count_each_also_when_they_come_too_late() {
    let mut desk = Desk::open().await;
    let offer = |id: &str, day: f64| happening(id, "offer", day);
    let recent = happening("recent", "visit", TODAY as f64);
    desk.caller.ingest("loyal-0", &[recent]).await.unwrap();
    let outcomes = desk
        .caller
        .ingest("loyal-0", &[offer("a", 89.0), offer("b", 119.0), offer("c", 119.0)])
        .await
        .unwrap();
    assert_eq!(outcomes[0], v1::EventOutcome::TooLate);
    let told = desk.decide("r1", "loyal-0").await;
    assert_eq!(dropped(&told), [("call", "contacts"), ("postcard", "contacts")]);
    assert_eq!(desk.explain(&told.decision_id).await.contacts.len(), 3);
}
