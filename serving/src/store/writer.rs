//! The one thread that writes: group commit, and base states moved forward behind it.

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use percorso_journey::{CustomerKey, History, LoggedEvent};
use tokio::sync::oneshot;

use super::decided::{Day, DecisionId, Outcome, Proposal, Recorded, Response};
use super::disk::log_key;
use super::group::Group;
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

/// The answer to come of something handed over to be written.
pub struct Receipt<T>(oneshot::Receiver<Result<T, StoreError>>);

impl<T> Receipt<T> {
    /// What became of it, once that is durable.
    ///
    /// # Errors
    /// - the write failed; nothing of it was taken in.
    pub async fn answer(self) -> Result<T, StoreError> {
        self.0.await.unwrap_or(Err(StoreError::Closed))
    }

    /// [`Self::answer`] for a thread that may wait.
    ///
    /// # Errors
    /// - as there.
    pub fn wait(self) -> Result<T, StoreError> {
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
/// A group of this many calls has many callers behind it, whom the next one waits for.
const MANY_CALLS: usize = 8;
/// For how long: where syncing takes less, groups would be of one or two calls, and most of the time would go into beginning
/// and ending them.
const MOMENT: Duration = Duration::from_micros(500);
/// With nothing to write for this long, bases move.
const IDLE: Duration = Duration::from_millis(200);

/// The writer's handle.
pub(super) struct Writer {
    calls: RwLock<Option<SyncSender<Call>>>,
    thread: Mutex<Option<JoinHandle<Result<(), StoreError>>>>,
}

/// What waits for the writer.
enum Call {
    Events(Vec<(CustomerKey, LoggedEvent)>, Reply<Vec<Placement>>),
    Decision(Box<Proposal>, Reply<Outcome>),
    Response(DecisionId, Response, Reply<Recorded>),
    Snooze(CustomerKey, Option<Day>, Reply<()>),
}

type Reply<T> = oneshot::Sender<Result<T, StoreError>>;
/// Tells a caller what became of their call, once it is known whether the group was written.
type Answer = Box<dyn FnOnce(Result<(), StoreError>)>;

impl Call {
    /// Something of about the size of so many events.
    fn size(&self) -> usize {
        match self {
            Call::Events(events, _) => events.len(),
            Call::Decision(..) | Call::Response(..) | Call::Snooze(..) => 1,
        }
    }

    /// Joins a group; a call that cannot takes none of the others down.
    fn join(self, group: &mut Group<'_>) -> Answer {
        fn answer<T: 'static>(reply: Reply<T>, found: Result<T, StoreError>) -> Answer {
            Box::new(move |written| drop(reply.send(written.and(found))))
        }
        match self {
            Call::Events(events, reply) => answer(reply, group.place(events)),
            Call::Decision(proposal, reply) => answer(reply, group.decide(*proposal)),
            Call::Response(id, response, reply) => answer(reply, group.respond(id, &response)),
            Call::Snooze(key, until, reply) => answer(reply, {
                group.snooze(key, until);
                Ok(())
            }),
        }
    }
}

impl Writer {
    pub(super) fn start(shelf: Arc<Shelf>) -> Self {
        let (calls, waiting) = sync_channel(MAX_WAITING_CALLS);
        let desk = Desk {
            shelf,
            unsettled: BTreeSet::new(),
            is_refused: false,
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

    pub(super) fn events(
        &self,
        events: Vec<(CustomerKey, LoggedEvent)>,
    ) -> Result<Receipt<Vec<Placement>>, StoreError> {
        self.submit(|reply| Call::Events(events, reply))
    }

    pub(super) fn decision(&self, proposal: Proposal) -> Result<Receipt<Outcome>, StoreError> {
        self.submit(|reply| Call::Decision(Box::new(proposal), reply))
    }

    pub(super) fn response(&self, id: DecisionId, response: Response) -> Result<Receipt<Recorded>, StoreError> {
        self.submit(|reply| Call::Response(id, response, reply))
    }

    pub(super) fn snooze(&self, key: CustomerKey, until: Option<Day>) -> Result<Receipt<()>, StoreError> {
        self.submit(|reply| Call::Snooze(key, until, reply))
    }

    fn submit<T>(&self, call: impl FnOnce(Reply<T>) -> Call) -> Result<Receipt<T>, StoreError> {
        let (reply, receipt) = oneshot::channel();
        let calls = self.calls.read().expect("no thread panics while it holds the sender");
        match calls.as_ref().ok_or(StoreError::Closed)?.try_send(call(reply)) {
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
    /// Whether the disk refused bases when they were last to be moved.
    is_refused: bool,
}

impl Desk {
    fn run(mut self, calls: &Receiver<Call>) -> Result<(), StoreError> {
        let mut are_many = false;
        loop {
            match calls.recv_timeout(IDLE) {
                Ok(call) => {
                    if are_many {
                        std::thread::sleep(MOMENT);
                    }
                    let group = gather(call, calls);
                    are_many = group.len() >= MANY_CALLS;
                    let n_customers = self.write(group);
                    self.try_to_settle(2 * n_customers, MAX_SETTLED_CUSTOMERS);
                }
                Err(RecvTimeoutError::Timeout) => self.try_to_settle(usize::MAX, 256),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        while !self.unsettled.is_empty() {
            self.settle(usize::MAX, 256, 1)?;
        }
        Ok(())
    }

    /// Moves bases that are far behind; where the disk refuses, they stay where they are until it takes them.
    fn try_to_settle(&mut self, n_looked_at: usize, n_customers: usize) {
        let settled = self.settle(n_looked_at, n_customers, MIN_SETTLED_EVENTS);
        if let Err(error) = &settled
            && !self.is_refused
        {
            tracing::warn!(
                error = error as &dyn std::error::Error,
                "base states stay behind for now"
            );
        }
        self.is_refused = settled.is_err();
    }

    /// Writes a group of calls and answers them; returns how many customers' histories it changed.
    fn write(&mut self, calls: Vec<Call>) -> usize {
        let mut group = Group::new(&self.shelf);
        let answers: Vec<Answer> = calls.into_iter().map(|call| call.join(&mut group)).collect();
        let written = group.commit();
        for answer in answers {
            // Who no longer waits for the answer will ask again, and be told that it was done.
            answer(written.as_ref().map(|_| ()).map_err(StoreError::clone));
        }
        let changed = written.unwrap_or_default();
        let n_changed = changed.len();
        self.unsettled.extend(changed);
        n_changed
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
        if moved.is_empty() {
            return Ok(());
        }
        if let Err(error) = self.shelf.write(batch) {
            self.unsettled.extend(moved.iter().map(|(key, _)| *key));
            return Err(error);
        }
        for (key, history) in moved {
            self.shelf.cache.insert(key, Arc::new(history));
        }
        Ok(())
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
    let mut size = first.size();
    let mut group = vec![first];
    while size < MAX_GROUP_EVENTS
        && let Ok(call) = calls.try_recv()
    {
        size += call.size();
        group.push(call);
    }
    group
}

#[cfg(test)]
mod tests {
    use percorso_journey::{Spec, Timestamp, text};

    use super::*;
    use crate::Store;
    use crate::store::Fails;

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
        store.fail(Fails::BeforeWriting);
        let receipts = [send("purchase@2d"), send("purchase@3d visit@1.5d")];
        for receipt in receipts {
            assert!(matches!(
                receipt.wait(),
                Err(StoreError::Engine { operation: "write", .. })
            ));
        }
        assert!(!store.is_writable());
        let after = store.history(key).unwrap().unwrap();
        assert_eq!(after.state().to_bytes(), before.state().to_bytes());
        store.fail(Fails::Never);
        assert!(store.is_writable(), "the disk was asked again");
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
