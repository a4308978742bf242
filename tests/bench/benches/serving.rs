//! The service over a real connection, beside an empty call over the same transport and the disk's own pace.
#![expect(clippy::print_stdout, reason = "a bench prints its table")]

use std::fs::File;
use std::hint::black_box;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use percorso_artefact::{Label, Registry};
use percorso_bench::calls::{Measured, measure, measure_at};
use percorso_bench::empty::{self, EmptyService};
use percorso_bench::store::{load, secret, stored};
use percorso_bench::{market, model};
use percorso_journey::{JourneyState, LoggedEvent, Spec, Timestamp, in_population};
use percorso_kit::{END_DAY, micros_of_day};
use percorso_proto::v1;
use percorso_proto::v1::decisions_client::DecisionsClient;
use percorso_proto::v1::journeys_client::JourneysClient;
use percorso_proto::v1::score_request::Customer;
use percorso_proto::v1::scoring_client::ScoringClient;
use percorso_scoring::{Asked, Language, ScoringModel, Scratch, Telling};
use percorso_serving::{AccountsSettings, Reflection, Server, Settings};
use tonic::transport::Channel;
use tonic::transport::server::TcpIncoming;

/// The allocator of the `percorso` binary, so that what is measured is what ships.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CUSTOMERS: u32 = 10_000;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_millis(1_200);
/// Logged decisions that are due a second, beside as many as there can be.
const OFFERED: f64 = 10_000.0;

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let spec = market::spec();
    let journeys = market::journeys(&spec, CUSTOMERS, 42);
    let customers = stored(&spec, &journeys);
    load(&folder.path().join("store"), &spec, &customers, 1);
    let per_second = load(&folder.path().join("large"), &spec, &customers, 10);
    println!("load {per_second:>25.0} customers/s, of ten times {CUSTOMERS}");
    let registry = Registry::at(folder.path().join("models"));
    let sealed = model::sealed(&spec, &journeys[..4_000], Timestamp::from_micros(micros_of_day(455)));
    let version = registry.publish(&sealed).expect("a sealed model");
    registry.promote(&version, Label::Champion).expect("it opens");
    in_process(&spec, &registry, &journeys);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let ids: Arc<[String]> = journeys.into_iter().map(|(id, _)| id).collect();
    runtime.block_on(bench(folder.path(), spec, ids));
}

/// What a score costs without any transport, and the reasons of one probability beside it.
fn in_process(spec: &Arc<Spec>, registry: &Registry, journeys: &[(String, Vec<LoggedEvent>)]) {
    let version = registry.resolve("champion").expect("promoted");
    let artefact = registry.open(&version).expect("it opens");
    let model = ScoringModel::open(spec, &artefact, version.to_string()).expect("it fits the spec");
    let as_of = Timestamp::from_micros(micros_of_day(END_DAY));
    let states: Vec<JourneyState> = journeys[..1_000]
        .iter()
        .map(|(_, events)| {
            let mut state = JourneyState::new(Arc::clone(spec));
            events
                .iter()
                .for_each(|logged| state.observe(&logged.event).expect("in order"));
            state
        })
        .filter(|state| in_population(spec, state, as_of))
        .collect();
    let mut scratch = Scratch::default();
    let stage = 0;
    let telling = Telling {
        top: 3,
        language: Language::English,
    };
    let horizon_days = f64::from(model.next_stage_horizon_days());
    let mut of = |name: &str, ask: &mut dyn FnMut(&JourneyState, &mut Scratch)| {
        let took: Vec<f64> = (0..ROUNDS)
            .map(|_| {
                let start = Instant::now();
                states.iter().for_each(|state| ask(state, &mut scratch));
                start.elapsed().as_secs_f64() * 1e6 / states.len() as f64
            })
            .collect();
        let least = took.iter().copied().fold(f64::INFINITY, f64::min);
        println!("in the process  {name:<30} {least:>9.1} µs, least of {ROUNDS} rounds");
    };
    of("score", &mut |state, scratch| {
        black_box(model.score(state, as_of, scratch).expect("it has events"));
    });
    for (name, asked) in [
        ("reasons of one churn score", Asked::Churn(0)),
        (
            "reasons of what comes next",
            Asked::Next {
                stage,
                days: horizon_days,
            },
        ),
    ] {
        of(name, &mut |state, scratch| {
            black_box(
                model
                    .reasons(state, as_of, asked, telling, scratch)
                    .expect("it has events"),
            );
        });
    }
}

async fn bench(dir: &Path, spec: Arc<Spec>, ids: Arc<[String]>) {
    let settings = Settings {
        address: "127.0.0.1:0".parse().expect("an address"),
        store: dir.join("store"),
        models: dir.join("models"),
        model: "champion".to_owned(),
        // What is acted on is the model's own.
        policy: "champion".to_owned(),
        secret: secret(),
        spec,
        // Noon, when nobody is to be left in peace.
        clock: Arc::new(|| Timestamp::from_micros(micros_of_day(END_DAY) + 43_200_000_000)),
        reflection: Reflection::Off,
        cached_customers: 2 * CUSTOMERS as usize,
        look_every: Duration::from_secs(3_600),
        accounts: AccountsSettings::default(),
        page: None,
        page_user_header: None,
    };
    let server = Server::bind(settings).await.expect("a free port");
    let address = format!("http://{}", server.address());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(server.run(async move {
        let _ = stopped.await;
    }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let empty_address = format!("http://{}", listener.local_addr().expect("bound"));
    // The same transport settings as the server's own.
    let peer = tonic::transport::Server::builder()
        .max_concurrent_streams(256)
        .http2_keepalive_interval(Some(Duration::from_secs(60)))
        .add_service(EmptyService)
        .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)));
    let peer = tokio::spawn(peer);

    let channel = connect(address).await;
    let empty_channel = connect(empty_address).await;
    // Every customer once, so that all are in memory; and once more from the disk's point of view.
    let cold = score_all(&channel, &ids, 64).await;
    println!(
        "Score, first touch   {:>9.0} calls/s   p50 {:>6.0} µs   p99 {:>6.0} µs   (64 in flight, from disk)",
        cold.per_second(),
        cold.quantile_us(0.5),
        cold.quantile_us(0.99)
    );
    for in_flight in [1, 64] {
        let (mut ours, mut theirs) = (Measured::default(), Measured::default());
        for _ in 0..ROUNDS {
            let empty_channel = empty_channel.clone();
            theirs.add(measure(in_flight, ROUND, move |_| empty::call(empty_channel.clone())).await);
            let (channel, ids) = (channel.clone(), Arc::clone(&ids));
            let score = move |n: usize| score(channel.clone(), ids[n % ids.len()].clone());
            ours.add(measure(in_flight, ROUND, score).await);
        }
        println!("{in_flight} in flight, {ROUNDS} interleaved rounds");
        for (name, measured) in [("empty call", &theirs), ("Score by id", &ours)] {
            println!(
                "  {name:<18} {:>9.0} calls/s   p50 {:>6.0} µs   p99 {:>6.0} µs",
                measured.per_second(),
                measured.quantile_us(0.5),
                measured.quantile_us(0.99)
            );
        }
        println!("  ratio              {:>9.2}", ours.per_second() / theirs.per_second());
    }
    decide(dir, &channel, &ids).await;
    ingest(dir, &channel, &ids).await;
    let _ = stop.send(());
    peer.abort();
    running.await.expect("the server does not panic").expect("it closes");
}

async fn connect(address: String) -> Channel {
    Channel::from_shared(address)
        .expect("an address")
        .connect()
        .await
        .expect("it listens")
}

async fn score(channel: Channel, id: String) -> Result<(), tonic::Status> {
    let request = v1::ScoreRequest {
        customer: Some(Customer::CustomerId(id)),
        ..v1::ScoreRequest::default()
    };
    ScoringClient::new(channel).score(request).await.map(drop)
}

/// What a decision costs beside a score, when it is only asked and when it is logged.
async fn decide(dir: &Path, channel: &Channel, ids: &Arc<[String]>) {
    println!("decisions, {ROUNDS} interleaved rounds of 64 in flight; processor time is that of caller and service");
    let (mut scores, mut dry) = (Measured::default(), Measured::default());
    let (mut of_scores, mut of_dry) = (0.0, 0.0);
    for _ in 0..ROUNDS {
        let (scoring, their_ids) = (channel.clone(), Arc::clone(ids));
        let before = processor_seconds();
        scores.add(
            measure(64, ROUND, move |n: usize| {
                score(scoring.clone(), their_ids[n % their_ids.len()].clone())
            })
            .await,
        );
        of_scores += processor_seconds() - before;
        let (deciding, their_ids) = (channel.clone(), Arc::clone(ids));
        let before = processor_seconds();
        dry.add(
            measure(64, ROUND, move |n: usize| {
                recommend(deciding.clone(), their_ids[n % their_ids.len()].clone(), None)
            })
            .await,
        );
        of_dry += processor_seconds() - before;
    }
    let per_call = |seconds: f64, measured: &Measured| 1e6 * seconds / measured.n_calls() as f64;
    for (name, measured, seconds) in [("Score by id", &scores, of_scores), ("Recommend, dry", &dry, of_dry)] {
        println!(
            "  {name:<18} {:>9.0} calls/s   p50 {:>6.0} µs   p99 {:>6.0} µs   {:>6.1} µs of processor time a call",
            measured.per_second(),
            measured.quantile_us(0.5),
            measured.quantile_us(0.99),
            per_call(seconds, measured)
        );
    }
    let mut with_act_by = 0;
    for id in &ids[..1_000] {
        let reply = recommended(channel.clone(), id.clone(), None)
            .await
            .expect("it answers");
        with_act_by += usize::from(reply.act_by.is_some());
    }
    println!("  {with_act_by} of 1,000 customers get something with an act-by date");
    println!(
        "  ratio of processor time {:>6.2}",
        per_call(of_dry, &dry) / per_call(of_scores, &scores)
    );
    let next = Arc::new(AtomicUsize::new(0));
    for (in_flight, per_second) in [(1, None), (64, None), (256, None), (256, Some(OFFERED))] {
        let (mut ours, mut disk) = (Measured::default(), 0.0);
        for _ in 0..ROUNDS {
            disk += synced_per_second(dir) / ROUNDS as f64;
            let (channel, ids, next) = (channel.clone(), Arc::clone(ids), Arc::clone(&next));
            let one = move |_| {
                let number = next.fetch_add(1, Ordering::SeqCst);
                let id = ids[number.wrapping_mul(7_919) % ids.len()].clone();
                recommend(channel.clone(), id, Some(number))
            };
            ours.add(match per_second {
                None => measure(in_flight, ROUND, one).await,
                Some(per_second) => measure_at(per_second, in_flight, ROUND, one).await,
            });
        }
        let how = match per_second {
            None => format!("{in_flight:>3} in flight"),
            Some(per_second) => format!("{per_second:.0}/s due"),
        };
        println!(
            "  logged, {how:<13} {:>6.0} calls/s   p50 {:>6.0} µs   p99 {:>6.0} µs   {disk:.0} fdatasync/s",
            ours.per_second(),
            ours.quantile_us(0.5),
            ours.quantile_us(0.99)
        );
    }
}

async fn recommend(channel: Channel, customer_id: String, logged: Option<usize>) -> Result<(), tonic::Status> {
    recommended(channel, customer_id, logged).await.map(drop)
}

async fn recommended(
    channel: Channel,
    customer_id: String,
    logged: Option<usize>,
) -> Result<v1::Recommendation, tonic::Status> {
    let request = v1::RecommendRequest {
        request_id: logged.map(|number| format!("bench-{number}")).unwrap_or_default(),
        customer_id,
        dry_run: logged.is_none(),
        ..v1::RecommendRequest::default()
    };
    let reply = DecisionsClient::new(channel).recommend(request).await?.into_inner();
    assert!(reply.fallback_reason.is_empty(), "{}", reply.fallback_reason);
    Ok(reply)
}

/// Processor time of this process so far, in seconds.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("a process has a stat file");
    let (_, after_name) = stat.rsplit_once(')').expect("the name stands in brackets");
    let ticks = after_name.split_whitespace().skip(11).take(2);
    // A tick is a hundredth of a second on Linux.
    ticks.map(|ticks| ticks.parse::<f64>().expect("a number")).sum::<f64>() / 100.0
}

async fn score_all(channel: &Channel, ids: &Arc<[String]>, in_flight: usize) -> Measured {
    let next = Arc::new(AtomicUsize::new(0));
    let (channel, ids) = (channel.clone(), Arc::clone(ids));
    let began = Instant::now();
    let mut all = Measured::default();
    // Short rounds until every customer was touched.
    while next.load(Ordering::SeqCst) < ids.len() {
        let (channel, ids, next) = (channel.clone(), Arc::clone(&ids), Arc::clone(&next));
        let one = move |_| {
            let at = next.fetch_add(1, Ordering::SeqCst) % ids.len();
            score(channel.clone(), ids[at].clone())
        };
        all.add(measure(in_flight, Duration::from_millis(50), one).await);
        assert!(
            began.elapsed() < Duration::from_secs(120),
            "every customer is touched within two minutes"
        );
    }
    all
}

async fn ingest(dir: &Path, channel: &Channel, ids: &Arc<[String]>) {
    let next = Arc::new(AtomicUsize::new(0));
    println!("events, durable when acknowledged, {ROUNDS} interleaved rounds");
    for (in_flight, per_call) in [(1, 1), (64, 1), (8, 100)] {
        let (mut ours, mut disk) = (Measured::default(), 0.0);
        for _ in 0..ROUNDS {
            disk += synced_per_second(dir) / ROUNDS as f64;
            let (channel, ids, next) = (channel.clone(), Arc::clone(ids), Arc::clone(&next));
            let send = move |_| {
                let first = next.fetch_add(per_call, Ordering::SeqCst);
                send(channel.clone(), Arc::clone(&ids), first, per_call)
            };
            ours.add(measure(in_flight, ROUND, send).await);
        }
        println!(
            "  {in_flight:>2} calls of {per_call:>3}    {:>9.0} events/s   p50 {:>6.0} µs   p99 {:>6.0} µs   {disk:.0} fdatasync/s",
            ours.per_second() * per_call as f64,
            ours.quantile_us(0.5),
            ours.quantile_us(0.99)
        );
    }
}

async fn send(channel: Channel, ids: Arc<[String]>, first: usize, n: usize) -> Result<(), tonic::Status> {
    let event = |number: usize| {
        let at = micros_of_day(END_DAY) - 40_000_000_000 + number as i64;
        let seconds = at.div_euclid(1_000_000);
        let nanos = (at.rem_euclid(1_000_000) * 1_000) as i32;
        v1::CustomerEvent {
            customer_id: ids[number.wrapping_mul(7_919) % ids.len()].clone(),
            event: Some(v1::Event {
                event_id: format!("bench-{number}"),
                at: Some(v1_time(seconds, nanos)),
                touchpoint: "site_visit".to_owned(),
                channel: Some("web".to_owned()),
                ..v1::Event::default()
            }),
        }
    };
    let events = (first..first + n).map(event).collect();
    let request = v1::IngestEventsRequest {
        request_id: String::new(),
        events,
    };
    JourneysClient::new(channel).ingest_events(request).await.map(drop)
}

fn v1_time(seconds: i64, nanos: i32) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds, nanos }
}

/// How often this disk makes 200 appended bytes durable, one after the other.
fn synced_per_second(dir: &Path) -> f64 {
    let mut file = File::create(dir.join("pace")).expect("the folder can be written");
    let began = Instant::now();
    let mut n_synced = 0;
    while began.elapsed() < Duration::from_millis(300) {
        file.write_all(&[0; 200])
            .and_then(|()| file.sync_data())
            .expect("the disk takes it");
        n_synced += 1;
    }
    f64::from(n_synced) / began.elapsed().as_secs_f64()
}
