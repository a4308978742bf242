//! Which customers a list is wanted of, and in what order.

use percorso_journey::CustomerKey;
use percorso_scoring::Order;

use super::{Accounts, Listed, Ranking};

/// What a list is asked for; by default everyone, who acting saves most for first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// Whose id is this or holds it, or whose key is this; everyone when empty.
    pub(crate) search: String,
    /// Whose account manager this is.
    pub(crate) owner: Option<String>,
    /// Position of the stage they are in.
    pub(crate) stage: Option<u16>,
    pub(crate) doing: Doing,
    /// Who is at least so likely to leave.
    pub(crate) at_least: Option<f64>,
    pub(crate) order: Order,
}

/// Whether anything is recommended, and what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Doing {
    #[default]
    Anything,
    Nothing,
    /// Position of an action.
    This(u16),
}

impl Wanted {
    /// The customers asked for, in the order asked for.
    pub(crate) fn of<'a>(&self, ranking: &'a Ranking, accounts: &Accounts) -> Vec<&'a Listed> {
        let is_named = self.is_named(accounts);
        let is_theirs = |key| {
            self.owner.as_deref().is_none_or(|owner| {
                let person = accounts.people.of(key);
                person.is_some_and(|person| person.owner.as_deref() == Some(owner))
            })
        };
        let is_asked = |listed: &&Listed| {
            let is_action = match self.doing {
                Doing::Anything => true,
                Doing::Nothing => listed.action.is_none(),
                Doing::This(action) => listed.action == Some(action),
            };
            let is_likely = self
                .at_least
                .is_none_or(|least| listed.churn.is_some_and(|churn| churn.probability >= least));
            let is_stage = self.stage.is_none() || listed.stage == self.stage;
            is_action && is_likely && is_stage && is_theirs(listed.key) && is_named(listed.key)
        };
        let mut listed: Vec<&Listed> = ranking.listed.iter().filter(is_asked).collect();
        // That is the order of the ranking.
        if self.order != Order::Gain {
            listed.sort_by(|left, right| left.compare(right, self.order));
        }
        listed
    }

    fn is_named<'a>(&'a self, accounts: &'a Accounts) -> impl Fn(CustomerKey) -> bool + 'a {
        let wanted = self.search.trim();
        let exactly = accounts.service.key_of(wanted);
        let lower = wanted.to_lowercase();
        let holds_it = move |id: &str| id.to_lowercase().contains(&lower);
        move |key| {
            wanted.is_empty()
                || key == exactly
                || match accounts.people.of(key) {
                    Some(person) => holds_it(&person.id),
                    None => key.to_string() == wanted,
                }
        }
    }
}
