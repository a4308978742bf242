//! The structure of a scoring model, as its header holds it.

use percorso_features::{Catalogue, Encoder};
use serde::{Deserialize, Serialize};

use crate::ActionSlot;

/// The kind of artefact that holds a scoring model; 4 since silences are curves too, and the next stage
/// says how far to trust it.
pub const KIND: &str = "journey-scores-5";

/// What sits where in the arrays, and the vocabularies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Body {
    /// Per feature, what tells its meaning apart from any other of the same name.
    pub feature_signatures: Vec<String>,
    /// From rows to cells.
    pub encoder: Encoder,
    /// The churn heads, in the spec's order of targets; their arrays lie under `churn/0`, `churn/1` …
    pub churn: Vec<ChurnSlot>,
    /// The next-stage classes in order; the head's arrays lie under `next-stage`.
    pub next_stage: Vec<String>,
    /// Days within which the next stage is asked for.
    pub next_stage_horizon_days: u32,
    /// True when there are models of purchases, under `purchases`; not where it is not said.
    #[serde(default)]
    pub has_purchases: bool,
    /// The actions whose effects were learnt, in the order of the effects under `next-action`; none where it is not said.
    #[serde(default)]
    pub actions: Vec<ActionSlot>,
    /// What rewards meant when effects were learnt; not said where none were.
    #[serde(default)]
    pub rewarded: String,
}

/// One churn head's place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChurnSlot {
    /// The definition's name.
    pub definition: String,
    /// Its horizon in days.
    pub horizon_days: u32,
    /// False when history held too few outcomes to learn from; the definition is then not answered.
    pub is_answered: bool,
}

/// The signatures of a catalogue, in order.
pub(crate) fn signatures(catalogue: &Catalogue) -> Vec<String> {
    catalogue
        .features()
        .map(percorso_features::Feature::signature)
        .collect()
}
