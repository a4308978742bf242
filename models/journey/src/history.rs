//! A customer's state that can still take in late events.
//!
//! A base state, and the log of events after it: as long as the allowed lateness, so that whatever comes within it can be
//! put in its place and the customer folded again.

use std::sync::Arc;

use crate::{EventOrder, JourneyState, LoggedEvent, ObserveError, Spec, Timestamp};

/// One customer: base state, log after it, and the state that both make.
#[derive(Clone, Debug)]
pub struct History {
    base: JourneyState,
    log: Vec<LoggedEvent>,
    state: JourneyState,
}

/// What inserting an event did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Insertion {
    /// It came last and was folded once.
    Appended,
    /// It came late, within the allowance; the customer was folded again from the base.
    Refolded,
    /// It was there already; nothing changed.
    Duplicate,
}

/// Why an event cannot join a history.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum HistoryError {
    /// It is older than the allowed lateness before the customer's last event.
    #[error("event at {at} is more than {allowed_days} days before the customer's last event, at {last_at}")]
    TooLate {
        /// The event's time.
        at: Timestamp,
        /// The customer's last event.
        last_at: Timestamp,
        /// How late is allowed.
        allowed_days: i64,
    },
    /// The past asked for was folded into the base and can no longer be told apart.
    #[error("the state as of {as_of} is no longer kept; the oldest that can be told is after {base_at}")]
    TooOld {
        /// The cut-off asked for.
        as_of: Timestamp,
        /// The last event in the base.
        base_at: Timestamp,
    },
    /// The log is not in order.
    #[error("the log is not in order")]
    Disorder(#[from] ObserveError),
}

impl History {
    /// The history of a customer of whom nothing is known.
    pub fn new(spec: Arc<Spec>) -> Self {
        let base = JourneyState::new(spec);
        Self {
            state: base.clone(),
            base,
            log: Vec::new(),
        }
    }

    /// The history of a base state and the log after it.
    ///
    /// # Errors
    /// - the log is not in order, or does not come after the base.
    pub fn resume(base: JourneyState, log: Vec<LoggedEvent>) -> Result<Self, HistoryError> {
        let mut state = base.clone();
        for logged in &log {
            state.observe(&logged.event)?;
        }
        Ok(Self { base, log, state })
    }

    /// Puts an event in its place.
    ///
    /// # Errors
    /// - the event is older than the allowed lateness before the customer's last event.
    pub fn insert(&mut self, logged: LoggedEvent) -> Result<Insertion, HistoryError> {
        let at = logged.event.at;
        if let Some(last_at) = self.state.last_at()
            && at < self.oldest_allowed(last_at)
        {
            let allowed_days = self.state.spec().allowed_lateness_days();
            return Err(HistoryError::TooLate {
                at,
                last_at,
                allowed_days,
            });
        }
        if self.log.iter().any(|known| known.event_id == logged.event_id) {
            return Ok(Insertion::Duplicate);
        }
        let order = logged.order();
        let place = self.log.partition_point(|known| known.order() < order);
        if place == self.log.len() && self.follows(&order) {
            self.state.observe(&logged.event)?;
            self.log.push(logged);
            return Ok(Insertion::Appended);
        }
        self.log.insert(place, logged);
        self.state = self.fold_until(None)?;
        Ok(Insertion::Refolded)
    }

    fn follows(&self, order: &EventOrder) -> bool {
        self.state.last_at().is_none_or(|last_at| order.at > last_at)
            || self.log.last().is_some_and(|last| last.order() < *order)
    }

    fn oldest_allowed(&self, last_at: Timestamp) -> Timestamp {
        last_at.plus_days(-self.state.spec().allowed_lateness_days())
    }

    fn fold_until(&self, as_of: Option<Timestamp>) -> Result<JourneyState, HistoryError> {
        let mut state = self.base.clone();
        for logged in &self.log {
            let was_known = |as_of| logged.event.at < as_of && logged.event.known_at <= as_of;
            if as_of.is_none_or(was_known) {
                state.observe(&logged.event)?;
            }
        }
        Ok(state)
    }

    /// Moves the base past every event that can no longer be joined by a late one; returns how many left the log.
    pub fn settle(&mut self) -> usize {
        let Some(last_at) = self.state.last_at() else { return 0 };
        let oldest_allowed = self.oldest_allowed(last_at);
        let settled = self.log.partition_point(|logged| logged.event.at < oldest_allowed);
        for logged in self.log.drain(..settled) {
            self.base
                .observe(&logged.event)
                .expect("the log follows the base in order");
        }
        settled
    }

    /// The state after every event.
    pub const fn state(&self) -> &JourneyState {
        &self.state
    }

    /// The state of the events before `as_of`, as far as they were known by then.
    ///
    /// # Errors
    /// - events at or after `as_of`, or not known by then, were folded into the base already.
    pub fn state_before(&self, as_of: Timestamp) -> Result<JourneyState, HistoryError> {
        match self.base.last_at() {
            Some(base_at) if !self.base.is_of_the_past(as_of) => Err(HistoryError::TooOld { as_of, base_at }),
            _ => self.fold_until(Some(as_of)),
        }
    }

    /// The base state.
    pub const fn base(&self) -> &JourneyState {
        &self.base
    }

    /// The events after the base, in order.
    pub fn log(&self) -> &[LoggedEvent] {
        &self.log
    }
}
