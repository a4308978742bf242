//! One decision, from all that it is made from: the same, and the same comes out.

use std::sync::Arc;

use percorso_journey::{JourneyState, Spec, Timestamp};
use percorso_next_action::decide::{Case, Circumstances, Decision, Purpose, Ranked, fall_back, meeting};
use percorso_scoring::{ActBy, Belief, ScoringModel};

use super::DecisionRequest;
use super::record::{Considered, DecisionRecord, MadeFrom, Meeting, Named, Policy};
use crate::foreseen::Foreseen;
use crate::service::with_scratch;

/// The past of one customer at a moment, with all else that counts.
pub(super) struct Past<'a> {
    pub(super) spec: &'a Spec,
    pub(super) state: &'a JourneyState,
    pub(super) as_of: Timestamp,
    pub(super) from: MadeFrom,
}

/// Who decides: a model, and how far its effects are believed; or nobody, and why.
pub(super) enum Mind {
    Model(Arc<ScoringModel>, Belief),
    Nobody(String),
}

impl Mind {
    /// The same, believing what was learnt.
    pub(super) fn for_people(self) -> Self {
        match self {
            Self::Model(model, _) => Self::Model(model, Belief::Learnt),
            Self::Nobody(why) => Self::Nobody(why),
        }
    }
}

/// What is decided, and its steps.
struct Verdict {
    decision: Decision,
    act_by: Option<ActBy>,
    scores: Vec<(String, Option<f64>)>,
}

/// The decision as it is logged, and the position of the action that was chosen; `None` for nothing.
pub(super) fn made(
    request: &DecisionRequest,
    past: Past<'_>,
    mind: &Mind,
    purpose: Purpose,
    foreseen: &mut Foreseen,
) -> (DecisionRecord, Option<u16>) {
    let spec = past.spec;
    let Past { as_of, from, .. } = &past;
    let contacts = from.contacts.contacts(spec);
    let channels: Vec<u16> = from.channels.iter().map(|name| spec.channel_named(name)).collect();
    let circumstances = Circumstances {
        now: from.now,
        contacts: &contacts,
        today: &from.today,
        channels: &channels,
        is_held_out: from.is_held_out,
        purpose,
    };
    let (verdict, policy, model_version, fallback_reason) = match mind {
        Mind::Model(model, belief) => {
            let policy = match belief {
                Belief::Learnt => Policy::Learnt,
                Belief::Declared => Policy::Declared,
            };
            let verdict = asked(model, *belief, past.state, *as_of, circumstances, foreseen);
            (verdict, policy, model.version().to_owned(), String::new())
        }
        Mind::Nobody(why) => {
            let case = Case {
                spec,
                state: past.state,
                as_of: *as_of,
                effects: &[],
                scores: &[],
                circumstances,
            };
            let verdict = Verdict {
                decision: fall_back(&case),
                act_by: None,
                scores: Vec::new(),
            };
            (verdict, Policy::Fallback, String::new(), why.clone())
        }
    };
    let Verdict {
        decision,
        act_by,
        scores,
    } = verdict;
    let met = meeting(spec, past.state, decision.choice().action);
    let name = |action: u16| spec.actions()[usize::from(action)].name.clone();
    let record = DecisionRecord {
        id: request.id,
        customer: request.customer,
        as_of: *as_of,
        policy,
        model_version,
        fallback_reason,
        scores,
        options: decision.ranked.iter().map(|ranked| considered(spec, ranked)).collect(),
        dropped: decision
            .dropped
            .iter()
            .map(|dropped| (name(dropped.action), dropped.why.clone()))
            .collect(),
        chosen: decision.chosen,
        act_by,
        meeting: Meeting {
            hours: met.hours,
            channel: met
                .channel
                .map_or_else(String::new, |at| spec.channels()[usize::from(at)].clone()),
        },
        from: past.from,
    };
    (record, decision.choice().action)
}

fn asked(
    model: &ScoringModel,
    belief: Belief,
    state: &JourneyState,
    as_of: Timestamp,
    circumstances: Circumstances<'_>,
    foreseen: &mut Foreseen,
) -> Verdict {
    with_scratch(|scratch| {
        let known = "the state holds events, all of them before the cut-off";
        let scores = model
            .score_again(state, as_of, &mut foreseen.hazards, scratch)
            .expect(known);
        let recommended = model
            .recommend(state, &scores, belief, circumstances, &mut foreseen.ahead, scratch)
            .expect(known);
        let told = model.named_scores(&scores).into_iter();
        Verdict {
            decision: recommended.decision,
            act_by: recommended.act_by,
            scores: told.map(|score| (score.name.to_owned(), score.value)).collect(),
        }
    })
}

fn considered(spec: &Spec, ranked: &Ranked) -> Considered {
    let named = |action: u16| {
        let action = &spec.actions()[usize::from(action)];
        Named {
            name: action.name.clone(),
            text: action.text.clone(),
            channel: spec.channels()[usize::from(action.channel)].clone(),
        }
    };
    Considered {
        action: ranked.action.map(named),
        gain: ranked.gain,
        priority: ranked.priority,
        propensity: ranked.propensity,
        evidence: ranked.evidence,
    }
}
