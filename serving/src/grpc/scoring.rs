//! `percorso.v1.Scoring`.

use std::sync::Arc;

use percorso_churn::ChurnScore;
use percorso_journey::{CustomerKey, LoggedEvent, Timestamp};
use percorso_learners::PredictionSets;
use percorso_proto::v1;
use percorso_proto::v1::batch_score_result::Result as BatchResult;
use percorso_proto::v1::score_request::Customer;
use percorso_proto::v1::scoring_server::Scoring;
use percorso_scoring::{Language, Reason, Target, Telling};
use tonic::{Code, Request, Response, Status};

use super::Edge;
use super::event::{Contract, Identity, MAX_TEXT_BYTES, moment, timestamp};
use super::status::{Violations, code, status};
use crate::{Answer, Error, Question, ScoringService};

const MAX_REQUEST_ID_BYTES: usize = 128;
const MAX_REASONS: u32 = 20;
const MAX_INLINE_EVENTS: usize = 10_000;
const MAX_BATCH: usize = 1_000;

#[tonic::async_trait]
impl Scoring for Edge {
    async fn score(&self, request: Request<v1::ScoreRequest>) -> Result<Response<v1::ScoreReply>, Status> {
        let message = request.into_inner();
        let work = async {
            let asked = Asked::read(&self.service, &message, "")?;
            let answer = if asked.is_quick(&self.service) {
                asked.answer(&self.service)
            } else {
                let service = Arc::clone(&self.service);
                elsewhere(move || asked.answer(&service)).await?
            };
            answer
                .map(|answer| reply(message.request_id, answer))
                .map_err(|error| status(&error))
        };
        self.admission.admit(work).await
    }

    async fn batch_score(
        &self,
        request: Request<v1::BatchScoreRequest>,
    ) -> Result<Response<v1::BatchScoreReply>, Status> {
        let message = request.into_inner();
        let work = async {
            checked_batch(message.requests.len())?;
            let service = Arc::clone(&self.service);
            let one = move |request| v1::BatchScoreResult {
                result: Some(batch_result(&service, request)),
            };
            let results = elsewhere(move || message.requests.into_iter().map(one).collect()).await?;
            Ok(v1::BatchScoreReply { results })
        };
        self.admission.admit(work).await
    }
}

/// Work that may wait for the disk or take its time, off the threads that answer.
pub(super) async fn elsewhere<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Status> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| Status::internal("the call failed"))
}

fn batch_result(service: &ScoringService, request: v1::ScoreRequest) -> BatchResult {
    let failed = |request_id, code: Code, message| {
        BatchResult::Error(v1::ScoreError {
            request_id,
            code: code.into(),
            message,
        })
    };
    match Asked::read(service, &request, "") {
        Err(wrong) => failed(request.request_id, Code::InvalidArgument, wrong.message()),
        Ok(asked) => match asked.answer(service) {
            Ok(answer) => BatchResult::Reply(reply(request.request_id, answer)),
            Err(error) => failed(request.request_id, code(&error), status(&error).message().to_owned()),
        },
    }
}

/// A request for a score, checked.
struct Asked {
    whom: Whom,
    question: Question,
}

enum Whom {
    Known(CustomerKey),
    Inline(Vec<LoggedEvent>),
}

impl Asked {
    fn read(service: &ScoringService, message: &v1::ScoreRequest, path: &str) -> Result<Self, Violations> {
        let mut wrong = Violations::default();
        checked_request_id(&message.request_id, &format!("{path}request_id"), &mut wrong);
        let telling = checked_telling(message.top_reasons, &message.language, path, &mut wrong);
        let as_of = checked_as_of(message.as_of.as_ref(), &format!("{path}as_of"), &mut wrong);
        let whom = match &message.customer {
            None => {
                wrong.add(format!("{path}customer"), "is missing: give customer_id or journey");
                None
            }
            Some(Customer::CustomerId(id)) => checked_customer_id(id, &format!("{path}customer_id"), &mut wrong)
                .map(|id| Whom::Known(service.key_of(id))),
            Some(Customer::Journey(journey)) => inline(service, journey, path, &mut wrong).map(Whom::Inline),
        };
        let question = Question { as_of, telling };
        match whom {
            Some(whom) if wrong.is_empty() => Ok(Self { whom, question }),
            _ => Err(wrong),
        }
    }

    /// True when answering takes some microseconds and no disk.
    fn is_quick(&self, service: &ScoringService) -> bool {
        match &self.whom {
            Whom::Known(key) => service.is_in_memory(*key),
            Whom::Inline(events) => events.len() <= 100,
        }
    }

    fn answer(self, service: &ScoringService) -> Result<Answer, Error> {
        match self.whom {
            Whom::Known(key) => service.score(key, self.question),
            Whom::Inline(events) => service.score_inline(events, self.question),
        }
    }
}

fn inline(
    service: &ScoringService,
    journey: &v1::InlineJourney,
    path: &str,
    wrong: &mut Violations,
) -> Option<Vec<LoggedEvent>> {
    let n_events = journey.events.len();
    if !(1..=MAX_INLINE_EVENTS).contains(&n_events) {
        wrong.add(
            format!("{path}journey.events"),
            format!("has {n_events} events, expected 1 to {MAX_INLINE_EVENTS}"),
        );
        return None;
    }
    let contract = Contract {
        spec: service.spec(),
        identity: Identity::Optional,
        latest: service.latest(),
    };
    let events = journey.events.iter().enumerate();
    let events = events.map(|(at, event)| contract.event(event, &format!("{path}journey.events[{at}]"), wrong));
    // Every event is looked at, so that every fault is told.
    events.collect::<Vec<_>>().into_iter().collect()
}

/// Checks how many requests a batch has.
pub(super) fn checked_batch(n_requests: usize) -> Result<(), Violations> {
    let mut wrong = Violations::default();
    if !(1..=MAX_BATCH).contains(&n_requests) {
        wrong.add(
            "requests",
            format!("has {n_requests} requests, expected 1 to {MAX_BATCH}"),
        );
    }
    wrong.or(|| ())
}

/// The reasons asked for, where any are.
pub(super) fn checked_telling(top: u32, language: &str, path: &str, wrong: &mut Violations) -> Option<Telling> {
    if top > MAX_REASONS {
        wrong.add(
            format!("{path}top_reasons"),
            format!("is {top}, at most {MAX_REASONS} are allowed"),
        );
    }
    let language = match language {
        "" => Some(Language::English),
        code => Language::parse(code),
    };
    if language.is_none() {
        wrong.add(format!("{path}language"), "is not one of en, it, es");
    }
    Telling::top(top as usize, language?)
}

pub(super) fn checked_request_id(request_id: &str, path: &str, wrong: &mut Violations) {
    if request_id.len() > MAX_REQUEST_ID_BYTES {
        let found = request_id.len();
        wrong.add(
            path,
            format!("has {found} bytes, at most {MAX_REQUEST_ID_BYTES} are allowed"),
        );
    }
}

/// The cut-off asked for, where one is.
pub(super) fn checked_as_of(
    asked: Option<&prost_types::Timestamp>,
    path: &str,
    wrong: &mut Violations,
) -> Option<Timestamp> {
    let told = moment(asked?)
        .map(Timestamp::from_micros)
        .filter(|as_of| as_of.is_plausible());
    if told.is_none() {
        wrong.add(path, "is not a timestamp from 1900-01-01 to 2200-01-01");
    }
    told
}

/// The id, trimmed as ingest trims it; a fault never repeats it.
pub(super) fn checked_customer_id<'a>(id: &'a str, path: &str, wrong: &mut Violations) -> Option<&'a str> {
    let id = id.trim();
    if id.is_empty() {
        wrong.add(path, "is missing");
        return None;
    }
    if id.len() > MAX_TEXT_BYTES {
        wrong.add(
            path,
            format!("has {} bytes, at most {MAX_TEXT_BYTES} are allowed", id.len()),
        );
        return None;
    }
    Some(id)
}

fn reply(request_id: String, answer: Answer) -> v1::ScoreReply {
    let Answer {
        model,
        scores,
        explained,
        n_events,
    } = answer;
    let explained = explained.unwrap_or_default();
    let mut reasons = explained.churn.into_iter();
    let targets = model.targets().iter().zip(&scores.churn).zip(&scores.value_at_risk);
    let churn = targets.filter_map(|((target, score), &value_at_risk)| {
        let reasons = reasons.next().unwrap_or_default();
        Some(churn_score(target, score.as_ref()?, reasons, value_at_risk))
    });
    let churn = churn.collect();
    let (explained_stage, mut why) = explained.next.unzip();
    let next_stage = scores.next.as_ref().zip(scores.likeliest).map(|(next, likeliest)| {
        let incidence = next.by_class(model.incidence_days());
        let is_possible = scores.next_stage_set.iter();
        let stages = model.next_stage_classes().iter().zip(&scores.next_stage);
        let stages = stages.zip(incidence).zip(is_possible);
        v1::NextStage {
            horizon_days: model.next_stage_horizon_days(),
            stages: stages
                .enumerate()
                .map(
                    |(at, (((stage, &probability), incidence), &is_possible))| v1::StageProbability {
                        stage: stage.clone(),
                        probability,
                        incidence,
                        reasons: told(why.take_if(|_| explained_stage == Some(at)).unwrap_or_default()),
                        is_possible,
                    },
                )
                .collect(),
            days: model.incidence_days().to_vec(),
            median_days: scores.median_days,
            set_coverage: PredictionSets::COVERAGE,
            likeliest_low: likeliest.low,
            likeliest_high: likeliest.high,
            is_enough_data: likeliest.is_enough_data(),
        }
    });
    v1::ScoreReply {
        request_id,
        as_of: Some(timestamp(scores.as_of)),
        model_version: model.version().to_owned(),
        churn,
        next_stage,
        n_events,
    }
}

pub(super) fn churn_score(
    target: &Target,
    score: &ChurnScore,
    reasons: Vec<Reason>,
    value_at_risk: Option<f64>,
) -> v1::ChurnScore {
    v1::ChurnScore {
        definition: target.definition.clone(),
        kind: target.kind.to_owned(),
        horizon_days: target.horizon_days,
        probability: score.probability,
        low: score.low,
        high: score.high,
        is_enough_data: score.is_enough_data(),
        reasons: told(reasons),
        value_at_risk,
    }
}

fn told(reasons: Vec<Reason>) -> Vec<v1::Reason> {
    let told = |reason: Reason| v1::Reason {
        family: reason.family.name().to_owned(),
        log_odds: reason.log_odds,
        text: reason.text,
    };
    reasons.into_iter().map(told).collect()
}
