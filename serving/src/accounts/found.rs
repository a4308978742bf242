//! What a filter finds of a ranking, found once: pages of the list, and every cut-off on the chance of leaving, are read off it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use percorso_journey::CustomerKey;

use super::{Accounts, CutOffs, Listed, Ranking, Wanted};

/// So many filters stay in memory, the last ones asked for; of 500,000 customers each takes 10 MB.
const MAX_KNOWN: usize = 12;

/// The customers whom a filter asks for, whatever their chance of leaving, in the order asked for.
pub(crate) struct Found {
    wanted: Wanted,
    /// Who was put off when it was found.
    snoozed: HashMap<CustomerKey, i64>,
    places: Vec<u32>,
    /// By place; NaN where the question has no meaning.
    chances: Vec<f64>,
    /// By place; 0 where nothing of value was bought.
    values: Vec<f64>,
    pub(crate) cut_offs: CutOffs,
}

/// How much there is of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Extent {
    pub(crate) n_customers: usize,
    /// How many of them are expected to leave.
    pub(crate) leavers: f64,
    pub(crate) value_at_risk: f64,
}

/// What was found of a ranking.
#[derive(Default)]
pub(super) struct KnownFound(Mutex<Vec<Arc<Found>>>);

impl Ranking {
    /// What a filter finds, its cut-off aside.
    pub(crate) fn found(&self, wanted: &Wanted, accounts: &Accounts) -> Arc<Found> {
        let wanted = Wanted {
            at_least: None,
            ..wanted.clone()
        };
        let snoozed = accounts.service.store().snoozed_on(accounts.service.today());
        let known = || self.found.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = |found: &&Arc<Found>| found.wanted == wanted && found.snoozed == snoozed;
        if let Some(found) = known().iter().find(is_same) {
            return Arc::clone(found);
        }
        let found = Arc::new(Found::of(wanted, snoozed, self, accounts));
        let mut known = known();
        if known.len() >= MAX_KNOWN {
            known.remove(0);
        }
        known.push(Arc::clone(&found));
        found
    }
}

impl Found {
    fn of(wanted: Wanted, snoozed: HashMap<CustomerKey, i64>, ranking: &Ranking, accounts: &Accounts) -> Self {
        let places = wanted.places(ranking, accounts);
        let listed: Vec<&Listed> = places.iter().map(|at| &ranking.listed[*at as usize]).collect();
        Self {
            cut_offs: CutOffs::of(&listed),
            chances: listed
                .iter()
                .map(|listed| listed.churn.map_or(f64::NAN, |churn| churn.probability))
                .collect(),
            values: listed
                .iter()
                .map(|listed| listed.value_at_risk.unwrap_or_default())
                .collect(),
            places,
            wanted,
            snoozed,
        }
    }

    /// How much there is from a chance of leaving on, or in all.
    pub(crate) fn extent(&self, at_least: Option<f64>) -> Extent {
        let mut extent = Extent::default();
        for at in self.reaching(at_least) {
            extent.n_customers += 1;
            let chance = self.chances[at];
            extent.leavers += if chance.is_nan() { 0.0 } else { chance };
            extent.value_at_risk += self.values[at];
        }
        extent
    }

    /// Some of those from a chance of leaving on, or of all.
    pub(crate) fn some<'a>(
        &'a self,
        ranking: &'a Ranking,
        at_least: Option<f64>,
        skipped: usize,
        n_customers: usize,
    ) -> impl Iterator<Item = &'a Listed> {
        let some = self.reaching(at_least).skip(skipped).take(n_customers);
        some.map(|at| &ranking.listed[self.places[at] as usize])
    }

    fn reaching(&self, at_least: Option<f64>) -> impl Iterator<Item = usize> {
        // What is NaN reaches nothing.
        let reaches = move |chance: f64| at_least.is_none_or(|least| chance >= least);
        (0..self.places.len()).filter(move |&at| reaches(self.chances[at]))
    }
}
