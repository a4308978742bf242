//! What actions would do for one customer, as far as it was learnt or declared, and what to do now.

use percorso_journey::{JourneyState, Timestamp};
use percorso_next_action::decide::{Case, Contact, Decision, Purpose, Score, decide, gain};
use percorso_next_action::uplift::Uplift;
use percorso_next_action::{Effect, Evidence};
use serde::{Deserialize, Serialize};

use crate::{ScoreError, Scores, ScoringModel, Scratch};

/// The effects of actions that a model learnt.
#[derive(Clone, Debug, PartialEq)]
pub struct Actions {
    pub(crate) slots: Vec<ActionSlot>,
    pub(crate) uplift: Uplift,
}

/// An action whose effect was learnt, in the order of the effects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionSlot {
    /// Its name.
    pub name: String,
    /// The longest silence after which it was taken, but for the longest twentieth: beyond it no decision tells.
    pub silence_days: f64,
}

/// What to do for a customer, and until when it is worth it.
#[derive(Clone, Debug, PartialEq)]
pub struct Recommended {
    /// What was decided, and every step there.
    pub decision: Decision,
    /// Until when what was chosen still gains something if the customer stays silent; nothing of doing nothing, and where no
    /// decision tells: of an action never logged, or after a longer silence than logged decisions had.
    pub act_by: Option<ActBy>,
}

/// The last day on which an action still gains something.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ActBy {
    /// The moment, whole days from now.
    pub at: Timestamp,
    /// True when it is the end of what the log tells, not of the gain: later may do as well.
    pub is_end_of_knowledge: bool,
}

impl Actions {
    /// The effects of actions, a slot for each.
    ///
    /// # Panics
    /// When there is not one effect for each.
    pub fn new(slots: Vec<ActionSlot>, uplift: Uplift) -> Self {
        assert_eq!(slots.len(), uplift.arms().len(), "one effect for each action");
        Self { slots, uplift }
    }

    fn of(&self, name: &str) -> Option<(usize, &ActionSlot)> {
        self.slots.iter().enumerate().find(|(_, slot)| slot.name == name)
    }
}

impl ScoringModel {
    /// What each action of the spec would bring in beyond doing nothing, in its order.
    ///
    /// Where no decision told, what the spec declares is believed; where it declares nothing, nothing is.
    ///
    /// # Errors
    /// - the state holds no event, or one at or after `as_of`.
    pub fn effects(
        &self,
        state: &JourneyState,
        as_of: Timestamp,
        scratch: &mut Scratch,
    ) -> Result<Vec<Effect>, ScoreError> {
        self.encode(state, as_of, scratch)?;
        let effect = |action: &percorso_journey::spec::Action| {
            let learnt = self.actions.as_ref();
            let arm = learnt.and_then(|learnt| Some(&learnt.uplift.arms()[learnt.of(&action.name)?.0]));
            match (arm, action.prior) {
                (Some(arm), _) => Effect {
                    reward: arm.uplift(&scratch.cells),
                    evidence: Evidence::Learnt {
                        n_decisions: arm.n_rows,
                    },
                },
                (None, Some(prior)) => Effect {
                    reward: prior.gain,
                    evidence: Evidence::Declared,
                },
                (None, None) => Effect {
                    reward: 0.0,
                    evidence: Evidence::None,
                },
            }
        };
        Ok(self.spec.actions().iter().map(effect).collect())
    }

    /// What to do for a customer whose scores at a cut-off are these; `contacts` are those made before.
    ///
    /// # Errors
    /// - the state holds no event, or one at or after the scores' cut-off.
    pub fn recommend(
        &self,
        state: &JourneyState,
        scores: &Scores,
        contacts: &[Contact],
        purpose: Purpose,
        scratch: &mut Scratch,
    ) -> Result<Recommended, ScoreError> {
        let decision = self.decide(state, scores, contacts, purpose, scratch)?;
        let act_by = match decision.choice().action {
            Some(action) => self.act_by(state, scores.as_of, action, scratch)?,
            None => None,
        };
        Ok(Recommended { decision, act_by })
    }

    /// What could be done for a customer whose scores at a cut-off are these, and what must not; it does not ask until when, as
    /// [`Self::recommend`] does day by day.
    ///
    /// # Errors
    /// - the state holds no event, or one at or after the scores' cut-off.
    pub fn decide(
        &self,
        state: &JourneyState,
        scores: &Scores,
        contacts: &[Contact],
        purpose: Purpose,
        scratch: &mut Scratch,
    ) -> Result<Decision, ScoreError> {
        let as_of = scores.as_of;
        let effects = self.effects(state, as_of, scratch)?;
        let told = self.score_names.iter().zip(&scores.churn);
        let told: Vec<Score<'_>> = told
            .map(|(name, score)| Score {
                name,
                value: score.map(|score| score.probability),
            })
            .collect();
        let case = Case {
            spec: &self.spec,
            state,
            as_of,
            effects: &effects,
            scores: &told,
            contacts,
            purpose,
        };
        Ok(decide(&self.rules, &case))
    }

    /// Until when an action still gains something if nothing comes, asked day by day as far as the log tells.
    fn act_by(
        &self,
        state: &JourneyState,
        as_of: Timestamp,
        action: u16,
        scratch: &mut Scratch,
    ) -> Result<Option<ActBy>, ScoreError> {
        let declared = &self.spec.actions()[usize::from(action)];
        let learnt = self.actions.as_ref();
        let Some((arm, slot)) = learnt.and_then(|learnt| {
            let (at, slot) = learnt.of(&declared.name)?;
            Some((&learnt.uplift.arms()[at], slot))
        }) else {
            return Ok(None);
        };
        let silence_days = state.last_at().map_or(0.0, |last_at| as_of.days_since(last_at));
        if silence_days > slot.silence_days {
            return Ok(None);
        }
        let mut last = as_of;
        for day in 1..=i64::from(self.spec.decisions().window_days) {
            if silence_days + day as f64 > slot.silence_days {
                return Ok(Some(ActBy {
                    at: last,
                    is_end_of_knowledge: true,
                }));
            }
            let then = as_of.plus_days(day);
            self.encode(state, then, scratch)?;
            if gain(&self.spec, action, arm.uplift(&scratch.cells)) <= 0.0 {
                return Ok(Some(ActBy {
                    at: last,
                    is_end_of_knowledge: false,
                }));
            }
            last = then;
        }
        Ok(Some(ActBy {
            at: last,
            is_end_of_knowledge: true,
        }))
    }
}
