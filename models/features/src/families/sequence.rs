//! The last touchpoints in order, the gaps between them, and how varied the way was.

use percorso_journey::state::{Recent, Slot};
use percorso_journey::{CategoryId, Spec};

use super::{Described, Entries, NEVER};
use crate::{Things, Told};

pub(super) fn enter(spec: &Spec, entries: &mut Entries<'_>) {
    entries.number(
        "touchpoint_run",
        Described {
            unit: "",
            meaning: "how often the last touchpoint came without another in between",
            missing: NEVER,
            told: Told::TouchpointRun,
        },
        |view| f64::from(view.state.recent().run()),
    );
    let n_touchpoints = spec.touchpoints().len() as u16;
    entries.number(
        "touchpoints_distinct",
        Described {
            unit: "",
            meaning: "number of different touchpoints so far",
            missing: NEVER,
            told: Told::Count(Things::Touchpoints),
        },
        move |view| {
            let happened = |at: &u16| view.count(Slot::Touchpoint(*at)) > 0.0;
            (0..n_touchpoints).filter(happened).count() as f64
        },
    );
    for back in 0..Recent::LENGTH {
        let place = back + 1;
        entries.category(
            format!("last_touchpoint_{place}"),
            Described {
                unit: "",
                meaning: &format!("touchpoint number {place} counted back from the cut-off"),
                missing: "fewer events than that",
                told: Told::TouchpointBack { place },
            },
            move |view| {
                let event = view.state.recent().get(back);
                event.map_or(f64::NAN, |event| CategoryId::of_index(event.touchpoint).cell())
            },
        );
        if place == Recent::LENGTH {
            continue;
        }
        entries.number(
            format!("last_gap_{place}_days"),
            Described {
                unit: "days",
                meaning: &format!("days between touchpoint number {place} counted back and the one before it"),
                missing: "fewer events than that",
                told: Told::GapBack { place },
            },
            move |view| {
                let recent = view.state.recent();
                match (recent.get(back), recent.get(back + 1)) {
                    (Some(later), Some(earlier)) => later.at.days_since(earlier.at),
                    _ => f64::NAN,
                }
            },
        );
    }
}
