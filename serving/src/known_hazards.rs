//! The hazards of customers asked about before: while nothing happens to them, they are asked of the model once.

use std::sync::{Arc, Weak};

use percorso_journey::{CustomerKey, History};
use percorso_scoring::{Hazards, ScoringModel};
use quick_cache::sync::Cache;

/// Hazards by customer, each with the history and the model that it is of.
///
/// A history in memory never changes: an event puts another in its place, so that hazards of it are found to be old.
pub(crate) struct KnownHazards(Cache<CustomerKey, Arc<Known>>);

struct Known {
    history: Weak<History>,
    model: Weak<ScoringModel>,
    hazards: Hazards,
}

impl KnownHazards {
    /// Those of at most so many customers.
    pub(crate) fn of(customers: usize) -> Self {
        Self(Cache::new(customers))
    }

    /// Asks with what is known of this history and model, and keeps what has been learnt of them.
    pub(crate) fn asking<T>(
        &self,
        key: CustomerKey,
        history: &Arc<History>,
        model: &Arc<ScoringModel>,
        ask: impl FnOnce(&mut Hazards) -> T,
    ) -> T {
        let is_current = |known: &Arc<Known>| {
            std::ptr::eq(known.history.as_ptr(), Arc::as_ptr(history))
                && std::ptr::eq(known.model.as_ptr(), Arc::as_ptr(model))
        };
        let known = self.0.get(&key).filter(is_current);
        let mut hazards = known
            .as_ref()
            .map_or_else(Hazards::default, |known| known.hazards.clone());
        let answer = ask(&mut hazards);
        if known.is_none_or(|known| known.hazards != hazards) {
            let known = Known {
                history: Arc::downgrade(history),
                model: Arc::downgrade(model),
                hazards,
            };
            self.0.insert(key, Arc::new(known));
        }
        answer
    }
}
