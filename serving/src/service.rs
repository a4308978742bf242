//! What the service answers, in the terms of journeys: no wire, no proto.

use std::sync::{Arc, PoisonError, RwLock};

use percorso_journey::{
    CustomerKey, History, HistoryError, JourneyState, KeySecret, LoggedEvent, MICROS_PER_DAY, Spec, Timestamp,
};
use percorso_scoring::{Asked, Explained, Hazards, Reason, ScoreError, Scores, ScoringModel, Scratch, Telling};

use crate::foreseen::KnownForeseen;
use crate::{Clock, Error, Placement, Receipt, Store};

/// Scores journeys by the model that serves, and takes in events.
pub struct ScoringService {
    foreseen: KnownForeseen,
    /// By the model whose policy was promoted, where that is another than the one that scores.
    foreseen_by_policy: KnownForeseen,
    /// Of what the spec declares of decisions.
    declared_digest: [u8; 16],
    store: Store,
    secret: KeySecret,
    model: RwLock<Option<Arc<ScoringModel>>>,
    /// The model whose policy was promoted.
    policy: RwLock<Option<Arc<ScoringModel>>>,
    clock: Clock,
    max_ahead_micros: i64,
}

/// How a customer is to be scored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// Events before this point count; `None` for now, or just after the last event, whichever is later.
    pub as_of: Option<Timestamp>,
    /// Which reasons to give; `None` for none.
    pub telling: Option<Telling>,
}

/// A customer scored; all of it comes from one model version.
pub struct Answer {
    /// The model that answered.
    pub model: Arc<ScoringModel>,
    /// The scores, with the cut-off that was used.
    pub scores: Scores,
    /// The reasons; `None` when none were asked for.
    pub explained: Option<Explained>,
    /// How many events were counted.
    pub n_events: u64,
}

impl ScoringService {
    /// How far after now a cut-off or an event may lie, in days.
    pub const MAX_AHEAD_DAYS: i64 = 1;

    /// The service over a store; it has no model until [`Self::swap_model`].
    pub fn new(store: Store, secret: KeySecret, clock: Clock) -> Self {
        let max_ahead_micros = Self::MAX_AHEAD_DAYS * MICROS_PER_DAY;
        Self {
            foreseen: KnownForeseen::of(store.cached_customers()),
            foreseen_by_policy: KnownForeseen::of(store.cached_customers()),
            declared_digest: store.spec().actions_digest(),
            store,
            secret,
            model: RwLock::new(None),
            policy: RwLock::new(None),
            clock,
            max_ahead_micros,
        }
    }

    /// The spec of the business served.
    pub fn spec(&self) -> &Arc<Spec> {
        self.store.spec()
    }

    /// The model that serves; `None` when none is loaded.
    pub fn model(&self) -> Option<Arc<ScoringModel>> {
        self.model.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets a model serve from now on; answers under way keep the one they began with.
    pub fn swap_model(&self, model: Arc<ScoringModel>) {
        *self.model.write().unwrap_or_else(PoisonError::into_inner) = Some(model);
    }

    /// The model whose policy was promoted; `None` when none was.
    pub fn policy(&self) -> Option<Arc<ScoringModel>> {
        self.policy.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets a model's effects be acted on from now on; with none, only what the spec declares.
    pub fn swap_policy(&self, model: Option<Arc<ScoringModel>>) {
        *self.policy.write().unwrap_or_else(PoisonError::into_inner) = model;
    }

    /// The key of a customer id.
    pub fn key_of(&self, customer_id: &str) -> CustomerKey {
        self.secret.key_of(customer_id)
    }

    /// The latest time an event or a cut-off may bear.
    pub fn latest(&self) -> Timestamp {
        Timestamp::from_micros(self.now().micros().saturating_add(self.max_ahead_micros))
    }

    /// True when scoring this customer needs no disk.
    pub fn is_in_memory(&self, key: CustomerKey) -> bool {
        self.store.cached(key).is_some()
    }

    /// The scores of a customer, from the events kept of them.
    ///
    /// # Errors
    /// - no model is loaded, or no event is kept of the customer;
    /// - `as_of` lies too far ahead, or before the events that are kept;
    /// - the store fails.
    pub fn score(&self, key: CustomerKey, question: Question) -> Result<Answer, Error> {
        let model = self.model().ok_or(Error::NoModel)?;
        let history = self.store.history(key)?.ok_or(Error::UnknownCustomer)?;
        let as_of = self.as_of(question.as_of, history.state())?;
        if history.state().is_of_the_past(as_of) {
            return self.foreseen.asking(key, &history, &Arc::clone(&model), |foreseen| {
                answer(model, history.state(), as_of, &mut foreseen.hazards, question.telling)
            });
        }
        let state = state_before(&history, as_of)?;
        answer(model, &state, as_of, &mut Hazards::default(), question.telling)
    }

    /// What moves one of a customer's chances of leaving most, strongest first; nothing where it is not answered.
    ///
    /// # Errors
    /// - no model is loaded, or no event is kept of the customer;
    /// - the store fails.
    pub fn reasons(&self, key: CustomerKey, target: usize, telling: Telling) -> Result<Vec<Reason>, Error> {
        let model = self.model().ok_or(Error::NoModel)?;
        let history = self.store.history(key)?.ok_or(Error::UnknownCustomer)?;
        let as_of = self.as_of(None, history.state())?;
        let asked = Asked::Churn(target);
        with_scratch(|scratch| model.reasons(history.state(), as_of, asked, telling, scratch)).map_err(refused)
    }

    /// The scores of a journey given in full, in any order; nothing of it is kept.
    ///
    /// Of two events with the same id the first given counts; events without one all count.
    ///
    /// # Errors
    /// - no model is loaded;
    /// - `as_of` lies too far ahead, or no event before it.
    pub fn score_inline(&self, events: Vec<LoggedEvent>, question: Question) -> Result<Answer, Error> {
        let model = self.model().ok_or(Error::NoModel)?;
        let events = in_order(events);
        let mut whole = JourneyState::new(Arc::clone(self.spec()));
        let mut observe = |event: &LoggedEvent| whole.observe(&event.event).expect("the events were put in order");
        match question.as_of {
            None => events.iter().for_each(&mut observe),
            Some(as_of) => events
                .iter()
                .filter(|logged| logged.event.at < as_of && logged.event.known_at <= as_of)
                .for_each(&mut observe),
        }
        let as_of = self.as_of(question.as_of, &whole)?;
        answer(model, &whole, as_of, &mut Hazards::default(), question.telling)
    }

    /// Hands events over to be placed and made durable.
    ///
    /// # Errors
    /// - too many events wait already, or the store is closed.
    pub fn ingest(&self, events: Vec<(CustomerKey, LoggedEvent)>) -> Result<Receipt<Vec<Placement>>, Error> {
        Ok(self.store.ingest(events)?)
    }

    /// Puts a customer off for so many days, today counted; with none, no longer.
    ///
    /// # Errors
    /// - the store fails.
    pub(crate) async fn snooze(&self, key: CustomerKey, days: u16) -> Result<(), Error> {
        let until = (days > 0).then(|| self.today() + i64::from(days));
        Ok(self.store.snooze(key, until)?.answer().await?)
    }

    /// The day it is for the business, counted from 1970-01-01.
    pub(crate) fn today(&self) -> i64 {
        self.now().local_day(self.spec().time_zone())
    }

    /// Writes what waits and closes the store; scores can still be asked for, events no longer sent.
    ///
    /// # Errors
    /// - the disk refuses; acknowledged events are safe all the same.
    pub fn close(&self) -> Result<(), Error> {
        Ok(self.store.close()?)
    }

    pub(crate) const fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) const fn declared_digest(&self) -> [u8; 16] {
        self.declared_digest
    }

    /// What a model that decides has foreseen: the one that scores shares it, another has its own.
    pub(crate) fn foreseen_by(&self, model: &Arc<ScoringModel>) -> &KnownForeseen {
        let is_champion = self.model().is_some_and(|champion| Arc::ptr_eq(&champion, model));
        if is_champion {
            &self.foreseen
        } else {
            &self.foreseen_by_policy
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    pub(crate) fn as_of(&self, asked: Option<Timestamp>, state: &JourneyState) -> Result<Timestamp, Error> {
        let Some(as_of) = asked else {
            let now = self.now();
            let just_after = |last_at: Timestamp| Timestamp::from_micros(last_at.micros() + 1);
            let after_all = state.last_at().map_or(now, |last_at| now.max(just_after(last_at)));
            return Ok(state
                .last_known_at()
                .map_or(after_all, |known_at| after_all.max(known_at)));
        };
        let latest = self.latest();
        if as_of <= latest {
            Ok(as_of)
        } else {
            Err(Error::AsOfTooLate { as_of, latest })
        }
    }
}

pub(crate) fn state_before(history: &History, as_of: Timestamp) -> Result<JourneyState, Error> {
    history.state_before(as_of).map_err(|error| match error {
        HistoryError::TooOld { as_of, base_at } => Error::AsOfTooEarly { as_of, base_at },
        error => Error::Store(error.into()),
    })
}

/// Events in the order of folding, each id once.
fn in_order(events: Vec<LoggedEvent>) -> Vec<LoggedEvent> {
    let mut known = std::collections::BTreeSet::new();
    let mut events: Vec<LoggedEvent> = events
        .into_iter()
        .filter(|logged| logged.event_id.is_empty() || known.insert(logged.event_id.clone()))
        .collect();
    events.sort_by_cached_key(LoggedEvent::order);
    events
}

thread_local! {
    static SCRATCH: std::cell::RefCell<Scratch> = std::cell::RefCell::default();
}

/// Lends this thread's buffers.
pub(crate) fn with_scratch<T>(ask: impl FnOnce(&mut Scratch) -> T) -> T {
    SCRATCH.with_borrow_mut(ask)
}

fn answer(
    model: Arc<ScoringModel>,
    state: &JourneyState,
    as_of: Timestamp,
    hazards: &mut Hazards,
    telling: Option<Telling>,
) -> Result<Answer, Error> {
    with_scratch(|scratch| {
        let scores = model.score_again(state, as_of, hazards, scratch).map_err(refused)?;
        let explained = telling
            .map(|telling| model.explain(state, &scores, telling, scratch))
            .transpose()
            .map_err(refused)?;
        Ok(Answer {
            scores,
            explained,
            n_events: state.n_events(),
            model,
        })
    })
}

fn refused(error: ScoreError) -> Error {
    match error {
        ScoreError::NoEvents { as_of } => Error::NothingBefore { as_of },
        ScoreError::HoldsTheFuture(_) => unreachable!("the state holds only events before the cut-off"),
    }
}
