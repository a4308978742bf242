//! How much happened, counted for ever and with half-lives: overall, per stage and per touchpoint.

use percorso_journey::Spec;
use percorso_journey::state::{HALF_LIVES_DAYS, Slot};

use super::{Described, Entries, NEVER};
use crate::{Things, Told};

pub(super) fn enter(spec: &Spec, entries: &mut Entries<'_>) {
    counted(entries, "events", "events", Things::Events, Slot::Overall);
    for (at, stage) in (0..).zip(spec.stages()) {
        counted(
            entries,
            &format!("stage_{stage}"),
            &format!("events of stage {stage}"),
            Things::OfStage(stage.clone()),
            Slot::Stage(at),
        );
    }
    for (at, touchpoint) in (0..).zip(spec.touchpoints()) {
        let name = &touchpoint.name;
        counted(
            entries,
            &format!("touchpoint_{name}"),
            &format!("{name} events"),
            Things::OfTouchpoint(name.clone()),
            Slot::Touchpoint(at),
        );
    }
}

/// Enters the plain and the decayed counts of a slot.
pub(super) fn counted(entries: &mut Entries<'_>, name: &str, what: &str, things: Things, slot: Slot) {
    entries.number(
        format!("{name}_n"),
        Described {
            unit: "",
            meaning: &format!("number of {what}"),
            missing: NEVER,
            told: Told::Count(things.clone()),
        },
        move |view| view.count(slot),
    );
    for (half_life, days) in HALF_LIVES_DAYS.into_iter().enumerate() {
        entries.number(
            format!("{name}_decayed_{days}d"),
            Described {
                unit: "",
                meaning: &format!("number of {what}, each halved every {days} days"),
                missing: NEVER,
                told: Told::Lately {
                    things: things.clone(),
                    half_life_days: days as u32,
                },
            },
            move |view| view.decayed(slot, half_life),
        );
    }
}
