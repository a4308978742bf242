//! What is said of one customer at one cut-off.

use percorso_churn::{ChurnScore, Curve};
use percorso_journey::Timestamp;
use percorso_journey::spec::ChurnTarget;
use percorso_next_stage::{Incidence, Likeliest};

/// Every score of one customer at one cut-off.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    /// The cut-off: only events before it were seen.
    pub as_of: Timestamp,
    /// Per target of [`crate::ScoringModel::targets`]; `None` when the question has no meaning for this customer
    /// (left already, no contract that ends, outside the population) or was not learnt.
    pub churn: Vec<Option<ChurnScore>>,
    /// Per target, the value at risk in units of the journeys' money: what the customer is expected to spend within the
    /// horizon if they stay, times the probability that they leave ([`percorso_learners::Stake`]).
    ///
    /// `None` where the question has no score, the customer bought nothing of value, or the model knows no purchases.
    pub value_at_risk: Vec<Option<f64>>,
    /// Probability per class of [`crate::ScoringModel::next_stage_classes`]; empty outside the population.
    pub next_stage: Vec<f64>,
    /// Per class, whether it is in the set that holds what comes first as often as
    /// [`percorso_learners::PredictionSets::COVERAGE`] says; empty outside the population.
    pub next_stage_set: Vec<bool>,
    /// The likeliest class, and how sure that is; `None` outside the population.
    pub likeliest: Option<Likeliest>,
    /// What comes next and when, up to the horizon: [`Self::next_stage`] is read off it. `None` outside the population.
    pub next: Option<Incidence>,
    /// Days by which something has come with probability one half; `None` when the horizon is not long enough.
    pub median_days: Option<f64>,
}

/// One churn question a model answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The definition's name.
    pub definition: String,
    /// `event`, `contract` or `inactivity`.
    pub kind: &'static str,
    /// Days ahead; for inactivity, the length of silence that counts as leaving.
    pub horizon_days: u32,
    /// Where the spec defines it.
    pub(crate) of_spec: ChurnTarget,
    /// The target it goes on from, as a position, and how.
    pub(crate) goes_on_from: Option<(usize, Curve)>,
}
