//! What the form above the list asks.

use percorso_scoring::Order;
use serde::Deserialize;

use crate::accounts::{Accounts, Doing, Listed, Ranking, Wanted};

/// What the form asks, as it was typed; what cannot be read asks nothing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Filter {
    pub(super) search: String,
    pub(super) owner: String,
    pub(super) stage: String,
    pub(super) action: String,
    pub(super) at_least: String,
    pub(super) sort: String,
    pub(super) page: String,
}

/// How a form says that nothing is recommended.
pub(super) const NOTHING: &str = percorso_journey::spec::NOTHING;

impl Filter {
    pub(super) fn order(&self) -> Order {
        Order::named(&self.sort).unwrap_or_default()
    }

    /// The page asked for, from 1.
    pub(super) fn page(&self) -> usize {
        self.page.parse().unwrap_or(1).max(1)
    }

    /// The share that the chance of leaving has to reach; `None` where everyone is wanted.
    pub(super) fn at_least(&self) -> Option<f64> {
        let percent: f64 = self.at_least.trim().replace(',', ".").parse().ok()?;
        percent.is_finite().then(|| percent.clamp(0.0, 100.0) / 100.0)
    }

    /// The customers asked for, in the order asked for.
    pub(super) fn of<'a>(&self, ranking: &'a Ranking, accounts: &Accounts) -> Vec<&'a Listed> {
        let spec = accounts.service.spec();
        let mut named = (0..).zip(spec.actions());
        let doing = match named.find(|(_, action)| action.name == self.action) {
            Some((at, _)) => Doing::This(at),
            None if self.action == NOTHING => Doing::Nothing,
            None => Doing::Anything,
        };
        let wanted = Wanted {
            search: self.search.clone(),
            owner: (!self.owner.is_empty()).then(|| self.owner.clone()),
            stage: spec.stage_named(&self.stage),
            doing,
            at_least: self.at_least(),
            order: self.order(),
        };
        wanted.of(ranking, accounts)
    }
}
