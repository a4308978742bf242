//! Streamed events of the store that a load replaces, so that what was acknowledged is not forgotten.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use percorso_journey::{CustomerKey, History, Insertion, JourneyState, LoggedEvent, Spec};
use percorso_next_action::decide::Ledger;

use super::disk::{Disk, Origin, read_record};
use super::{Loaded, StoreError};

/// The store that is about to be replaced.
pub(super) struct Before {
    /// `None` when there is none.
    disk: Option<Disk>,
    /// Its generation; 0 when there is none.
    pub(super) generation: u64,
}

/// The oldest format whose streamed events are carried over.
const OLDEST_CARRIED: u8 = 1;

/// One customer's streamed events, in order.
pub(super) struct Streamed {
    pub(super) key: CustomerKey,
    pub(super) events: Vec<LoggedEvent>,
    /// Events that cannot be read, as when they were streamed under another spec.
    pub(super) n_unread: u64,
}

impl Before {
    /// # Errors
    /// - something is there that cannot be read: all that was decided would be lost with it.
    pub(super) fn open(dir: &Path, spec: &Spec) -> Result<Self, StoreError> {
        let none = Self {
            disk: None,
            generation: 0,
        };
        if !dir.exists() {
            return Ok(none);
        }
        let read = || Ok::<_, StoreError>((Disk::open(dir)?, spec.digest()));
        match read().and_then(|(disk, digest)| Ok((disk.header_of(dir, OLDEST_CARRIED)?, disk, digest))) {
            Ok((Some(header), disk, digest)) => {
                if header.spec_digest != digest {
                    tracing::warn!(
                        "journey.toml has changed: events streamed under the one before are not carried over"
                    );
                }
                Ok(Self {
                    disk: Some(disk),
                    generation: header.generation,
                })
            }
            Ok((None, _, _)) => Ok(none),
            Err(error) => Err(StoreError::Unreadable {
                dir: dir.to_owned(),
                source: Box::new(error),
            }),
        }
    }

    /// Copies all that was decided, and who was put off: nothing of it comes again with the data, but for contacts that they tell of.
    pub(super) fn copy_decisions(&self, to: &Disk) -> Result<(), StoreError> {
        let Some(from) = &self.disk else { return Ok(()) };
        let mut ledgers = to.ledgers.start_ingestion().map_err(StoreError::engine("write"))?;
        for record in from.ledgers.iter() {
            let (key, value) = record.into_inner().map_err(StoreError::engine("read"))?;
            let ledger = Ledger::from_bytes(&value)?.without_loaded();
            ledgers
                .write(key, ledger.to_bytes())
                .map_err(StoreError::engine("write"))?;
        }
        ledgers.finish().map_err(StoreError::engine("write"))?;
        for (from, to) in [
            (&from.days, &to.days),
            (&from.decisions, &to.decisions),
            (&from.states, &to.states),
            (&from.responses, &to.responses),
            (&from.snoozes, &to.snoozes),
        ] {
            let mut copy = to.start_ingestion().map_err(StoreError::engine("write"))?;
            for record in from.iter() {
                let (key, value) = record.into_inner().map_err(StoreError::engine("read"))?;
                copy.write(key, value).map_err(StoreError::engine("write"))?;
            }
            copy.finish().map_err(StoreError::engine("write"))?;
        }
        Ok(())
    }

    /// Customers with streamed events in their logs, in rising order of their keys.
    pub(super) fn streamed<'a>(&self, spec: &'a Spec) -> Customers<'a> {
        Customers {
            records: self.disk.as_ref().map(|disk| disk.log.iter()),
            spec,
            open: None,
        }
    }
}

/// Gathers streamed log records by customer.
pub(super) struct Customers<'a> {
    records: Option<fjall::Iter>,
    spec: &'a Spec,
    open: Option<Streamed>,
}

impl Iterator for Customers<'_> {
    type Item = Result<Streamed, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(record) = self.records.as_mut()?.next() {
            let (key, value) = match record.into_inner().map_err(StoreError::engine("read")) {
                Ok(record) => record,
                Err(error) => return Some(Err(error)),
            };
            let Some(&key) = key.first_chunk::<16>() else { continue };
            let (key, event) = match read_record(self.spec, &value) {
                Ok((Origin::Loaded, _)) => continue,
                Ok((Origin::Streamed, event)) => (CustomerKey::from_bytes(key), Some(event)),
                Err(_) => (CustomerKey::from_bytes(key), None),
            };
            let open = self.open.take_if(|open| open.key != key);
            let here = self.open.get_or_insert(Streamed {
                key,
                events: Vec::new(),
                n_unread: 0,
            });
            here.n_unread += u64::from(event.is_none());
            here.events.extend(event);
            if let Some(gathered) = open {
                return Some(Ok(gathered));
            }
        }
        self.open.take().map(Ok)
    }
}

/// An event that the new store will keep.
pub(super) struct Kept {
    pub(super) origin: Origin,
    pub(super) logged: LoggedEvent,
    /// [`LoggedEvent::to_bytes`] of it.
    pub(super) bytes: Vec<u8>,
}

/// A customer's loaded events and the streamed ones among them, each once and in order; counts what is carried over, and
/// what comes too late now.
pub(super) fn joined(
    spec: &Arc<Spec>,
    base: Option<&[u8]>,
    loaded: Vec<Kept>,
    streamed: Streamed,
    counts: &mut Loaded,
) -> Result<Vec<Kept>, StoreError> {
    let base = match base {
        None => JourneyState::new(Arc::clone(spec)),
        Some(base) => JourneyState::from_bytes(Arc::clone(spec), base)?,
    };
    let known: BTreeSet<String> = loaded.iter().map(|kept| kept.logged.event_id.clone()).collect();
    let mut history = History::resume(base, loaded.into_iter().map(|kept| kept.logged).collect())?;
    counts.n_left_behind += streamed.n_unread;
    for logged in streamed.events {
        match history.insert(logged) {
            Ok(Insertion::Appended | Insertion::Refolded) => counts.n_carried += 1,
            Ok(Insertion::Duplicate) => {}
            Err(_) => counts.n_left_behind += 1,
        }
    }
    let keep = |logged: &LoggedEvent| {
        let is_loaded = known.contains(&logged.event_id);
        let origin = if is_loaded { Origin::Loaded } else { Origin::Streamed };
        Kept {
            origin,
            logged: logged.clone(),
            bytes: logged.to_bytes(),
        }
    };
    Ok(history.log().iter().map(keep).collect())
}
