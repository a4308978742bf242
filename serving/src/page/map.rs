//! The journey map: stages and touchpoints as designed and as lived lately, for everyone or an audience and product.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Extension, Query, State};
use axum::response::Response;
use percorso_journey::Spec;
use percorso_journey::spec::{DesignedMove, NamedCategory};
use serde::Deserialize;

use super::desk::{Desk, elsewhere, html, is_being_ranked};
use super::doors::Session;
use super::figures;
use super::map_picture::Picture;
use super::words::{Said, Words};
use crate::accounts::{Lived, LivedJourneys, LivedMove, LivedStage, LivedTouchpoint, Segment};

#[derive(Template)]
#[template(path = "map.html")]
struct MapPage {
    t: Words,
    here: String,
    lately: String,
    audiences: Vec<Choice>,
    products: Vec<Choice>,
    /// `None` where nobody is in the segment.
    lived: Option<Told>,
}

/// What was lived, in words.
struct Told {
    picture: Picture,
    stages: Vec<StageRow>,
    touchpoints: Vec<TouchpointRow>,
    moves: Vec<MoveRow>,
}

/// A choice of the form.
struct Choice {
    name: String,
    is_chosen: bool,
}

struct StageRow {
    name: String,
    here: String,
    came: String,
    went_on: String,
    went_back: String,
    left: String,
    stay: String,
    designed: String,
    leaving: String,
}

struct TouchpointRow {
    name: String,
    stage: String,
    times: String,
    customers: String,
    moved_on: String,
    feedback: String,
}

struct MoveRow {
    from: String,
    to: String,
    times: String,
    as_designed: String,
}

/// The segment asked for, as the form says it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    audience: String,
    product: String,
}

pub(super) async fn map(
    State(desk): State<Arc<Desk>>,
    Extension(session): Extension<Session>,
    Extension(t): Extension<Words>,
    Query(asked): Query<Asked>,
) -> Response {
    elsewhere(t, move || {
        let Some(ranking) = desk.accounts.ranking() else {
            return is_being_ranked(&desk, t, "/map");
        };
        tracing::info!(target: "audit", session = session.name, "the journey map is viewed");
        html(&page(desk.accounts.service.spec(), &ranking.lived, &asked, t))
    })
    .await
}

fn page(spec: &Spec, journeys: &LivedJourneys, asked: &Asked, t: Words) -> MapPage {
    let named =
        |names: &[NamedCategory], name: &str| names.iter().find(|named| named.name == name).map(|named| named.id);
    let segment = Segment {
        audience: named(journeys.audiences(), &asked.audience),
        product: named(journeys.products(), &asked.product),
    };
    let choices = |names: &[NamedCategory], chosen: &str| {
        let choice = |named: &NamedCategory| Choice {
            name: named.name.clone(),
            is_chosen: named.name == chosen,
        };
        names.iter().map(choice).collect()
    };
    let since = figures::date(journeys.since, spec.time_zone(), t.0);
    MapPage {
        t,
        here: "/map".to_owned(),
        lately: t.say(Said::MapSince(&since)),
        audiences: choices(journeys.audiences(), &asked.audience),
        products: choices(journeys.products(), &asked.product),
        lived: journeys.of(segment).map(|lived| told(spec, lived, segment, t)),
    }
}

fn told(spec: &Spec, lived: &Lived, segment: Segment, t: Words) -> Told {
    let designed = spec.designed_moves(&segment.cells(spec)).unwrap_or_default();
    let moves = lived.moves(designed);
    let mut met: Vec<(usize, &LivedTouchpoint)> = lived.touchpoints.iter().enumerate().collect();
    met.retain(|(_, touchpoint)| touchpoint.n_events > 0);
    met.sort_by_key(|(at, touchpoint)| (spec.touchpoints()[*at].stage, std::cmp::Reverse(touchpoint.n_events)));
    Told {
        picture: Picture::of(spec, lived, &moves, t),
        stages: (0..)
            .zip(&lived.stages)
            .map(|(at, stage)| stage_row(spec, lived, at, stage, designed, t))
            .collect(),
        touchpoints: met
            .into_iter()
            .map(|(at, touchpoint)| touchpoint_row(spec, at, touchpoint, t))
            .collect(),
        moves: moves.iter().map(|lived| move_row(spec, lived, designed, t)).collect(),
    }
}

fn stage_row(spec: &Spec, lived: &Lived, at: u16, stage: &LivedStage, designed: &[DesignedMove], t: Words) -> StageRow {
    let leaving = spec.leaving_stage();
    let others = (0..lived.stages.len() as u16).filter(|to| *to != at && *to != leaving);
    let moved = |is_onward: bool| {
        let there = others.clone().filter(|to| (*to > at) == is_onward);
        t.count(there.map(|to| lived.n_moved(at, to)).sum())
    };
    let days = |days: f64| t.say(Said::DaysLong(&t.decimal(days)));
    // The shortest stay that the design means to have.
    let meant = designed
        .iter()
        .filter(|designed| designed.from == at)
        .map(|designed| designed.within_days);
    let nothing = || "–".to_owned();
    StageRow {
        name: spec.stages()[usize::from(at)].clone(),
        here: t.count(stage.n_here),
        came: t.count(stage.n_came),
        went_on: moved(true),
        went_back: moved(false),
        left: t.count(lived.n_moved(at, leaving)),
        stay: stage.median_stay().map_or_else(nothing, days),
        designed: meant.reduce(f64::min).map_or_else(nothing, days),
        leaving: stage.leaving.value().map_or_else(nothing, |chance| t.percent(chance)),
    }
}

fn touchpoint_row(spec: &Spec, at: usize, touchpoint: &LivedTouchpoint, t: Words) -> TouchpointRow {
    let declared = &spec.touchpoints()[at];
    let share = touchpoint.n_moved_on as f64 / touchpoint.n_events as f64;
    TouchpointRow {
        name: declared.name.clone(),
        stage: spec.stages()[usize::from(declared.stage)].clone(),
        times: t.count(touchpoint.n_events),
        customers: t.count(touchpoint.n_customers),
        moved_on: t.percent(share),
        feedback: touchpoint
            .feedback
            .value()
            .map_or_else(|| "–".to_owned(), |score| t.decimal(score)),
    }
}

fn move_row(spec: &Spec, lived: &LivedMove, designed: &[DesignedMove], t: Words) -> MoveRow {
    let name = |stage: u16| spec.stages()[usize::from(stage)].clone();
    MoveRow {
        from: name(lived.from),
        to: name(lived.to),
        times: t.count(lived.n_moved),
        // Where nothing is designed, nothing is against the design; and nobody designs leaving.
        as_designed: match lived.designed_days {
            Some(_) => t.say(Said::Yes),
            None if designed.is_empty() || lived.to == spec.leaving_stage() => "–".to_owned(),
            None => t.say(Said::No),
        },
    }
}
