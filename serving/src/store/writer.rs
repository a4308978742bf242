//! The one thread that writes: group commit, and base states moved forward behind it.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use fjall::{OwnedWriteBatch, PersistMode};
use percorso_journey::{CustomerKey, History, HistoryError, Insertion, LoggedEvent};
use tokio::sync::oneshot;

use super::disk::{Origin, log_key, record};
use super::{Shelf, StoreError};

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// Durable, and part of the customer's history.
    Accepted,
    /// Known before; nothing changed.
    Duplicate,
    /// Older than the allowed lateness before the customer's last event; not kept.
    TooLate,
}

/// The answer to come of an [`super::Store::ingest`].
pub struct Receipt(oneshot::Receiver<Answer>);

type Answer = Result<Vec<Placement>, StoreError>;

impl Receipt {
    /// What became of each event, in the order given, once all accepted ones are durable.
    ///
    /// # Errors
    /// - the write failed; none of the events was taken in.
    pub async fn placements(self) -> Answer {
        self.0.await.unwrap_or(Err(StoreError::Closed))
    }

    /// [`Self::placements`] for a thread that may wait.
    ///
    /// # Errors
    /// - as there.
    pub fn wait(self) -> Answer {
        self.0.blocking_recv().unwrap_or(Err(StoreError::Closed))
    }
}

/// At most this many calls wait for the writer.
const MAX_WAITING_CALLS: usize = 1_024;
/// A group takes no further call once it has this many events.
const MAX_GROUP_EVENTS: usize = 20_000;
/// A base moves forward only past this many events, so that it is written rarely; at shutdown it moves past any.
const MIN_SETTLED_EVENTS: usize = 16;
/// At most this many bases move between two groups.
const MAX_SETTLED_CUSTOMERS: usize = 16;
/// With nothing to write for this long, bases move.
const IDLE: Duration = Duration::from_millis(200);

/// The writer's handle.
pub(super) struct Writer {
    calls: RwLock<Option<SyncSender<Call>>>,
    thread: Mutex<Option<JoinHandle<Result<(), StoreError>>>>,
}

struct Call {
    events: Vec<(CustomerKey, LoggedEvent)>,
    reply: oneshot::Sender<Answer>,
}

impl Writer {
    pub(super) fn start(shelf: Arc<Shelf>) -> Self {
        let (calls, waiting) = sync_channel(MAX_WAITING_CALLS);
        let desk = Desk {
            shelf,
            unsettled: BTreeSet::new(),
        };
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || desk.run(&waiting));
        let thread = thread.expect("a thread can be started at start-up");
        Self {
            calls: RwLock::new(Some(calls)),
            thread: Mutex::new(Some(thread)),
        }
    }

    pub(super) fn submit(&self, events: Vec<(CustomerKey, LoggedEvent)>) -> Result<Receipt, StoreError> {
        let (reply, receipt) = oneshot::channel();
        let calls = self.calls.read().expect("no thread panics while it holds the sender");
        match calls
            .as_ref()
            .ok_or(StoreError::Closed)?
            .try_send(Call { events, reply })
        {
            Ok(()) => Ok(Receipt(receipt)),
            Err(TrySendError::Full(_)) => Err(StoreError::Busy),
            Err(TrySendError::Disconnected(_)) => Err(StoreError::Closed),
        }
    }

    /// Lets the waiting calls be written, moves bases, and ends the thread.
    pub(super) fn stop(&self) -> Result<(), StoreError> {
        drop(
            self.calls
                .write()
                .expect("no thread panics while it holds the sender")
                .take(),
        );
        let thread = self
            .thread
            .lock()
            .expect("no thread panics while it holds the handle")
            .take();
        match thread.map(JoinHandle::join) {
            None | Some(Ok(Ok(()))) => Ok(()),
            Some(Ok(Err(error))) => Err(error),
            Some(Err(_)) => Err(StoreError::Closed),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            tracing::warn!(%error, "the store was not closed cleanly");
        }
    }
}

/// The writer's own state.
struct Desk {
    shelf: Arc<Shelf>,
    /// Customers whose base may be behind.
    unsettled: BTreeSet<CustomerKey>,
}

impl Desk {
    fn run(mut self, calls: &Receiver<Call>) -> Result<(), StoreError> {
        loop {
            match calls.recv_timeout(IDLE) {
                Ok(call) => {
                    let n_customers = self.write(gather(call, calls));
                    self.settle(2 * n_customers, MAX_SETTLED_CUSTOMERS, MIN_SETTLED_EVENTS)?;
                }
                Err(RecvTimeoutError::Timeout) => self.settle(usize::MAX, 256, MIN_SETTLED_EVENTS)?,
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        while !self.unsettled.is_empty() {
            self.settle(usize::MAX, 256, 1)?;
        }
        Ok(())
    }

    /// Writes a group of calls and answers them; returns how many customers it changed.
    fn write(&mut self, calls: Vec<Call>) -> usize {
        let mut changed = BTreeMap::new();
        let mut batch = self.shelf.disk.batch().durability(Some(PersistMode::SyncData));
        let mut answers = Vec::with_capacity(calls.len());
        for Call { events, reply } in calls {
            // All that can fail is reading; a call that cannot be placed takes none of the others down.
            match events.iter().try_for_each(|(key, _)| self.fetch(&mut changed, *key)) {
                Err(error) => drop(reply.send(Err(error))),
                Ok(()) => {
                    let place = |(key, logged)| {
                        let history: &mut Draft = changed.get_mut(&key).expect("fetched above");
                        history.insert(logged, |logged| {
                            let event = record(Origin::Streamed, &logged.to_bytes());
                            batch.insert(&self.shelf.disk.log, log_key(key, logged), event);
                        })
                    };
                    let placements: Vec<Placement> = events.into_iter().map(place).collect();
                    answers.push((reply, placements));
                }
            }
        }
        changed.retain(|_, draft| draft.is_changed);
        let written = self.commit(batch);
        if written.is_ok() {
            for (&key, draft) in &mut changed {
                let history = draft.history.take().expect("a changed draft holds a history");
                self.shelf.cache.insert(key, Arc::new(history));
                self.unsettled.insert(key);
            }
        }
        for (reply, placements) in answers {
            // Who no longer waits for the answer will send the events again, as duplicates.
            let _ = reply.send(written.clone().map(|()| placements));
        }
        changed.len()
    }

    /// Writes a batch whole and syncs it, or leaves the disk as it is: the engine shows nothing that it could not sync.
    fn commit(&self, batch: OwnedWriteBatch) -> Result<(), StoreError> {
        #[cfg(test)]
        if self.shelf.refuses_writes.load(std::sync::atomic::Ordering::SeqCst) {
            return Err(StoreError::engine("write")(
                std::io::Error::other("refused by a test").into(),
            ));
        }
        batch.commit().map_err(StoreError::engine("write"))
    }

    fn fetch(&self, drafts: &mut BTreeMap<CustomerKey, Draft>, key: CustomerKey) -> Result<(), StoreError> {
        let Entry::Vacant(place) = drafts.entry(key) else {
            return Ok(());
        };
        let kept = match self.shelf.cache.get(&key) {
            Some(history) => Some(History::clone(&history)),
            None => self.shelf.disk.history(&self.shelf.spec, key)?,
        };
        let history = kept.unwrap_or_else(|| History::new(Arc::clone(&self.shelf.spec)));
        place.insert(Draft {
            history: Some(history),
            is_changed: false,
        });
        Ok(())
    }

    /// Looks at up to `n_looked_at` customers and moves the bases of up to `n_customers` that are `n_events` behind.
    ///
    /// Base and log change in one batch, so that no crash can lose or double an event; it need not be synced, as a crash
    /// before it only leaves the base where it was.
    fn settle(&mut self, n_looked_at: usize, n_customers: usize, n_events: usize) -> Result<(), StoreError> {
        let mut batch = self.shelf.disk.batch();
        let mut moved = Vec::new();
        for _ in 0..n_looked_at {
            let Some(key) = self.unsettled.pop_first() else { break };
            let Some(history) = self.shelf.history(key)? else {
                continue;
            };
            let n_settled = n_settled(&history);
            if n_settled < n_events {
                continue;
            }
            for logged in &history.log()[..n_settled] {
                batch.remove(&self.shelf.disk.log, log_key(key, logged));
            }
            let mut history = History::clone(&history);
            history.settle();
            batch.insert(
                &self.shelf.disk.bases,
                key.bytes().as_slice(),
                history.base().to_bytes(),
            );
            moved.push((key, history));
            if moved.len() == n_customers {
                break;
            }
        }
        batch.commit().map_err(StoreError::engine("write"))?;
        for (key, history) in moved {
            self.shelf.cache.insert(key, Arc::new(history));
        }
        Ok(())
    }
}

/// A customer's history as the group under way makes it.
struct Draft {
    history: Option<History>,
    is_changed: bool,
}

impl Draft {
    fn insert(&mut self, logged: LoggedEvent, mut keep: impl FnMut(&LoggedEvent)) -> Placement {
        let history = self.history.as_mut().expect("taken only when the group is written");
        match history.insert(logged.clone()) {
            Ok(Insertion::Appended | Insertion::Refolded) => {
                keep(&logged);
                self.is_changed = true;
                Placement::Accepted
            }
            Ok(Insertion::Duplicate) => Placement::Duplicate,
            Err(HistoryError::TooLate { .. }) => Placement::TooLate,
            Err(error @ (HistoryError::TooOld { .. } | HistoryError::Disorder(_))) => {
                unreachable!("whatever is not too late comes after the base, which was checked when read: {error}")
            }
        }
    }
}

/// How many events of the log no late event can precede any more.
fn n_settled(history: &History) -> usize {
    let Some(last_at) = history.state().last_at() else {
        return 0;
    };
    let oldest_allowed = last_at.plus_days(-history.state().spec().allowed_lateness_days());
    history.log().partition_point(|logged| logged.event.at < oldest_allowed)
}

fn gather(first: Call, calls: &Receiver<Call>) -> Vec<Call> {
    let mut n_events = first.events.len();
    let mut group = vec![first];
    while n_events < MAX_GROUP_EVENTS
        && let Ok(call) = calls.try_recv()
    {
        n_events += call.events.len();
        group.push(call);
    }
    group
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use percorso_journey::{Spec, Timestamp, text};

    use super::*;
    use crate::Store;

    #[test]
    fn a_write_that_fails_is_told_to_every_caller_and_leaves_memory_as_the_disk_is() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("store");
        let spec = Arc::new(Spec::parse(text::SMALL_SPEC).unwrap());
        Store::create(&dir, &spec, Timestamp::from_micros(0))
            .unwrap()
            .finish()
            .unwrap();
        let store = Store::open(&dir, &spec, 0).unwrap();
        let key = CustomerKey::from_bytes([3; 16]);
        let send = |journey: &str| {
            let events = text::journey(&spec, journey).unwrap();
            let logged = |event| {
                (
                    key,
                    LoggedEvent {
                        event_id: format!("{event:?}"),
                        event,
                    },
                )
            };
            store.ingest(events.into_iter().map(logged).collect()).unwrap()
        };
        send("visit@1d").wait().unwrap();
        let before = store.history(key).unwrap().unwrap();
        store.shelf.refuses_writes.store(true, Ordering::SeqCst);
        let receipts = [send("purchase@2d"), send("purchase@3d visit@1.5d")];
        for receipt in receipts {
            assert!(matches!(
                receipt.wait(),
                Err(StoreError::Engine { operation: "write", .. })
            ));
        }
        let after = store.history(key).unwrap().unwrap();
        assert_eq!(after.state().to_bytes(), before.state().to_bytes());
        store.shelf.refuses_writes.store(false, Ordering::SeqCst);
        assert_eq!(
            send("purchase@2d").wait().unwrap(),
            [Placement::Accepted],
            "not taken for a duplicate"
        );
        let kept = store.shelf.disk.history(&spec, key).unwrap().unwrap();
        assert_eq!(
            kept.state().to_bytes(),
            store.history(key).unwrap().unwrap().state().to_bytes()
        );
        assert_eq!(kept.state().n_events(), 2);
    }
}
