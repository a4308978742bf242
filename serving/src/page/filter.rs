//! Which customers are listed, and in what order: what the form above the list asks.

use std::cmp::Ordering;

use percorso_journey::{CustomerKey, Spec};
use serde::Deserialize;

use super::people::People;
use super::ranking::{Listed, Ranking, in_order};
use crate::ScoringService;

/// What the form asks, as it was typed; what cannot be read asks nothing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Filter {
    pub(super) search: String,
    pub(super) stage: String,
    pub(super) action: String,
    pub(super) at_least: String,
    pub(super) sort: String,
    pub(super) page: String,
}

/// By what the list is sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Sort {
    #[default]
    Gain,
    Chance,
    Value,
    ActBy,
}

impl Sort {
    pub(super) const ALL: [Sort; 4] = [Self::Gain, Self::Chance, Self::Value, Self::ActBy];

    /// As the form says it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Gain => "gain",
            Self::Chance => "chance",
            Self::Value => "value",
            Self::ActBy => "act_by",
        }
    }

    fn compare(self, left: &Listed, right: &Listed) -> Ordering {
        let value = |listed: &Listed| listed.value_at_risk.unwrap_or(f64::NEG_INFINITY);
        // Who has no day comes last.
        let day = |listed: &Listed| listed.act_by.map_or(i64::MAX, |act_by| act_by.at.micros());
        let asked = match self {
            Self::Gain => Ordering::Equal,
            Self::Chance => right.chance().total_cmp(&left.chance()),
            Self::Value => value(right).total_cmp(&value(left)),
            Self::ActBy => day(left).cmp(&day(right)),
        };
        asked.then_with(|| in_order(left, right))
    }
}

/// Whether anything is recommended, and what.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Any,
    Nothing,
    This(u16),
}

/// How a form says that nothing is recommended.
pub(super) const NOTHING: &str = percorso_journey::spec::NOTHING;

impl Filter {
    pub(super) fn sort(&self) -> Sort {
        let named = Sort::ALL.into_iter().find(|sort| sort.name() == self.sort);
        named.unwrap_or_default()
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
    pub(super) fn of<'a>(&self, ranking: &'a Ranking, service: &ScoringService, people: &People) -> Vec<&'a Listed> {
        let spec = service.spec();
        let stage = spec.stage_named(&self.stage);
        let action = self.wanted(spec);
        let at_least = self.at_least();
        let is_named = self.search(service, people);
        let is_asked = |listed: &&Listed| {
            let is_action = match action {
                Wanted::Any => true,
                Wanted::Nothing => listed.action.is_none(),
                Wanted::This(action) => listed.action == Some(action),
            };
            let is_likely = at_least.is_none_or(|least| listed.churn.is_some_and(|churn| churn.probability >= least));
            let is_stage = stage.is_none() || listed.stage == stage;
            is_action && is_likely && is_stage && is_named(listed.key)
        };
        let mut listed: Vec<&Listed> = ranking.listed.iter().filter(is_asked).collect();
        let sort = self.sort();
        if sort != Sort::Gain {
            listed.sort_by(|left, right| sort.compare(left, right));
        }
        listed
    }

    fn wanted(&self, spec: &Spec) -> Wanted {
        let mut named = (0..).zip(spec.actions());
        match named.find(|(_, action)| action.name == self.action) {
            Some((at, _)) => Wanted::This(at),
            None if self.action == NOTHING => Wanted::Nothing,
            None => Wanted::Any,
        }
    }

    /// Who is looked for: whose id is this or holds it, or whose key is this.
    fn search<'a>(&'a self, service: &ScoringService, people: &'a People) -> impl Fn(CustomerKey) -> bool + 'a {
        let wanted = self.search.trim();
        let exactly = service.key_of(wanted);
        let lower = wanted.to_lowercase();
        let holds_it = move |id: &str| id.to_lowercase().contains(&lower);
        move |key| {
            wanted.is_empty()
                || key == exactly
                || match people.of(key) {
                    Some(person) => holds_it(&person.id),
                    None => key.to_string() == wanted,
                }
        }
    }
}
