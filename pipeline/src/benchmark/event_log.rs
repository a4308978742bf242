//! An event log as journeys: each case a customer, each activity a touchpoint.

use std::collections::BTreeSet;
use std::path::Path;

use percorso_features::Labels;
use percorso_journey::{AttributeValue, JourneyEvent, RawEvent, Spec};
use serde::Serialize;

use crate::xes::{Attributes, Trace, XesReader};
use crate::{Error, Result};

/// The attributes of events and cases that a prediction may look at; whatever else a log says is not even read.
///
/// Logs carry labels of a case's whole future (`variant` in Helpdesk), ids and dates that tell folds apart.
const ACTIVITY: &str = "concept:name";
const TIME: &str = "time:timestamp";
const RESOURCE: &str = "org:resource";
const LIFECYCLE: &str = "lifecycle:transition";
const AMOUNT: &str = "AMOUNT_REQ";

/// A log under the spec that it gives rise to.
pub(super) struct EventLog {
    pub(super) spec: Spec,
    /// The texts of resources and lifecycles.
    pub(super) labels: Labels,
    pub(super) cases: Vec<Case>,
}

/// One case.
pub(super) struct Case {
    pub(super) name: String,
    /// By time; those of one instant in file order.
    pub(super) events: Vec<JourneyEvent>,
}

/// What is kept of an event while the log's activities are not yet all known.
struct Read {
    at: i64,
    activity: String,
    resource: Option<String>,
    lifecycle: Option<String>,
}

impl EventLog {
    /// The log in a file.
    ///
    /// # Errors
    /// - the file cannot be read or is not XES
    /// - a case has no name, or an event no activity or time
    pub(super) fn read(path: &Path) -> Result<Self> {
        let mut cases = Vec::new();
        for trace in XesReader::open(path)? {
            let trace = trace?;
            cases.push((
                case_name(path, &trace)?,
                amount(&trace.attributes),
                events(path, &trace)?,
            ));
        }
        let activities: BTreeSet<&str> = cases
            .iter()
            .flat_map(|(_, _, events)| events.iter().map(|event| event.activity.as_str()))
            .collect();
        if activities.is_empty() {
            return Err(data(path, "it holds no event".to_owned()));
        }
        let spec = spec_of(path, &activities)?;
        let mut labels = Labels::default();
        let cases = cases
            .iter()
            .map(|(name, amount, events)| {
                let events = events.iter().enumerate();
                let events = events.map(|(sequence, event)| {
                    let texts = [(RESOURCE_AT, &event.resource), (LIFECYCLE_AT, &event.lifecycle)];
                    let mut attributes: Vec<(u16, AttributeValue<'_>)> = Vec::new();
                    for (at, text) in texts {
                        if let Some(text) = text {
                            labels.learn(text);
                            attributes.push((at + first_attribute(&spec), AttributeValue::Text(text)));
                        }
                    }
                    if let Some(amount) = amount {
                        attributes.push((AMOUNT_AT + first_attribute(&spec), AttributeValue::Number(*amount)));
                    }
                    let raw = RawEvent {
                        at: event.at,
                        sequence: sequence as i64,
                        touchpoint: &event.activity,
                        attributes,
                        ..RawEvent::default()
                    };
                    let place = || format!("case `{name}`, event {}", sequence + 1);
                    spec.resolve(&raw)
                        .map_err(|wrong| data(path, format!("{}: {wrong}", place())))
                });
                let mut events = events.collect::<Result<Vec<_>>>()?;
                events.sort_by_key(|event| (event.at, event.sequence));
                Ok(Case {
                    name: name.clone(),
                    events,
                })
            })
            .collect::<Result<_>>()?;
        Ok(Self { spec, labels, cases })
    }
}

fn case_name(path: &Path, trace: &Trace) -> Result<String> {
    let name = trace.attributes.text(ACTIVITY);
    let name = name.ok_or_else(|| data(path, "a trace has no concept:name, so no fold can name it".to_owned()))?;
    Ok(name.into_owned())
}

fn amount(attributes: &Attributes) -> Option<f64> {
    let amount = attributes.text(AMOUNT)?.parse::<f64>().ok()?;
    amount.is_finite().then_some(amount)
}

fn events(path: &Path, trace: &Trace) -> Result<Vec<Read>> {
    let events = trace.events.iter().enumerate().map(|(place, event)| {
        let missing = |key: &str| {
            let case = trace.attributes.text(ACTIVITY).unwrap_or_default();
            data(path, format!("case `{case}`, event {} has no {key}", place + 1))
        };
        let text = |key| event.attributes.text(key).map(|text| text.into_owned());
        Ok(Read {
            at: event.attributes.time(TIME).ok_or_else(|| missing(TIME))?.micros(),
            activity: text(ACTIVITY).ok_or_else(|| missing(ACTIVITY))?,
            resource: text(RESOURCE),
            lifecycle: text(LIFECYCLE),
        })
    });
    events.collect()
}

fn data(path: &Path, message: String) -> Error {
    Error::Data {
        path: path.to_owned(),
        message,
    }
}

#[derive(Serialize)]
struct WrittenSpec<'a> {
    format: u32,
    name: &'a str,
    touchpoint: Vec<WrittenTouchpoint<'a>>,
    attribute: Vec<WrittenAttribute>,
    churn: Vec<WrittenChurn<'a>>,
}

#[derive(Serialize)]
struct WrittenTouchpoint<'a> {
    name: &'a str,
    stage: &'static str,
}

#[derive(Serialize)]
struct WrittenAttribute {
    name: &'static str,
    kind: &'static str,
    known_at_start: bool,
}

#[derive(Serialize)]
struct WrittenChurn<'a> {
    name: &'static str,
    kind: &'static str,
    touchpoints: Vec<&'a str>,
    days: u32,
}

const RESOURCE_AT: u16 = 0;
const LIFECYCLE_AT: u16 = 1;
const AMOUNT_AT: u16 = 2;

/// A spec with every activity as a touchpoint; nothing else of a journey is known of a bare log.
fn spec_of(path: &Path, activities: &BTreeSet<&str>) -> Result<Spec> {
    let attribute = |name, kind, known_at_start| WrittenAttribute {
        name,
        kind,
        known_at_start,
    };
    let written = WrittenSpec {
        format: 1,
        name: "event log",
        touchpoint: activities
            .iter()
            .map(|name| WrittenTouchpoint {
                name,
                stage: "consideration",
            })
            .collect(),
        attribute: vec![
            attribute("resource", "category", false),
            attribute("lifecycle", "category", false),
            attribute("amount_requested", "number", true),
        ],
        // A spec has to say what churn is; nothing asks it here.
        churn: vec![WrittenChurn {
            name: "silent",
            kind: "inactivity",
            touchpoints: activities.iter().copied().collect(),
            days: 90,
        }],
    };
    let written = toml::to_string(&written).expect("names and numbers can be written");
    Spec::parse(&written).map_err(|wrong| data(path, format!("its activities make no journey: {wrong}")))
}

/// Where the attributes declared above begin among those of the spec.
fn first_attribute(spec: &Spec) -> u16 {
    let position = spec
        .attributes()
        .iter()
        .position(|attribute| attribute.name == "resource");
    position.expect("the spec declares it") as u16
}
