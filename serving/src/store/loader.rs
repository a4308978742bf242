//! Building a store beside the one in use, and putting it in its place in one step.

use std::fs::File;
use std::iter::Peekable;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use percorso_journey::{CustomerKey, LoggedEvent, Spec, Timestamp};
use percorso_next_action::decide::Ledger;

use super::carry::{Before, Customers, Kept, Streamed, joined};
use super::disk::{Disk, Origin, beside, lock, log_key, record};
use super::{Header, StoreError};

/// Takes customers in rising order of their keys; until [`Loader::finish`], the store in use stays as it is.
///
/// Events that were streamed into the store in use are carried over unless they are among the loaded ones, as far back as
/// its log reaches: the allowed lateness. Older ones must have found their way into the data by then.
pub struct Loader {
    dir: PathBuf,
    building: PathBuf,
    records: Option<SyncSender<Customer>>,
    thread: Option<JoinHandle<Result<Loaded, StoreError>>>,
    _lock: File,
}

/// What was loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Customers in the new store.
    pub n_customers: u64,
    /// Events streamed into the store before, not among those loaded, and carried over.
    pub n_carried: u64,
    /// Events streamed into the store before that come too late now, or cannot be read under this spec.
    pub n_left_behind: u64,
    /// Which rebuild this is, from 1.
    pub generation: u64,
}

struct Customer {
    key: CustomerKey,
    /// `None` for a customer known only from streamed events.
    base: Option<Vec<u8>>,
    log: Vec<Vec<u8>>,
    contacts: Ledger,
}

impl Loader {
    pub(super) fn start(dir: &Path, spec: &Arc<Spec>, watermark: Timestamp) -> Result<Self, StoreError> {
        let lock = lock(dir)?;
        mend(dir)?;
        let building = beside(dir, "loading");
        remove(&building)?;
        let before = Before::open(dir, spec)?;
        let header = Header {
            spec_digest: spec.digest(),
            generation: before.generation + 1,
            watermark,
        };
        let (records, waiting) = sync_channel(1_024);
        let build = Build {
            spec: Arc::clone(spec),
            before,
            header,
            dir: building.clone(),
        };
        let thread = std::thread::Builder::new()
            .name("store-loader".to_owned())
            .spawn(move || build.run(&waiting));
        let thread = Some(thread.map_err(StoreError::io("start a thread for", dir))?);
        Ok(Self {
            dir: dir.to_owned(),
            building,
            records: Some(records),
            thread,
            _lock: lock,
        })
    }

    /// Takes one customer: the bytes of the base state and of the events after it, in order, and the contacts that all
    /// events tell of.
    ///
    /// # Errors
    /// - the key does not come after the one before, a record is damaged, or the disk refuses; the load has failed.
    pub fn put(&mut self, key: CustomerKey, base: &[u8], log: &[Vec<u8>], contacts: Ledger) -> Result<(), StoreError> {
        let customer = Customer {
            key,
            base: Some(base.to_vec()),
            log: log.to_vec(),
            contacts,
        };
        let is_taken = self
            .records
            .as_ref()
            .is_some_and(|records| records.send(customer).is_ok());
        if is_taken {
            Ok(())
        } else {
            Err(self.end().err().unwrap_or(StoreError::Closed))
        }
    }

    /// Puts the new store in its place.
    ///
    /// # Errors
    /// - something failed before, or the disk refuses; the store that was there stays.
    pub fn finish(mut self) -> Result<Loaded, StoreError> {
        let loaded = self.end()?;
        let old = beside(&self.dir, "old");
        remove(&old)?;
        if self.dir.exists() {
            std::fs::rename(&self.dir, &old).map_err(StoreError::io("move away", &self.dir))?;
        }
        std::fs::rename(&self.building, &self.dir).map_err(StoreError::io("put in place", &self.dir))?;
        sync_parent(&self.dir)?;
        remove(&old)?;
        Ok(loaded)
    }

    fn end(&mut self) -> Result<Loaded, StoreError> {
        drop(self.records.take());
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) | None => Err(StoreError::Closed),
        }
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        let _ = self.end();
        let _ = remove(&self.building);
    }
}

/// Puts back the store that a load had moved away when the machine stopped, before the new one was in its place.
pub(super) fn mend(dir: &Path) -> Result<(), StoreError> {
    let old = beside(dir, "old");
    if !dir.exists() && old.exists() {
        std::fs::rename(&old, dir).map_err(StoreError::io("put back", &old))?;
    }
    Ok(())
}

fn remove(dir: &Path) -> Result<(), StoreError> {
    if dir.exists() {
        std::fs::remove_dir_all(dir).map_err(StoreError::io("remove", dir))
    } else {
        Ok(())
    }
}

fn sync_parent(dir: &Path) -> Result<(), StoreError> {
    let parent = dir
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    File::open(parent)
        .and_then(|folder| folder.sync_all())
        .map_err(StoreError::io("sync", parent))
}

/// The thread that builds.
struct Build {
    spec: Arc<Spec>,
    before: Before,
    header: Header,
    dir: PathBuf,
}

impl Build {
    fn run(self, customers: &Receiver<Customer>) -> Result<Loaded, StoreError> {
        let write = StoreError::engine("write");
        let disk = Disk::open(&self.dir)?;
        self.before.copy_decisions(&disk)?;
        let mut bases = disk.bases.start_ingestion().map_err(&write)?;
        let mut log = disk.log.start_ingestion().map_err(&write)?;
        let mut loaded = Loaded {
            generation: self.header.generation,
            ..Loaded::default()
        };
        let mut put = |customer: Customer, streamed: Option<Streamed>| {
            let Customer {
                key,
                base,
                log: events,
                contacts,
            } = customer;
            let read = |bytes: Vec<u8>| {
                let logged = LoggedEvent::from_bytes(&self.spec, &bytes)?;
                Ok(Kept {
                    origin: Origin::Loaded,
                    logged,
                    bytes,
                })
            };
            let mut events = events.into_iter().map(read).collect::<Result<Vec<_>, StoreError>>()?;
            if let Some(streamed) = streamed {
                events = joined(&self.spec, base.as_deref(), events, streamed, &mut loaded)?;
            }
            let mut contacts = contacts;
            for kept in events.iter().filter(|kept| kept.origin == Origin::Streamed) {
                contacts.add_event(&self.spec, &kept.logged);
            }
            self.join_contacts(&disk, key, &contacts)?;
            if base.is_none() && events.is_empty() {
                return Ok(());
            }
            loaded.n_customers += 1;
            if let Some(base) = base {
                bases.write(key.bytes().as_slice(), base).map_err(&write)?;
            }
            for Kept { origin, logged, bytes } in events {
                log.write(log_key(key, &logged), record(origin, &bytes))
                    .map_err(&write)?;
            }
            Ok::<(), StoreError>(())
        };
        let mut streamed = self.before.streamed(&self.spec).peekable();
        let only_streamed = |key| Customer {
            key,
            base: None,
            log: Vec::new(),
            contacts: Ledger::default(),
        };
        let mut last = None;
        for customer in customers {
            let key = customer.key;
            if last.replace(key) >= Some(key) {
                return Err(StoreError::KeyOrder);
            }
            while let Some(other) = next_if(&mut streamed, |other| other < key)? {
                put(only_streamed(other.key), Some(other))?;
            }
            put(customer, next_if(&mut streamed, |other| other == key)?)?;
        }
        while let Some(other) = next_if(&mut streamed, |_| true)? {
            put(only_streamed(other.key), Some(other))?;
        }
        bases.finish().map_err(&write)?;
        log.finish().map_err(&write)?;
        disk.put_header(&self.header)?;
        Ok(loaded)
    }

    /// Adds contacts that the data tell of to those that were known before.
    fn join_contacts(&self, disk: &Disk, key: CustomerKey, contacts: &Ledger) -> Result<(), StoreError> {
        if contacts.last_at().is_none() {
            return Ok(());
        }
        let mut ledger = disk.ledger(key)?;
        ledger.join(&self.spec, contacts);
        disk.ledgers
            .insert(key.bytes(), ledger.to_bytes())
            .map_err(StoreError::engine("write"))
    }
}

fn next_if(
    streamed: &mut Peekable<Customers<'_>>,
    wanted: impl Fn(CustomerKey) -> bool,
) -> Result<Option<Streamed>, StoreError> {
    streamed
        .next_if(|next| next.as_ref().map_or(true, |next| wanted(next.key)))
        .transpose()
}
