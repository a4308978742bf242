//! What to do for a customer: decided from what is current, logged in the step that counts it, made again from the log.
//!
//! Decisions are made side by side, each from the customer's history, the contacts made and what was done that day.
//! The store's one writer takes one in only if none of that has changed; otherwise it is made anew.
//! So caps, consents and budgets hold for what is logged, whoever asks at the same time.

mod made;
mod record;
mod replay;
#[cfg(test)]
mod schedules;

use std::sync::Arc;

use percorso_journey::{CustomerKey, JourneyState, Timestamp};
use percorso_next_action::Evidence;
use percorso_next_action::decide::{Ledger, Purpose, Today, is_held_out};
use percorso_scoring::{Belief, ScoringModel};
use sha2::{Digest, Sha256};

use made::{Mind, Past, made};
pub use record::{Considered, DecisionRecord, MadeFrom, Meeting, Named, Policy};
pub use replay::Replay;

use crate::foreseen::Foreseen;
use crate::service::state_before;
use crate::store::{Outcome, Proposal, Seen};
use crate::{DecisionId, Error, Recorded, Response, ScoringService, StoreError};

/// A decision is made anew at most so often before the customer gets nothing.
const MAX_ATTEMPTS: usize = 16;

/// What is asked of a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionRequest {
    /// For whom.
    pub customer: CustomerKey,
    /// The id of the decision, made of the request's id.
    pub id: DecisionId,
    /// The channels that are open, by name; all where there is none.
    pub channels: Vec<String>,
}

/// A decision on its way to be logged, or the one that was logged of the same request.
enum Drafted {
    New(Box<Proposal>, Box<DecisionRecord>),
    Before(Box<DecisionRecord>),
}

/// What was decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Decided {
    /// All there is to say of it.
    pub record: DecisionRecord,
    /// Whether it was logged, so that its contact counts.
    pub is_logged: bool,
}

impl ScoringService {
    /// The id of the decision that a request asks for.
    pub fn decision_id(&self, request_id: &str) -> DecisionId {
        DecisionId::from_bytes(*self.key_of(&format!("decision\0{request_id}")).bytes())
    }

    /// Decides what to do for a customer and logs it; the same request is the same decision.
    ///
    /// Where nothing can be logged, nothing is done, and the answer says why.
    ///
    /// # Errors
    /// - the request's id was used for another customer or other channels;
    /// - too many calls wait for the store: asking again may do.
    pub async fn decide(self: &Arc<Self>, request: &DecisionRequest) -> Result<Decided, Error> {
        for _ in 0..MAX_ATTEMPTS {
            let drafted = if self.decides_in_memory(request.customer) {
                self.draft(request)
            } else {
                let (service, request) = (Arc::clone(self), request.clone());
                let drafting = tokio::task::spawn_blocking(move || service.draft(&request));
                drafting.await.expect("drafting does not panic")
            };
            let logged = match drafted {
                Ok(Drafted::Before(record)) => Ok(Some(*record)),
                Ok(Drafted::New(proposal, record)) => self.log(*proposal, *record).await,
                Err(error) => Err(error),
            };
            match logged {
                Ok(Some(record)) if !record.answers(request) => return Err(Error::RequestIdReused),
                Ok(Some(record)) => {
                    return Ok(Decided {
                        record,
                        is_logged: true,
                    });
                }
                // Something has happened meanwhile.
                Ok(None) => {}
                Err(error @ Error::Store(StoreError::Busy)) => return Err(error),
                Err(error) => {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "a decision could not be logged"
                    );
                    return Ok(self.nothing(request, "the decision could not be logged"));
                }
            }
        }
        Ok(self.nothing(request, "too much happened at once"))
    }

    /// What would be decided: nothing is logged or counted, and nothing is left to chance.
    ///
    /// # Errors
    /// - `as_of` lies too far ahead, or before the events that are kept;
    /// - the store fails.
    pub fn would_decide(&self, request: &DecisionRequest, as_of: Option<Timestamp>) -> Result<Decided, Error> {
        self.with_past(request, as_of, |past, _, mind, foreseen| Decided {
            record: made(request, past, &mind, Purpose::Preview, foreseen).0,
            is_logged: false,
        })
    }

    /// What would be decided for a list that people act on in their own hours: the best for certain; nothing is logged.
    ///
    /// What was learnt is believed before it is proven, as in score files: people decide themselves.
    ///
    /// # Errors
    /// - the store fails.
    pub fn would_list(&self, request: &DecisionRequest) -> Result<Decided, Error> {
        self.with_past(request, None, |past, _, mind, foreseen| Decided {
            record: made(request, past, &mind.for_people(), Purpose::List, foreseen).0,
            is_logged: false,
        })
    }

    /// What was logged of a decision, and what came of it; `None` when there is no such decision.
    ///
    /// # Errors
    /// - the store fails.
    pub fn decision(&self, id: DecisionId) -> Result<Option<(DecisionRecord, Vec<Response>)>, Error> {
        let Some(record) = self.logged(id)? else {
            return Ok(None);
        };
        Ok(Some((record, self.store().responses(id)?)))
    }

    /// Records what came of a decision.
    ///
    /// # Errors
    /// - the store fails.
    pub async fn respond(&self, id: DecisionId, response: Response) -> Result<Recorded, Error> {
        Ok(self.store().respond(id, response)?.answer().await?)
    }

    /// True when a decision about this customer needs no disk to be made.
    pub fn decides_in_memory(&self, customer: CustomerKey) -> bool {
        let today = self.now().local_day(self.spec().time_zone());
        self.store().has_all_in_memory(customer, today)
    }

    /// The decision as it would be logged now; the one that was logged, where the same request was decided before.
    fn draft(&self, request: &DecisionRequest) -> Result<Drafted, Error> {
        if let Some(before) = self.logged(request.id)? {
            return Ok(Drafted::Before(Box::new(before)));
        }
        self.with_past(request, None, |mut past, seen, mind, foreseen| {
            let (state_digest, state) = self.state_to_keep(past.state, foreseen);
            past.from.state_digest = state_digest;
            let (at, now) = (past.as_of, past.from.now);
            let purpose = Purpose::Act {
                seed: request.id.seed(),
            };
            let (record, action) = made(request, past, &mind, purpose, foreseen);
            let proposal = Proposal {
                id: request.id,
                customer: request.customer,
                seen,
                at,
                day: now.local_day(self.spec().time_zone()),
                action,
                state_digest,
                state,
                record: record.to_bytes(),
            };
            Drafted::New(Box::new(proposal), Box::new(record))
        })
    }

    /// The digest of a state, and its bytes where the store may not have them yet.
    fn state_to_keep(&self, state: &JourneyState, foreseen: &mut Foreseen) -> ([u8; 16], Option<Vec<u8>>) {
        match foreseen.state_digest {
            Some(digest) if self.store().is_known_to_keep(&digest) => (digest, None),
            Some(_) | None => {
                let bytes = state.to_bytes();
                let digest = digest(&bytes);
                foreseen.state_digest = Some(digest);
                (digest, Some(bytes))
            }
        }
    }

    fn logged(&self, id: DecisionId) -> Result<Option<DecisionRecord>, Error> {
        let bytes = self.store().decision(id)?;
        let record = bytes.map(|bytes| DecisionRecord::from_bytes(&bytes)).transpose();
        Ok(record.map_err(StoreError::from)?)
    }

    /// The decision that the log holds of the request now; `None` when what it was made from has changed.
    async fn log(&self, proposal: Proposal, record: DecisionRecord) -> Result<Option<DecisionRecord>, Error> {
        match self.store().decide(proposal)?.answer().await? {
            Outcome::Logged => Ok(Some(record)),
            Outcome::Stale => Ok(None),
            Outcome::Repeated(before) => Ok(Some(DecisionRecord::from_bytes(&before).map_err(StoreError::from)?)),
        }
    }

    /// Asks with all that a decision is made from as it is now, or was at a moment, and with who decides.
    ///
    /// A customer's time never goes back: where the clock was set back, it is the time of their last contact or event.
    fn with_past<T>(
        &self,
        request: &DecisionRequest,
        asked: Option<Timestamp>,
        ask: impl FnOnce(Past<'_>, Seen, Mind, &mut Foreseen) -> T,
    ) -> Result<T, Error> {
        let (store, spec) = (self.store(), self.spec());
        let history = store.history(request.customer)?;
        let ledger = store.ledger(request.customer)?;
        let unknown = JourneyState::new(Arc::clone(spec));
        let current = history.as_ref().map_or(&unknown, |history| history.state());
        let mut as_of = self.as_of(asked, current)?;
        if asked.is_none() {
            as_of = ledger.last_at().map_or(as_of, |last_contact| as_of.max(last_contact));
        }
        // Days and quiet hours are the clock's, whatever lies ahead in the customer's own time.
        let now = asked.unwrap_or_else(|| self.now());
        let today = store.today(now.local_day(spec.time_zone()))?;
        let past = |state| Past {
            spec,
            state,
            as_of,
            from: self.made_from(request, now, ledger.up_to(as_of), Today::clone(&today)),
        };
        let seen = Seen {
            n_events: current.n_events(),
            ledger: ledger.version(),
            full: today.full(spec),
        };
        let Some(history) = &history else {
            let mind = Mind::Nobody("no events are kept of this customer".to_owned());
            return Ok(ask(past(&unknown), seen, mind, &mut Foreseen::default()));
        };
        let mind = |state: &JourneyState| match self.deciding() {
            _ if state.n_events() == 0 => Mind::Nobody("no event of the customer lies before as_of".to_owned()),
            Some((model, belief)) => Mind::Model(model, belief),
            None => Mind::Nobody("no model is loaded".to_owned()),
        };
        if !current.is_of_the_past(as_of) {
            let state = state_before(history, as_of)?;
            return Ok(ask(past(&state), seen, mind(&state), &mut Foreseen::default()));
        }
        Ok(match mind(current) {
            Mind::Model(model, belief) => {
                self.foreseen_by(&model)
                    .asking(request.customer, history, &Arc::clone(&model), |foreseen| {
                        ask(past(current), seen, Mind::Model(model, belief), foreseen)
                    })
            }
            nobody @ Mind::Nobody(_) => ask(past(current), seen, nobody, &mut Foreseen::default()),
        })
    }

    /// What a decision is made from, beside the state, of which no digest is taken yet.
    fn made_from(&self, request: &DecisionRequest, now: Timestamp, contacts: Ledger, today: Today) -> MadeFrom {
        MadeFrom {
            now,
            state_digest: [0; 16],
            declared_digest: self.declared_digest(),
            channels: request.channels.clone(),
            is_held_out: is_held_out(self.spec(), request.customer),
            contacts,
            today,
        }
    }

    /// Nothing, with the reason; it is not logged.
    fn nothing(&self, request: &DecisionRequest, why: &str) -> Decided {
        let now = self.now();
        let option = Considered {
            action: None,
            gain: 0.0,
            priority: 0.0,
            propensity: 1.0,
            evidence: Evidence::None,
        };
        let record = DecisionRecord {
            id: request.id,
            customer: request.customer,
            as_of: now,
            from: self.made_from(request, now, Ledger::default(), Today::default()),
            policy: Policy::Fallback,
            model_version: String::new(),
            fallback_reason: why.to_owned(),
            scores: Vec::new(),
            options: vec![option],
            dropped: Vec::new(),
            chosen: 0,
            act_by: None,
            meeting: Meeting::default(),
        };
        Decided {
            record,
            is_logged: false,
        }
    }

    /// The model that decides, and how far its effects are believed: one whose policy was promoted, else the champion, of
    /// whose effects nothing is proven.
    fn deciding(&self) -> Option<(Arc<ScoringModel>, Belief)> {
        let promoted = self.policy().map(|model| (model, Belief::Learnt));
        promoted.or_else(|| Some((self.model()?, Belief::Declared)))
    }
}

fn digest(state: &[u8]) -> [u8; 16] {
    let mut digest = [0; 16];
    digest.copy_from_slice(&Sha256::digest(state)[..16]);
    digest
}

#[cfg(test)]
mod tests {
    use percorso_artefact::Registry;

    use super::*;
    use crate::Store;
    use crate::common::{Happening, clock, happening, load, open_model, publish_model, secret, spec_with_actions};
    use crate::store::Fails;

    fn service(dir: &std::path::Path) -> Arc<ScoringService> {
        let mut bought = happening("e1", "purchase", 90.0);
        bought.loyal = Some(true);
        let customers = ["anna", "bruno", "carla", "dario"].map(|id| (id.to_owned(), vec![bought.clone()]));
        load(dir, &spec_with_actions(), &customers);
        let store = Store::open(dir, &spec_with_actions(), 0).unwrap();
        Arc::new(ScoringService::new(store, secret(), clock()))
    }

    fn request(service: &ScoringService, request_id: &str, customer: &str) -> DecisionRequest {
        DecisionRequest {
            customer: service.key_of(customer),
            id: service.decision_id(request_id),
            channels: Vec::new(),
        }
    }

    async fn log(service: &ScoringService, drafted: Drafted) -> Option<DecisionRecord> {
        match drafted {
            Drafted::New(proposal, record) => service.log(*proposal, *record).await.unwrap(),
            Drafted::Before(_) => panic!("it was logged before"),
        }
    }

    async fn tell(service: &ScoringService, customer: &str, happening: Happening) {
        let event = (service.key_of(customer), happening.logged(service.spec()));
        service.ingest(vec![event]).unwrap().answer().await.unwrap();
    }

    /// The bytes of its state that are handed to the store.
    fn state_handed_over(drafted: &Drafted) -> Option<&Vec<u8>> {
        match drafted {
            Drafted::New(proposal, _) => proposal.state.as_ref(),
            Drafted::Before(_) => panic!("it was logged before"),
        }
    }

    #[tokio::test]
    async fn a_state_is_handed_over_until_the_store_is_known_to_keep_it() {
        let folder = tempfile::tempdir().unwrap();
        let service = service(&folder.path().join("store"));
        let registry = Registry::at(folder.path().join("models"));
        publish_model(&registry, &spec_with_actions(), 1);
        service.swap_model(Arc::new(open_model(&registry, &spec_with_actions())));
        let draft = |request_id: &str| service.draft(&request(&service, request_id, "anna")).unwrap();
        service.store().fail(Fails::BeforeWriting);
        let Drafted::New(refused, _) = draft("r1") else {
            panic!("it was logged before")
        };
        assert!(service.store().decide(*refused).unwrap().answer().await.is_err());
        service.store().fail(Fails::Never);
        let again = draft("r1");
        assert!(state_handed_over(&again).is_some(), "the disk refused it");
        let logged = log(&service, again).await.unwrap();
        let next = draft("r2");
        assert!(state_handed_over(&next).is_none(), "it is kept");
        let next = log(&service, next).await.unwrap();
        assert_eq!(next.from.state_digest, logged.from.state_digest);
        let kept = service.store().state(&next.from.state_digest).unwrap().unwrap();
        assert_eq!(digest(&kept), next.from.state_digest);
        tell(&service, "anna", happening("e2", "visit", 119.0)).await;
        let after = draft("r3");
        assert!(state_handed_over(&after).is_some(), "it is another state");
        let after = log(&service, after).await.unwrap();
        assert_ne!(after.from.state_digest, logged.from.state_digest);
        assert!(service.store().state(&after.from.state_digest).unwrap().is_some());
    }

    #[tokio::test]
    async fn a_decision_is_not_taken_in_when_something_has_happened_since_it_was_made() {
        let folder = tempfile::tempdir().unwrap();
        let service = service(&folder.path().join("store"));
        let ask = |request_id: &str| request(&service, request_id, "anna");
        let withdrawn = Happening {
            loyal: Some(false),
            ..happening("e2", "visit", 119.0)
        };
        let made_before = service.draft(&ask("r1")).unwrap();
        tell(&service, "anna", withdrawn).await;
        assert_eq!(log(&service, made_before).await, None, "a consent was withdrawn");
        let [first, second] = ["r2", "r3"].map(|request_id| service.draft(&ask(request_id)).unwrap());
        assert!(log(&service, first).await.is_some());
        assert_eq!(log(&service, second).await, None, "a contact was made");
        assert!(service.decision(service.decision_id("r3")).unwrap().is_none());
    }
}
