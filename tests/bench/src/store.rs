//! A store of made-up customers, as `percorso load` fills one.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use percorso_journey::{CustomerKey, History, JourneyState, KeySecret, LoggedEvent, Spec, Timestamp};
use percorso_kit::{END_DAY, micros_of_day};
use percorso_next_action::decide::Ledger;
use percorso_serving::Store;

/// The secret of benches.
pub fn secret() -> KeySecret {
    KeySecret::new(&[7; 32])
}

/// One customer as a store takes them: key, base state and log.
pub type Stored = (CustomerKey, Vec<u8>, Vec<Vec<u8>>);

/// Customers in the order of their keys.
///
/// # Panics
/// When a journey is not in order.
pub fn stored(spec: &Arc<Spec>, journeys: &[(String, Vec<LoggedEvent>)]) -> Vec<Stored> {
    let one = |(id, events): &(String, Vec<LoggedEvent>)| {
        let base = JourneyState::new(Arc::clone(spec));
        let mut history = History::resume(base, events.clone()).expect("journeys are in order");
        history.settle();
        let log = history.log().iter().map(LoggedEvent::to_bytes).collect();
        (secret().key_of(id), history.base().to_bytes(), log)
    };
    let mut customers: Vec<Stored> = journeys.iter().map(one).collect();
    customers.sort();
    customers
}

/// The keys of so many copies of a customer, in order; of one copy, its own.
pub fn copies_of(key: CustomerKey, copies: u8) -> impl Iterator<Item = CustomerKey> {
    (0..copies).map(move |copy| {
        let mut bytes = *key.bytes();
        if copies > 1 {
            bytes[15] = copy;
        }
        CustomerKey::from_bytes(bytes)
    })
}

/// Loads so many copies of the customers; returns customers a second.
///
/// # Panics
/// When the disk does not take them.
pub fn load(dir: &Path, spec: &Arc<Spec>, customers: &[Stored], copies: u8) -> f64 {
    let began = Instant::now();
    let mut loader = Store::create(dir, spec, Timestamp::from_micros(micros_of_day(END_DAY))).expect("a new folder");
    for (key, base, log) in customers {
        for key in copies_of(*key, copies) {
            loader.put(key, base, log, Ledger::default()).expect("in order");
        }
    }
    let loaded = loader.finish().expect("the disk takes it");
    loaded.n_customers as f64 / began.elapsed().as_secs_f64()
}
