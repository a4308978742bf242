//! Actions and decisions of a `journey.toml` as written.

use serde::Deserialize;

use super::NOTHING;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawDecisions {
    pub(super) logs: Vec<String>,
    pub(super) window_days: u32,
    pub(super) reward: RawReward,
    pub(super) customer_benefit: f64,
    pub(super) contacts: Option<RawCap>,
    pub(super) exploration: f64,
    pub(super) daily_budget: Option<f64>,
    pub(super) holdout: f64,
    pub(super) fallback: String,
}

impl Default for RawDecisions {
    fn default() -> Self {
        Self {
            logs: Vec::new(),
            window_days: 30,
            reward: RawReward::default(),
            customer_benefit: 0.0,
            contacts: None,
            exploration: 0.0,
            daily_budget: None,
            holdout: 0.0,
            fallback: NOTHING.to_owned(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawReward {
    pub(super) spend: f64,
    pub(super) leaving: f64,
    pub(super) accepted: f64,
    pub(super) stage_forward: f64,
}

/// What comes in counts as it is, unless something is said.
impl Default for RawReward {
    fn default() -> Self {
        Self {
            spend: 1.0,
            leaving: 0.0,
            accepted: 0.0,
            stage_forward: 0.0,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCap {
    pub(super) times: u32,
    pub(super) days: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAction {
    pub(super) name: String,
    pub(super) text: Option<String>,
    pub(super) channel: String,
    #[serde(default)]
    pub(super) cost: f64,
    #[serde(default)]
    pub(super) benefit: f64,
    #[serde(default)]
    pub(super) stages: Vec<String>,
    #[serde(default)]
    pub(super) audiences: Vec<String>,
    #[serde(default)]
    pub(super) products: Vec<String>,
    pub(super) consent: Option<String>,
    pub(super) quiet_hours: Option<[String; 2]>,
    #[serde(default)]
    pub(super) quiet_days: Vec<String>,
    #[serde(default)]
    pub(super) cool_down_days: u32,
    pub(super) cap: Option<RawCap>,
    pub(super) daily_capacity: Option<u32>,
    pub(super) daily_budget: Option<f64>,
    pub(super) prior: Option<RawPrior>,
    #[serde(default = "one")]
    pub(super) lever: f64,
    #[serde(default)]
    pub(super) explore: bool,
    #[serde(default)]
    pub(super) rules: Vec<RawRule>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPrior {
    pub(super) gain: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRule {
    pub(super) name: String,
    pub(super) when: String,
}

fn one() -> f64 {
    1.0
}
