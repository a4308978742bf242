//! `percorso.v1.Accounts`.

use std::sync::Arc;

use percorso_journey::{CustomerKey, Timestamp};
use percorso_proto::v1;
use percorso_proto::v1::accounts_server;
use percorso_proto::v1::{get_customer_risk_request, record_feedback_request};
use percorso_scoring::{Order, Reason, ScoringModel, Telling};
use tonic::{Request, Response, Status};

use super::Edge;
use super::decisions::{self, NOTHING, checked_decision_id, checked_reason, unknown_decision};
use super::event::timestamp;
use super::scoring::{checked_customer_id, checked_telling, churn_score, elsewhere};
use super::status::{Violations, status};
use crate::accounts::{Accounts, Answered, Became, Doing, Feedback, Listed, Snoozed, TARGET, Wanted};
use crate::{Error, ResponseKind, ScoringService};

const MAX_PAGE: u32 = 1_000;
const PAGE: u32 = 50;
const MAX_NAME_BYTES: usize = 1_024;

#[tonic::async_trait]
impl accounts_server::Accounts for Edge {
    async fn list_churn_risks(
        &self,
        request: Request<v1::ListChurnRisksRequest>,
    ) -> Result<Response<v1::ListChurnRisksReply>, Status> {
        let message = request.into_inner();
        let work = async {
            let asked = Asked::read(&self.service, &message)?;
            let accounts = Arc::clone(&self.accounts);
            elsewhere(move || asked.answer(&accounts)).await?
        };
        self.admission.admit(work).await
    }

    async fn get_customer_risk(
        &self,
        request: Request<v1::GetCustomerRiskRequest>,
    ) -> Result<Response<v1::CustomerRisk>, Status> {
        let message = request.into_inner();
        let work = async {
            let mut wrong = Violations::default();
            let telling = checked_telling(message.top_reasons, &message.language, "", &mut wrong);
            let whom = message.customer.as_ref().map(|customer| match customer {
                get_customer_risk_request::Customer::CustomerId(id) => Whom::Id(id),
                get_customer_risk_request::Customer::CustomerKey(key) => Whom::Key(key),
            });
            let key = checked_customer(&self.service, whom, &mut wrong);
            let Some(key) = key.filter(|_| wrong.is_empty()) else {
                return Err(wrong.into());
            };
            let accounts = Arc::clone(&self.accounts);
            let risk = elsewhere(move || {
                let model = accounts.service.model().ok_or(Error::NoModel)?;
                Ok(risk(&accounts, &model, &Listed::of(&accounts.service, key)?, telling))
            });
            risk.await?.map_err(|error: Error| status(&error))
        };
        self.admission.admit(work).await
    }

    async fn record_feedback(
        &self,
        request: Request<v1::RecordFeedbackRequest>,
    ) -> Result<Response<v1::RecordFeedbackReply>, Status> {
        let message = request.into_inner();
        let work = async {
            let (key, feedback) = feedback(&self.service, &message)?;
            let became = self.accounts.hear(key, &feedback).await;
            let (id, is_decided_otherwise) = match became.map_err(|error| status(&error))? {
                Became::Recorded(id) => (id, false),
                Became::Otherwise(id) => (id, true),
                Became::NoReason => unreachable!("a rejection without a reason is refused before"),
                Became::NotNow => {
                    let told = "what would be decided now is another action; ask GetCustomerRisk or a dry Recommend";
                    return Err(Status::failed_precondition(told));
                }
                Became::NotLogged => return Err(Status::unavailable("nothing could be logged; ask again")),
                Became::UnknownDecision => return Err(unknown_decision()),
            };
            Ok(v1::RecordFeedbackReply {
                decision_id: id.to_string(),
                is_decided_otherwise,
            })
        };
        self.admission.admit(work).await
    }
}

/// A request for a list, checked.
struct Asked {
    wanted: Wanted,
    telling: Option<Telling>,
    size: usize,
    token: Option<PageToken>,
}

impl Asked {
    fn read(service: &ScoringService, message: &v1::ListChurnRisksRequest) -> Result<Self, Violations> {
        let mut wrong = Violations::default();
        if message.page_size > MAX_PAGE {
            let found = message.page_size;
            wrong.add("page_size", format!("is {found}, at most {MAX_PAGE} are allowed"));
        }
        let size = if message.page_size == 0 {
            PAGE
        } else {
            message.page_size
        };
        let token = match message.page_token.as_str() {
            "" => None,
            text => {
                let token = PageToken::parse(text);
                if token.is_none() {
                    wrong.add("page_token", "is no next_page_token of a reply");
                }
                token
            }
        };
        for (field, text) in [("search", &message.search), ("owner", &message.owner)] {
            if text.len() > MAX_NAME_BYTES {
                let found = text.len();
                wrong.add(
                    field,
                    format!("has {found} bytes, at most {MAX_NAME_BYTES} are allowed"),
                );
            }
        }
        let spec = service.spec();
        let stage = spec.stage_named(&message.stage);
        if stage.is_none() && !message.stage.is_empty() {
            wrong.add("stage", format!("is none of {}", spec.stages().join(", ")));
        }
        let mut actions = (0..).zip(spec.actions());
        let doing = match message.action.as_str() {
            "" => Doing::Anything,
            NOTHING => Doing::Nothing,
            asked => match actions.find(|(_, action)| action.name == asked) {
                Some((at, _)) => Doing::This(at),
                None => {
                    let names: Vec<&str> = spec.actions().iter().map(|action| action.name.as_str()).collect();
                    wrong.add("action", format!("is none of {}, {NOTHING}", names.join(", ")));
                    Doing::Anything
                }
            },
        };
        if message.at_least.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
            wrong.add("at_least", "is not a probability from 0 to 1");
        }
        let order = match v1::RiskOrder::try_from(message.order) {
            Ok(v1::RiskOrder::Unspecified | v1::RiskOrder::Gain) => Order::Gain,
            Ok(v1::RiskOrder::Chance) => Order::Chance,
            Ok(v1::RiskOrder::Value) => Order::Value,
            Ok(v1::RiskOrder::ActBy) => Order::ActBy,
            Err(_) => {
                wrong.add("order", "is not one of gain, chance, value and act_by");
                Order::Gain
            }
        };
        let telling = checked_telling(message.top_reasons, &message.language, "", &mut wrong);
        wrong.or(|| Self {
            wanted: Wanted {
                search: message.search.clone(),
                owner: (!message.owner.is_empty()).then(|| message.owner.clone()),
                stage,
                doing,
                at_least: message.at_least,
                snoozed: Snoozed::Without,
                order,
            },
            telling,
            size: size as usize,
            token,
        })
    }

    fn answer(&self, accounts: &Accounts) -> Result<v1::ListChurnRisksReply, Status> {
        let model = accounts.service.model().ok_or_else(|| status(&Error::NoModel))?;
        let ranking = accounts.ranking();
        let ranking = ranking.ok_or_else(|| Status::unavailable("everyone is being ranked; ask again in a moment"))?;
        let from = match &self.token {
            None => 0,
            Some(token) if token.as_of == ranking.as_of => token.from,
            Some(_) => {
                return Err(Status::aborted(
                    "everyone was ranked anew; begin again without page_token",
                ));
            }
        };
        let found = ranking.found(&self.wanted, accounts);
        let at_least = self.wanted.at_least;
        let n_customers = found.extent(at_least).n_customers;
        let until = from.saturating_add(self.size).min(n_customers);
        let customers = found.some(&ranking, at_least, from, self.size).map(|listed| {
            let listed = ranking.latest(listed);
            risk(accounts, &model, &listed, self.telling)
        });
        let next = PageToken {
            as_of: ranking.as_of,
            from: until,
        };
        Ok(v1::ListChurnRisksReply {
            customers: customers.collect(),
            next_page_token: if until < n_customers {
                next.text()
            } else {
                String::new()
            },
            total_size: n_customers as u64,
            as_of: Some(timestamp(ranking.as_of)),
            model_version: ranking.scored_by().to_owned(),
        })
    }
}

/// Where a list goes on: the ranking it is of, and how many customers came before.
#[derive(Debug, PartialEq, Eq)]
struct PageToken {
    as_of: Timestamp,
    from: usize,
}

impl PageToken {
    fn parse(text: &str) -> Option<Self> {
        let (as_of, from) = text.split_once('-')?;
        Some(Self {
            as_of: Timestamp::from_micros(i64::from_str_radix(as_of, 16).ok()?),
            from: usize::from_str_radix(from, 16).ok()?,
        })
    }

    fn text(&self) -> String {
        format!("{:x}-{:x}", self.as_of.micros(), self.from)
    }
}

/// A customer of the list, with reasons where they are asked for.
fn risk(accounts: &Accounts, model: &ScoringModel, listed: &Listed, telling: Option<Telling>) -> v1::CustomerRisk {
    let Accounts { service, people, .. } = accounts;
    let spec = service.spec();
    let person = people.of(listed.key);
    let reasons = || -> Vec<Reason> {
        let told = telling.map(|telling| service.reasons(listed.key, TARGET, telling));
        told.and_then(Result::ok).unwrap_or_default()
    };
    let target = model.targets().get(TARGET);
    let churn = listed.churn.as_ref().zip(target);
    let action = listed.action.map(|at| spec.actions()[usize::from(at)].name.clone());
    v1::CustomerRisk {
        customer_key: listed.key.to_string(),
        customer_id: person.map(|person| person.id.clone()).unwrap_or_default(),
        owner: person.and_then(|person| person.owner.clone()).unwrap_or_default(),
        stage: listed
            .stage
            .map(|at| spec.stages()[usize::from(at)].clone())
            .unwrap_or_default(),
        churn: churn.map(|(score, target)| churn_score(target, score, reasons(), listed.value_at_risk)),
        action: action.unwrap_or_else(|| NOTHING.to_owned()),
        gain: listed.gain,
        evidence: decisions::told(listed.evidence).0.into(),
        act_by: listed.act_by.map(|act_by| timestamp(act_by.at)),
        act_by_is_open: listed.act_by.is_some_and(|act_by| act_by.is_end_of_knowledge),
    }
}

/// How a call names a customer.
enum Whom<'a> {
    Id(&'a str),
    Key(&'a str),
}

/// The customer that a call has to name.
fn checked_customer(service: &ScoringService, whom: Option<Whom<'_>>, wrong: &mut Violations) -> Option<CustomerKey> {
    match whom {
        None => {
            wrong.add("customer", "is missing: give customer_id or customer_key");
            None
        }
        Some(Whom::Id(id)) => checked_customer_id(id, "customer_id", wrong).map(|id| service.key_of(id)),
        Some(Whom::Key(key)) => {
            let key = CustomerKey::parse(key);
            if key.is_none() {
                wrong.add("customer_key", "is not the key of a customer: 32 hex digits");
            }
            key
        }
    }
}

fn feedback(
    service: &ScoringService,
    message: &v1::RecordFeedbackRequest,
) -> Result<(CustomerKey, Feedback), Violations> {
    let mut wrong = Violations::default();
    let whom = message.customer.as_ref().map(|customer| match customer {
        record_feedback_request::Customer::CustomerId(id) => Whom::Id(id),
        record_feedback_request::Customer::CustomerKey(key) => Whom::Key(key),
    });
    let key = checked_customer(service, whom, &mut wrong);
    let answer = match message.kind() {
        v1::FeedbackKind::Unspecified => None,
        v1::FeedbackKind::WillDo => Some(Answered::WillDo),
        v1::FeedbackKind::Rejected => Some(Answered::Came(ResponseKind::Rejected)),
        v1::FeedbackKind::Done => Some(Answered::Came(ResponseKind::Executed)),
        v1::FeedbackKind::Took => Some(Answered::Came(ResponseKind::Accepted)),
    };
    if answer.is_none() {
        wrong.add("kind", "is missing: will_do, rejected, done or took");
    }
    let is_rejected = answer == Some(Answered::Came(ResponseKind::Rejected));
    let reason = checked_reason(&message.reason, is_rejected, &mut wrong).to_owned();
    let decision = match message.decision_id.as_str() {
        "" => None,
        id => checked_decision_id(id, &mut wrong),
    };
    if message.decision_id.is_empty() && message.action.is_empty() {
        wrong.add(
            "action",
            "is missing: the action that was recommended, or give decision_id",
        );
    }
    match (key, answer) {
        (Some(key), Some(answer)) if wrong.is_empty() => {
            let feedback = Feedback {
                answer,
                action: message.action.clone(),
                decision,
                reason,
            };
            Ok((key, feedback))
        }
        _ => Err(wrong),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_token_is_read_as_it_is_written() {
        for micros in [0, 1_790_000_000_000_000] {
            let token = PageToken {
                as_of: Timestamp::from_micros(micros),
                from: 250,
            };
            assert_eq!(PageToken::parse(&token.text()), Some(token));
        }
        assert_eq!(PageToken::parse("2"), None);
        assert_eq!(PageToken::parse("x-1"), None);
    }
}
