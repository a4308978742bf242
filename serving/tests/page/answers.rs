//! One customer, and what an account manager answers.

use percorso_serving::ResponseKind;

use crate::browser::House;
use crate::common::{secret, spec_with_call};

#[tokio::test]
async fn a_customers_page_tells_what_to_do_why_and_why_not() {
    let house = House::open().await;
    let inside = house.entered().await;
    let page = inside.get(&house.path("rich-postcard")).await;
    assert_eq!(page.status, 200);
    for text in [
        "<strong>postcard</strong>",
        "Compared with doing nothing it should bring in 3.00",
        "<strong>call</strong>: the customer has not agreed to it",
        "leaves within 30 days",
        "stays silent for 90 days",
        "raises the risk",
        "What comes first within",
        "class=\"timeline\"",
        "purchase (web)",
        "A week ago the chance of leaving was",
        "New events since: 0.",
        "class=\"trend\"",
    ] {
        assert!(page.body.contains(text), "{text}: {}", page.body);
    }
    let page = inside.get(&house.path("rich-call")).await;
    let [chosen, other] = page.places(["<strong>call</strong>", "<strong>postcard</strong>: "]);
    assert!(chosen < other && page.body.contains("Other things you could do"));
}

#[tokio::test]
async fn an_answer_needs_the_form_of_this_session() {
    let house = House::open().await;
    let inside = house.entered().await;
    let path = house.path("rich-call");
    let fields = [("answer", "will_do"), ("action", "call")];
    assert_eq!(inside.post(&path, &fields).await.status, 403);
    let forged = [fields[0], fields[1], ("form", "0")];
    assert_eq!(inside.post(&path, &forged).await.status, 403);
    assert_eq!(
        house.server.service.decision(decision_id(&house, "rich-call")).unwrap(),
        None
    );
}

/// The id of today's decision of the page about a customer.
fn decision_id(house: &House, id: &str) -> percorso_serving::DecisionId {
    let today = percorso_journey::text::day(crate::common::TODAY).micros() / percorso_journey::MICROS_PER_DAY;
    let request = format!("page\0{}\0{today}", secret().key_of(id));
    house.server.service.decision_id(&request)
}

#[tokio::test]
async fn what_will_be_done_is_decided_once_and_what_came_of_it_is_recorded() {
    let house = House::open().await;
    let inside = house.entered().await;
    let path = house.path("rich-call");
    let form = inside.get(&path).await.hidden("form");
    let will_do = [("form", form.as_str()), ("answer", "will_do"), ("action", "call")];
    for _ in 0..2 {
        let answered = inside.post(&path, &will_do).await;
        assert_eq!(answered.status, 303, "{}", answered.body);
    }
    let page = inside.get(&format!("{path}?became=recorded")).await;
    assert!(
        page.body.contains(": call</h3>") && page.body.contains("Recorded."),
        "{}",
        page.body
    );
    let id = decision_id(&house, "rich-call");
    assert_eq!(page.hidden("decision"), id.to_string());
    let decision = id.to_string();
    let done = [("form", form.as_str()), ("answer", "done"), ("decision", &decision)];
    assert_eq!(inside.post(&path, &done).await.status, 303);
    let (record, responses) = house.server.service.decision(id).unwrap().unwrap();
    assert_eq!(record.choice().action.as_ref().unwrap().name, "call");
    let kinds: Vec<ResponseKind> = responses.iter().map(|response| response.kind).collect();
    assert_eq!(kinds, [ResponseKind::Executed]);
    let other = house.path("poor-call");
    assert_eq!(inside.post(&other, &done).await.status, 404, "it is another's decision");
}

#[tokio::test]
async fn a_recommendation_is_rejected_with_a_reason() {
    let house = House::open().await;
    let inside = house.entered().await;
    let path = house.path("rich-postcard");
    let form = inside.get(&path).await.hidden("form");
    let reject = |reason| {
        [
            ("form", form.as_str()),
            ("answer", "reject"),
            ("action", "postcard"),
            ("reason", reason),
        ]
    };
    assert_eq!(
        inside.post(&path, &reject("+")).await.status,
        400,
        "a blank is no reason"
    );
    assert_eq!(
        house
            .server
            .service
            .decision(decision_id(&house, "rich-postcard"))
            .unwrap(),
        None
    );
    assert_eq!(inside.post(&path, &reject("moved+%3Ci%3Eabroad")).await.status, 303);
    let (_, responses) = house
        .server
        .service
        .decision(decision_id(&house, "rich-postcard"))
        .unwrap()
        .unwrap();
    assert_eq!(
        (responses[0].kind, responses[0].reason.as_str()),
        (ResponseKind::Rejected, "moved <i>abroad")
    );
    let page = inside.get(&path).await;
    assert!(page.body.contains("moved &#60;i&#62;abroad"), "{}", page.body);
}

#[tokio::test]
async fn what_is_no_longer_recommended_is_not_decided() {
    let house = House::open().await;
    let inside = house.entered().await;
    let path = house.path("rich-postcard");
    let form = inside.get(&path).await.hidden("form");
    let old = [("form", form.as_str()), ("answer", "will_do"), ("action", "call")];
    assert_eq!(inside.post(&path, &old).await.status, 409);
    assert_eq!(
        house
            .server
            .service
            .decision(decision_id(&house, "rich-postcard"))
            .unwrap(),
        None
    );
}

#[tokio::test]
async fn what_must_not_be_done_at_this_hour_is_advice_and_cannot_be_logged() {
    let every_day = r#"quiet_days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]"#;
    let house = House::of(spec_with_call(every_day)).await;
    let inside = house.entered().await;
    let page = inside.get(&house.path("rich-call")).await;
    assert!(
        page.body.contains("<strong>call</strong> on the channel shop"),
        "{}",
        page.body
    );
    assert!(page.body.contains("At this hour it must not be done") && !page.body.contains("will_do"));
}

#[tokio::test]
async fn who_is_put_off_stands_in_the_list_only_when_asked_for() {
    let house = House::open().await;
    let inside = house.entered().await;
    inside.list("").await;
    let path = house.path("rich-call");
    let form = inside.get(&path).await.hidden("form");
    let put_off = |days| [("form", form.as_str()), ("days", days)];
    let snooze = format!("{path}/snooze");
    assert_eq!(inside.post(&snooze, &[("days", "7")]).await.status, 403);
    assert_eq!(inside.post(&snooze, &put_off("8")).await.status, 400);
    assert_eq!(inside.post(&snooze, &put_off("7")).await.status, 303);
    let link = format!("href=\"{path}\"");
    assert!(!inside.list("").await.body.contains(&link));
    let only = inside.list("snoozed=yes").await;
    assert_eq!(only.body.matches("href=\"/customer/").count(), 1);
    assert!(only.body.contains(&link) && only.body.contains("checked"));
    let page = inside.get(&path).await;
    assert!(
        page.body.contains("back in the list on 7\u{a0}May\u{a0}2024"),
        "{}",
        page.body
    );
    assert_eq!(inside.post(&snooze, &put_off("0")).await.status, 303);
    assert!(inside.list("").await.body.contains(&link));
}

#[tokio::test]
async fn who_has_left_anyway_is_an_event_that_is_asked_for_twice_and_kept_once() {
    let house = House::open().await;
    let inside = house.entered().await;
    inside.list("").await;
    let path = house.path("rich-call");
    let page = inside.get(&path).await;
    let left = format!("{path}/left");
    assert!(page.body.contains(&format!("href=\"{left}\"")));
    let question = inside.get(&left).await;
    assert_eq!(question.status, 200);
    assert!(question.body.contains("It cannot be taken back here") && question.body.contains("Has rich-call left?"));
    let (form, touchpoint) = (question.hidden("form"), question.hidden("touchpoint"));
    assert_eq!(touchpoint, "closed");
    let n_events = || {
        let question = percorso_serving::Question::default();
        house
            .server
            .service
            .score(secret().key_of("rich-call"), question)
            .unwrap()
            .n_events
    };
    let before = n_events();
    assert_eq!(inside.post(&left, &[("touchpoint", "closed")]).await.status, 403);
    let wrong = [("form", form.as_str()), ("touchpoint", "purchase")];
    assert_eq!(inside.post(&left, &wrong).await.status, 400);
    assert_eq!(n_events(), before);
    let said = [("form", form.as_str()), ("touchpoint", "closed")];
    for _ in 0..2 {
        assert_eq!(inside.post(&left, &said).await.status, 303);
    }
    assert_eq!(n_events(), before + 1);
    let page = inside.get(&path).await;
    assert!(
        page.body.contains("closed") && page.body.contains("does not apply"),
        "{}",
        page.body
    );
    let nobody = house.path("nobody") + "/left";
    assert_eq!(inside.post(&nobody, &said).await.status, 404);
}
