//! Everyone in the store, in the order of what acting would save.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::atomic::{self, AtomicBool};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use percorso_churn::ChurnScore;
use percorso_journey::{CustomerKey, History, Timestamp};
use percorso_next_action::Evidence;
use percorso_scoring::{ActBy, Language, Order, Standing, Telling};

use super::LivedJourneys;
use super::found::KnownFound;
use super::record::Record;
use crate::{DecisionRequest, Error, Question, ScoringService};

/// The churn target that the list tells: the spec's first.
pub(crate) const TARGET: usize = 0;

/// Reasons that stay in memory; those of others are asked of the model each time.
const MAX_KNOWN_REASONS: usize = 20_000;

/// One customer of the list.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) key: CustomerKey,
    /// `None` where the question has no meaning for the customer.
    pub(crate) churn: Option<ChurnScore>,
    pub(crate) value_at_risk: Option<f64>,
    /// Position of the stage the customer is in.
    pub(crate) stage: Option<u16>,
    /// Position of the recommended action; `None` for nothing.
    pub(crate) action: Option<u16>,
    /// What it brings in beyond doing nothing, its cost taken off.
    pub(crate) gain: f64,
    /// What the best action that may be done brings in, also where doing nothing is better; `None` where none may.
    pub(crate) contact_gain: Option<f64>,
    pub(crate) evidence: Evidence,
    pub(crate) act_by: Option<ActBy>,
}

/// Everyone at one moment.
pub(crate) struct Ranking {
    pub(crate) as_of: Timestamp,
    /// The versions that score and decide.
    pub(crate) versions: Versions,
    pub(crate) listed: Vec<Listed>,
    /// How they came to where they are.
    pub(crate) lived: LivedJourneys,
    /// Main reasons that were asked for before, by customer and language.
    reasons: Mutex<HashMap<(CustomerKey, Language), Option<String>>>,
    /// What filters found.
    pub(super) found: KnownFound,
    /// Customers of whom something was decided since; they keep their places.
    since: Mutex<HashMap<CustomerKey, Listed>>,
}

/// The model versions that a ranking is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Versions {
    scores: String,
    decides: Option<String>,
}

impl Versions {
    /// The version that scores.
    pub(super) fn scores(&self) -> &str {
        &self.scores
    }

    /// Those that serve now; `None` when none scores.
    pub(crate) fn serving(service: &ScoringService) -> Option<Self> {
        Some(Self {
            scores: service.model()?.version().to_owned(),
            decides: service.policy().map(|model| model.version().to_owned()),
        })
    }
}

impl Ranking {
    /// The version whose scores these are.
    pub(crate) fn scored_by(&self) -> &str {
        &self.versions.scores
    }

    /// Ranks everyone; `None` when it is told to stop.
    ///
    /// # Errors
    /// - no model is loaded, or the store fails.
    pub(crate) fn of(service: &ScoringService, goes_on: impl Fn() -> bool) -> Result<Option<Self>, Error> {
        let versions = Versions::serving(service).ok_or(Error::NoModel)?;
        let as_of = service.now();
        let keys = service.store().customers()?;
        let mut listed = Vec::with_capacity(keys.len());
        let mut lived = LivedJourneys::of_nobody(service.spec(), as_of);
        for key in keys {
            if !goes_on() {
                return Ok(None);
            }
            match Listed::with_history(service, key) {
                Ok((one, history)) => {
                    lived.add(&history, one.churn.map(|churn| churn.probability));
                    listed.push(one);
                }
                // Who cannot be scored now, such as one whose events all lie ahead, is left out and does not stop the rest.
                Err(Error::NothingBefore { .. } | Error::UnknownCustomer) => {}
                Err(error) => return Err(error),
            }
        }
        listed.sort_by(|left: &Listed, right| left.compare(right, Order::Gain));
        Ok(Some(Self {
            as_of,
            versions,
            listed,
            lived,
            reasons: Mutex::default(),
            found: KnownFound::default(),
            since: Mutex::default(),
        }))
    }

    /// Tells a customer anew, at the same place.
    pub(crate) fn tell_anew(&self, listed: Listed) {
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        since.insert(listed.key, listed);
    }

    /// A customer as last told.
    pub(crate) fn latest(&self, listed: &Listed) -> Listed {
        let since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        since.get(&listed.key).unwrap_or(listed).clone()
    }

    /// What moves the customer's chance of leaving most, in words; asked of the model once, of the first to be asked about.
    pub(crate) fn reason(&self, service: &ScoringService, key: CustomerKey, language: Language) -> Option<String> {
        let known = || self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reason) = known().get(&(key, language)) {
            return reason.clone();
        }
        let telling = Telling { top: 1, language };
        let reasons = service.reasons(key, TARGET, telling).unwrap_or_default();
        let reason = reasons.into_iter().next().map(|reason| reason.text);
        let mut known = known();
        if known.len() < MAX_KNOWN_REASONS {
            known.insert((key, language), reason.clone());
        }
        reason
    }
}

impl Listed {
    /// A customer as of now.
    ///
    /// # Errors
    /// - no model is loaded, nothing is known of the customer, or the store fails.
    pub(crate) fn of(service: &ScoringService, key: CustomerKey) -> Result<Self, Error> {
        Ok(Self::with_history(service, key)?.0)
    }

    fn with_history(service: &ScoringService, key: CustomerKey) -> Result<(Self, Arc<History>), Error> {
        let answer = service.score(key, Question::default())?;
        let request = DecisionRequest {
            customer: key,
            id: service.decision_id(""),
            channels: Vec::new(),
        };
        let record = service.would_list(&request)?.record;
        let choice = record.choice();
        let contact = record.options.iter().find(|option| option.action.is_some());
        let actions = service.spec().actions();
        let position = |name: &str| (0..).zip(actions).find(|(_, action)| action.name == name);
        let history = service.store().history(key)?.ok_or(Error::UnknownCustomer)?;
        let action = choice.action.as_ref();
        let listed = Self {
            key,
            churn: answer.scores.churn.get(TARGET).copied().flatten(),
            value_at_risk: answer.scores.value_at_risk.get(TARGET).copied().flatten(),
            stage: history.state().path().current(),
            action: action.and_then(|named| position(&named.name)).map(|(at, _)| at),
            gain: choice.gain,
            contact_gain: contact.map(|option| option.gain),
            evidence: choice.evidence,
            act_by: record.act_by,
        };
        Ok((listed, history))
    }

    /// Whether the chance of leaving is asked and reaches this share.
    pub(crate) fn reaches(&self, at_least: f64) -> bool {
        self.churn.is_some_and(|churn| churn.probability >= at_least)
    }

    /// Who comes first; the same for everyone who asks, so that pages follow each other.
    pub(crate) fn compare(&self, other: &Self, order: Order) -> Ordering {
        let by_order = order.compare(&self.standing(), &other.standing());
        by_order.then_with(|| self.key.cmp(&other.key))
    }

    fn standing(&self) -> Standing {
        Standing {
            gain: self.gain,
            value_at_risk: self.value_at_risk,
            chance: self.churn.map(|churn| churn.probability),
            act_by: self.act_by.map(|act_by| act_by.at),
        }
    }
}

/// The ranking that lists are read from.
#[derive(Default)]
pub(super) struct Current {
    ranking: RwLock<Option<Arc<Ranking>>>,
    record: RwLock<Option<Arc<Record>>>,
    is_wanted: AtomicBool,
}

impl Current {
    /// The ranking; `None` before there is one. Who asks wants one from now on.
    pub(super) fn get(&self) -> Option<Arc<Ranking>> {
        self.is_wanted.store(true, atomic::Ordering::Relaxed);
        self.ranking.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What became of what was told.
    pub(super) fn record(&self) -> Option<Arc<Record>> {
        self.record.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Shows another record from now on.
    pub(super) fn show_record(&self, record: Record) {
        *self.record.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(record));
    }

    /// True once anyone has asked.
    pub(super) fn is_wanted(&self) -> bool {
        self.is_wanted.load(atomic::Ordering::Relaxed)
    }

    /// Shows another ranking from now on.
    pub(super) fn show(&self, ranking: Ranking) {
        *self.ranking.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(ranking));
    }
}
