//! Schedules by chance: callers at the same time, retries, refused writes, crashes and a clock that jumps; and what must
//! hold of the log afterwards, whatever happened.
//!
//! `PERCORSO_SCHEDULES=100000 cargo test -p percorso-serving schedules` tries as many as the number says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use percorso_artefact::Registry;
use percorso_journey::{CategoryId, CustomerKey, MICROS_PER_DAY, Spec, Timestamp, text};

use super::{Decided, DecisionRecord, DecisionRequest};
use crate::common::{Chance, happening, load, open_model, publish_model, secret};
use crate::store::{Fails, Store};
use crate::{Response, ResponseKind, ScoringService};

const SCHEDULES: u64 = 1_000;
/// Schedules that share a store, each with customers and days of its own.
const PER_STORE: u64 = 250;
const CUSTOMERS: usize = 2;
const REQUESTS: usize = 6;
/// What must hold of it is checked below by the same numbers.
const ACTIONS: &str = r#"
[decisions]
contacts = { times = 3, days = 5 }
exploration = 0.4
daily_budget = 6.0
fallback = "postcard"

[[action]]
name = "call"
channel = "shop"
cost = 2.0
consent = "loyal"
daily_capacity = 2
cap = { times = 2, days = 6 }
explore = true
prior = { gain = 10.0 }

[[action]]
name = "postcard"
channel = "mail"
cost = 1.0
cool_down_days = 2
explore = true
prior = { gain = 4.0 }
"#;
const CONTACTS: (usize, f64) = (3, 5.0);
const CALLS: (usize, f64) = (2, 6.0);
const CALLS_A_DAY: usize = 2;
const POSTCARDS: (usize, f64) = (1, 2.0);
const BUDGET: f64 = 6.0;

fn spec_with_limits() -> Arc<Spec> {
    Arc::new(Spec::parse(&format!("{}{ACTIONS}", text::SMALL_SPEC)).unwrap())
}

/// A service whose clock and disk obey the schedule.
struct World {
    service: Arc<ScoringService>,
    clock: Arc<AtomicI64>,
}

/// One schedule under way.
struct Schedule {
    chance: Chance,
    number: u64,
    /// One more for everything that begins or ends.
    ticks: Arc<AtomicU64>,
    consents: Vec<Consent>,
    asked: Vec<Asked>,
}

/// A customer says whether they may be called.
struct Consent {
    customer: usize,
    agrees: bool,
    began: u64,
    acknowledged: Option<u64>,
}

/// A decision was asked for.
struct Asked {
    request: usize,
    customer: usize,
    began: u64,
    ended: u64,
    decided: Option<Decided>,
}

/// Something that happens in a schedule.
#[derive(Clone, Copy)]
enum Step {
    Decide(usize),
    Consent { customer: usize, agrees: bool },
    Contact { customer: usize },
    Respond(usize),
}

fn id_of(schedule: u64, customer: usize) -> String {
    format!("s{schedule}-{customer}")
}

fn request_id_of(schedule: u64, request: usize) -> String {
    format!("s{schedule}-r{request}")
}

fn first_day(schedule: u64) -> i64 {
    200 + 8 * (schedule % PER_STORE) as i64
}

impl World {
    fn open(dir: &Path) -> World {
        let clock = Arc::new(AtomicI64::new(0));
        let told = Arc::clone(&clock);
        let store = Store::open(&dir.join("store"), &spec_with_limits(), 1_024).unwrap();
        let now = move || Timestamp::from_micros(told.load(Ordering::SeqCst));
        let service = Arc::new(ScoringService::new(store, secret(), Arc::new(now)));
        let model = open_model(&Registry::at(dir.join("models")), &spec_with_limits());
        service.swap_model(Arc::new(model));
        World { service, clock }
    }

    fn set_clock(&self, day: f64) {
        let micros = text::day(0).micros() + (day * MICROS_PER_DAY as f64) as i64;
        self.clock.store(micros, Ordering::SeqCst);
    }
}

impl Schedule {
    fn new(number: u64) -> Schedule {
        Schedule {
            chance: Chance(number.wrapping_mul(0x9e37_79b9)),
            number,
            ticks: Arc::default(),
            consents: Vec::new(),
            asked: Vec::new(),
        }
    }

    fn request(&self, world: &World, request: usize) -> DecisionRequest {
        DecisionRequest {
            customer: self.key(request % CUSTOMERS),
            id: world.service.decision_id(&request_id_of(self.number, request)),
            channels: Vec::new(),
        }
    }

    fn key(&self, customer: usize) -> CustomerKey {
        secret().key_of(&id_of(self.number, customer))
    }

    fn step(&mut self) -> Step {
        let customer = self.chance.below(CUSTOMERS);
        match self.chance.below(10) {
            0..=5 => Step::Decide(self.chance.below(REQUESTS)),
            6 | 7 => Step::Consent {
                customer,
                agrees: self.chance.below(2) == 0,
            },
            8 => Step::Contact { customer },
            _ => Step::Respond(self.chance.below(REQUESTS)),
        }
    }

    /// Several things at the same time; a crash ends the world, and another is opened.
    async fn round(&mut self, mut world: World, dir: &Path) -> World {
        let day = first_day(self.number) as f64 + self.chance.below(70) as f64 / 10.0;
        world.set_clock(day);
        let fails = match self.chance.below(20) {
            0 => Fails::BeforeWriting,
            1 if self.chance.below(8) == 0 => Fails::AfterWriting,
            _ => Fails::Never,
        };
        world.service.store().fail(fails);
        let n = 1 + self.chance.below(5);
        let steps: Vec<Step> = (0..n).map(|_| self.step()).collect();
        let under_way: Vec<_> = steps.into_iter().map(|step| self.begin(&world, step)).collect();
        for ending in under_way {
            self.end(ending.await.unwrap());
        }
        if fails == Fails::AfterWriting {
            // The disk has what memory does not: the process is gone, and its disk refuses what it would still write.
            world.service.store().fail(Fails::BeforeWriting);
            drop(world);
            world = World::open(dir);
        }
        world.service.store().fail(Fails::Never);
        world
    }

    fn begin(&mut self, world: &World, step: Step) -> tokio::task::JoinHandle<Ending> {
        let began = self.ticks.fetch_add(1, Ordering::SeqCst);
        let ticks = Arc::clone(&self.ticks);
        let service = Arc::clone(&world.service);
        let number = self.number;
        match step {
            Step::Decide(request) => {
                let asked = self.request(world, request);
                tokio::spawn(async move {
                    let decided = service.decide(&asked).await.unwrap();
                    Ending::Asked(Box::new(Asked {
                        request,
                        customer: request % CUSTOMERS,
                        began,
                        ended: ticks.fetch_add(1, Ordering::SeqCst),
                        decided: decided.is_logged.then_some(decided),
                    }))
                })
            }
            Step::Consent { customer, agrees } => {
                let place = self.consents.len();
                self.consents.push(Consent {
                    customer,
                    agrees,
                    began,
                    acknowledged: None,
                });
                // Later said is later: consents of a schedule follow each other by seconds.
                let day = first_day(number) as f64 + place as f64 / 86_400.0;
                let mut said = happening(&format!("s{number}-c{place}"), "visit", day);
                said.loyal = Some(agrees);
                let event = (self.key(customer), said.logged(service.spec()));
                tokio::spawn(async move {
                    let answer = service.ingest(vec![event]).unwrap().answer().await;
                    let acknowledged = answer.is_ok().then(|| ticks.fetch_add(1, Ordering::SeqCst));
                    Ending::Consent(place, acknowledged)
                })
            }
            Step::Contact { customer } => {
                // Of one of the decisions, if it is the customer's, without a word of its action; or of none.
                let day = first_day(number) as f64 + self.chance.below(70) as f64 / 10.0;
                let mut offer = happening(&format!("s{number}-o{began}"), "offer", day).logged(service.spec());
                let request = CUSTOMERS * self.chance.below(REQUESTS / CUSTOMERS) + customer;
                let decision = self.request(world, request).id.category();
                offer.event.decision = (self.chance.below(2) == 0).then_some(decision);
                let event = (self.key(customer), offer);
                tokio::spawn(async move {
                    let _ = service.ingest(vec![event]).unwrap().answer().await;
                    Ending::Nothing
                })
            }
            Step::Respond(request) => {
                let id = self.request(world, request).id;
                let response = Response {
                    kind: ResponseKind::ALL[request % 5],
                    at: service.now(),
                    reason: "by chance".to_owned(),
                };
                tokio::spawn(async move {
                    let _ = service.respond(id, response).await;
                    Ending::Nothing
                })
            }
        }
    }

    fn end(&mut self, ending: Ending) {
        match ending {
            Ending::Asked(asked) => self.asked.push(*asked),
            Ending::Consent(place, acknowledged) => self.consents[place].acknowledged = acknowledged,
            Ending::Nothing => {}
        }
    }

    /// What must hold of the log; returns how many decisions did something.
    fn check(&self, world: &World) -> usize {
        let logged: BTreeMap<usize, DecisionRecord> = (0..REQUESTS)
            .filter_map(|request| {
                let id = self.request(world, request).id;
                Some((request, world.service.decision(id).unwrap()?.0))
            })
            .collect();
        self.check_none_lost(&logged);
        let place = format!("schedule {}", self.number);
        let zone = world.service.spec().time_zone();
        let mut done = 0;
        let mut by_day: BTreeMap<(i64, &str), usize> = BTreeMap::new();
        for customer in 0..CUSTOMERS {
            let contacts: Vec<(&DecisionRecord, &str)> = logged
                .values()
                .filter(|record| record.customer == self.key(customer))
                .filter_map(|record| Some((record, record.choice().action.as_ref()?.name.as_str())))
                .collect();
            done += contacts.len();
            for (last, action) in &contacts {
                let limits = [(None, CONTACTS), (Some("call"), CALLS), (Some("postcard"), POSTCARDS)];
                for (of, (times, within)) in limits.into_iter().filter(|(of, _)| of.is_none_or(|of| of == *action)) {
                    let counts = |(other, name): &&(&DecisionRecord, &str)| {
                        let days = last.as_of.days_since(other.as_of);
                        (0.0..within).contains(&days) && of.is_none_or(|of| of == *name)
                    };
                    let n = contacts.iter().filter(counts).count();
                    assert!(n <= times, "{place}: {n} of {of:?} within {within} days");
                }
                *by_day.entry((last.from.now.local_day(zone), action)).or_default() += 1;
            }
            let ledger = world.service.store().ledger(self.key(customer)).unwrap();
            let counted: Vec<CategoryId> = ledger.made().filter_map(|made| made.decision).collect();
            for (record, action) in &contacts {
                let made: Vec<_> = ledger
                    .made()
                    .filter(|made| made.decision == Some(record.id.category()))
                    .collect();
                assert_eq!(made.len(), 1, "{place}: what was decided is one contact");
                assert_eq!(
                    made[0].action,
                    Some(CategoryId::of(action)),
                    "{place}: and it stays its action's"
                );
            }
            let distinct: BTreeSet<_> = counted.iter().collect();
            assert_eq!(distinct.len(), counted.len(), "{place}: every decision is counted once");
        }
        let mut spent: BTreeMap<i64, f64> = BTreeMap::new();
        for ((day, action), times) in &by_day {
            let today = world.service.store().today(*day).unwrap();
            assert_eq!(
                today.times(CategoryId::of(action)) as usize,
                *times,
                "{place}: {action} on day {day}"
            );
            assert!(
                *action != "call" || *times <= CALLS_A_DAY,
                "{place}: {times} calls on day {day}"
            );
            *spent.entry(*day).or_default() += *times as f64 * if *action == "call" { 2.0 } else { 1.0 };
        }
        assert!(spent.values().all(|spent| *spent <= BUDGET), "{place}: {spent:?}");
        self.check_consents(&logged);
        done
    }

    fn check_none_lost(&self, logged: &BTreeMap<usize, DecisionRecord>) {
        for asked in &self.asked {
            let Some(decided) = &asked.decided else { continue };
            assert_eq!(
                logged.get(&asked.request),
                Some(&decided.record),
                "schedule {}: what was answered is what is logged",
                self.number
            );
        }
    }

    /// Nobody is called who had withdrawn their consent before the decision was asked for, and not given it since.
    fn check_consents(&self, logged: &BTreeMap<usize, DecisionRecord>) {
        for asked in &self.asked {
            let is_call = |decided: &Decided| {
                decided
                    .record
                    .choice()
                    .action
                    .as_ref()
                    .is_some_and(|named| named.name == "call")
            };
            let first = self.asked.iter().filter(|other| other.request == asked.request);
            let (began, ended) = first.fold((u64::MAX, 0), |(began, ended), other| {
                (began.min(other.began), ended.max(other.ended))
            });
            if !asked.decided.as_ref().is_some_and(is_call) {
                continue;
            }
            assert!(logged.contains_key(&asked.request));
            let said: Vec<(usize, &Consent)> = (0..)
                .zip(&self.consents)
                .filter(|(_, consent)| consent.customer == asked.customer)
                .collect();
            let before = said
                .iter()
                .rfind(|(_, consent)| consent.acknowledged.is_some_and(|acknowledged| acknowledged < began));
            let agreed_before = before.is_none_or(|(_, consent)| consent.agrees);
            let from = before.map_or(0, |(place, _)| place + 1);
            let may_have_agreed = said
                .iter()
                .any(|(place, consent)| *place >= from && consent.agrees && consent.began < ended);
            assert!(
                agreed_before || may_have_agreed,
                "schedule {}: called without consent",
                self.number
            );
        }
    }
}

/// How something that was begun ended.
enum Ending {
    Asked(Box<Asked>),
    Consent(usize, Option<u64>),
    Nothing,
}

fn store_of(dir: &Path, schedules: std::ops::Range<u64>) {
    let customer = |schedule: u64, customer: usize| {
        let id = id_of(schedule, customer);
        let mut bought = happening(&format!("{id}-0"), "purchase", first_day(schedule) as f64 - 20.0);
        bought.loyal = Some(true);
        (id, vec![bought])
    };
    let customers: Vec<_> = schedules
        .flat_map(|schedule| (0..CUSTOMERS).map(move |at| customer(schedule, at)))
        .collect();
    load(&dir.join("store"), &spec_with_limits(), &customers);
}

#[test]
fn no_cap_consent_or_budget_is_broken_and_no_decision_lost_or_doubled_under_any_schedule() {
    #[expect(clippy::disallowed_methods, reason = "how many are tried is set from outside")]
    let wanted = std::env::var("PERCORSO_SCHEDULES").ok().and_then(|n| n.parse().ok());
    let wanted: u64 = wanted.unwrap_or(SCHEDULES);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(3)
        .build()
        .unwrap();
    let memory = Path::new("/dev/shm");
    let mut n_done = 0;
    let mut n_asked = 0;
    for first in (0..wanted).step_by(PER_STORE as usize) {
        let folder = if memory.is_dir() {
            tempfile::tempdir_in(memory).unwrap()
        } else {
            tempfile::tempdir().unwrap()
        };
        publish_model(&Registry::at(folder.path().join("models")), &spec_with_limits(), 1);
        let schedules = first..wanted.min(first + PER_STORE);
        store_of(folder.path(), schedules.clone());
        let mut world = World::open(folder.path());
        for number in schedules {
            let mut schedule = Schedule::new(number);
            for _ in 0..2 + schedule.chance.below(4) {
                world = runtime.block_on(schedule.round(world, folder.path()));
            }
            n_done += schedule.check(&world);
            n_asked += schedule.asked.len() as u64;
        }
    }
    assert!(
        n_asked > 2 * wanted && n_done as u64 > wanted / 2,
        "{n_asked} asked, {n_done} done"
    );
}
