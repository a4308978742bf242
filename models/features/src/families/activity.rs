//! How much happened, counted for ever and with half-lives: overall, per stage and per touchpoint.

use percorso_journey::Spec;
use percorso_journey::state::{HALF_LIVES_DAYS, Slot};

use super::{Described, Entries, NEVER};

pub(super) fn enter(spec: &Spec, entries: &mut Entries<'_>) {
    counted(entries, "events", "events", Slot::Overall);
    for (at, stage) in (0..).zip(spec.stages()) {
        counted(
            entries,
            &format!("stage_{stage}"),
            &format!("events of stage {stage}"),
            Slot::Stage(at),
        );
    }
    for (at, touchpoint) in (0..).zip(spec.touchpoints()) {
        let name = &touchpoint.name;
        counted(
            entries,
            &format!("touchpoint_{name}"),
            &format!("{name} events"),
            Slot::Touchpoint(at),
        );
    }
}

/// Enters the plain and the decayed counts of a slot.
pub(super) fn counted(entries: &mut Entries<'_>, name: &str, what: &str, slot: Slot) {
    entries.number(
        format!("{name}_n"),
        Described {
            unit: "",
            meaning: &format!("number of {what}"),
            missing: NEVER,
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
            },
            move |view| view.decayed(slot, half_life),
        );
    }
}
