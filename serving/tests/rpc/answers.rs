//! What is answered: scores equal to the bit, events seen at once, reasons, health.

use crate::caller::{Caller, bits, by_id, fields, inline, server_with};
use crate::common::{Chance, Happening, Running, happening, history, journey, spec, visit};
use percorso_artefact::Registry;
use percorso_journey::text;
use percorso_proto::v1;
use percorso_proto::v1::EventOutcome::{Accepted, Duplicate, TooLate};
use percorso_proto::v1::batch_score_result::Result as BatchResult;
use percorso_scoring::Scratch;
use tonic::transport::Channel;
use tonic::{Code, Status};

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_a_score_gives_the_same_bits() {
    let loaded: Vec<(String, Vec<Happening>)> = (0..20)
        .map(|seed| (format!("loaded-{seed}"), journey(seed, 5 + seed as usize)))
        .collect();
    let (folder, server) = server_with(&loaded).await;
    let mut caller = Caller::of(&server).await;
    let model = crate::common::open_model(&Registry::at(folder.path().join("models")), &spec());
    let mut chance = Chance(9);
    let mut n_distinct = std::collections::BTreeSet::new();
    for (id, journey) in &loaded {
        let state = history(&spec(), journey).state().clone();
        let scores = model
            .score(&state, text::day(crate::common::TODAY), &mut Scratch::default())
            .unwrap();
        let churn = scores.churn.iter().zip(&scores.value_at_risk);
        let churn = churn.flat_map(|(churn, value_at_risk)| {
            let told = churn.map(|churn| [churn.probability, churn.low, churn.high]);
            told.into_iter().flatten().chain(*value_at_risk)
        });
        let next = scores.next.unwrap();
        let incidence = next.by_class(model.incidence_days()).concat();
        let next_stage = scores.next_stage.into_iter().chain(scores.median_days);
        let expected: Vec<u64> = churn.chain(next_stage).chain(incidence).map(f64::to_bits).collect();
        assert!(expected.len() > 6, "the customer counts: {id}");
        assert!(scores.value_at_risk.iter().flatten().count() > 0, "{id} bought");

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
    let model = crate::common::open_model(&Registry::at(folder.path().join("models")), &spec());
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
        code(caller.score(by_id("anna"), Some(crate::common::TODAY + 2)).await),
        Code::OutOfRange
    );
    assert!(
        caller
            .score(by_id("anna"), Some(crate::common::TODAY + 1))
            .await
            .is_ok()
    );
    assert_eq!(code(caller.score(inline(&anna), Some(0)).await), Code::OutOfRange);
    assert_eq!(code(caller.score(by_id("nobody"), None).await), Code::NotFound);
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
async fn health_says_whether_a_model_answers() {
    use tonic_health::pb::health_check_response::ServingStatus::{NotServing, Serving};
    use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
    let folder = tempfile::tempdir().unwrap();
    crate::common::load(&folder.path().join("store"), &spec(), &[]);
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
