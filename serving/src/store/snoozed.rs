//! Customers whom someone put off: until a day they stand in no list unless asked for.

use std::collections::{BTreeMap, HashMap};

use fjall::OwnedWriteBatch;
use percorso_journey::{ByteReader, CustomerKey};

use super::decided::Day;
use super::disk::Disk;
use super::{Shelf, Store, StoreError};
use crate::store::writer::Receipt;

/// The day until which each is put off.
pub(super) type Snoozes = HashMap<CustomerKey, Day>;

impl Disk {
    /// Everyone who was put off.
    pub(super) fn snoozed(&self) -> Result<Snoozes, StoreError> {
        let mut snoozes = Snoozes::new();
        for found in self.snoozes.iter() {
            let (key, value) = found.into_inner().map_err(StoreError::engine("read"))?;
            let key = ByteReader::new(&key, "key of a record").array()?;
            let mut from = ByteReader::new(&value, "snooze");
            snoozes.insert(CustomerKey::from_bytes(key), from.i64()?);
            from.end()?;
        }
        Ok(snoozes)
    }

    /// Puts customers off until a day, or no longer.
    pub(super) fn snooze(&self, batch: &mut OwnedWriteBatch, snoozes: &BTreeMap<CustomerKey, Option<Day>>) {
        for (key, until) in snoozes {
            match until {
                Some(day) => batch.insert(&self.snoozes, key.bytes().as_slice(), day.to_le_bytes()),
                None => batch.remove(&self.snoozes, key.bytes().as_slice()),
            }
        }
    }
}

impl Shelf {
    /// Shows who is put off, as the disk has it now.
    pub(super) fn show_snoozed(&self, snoozes: BTreeMap<CustomerKey, Option<Day>>) {
        let mut known = self.snoozes.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        for (key, until) in snoozes {
            match until {
                Some(day) => known.insert(key, day),
                None => known.remove(&key),
            };
        }
    }
}

impl Store {
    /// Puts a customer off until a day; with none, no longer.
    ///
    /// # Errors
    /// - too many calls wait already, or the store is closed.
    pub(crate) fn snooze(&self, key: CustomerKey, until: Option<Day>) -> Result<Receipt<()>, StoreError> {
        self.writer.snooze(key, until)
    }

    /// Who is put off on a day, and until when.
    pub(crate) fn snoozed_on(&self, today: Day) -> HashMap<CustomerKey, Day> {
        let known = self
            .shelf
            .snoozes
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        known
            .iter()
            .filter(|(_, until)| today < **until)
            .map(|(key, until)| (*key, *until))
            .collect()
    }

    /// Until when a customer is put off on a day; `None` when they are not.
    pub(crate) fn snoozed_until(&self, key: CustomerKey, today: Day) -> Option<Day> {
        let known = self
            .shelf
            .snoozes
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        known.get(&key).copied().filter(|until| today < *until)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use percorso_journey::{Spec, text};

    use super::*;

    #[test]
    fn a_snooze_outlives_the_process_and_a_load_and_an_older_store_opens_without_any() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("store");
        let spec = Arc::new(Spec::parse(text::SMALL_SPEC).unwrap());
        let load = || Store::create(&dir, &spec, text::day(0)).unwrap().finish().unwrap();
        load();
        // As versions before snoozes made it: of the same header, without their keyspace.
        let header = {
            let database = fjall::Database::builder(&dir).open().unwrap();
            let meta = database
                .keyspace("meta", fjall::KeyspaceCreateOptions::default)
                .unwrap();
            meta.get("header").unwrap().unwrap()
        };
        std::fs::remove_dir_all(&dir).unwrap();
        let database = fjall::Database::builder(&dir).open().unwrap();
        for name in [
            "meta",
            "bases",
            "log",
            "ledgers",
            "days",
            "decisions",
            "states",
            "responses",
        ] {
            let keyspace = database.keyspace(name, fjall::KeyspaceCreateOptions::default).unwrap();
            if name == "meta" {
                keyspace.insert("header", &*header).unwrap();
            }
        }
        database.persist(fjall::PersistMode::SyncAll).unwrap();
        drop(database);
        let key = |byte| CustomerKey::from_bytes([byte; 16]);
        let store = Store::open(&dir, &spec, 0).unwrap();
        assert!(store.snoozed_on(0).is_empty());
        for (byte, until) in [(1, Some(10)), (2, Some(20)), (3, Some(30)), (3, None)] {
            store.snooze(key(byte), until).unwrap().wait().unwrap();
        }
        let snoozed = |store: &Store, today| {
            let mut keys: Vec<CustomerKey> = store.snoozed_on(today).into_keys().collect();
            keys.sort();
            keys
        };
        assert_eq!(snoozed(&store, 9), [key(1), key(2)]);
        drop(store);
        load();
        let store = Store::open(&dir, &spec, 0).unwrap();
        assert_eq!(snoozed(&store, 9), [key(1), key(2)]);
        assert_eq!(snoozed(&store, 10), [key(2)], "on the day itself they are back");
        assert_eq!(store.snoozed_until(key(2), 19), Some(20));
        assert_eq!(store.snoozed_until(key(2), 20), None);
    }
}
