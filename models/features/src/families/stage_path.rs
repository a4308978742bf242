//! The way through the stages as lived, beside the way as designed.

use percorso_journey::spec::DesignedMove;
use percorso_journey::state::{HALF_LIVES_DAYS, Slot};
use percorso_journey::{CategoryId, Spec};

use super::{Described, Entries, NEVER};
use crate::view::View;
use crate::{Things, Told};

const NO_EVENT: &str = "no event yet";

pub(super) fn enter(spec: &Spec, entries: &mut Entries<'_>) {
    entries.category(
        "stage_current",
        Described {
            unit: "",
            meaning: "the stage the customer stands in",
            missing: NO_EVENT,
            told: Told::StageNow,
        },
        |view| {
            view.state
                .path()
                .current()
                .map_or(f64::NAN, |stage| CategoryId::of_index(stage).cell())
        },
    );
    entries.number(
        "stage_furthest",
        Described {
            unit: "",
            meaning: "position of the furthest designed stage reached",
            missing: NEVER,
            told: Told::StageFurthest {
                stages: spec.stages().to_vec(),
            },
        },
        |view| f64::from(view.state.path().furthest()),
    );
    entries.number(
        "stage_current_days",
        Described {
            unit: "days",
            meaning: "days since the customer entered the present stage",
            missing: NO_EVENT,
            told: Told::StageStay,
        },
        |view| view.days_since(view.state.path().since()),
    );
    for (name, meaning, things, n) in [
        (
            "stage_moves_n",
            "moves from stage to stage",
            Things::Moves,
            count(|view| view.state.path().n_moves()),
        ),
        (
            "stage_moves_back_n",
            "moves to an earlier stage",
            Things::MovesBack,
            count(|view| view.state.path().n_back()),
        ),
        (
            "stage_skips_n",
            "moves that left out at least one stage",
            Things::MovesSkipping,
            count(|view| view.state.path().n_skips()),
        ),
        (
            "stage_loops_n",
            "moves into a stage visited before",
            Things::MovesAgain,
            count(|view| view.state.path().n_loops()),
        ),
        (
            "stage_visited_n",
            "stages visited at least once",
            Things::Stages,
            count(|view| view.state.path().n_visited()),
        ),
        (
            "stage_moves_off_map_n",
            "moves the designed map does not foresee",
            Things::MovesOffMap,
            count(|view| view.state.path().n_off_map()),
        ),
    ] {
        entries.number(
            name,
            Described {
                unit: "",
                meaning,
                missing: NEVER,
                told: Told::Count(things),
            },
            move |view| f64::from(n(view)),
        );
    }
    for (name, what, things, slot) in [
        (
            "stage_moves_back",
            "moves to an earlier stage",
            Things::MovesBack,
            Slot::BackMove,
        ),
        (
            "stage_moves_off_map",
            "moves the designed map does not foresee",
            Things::MovesOffMap,
            Slot::OffMapMove,
        ),
    ] {
        for (half_life, days) in HALF_LIVES_DAYS.into_iter().enumerate() {
            let meaning = &format!("{what}, each halved every {days} days");
            let described = Described {
                unit: "",
                meaning,
                missing: NEVER,
                told: Told::Lately {
                    things: things.clone(),
                    half_life_days: days as u32,
                },
            };
            entries.number(format!("{name}_decayed_{days}d"), described, move |view| {
                view.decayed(slot, half_life)
            });
        }
    }
    entries.number(
        "stage_stay_over_designed",
        Described {
            unit: "",
            meaning: "time in the present stage over the shortest stay designed for it",
            missing: "no map applies, or it foresees no way on from here",
            told: Told::StayOverDesigned,
        },
        stay_over_designed,
    );
}

fn count(n: impl Fn(&View<'_>) -> u32 + Send + Sync + 'static) -> Box<dyn Fn(&View<'_>) -> u32 + Send + Sync> {
    Box::new(n)
}

fn stay_over_designed(view: &View<'_>) -> f64 {
    let state = view.state;
    let moves: &[DesignedMove] = state.spec().designed_moves(state.attributes()).unwrap_or_default();
    let current = state.path().current();
    let stays = moves
        .iter()
        .filter(|designed| Some(designed.from) == current)
        .map(|designed| designed.within_days);
    let shortest = stays.fold(f64::INFINITY, f64::min);
    if shortest.is_finite() {
        view.days_since(state.path().since()) / shortest
    } else {
        f64::NAN
    }
}
