//! `percorso.v1.Decisions`.

use std::sync::Arc;

use percorso_journey::Timestamp;
use percorso_next_action::Evidence;
use percorso_proto::v1;
use percorso_proto::v1::batch_recommend_reply::Result as BatchResult;
use percorso_proto::v1::decisions_server::Decisions;
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::codegen::BoxStream;
use tonic::{Code, Request, Response, Status};

use super::Edge;
use super::event::{moment, timestamp};
use super::scoring::{checked_as_of, checked_batch, checked_customer_id, checked_request_id, elsewhere};
use super::status::{Violations, code, status};
use crate::accounts::MAX_REASON_BYTES;
use crate::{
    Considered, Decided, DecisionId, DecisionRecord, DecisionRequest, Error, Policy, Recorded, ResponseKind,
    ScoringService,
};

const MAX_CHANNELS: usize = 100;
/// Decisions of a batch that are under way at once, so that one sync serves many of them.
const BATCH_AT_ONCE: usize = 64;
pub(super) const NOTHING: &str = percorso_journey::spec::NOTHING;

#[tonic::async_trait]
impl Decisions for Edge {
    async fn recommend(&self, request: Request<v1::RecommendRequest>) -> Result<Response<v1::Recommendation>, Status> {
        let message = request.into_inner();
        let work = async {
            let asked = Asked::read(&self.service, &message)?;
            let decided = asked.answer(&self.service).await.map_err(|error| status(&error))?;
            Ok(recommendation(message.request_id, &decided))
        };
        self.admission.admit(work).await
    }

    type BatchRecommendStream = BoxStream<v1::BatchRecommendReply>;

    async fn batch_recommend(
        &self,
        request: Request<v1::BatchRecommendRequest>,
    ) -> Result<Response<Self::BatchRecommendStream>, Status> {
        let requests = request.into_inner().requests;
        let work = async {
            checked_batch(requests.len())?;
            let service = Arc::clone(&self.service);
            let (answers, answered) = mpsc::channel(BATCH_AT_ONCE);
            tokio::spawn(async move {
                for request in requests {
                    let service = Arc::clone(&service);
                    let answer = tokio::spawn(async move { batch_result(&service, request).await });
                    if answers.send(answer).await.is_err() {
                        // Nobody listens any more: what was not begun is not decided.
                        break;
                    }
                }
            });
            let replies = ReceiverStream::new(answered).then(|answer| async {
                let result = answer.await.map_err(|_| Status::internal("the call failed"))?;
                Ok(v1::BatchRecommendReply { result: Some(result) })
            });
            Ok(Box::pin(replies) as Self::BatchRecommendStream)
        };
        self.admission.admit(work).await
    }

    async fn record_response(
        &self,
        request: Request<v1::RecordResponseRequest>,
    ) -> Result<Response<v1::RecordResponseReply>, Status> {
        let message = request.into_inner();
        let work = async {
            let (id, response) = response(&self.service, &message)?;
            let recorded = self.service.respond(id, response).await;
            match recorded.map_err(|error| status(&error))? {
                Recorded::UnknownDecision => Err(unknown_decision()),
                recorded @ (Recorded::New | Recorded::Before) => Ok(v1::RecordResponseReply {
                    is_new: recorded == Recorded::New,
                }),
            }
        };
        self.admission.admit(work).await
    }

    async fn explain_decision(
        &self,
        request: Request<v1::ExplainDecisionRequest>,
    ) -> Result<Response<v1::Explanation>, Status> {
        let message = request.into_inner();
        let work = async {
            let id = asked_decision(&message.decision_id)?;
            let service = Arc::clone(&self.service);
            let found = elsewhere(move || service.decision(id)).await?;
            let (record, responses) = found.map_err(|error| status(&error))?.ok_or_else(unknown_decision)?;
            Ok(explanation(&self.service, record, responses))
        };
        self.admission.admit(work).await
    }

    async fn replay_decision(
        &self,
        request: Request<v1::ReplayDecisionRequest>,
    ) -> Result<Response<v1::Replay>, Status> {
        let message = request.into_inner();
        let work = async {
            let id = asked_decision(&message.decision_id)?;
            let (service, champion) = (Arc::clone(&self.service), Arc::clone(&self.champion));
            let replay = elsewhere(move || {
                service.replay(id, |version| {
                    let opened = champion.version(version, &service);
                    opened.map_err(|error| format!("the model that decided cannot be opened: {error}"))
                })
            });
            let replay = replay
                .await?
                .map_err(|error| status(&error))?
                .ok_or_else(unknown_decision)?;
            let difference = replay.difference();
            Ok(v1::Replay {
                is_same: difference.is_none(),
                difference: difference.unwrap_or_default(),
                replayed: replay.replayed.unwrap_or_default(),
                logged: replay.logged,
            })
        };
        self.admission.admit(work).await
    }
}

/// A request for a decision, checked.
struct Asked {
    request: DecisionRequest,
    /// The cut-off asked for, of a dry run.
    dry_run: Option<Option<Timestamp>>,
}

impl Asked {
    fn read(service: &ScoringService, message: &v1::RecommendRequest) -> Result<Self, Violations> {
        let mut wrong = Violations::default();
        checked_request_id(&message.request_id, "request_id", &mut wrong);
        if message.request_id.is_empty() && !message.dry_run {
            wrong.add("request_id", "is missing; it is what makes asking again harmless");
        }
        if message.channels.len() > MAX_CHANNELS {
            let found = message.channels.len();
            wrong.add(
                "channels",
                format!("has {found} channels, at most {MAX_CHANNELS} are allowed"),
            );
        }
        let spec = service.spec();
        for (at, name) in message.channels.iter().take(MAX_CHANNELS).enumerate() {
            if !spec.channels().contains(name) {
                let known = spec.channels().join(", ");
                wrong.add(format!("channels[{at}]"), format!("is none of {known}"));
            }
        }
        if message.as_of.is_some() && !message.dry_run {
            wrong.add("as_of", "is only for a dry_run: what is logged is decided now");
        }
        let as_of = checked_as_of(message.as_of.as_ref(), "as_of", &mut wrong);
        let customer = checked_customer_id(&message.customer_id, "customer_id", &mut wrong);
        let customer = customer.map(|id| service.key_of(id));
        match customer {
            Some(customer) if wrong.is_empty() => Ok(Self {
                request: DecisionRequest {
                    customer,
                    id: service.decision_id(&message.request_id),
                    channels: message.channels.clone(),
                },
                dry_run: message.dry_run.then_some(as_of),
            }),
            _ => Err(wrong),
        }
    }

    async fn answer(self, service: &Arc<ScoringService>) -> Result<Decided, Error> {
        match self.dry_run {
            None => service.decide(&self.request).await,
            Some(None) if service.decides_in_memory(self.request.customer) => service.would_decide(&self.request, None),
            Some(as_of) => {
                let service = Arc::clone(service);
                let asking = tokio::task::spawn_blocking(move || service.would_decide(&self.request, as_of));
                asking.await.expect("deciding does not panic")
            }
        }
    }
}

async fn batch_result(service: &Arc<ScoringService>, request: v1::RecommendRequest) -> BatchResult {
    let failed = |request_id, code: Code, message| {
        BatchResult::Error(v1::RecommendError {
            request_id,
            code: code.into(),
            message,
        })
    };
    match Asked::read(service, &request) {
        Err(wrong) => failed(request.request_id, Code::InvalidArgument, wrong.message()),
        Ok(asked) => match asked.answer(service).await {
            Ok(decided) => BatchResult::Recommendation(recommendation(request.request_id, &decided)),
            Err(error) => failed(request.request_id, code(&error), status(&error).message().to_owned()),
        },
    }
}

/// The id of the one decision that is asked about.
fn asked_decision(text: &str) -> Result<DecisionId, Violations> {
    let mut wrong = Violations::default();
    checked_decision_id(text, &mut wrong).ok_or(wrong)
}

pub(super) fn checked_decision_id(text: &str, wrong: &mut Violations) -> Option<DecisionId> {
    let id = DecisionId::parse(text);
    if id.is_none() {
        wrong.add("decision_id", "is not the id of a decision: 32 hex digits");
    }
    id
}

/// What is said of a response in words.
pub(super) fn checked_reason<'a>(reason: &'a str, is_required: bool, wrong: &mut Violations) -> &'a str {
    let reason = reason.trim();
    if reason.len() > MAX_REASON_BYTES {
        let found = reason.len();
        wrong.add(
            "reason",
            format!("has {found} bytes, at most {MAX_REASON_BYTES} are allowed"),
        );
    }
    if is_required && reason.is_empty() {
        wrong.add("reason", "is missing: say why it was rejected");
    }
    reason
}

pub(super) fn unknown_decision() -> Status {
    Status::not_found("there is no such decision")
}

fn response(
    service: &ScoringService,
    message: &v1::RecordResponseRequest,
) -> Result<(DecisionId, crate::Response), Violations> {
    let mut wrong = Violations::default();
    let id = checked_decision_id(&message.decision_id, &mut wrong);
    let kind = match message.kind() {
        v1::ResponseKind::Unspecified => None,
        v1::ResponseKind::Presented => Some(ResponseKind::Presented),
        v1::ResponseKind::Accepted => Some(ResponseKind::Accepted),
        v1::ResponseKind::Rejected => Some(ResponseKind::Rejected),
        v1::ResponseKind::Ignored => Some(ResponseKind::Ignored),
        v1::ResponseKind::Executed => Some(ResponseKind::Executed),
    };
    if kind.is_none() {
        wrong.add("kind", "is missing: presented, accepted, rejected, ignored or executed");
    }
    let reason = checked_reason(&message.reason, kind == Some(ResponseKind::Rejected), &mut wrong);
    let at = match &message.at {
        None => Some(service.now()),
        Some(at) => {
            let told = moment(at).map(Timestamp::from_micros);
            let told = told.filter(|at| at.is_plausible() && *at <= service.latest());
            if told.is_none() {
                let latest = service.latest();
                wrong.add("at", format!("is not a timestamp from 1900-01-01 to {latest}"));
            }
            told
        }
    };
    match (id, kind, at) {
        (Some(id), Some(kind), Some(at)) if wrong.is_empty() => {
            let reason = reason.to_owned();
            Ok((id, crate::Response { kind, at, reason }))
        }
        _ => Err(wrong),
    }
}

fn recommendation(request_id: String, decided: &Decided) -> v1::Recommendation {
    let Decided { record, is_logged } = decided;
    let choice = record.choice();
    let (evidence, n_decisions) = told(choice.evidence);
    let named = choice.action.as_ref();
    v1::Recommendation {
        request_id,
        decision_id: if *is_logged {
            record.id.to_string()
        } else {
            String::new()
        },
        as_of: Some(timestamp(record.as_of)),
        action: name(choice),
        text: named.map_or_else(String::new, |named| named.text.clone()),
        channel: named.map_or_else(String::new, |named| named.channel.clone()),
        gain: choice.gain,
        evidence: evidence.into(),
        n_decisions,
        propensity: choice.propensity,
        act_by: record.act_by.map(|act_by| timestamp(act_by.at)),
        act_by_is_open: record.act_by.is_some_and(|act_by| act_by.is_end_of_knowledge),
        options: record.options.iter().map(option).collect(),
        dropped: record
            .dropped
            .iter()
            .map(|(action, why)| v1::DroppedAction {
                action: action.clone(),
                kind: why.kind().to_owned(),
                why: why.to_string(),
            })
            .collect(),
        policy: match record.policy {
            Policy::Learnt => v1::Policy::Learnt,
            Policy::Declared => v1::Policy::Declared,
            Policy::Fallback => v1::Policy::Fallback,
        }
        .into(),
        model_version: record.model_version.clone(),
        fallback_reason: record.fallback_reason.clone(),
        best_hours: record.meeting.hours.map(|hours| v1::HoursOfDay {
            from: hours.from.into(),
            until: hours.until.into(),
        }),
        usual_channel: record.meeting.channel.clone(),
    }
}

fn option(considered: &Considered) -> v1::RankedAction {
    let (evidence, n_decisions) = told(considered.evidence);
    v1::RankedAction {
        action: name(considered),
        gain: considered.gain,
        priority: considered.priority,
        propensity: considered.propensity,
        evidence: evidence.into(),
        n_decisions,
    }
}

fn name(considered: &Considered) -> String {
    let named = considered.action.as_ref();
    named.map_or_else(|| NOTHING.to_owned(), |named| named.name.clone())
}

/// What a gain is told from, and by how many decisions.
pub(super) fn told(evidence: Evidence) -> (v1::Evidence, u64) {
    match evidence {
        Evidence::Learnt { n_decisions } => (v1::Evidence::Learnt, n_decisions as u64),
        Evidence::Declared => (v1::Evidence::Declared, 0),
        Evidence::None => (v1::Evidence::None, 0),
    }
}

fn explanation(service: &ScoringService, record: DecisionRecord, responses: Vec<crate::Response>) -> v1::Explanation {
    let spec = service.spec();
    let action = |at: u16| spec.actions()[usize::from(at)].name.clone();
    let contacts = record.from.contacts.contacts(spec);
    let state_digest = record.from.state_digest.iter().map(|byte| format!("{byte:02x}"));
    v1::Explanation {
        scores: record
            .scores
            .iter()
            .filter_map(|(name, score)| Some((name.clone(), (*score)?)))
            .collect(),
        contacts: contacts
            .iter()
            .map(|contact| v1::ContactMade {
                at: Some(timestamp(contact.at)),
                action: contact.action.map(action).unwrap_or_default(),
            })
            .collect(),
        is_held_out: record.from.is_held_out,
        state_digest: state_digest.collect(),
        responses: responses
            .into_iter()
            .map(|response| v1::ResponseRecorded {
                kind: match response.kind {
                    ResponseKind::Presented => v1::ResponseKind::Presented,
                    ResponseKind::Accepted => v1::ResponseKind::Accepted,
                    ResponseKind::Rejected => v1::ResponseKind::Rejected,
                    ResponseKind::Ignored => v1::ResponseKind::Ignored,
                    ResponseKind::Executed => v1::ResponseKind::Executed,
                }
                .into(),
                at: Some(timestamp(response.at)),
                reason: response.reason,
            })
            .collect(),
        recommendation: Some(recommendation(
            String::new(),
            &Decided {
                record,
                is_logged: true,
            },
        )),
    }
}
