//! A model opened: from state and cut-off to scores.

use std::sync::Arc;

use percorso_artefact::{Artefact, Header, Sealer};
use percorso_churn::{ChurnHead, ChurnScore, Curve};
use percorso_features::{Catalogue, Encoder, FeatureRow, HoldsTheFuture};
use percorso_journey::spec::ChurnTarget;
use percorso_journey::{JourneyState, Spec, Timestamp, Wait, at_risk, in_population};
use percorso_learners::{Bought, PurchaseModel, Stake};
use percorso_next_action::decide::{RuleError, Rules, score_name};
use percorso_next_action::uplift::Uplift;
use percorso_next_stage::{Incidence, NextStageHead};

use crate::body::signatures;
use crate::hazards::Hazards;
use crate::reconciled::{Bound, reconcile};
use crate::{Actions, Body, ChurnSlot, KIND, Scores, Target, bought, weeks};

/// Where the arrays of models of purchases lie.
const PURCHASES: &str = "purchases";
/// Where the effects of actions lie.
const NEXT_ACTION: &str = "next-action";

/// A scoring model, bound to the spec it was trained under.
pub struct ScoringModel {
    version: String,
    pub(crate) spec: Arc<Spec>,
    pub(crate) catalogue: Catalogue,
    pub(crate) encoder: Encoder,
    targets: Vec<Target>,
    bounds: Vec<Bound>,
    /// Positions of the targets, so that each comes after the one it goes on from.
    shortest_first: Vec<usize>,
    pub(crate) churn: Vec<Option<ChurnHead>>,
    next_stage_classes: Vec<String>,
    pub(crate) next_stage: NextStageHead,
    incidence_days: Vec<f64>,
    purchases: Option<PurchaseModel>,
    pub(crate) actions: Option<Actions>,
    pub(crate) rules: Rules,
    /// Per target, what rules call its score.
    pub(crate) score_names: Vec<String>,
}

/// The fitted parts of a model, before it is sealed.
pub struct Parts {
    /// From rows to cells.
    pub encoder: Encoder,
    /// Per churn target of the spec; `None` where too little was seen to learn from.
    pub churn: Vec<Option<ChurnHead>>,
    /// The next stage.
    pub next_stage: NextStageHead,
    /// What customers buy; `None` where too little was seen, and nothing is then said of value at risk.
    pub purchases: Option<PurchaseModel>,
    /// What actions do; `None` where no decision told.
    pub actions: Option<Actions>,
}

/// Buffers for one score after another, so that nothing is allocated but the scores themselves.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(crate) row: FeatureRow,
    pub(crate) cells: Vec<f32>,
    classes: Vec<f64>,
    hazards: Hazards,
}

/// Why a model file cannot score this business's journeys.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It holds something else.
    #[error("the artefact is of kind `{found}`, expected `{KIND}`")]
    Kind {
        /// The kind found.
        found: String,
    },
    /// Its structure cannot be read.
    #[error("the model's structure cannot be read")]
    Body(#[source] serde_json::Error),
    /// It was trained on other features.
    #[error("the model was trained on other features: the first that differs is `{feature}`, which {difference}")]
    Features {
        /// The feature.
        feature: String,
        /// How it differs.
        difference: &'static str,
    },
    /// It was trained under another spec.
    #[error(
        "the model was trained under another journey.toml: the same features, but stages, touchpoints or definitions differ"
    )]
    Spec,
    /// An array is missing or misshapen.
    #[error("the model's arrays do not fit its structure")]
    Arrays(#[from] percorso_learners::Error),
    /// An array of what actions do is missing or misshapen.
    #[error("what the model says of actions does not fit its structure")]
    Actions(#[from] percorso_next_action::Error),
    /// What actions do was learnt for other rewards.
    #[error("what actions do was learnt under other rewards or another window than journey.toml declares; train again")]
    Reward,
    /// A rule of an action cannot be used.
    #[error(transparent)]
    Rules(#[from] RuleError),
}

/// Why a state cannot be scored at a cut-off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScoreError {
    /// The state holds an event at or after the cut-off.
    #[error(transparent)]
    HoldsTheFuture(#[from] HoldsTheFuture),
    /// The state holds no event.
    #[error("no event lies before the cut-off {as_of}")]
    NoEvents {
        /// The cut-off asked for.
        as_of: Timestamp,
    },
}

impl ScoringModel {
    /// The model in an artefact, checked against the spec of the journeys it shall score.
    ///
    /// # Errors
    /// - the artefact is of another kind or structure;
    /// - it was trained on other features (names the first that differs) or under another spec.
    pub fn open(spec: &Arc<Spec>, artefact: &Artefact, version: impl Into<String>) -> Result<Self, OpenError> {
        let header = artefact.header();
        if header.kind != KIND {
            return Err(OpenError::Kind {
                found: header.kind.clone(),
            });
        }
        let body: Body = serde_json::from_value(header.body.clone()).map_err(OpenError::Body)?;
        let catalogue = Catalogue::of(spec);
        same_features(header, &body, &catalogue)?;
        if header.spec_digest != spec.digest() {
            return Err(OpenError::Spec);
        }
        let targets = targets(spec);
        let open = |(at, slot): (usize, &ChurnSlot)| {
            slot.is_answered
                .then(|| ChurnHead::open(&format!("churn/{at}"), artefact))
                .transpose()
        };
        let churn = body.churn.iter().enumerate().map(open).collect::<Result<Vec<_>, _>>()?;
        let next_stage = NextStageHead::open("next-stage", artefact)?;
        let purchases = body
            .has_purchases
            .then(|| PurchaseModel::open(PURCHASES, artefact))
            .transpose()?;
        let actions = match body.actions.as_slice() {
            [] => None,
            slots => Some(Actions {
                slots: slots.to_vec(),
                uplift: Uplift::open(NEXT_ACTION, artefact)?,
            }),
        };
        if actions.is_some() && body.rewarded != spec.decisions().rewarded() {
            return Err(OpenError::Reward);
        }
        let has_an_effect_each = |actions: &Actions| actions.slots.len() == actions.uplift.arms().len();
        let fits = actions.as_ref().is_none_or(has_an_effect_each)
            && churn.len() == targets.len()
            && next_stage.n_classes() == body.next_stage.len()
            && body.next_stage == spec.next_stage_classes()
            && next_stage
                .grid()
                .is_coarse_enough(f64::from(body.next_stage_horizon_days))
            && body.next_stage_horizon_days == spec.next_stage().horizon_days
            && body.encoder.fits(catalogue.len());
        if !fits {
            return Err(OpenError::Spec);
        }
        let bounds = targets.iter().map(|target| Bound::of(spec, target)).collect();
        let mut shortest_first: Vec<usize> = (0..targets.len()).collect();
        shortest_first.sort_by_key(|at| targets[*at].horizon_days);
        Ok(Self {
            version: version.into(),
            bounds,
            shortest_first,
            incidence_days: next_stage.grid().days_until(f64::from(spec.next_stage().horizon_days)),
            spec: Arc::clone(spec),
            catalogue,
            encoder: body.encoder,
            targets,
            churn,
            next_stage_classes: body.next_stage,
            next_stage,
            purchases,
            actions,
            rules: Rules::compile(spec)?,
            score_names: spec
                .churn_targets()
                .into_iter()
                .map(|target| score_name(spec, target))
                .collect(),
        })
    }

    /// The bytes of a model file of these parts; `header` brings what only training knows, the rest is filled in here.
    ///
    /// # Errors
    /// - a part cannot be put into arrays.
    pub fn seal(spec: &Spec, parts: &Parts, header: Header) -> Result<Vec<u8>, percorso_next_action::Error> {
        let catalogue = Catalogue::of(spec);
        let mut sealer = Sealer::new();
        for (at, head) in parts.churn.iter().enumerate() {
            if let Some(head) = head {
                head.seal(&format!("churn/{at}"), &mut sealer)?;
            }
        }
        parts.next_stage.seal("next-stage", &mut sealer)?;
        if let Some(purchases) = &parts.purchases {
            purchases.seal(PURCHASES, &mut sealer)?;
        }
        if let Some(actions) = &parts.actions {
            actions.uplift.seal(NEXT_ACTION, &mut sealer)?;
        }
        let slot = |(target, head): (Target, &Option<ChurnHead>)| ChurnSlot {
            definition: target.definition,
            horizon_days: target.horizon_days,
            is_answered: head.is_some(),
        };
        let body = Body {
            feature_signatures: signatures(&catalogue),
            encoder: parts.encoder.clone(),
            churn: targets(spec).into_iter().zip(&parts.churn).map(slot).collect(),
            next_stage: spec.next_stage_classes(),
            next_stage_horizon_days: spec.next_stage().horizon_days,
            has_purchases: parts.purchases.is_some(),
            rewarded: spec.decisions().rewarded(),
            actions: parts
                .actions
                .as_ref()
                .map_or_else(Vec::new, |actions| actions.slots.clone()),
        };
        let definition = |target: Target| percorso_artefact::Definition {
            name: target.definition,
            horizon_days: target.horizon_days,
            kind: target.kind.to_owned(),
        };
        let header = Header {
            kind: KIND.to_owned(),
            feature_fingerprint: catalogue.fingerprint(),
            feature_names: catalogue.features().map(|feature| feature.name.clone()).collect(),
            spec_digest: spec.digest(),
            definitions: targets(spec).into_iter().map(definition).collect(),
            body: serde_json::to_value(body).expect("our own types turn into JSON"),
            ..header
        };
        Ok(sealer.seal(&header)?)
    }

    /// The scores of a customer at a cut-off.
    ///
    /// # Errors
    /// - the state holds no event, or one at or after `as_of`.
    pub fn score(&self, state: &JourneyState, as_of: Timestamp, scratch: &mut Scratch) -> Result<Scores, ScoreError> {
        let mut hazards = std::mem::take(&mut scratch.hazards);
        hazards.clear();
        let scores = self.score_again(state, as_of, &mut hazards, scratch);
        scratch.hazards = hazards;
        scores
    }

    /// As [`Self::score`], to the bit, of a customer whose hazards may be known from before.
    ///
    /// `hazards` are those of this model and this state at an earlier cut-off, or empty; they are those of this cut-off
    /// afterwards. Asked again without a new event, a customer costs no more than one row.
    ///
    /// # Errors
    /// - as of [`Self::score`].
    pub fn score_again(
        &self,
        state: &JourneyState,
        as_of: Timestamp,
        hazards: &mut Hazards,
        scratch: &mut Scratch,
    ) -> Result<Scores, ScoreError> {
        self.encode(state, as_of, scratch)?;
        if !in_population(&self.spec, state, as_of) {
            return Ok(Scores {
                as_of,
                churn: vec![None; self.targets.len()],
                value_at_risk: vec![None; self.targets.len()],
                next_stage: Vec::new(),
                next_stage_set: Vec::new(),
                likeliest: None,
                next: None,
                median_days: None,
            });
        }
        let mut churn = self.leaving(state, as_of, scratch);
        let next = self.next(state, as_of, hazards, scratch);
        scratch.classes.resize(self.next_stage_classes.len(), 0.0);
        reconcile(
            &mut churn,
            &self.bounds,
            &self.shortest_first,
            &next,
            &mut scratch.classes,
        );
        let value_at_risk = self.value_at_risk(&churn, bought(state, as_of).as_ref());
        let mut next_stage = vec![0.0; self.next_stage_classes.len()];
        let horizon_days = f64::from(self.next_stage_horizon_days());
        next.at(horizon_days, &mut next_stage);
        let trust = self.next_stage.trust();
        Ok(Scores {
            as_of,
            churn,
            value_at_risk,
            next_stage_set: trust.sets.of(&next_stage).collect(),
            likeliest: Some(trust.likeliest(&next_stage)),
            next_stage,
            median_days: next.days_until(0.5).filter(|days| *days <= horizon_days),
            next: Some(next),
        })
    }

    /// Per target, how likely the customer leaves; of one curve each goes on from the shorter one before.
    fn leaving(&self, state: &JourneyState, as_of: Timestamp, scratch: &Scratch) -> Vec<Option<ChurnScore>> {
        let of_head = |(head, target): (&Option<ChurnHead>, &Target)| {
            let is_asked = at_risk(&self.spec, state, target.of_spec, as_of);
            let head = head.as_ref().filter(|_| is_asked)?;
            Some(head.score(&scratch.cells))
        };
        let mut scores: Vec<Option<ChurnScore>> = self.churn.iter().zip(&self.targets).map(of_head).collect();
        for &at in &self.shortest_first {
            if let Some((before, curve)) = self.targets[at].goes_on_from {
                scores[at] = curve.answer(scores[before], scores[at]);
            }
        }
        scores
    }

    /// What comes next and when, from the intervals of waiting that lie between the cut-off and the horizon.
    fn next(&self, state: &JourneyState, as_of: Timestamp, hazards: &mut Hazards, scratch: &mut Scratch) -> Incidence {
        let horizon = as_of.plus_days(i64::from(self.next_stage_horizon_days()));
        let n_classes = self.next_stage_classes.len();
        if !hazards.reach(as_of, horizon) {
            hazards.clear();
            self.each_wait(state, as_of, horizon, scratch, |wait, scratch| {
                self.next_stage.score(&scratch.cells, hazards.add(wait, n_classes));
            });
        }
        let mut next = Incidence::new(n_classes - 1);
        for (wait, classes) in hazards.between(as_of, horizon, n_classes) {
            next.wait(wait, as_of, classes);
        }
        next
    }

    /// Reads the cells of every interval of waiting from the cut-off until an end, and shows them.
    ///
    /// Each is asked about at its own beginning, as if nothing came: the same question whenever the answer is wanted.
    pub(crate) fn each_wait(
        &self,
        state: &JourneyState,
        as_of: Timestamp,
        end: Timestamp,
        scratch: &mut Scratch,
        mut show: impl FnMut(Wait, &mut Scratch),
    ) {
        let grid = self.next_stage.grid();
        let last_at = state.last_at().expect("a state of the population has events");
        let mut wait = Wait::at(last_at, grid, as_of);
        loop {
            self.encode_row(state, wait.asked_at(state), scratch)
                .expect("a state is of the past of whatever follows its last event");
            show(wait, scratch);
            if wait.until >= end {
                return;
            }
            wait = wait.next(grid);
        }
    }

    fn value_at_risk(&self, churn: &[Option<ChurnScore>], bought: Option<&Bought>) -> Vec<Option<f64>> {
        let of_value = bought.filter(|bought| bought.spending.frequency > 0);
        let (Some(model), Some(bought)) = (&self.purchases, of_value) else {
            return vec![None; churn.len()];
        };
        let mean_value = model.values.expected_value(&bought.spending);
        // Targets of one horizon follow each other, and share what is expected within it.
        let mut last = (0, 0.0);
        let at_risk = |(score, target): (&Option<ChurnScore>, &Target)| {
            let p_leaves = score.as_ref()?.probability;
            if last.0 != target.horizon_days {
                let horizon_weeks = weeks(f64::from(target.horizon_days));
                let n_purchases = model
                    .counts
                    .expected_purchases_if_alive(&bought.purchases, horizon_weeks);
                last = (target.horizon_days, n_purchases);
            }
            let stake = Stake {
                p_leaves,
                n_purchases_if_staying: last.1,
                mean_value,
            };
            Some(stake.value_at_risk())
        };
        churn.iter().zip(&self.targets).map(at_risk).collect()
    }

    pub(crate) fn encode(
        &self,
        state: &JourneyState,
        as_of: Timestamp,
        scratch: &mut Scratch,
    ) -> Result<(), ScoreError> {
        if state.n_events() == 0 {
            return Err(ScoreError::NoEvents { as_of });
        }
        Ok(self.encode_row(state, as_of, scratch)?)
    }

    fn encode_row(&self, state: &JourneyState, as_of: Timestamp, scratch: &mut Scratch) -> Result<(), HoldsTheFuture> {
        self.catalogue.row_into(state, as_of, &mut scratch.row)?;
        scratch.cells.resize(self.catalogue.len(), 0.0);
        self.encoder.encode(scratch.row.cells(), &mut scratch.cells);
        Ok(())
    }

    /// The version this model was opened as.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The churn questions, in the order of [`Scores::churn`].
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// The classes of the next stage, in the order of [`Scores::next_stage`].
    pub fn next_stage_classes(&self) -> &[String] {
        &self.next_stage_classes
    }

    /// The days ahead for which [`Scores::next`] is told: where intervals of the model's grid end, then the horizon.
    pub fn incidence_days(&self) -> &[f64] {
        &self.incidence_days
    }

    /// Days within which the next stage is asked for.
    pub fn next_stage_horizon_days(&self) -> u32 {
        self.spec.next_stage().horizon_days
    }
}

fn targets(spec: &Spec) -> Vec<Target> {
    let target = |(of_spec, before): (ChurnTarget, Option<usize>)| {
        let definition = &spec.churn()[of_spec.definition];
        Target {
            definition: definition.name.clone(),
            kind: definition.kind.name(),
            horizon_days: of_spec.horizon_days,
            of_spec,
            goes_on_from: before.map(|before| (before, Curve::of(&definition.kind))),
        }
    };
    spec.churn_targets()
        .into_iter()
        .zip(spec.goes_on_from())
        .map(target)
        .collect()
}

fn same_features(header: &Header, body: &Body, catalogue: &Catalogue) -> Result<(), OpenError> {
    if header.feature_fingerprint == catalogue.fingerprint() {
        return Ok(());
    }
    let differs = |feature: &str, difference| OpenError::Features {
        feature: feature.to_owned(),
        difference,
    };
    let trained = header.feature_names.iter().zip(&body.feature_signatures);
    let mut here = catalogue.features();
    for (name, signature) in trained {
        match here.next() {
            Some(feature) if feature.name != *name => return Err(differs(name, "is not at its place in this spec")),
            Some(feature) if feature.signature() != *signature => {
                return Err(differs(name, "has another meaning here"));
            }
            Some(_) => {}
            None => return Err(differs(name, "this spec does not have")),
        }
    }
    let rest = here.next().map_or("the state format", |feature| feature.name.as_str());
    Err(differs(rest, "the model does not know"))
}
