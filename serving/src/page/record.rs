//! The honest record: what this list told a while ago, and what came of it.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Extension, State};
use axum::response::Response;

use super::desk::{Desk, html};
use super::doors::Session;
use super::figures;
use super::words::{Said, Words};
use crate::accounts::{Group, Record};

/// Fewer customers than this tell nothing of a tenth in words.
const ENOUGH: usize = 20;

#[derive(Template)]
#[template(path = "record.html")]
struct RecordPage {
    t: Words,
    here: String,
    /// What can be said in a sentence or two.
    sentences: Vec<String>,
    tenths: Vec<Row>,
    groups: Vec<Row>,
}

/// Some customers, and what became of them.
struct Row {
    name: String,
    customers: String,
    expected: String,
    left: String,
    share: String,
    between: String,
    contacted: String,
}

pub(super) async fn record(
    State(desk): State<Arc<Desk>>,
    Extension(session): Extension<Session>,
    Extension(t): Extension<Words>,
) -> Response {
    tracing::info!(target: "audit", session = session.name, "the record is viewed");
    // Whoever looks wants everyone ranked, as that is what is told and kept.
    desk.accounts.ranking();
    let record = desk.accounts.record();
    html(&record.map_or_else(|| RecordPage::empty(t), |record| RecordPage::of(&record, t)))
}

impl RecordPage {
    fn empty(t: Words) -> Self {
        Self {
            t,
            here: "/record".to_owned(),
            sentences: vec![t.say(Said::IsBeingRanked)],
            tenths: Vec::new(),
            groups: Vec::new(),
        }
    }

    fn of(record: &Record, t: Words) -> Self {
        let mut page = Self::empty(t);
        page.sentences = sentences(record, t);
        let tenths = record.tenths.iter().enumerate();
        let tenths = tenths.filter(|(_, group)| group.n_customers > 0);
        page.tenths = tenths.map(|(at, group)| Row::of(tenth(at, t), group, t)).collect();
        let groups = [
            (Said::WereContacted, &record.contacted),
            (Said::WereNotContacted, &record.not_contacted),
            (Said::WereHeldOut, &record.held_out),
        ];
        let groups = groups.into_iter().filter(|(_, group)| group.n_customers > 0);
        page.groups = groups.map(|(said, group)| Row::of(t.say(said), group, t)).collect();
        page
    }
}

fn sentences(record: &Record, t: Words) -> Vec<String> {
    let mut sentences = Vec::new();
    if let Some(first_on) = record.first_on {
        sentences.push(t.say(Said::FirstRecord(&figures::day(first_on, t.0))));
    }
    let Some(told_on) = record.told_on else {
        if sentences.is_empty() {
            sentences.push(t.say(Said::NothingToldYet));
        }
        return sentences;
    };
    let day = figures::day(told_on, t.0);
    let window = t.count(record.window_days as usize);
    let over = t.count(record.days_over as usize);
    sentences.push(t.say(if record.is_final() {
        Said::ToldOn(&day, &window, &record.version)
    } else {
        Said::SoFar(&day, &over, &window)
    }));
    // The tenth that says most: of those with enough customers, the one with the highest chance.
    let telling = record.tenths.iter().enumerate().rev();
    let telling = telling.filter(|(_, group)| record.is_final() && group.n_customers >= ENOUGH);
    for (at, group) in telling.take(2) {
        if let Some((share, [low, high])) = group.left() {
            let between = t.say(Said::Between(&t.percent(low), &t.percent(high)));
            sentences.push(t.say(Said::OfThoseTold(&tenth(at, t), &t.percent(share), &between)));
        }
    }
    if let (Some((contacted, _)), Some((held_out, _)), true) =
        (record.contacted.left(), record.held_out.left(), record.is_final())
    {
        let stayed = |left: f64| t.percent(1.0 - left);
        sentences.push(t.say(Said::BesideHeldOut(&stayed(contacted), &stayed(held_out))));
    }
    if record.n_unknown > 0 {
        sentences.push(t.say(Said::NotTellable(&t.count(record.n_unknown))));
    }
    sentences
}

/// `20–30%`.
fn tenth(at: usize, t: Words) -> String {
    format!("{}–{}", 10 * at, t.cut_off((at + 1) as f64 / 10.0))
}

impl Row {
    fn of(name: String, group: &Group, t: Words) -> Self {
        let left = group.left();
        Self {
            name,
            customers: t.count(group.n_customers),
            expected: t.count(group.expected.round() as usize),
            left: t.count(group.n_left),
            share: left.map_or_else(String::new, |(share, _)| t.percent(share)),
            between: left.map_or_else(String::new, |(_, [low, high])| {
                t.say(Said::Between(&t.percent(low), &t.percent(high)))
            }),
            contacted: t.count(group.n_contacted),
        }
    }
}
