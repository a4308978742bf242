//! What everyone who ever bought had bought by each cut-off, and what they bought after it.

use std::collections::BTreeMap;

use percorso_journey::state::PurchaseDays;
use percorso_journey::{CustomerKey, JourneyEvent, JourneyState, Spec, Timestamp};
use percorso_learners::Bought;
use percorso_scoring::bought;

/// Purchasers by cut-off.
#[derive(Debug, Default)]
pub(crate) struct PurchaseHistory {
    purchasers: BTreeMap<Timestamp, Vec<Purchaser>>,
}

/// One customer who had bought by a cut-off.
#[derive(Clone, Debug)]
pub(crate) struct Purchaser {
    pub(crate) customer: CustomerKey,
    pub(crate) bought: Bought,
    /// Days with a purchase in the spec's longest window from the cut-off on.
    pub(crate) n_days_after: u32,
    /// What was spent on them.
    pub(crate) value_after: f64,
}

impl Purchaser {
    /// The customer at a cut-off; `future` holds their events from there on. `None` for one who had not bought.
    pub(crate) fn of(
        spec: &Spec,
        customer: CustomerKey,
        state: &JourneyState,
        future: &[JourneyEvent],
        as_of: Timestamp,
    ) -> Option<Self> {
        let bought = bought(state, as_of)?;
        let end = as_of.plus_days(i64::from(spec.longest_window_days()));
        let mut after = PurchaseDays::new(spec);
        let within = future.iter().take_while(|event| event.at < end);
        within
            .filter(|event| event.known_at < end)
            .for_each(|event| after.observe(spec, event));
        Some(Self {
            customer,
            bought,
            n_days_after: after.n_days(),
            value_after: after.value(),
        })
    }
}

impl PurchaseHistory {
    pub(crate) fn extend(&mut self, as_of: Timestamp, purchaser: Option<Purchaser>) {
        self.purchasers.entry(as_of).or_default().extend(purchaser);
    }

    pub(crate) fn merge(&mut self, other: Self) {
        for (as_of, purchasers) in other.purchasers {
            self.purchasers.entry(as_of).or_default().extend(purchasers);
        }
    }

    /// In the order of keys, whichever bucket was done first.
    pub(crate) fn sorted(mut self) -> Self {
        for purchasers in self.purchasers.values_mut() {
            purchasers.sort_unstable_by_key(|purchaser| purchaser.customer);
        }
        self
    }

    /// Everyone who had bought by a cut-off, by key.
    pub(crate) fn at(&self, as_of: Timestamp) -> &[Purchaser] {
        self.purchasers.get(&as_of).map_or(&[], Vec::as_slice)
    }

    /// What a customer had bought by a cut-off.
    pub(crate) fn of(&self, as_of: Timestamp, customer: CustomerKey) -> Option<&Bought> {
        let purchasers = self.at(as_of);
        let found = purchasers.binary_search_by_key(&customer, |purchaser| purchaser.customer);
        found.ok().map(|at| &purchasers[at].bought)
    }
}
