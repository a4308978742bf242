//! Customers' histories on this machine's disk, current to the last event acknowledged.
//!
//! [`Store::ingest`] puts events in their places; once its [`Receipt`] answers, accepted events are durable and the next
//! [`Store::history`] holds them.
//! One thread writes: it gathers the calls that wait, places their events, writes one batch, syncs once for all of them,
//! and only then shows the new histories; so no event is lost or taken twice, and a failed write leaves memory as the
//! disk is.
//! Base states are moved forward behind the acknowledgements; the log is the truth, and nothing is rebuilt at start.

mod carry;
mod decided;
mod disk;
mod error;
mod group;
mod loader;
mod snoozed;
mod writer;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use fjall::OwnedWriteBatch;
use percorso_journey::{CustomerKey, History, LoggedEvent, Spec, Timestamp};
use percorso_next_action::decide::{Ledger, Today};
use quick_cache::sync::Cache;

use crate::DecisionRecord;
pub(crate) use decided::{Day, Outcome, Proposal, Seen};
pub use decided::{DecisionId, Recorded, Response, ResponseKind};
use disk::Disk;
pub(crate) use disk::beside;
pub use disk::{Header, STORE_FORMAT};
pub use error::StoreError;
pub use loader::{Loaded, Loader};
use writer::Writer;
pub use writer::{Placement, Receipt};

/// An open store; one process at a time.
pub struct Store {
    header: Header,
    shelf: Arc<Shelf>,
    writer: Writer,
    _lock: File,
}

/// What readers and the writer share.
struct Shelf {
    spec: Arc<Spec>,
    disk: Disk,
    cache: Cache<CustomerKey, Arc<History>>,
    ledgers: Cache<CustomerKey, Arc<Ledger>>,
    /// Digests of states that the disk is known to keep; it keeps others too.
    states: Cache<[u8; 16], ()>,
    /// What was done on the last days asked about.
    days: RwLock<BTreeMap<Day, Arc<Today>>>,
    /// Everyone who was put off.
    snoozes: RwLock<snoozed::Snoozes>,
    /// Whether the disk took what was last written to it.
    is_writable: AtomicBool,
    #[cfg(test)]
    fails: std::sync::Mutex<Fails>,
}

impl Store {
    /// Opens the store in a folder that a [`Loader`] filled.
    ///
    /// `cached_customers` histories stay in memory, at least 1,024; evicting one loses nothing.
    ///
    /// # Errors
    /// - there is no store, another process has it, or the disk refuses;
    /// - it has another format or was loaded under another spec.
    pub fn open(dir: &Path, spec: &Arc<Spec>, cached_customers: usize) -> Result<Self, StoreError> {
        let lock = disk::lock(dir)?;
        loader::mend(dir)?;
        if !dir.exists() {
            return Err(StoreError::NotLoaded { dir: dir.to_owned() });
        }
        let disk = Disk::open(dir)?;
        let header = disk
            .header(dir)?
            .ok_or_else(|| StoreError::NotLoaded { dir: dir.to_owned() })?;
        let (found, expected) = (header.spec_digest.clone(), spec.digest());
        if found != expected {
            return Err(StoreError::Spec {
                dir: dir.to_owned(),
                found,
                expected,
            });
        }
        let cache = Cache::new(cached_customers.max(1_024));
        let shelf = Arc::new(Shelf {
            spec: Arc::clone(spec),
            snoozes: RwLock::new(disk.snoozed()?),
            disk,
            cache,
            ledgers: Cache::new(cached_customers.max(1_024)),
            states: Cache::new(cached_customers.max(1_024)),
            days: RwLock::default(),
            is_writable: AtomicBool::new(true),
            #[cfg(test)]
            fails: std::sync::Mutex::default(),
        });
        Ok(Self {
            header,
            writer: Writer::start(Arc::clone(&shelf)),
            shelf,
            _lock: lock,
        })
    }

    /// Starts to build a store that will replace the one in the folder, if any.
    ///
    /// # Errors
    /// - another process has the store there, or the disk refuses.
    pub fn create(dir: &Path, spec: &Arc<Spec>, watermark: Timestamp) -> Result<Loader, StoreError> {
        Loader::start(dir, spec, watermark)
    }

    /// What the store says of itself.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The spec the histories are folded under.
    pub fn spec(&self) -> &Arc<Spec> {
        &self.shelf.spec
    }

    /// How many customers stay in memory.
    pub(crate) fn cached_customers(&self) -> usize {
        self.shelf.cache.capacity() as usize
    }

    /// True when all that a decision is made from on a day is in memory.
    pub(crate) fn has_all_in_memory(&self, key: CustomerKey, day: Day) -> bool {
        let days = self.shelf.days.read().unwrap_or_else(PoisonError::into_inner);
        self.cached(key).is_some() && self.shelf.ledgers.peek(&key).is_some() && days.contains_key(&day)
    }

    /// The customer's history when it is in memory.
    pub fn cached(&self, key: CustomerKey) -> Option<Arc<History>> {
        self.shelf.cache.get(&key)
    }

    /// The customer's history, from memory or disk; `None` when no event is kept of them.
    ///
    /// # Errors
    /// - the disk refuses, or a record is damaged.
    pub fn history(&self, key: CustomerKey) -> Result<Option<Arc<History>>, StoreError> {
        self.shelf.history(key)
    }

    /// Everyone of whom something is kept, in order of their keys.
    ///
    /// # Errors
    /// - the disk refuses, or a record is damaged.
    pub fn customers(&self) -> Result<Vec<CustomerKey>, StoreError> {
        self.shelf.disk.customers()
    }

    /// Hands events over to be placed and written, all or none of them.
    ///
    /// # Errors
    /// - too many events wait already, or the store is closed.
    pub fn ingest(&self, events: Vec<(CustomerKey, LoggedEvent)>) -> Result<Receipt<Vec<Placement>>, StoreError> {
        self.writer.events(events)
    }

    /// The contacts made with a customer.
    ///
    /// # Errors
    /// - the disk refuses, or the record is damaged.
    pub(crate) fn ledger(&self, key: CustomerKey) -> Result<Arc<Ledger>, StoreError> {
        self.shelf.ledger(key)
    }

    /// What was done on a day.
    ///
    /// # Errors
    /// - the disk refuses, or the record is damaged.
    pub(crate) fn today(&self, day: Day) -> Result<Arc<Today>, StoreError> {
        self.shelf.today(day)
    }

    /// Hands a decision over to be logged and counted, if nothing has happened since it was made.
    ///
    /// # Errors
    /// - too many calls wait already, or the store is closed.
    pub(crate) fn decide(&self, proposal: Proposal) -> Result<Receipt<Outcome>, StoreError> {
        self.writer.decision(proposal)
    }

    /// What was logged of a decision; `None` when there is none of this id.
    ///
    /// # Errors
    /// - the disk refuses.
    pub(crate) fn decision(&self, id: DecisionId) -> Result<Option<Vec<u8>>, StoreError> {
        self.shelf.disk.decision(id)
    }

    /// Every decision that was logged, and what came of it, in no order.
    pub fn decisions(&self) -> impl Iterator<Item = Result<(DecisionRecord, Vec<Response>), StoreError>> {
        let decisions = self.shelf.disk.decisions.iter();
        decisions.map(|found| {
            let bytes = found.value().map_err(StoreError::engine("read"))?;
            let record = DecisionRecord::from_bytes(&bytes)?;
            let responses = self.shelf.disk.responses(record.id)?;
            Ok((record, responses))
        })
    }

    /// True when the disk is known to keep the state of this digest; it may keep it all the same.
    pub(crate) fn is_known_to_keep(&self, state_digest: &[u8; 16]) -> bool {
        self.shelf.states.get(state_digest).is_some()
    }

    /// The bytes of a state that a decision was made from.
    ///
    /// # Errors
    /// - the disk refuses.
    pub(crate) fn state(&self, digest: &[u8; 16]) -> Result<Option<Vec<u8>>, StoreError> {
        self.shelf.disk.state(digest)
    }

    /// Hands over what came of a decision.
    ///
    /// # Errors
    /// - too many calls wait already, or the store is closed.
    pub fn respond(&self, id: DecisionId, response: Response) -> Result<Receipt<Recorded>, StoreError> {
        self.writer.response(id, response)
    }

    /// What came of a decision, by kind.
    ///
    /// # Errors
    /// - the disk refuses, or a record is damaged.
    pub fn responses(&self, id: DecisionId) -> Result<Vec<Response>, StoreError> {
        self.shelf.disk.responses(id)
    }

    /// Writes what waits, moves base states forward and syncs; nothing can be ingested afterwards.
    ///
    /// Dropping the store does the same, without saying what failed.
    ///
    /// # Errors
    /// - the disk refuses; acknowledged events are safe all the same.
    pub fn close(&self) -> Result<(), StoreError> {
        self.writer.stop()?;
        self.shelf.disk.sync()
    }
}

impl Shelf {
    fn history(&self, key: CustomerKey) -> Result<Option<Arc<History>>, StoreError> {
        self.cached_or(key, || self.disk.history(&self.spec, key))
    }

    fn ledger(&self, key: CustomerKey) -> Result<Arc<Ledger>, StoreError> {
        self.ledgers
            .get_or_insert_with(&key, || Ok(Arc::new(self.disk.ledger(key)?)))
    }

    fn today(&self, day: Day) -> Result<Arc<Today>, StoreError> {
        let known = self.days.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(today) = known.get(&day) {
            return Ok(Arc::clone(today));
        }
        drop(known);
        let mut known = self.days.write().unwrap_or_else(PoisonError::into_inner);
        // Read under the lock, so that a day shown meanwhile is not hidden by an older reading of it.
        let today = match known.get(&day) {
            Some(today) => Arc::clone(today),
            None => Arc::new(self.disk.today(day)?),
        };
        known.insert(day, Arc::clone(&today));
        forget_oldest(&mut known);
        Ok(today)
    }

    /// Shows what was done on days, as the disk has it now.
    fn show(&self, days: impl Iterator<Item = (Day, Today)>) {
        let mut known = self.days.write().unwrap_or_else(PoisonError::into_inner);
        known.extend(days.map(|(day, today)| (day, Arc::new(today))));
        forget_oldest(&mut known);
    }

    /// Writes a batch whole, or leaves the disk as it is: the engine shows nothing that it could not sync.
    fn write(&self, batch: OwnedWriteBatch) -> Result<(), StoreError> {
        let written = self.try_to_write(batch);
        self.is_writable.store(written.is_ok(), Ordering::Relaxed);
        written
    }

    fn try_to_write(&self, batch: OwnedWriteBatch) -> Result<(), StoreError> {
        #[cfg(test)]
        let fails = *self.fails.lock().unwrap();
        #[cfg(test)]
        if fails == Fails::BeforeWriting {
            return Err(Fails::error());
        }
        batch.commit().map_err(StoreError::engine("write"))?;
        #[cfg(test)]
        if fails == Fails::AfterWriting {
            // A process that has ended writes no more.
            *self.fails.lock().unwrap() = Fails::BeforeWriting;
            return Err(Fails::error());
        }
        Ok(())
    }

    /// The history in memory, else the one that `read` finds, which stays in memory from then on.
    ///
    /// When the writer shows a newer one while `read` reads, the newer stays.
    fn cached_or(
        &self,
        key: CustomerKey,
        read: impl FnOnce() -> Result<Option<History>, StoreError>,
    ) -> Result<Option<Arc<History>>, StoreError> {
        let found = || read().map_err(Miss::Failed)?.map(Arc::new).ok_or(Miss::Unknown);
        match self.cache.get_or_insert_with(&key, found) {
            Ok(history) => Ok(Some(history)),
            Err(Miss::Unknown) => Ok(None),
            Err(Miss::Failed(error)) => Err(error),
        }
    }
}

/// Days whose counts stay in memory; older ones are read again.
const MAX_KNOWN_DAYS: usize = 64;

fn forget_oldest(days: &mut BTreeMap<Day, Arc<Today>>) {
    while days.len() > MAX_KNOWN_DAYS {
        days.pop_first();
    }
}

/// Where a test lets writing fail.
#[cfg(test)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fails {
    #[default]
    Never,
    /// The disk refuses.
    BeforeWriting,
    /// The process ends once the disk has it, before memory or a caller has.
    AfterWriting,
}

#[cfg(test)]
impl Fails {
    fn error() -> StoreError {
        StoreError::engine("write")(std::io::Error::other("refused by a test").into())
    }
}

impl Store {
    /// Whether the disk took what was last written to it; once it has not, it is asked again by writing nothing of note.
    pub(crate) fn is_writable(&self) -> bool {
        let is_writable = || self.shelf.is_writable.load(Ordering::Relaxed);
        is_writable() || self.shelf.write(self.shelf.disk.trial()).is_ok()
    }
}

#[cfg(test)]
impl Store {
    /// Lets writing fail, or not.
    pub(crate) fn fail(&self, fails: Fails) {
        *self.shelf.fails.lock().unwrap() = fails;
    }
}

enum Miss {
    Unknown,
    Failed(StoreError),
}

#[cfg(test)]
mod tests {
    use percorso_journey::text;

    use super::*;

    #[test]
    fn a_slow_reader_never_hides_what_was_acknowledged_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("store");
        let spec = Arc::new(Spec::parse(text::SMALL_SPEC).unwrap());
        Store::create(&dir, &spec, text::day(0)).unwrap().finish().unwrap();
        let key = CustomerKey::from_bytes([3; 16]);
        let send = |store: &Store, journey: &str| {
            let event = text::journey(&spec, journey).unwrap().remove(0);
            let logged = LoggedEvent {
                event_id: journey.to_owned(),
                event,
            };
            store.ingest(vec![(key, logged)]).unwrap().wait().unwrap()
        };
        let store = Store::open(&dir, &spec, 0).unwrap();
        send(&store, "visit@1d");
        drop(store);
        let store = Store::open(&dir, &spec, 0).unwrap();
        let read_slowly = || {
            let read = store.shelf.disk.history(&spec, key);
            send(&store, "visit@2d");
            read
        };
        let seen = store.shelf.cached_or(key, read_slowly).unwrap().unwrap();
        assert_eq!(
            seen.state().n_events(),
            1,
            "asked before the second event was acknowledged"
        );
        assert_eq!(store.history(key).unwrap().unwrap().state().n_events(), 2);
    }
}
