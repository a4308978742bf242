//! The models that score and decide: opened, checked and warmed before they answer anyone, then swapped in one step.

use std::sync::{Arc, Mutex, PoisonError};

use percorso_artefact::{Registry, VersionId};
use percorso_journey::{JourneyState, MICROS_PER_DAY, RawEvent, Spec, Timestamp};
use percorso_scoring::{OpenError, ScoringModel, Scratch};

use crate::ScoringService;

/// Follows a label or version of a registry.
pub struct Follower {
    registry: Registry,
    name: String,
    role: Role,
    /// What failed last, so that it is complained of once.
    failed: Mutex<Option<Failed>>,
}

/// What the model of a name is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Every score is its.
    Scores,
    /// Its effects of actions are acted on; there need not be one.
    Decides,
}

/// What keeps a model from serving until it changes.
#[derive(PartialEq, Eq)]
enum Failed {
    /// The name leads nowhere, in the registry's words.
    Name(String),
    /// This version was refused.
    Version(String),
}

/// Why a model does not get to serve; the one before stays.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The registry has no such version, or its file is damaged.
    #[error("cannot read model `{name}`")]
    Registry {
        /// The label or version asked for.
        name: String,
        /// Why not.
        #[source]
        source: percorso_artefact::Error,
    },
    /// It does not fit the journeys served.
    #[error("model {version} does not fit the journeys served")]
    Open {
        /// The version.
        version: String,
        /// Why not.
        #[source]
        source: OpenError,
    },
    /// It opens, but what it answers is no probability.
    #[error("model {version} answers {found}, expected probabilities in 0..=1")]
    Answers {
        /// The version.
        version: String,
        /// What it answered.
        found: String,
    },
}

impl Follower {
    /// Follows `name`, a label such as `champion` or a version, whose model scores.
    pub fn scoring(registry: Registry, name: impl Into<String>) -> Self {
        Self::new(registry, name.into(), Role::Scores)
    }

    /// Follows `name`, a label such as `policy` or a version, whose effects of actions are acted on; where no version
    /// carries the label, nobody's are.
    pub fn deciding(registry: Registry, name: impl Into<String>) -> Self {
        Self::new(registry, name.into(), Role::Decides)
    }

    fn new(registry: Registry, name: String, role: Role) -> Self {
        Self {
            registry,
            name,
            role,
            failed: Mutex::new(None),
        }
    }

    /// Lets the version now named serve, when it is another than the one that does; returns whether one was swapped in.
    ///
    /// A failure is told once, until what failed changes: a version that was refused is not tried again.
    ///
    /// # Errors
    /// - the name leads to no version, or to one that does not open, fit or answer in probabilities; the model that
    ///   served goes on serving.
    pub fn refresh(&self, service: &ScoringService) -> Result<bool, ModelError> {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let id = match self.registry.resolve(&self.name) {
            Ok(id) => id,
            Err(percorso_artefact::Error::NoSuchLabel { .. }) if self.role == Role::Decides => {
                *failed = None;
                let is_another = service.policy().is_some();
                service.swap_policy(None);
                return Ok(is_another);
            }
            Err(source) => {
                let now = Some(Failed::Name(source.to_string()));
                let is_told = *failed == now;
                *failed = now;
                return if is_told { Ok(false) } else { Err(self.unread(source)) };
            }
        };
        let version = id.to_string();
        let serving = match self.role {
            Role::Scores => service.model(),
            Role::Decides => service.policy(),
        };
        let serves = serving.is_some_and(|model| model.version() == version);
        if serves || *failed == Some(Failed::Version(version.clone())) {
            return Ok(false);
        }
        match self.known_or_opened(&id, service) {
            Ok(model) => {
                *failed = None;
                match self.role {
                    Role::Scores => service.swap_model(model),
                    Role::Decides => service.swap_policy(Some(model)),
                }
                Ok(true)
            }
            Err(error) => {
                *failed = Some(Failed::Version(version));
                Err(error)
            }
        }
    }

    /// A version of the registry, opened, such as one that made a decision.
    ///
    /// # Errors
    /// - there is no such version, or it does not open, fit or answer in probabilities.
    pub fn version(&self, version: &str, service: &ScoringService) -> Result<Arc<ScoringModel>, ModelError> {
        let id = self.registry.resolve(version).map_err(|source| self.unread(source))?;
        self.known_or_opened(&id, service)
    }

    /// The model in memory where it is there already: one model, one set of hazards known.
    fn known_or_opened(&self, id: &VersionId, service: &ScoringService) -> Result<Arc<ScoringModel>, ModelError> {
        let version = id.to_string();
        let mut known = service.model().into_iter().chain(service.policy());
        match known.find(|model| model.version() == version) {
            Some(model) => Ok(model),
            None => self.open(id, service.spec()).map(Arc::new),
        }
    }

    fn open(&self, id: &VersionId, spec: &Arc<Spec>) -> Result<ScoringModel, ModelError> {
        let version = id.to_string();
        let artefact = self.registry.open(id).map_err(|source| self.unread(source))?;
        let model = ScoringModel::open(spec, &artefact, &version);
        let model = model.map_err(|source| ModelError::Open { version, source })?;
        check(spec, &model)?;
        Ok(model)
    }

    fn unread(&self, source: percorso_artefact::Error) -> ModelError {
        ModelError::Registry {
            name: self.name.clone(),
            source,
        }
    }
}

/// Scores a customer who met every touchpoint, one a day, after each of them: checks the answers and warms the model.
fn check(spec: &Arc<Spec>, model: &ScoringModel) -> Result<(), ModelError> {
    let mut state = JourneyState::new(Arc::clone(spec));
    let mut scratch = Scratch::default();
    for (day, touchpoint) in (0..).zip(spec.touchpoints()) {
        let at = day * MICROS_PER_DAY;
        let raw = RawEvent {
            at,
            touchpoint: &touchpoint.name,
            ..RawEvent::default()
        };
        let event = spec.resolve(&raw).expect("the spec's own touchpoint on a plain day");
        state.observe(&event).expect("days rise");
        let as_of = Timestamp::from_micros(at + 1);
        let scores = model
            .score(&state, as_of, &mut scratch)
            .expect("events lie before the cut-off");
        let churn = scores
            .churn
            .iter()
            .flatten()
            .flat_map(|churn| [churn.probability, churn.low, churn.high]);
        let likeliest = scores
            .likeliest
            .iter()
            .flat_map(|likeliest| [likeliest.low, likeliest.high]);
        if let Some(found) = churn
            .chain(likeliest)
            .chain(scores.next_stage.iter().copied())
            .find(|p| !(0.0..=1.0).contains(p))
        {
            return Err(ModelError::Answers {
                version: model.version().to_owned(),
                found: found.to_string(),
            });
        }
    }
    Ok(())
}
