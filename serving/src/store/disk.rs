//! What lies on the disk: a header, a base state per customer, and the log of events after it. Drawn in FORMAT.md.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode, Readable};
use percorso_journey::{
    ByteReader, ByteWriter, CustomerKey, History, JourneyState, LoggedEvent, MalformedBytes, Spec, Timestamp,
};
use percorso_next_action::decide::{Ledger, Today};

use super::StoreError;
use super::decided::{Day, DecisionId, Response, ResponseKind};

/// The version of the store's format.
pub const STORE_FORMAT: u8 = 2;

/// What a store says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The spec whose positions the records hold, as [`Spec::digest`].
    pub spec_digest: String,
    /// Which rebuild of the states this is, from 1.
    pub generation: u64,
    /// The last event of the data it was loaded from.
    pub watermark: Timestamp,
}

/// Where an event of the log came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// Loaded from data; a rebuild brings it again.
    Loaded,
    /// Streamed in; a rebuild must carry it over.
    Streamed,
}

/// The engine's folder, opened.
#[derive(Clone)]
pub(super) struct Disk {
    database: Database,
    meta: Keyspace,
    pub(super) bases: Keyspace,
    pub(super) log: Keyspace,
    pub(super) ledgers: Keyspace,
    pub(super) days: Keyspace,
    pub(super) decisions: Keyspace,
    pub(super) states: Keyspace,
    pub(super) responses: Keyspace,
    pub(super) snoozes: Keyspace,
}

impl Disk {
    /// Opens the folder, or makes it.
    pub(super) fn open(dir: &Path) -> Result<Self, StoreError> {
        let open = StoreError::engine("open");
        let database = Database::builder(dir).cache_size(CACHE_BYTES).open().map_err(&open)?;
        let keyspace = |name| database.keyspace(name, KeyspaceCreateOptions::default).map_err(&open);
        Ok(Self {
            meta: keyspace("meta")?,
            bases: keyspace("bases")?,
            log: keyspace("log")?,
            ledgers: keyspace("ledgers")?,
            days: keyspace("days")?,
            decisions: keyspace("decisions")?,
            states: keyspace("states")?,
            responses: keyspace("responses")?,
            // In stores from before there were any, made empty.
            snoozes: keyspace("snoozes")?,
            database,
        })
    }

    /// The header, of a format that this version serves; `None` in a folder that was just made.
    pub(super) fn header(&self, dir: &Path) -> Result<Option<Header>, StoreError> {
        self.header_of(dir, STORE_FORMAT)
    }

    /// The header, of this format or one since the oldest that is good enough.
    pub(super) fn header_of(&self, dir: &Path, oldest: u8) -> Result<Option<Header>, StoreError> {
        let Some(bytes) = self.meta.get(HEADER).map_err(StoreError::engine("read"))? else {
            return Ok(None);
        };
        let mut from = ByteReader::new(&bytes, "store header");
        let found = from.u8()?;
        if !(oldest..=STORE_FORMAT).contains(&found) {
            return Err(StoreError::Format {
                dir: dir.to_owned(),
                found,
                expected: STORE_FORMAT,
            });
        }
        let spec_digest = from.text()?.to_owned();
        let header = Header {
            spec_digest,
            generation: from.u64()?,
            watermark: Timestamp::from_micros(from.i64()?),
        };
        from.end()?;
        Ok(Some(header))
    }

    /// Writes the header, and syncs all that was written before it.
    pub(super) fn put_header(&self, header: &Header) -> Result<(), StoreError> {
        let mut to = ByteWriter::default();
        to.u8(STORE_FORMAT);
        to.text(&header.spec_digest);
        to.u64(header.generation);
        to.i64(header.watermark.micros());
        self.meta
            .insert(HEADER, to.into_bytes())
            .map_err(StoreError::engine("write"))?;
        self.sync()
    }

    /// A batch that is written whole or not at all.
    pub(super) fn batch(&self) -> OwnedWriteBatch {
        self.database.batch()
    }

    /// Makes everything written durable.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        self.database
            .persist(PersistMode::SyncAll)
            .map_err(StoreError::engine("sync"))
    }

    /// The customer's history; `None` when nothing is kept of them.
    ///
    /// Base and log are read from one snapshot, so that a base moving on meanwhile cannot lose or double an event.
    pub(super) fn history(&self, spec: &Arc<Spec>, key: CustomerKey) -> Result<Option<History>, StoreError> {
        let snapshot = self.database.snapshot();
        let base = snapshot
            .get(&self.bases, key.bytes())
            .map_err(StoreError::engine("read"))?;
        let mut log = Vec::new();
        for record in snapshot.prefix(&self.log, key.bytes()) {
            let bytes = record.value().map_err(StoreError::engine("read"))?;
            log.push(read_record(spec, &bytes)?.1);
        }
        let base = match base {
            None if log.is_empty() => return Ok(None),
            None => JourneyState::new(Arc::clone(spec)),
            Some(bytes) => JourneyState::from_bytes(Arc::clone(spec), &bytes)?,
        };
        let history = History::resume(base, log)?;
        // Whatever is late enough to be taken comes after the base, so an insertion always finds its place.
        match (history.base().last_at(), history.state().last_at()) {
            (Some(base_at), Some(last_at)) if base_at >= last_at.plus_days(-spec.allowed_lateness_days()) => {
                Err(StoreError::BaseTooLate)
            }
            _ => Ok(Some(history)),
        }
    }
}

impl Disk {
    /// A batch that changes nothing anyone reads.
    pub(super) fn trial(&self) -> OwnedWriteBatch {
        let mut batch = self.batch().durability(Some(PersistMode::SyncData));
        batch.insert(&self.meta, TRIAL, []);
        batch
    }

    /// Everyone with a base state or an event in the log, in order of their keys.
    pub(super) fn customers(&self) -> Result<Vec<CustomerKey>, StoreError> {
        let mut keys = Vec::new();
        for found in self.bases.iter().chain(self.log.iter()) {
            let key = found.key().map_err(StoreError::engine("read"))?;
            let key = CustomerKey::from_bytes(ByteReader::new(&key, "key of a record").array()?);
            // A customer's events follow each other.
            if keys.last() != Some(&key) {
                keys.push(key);
            }
        }
        keys.sort_unstable();
        keys.dedup();
        Ok(keys)
    }

    /// The contacts made with a customer.
    pub(super) fn ledger(&self, key: CustomerKey) -> Result<Ledger, StoreError> {
        let bytes = read(&self.ledgers, key.bytes())?;
        Ok(bytes.map_or(Ok(Ledger::default()), |bytes| Ledger::from_bytes(&bytes))?)
    }

    /// What was done on a day.
    pub(super) fn today(&self, day: Day) -> Result<Today, StoreError> {
        let bytes = read(&self.days, &day.to_be_bytes())?;
        Ok(bytes.map_or(Ok(Today::default()), |bytes| Today::from_bytes(&bytes))?)
    }

    /// What was logged of a decision.
    pub(super) fn decision(&self, id: DecisionId) -> Result<Option<Vec<u8>>, StoreError> {
        read(&self.decisions, id.bytes())
    }

    /// The bytes of a state that decisions were made from.
    pub(super) fn state(&self, digest: &[u8; 16]) -> Result<Option<Vec<u8>>, StoreError> {
        read(&self.states, digest)
    }

    pub(super) fn has_state(&self, digest: &[u8; 16]) -> Result<bool, StoreError> {
        self.states.contains_key(digest).map_err(StoreError::engine("read"))
    }

    pub(super) fn has_response(&self, id: DecisionId, kind: ResponseKind) -> Result<bool, StoreError> {
        let key = response_key(id, kind.number());
        self.responses.contains_key(key).map_err(StoreError::engine("read"))
    }

    /// What came of a decision, by kind.
    pub(super) fn responses(&self, id: DecisionId) -> Result<Vec<Response>, StoreError> {
        let mut responses = Vec::new();
        for found in self.responses.prefix(id.bytes()) {
            let (key, value) = found.into_inner().map_err(StoreError::engine("read"))?;
            let mut from = ByteReader::new(&value, "response");
            let kind = key.last().copied().and_then(ResponseKind::of_number);
            responses.push(Response {
                kind: kind.ok_or(from.malformed())?,
                at: Timestamp::from_micros(from.i64()?),
                reason: from.text()?.to_owned(),
            });
            from.end()?;
        }
        Ok(responses)
    }
}

fn read(keyspace: &Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
    let found = keyspace.get(key).map_err(StoreError::engine("read"))?;
    Ok(found.map(|bytes| bytes.to_vec()))
}

/// The key of a response: the decision, then the kind, of which there is one each.
pub(super) fn response_key(id: DecisionId, kind: u8) -> [u8; 17] {
    let mut key = [kind; 17];
    key[..16].copy_from_slice(id.bytes());
    key
}

const HEADER: &str = "header";
/// What is written to see whether the disk takes anything.
const TRIAL: &str = "trial";
const CACHE_BYTES: u64 = 64 << 20;

/// The key of a log record: customer, then the event's order, so that a prefix scan gives the log in order.
pub(super) fn log_key(key: CustomerKey, logged: &LoggedEvent) -> Vec<u8> {
    let event = &logged.event;
    let mut bytes = Vec::with_capacity(32 + logged.event_id.len());
    bytes.extend(key.bytes());
    bytes.extend(rising(event.at.micros()));
    bytes.extend(rising(event.sequence));
    bytes.extend(logged.event_id.as_bytes());
    bytes
}

/// Bytes that compare as the numbers do.
fn rising(number: i64) -> [u8; 8] {
    ((number as u64) ^ (1 << 63)).to_be_bytes()
}

/// The value of a log record.
pub(super) fn record(origin: Origin, event: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + event.len());
    bytes.push(match origin {
        Origin::Loaded => 0,
        Origin::Streamed => 1,
    });
    bytes.extend(event);
    bytes
}

/// The origin and event of a log record's value.
pub(super) fn read_record(spec: &Spec, bytes: &[u8]) -> Result<(Origin, LoggedEvent), MalformedBytes> {
    let (origin, event) = match bytes.split_first() {
        Some((0, event)) => (Origin::Loaded, event),
        Some((1, event)) => (Origin::Streamed, event),
        _ => return Err(ByteReader::new(bytes, "log record").malformed()),
    };
    Ok((origin, LoggedEvent::from_bytes(spec, event)?))
}

/// Keeps other processes out for as long as it is held; lies beside the store, so that it outlives a rename.
pub(super) fn lock(dir: &Path) -> Result<File, StoreError> {
    let path = beside(dir, "lock");
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(StoreError::io("create", parent))?;
    }
    let file = File::create(&path).map_err(StoreError::io("create", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse { dir: dir.to_owned() }),
        Err(TryLockError::Error(error)) => Err(StoreError::io("lock", &path)(error)),
    }
}

/// `store.NAME` for the folder `store`.
pub(crate) fn beside(dir: &Path, name: &str) -> PathBuf {
    let mut path = dir.as_os_str().to_owned();
    path.push(".");
    path.push(name);
    PathBuf::from(path)
}

#[cfg(test)]
mod tests {
    use percorso_journey::text;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn log_keys_compare_as_the_events_do(
            left in (-5_000_i64..5_000, any::<i64>(), "[a-c]{0,3}"),
            right in (-5_000_i64..5_000, any::<i64>(), "[a-c]{0,3}"),
        ) {
            let spec = Spec::parse(text::SMALL_SPEC).unwrap();
            let event = text::journey(&spec, "visit@0d").unwrap().remove(0);
            let logged = |(at, sequence, event_id): (i64, i64, String)| {
                let mut event = event.clone();
                event.at = Timestamp::from_micros(at);
                event.sequence = sequence;
                LoggedEvent { event_id, event }
            };
            let key = CustomerKey::from_bytes([7; 16]);
            let (left, right) = (logged(left), logged(right));
            prop_assert_eq!(log_key(key, &left).cmp(&log_key(key, &right)), left.order().cmp(&right.order()));
        }
    }
}
