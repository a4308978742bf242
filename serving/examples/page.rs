//! The account managers' page over a small made-up store, for browsers that look at it: prints the link to enter.
//!
//! It ends when its standard input does.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    dead_code,
    reason = "it borrows the tests' house"
)]

#[path = "../tests/page/browser.rs"]
mod browser;
#[path = "../tests/common/mod.rs"]
mod common;

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use percorso_journey::text;
use percorso_serving::{People, Person};

use browser::House;
use common::{Happening, TODAY, journey, load, secret, spec_with_actions};

/// How many customers there are beside those of the tests, unless said otherwise.
const CUSTOMERS: u64 = 240;

#[tokio::main]
async fn main() {
    let n_customers = std::env::args().nth(1).map_or(CUSTOMERS, |n| n.parse().unwrap());
    let spec = spec_with_actions();
    let mut customers: Vec<(String, Vec<Happening>)> = browser::customers();
    let by_chance = |seed: u64| {
        let mut journey = journey(seed, 4 + (seed % 37) as usize);
        // Events of one moment are kept in the order of their ids.
        for (at, happening) in journey.iter_mut().enumerate() {
            happening.event_id = format!("e{seed}-{at:03}");
        }
        (format!("C{:04}", 1_000 + seed), journey)
    };
    customers.extend((0..n_customers).map(by_chance));
    let owners = ["Ada Rossi", "Bruno Conti", "Carla Vidal"];
    let person = |(at, (id, _)): (usize, &(String, Vec<Happening>))| {
        let owner = Some(owners[at % owners.len()].to_owned());
        (secret().key_of(id), Person { id: id.clone(), owner })
    };
    let people = People::new(customers.iter().enumerate().map(person).collect());
    let of_spec = Arc::clone(&spec);
    // It opens a month ago, so that there is a record of what was told then.
    let day = Arc::new(AtomicI64::new(TODAY - 31));
    let clock = Arc::clone(&day);
    let house = House::with(spec, |settings| {
        load(&settings.store, &of_spec, &customers);
        settings.accounts.people = people;
        settings.accounts.rank_every = Duration::from_secs(2);
        settings.clock = Arc::new(move || text::day(clock.load(Ordering::Relaxed)));
    })
    .await;
    let told = house.folder.path().join("store.told");
    while !told.exists() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    day.store(TODAY, Ordering::Relaxed);
    println!("{}", house.server.page_entry.as_ref().unwrap());
    let until_closed = || std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    tokio::task::spawn_blocking(until_closed).await.unwrap();
    house.server.stop().await;
}
