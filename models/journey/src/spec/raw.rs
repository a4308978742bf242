//! `journey.toml` as written: every key it may hold, nothing resolved.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, MapAccess, Visitor};

use super::raw_action::{RawAction, RawDecisions};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSpec {
    pub(super) format: u32,
    pub(super) name: String,
    #[serde(default = "utc")]
    pub(super) time_zone: String,
    #[serde(default = "thirty")]
    pub(super) allowed_lateness_days: u32,
    #[serde(default = "one_percent")]
    pub(super) tolerated_bad_share: f64,
    #[serde(default)]
    pub(super) source: Vec<RawSource>,
    #[serde(default)]
    pub(super) stages: RawStages,
    #[serde(default)]
    pub(super) channels: RawChannels,
    pub(super) touchpoint: Vec<RawTouchpoint>,
    #[serde(default)]
    pub(super) attribute: Vec<RawAttribute>,
    #[serde(default)]
    pub(super) designed_map: Vec<RawDesignedMap>,
    pub(super) churn: Vec<RawChurn>,
    #[serde(default)]
    pub(super) next_stage: RawNextStage,
    #[serde(default)]
    pub(super) population: RawPopulation,
    #[serde(default)]
    pub(super) training: RawTraining,
    #[serde(default)]
    pub(super) decisions: RawDecisions,
    #[serde(default)]
    pub(super) action: Vec<RawAction>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSource {
    pub(super) paths: Vec<String>,
    #[serde(default = "comma")]
    pub(super) delimiter: char,
    #[serde(default)]
    pub(super) dedupe: RawDedupe,
    #[serde(default)]
    pub(super) anonymous: RawAnonymous,
    #[serde(default)]
    pub(super) merge_lines: bool,
    #[serde(default = "yes")]
    pub(super) by_name: bool,
    #[serde(default)]
    pub(super) columns: BTreeMap<String, RawColumn>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RawDedupe {
    #[default]
    Keep,
    Exact,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RawAnonymous {
    #[default]
    Quarantine,
    Skip,
}

/// A column rule: a bare column name, or a table.
#[derive(Debug)]
pub(super) enum RawColumn {
    Name(String),
    Rule(RawRule),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRule {
    pub(super) column: Option<String>,
    pub(super) format: Option<String>,
    pub(super) constant: Option<String>,
    pub(super) product_of: Option<[String; 2]>,
    pub(super) starts_with: Option<BTreeMap<String, String>>,
    pub(super) otherwise: Option<String>,
}

impl<'de> Deserialize<'de> for RawColumn {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrRule;

        impl<'de> Visitor<'de> for NameOrRule {
            type Value = RawColumn;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a column name or a table such as { constant = \"web\" }")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<RawColumn, E> {
                Ok(RawColumn::Name(name.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawColumn, A::Error> {
                RawRule::deserialize(de::value::MapAccessDeserializer::new(map)).map(RawColumn::Rule)
            }
        }

        deserializer.deserialize_any(NameOrRule)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStages {
    pub(super) order: Vec<String>,
    #[serde(default = "leaving")]
    pub(super) leaving: String,
}

impl Default for RawStages {
    fn default() -> Self {
        let order = ["awareness", "consideration", "purchase", "retention", "advocacy"];
        Self {
            order: order.map(str::to_owned).to_vec(),
            leaving: leaving(),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawChannels {
    pub(super) names: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTouchpoint {
    pub(super) name: String,
    pub(super) stage: String,
    pub(super) area: Option<String>,
    pub(super) tool: Option<String>,
    pub(super) online: Option<bool>,
    #[serde(default)]
    pub(super) contact: bool,
    pub(super) response: Option<RawResponse>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RawResponse {
    Accepted,
    Rejected,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAttribute {
    pub(super) name: String,
    pub(super) kind: RawAttributeKind,
    pub(super) unit: Option<String>,
    #[serde(default)]
    pub(super) known_at_start: bool,
    #[serde(default)]
    pub(super) sum_of_lines: bool,
    #[serde(default)]
    pub(super) personal: bool,
    #[serde(default)]
    pub(super) sensitive: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RawAttributeKind {
    Number,
    Category,
    Timestamp,
    Flag,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDesignedMap {
    pub(super) audience: Option<String>,
    pub(super) product: Option<String>,
    pub(super) moves: Vec<RawDesignedMove>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDesignedMove {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) within_days: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawChurn {
    pub(super) name: String,
    pub(super) kind: RawChurnKind,
    pub(super) touchpoints: Option<Vec<String>>,
    pub(super) horizons_days: Option<Vec<u32>>,
    pub(super) days: Option<u32>,
    pub(super) ends_at: Option<String>,
    pub(super) renewed_by: Option<Vec<String>>,
    pub(super) grace_days: Option<u32>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RawChurnKind {
    Event,
    Contract,
    Inactivity,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawNextStage {
    #[serde(default = "month")]
    pub(super) horizon_days: u32,
    pub(super) grid_days: Option<Vec<f64>>,
}

impl Default for RawNextStage {
    fn default() -> Self {
        Self {
            horizon_days: month(),
            grid_days: None,
        }
    }
}

fn month() -> u32 {
    30
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPopulation {
    pub(super) seen_within_days: Option<u32>,
    #[serde(default)]
    pub(super) having: Vec<String>,
    #[serde(default)]
    pub(super) who_left: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawTraining {
    pub(super) every_days: u32,
    pub(super) cutoffs: u32,
    pub(super) min_customers_per_value: u32,
}

impl Default for RawTraining {
    fn default() -> Self {
        Self {
            every_days: 30,
            cutoffs: 15,
            min_customers_per_value: 10,
        }
    }
}

fn utc() -> String {
    "UTC".to_owned()
}

fn thirty() -> u32 {
    30
}

fn one_percent() -> f64 {
    0.01
}

fn comma() -> char {
    ','
}

fn yes() -> bool {
    true
}

fn leaving() -> String {
    "leaving".to_owned()
}
