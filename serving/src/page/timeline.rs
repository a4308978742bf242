//! The journey as a picture: a lane for each stage, a mark for each event, a colour for each channel.

use percorso_journey::{History, Spec, Timestamp};

use super::figures;
use super::words::{Said, Words};

/// Events shown, the newest.
const MAX_EVENTS: usize = 60;
/// Colours there are; channels beyond share them.
const COLOURS: usize = 6;

const LEFT: f64 = 150.0;
const RIGHT: f64 = 700.0;
const TOP: f64 = 24.0;
const LANE: f64 = 36.0;

/// An event as it is shown.
struct Shown {
    at: Timestamp,
    touchpoint: u16,
    stage: u16,
    channel: Option<u16>,
    value: Option<f64>,
}

/// The picture and the table of one journey, in words and places.
pub(super) struct Timeline {
    pub(super) height: String,
    pub(super) lanes: Vec<Lane>,
    pub(super) marks: Vec<Mark>,
    pub(super) legend: Vec<(usize, String)>,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) bottom: String,
    /// Newest first.
    pub(super) rows: Vec<EventRow>,
    /// How many events are kept only as sums; empty where all are shown.
    pub(super) n_older: Option<String>,
}

pub(super) struct Lane {
    pub(super) name: String,
    pub(super) y: String,
    pub(super) text_y: String,
}

pub(super) struct Mark {
    pub(super) x: String,
    pub(super) y: String,
    pub(super) colour: usize,
    pub(super) told: String,
}

pub(super) struct EventRow {
    pub(super) when: String,
    pub(super) touchpoint: String,
    pub(super) stage: String,
    pub(super) channel: String,
    pub(super) value: String,
}

impl Timeline {
    /// The last events of a customer, as far as they are kept one by one.
    pub(super) fn of(history: &History, spec: &Spec, as_of: Timestamp, t: Words) -> Self {
        let shown = shown(history, spec);
        let n_older = (history.state().n_events() as usize).saturating_sub(shown.len());
        let zone = spec.time_zone();
        let mut stages: Vec<u16> = shown.iter().map(|event| event.stage).collect();
        stages.sort_unstable();
        stages.dedup();
        let first = shown.first().map_or(as_of, |event| event.at);
        let span = as_of.days_since(first).max(1e-6);
        let x = |at: Timestamp| LEFT + 14.0 + (RIGHT - LEFT - 28.0) * (at.days_since(first) / span).clamp(0.0, 1.0);
        let lane_of = |stage: u16| stages.iter().position(|other| *other == stage).unwrap_or(0);
        let middle = |lane: usize| TOP + LANE * (lane as f64 + 0.5);
        let stage_name = |stage: u16| spec.stages()[usize::from(stage)].clone();
        let lane = |(at, stage): (usize, &u16)| Lane {
            name: stage_name(*stage),
            y: place(middle(at)),
            text_y: place(middle(at) + 5.0),
        };
        let row = |event: &Shown| EventRow {
            when: figures::moment(event.at, zone, t.0),
            touchpoint: spec.touchpoints()[usize::from(event.touchpoint)].name.clone(),
            stage: stage_name(event.stage),
            channel: channel_name(event.channel, spec, t),
            value: event.value.map_or_else(String::new, |value| t.money(value)),
        };
        let mark = |event: &Shown| {
            let EventRow {
                when,
                touchpoint,
                channel,
                ..
            } = row(event);
            Mark {
                x: place(x(event.at)),
                y: place(middle(lane_of(event.stage))),
                colour: colour(event.channel),
                told: format!("{when}: {touchpoint} ({channel})"),
            }
        };
        let mut channels: Vec<Option<u16>> = shown.iter().map(|event| event.channel).collect();
        channels.sort_unstable();
        channels.dedup();
        let legend = channels
            .into_iter()
            .map(|channel| (colour(channel), channel_name(channel, spec, t)));
        let bottom = TOP + LANE * stages.len() as f64;
        Self {
            height: place(bottom + 28.0),
            bottom: place(bottom + 18.0),
            lanes: stages.iter().enumerate().map(lane).collect(),
            marks: shown.iter().map(mark).collect(),
            legend: legend.collect(),
            from: figures::date(first, zone, t.0),
            to: figures::date(as_of, zone, t.0),
            rows: shown.iter().rev().map(row).collect(),
            n_older: (n_older > 0).then(|| t.count(n_older)),
        }
    }
}

/// The last events in order: those of the log, and before them the few that the state remembers.
fn shown(history: &History, spec: &Spec) -> Vec<Shown> {
    let log = history.log().iter().map(|logged| &logged.event);
    let in_log: Vec<Shown> = log
        .map(|event| Shown {
            at: event.at,
            touchpoint: event.touchpoint,
            stage: event.stage,
            channel: event.channel,
            value: event.value,
        })
        .collect();
    // Of these neither channel nor value is remembered.
    let of_base = (0..).map_while(|back| history.base().recent().get(back));
    let mut shown: Vec<Shown> = of_base
        .map(|event| Shown {
            at: event.at,
            touchpoint: event.touchpoint,
            stage: spec.touchpoints()[usize::from(event.touchpoint)].stage,
            channel: None,
            value: None,
        })
        .collect();
    shown.reverse();
    shown.extend(in_log);
    let skipped = shown.len().saturating_sub(MAX_EVENTS);
    shown.split_off(skipped)
}

fn channel_name(channel: Option<u16>, spec: &Spec, t: Words) -> String {
    let named = channel.and_then(|channel| spec.channels().get(usize::from(channel)));
    named.map_or_else(|| t.say(Said::NoChannel), Clone::clone)
}

/// 0 for an unknown channel, then each its own.
fn colour(channel: Option<u16>) -> usize {
    channel.map_or(0, |channel| 1 + usize::from(channel) % COLOURS)
}

fn place(number: f64) -> String {
    format!("{number:.1}")
}
