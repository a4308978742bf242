//! What one event, one row and one score cost, and how large a customer is.
#![expect(clippy::print_stdout, reason = "a bench prints its table")]

use std::sync::Arc;
use std::time::Instant;

use percorso_artefact::Artefact;
use percorso_bench::{market, model};
use percorso_features::{Catalogue, FeatureRow};
use percorso_journey::{History, JourneyState, Timestamp};
use percorso_kit::{END_DAY, micros_of_day};
use percorso_scoring::{ScoringModel, Scratch};

const CUSTOMERS: u32 = 4_000;
const ROUNDS: usize = 5;

fn main() {
    let spec = market::spec();
    let journeys = market::journeys(&spec, CUSTOMERS, 42);
    let n_events: usize = journeys.iter().map(|(_, events)| events.len()).sum();
    println!("{CUSTOMERS} customers of the made-up market, {n_events} events; best of {ROUNDS} rounds, one thread");

    let empty = || JourneyState::new(Arc::clone(&spec));
    let fold = || -> Vec<JourneyState> {
        let fold = |(_, events): &(String, Vec<percorso_journey::LoggedEvent>)| {
            let mut state = empty();
            events
                .iter()
                .for_each(|logged| state.observe(&logged.event).expect("journeys are in order"));
            state
        };
        journeys.iter().map(fold).collect()
    };
    let (states, seconds) = best(fold);
    line("fold", 1e9 * seconds / n_events as f64, "ns an event");

    let insert = || -> Vec<History> {
        let insert = |(_, events): &(String, Vec<percorso_journey::LoggedEvent>)| {
            let mut history = History::new(Arc::clone(&spec));
            for logged in events.clone() {
                history.insert(logged).expect("journeys are in order");
            }
            history.settle();
            history
        };
        journeys.iter().map(insert).collect()
    };
    let (_, seconds) = best(insert);
    line("insert into a history", 1e9 * seconds / n_events as f64, "ns an event");

    let as_of = Timestamp::from_micros(micros_of_day(END_DAY));
    let catalogue = Catalogue::of(&spec);
    let mut row = FeatureRow::default();
    let mut rows = || {
        for state in &states {
            catalogue
                .row_into(state, as_of, &mut row)
                .expect("the market has ended");
            std::hint::black_box(row.cells());
        }
    };
    let ((), seconds) = best(&mut rows);
    line(
        "row",
        1e9 * seconds / states.len() as f64,
        &format!("ns a row of {} features", catalogue.len()),
    );

    let bytes: Vec<Vec<u8>> = states.iter().map(JourneyState::to_bytes).collect();
    line("state", bytes[0].len() as f64, "bytes a customer");
    let read = || {
        for bytes in &bytes {
            std::hint::black_box(JourneyState::from_bytes(Arc::clone(&spec), bytes).expect("just written"));
        }
    };
    let ((), seconds) = best(read);
    line("read a state", 1e9 * seconds / bytes.len() as f64, "ns a customer");

    let sealed = model::sealed(&spec, &journeys, Timestamp::from_micros(micros_of_day(455)));
    line(
        "model file",
        sealed.len() as f64 / 1024.0,
        "KiB, a forest for each question",
    );
    let artefact = Artefact::open(&sealed).expect("just sealed");
    let model = ScoringModel::open(&spec, &artefact, "bench").expect("of this spec");
    let mut scratch = Scratch::default();
    let mut scores = || {
        for state in &states {
            std::hint::black_box(model.score(state, as_of, &mut scratch).expect("the market has ended"));
        }
    };
    let ((), seconds) = best(&mut scores);
    line(
        "score",
        1e6 * seconds / states.len() as f64,
        "µs a customer, row included",
    );
}

fn best<T>(mut work: impl FnMut() -> T) -> (T, f64) {
    let mut timed = || {
        let began = Instant::now();
        let made = work();
        (made, began.elapsed().as_secs_f64())
    };
    let first = timed();
    (1..ROUNDS)
        .map(|_| timed())
        .fold(first, |best, next| if next.1 < best.1 { next } else { best })
}

fn line(what: &str, number: f64, unit: &str) {
    println!("{what:<24}{number:>12.1} {unit}");
}
