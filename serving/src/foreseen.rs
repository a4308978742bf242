//! What was found of customers asked about before: while nothing happens to them, it is asked of the model once.

use std::sync::{Arc, Weak};

use percorso_journey::{CustomerKey, History};
use percorso_scoring::{Ahead, Hazards, ScoringModel};
use quick_cache::sync::Cache;

/// What depends on a customer's state, or on it and a model, not on when it is asked.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Foreseen {
    pub(crate) hazards: Hazards,
    pub(crate) ahead: Ahead,
    /// The digest of the state's bytes, once a decision was made from it.
    pub(crate) state_digest: Option<[u8; 16]>,
}

/// What was foreseen by customer, each with the history and the model that it is of.
///
/// A history in memory never changes: an event puts another in its place, so that what was foreseen is found to be old.
pub(crate) struct KnownForeseen(Cache<CustomerKey, Arc<Known>>);

struct Known {
    history: Weak<History>,
    model: Weak<ScoringModel>,
    foreseen: Foreseen,
}

impl KnownForeseen {
    /// Of at most so many customers.
    pub(crate) fn of(customers: usize) -> Self {
        Self(Cache::new(customers))
    }

    /// Asks with what is known of this history and model, and keeps what has been learnt of them.
    pub(crate) fn asking<T>(
        &self,
        key: CustomerKey,
        history: &Arc<History>,
        model: &Arc<ScoringModel>,
        ask: impl FnOnce(&mut Foreseen) -> T,
    ) -> T {
        let is_current = |known: &Arc<Known>| {
            std::ptr::eq(known.history.as_ptr(), Arc::as_ptr(history))
                && std::ptr::eq(known.model.as_ptr(), Arc::as_ptr(model))
        };
        let known = self.0.get(&key).filter(is_current);
        let mut foreseen = known
            .as_ref()
            .map_or_else(Foreseen::default, |known| known.foreseen.clone());
        let answer = ask(&mut foreseen);
        if known.is_none_or(|known| known.foreseen != foreseen) {
            let known = Known {
                history: Arc::downgrade(history),
                model: Arc::downgrade(model),
                foreseen,
            };
            self.0.insert(key, Arc::new(known));
        }
        answer
    }
}
