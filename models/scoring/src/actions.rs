//! What actions would do for one customer, as far as it was learnt or declared, and what to do now.

use percorso_journey::{JourneyState, Timestamp};
use percorso_next_action::decide::{Case, Circumstances, Decision, Score, decide, gain};
use percorso_next_action::uplift::Uplift;
use percorso_next_action::{Effect, Evidence};
use serde::{Deserialize, Serialize};

use crate::{Ahead, ScoreError, Scores, ScoringModel, Scratch};

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
    /// The moment: whole days after the customer's last event, or now.
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

/// What is believed of what actions do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Belief {
    /// What the model learnt, and what the spec declares where no decision told.
    Learnt,
    /// What the spec declares alone: nothing that was learnt is proven yet.
    Declared,
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
        belief: Belief,
        scratch: &mut Scratch,
    ) -> Result<Vec<Effect>, ScoreError> {
        let learnt = self.actions.as_ref().filter(|_| belief == Belief::Learnt);
        if learnt.is_some() {
            self.encode(state, as_of, scratch)?;
        }
        let effect = |action: &percorso_journey::spec::Action| {
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

    /// The scores that rules may ask about, by their names.
    pub fn named_scores<'a>(&'a self, scores: &Scores) -> Vec<Score<'a>> {
        let told = self.score_names.iter().zip(&scores.churn);
        told.map(|(name, score)| Score {
            name,
            value: score.map(|score| score.probability),
        })
        .collect()
    }

    /// What to do for a customer whose scores at a cut-off are these.
    ///
    /// `ahead` is of this model and this state, or empty; it is filled as far as it is asked.
    ///
    /// # Errors
    /// - the state holds no event, or one at or after the scores' cut-off.
    pub fn recommend(
        &self,
        state: &JourneyState,
        scores: &Scores,
        belief: Belief,
        circumstances: Circumstances<'_>,
        ahead: &mut Ahead,
        scratch: &mut Scratch,
    ) -> Result<Recommended, ScoreError> {
        let decision = self.decide(state, scores, belief, circumstances, scratch)?;
        let choice = decision.choice();
        let act_by = match choice.action {
            Some(action) if belief == Belief::Learnt && choice.gain > 0.0 => {
                self.act_by(state, scores.as_of, action, ahead, scratch)?
            }
            Some(_) | None => None,
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
        belief: Belief,
        circumstances: Circumstances<'_>,
        scratch: &mut Scratch,
    ) -> Result<Decision, ScoreError> {
        let as_of = scores.as_of;
        let effects = self.effects(state, as_of, belief, scratch)?;
        let case = Case {
            spec: &self.spec,
            state,
            as_of,
            effects: &effects,
            scores: &self.named_scores(scores),
            circumstances,
        };
        Ok(decide(&self.rules, &case))
    }

    /// Until when an action still gains something if nothing comes, asked of each whole day after the last event, as far as
    /// the log tells.
    fn act_by(
        &self,
        state: &JourneyState,
        as_of: Timestamp,
        action: u16,
        ahead: &mut Ahead,
        scratch: &mut Scratch,
    ) -> Result<Option<ActBy>, ScoreError> {
        let declared = &self.spec.actions()[usize::from(action)];
        let learnt = self.actions.as_ref();
        let learnt = learnt.and_then(|learnt| Some((learnt, learnt.of(&declared.name)?)));
        let (Some((learnt, (arm, slot))), Some(last_at)) = (learnt, state.last_at()) else {
            return Ok(None);
        };
        let silence_days = as_of.days_since(last_at);
        if silence_days > slot.silence_days {
            return Ok(None);
        }
        let mut last = as_of;
        for day in libm::floor(silence_days) as i64 + 1.. {
            let then = last_at.plus_days(day);
            let is_beyond = then.days_since(as_of) > f64::from(self.spec.decisions().window_days);
            if is_beyond || day as f64 > slot.silence_days {
                break;
            }
            let uplift = self.on_day(state, (last_at, day), (learnt, arm), ahead, scratch)?;
            if gain(&self.spec, action, uplift) <= 0.0 {
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
