//! A group of calls on its way to the disk: what they change, in the order in which they came, written whole or not at all.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use fjall::{OwnedWriteBatch, PersistMode};
use percorso_journey::{ByteWriter, CustomerKey, History, HistoryError, Insertion, LoggedEvent};
use percorso_next_action::decide::{Ledger, Made, Today};

use super::decided::{Day, DecisionId, Outcome, Proposal, Recorded, Response};
use super::disk::{Origin, log_key, record, response_key};
use super::writer::Placement;
use super::{Shelf, StoreError};

/// Drafts of all that the group changes.
pub(super) struct Group<'a> {
    shelf: &'a Shelf,
    histories: BTreeMap<CustomerKey, Draft<History>>,
    ledgers: BTreeMap<CustomerKey, Draft<Ledger>>,
    days: BTreeMap<Day, Draft<Today>>,
    decisions: BTreeMap<DecisionId, Vec<u8>>,
    responses: BTreeMap<(DecisionId, u8), Vec<u8>>,
    snoozes: BTreeMap<CustomerKey, Option<Day>>,
    /// Digests of the states that the disk keeps once the group is written.
    states: Vec<[u8; 16]>,
    batch: OwnedWriteBatch,
}

struct Draft<T> {
    of: T,
    is_changed: bool,
}

impl<'a> Group<'a> {
    pub(super) fn new(shelf: &'a Shelf) -> Self {
        Self {
            shelf,
            histories: BTreeMap::new(),
            ledgers: BTreeMap::new(),
            days: BTreeMap::new(),
            decisions: BTreeMap::new(),
            responses: BTreeMap::new(),
            snoozes: BTreeMap::new(),
            states: Vec::new(),
            batch: shelf.disk.batch().durability(Some(PersistMode::SyncData)),
        }
    }

    /// Puts events in their places; all that can fail is reading, and then nothing is placed.
    pub(super) fn place(&mut self, events: Vec<(CustomerKey, LoggedEvent)>) -> Result<Vec<Placement>, StoreError> {
        for (key, logged) in &events {
            self.fetch_history(*key)?;
            if Made::of(&self.shelf.spec, logged).is_some() {
                self.ledger(*key)?;
            }
        }
        let place = |(key, logged): (CustomerKey, LoggedEvent)| {
            // A contact counts also where its event comes too late for the history.
            if let Some(ledger) = self.ledgers.get_mut(&key) {
                ledger.is_changed |= ledger.of.add_event(&self.shelf.spec, &logged);
            }
            let draft = self.histories.get_mut(&key).expect("fetched above");
            match draft.of.insert(logged.clone()) {
                Ok(Insertion::Appended | Insertion::Refolded) => {
                    draft.is_changed = true;
                    let event = record(Origin::Streamed, &logged.to_bytes());
                    self.batch.insert(&self.shelf.disk.log, log_key(key, &logged), event);
                    Placement::Accepted
                }
                Ok(Insertion::Duplicate) => Placement::Duplicate,
                Err(HistoryError::TooLate { .. }) => Placement::TooLate,
                Err(error @ (HistoryError::TooOld { .. } | HistoryError::Disorder(_))) => {
                    unreachable!("whatever is not too late comes after the base, which was checked when read: {error}")
                }
            }
        };
        Ok(events.into_iter().map(place).collect())
    }

    /// Takes in a decision if nothing has happened since it was made, and counts its contact, in one step.
    pub(super) fn decide(&mut self, proposal: Proposal) -> Result<Outcome, StoreError> {
        let Proposal {
            id,
            customer,
            seen,
            at,
            day,
            action,
            record,
            state_digest,
            state,
        } = proposal;
        if let Some(before) = self.decision(id)? {
            return Ok(Outcome::Repeated(before));
        }
        let n_events = match self.histories.get(&customer) {
            Some(draft) => draft.of.state().n_events(),
            None => self
                .shelf
                .history(customer)?
                .map_or(0, |history| history.state().n_events()),
        };
        if n_events != seen.n_events || self.ledger(customer)?.of.version() != seen.ledger {
            return Ok(Outcome::Stale);
        }
        let spec = Arc::clone(&self.shelf.spec);
        // Whatever was chosen: asked of the choice alone, those that are full would be missing from what chance chose.
        if self.day(day)?.of.full(&spec) != seen.full {
            return Ok(Outcome::Stale);
        }
        // What can fail has been read: from here on, all of it is taken in.
        let is_known = state.is_none() || self.shelf.disk.has_state(&state_digest)?;
        if let Some(action) = action {
            let today = self.day(day)?;
            today.of.add(&spec, action);
            today.is_changed = true;
            let made = Made {
                at,
                action: Some(spec.actions()[usize::from(action)].id),
                decision: Some(id.category()),
                event: None,
                is_loaded: false,
            };
            let ledger = self.ledger(customer)?;
            ledger.is_changed |= ledger.of.add(&spec, made);
        }
        if let Some(state) = state {
            if !is_known {
                let states = &self.shelf.disk.states;
                self.batch.insert(states, state_digest.as_slice(), state);
            }
            self.states.push(state_digest);
        }
        self.decisions.insert(id, record);
        Ok(Outcome::Logged)
    }

    /// Takes in a response, unless one of its kind was recorded before.
    pub(super) fn respond(&mut self, id: DecisionId, response: &Response) -> Result<Recorded, StoreError> {
        if self.decision(id)?.is_none() {
            return Ok(Recorded::UnknownDecision);
        }
        let place = (id, response.kind.number());
        if self.responses.contains_key(&place) || self.shelf.disk.has_response(id, response.kind)? {
            return Ok(Recorded::Before);
        }
        let mut to = ByteWriter::default();
        to.i64(response.at.micros());
        to.text(&response.reason);
        self.responses.insert(place, to.into_bytes());
        Ok(Recorded::New)
    }

    /// Puts a customer off until a day; with none, no longer.
    pub(super) fn snooze(&mut self, key: CustomerKey, until: Option<Day>) {
        self.snoozes.insert(key, until);
    }

    /// Writes all changes whole and syncs them, or leaves the disk as it is; then shows them. Tells whose histories changed.
    pub(super) fn commit(mut self) -> Result<Vec<CustomerKey>, StoreError> {
        let disk = &self.shelf.disk;
        self.histories.retain(|_, draft| draft.is_changed);
        self.ledgers.retain(|_, draft| draft.is_changed);
        self.days.retain(|_, draft| draft.is_changed);
        for (key, ledger) in &self.ledgers {
            self.batch
                .insert(&disk.ledgers, key.bytes().as_slice(), ledger.of.to_bytes());
        }
        for (day, today) in &self.days {
            self.batch.insert(&disk.days, day.to_be_bytes(), today.of.to_bytes());
        }
        for (id, record) in self.decisions {
            self.batch.insert(&disk.decisions, id.bytes().as_slice(), record);
        }
        for ((id, kind), response) in self.responses {
            self.batch.insert(&disk.responses, response_key(id, kind), response);
        }
        disk.snooze(&mut self.batch, &self.snoozes);
        self.shelf.write(self.batch)?;
        self.shelf.show_snoozed(self.snoozes);
        let changed: Vec<CustomerKey> = self.histories.keys().copied().collect();
        for (key, draft) in self.histories {
            self.shelf.cache.insert(key, Arc::new(draft.of));
        }
        for (key, draft) in self.ledgers {
            self.shelf.ledgers.insert(key, Arc::new(draft.of));
        }
        for digest in self.states {
            self.shelf.states.insert(digest, ());
        }
        let days = self.days.into_iter();
        self.shelf.show(days.map(|(day, draft)| (day, draft.of)));
        Ok(changed)
    }

    fn decision(&self, id: DecisionId) -> Result<Option<Vec<u8>>, StoreError> {
        match self.decisions.get(&id) {
            Some(record) => Ok(Some(record.clone())),
            None => self.shelf.disk.decision(id),
        }
    }

    fn fetch_history(&mut self, key: CustomerKey) -> Result<(), StoreError> {
        let Entry::Vacant(place) = self.histories.entry(key) else {
            return Ok(());
        };
        let kept = match self.shelf.cache.get(&key) {
            Some(history) => Some(History::clone(&history)),
            None => self.shelf.disk.history(&self.shelf.spec, key)?,
        };
        place.insert(Draft {
            of: kept.unwrap_or_else(|| History::new(Arc::clone(&self.shelf.spec))),
            is_changed: false,
        });
        Ok(())
    }

    fn ledger(&mut self, key: CustomerKey) -> Result<&mut Draft<Ledger>, StoreError> {
        match self.ledgers.entry(key) {
            Entry::Occupied(place) => Ok(place.into_mut()),
            Entry::Vacant(place) => Ok(place.insert(Draft {
                of: Ledger::clone(&*self.shelf.ledger(key)?),
                is_changed: false,
            })),
        }
    }

    fn day(&mut self, day: Day) -> Result<&mut Draft<Today>, StoreError> {
        match self.days.entry(day) {
            Entry::Occupied(place) => Ok(place.into_mut()),
            Entry::Vacant(place) => Ok(place.insert(Draft {
                of: Today::clone(&*self.shelf.today(day)?),
                is_changed: false,
            })),
        }
    }
}
