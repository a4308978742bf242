//! How long ago things last happened, and since when the customer is known.

use percorso_journey::Spec;
use percorso_journey::state::Slot;

use super::{Described, Entries};
use crate::{Things, Told};

pub(super) fn enter(spec: &Spec, entries: &mut Entries<'_>) {
    entries.number(
        "recency_days",
        Described {
            unit: "days",
            meaning: "days since the last event",
            missing: "no event yet",
            told: Told::Since(Things::Events),
        },
        |view| view.days_since(view.state.last_at()),
    );
    entries.number(
        "tenure_days",
        Described {
            unit: "days",
            meaning: "days since the first event",
            missing: "no event yet",
            told: Told::FirstSeen,
        },
        |view| view.days_since(view.state.first_at()),
    );
    entries.number(
        "recency_share_of_tenure",
        Described {
            unit: "",
            meaning: "days since the last event over days since the first",
            missing: "no event yet",
            told: Told::SilentShare,
        },
        |view| view.days_since(view.state.last_at()) / view.days_since(view.state.first_at()),
    );
    for (at, stage) in (0..).zip(spec.stages()) {
        entries.number(
            format!("stage_{stage}_since_days"),
            Described {
                unit: "days",
                meaning: &format!("days since the last event of stage {stage}"),
                missing: "no event of this stage yet",
                told: Told::Since(Things::OfStage(stage.clone())),
            },
            move |view| view.since(Slot::Stage(at)),
        );
    }
    for (at, touchpoint) in (0..).zip(spec.touchpoints()) {
        let name = &touchpoint.name;
        entries.number(
            format!("touchpoint_{name}_since_days"),
            Described {
                unit: "days",
                meaning: &format!("days since the last {name}"),
                missing: "this touchpoint never happened",
                told: Told::Since(Things::OfTouchpoint(name.clone())),
            },
            move |view| view.since(Slot::Touchpoint(at)),
        );
    }
}
