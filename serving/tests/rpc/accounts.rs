//! The account managers' list over the wire: the page's own order, page by page, and what they say of it.

use std::collections::HashMap;
use std::time::Duration;

use percorso_artefact::Registry;
use percorso_proto::v1;
use percorso_proto::v1::accounts_client::AccountsClient;
use percorso_proto::v1::decisions_client::DecisionsClient;
use percorso_serving::{AccountsSettings, People, Person, Settings};
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::caller::fields;
use crate::common::{Happening, Running, happening, load, publish_model, secret, settings, spec_with_actions};

struct Desk {
    accounts: AccountsClient<Channel>,
    decisions: DecisionsClient<Channel>,
    server: Running,
    _folder: tempfile::TempDir,
}

/// Bought something a while ago for so much, and may be called or not.
fn customer(id: &str, loyal: bool, value: f64) -> (String, Vec<Happening>) {
    let mut purchase = happening(&format!("{id}-1"), "purchase", 90.0);
    (purchase.loyal, purchase.value) = (Some(loyal), Some(value));
    (id.to_owned(), vec![purchase])
}

fn customers() -> Vec<(String, Vec<Happening>)> {
    let postcards = (0..5).map(|n| customer(&format!("postcard-{n}"), false, f64::from(10 * n)));
    let calls = (0..3).map(|n| customer(&format!("call-{n}"), true, f64::from(n)));
    postcards.chain(calls).collect()
}

impl Desk {
    async fn open() -> Desk {
        let folder = tempfile::tempdir().unwrap();
        publish_model(&Registry::at(folder.path().join("models")), &spec_with_actions(), 1);
        let mut all = customers();
        // Nobody knows this one's id.
        all.push(customer("stranger", false, 1.0));
        load(&folder.path().join("store"), &spec_with_actions(), &all);
        let person = |(id, _): (String, _)| {
            let owner = id.starts_with("call").then(|| "Ada".to_owned());
            (secret().key_of(&id), Person { id, owner })
        };
        let people: HashMap<_, _> = customers().into_iter().map(person).collect();
        let settings = Settings {
            spec: spec_with_actions(),
            accounts: AccountsSettings {
                people: People::new(people),
                rank_every: Duration::from_secs(3_600),
            },
            ..settings(folder.path())
        };
        let server = Running::with(folder.path(), settings).await;
        Desk {
            accounts: AccountsClient::connect(server.address.clone()).await.unwrap(),
            decisions: DecisionsClient::connect(server.address.clone()).await.unwrap(),
            server,
            _folder: folder,
        }
    }

    /// A list, once everyone is ranked.
    async fn list(&mut self, request: v1::ListChurnRisksRequest) -> Result<v1::ListChurnRisksReply, Status> {
        loop {
            match self.accounts.list_churn_risks(request.clone()).await {
                Err(status) if status.code() == Code::Unavailable => {
                    tokio::time::sleep(Duration::from_millis(50)).await
                }
                answered => return answered.map(tonic::Response::into_inner),
            }
        }
    }

    async fn risk(&mut self, id: &str) -> Result<v1::CustomerRisk, Status> {
        let request = v1::GetCustomerRiskRequest {
            customer: Some(v1::get_customer_risk_request::Customer::CustomerId(id.to_owned())),
            top_reasons: 2,
            ..v1::GetCustomerRiskRequest::default()
        };
        self.accounts
            .get_customer_risk(request)
            .await
            .map(tonic::Response::into_inner)
    }

    async fn say(&mut self, request: v1::RecordFeedbackRequest) -> Result<v1::RecordFeedbackReply, Status> {
        self.accounts
            .record_feedback(request)
            .await
            .map(tonic::Response::into_inner)
    }
}

fn feedback(id: &str, kind: v1::FeedbackKind, action: &str) -> v1::RecordFeedbackRequest {
    v1::RecordFeedbackRequest {
        customer: Some(v1::record_feedback_request::Customer::CustomerId(id.to_owned())),
        kind: kind.into(),
        action: action.to_owned(),
        ..v1::RecordFeedbackRequest::default()
    }
}

fn ids(reply: &v1::ListChurnRisksReply) -> Vec<&str> {
    reply
        .customers
        .iter()
        .map(|customer| customer.customer_id.as_str())
        .collect()
}

#[tokio::test]
async fn everyone_is_listed_once_over_the_pages_who_acting_saves_most_for_first() {
    let mut desk = Desk::open().await;
    let whole = desk.list(v1::ListChurnRisksRequest::default()).await.unwrap();
    assert_eq!((whole.total_size, whole.customers.len()), (9, 9));
    assert_eq!(whole.next_page_token, "");
    assert_eq!(&ids(&whole)[..3], ["call-2", "call-1", "call-0"]);
    let gains: Vec<f64> = whole.customers.iter().map(|customer| customer.gain).collect();
    assert!(gains.is_sorted_by(|left, right| left >= right), "{gains:?}");
    let stranger = whole.customers.iter().find(|customer| customer.customer_id.is_empty());
    assert_eq!(stranger.unwrap().customer_key, secret().key_of("stranger").to_string());

    let mut paged = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = v1::ListChurnRisksRequest {
            page_size: 4,
            page_token,
            ..v1::ListChurnRisksRequest::default()
        };
        let page = desk.list(request).await.unwrap();
        assert!(page.customers.len() <= 4 && page.total_size == 9);
        paged.extend(page.customers);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(paged, whole.customers);
    desk.server.stop().await;
}

#[tokio::test]
async fn customers_are_found_by_what_is_asked_and_sorted_by_it() {
    let mut desk = Desk::open().await;
    let asked = |ask: fn(&mut v1::ListChurnRisksRequest)| {
        let mut request = v1::ListChurnRisksRequest::default();
        ask(&mut request);
        request
    };
    let of_ada = desk.list(asked(|ask| ask.owner = "Ada".to_owned())).await.unwrap();
    assert_eq!(of_ada.total_size, 3);
    assert!(of_ada.customers.iter().all(|customer| customer.owner == "Ada"));
    let called = desk.list(asked(|ask| ask.action = "call".to_owned())).await.unwrap();
    assert_eq!(called.customers, of_ada.customers);
    let found = desk
        .list(asked(|ask| ask.search = "POSTCARD-3".to_owned()))
        .await
        .unwrap();
    assert_eq!(ids(&found), ["postcard-3"]);
    let richest = desk
        .list(asked(|ask| ask.order = v1::RiskOrder::Value.into()))
        .await
        .unwrap();
    let value = |customer: &v1::CustomerRisk| customer.churn.as_ref().and_then(|churn| churn.value_at_risk);
    let values: Vec<Option<f64>> = richest.customers.iter().map(value).collect();
    assert!(values.is_sorted_by(|left, right| left >= right), "{values:?}");
    let nobody = desk.list(asked(|ask| ask.at_least = Some(1.0))).await.unwrap();
    assert_eq!((nobody.total_size, nobody.customers.len()), (0, 0));
    desk.server.stop().await;
}

#[tokio::test]
async fn one_customer_stands_as_in_the_list_and_with_reasons() {
    let mut desk = Desk::open().await;
    let listed = desk
        .list(v1::ListChurnRisksRequest {
            top_reasons: 2,
            ..v1::ListChurnRisksRequest::default()
        })
        .await
        .unwrap();
    let alone = desk.risk("call-1").await.unwrap();
    assert!(listed.customers.contains(&alone));
    assert_eq!((alone.action.as_str(), alone.owner.as_str()), ("call", "Ada"));
    assert_eq!(alone.churn.unwrap().reasons.len(), 2);
    let unknown = desk.risk("nobody").await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
    desk.server.stop().await;
}

#[tokio::test]
async fn feedback_is_decided_once_logged_and_told_anew() {
    let mut desk = Desk::open().await;
    desk.list(v1::ListChurnRisksRequest::default()).await.unwrap();
    let said = feedback("call-0", v1::FeedbackKind::WillDo, "call");
    let first = desk.say(said.clone()).await.unwrap();
    assert_eq!(desk.say(said).await.unwrap(), first);
    assert!(!first.is_decided_otherwise);
    let done = v1::RecordFeedbackRequest {
        decision_id: first.decision_id.clone(),
        ..feedback("call-0", v1::FeedbackKind::Done, "")
    };
    assert_eq!(desk.say(done).await.unwrap().decision_id, first.decision_id);
    let request = v1::ExplainDecisionRequest {
        decision_id: first.decision_id.clone(),
    };
    let explained = desk.decisions.explain_decision(request).await.unwrap().into_inner();
    let kinds: Vec<v1::ResponseKind> = explained.responses.iter().map(v1::ResponseRecorded::kind).collect();
    assert_eq!(kinds, [v1::ResponseKind::Executed]);
    // Rejected without a word before: it is decided, and the rejection recorded.
    let rejected = v1::RecordFeedbackRequest {
        reason: "on holiday".to_owned(),
        ..feedback("call-1", v1::FeedbackKind::Rejected, "call")
    };
    assert_ne!(desk.say(rejected).await.unwrap().decision_id, first.decision_id);
    let of_another = v1::RecordFeedbackRequest {
        decision_id: first.decision_id,
        ..feedback("call-1", v1::FeedbackKind::Took, "")
    };
    assert_eq!(desk.say(of_another).await.unwrap_err().code(), Code::NotFound);
    let other = feedback("call-2", v1::FeedbackKind::WillDo, "postcard");
    assert_eq!(desk.say(other).await.unwrap_err().code(), Code::FailedPrecondition);
    desk.server.stop().await;
}

#[tokio::test]
async fn what_is_wrong_is_told_by_field() {
    let mut desk = Desk::open().await;
    let wrong = v1::ListChurnRisksRequest {
        page_size: 1_001,
        page_token: "2".to_owned(),
        stage: "limbo".to_owned(),
        action: "shout".to_owned(),
        at_least: Some(14.0),
        order: 9,
        top_reasons: 21,
        language: "de".to_owned(),
        ..v1::ListChurnRisksRequest::default()
    };
    let refused = desk.list(wrong).await.unwrap_err();
    let expected = [
        "page_size",
        "page_token",
        "stage",
        "action",
        "at_least",
        "order",
        "top_reasons",
        "language",
    ];
    assert_eq!(fields(&refused), expected);
    let of_yesterday = v1::ListChurnRisksRequest {
        page_token: "0-32".to_owned(),
        ..v1::ListChurnRisksRequest::default()
    };
    assert_eq!(desk.list(of_yesterday).await.unwrap_err().code(), Code::Aborted);
    let nobody = v1::GetCustomerRiskRequest::default();
    let refused = desk.accounts.get_customer_risk(nobody).await.unwrap_err();
    assert_eq!(fields(&refused), ["customer"]);
    let silent = v1::RecordFeedbackRequest {
        kind: v1::FeedbackKind::Rejected.into(),
        ..v1::RecordFeedbackRequest::default()
    };
    assert_eq!(
        fields(&desk.say(silent).await.unwrap_err()),
        ["customer", "reason", "action"]
    );
    desk.server.stop().await;
}
