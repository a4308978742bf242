//! How long the account managers' page takes, over everyone in the store, as a browser waits for it.
//!
//! `cargo bench -p percorso-bench --bench page -- --customers 100000,1000000`
#![expect(clippy::print_stdout, reason = "a bench prints its table")]

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use percorso_artefact::{Label, Registry};
use percorso_bench::store::{Stored, copies_of, load, secret, stored};
use percorso_bench::{market, model};
use percorso_journey::{Spec, Timestamp};
use percorso_kit::{END_DAY, micros_of_day};
use percorso_serving::{AccountsSettings, People, Person, Reflection, Server, Settings};

/// The allocator of the `percorso` binary, so that what is measured is what ships.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Journeys that differ; the rest are copies of them under other keys.
const DIFFERENT: u32 = 10_000;
const ASKED: usize = 60;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let sizes = match words.as_slice() {
        [] => "100000,1000000",
        [name, sizes] if name == "--customers" => sizes,
        _ => panic!("{words:?}: expected --customers N,N"),
    };
    let sizes = sizes
        .split(',')
        .map(|size| size.parse().expect("a number of customers"));
    let sizes: Vec<u32> = sizes.collect();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let spec = market::spec();
    let journeys = market::journeys(&spec, DIFFERENT, 42);
    let registry = Registry::at(folder.path().join("models"));
    let sealed = model::sealed(&spec, &journeys[..4_000], Timestamp::from_micros(micros_of_day(455)));
    let version = registry.publish(&sealed).expect("a sealed model");
    registry.promote(&version, Label::Champion).expect("it opens");
    let customers = stored(&spec, &journeys);
    drop(journeys);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for size in sizes {
        runtime.block_on(bench(folder.path(), &spec, &customers, size));
    }
}

async fn bench(dir: &Path, spec: &Arc<Spec>, customers: &[Stored], size: u32) {
    let copies = u8::try_from(size.div_ceil(DIFFERENT)).expect("at most 2,550,000 customers");
    let customers = &customers[..(size / u32::from(copies)) as usize];
    let store = dir.join(format!("store-{size}"));
    load(&store, spec, customers, copies);
    let keys = customers.iter().flat_map(|(key, ..)| copies_of(*key, copies));
    let person = |(at, key)| {
        let (id, owner) = (format!("C{at:07}"), Some(format!("Manager {}", at % 200)));
        (key, Person { id, owner })
    };
    let people: HashMap<_, _> = keys.enumerate().map(person).collect();
    let n_customers = people.len();
    let settings = Settings {
        address: "127.0.0.1:0".parse().expect("an address"),
        store,
        models: dir.join("models"),
        model: "champion".to_owned(),
        // What is acted on is the model's own.
        policy: "champion".to_owned(),
        secret: secret(),
        spec: Arc::clone(spec),
        // Noon, when nobody is to be left in peace.
        clock: Arc::new(|| Timestamp::from_micros(micros_of_day(END_DAY) + 43_200_000_000)),
        reflection: Reflection::Off,
        cached_customers: 100_000,
        look_every: Duration::from_secs(3_600),
        accounts: AccountsSettings {
            people: People::new(people),
            rank_every: Duration::from_secs(86_400),
        },
        page: Some("127.0.0.1:0".parse().expect("an address")),
        page_user_header: None,
    };
    let began = Instant::now();
    let server = Server::bind(settings).await.expect("a free port");
    let entry = server.page_entry().expect("a page").to_owned();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(server.run(async move {
        let _ = stopped.await;
    }));
    let asked = tokio::task::spawn_blocking(move || ask(&entry, began, n_customers));
    asked.await.expect("it answers");
    let _ = stop.send(());
    running.await.expect("it runs").expect("it stops");
}

/// Enters, waits until everyone is ranked, and asks for pages.
fn ask(entry: &str, began: Instant, n_customers: usize) {
    let (host, path) = entry
        .strip_prefix("http://")
        .and_then(|rest| rest.split_once('/'))
        .expect("a link");
    let entered = get(host, &format!("/{path}"), "");
    let cookie = entered
        .lines()
        .find_map(|line| line.strip_prefix("set-cookie: "))
        .and_then(|cookie| cookie.split(';').next())
        .expect("a session")
        .to_owned();
    while !get(host, "/", &cookie).contains("<tbody>") {
        std::thread::sleep(Duration::from_millis(200));
    }
    println!(
        "{n_customers} customers: opened and ranked in {:.1} s",
        began.elapsed().as_secs_f64()
    );
    for (name, path) in [
        ("first page", "/"),
        ("by value at risk", "/?sort=value"),
        ("an owner's, from 30 % on", "/?owner=Manager+7&at_least=30"),
        ("found by id", "/?search=C00042"),
        ("the last page", "/?page=999999999"),
        ("the journey map", "/map"),
    ] {
        let mut took: Vec<f64> = (0..ASKED)
            .map(|_| {
                let start = Instant::now();
                let page = get(host, path, &cookie);
                assert!(page.contains("HTTP/1.1 200"), "{path}: {page}");
                start.elapsed().as_secs_f64() * 1e3
            })
            .collect();
        let first = took[0];
        took.sort_by(f64::total_cmp);
        println!(
            "{n_customers:>9}  {name:<26} first asked {first:>7.1} ms, median {:>7.1} ms, 95 of 100 within {:>7.1} ms",
            took[ASKED / 2],
            took[ASKED * 95 / 100]
        );
    }
}

/// The whole answer, head and body.
fn get(host: &str, path: &str, cookie: &str) -> String {
    let mut stream = TcpStream::connect(host).expect("it listens");
    let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\ncookie: {cookie}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it hears");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it answers");
    String::from_utf8_lossy(&answer).into_owned()
}
