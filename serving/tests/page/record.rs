//! What was told, held against what came.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use percorso_journey::text;

use crate::browser::{Browser, House};
use crate::common::{TODAY, spec_with_actions};

/// The record, once it says so.
async fn told(inside: &Browser, what: &str) -> String {
    for _ in 0..2_000 {
        let page = inside.get("/record").await;
        assert_eq!(page.status, 200);
        if page.body.contains(what) {
            return page.body;
        }
    }
    panic!("the record never says {what}: {}", inside.get("/record").await.body);
}

#[tokio::test]
async fn what_was_told_is_kept_and_held_against_what_came_when_its_days_are_over() {
    let day = Arc::new(AtomicI64::new(TODAY));
    let clock = Arc::clone(&day);
    let house = House::with(spec_with_actions(), |settings| {
        settings.clock = Arc::new(move || text::day(clock.load(Ordering::Relaxed)));
        settings.accounts.rank_every = Duration::ZERO;
    })
    .await;
    let inside = house.entered().await;
    inside.list("").await;
    let first = told(&inside, "The first record will be here on 30\u{a0}May\u{a0}2024").await;
    assert!(!first.contains("<table"), "{first}");
    day.store(TODAY + 10, Ordering::Relaxed);
    let path = house.path("rich-call");
    let form = inside.get(&path).await.hidden("form");
    let left = [("form", form.as_str()), ("touchpoint", "closed")];
    assert_eq!(inside.post(&format!("{path}/left"), &left).await.status, 303);
    day.store(TODAY + 11, Ordering::Relaxed);
    let so_far = told(&inside, "11 of 30 days are over").await;
    assert!(
        so_far.contains("left alone on purpose are a fair comparison"),
        "{so_far}"
    );
    day.store(TODAY + 30, Ordering::Relaxed);
    let over = told(&inside, "Told on 30\u{a0}Apr\u{a0}2024 by version").await;
    let cell = |text: &str| over.matches(&format!("class=\"number\">{text}</td>")).count();
    assert!(over.contains("not contacted") && cell("7") >= 1, "{over}");
    assert!(cell("1") >= 2, "one has left, in a tenth and in all: {over}");
    let folder = house.folder.path().join("store.told");
    let mut kept: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    kept.sort();
    assert!(
        kept.contains(&"2024-04-30.told".to_owned()) && kept.contains(&"2024-05-11.told".to_owned()),
        "{kept:?}"
    );
}
