//! The last touchpoints in order, and the gaps between them.

use percorso_journey::CategoryId;
use percorso_journey::state::Recent;

use super::{Described, Entries};

pub(super) fn enter(entries: &mut Entries<'_>) {
    for back in 0..Recent::LENGTH {
        let place = back + 1;
        entries.category(
            format!("last_touchpoint_{place}"),
            Described {
                unit: "",
                meaning: &format!("touchpoint number {place} counted back from the cut-off"),
                missing: "fewer events than that",
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
