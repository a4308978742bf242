//! A decision made once more, from the log.

use std::sync::Arc;

use percorso_journey::JourneyState;
use percorso_next_action::decide::Purpose;
use percorso_scoring::{Belief, ScoringModel};

use super::made::{Mind, Past, made};
use super::record::{DecisionRecord, Policy};
use super::{DecisionRequest, digest};
use crate::foreseen::Foreseen;
use crate::{DecisionId, Error, ScoringService, StoreError};

/// What came of making a decision once more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// The bytes that were logged.
    pub logged: Vec<u8>,
    /// Those that came out now, or why it could not be made again.
    pub replayed: Result<Vec<u8>, String>,
}

impl Replay {
    /// What keeps it from being the same; `None` when it is.
    pub fn difference(&self) -> Option<String> {
        match &self.replayed {
            Err(why) => Some(why.clone()),
            Ok(bytes) if *bytes == self.logged => None,
            Ok(bytes) => {
                let pairs = bytes.iter().zip(&self.logged);
                let at = pairs.take_while(|(now, then)| now == then).count();
                Some(format!(
                    "it comes out differently from byte {at} on: {} bytes now, {} then",
                    bytes.len(),
                    self.logged.len()
                ))
            }
        }
    }
}

impl ScoringService {
    /// Makes a decision once more from all that it was made from; `None` when there is no such decision.
    ///
    /// `open` opens the model version that decided, or says why it cannot.
    ///
    /// # Errors
    /// - the store fails.
    pub fn replay(
        &self,
        id: DecisionId,
        open: impl FnOnce(&str) -> Result<Arc<ScoringModel>, String>,
    ) -> Result<Option<Replay>, Error> {
        let Some(logged) = self.store().decision(id)? else {
            return Ok(None);
        };
        let then = DecisionRecord::from_bytes(&logged).map_err(StoreError::from)?;
        let replayed = match self.store().state(&then.from.state_digest)? {
            None => Err("the state that it was made from is not kept".to_owned()),
            Some(state) => self
                .again(then, &state, open)?
                .map(|record| record.to_bytes_of(logged[0])),
        };
        Ok(Some(Replay { logged, replayed }))
    }

    fn again(
        &self,
        then: DecisionRecord,
        state: &[u8],
        open: impl FnOnce(&str) -> Result<Arc<ScoringModel>, String>,
    ) -> Result<Result<DecisionRecord, String>, Error> {
        if digest(state) != then.from.state_digest {
            return Ok(Err("the state that it was made from is damaged".to_owned()));
        }
        if then.from.declared_digest != self.declared_digest() {
            let why = "journey.toml declares other decisions or actions than then";
            return Ok(Err(why.to_owned()));
        }
        let mind = match then.policy {
            Policy::Fallback => Mind::Nobody(then.fallback_reason.clone()),
            policy => {
                let belief = if policy == Policy::Learnt {
                    Belief::Learnt
                } else {
                    Belief::Declared
                };
                match open(&then.model_version) {
                    Ok(model) => Mind::Model(model, belief),
                    Err(why) => return Ok(Err(why)),
                }
            }
        };
        let Ok(state) = JourneyState::from_bytes(Arc::clone(self.spec()), state) else {
            return Ok(Err("journey.toml declares other journeys than then".to_owned()));
        };
        let request = DecisionRequest {
            customer: then.customer,
            id: then.id,
            channels: then.from.channels.clone(),
        };
        let past = Past {
            spec: self.spec(),
            state: &state,
            as_of: then.as_of,
            from: then.from,
        };
        let purpose = Purpose::Act { seed: then.id.seed() };
        let (record, _) = made(&request, past, &mind, purpose, &mut Foreseen::default());
        Ok(Ok(record))
    }
}
