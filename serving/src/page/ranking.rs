//! Everyone in the store, in the order of what acting would save.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use percorso_churn::ChurnScore;
use percorso_journey::{CustomerKey, Timestamp};
use percorso_next_action::Evidence;
use percorso_scoring::{ActBy, Language};

use crate::{DecisionRequest, Error, Question, ScoringService};

/// The churn target that the list tells: the spec's first.
pub(super) const TARGET: usize = 0;

/// One customer of the list.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    pub(super) key: CustomerKey,
    /// `None` where the question has no meaning for the customer.
    pub(super) churn: Option<ChurnScore>,
    pub(super) value_at_risk: Option<f64>,
    /// Position of the stage the customer is in.
    pub(super) stage: Option<u16>,
    /// Position of the recommended action; `None` for nothing.
    pub(super) action: Option<u16>,
    /// What it brings in beyond doing nothing, its cost taken off.
    pub(super) gain: f64,
    pub(super) evidence: Evidence,
    pub(super) act_by: Option<ActBy>,
}

/// Everyone at one moment.
pub(super) struct Ranking {
    pub(super) as_of: Timestamp,
    /// The versions that score and decide.
    pub(super) versions: Versions,
    pub(super) listed: Vec<Listed>,
    /// Main reasons that were asked for before, by customer and language.
    reasons: Mutex<HashMap<(CustomerKey, Language), Option<String>>>,
    /// Customers of whom something was decided since; they keep their places.
    since: Mutex<HashMap<CustomerKey, Listed>>,
}

/// The model versions that a ranking is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Versions {
    scores: String,
    decides: Option<String>,
}

impl Versions {
    /// Those that serve now; `None` when none scores.
    pub(super) fn serving(service: &ScoringService) -> Option<Self> {
        Some(Self {
            scores: service.model()?.version().to_owned(),
            decides: service.policy().map(|model| model.version().to_owned()),
        })
    }
}

impl Ranking {
    /// Ranks everyone; `None` when it is told to stop.
    ///
    /// # Errors
    /// - no model is loaded, or the store fails.
    pub(super) fn of(service: &ScoringService, goes_on: impl Fn() -> bool) -> Result<Option<Self>, Error> {
        let versions = Versions::serving(service).ok_or(Error::NoModel)?;
        let as_of = service.now();
        let keys = service.store().customers()?;
        let mut listed = Vec::with_capacity(keys.len());
        for key in keys {
            if !goes_on() {
                return Ok(None);
            }
            match Listed::of(service, key) {
                Ok(one) => listed.push(one),
                // Who cannot be scored now, such as one whose events all lie ahead, is left out and does not stop the rest.
                Err(Error::NothingBefore { .. } | Error::UnknownCustomer) => {}
                Err(error) => return Err(error),
            }
        }
        listed.sort_by(in_order);
        Ok(Some(Self {
            as_of,
            versions,
            listed,
            reasons: Mutex::default(),
            since: Mutex::default(),
        }))
    }

    /// Tells a customer anew, at the same place.
    pub(super) fn tell_anew(&self, listed: Listed) {
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        since.insert(listed.key, listed);
    }

    /// A customer as last told.
    pub(super) fn latest(&self, listed: &Listed) -> Listed {
        let since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        since.get(&listed.key).unwrap_or(listed).clone()
    }

    /// What moves the customer's chance of leaving most, in words; asked of the model once.
    pub(super) fn reason(&self, service: &ScoringService, key: CustomerKey, language: Language) -> Option<String> {
        let known = || self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reason) = known().get(&(key, language)) {
            return reason.clone();
        }
        let reason = service.main_reason(key, TARGET, language).ok().flatten();
        known().insert((key, language), reason.clone());
        reason
    }
}

impl Listed {
    /// A customer as of now.
    ///
    /// # Errors
    /// - no model is loaded, nothing is known of the customer, or the store fails.
    pub(super) fn of(service: &ScoringService, key: CustomerKey) -> Result<Self, Error> {
        let answer = service.score(key, Question::default())?;
        let request = DecisionRequest {
            customer: key,
            id: service.decision_id(""),
            channels: Vec::new(),
        };
        let record = service.would_list(&request)?.record;
        let choice = record.choice();
        let actions = service.spec().actions();
        let position = |name: &str| (0..).zip(actions).find(|(_, action)| action.name == name);
        let history = service.store().history(key)?.ok_or(Error::UnknownCustomer)?;
        let action = choice.action.as_ref();
        Ok(Self {
            key,
            churn: answer.scores.churn.get(TARGET).copied().flatten(),
            value_at_risk: answer.scores.value_at_risk.get(TARGET).copied().flatten(),
            stage: history.state().path().current(),
            action: action.and_then(|named| position(&named.name)).map(|(at, _)| at),
            gain: choice.gain,
            evidence: choice.evidence,
            act_by: record.act_by,
        })
    }

    pub(super) fn chance(&self) -> f64 {
        self.churn.map_or(0.0, |churn| churn.probability)
    }
}

/// Who acting saves most for comes first; among equals who has more to lose, then who is likelier to leave.
pub(super) fn in_order(left: &Listed, right: &Listed) -> Ordering {
    let value = |listed: &Listed| listed.value_at_risk.unwrap_or(0.0);
    let by_gain = right.gain.total_cmp(&left.gain);
    let by_value = value(right).total_cmp(&value(left));
    let by_chance = right.chance().total_cmp(&left.chance());
    by_gain.then(by_value).then(by_chance).then(left.key.cmp(&right.key))
}

/// The ranking that the page reads.
#[derive(Default)]
pub(super) struct Current(std::sync::RwLock<Option<Arc<Ranking>>>);

impl Current {
    /// The ranking; `None` before there is one.
    pub(super) fn get(&self) -> Option<Arc<Ranking>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Shows another ranking from now on.
    pub(super) fn show(&self, ranking: Ranking) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(ranking));
    }
}
