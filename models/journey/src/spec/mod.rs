//! One business, as `journey.toml` describes it.
//!
//! [`raw`] is the file as written, [`check`] turns it into a [`Spec`] with nothing left to guess.

mod action;
mod check;
mod check_action;
mod check_source;
mod designed;
mod error;
mod raw;
mod raw_action;
mod source;

pub use action::{Action, Cap, Daily, Decisions, Eligible, Prior, Quiet, Reward, Rule};
pub use check_action::NOTHING;
pub use designed::{DesignedMap, DesignedMove, NamedCategory};
pub use error::SpecError;
pub use source::{Anonymous, ByName, ColumnRule, CsvFormat, Dedupe, Field, LineMerge, Source};

use sha2::{Digest, Sha256};

use crate::TimeGrid;

/// A business described: every list closed, every name resolved to a position.
#[derive(Clone, Debug)]
pub struct Spec {
    name: String,
    time_zone: jiff::tz::TimeZone,
    allowed_lateness_days: i64,
    tolerated_bad_share: f64,
    sources: Vec<Source>,
    stages: Vec<String>,
    n_designed_stages: usize,
    channels: Vec<String>,
    touchpoints: Vec<Touchpoint>,
    attributes: Vec<Attribute>,
    designed_maps: Vec<DesignedMap>,
    churn: Vec<ChurnDefinition>,
    next_stage: NextStageQuestion,
    population: Population,
    training: Training,
    decisions: Decisions,
    actions: Vec<Action>,
    declared: String,
}

/// The stage whose touchpoints are purchases where no inactivity definition names any.
const PURCHASE_STAGE: &str = "purchase";

/// A place where customer and business meet.
#[derive(Clone, Debug, PartialEq)]
pub struct Touchpoint {
    /// Its name in the data.
    pub name: String,
    /// Position of the stage it belongs to, in [`Spec::stages`].
    pub stage: u16,
    /// The department that owns it.
    pub area: Option<String>,
    /// The system it runs on.
    pub tool: Option<String>,
    /// Online, offline, or not said.
    pub online: Option<bool>,
    /// True when it is a contact that the business made.
    pub contact: bool,
    /// What the customer answered to a contact, when this touchpoint is such an answer.
    pub response: Option<Response>,
}

/// A customer's answer to a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Response {
    /// The offer was taken.
    Accepted,
    /// The offer was turned down.
    Rejected,
}

/// Something known of a customer besides the events.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    /// Its name, which is also its column.
    pub name: String,
    /// What its values are.
    pub kind: AttributeKind,
    /// Its unit, as people write it.
    pub unit: Option<String>,
    /// True when it is known from the customer's first event on.
    pub known_at_start: bool,
    /// True for a number of a line, which a merged event has as the sum over its lines.
    pub sum_of_lines: bool,
    /// True when it is personal data.
    pub personal: bool,
    /// True when it is of a special category (health, belief …); never a feature.
    pub sensitive: bool,
}

impl Attribute {
    /// Whether it is a number that events tell, each its own: then also its mean over events says something.
    pub fn is_told_by_events(&self) -> bool {
        self.kind == AttributeKind::Number && !self.known_at_start
    }
}

/// What an attribute's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttributeKind {
    /// A finite number.
    Number,
    /// One of some words.
    Category,
    /// A point in time; features see only how far it is from the cut-off.
    Timestamp,
    /// True or false.
    Flag,
}

/// One definition of leaving.
#[derive(Clone, Debug, PartialEq)]
pub struct ChurnDefinition {
    /// Its name in scores, files and pages.
    pub name: String,
    /// What leaving means.
    pub kind: ChurnKind,
}

/// What leaving means.
#[derive(Clone, Debug, PartialEq)]
pub enum ChurnKind {
    /// One of these touchpoints happens within the horizon.
    Event {
        /// The touchpoints that are leaving, as [`Spec::touchpoints`] positions.
        touchpoints: Vec<u16>,
        /// The horizons asked for, in days, rising.
        horizons_days: Vec<u32>,
    },
    /// A contract ends within the horizon and is not renewed by its end plus the grace.
    Contract {
        /// Position of the timestamp attribute that holds the contract's end.
        ends_at: u16,
        /// The touchpoints that renew it.
        renewed_by: Vec<u16>,
        /// Days after the end in which a renewal still counts.
        grace_days: u32,
        /// The horizons asked for, in days, rising.
        horizons_days: Vec<u32>,
    },
    /// No qualifying event for `days` days from the cut-off on.
    Inactivity {
        /// The touchpoints that show life.
        touchpoints: Vec<u16>,
        /// How long a silence is leaving.
        days: u32,
    },
}

impl ChurnKind {
    /// `event`, `contract` or `inactivity`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Event { .. } => "event",
            Self::Contract { .. } => "contract",
            Self::Inactivity { .. } => "inactivity",
        }
    }
}

/// One number to predict: a churn definition at one horizon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChurnTarget {
    /// Position in [`Spec::churn`].
    pub definition: usize,
    /// The horizon in days; for inactivity, the definition's own silence.
    pub horizon_days: u32,
    /// Days after the cut-off until the label is final: the horizon, and a contract's grace on top.
    pub window_days: u32,
}

/// What is asked of the next stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextStageQuestion {
    /// The stage of the first event in this many days; "none" when there is no event.
    pub horizon_days: u32,
    /// How the time since the last event is cut; found from the gaps in training when it is not said.
    pub grid: Option<TimeGrid>,
}

/// Whom the questions are asked of, at a cut-off.
#[derive(Clone, Debug, PartialEq)]
pub struct Population {
    /// Customers whose last event is at most this old.
    pub seen_within_days: Option<u32>,
    /// Customers with at least one of these touchpoints; all when empty.
    pub having: Vec<u16>,
    /// Also customers in the leaving stage, who have not come back.
    pub who_left: bool,
}

/// How history is cut for training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Training {
    /// Days between two cut-offs.
    pub every_days: u32,
    /// How many cut-offs are made whose longest window is over by the test cut-off, as far as the data reach back; those
    /// between them and the test come on top, for questions with shorter windows.
    pub cutoffs: u32,
    /// A categorical value or an n-gram context needs this many customers to be remembered.
    pub min_customers_per_value: u32,
}

impl Spec {
    /// The spec in the text of a `journey.toml`.
    ///
    /// # Errors
    /// - the text is not TOML;
    /// - a key is unknown, missing or of the wrong type: names the key, what was expected and the nearest valid key;
    /// - a name refers to nothing, is declared twice, or a number is out of range.
    pub fn parse(text: &str) -> Result<Self, SpecError> {
        check::check(error::read_toml(text)?)
    }

    /// The business's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The zone in which hours, weekdays and seasons are told, and naive times are read.
    pub const fn time_zone(&self) -> &jiff::tz::TimeZone {
        &self.time_zone
    }

    /// An event may become known this many days after it happened; later ones are quarantined.
    pub const fn allowed_lateness_days(&self) -> i64 {
        self.allowed_lateness_days
    }

    /// The share of source rows in `0..=1` that may be quarantined before a run stops.
    pub const fn tolerated_bad_share(&self) -> f64 {
        self.tolerated_bad_share
    }

    /// Where the events lie.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// The stages in designed order, then the leaving stage.
    pub fn stages(&self) -> &[String] {
        &self.stages
    }

    /// Position of the leaving stage: the last.
    pub fn leaving_stage(&self) -> u16 {
        self.n_designed_stages as u16
    }

    /// The channels declared, then `other`.
    pub fn channels(&self) -> &[String] {
        &self.channels
    }

    /// The touchpoints in the order declared.
    pub fn touchpoints(&self) -> &[Touchpoint] {
        &self.touchpoints
    }

    /// `audience`, `product`, then the attributes declared.
    pub fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    /// Position of `audience` in [`Self::attributes`].
    pub const AUDIENCE: u16 = 0;
    /// Position of `product` in [`Self::attributes`].
    pub const PRODUCT: u16 = 1;

    /// The definitions of leaving.
    pub fn churn(&self) -> &[ChurnDefinition] {
        &self.churn
    }

    /// Per target of [`Self::churn_targets`], the position of the one it goes on from: the same definition within the next
    /// shorter horizon, or the next shorter silence of the same touchpoints.
    ///
    /// It is then told of those of whom the shorter one does not say all: who stayed, or was silent, until then, or whose
    /// contract ends later.
    pub fn goes_on_from(&self) -> Vec<Option<usize>> {
        let targets = self.churn_targets();
        let kind = |target: &ChurnTarget| &self.churn[target.definition].kind;
        let is_of_one_curve = |one: &ChurnTarget, other: &ChurnTarget| match (kind(one), kind(other)) {
            (
                ChurnKind::Inactivity {
                    touchpoints: of_one, ..
                },
                ChurnKind::Inactivity {
                    touchpoints: of_other, ..
                },
            ) => of_one == of_other,
            _ => one.definition == other.definition,
        };
        let before = |target: &ChurnTarget| {
            let shorter = targets
                .iter()
                .enumerate()
                .filter(|(_, other)| other.horizon_days < target.horizon_days && is_of_one_curve(other, target));
            shorter.max_by_key(|(_, other)| other.horizon_days).map(|(at, _)| at)
        };
        targets.iter().map(before).collect()
    }

    /// Every churn definition at every horizon, in file order.
    pub fn churn_targets(&self) -> Vec<ChurnTarget> {
        let targets = |(definition, churn): (usize, &ChurnDefinition)| {
            let target = |horizon_days, grace_days| ChurnTarget {
                definition,
                horizon_days,
                window_days: horizon_days + grace_days,
            };
            match &churn.kind {
                ChurnKind::Event { horizons_days, .. } => horizons_days.iter().map(|&days| target(days, 0)).collect(),
                ChurnKind::Contract {
                    horizons_days,
                    grace_days,
                    ..
                } => horizons_days
                    .iter()
                    .map(|&days| target(days, *grace_days))
                    .collect::<Vec<_>>(),
                ChurnKind::Inactivity { days, .. } => vec![target(*days, 0)],
            }
        };
        self.churn.iter().enumerate().flat_map(targets).collect()
    }

    /// What is asked of the next stage.
    pub const fn next_stage(&self) -> &NextStageQuestion {
        &self.next_stage
    }

    /// The classes of the next stage: every stage, then `none`.
    pub fn next_stage_classes(&self) -> Vec<String> {
        self.stages.iter().cloned().chain(["none".to_owned()]).collect()
    }

    /// Days after a cut-off until every question asked there has its answer.
    pub fn longest_window_days(&self) -> u32 {
        let churn = self
            .churn_targets()
            .iter()
            .map(|target| target.window_days)
            .max()
            .unwrap_or(0);
        churn.max(self.next_stage.horizon_days)
    }

    /// Whom the questions are asked of.
    pub const fn population(&self) -> &Population {
        &self.population
    }

    /// How history is cut for training.
    pub const fn training(&self) -> Training {
        self.training
    }

    /// How decisions are logged, judged and limited.
    pub const fn decisions(&self) -> &Decisions {
        &self.decisions
    }

    /// What the business may do beside nothing, in the order declared.
    pub fn actions(&self) -> &[Action] {
        &self.actions
    }

    /// Touchpoint sets whose rhythm is followed: all events first, then each inactivity definition's.
    pub fn rhythms(&self) -> Vec<Rhythm> {
        let every = (0..self.touchpoints.len() as u16).collect();
        let mut rhythms = vec![Rhythm {
            name: "any_event".to_owned(),
            touchpoints: every,
        }];
        for definition in &self.churn {
            if let ChurnKind::Inactivity { touchpoints, .. } = &definition.kind
                && rhythms.iter().all(|rhythm| rhythm.touchpoints != *touchpoints)
            {
                rhythms.push(Rhythm {
                    name: definition.name.clone(),
                    touchpoints: touchpoints.clone(),
                });
            }
        }
        rhythms
    }

    /// The touchpoints that are purchases, rising: those that show life in the first inactivity definition, or without one
    /// those of the stage `purchase`; none when there is neither.
    pub fn purchases(&self) -> Vec<u16> {
        let shows_life = self.churn.iter().find_map(|definition| match &definition.kind {
            ChurnKind::Inactivity { touchpoints, .. } => Some(touchpoints.clone()),
            ChurnKind::Event { .. } | ChurnKind::Contract { .. } => None,
        });
        shows_life.unwrap_or_else(|| {
            let stage = self.stage_named(PURCHASE_STAGE);
            let touchpoints = (0..).zip(&self.touchpoints);
            touchpoints
                .filter(|(_, touchpoint)| Some(touchpoint.stage) == stage)
                .map(|(at, _)| at)
                .collect()
        })
    }

    /// The part of the spec that gives states, rows and outcomes their meaning, in one canonical text.
    ///
    /// Digests of it tie states and models to a spec; where files lie and how they are read is not in it.
    pub fn declared(&self) -> &str {
        &self.declared
    }

    /// SHA-256 of [`Self::declared`], in hex.
    pub fn digest(&self) -> String {
        Sha256::digest(self.declared.as_bytes())
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// Position of a touchpoint by name.
    pub fn touchpoint_named(&self, name: &str) -> Option<u16> {
        position(&self.touchpoints, |touchpoint| touchpoint.name == name)
    }

    /// Position of a stage by name.
    pub fn stage_named(&self, name: &str) -> Option<u16> {
        position(&self.stages, |stage| stage == name)
    }

    /// Position of a channel by name; an undeclared one is `other`, the last.
    pub fn channel_named(&self, name: &str) -> u16 {
        position(&self.channels, |channel| channel == name).unwrap_or(self.channels.len() as u16 - 1)
    }

    /// Position of an attribute by name.
    pub fn attribute_named(&self, name: &str) -> Option<u16> {
        position(&self.attributes, |attribute| attribute.name == name)
    }
}

/// A set of touchpoints whose rhythm is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rhythm {
    /// Its name in features.
    pub name: String,
    /// The touchpoints, rising.
    pub touchpoints: Vec<u16>,
}

fn position<T>(list: &[T], matches: impl Fn(&T) -> bool) -> Option<u16> {
    list.iter().position(matches).and_then(|at| u16::try_from(at).ok())
}
