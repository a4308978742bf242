//! Which customers a list is wanted of, and in what order.

use percorso_journey::CustomerKey;
use percorso_scoring::Order;

use super::{Accounts, Listed, Ranking};

/// What a list is asked for; by default everyone, who acting saves most for first.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Wanted {
    /// Whose id is this or holds it, or whose key is this; everyone when empty.
    pub(crate) search: String,
    /// Whose account manager this is.
    pub(crate) owner: Option<String>,
    /// Position of the stage they are in; when it is not asked for, any but the leaving one.
    pub(crate) stage: Option<u16>,
    pub(crate) doing: Doing,
    /// Who is at least so likely to leave.
    pub(crate) at_least: Option<f64>,
    /// Whether those are wanted whom someone put off, or the others.
    pub(crate) snoozed: Snoozed,
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

/// Who is wanted of those who are put off until a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Snoozed {
    #[default]
    Without,
    Only,
}

impl Wanted {
    /// The customers asked for, in the order asked for.
    pub(crate) fn of<'a>(&self, ranking: &'a Ranking, accounts: &Accounts) -> Vec<&'a Listed> {
        let places = self.places(ranking, accounts);
        places.into_iter().map(|at| &ranking.listed[at as usize]).collect()
    }

    /// The positions in the ranking of the customers asked for, in the order asked for.
    pub(super) fn places(&self, ranking: &Ranking, accounts: &Accounts) -> Vec<u32> {
        let is_named = self.is_named(accounts);
        let leaving = accounts.service.spec().leaving_stage();
        let is_theirs = |key| {
            self.owner.as_deref().is_none_or(|owner| {
                let person = accounts.people.of(key);
                person.is_some_and(|person| person.owner.as_deref() == Some(owner))
            })
        };
        let snoozed = accounts.service.store().snoozed_on(accounts.service.today());
        let is_awake = |key| snoozed.is_empty() || !snoozed.contains_key(&key);
        let is_here = |key| match self.snoozed {
            Snoozed::Without => is_awake(key),
            Snoozed::Only => !is_awake(key),
        };
        let is_asked = |(_, listed): &(u32, &Listed)| {
            let is_action = match self.doing {
                Doing::Anything => true,
                Doing::Nothing => listed.action.is_none(),
                Doing::This(action) => listed.action == Some(action),
            };
            let is_likely = self.at_least.is_none_or(|least| listed.reaches(least));
            let is_stage = match self.stage {
                Some(stage) => listed.stage == Some(stage),
                // Who has left is looked after no more, and is listed for those who ask for them.
                None => listed.stage != Some(leaving),
            };
            is_action && is_likely && is_stage && is_here(listed.key) && is_theirs(listed.key) && is_named(listed.key)
        };
        let mut places: Vec<u32> = (0..).zip(&ranking.listed).filter(is_asked).map(|(at, _)| at).collect();
        // That is the order of the ranking.
        if self.order != Order::Gain {
            let listed = |at: &u32| &ranking.listed[*at as usize];
            places.sort_by(|left, right| listed(left).compare(listed(right), self.order));
        }
        places
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
