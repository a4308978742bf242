//! What a store promises, whatever happens to the process.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use common::{Chance, Happening, happening, history, journey, secret, spec, visit};
use percorso_journey::{CustomerKey, LoggedEvent, Spec, text};
use percorso_next_action::decide::Ledger;
use percorso_serving::Placement::{Accepted, Duplicate, TooLate};
use percorso_serving::{Placement, Store, StoreError};

fn key(id: &str) -> CustomerKey {
    secret().key_of(id)
}

fn open(dir: &Path) -> Store {
    Store::open(dir, &spec(), 1_024).unwrap()
}

fn empty(dir: &Path) -> Store {
    common::load(dir, &spec(), &[]);
    open(dir)
}

fn ingest(store: &Store, id: &str, journey: &[Happening]) -> Vec<Placement> {
    let events = journey
        .iter()
        .map(|happening| (key(id), happening.logged(store.spec())))
        .collect();
    store.ingest(events).unwrap().wait().unwrap()
}

fn state_bytes(store: &Store, id: &str) -> Vec<u8> {
    store.history(key(id)).unwrap().expect("known").state().to_bytes()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to)
        } else {
            drop(std::fs::copy(entry.path(), to))
        }
    }
}

#[test]
fn an_event_is_accepted_once_and_refused_when_too_late() {
    let folder = tempfile::tempdir().unwrap();
    let store = empty(&folder.path().join("store"));
    let events = [visit("a", 50.0), visit("b", 40.0), visit("a", 50.0), visit("c", 19.0)];
    assert_eq!(
        ingest(&store, "anna", &events),
        [Accepted, Accepted, Duplicate, TooLate]
    );
    assert_eq!(
        ingest(&store, "anna", &events),
        [Duplicate, Duplicate, Duplicate, TooLate]
    );
    let expected = history(&spec(), &[visit("b", 40.0), visit("a", 50.0)]);
    assert_eq!(state_bytes(&store, "anna"), expected.state().to_bytes());
    assert!(store.history(key("bruno")).unwrap().is_none());
}

#[test]
fn what_was_loaded_and_streamed_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("store");
    let whole = journey(1, 60);
    common::load(&dir, &spec(), &[("anna".to_owned(), whole[..50].to_vec())]);
    let store = open(&dir);
    assert_eq!(store.header().generation, 1);
    assert_eq!(store.header().watermark, text::day(common::TODAY));
    assert!(
        ingest(&store, "anna", &whole[50..])
            .iter()
            .all(|placement| *placement == Accepted)
    );
    assert!(
        ingest(&store, "bruno", &whole)
            .iter()
            .all(|placement| *placement == Accepted)
    );
    store.close().unwrap();
    assert!(matches!(store.ingest(Vec::new()), Err(StoreError::Closed)));
    drop(store);
    let store = open(&dir);
    for id in ["anna", "bruno"] {
        assert_eq!(state_bytes(&store, id), history(&spec(), &whole).state().to_bytes());
    }
}

#[test]
fn bases_move_behind_the_log_and_the_state_stays() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("store");
    let whole = journey(2, 200);
    let store = empty(&dir);
    ingest(&store, "anna", &whole);
    store.close().unwrap();
    drop(store);
    let store = open(&dir);
    let kept = store.history(key("anna")).unwrap().unwrap();
    assert_eq!(kept.state().to_bytes(), history(&spec(), &whole).state().to_bytes());
    let mut settled = history(&spec(), &whole);
    assert!(settled.settle() > 100);
    assert_eq!(kept.base().to_bytes(), settled.base().to_bytes());
    assert_eq!(kept.log(), settled.log());
    // Events that come later find their places all the same.
    let late = happening("late", "purchase", 95.0);
    assert_eq!(ingest(&store, "anna", std::slice::from_ref(&late)), [Accepted]);
    settled.insert(late.logged(&spec())).unwrap();
    assert_eq!(state_bytes(&store, "anna"), settled.state().to_bytes());
}

#[test]
fn threads_that_send_the_same_events_neither_lose_nor_double_one() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("store");
    let store = empty(&dir);
    let whole: Vec<Happening> = (0..300)
        .map(|at| visit(&format!("e{at}"), 60.0 + f64::from(at) / 20.0))
        .collect();
    let accepted: Vec<usize> = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..8)
            .map(|seed| {
                let (store, mut mine) = (&store, whole.clone());
                scope.spawn(move || {
                    Chance(seed).shuffle(&mut mine);
                    let outcomes = mine.chunks(7).flat_map(|events| ingest(store, "anna", events));
                    outcomes.filter(|placement| *placement == Accepted).count()
                })
            })
            .collect();
        senders.into_iter().map(|sender| sender.join().unwrap()).collect()
    });
    assert_eq!(accepted.iter().sum::<usize>(), whole.len(), "{accepted:?}");
    let expected = history(&spec(), &whole).state().to_bytes();
    assert_eq!(state_bytes(&store, "anna"), expected);
    drop(store);
    assert_eq!(state_bytes(&open(&dir), "anna"), expected);
}

#[test]
fn reading_while_events_come_in_never_shows_less_than_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let store = empty(&folder.path().join("store"));
    let ids: Vec<String> = (0..1_500).map(|at| format!("c{at}")).collect();
    let acknowledged: Vec<std::sync::atomic::AtomicU64> = ids.iter().map(|_| 0.into()).collect();
    let is_over = std::sync::atomic::AtomicBool::new(false);
    use std::sync::atomic::Ordering::SeqCst;
    std::thread::scope(|scope| {
        let (store, ids, acknowledged, is_over) = (&store, &ids, &acknowledged, &is_over);
        for seed in 0..2 {
            scope.spawn(move || {
                let mut chance = Chance(seed);
                while !is_over.load(SeqCst) {
                    let at = chance.below(ids.len());
                    let known = acknowledged[at].load(SeqCst);
                    let found = store
                        .history(key(&ids[at]))
                        .unwrap()
                        .map_or(0, |history| history.state().n_events());
                    assert!(found >= known, "{found} events are shown of {known} acknowledged");
                }
            });
        }
        // More customers than the cache holds, so that they come and go while they are read.
        for round in 0..25 {
            let day = f64::from(round);
            let event =
                |(at, id): (usize, &String)| (key(id), visit(&format!("{at}-{round}"), day).logged(store.spec()));
            let placements = store
                .ingest(ids.iter().enumerate().map(event).collect())
                .unwrap()
                .wait()
                .unwrap();
            assert!(placements.iter().all(|placement| *placement == Accepted));
            acknowledged
                .iter()
                .for_each(|n_events| n_events.store(u64::from(round as u32) + 1, SeqCst));
        }
        is_over.store(true, SeqCst);
    });
}

#[test]
fn a_copy_taken_while_running_has_every_acknowledged_event() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("store");
    let store = empty(&dir);
    let whole = journey(5, 80);
    for happening in &whole {
        ingest(&store, "anna", std::slice::from_ref(happening));
    }
    let snapshot = folder.path().join("copy");
    copy(&dir, &snapshot);
    drop(store);
    assert_eq!(
        state_bytes(&open(&snapshot), "anna"),
        history(&spec(), &whole).state().to_bytes()
    );
}

/// Not a test by itself: the process that the next one kills.
#[test]
#[ignore = "run by a_killed_process_loses_no_acknowledged_event, in a process of its own"]
#[expect(
    clippy::disallowed_methods,
    reason = "how the parent process tells this one where to write"
)]
fn a_process_that_ingests_until_it_is_killed() {
    let Ok(dir) = std::env::var("PERCORSO_TEST_STORE") else {
        return;
    };
    let store = empty(Path::new(&dir));
    for at in 0.. {
        let event = visit(&format!("e{at}"), f64::from(at) / 100.0);
        ingest(&store, &format!("c{}", at % 7), &[event]);
        println!("acknowledged {at}");
    }
}

#[test]
fn a_killed_process_loses_no_acknowledged_event() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("store");
    let mut process = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "a_process_that_ingests_until_it_is_killed",
            "--ignored",
            "--nocapture",
        ])
        .env("PERCORSO_TEST_STORE", &dir)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let numbers = lines.filter_map(|line| line.strip_prefix("acknowledged ")?.parse::<u64>().ok());
    let n_acknowledged = numbers.take_while(|at| *at < 150).count() as u64;
    process.kill().unwrap();
    process.wait().unwrap();
    assert_eq!(n_acknowledged, 150);
    let store = open(&dir);
    let mut known = BTreeSet::new();
    for customer in 0..7 {
        let history = store.history(key(&format!("c{customer}"))).unwrap().unwrap();
        known.extend(history.log().iter().map(|logged| logged.event_id.clone()));
        assert_eq!(history.base().n_events(), 0, "all lies within the allowed lateness");
    }
    let missing: Vec<u64> = (0..n_acknowledged)
        .filter(|at| !known.contains(&format!("e{at}")))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

fn write_format(dir: &Path, format: u8) {
    let database = fjall::Database::builder(dir).open().unwrap();
    let meta = database
        .keyspace("meta", fjall::KeyspaceCreateOptions::default)
        .unwrap();
    let mut header = meta.get("header").unwrap().unwrap().to_vec();
    header[0] = format;
    meta.insert("header", header).unwrap();
}

#[test]
fn a_store_of_another_spec_or_format_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("store");
    common::load(&dir, &spec(), &[]);
    let other = Arc::new(Spec::parse(&text::SMALL_SPEC.replace("days = 90", "days = 60")).unwrap());
    let Err(error) = Store::open(&dir, &other, 0) else {
        panic!("opened")
    };
    assert!(matches!(error, StoreError::Spec { .. }));
    assert!(error.to_string().ends_with("run `percorso load` again"), "{error}");

    write_format(&dir, 3);
    let Err(error) = Store::open(&dir, &spec(), 0) else {
        panic!("opened")
    };
    assert!(
        matches!(
            error,
            StoreError::Format {
                found: 3,
                expected: 2,
                ..
            }
        ),
        "{error}"
    );
    let Err(error) = Store::open(&folder.path().join("nowhere"), &spec(), 0) else {
        panic!("opened")
    };
    assert!(matches!(error, StoreError::NotLoaded { .. }), "{error}");
}

#[test]
fn a_store_that_cannot_be_read_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("store");
    common::load(&dir, &spec(), &[]);
    write_format(&dir, 9);
    let Err(error) = Store::create(&dir, &spec(), text::day(0)) else {
        panic!("what was decided there would be gone")
    };
    assert!(error.to_string().contains("move it away to begin anew"), "{error}");
    assert!(dir.exists());
}

#[test]
fn a_load_that_fails_leaves_the_store_that_was() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("store");
    common::load(&dir, &spec(), &[("anna".to_owned(), journey(1, 9))]);
    let mut loader = Store::create(&dir, &spec(), text::day(0)).unwrap();
    let base = history(&spec(), &[]).base().to_bytes();
    let log: Vec<Vec<u8>> = journey(2, 5)
        .iter()
        .map(|happening| happening.logged(&spec()).to_bytes())
        .collect();
    loader
        .put(CustomerKey::from_bytes([2; 16]), &base, &log, Ledger::default())
        .unwrap();
    // The fault may be told by a later put, or by the end.
    let told = loader
        .put(CustomerKey::from_bytes([1; 16]), &base, &log, Ledger::default())
        .and_then(|()| loader.finish().map(drop));
    assert!(matches!(told, Err(StoreError::KeyOrder)));
    let store = open(&dir);
    assert_eq!(store.header().generation, 1);
    assert_eq!(
        state_bytes(&store, "anna"),
        history(&spec(), &journey(1, 9)).state().to_bytes()
    );
    let names: BTreeSet<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(
        names,
        ["store", "store.lock"].map(Into::into).into(),
        "nothing is left lying about"
    );
}

#[test]
fn a_load_carries_streamed_events_over_and_forgets_what_the_data_forgot() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("store");
    let customer = |id: &str, journey: &[Happening]| (id.to_owned(), journey.to_vec());
    let (old, gone, new) = (visit("old", 50.0), visit("gone", 55.0), visit("new", 60.0));
    let (streamed, too_late) = (happening("streamed", "purchase", 58.0), visit("late", 29.5));
    let one = std::slice::from_ref(&streamed);
    common::load(
        &dir,
        &spec(),
        &[
            customer("anna", &[old.clone(), gone]),
            customer("bruno", std::slice::from_ref(&old)),
        ],
    );
    let store = open(&dir);
    for id in ["anna", "carla", "dora"] {
        assert_eq!(ingest(&store, id, one), [Accepted]);
    }
    assert_eq!(
        ingest(&store, "anna", &[too_late]),
        [Accepted],
        "still within the allowance"
    );
    drop(store);
    // The new data have dora's event as well, no longer know bruno nor anna's event that was a mistake.
    let anna = [old.clone(), new.clone()];
    let loaded = common::load(
        &dir,
        &spec(),
        &[
            customer("anna", &anna),
            customer("dora", &[streamed.clone(), new.clone()]),
        ],
    );
    assert_eq!(
        (
            loaded.n_customers,
            loaded.n_carried,
            loaded.n_left_behind,
            loaded.generation
        ),
        (3, 2, 1, 2)
    );
    let store = open(&dir);
    let expected = |journey: &[Happening]| history(&spec(), journey).state().to_bytes();
    assert_eq!(
        state_bytes(&store, "anna"),
        expected(&[old, streamed.clone(), new.clone()])
    );
    assert_eq!(state_bytes(&store, "carla"), expected(one));
    assert_eq!(state_bytes(&store, "dora"), expected(&[streamed.clone(), new]));
    assert!(store.history(key("bruno")).unwrap().is_none());
    assert_eq!(ingest(&store, "carla", one), [Duplicate]);
    drop(store);
    // And once more, also out of a store that knew no decisions: what was carried is carried again.
    write_format(&dir, 1);
    assert!(matches!(
        Store::open(&dir, &spec(), 0),
        Err(StoreError::Format { found: 1, .. })
    ));
    assert_eq!(common::load(&dir, &spec(), &[]).n_carried, 2);
}

#[test]
fn a_store_in_use_is_neither_opened_nor_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("store");
    let store = empty(&dir);
    assert!(matches!(Store::open(&dir, &spec(), 0), Err(StoreError::InUse { .. })));
    assert!(matches!(
        Store::create(&dir, &spec(), text::day(0)),
        Err(StoreError::InUse { .. })
    ));
    drop(store);
    assert_eq!(common::load(&dir, &spec(), &[]).generation, 2);
}

#[test]
fn a_load_cut_short_between_its_two_renames_is_mended() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("store");
    common::load(&dir, &spec(), &[("anna".to_owned(), journey(1, 9))]);
    std::fs::rename(&dir, folder.path().join("store.old")).unwrap();
    assert_eq!(
        state_bytes(&open(&dir), "anna"),
        history(&spec(), &journey(1, 9)).state().to_bytes()
    );
}

#[test]
fn a_damaged_record_is_told_and_not_folded() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("store");
    let mut loader = Store::create(&dir, &spec(), text::day(0)).unwrap();
    let settled_too_far = history(&spec(), &journey(1, 9)).state().to_bytes();
    loader
        .put(CustomerKey::from_bytes([1; 16]), &[1, 2, 3], &[], Ledger::default())
        .unwrap();
    loader
        .put(
            CustomerKey::from_bytes([2; 16]),
            &settled_too_far,
            &[],
            Ledger::default(),
        )
        .unwrap();
    loader.finish().unwrap();
    let store = open(&dir);
    let event: LoggedEvent = visit("e", 99.0).logged(&spec());
    for (byte, is_right) in [
        (
            1,
            (|error| matches!(error, StoreError::Malformed(_))) as fn(StoreError) -> bool,
        ),
        (2, |error| matches!(error, StoreError::BaseTooLate)),
    ] {
        let key = CustomerKey::from_bytes([byte; 16]);
        assert!(is_right(store.history(key).unwrap_err()));
        assert!(is_right(
            store.ingest(vec![(key, event.clone())]).unwrap().wait().unwrap_err()
        ));
    }
    // One customer's damage is not another's.
    assert_eq!(ingest(&store, "anna", &[visit("a", 1.0)]), [Accepted]);
}
