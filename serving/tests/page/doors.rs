//! Who comes in, and who does not.

use percorso_serving::{ServeError, Server, Settings};

use crate::browser::{Browser, House};
use crate::common::{settings, spec_with_actions};

#[tokio::test]
async fn nobody_comes_in_without_the_token_and_it_works_once() {
    let house = House::open().await;
    let stranger = Browser::at(house.address);
    for path in ["/", "/customers.csv", &house.path("rich-call"), "/nowhere"] {
        let answered = stranger.get(path).await;
        assert_eq!(answered.status, 401, "{path}");
        assert!(!answered.body.contains("rich-call"));
    }
    assert_eq!(stranger.get("/enter?token=00").await.status, 403);
    assert_eq!(stranger.get("/enter").await.status, 403);
    let answered = stranger.get(&house.entry).await;
    assert_eq!((answered.status, answered.header("location")), (303, Some("/")));
    let cookie = answered.header("set-cookie").unwrap();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert_eq!(stranger.get(&house.entry).await.status, 403, "the token was used");
    let made_up = Browser {
        cookies: vec!["percorso_session=1".to_owned()],
        ..stranger
    };
    assert_eq!(made_up.get("/").await.status, 401);
}

#[tokio::test]
async fn only_this_machine_by_its_own_name_is_answered() {
    let house = House::open().await;
    let inside = house.entered().await;
    assert_eq!(inside.get("/").await.status, 200);
    let by_name = Browser {
        host: format!("localhost:{}", house.address.port()),
        ..inside.clone()
    };
    assert_eq!(by_name.get("/").await.status, 200);
    for host in ["evil.example", "127.0.0.1", "127.0.0.1:1"] {
        let host = host.to_owned();
        let browser = Browser { host, ..inside.clone() };
        assert_eq!(browser.get("/").await.status, 403);
        assert_eq!(browser.get("/enter?token=1").await.status, 403);
    }
    let from_elsewhere = Browser {
        origin: Some("http://evil.example".to_owned()),
        ..inside
    };
    assert_eq!(from_elsewhere.get("/").await.status, 403);
}

#[tokio::test]
async fn every_answer_forbids_scripts_frames_and_copies() {
    let house = House::open().await;
    let inside = house.entered().await;
    for path in [
        "/",
        "/nowhere",
        "/page.css",
        &house.path("rich-call"),
        &house.path("nobody"),
    ] {
        let answered = inside.get(path).await;
        let policy = answered.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
        assert!(!policy.contains("script") && !policy.contains("unsafe"));
        assert_eq!(answered.header("cache-control"), Some("no-store"));
        assert_eq!(answered.header("x-content-type-options"), Some("nosniff"));
        assert!(!answered.body.contains("<script") && !answered.body.contains("style=\""));
    }
    assert_eq!(inside.get(&house.path("nobody")).await.status, 404);
    assert_eq!(inside.get("/nowhere").await.status, 404);
}

#[tokio::test]
async fn the_page_is_for_this_machine_only() {
    let house = House::open().await;
    let dir = house.folder.path().to_owned();
    house.server.stop().await;
    let beyond = Settings {
        spec: spec_with_actions(),
        page: Some("0.0.0.0:0".parse().unwrap()),
        ..settings(&dir)
    };
    let refused = Server::bind(beyond).await.err().unwrap();
    assert!(matches!(refused, ServeError::BeyondThisMachine { .. }), "{refused}");
}

#[tokio::test]
async fn whom_a_trusted_proxy_names_needs_no_token_but_the_form_of_their_own() {
    let trusted = |settings: &mut Settings| settings.page_user_header = Some("X-Forwarded-User".to_owned());
    let house = House::with(spec_with_actions(), trusted).await;
    let named = |user: &str| Browser {
        user: Some(user.to_owned()),
        origin: Some("https://page.example".to_owned()),
        ..Browser::at(house.address)
    };
    assert_eq!(Browser::at(house.address).get("/").await.status, 401);
    assert_eq!(named(" ").get("/").await.status, 403, "nobody from elsewhere");
    let (ada, bob) = (named("ada"), named("bob"));
    ada.list("").await;
    let snooze = house.path("rich-call") + "/snooze";
    let form = ada.get(&house.path("rich-call")).await.hidden("form");
    let put_off = [("form", form.as_str()), ("days", "7")];
    assert_eq!(bob.post(&snooze, &put_off).await.status, 403, "another's form");
    assert_eq!(ada.post(&snooze, &put_off[1..]).await.status, 403, "no form");
    assert_eq!(ada.post(&snooze, &put_off).await.status, 303);
    let by_another_name = Browser {
        host: "page.example".to_owned(),
        ..named("ada")
    };
    assert_eq!(by_another_name.get("/").await.status, 403);
    assert_eq!(house.entered().await.get("/").await.status, 200, "the link still works");
}

#[tokio::test]
async fn without_a_trusted_proxy_its_header_says_nothing() {
    let house = House::open().await;
    let named = Browser {
        user: Some("ada".to_owned()),
        ..Browser::at(house.address)
    };
    assert_eq!(named.get("/").await.status, 401);
    let dir = house.folder.path().to_owned();
    house.server.stop().await;
    let odd = Settings {
        spec: spec_with_actions(),
        page: Some("127.0.0.1:0".parse().unwrap()),
        page_user_header: Some("two words".to_owned()),
        ..settings(&dir)
    };
    let refused = Server::bind(odd).await.err().unwrap();
    assert!(matches!(refused, ServeError::NoHeader { .. }), "{refused}");
}
