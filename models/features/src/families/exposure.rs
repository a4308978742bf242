//! What the business did to the customer, and how they responded.

use percorso_journey::CategoryId;
use percorso_journey::spec::Response;
use percorso_journey::state::Slot;

use super::activity::counted;
use super::{Described, Entries, NEVER};
use crate::{Things, Told};

pub(super) fn enter(entries: &mut Entries<'_>) {
    for (name, what, things, slot) in [
        (
            "contacts",
            "contacts made by the business",
            Things::Contacts,
            Slot::Contact,
        ),
        ("accepted", "offers taken", Things::Accepted, Slot::Accepted),
        ("rejected", "offers turned down", Things::Rejected, Slot::Rejected),
    ] {
        counted(entries, name, what, things.clone(), slot);
        entries.number(
            format!("{name}_since_days"),
            Described {
                unit: "days",
                meaning: &format!("days since the last of the {what}"),
                missing: "none yet",
                told: Told::Since(things),
            },
            move |view| view.since(slot),
        );
    }
    entries.number(
        "contacts_unanswered_n",
        Described {
            unit: "",
            meaning: "contacts since the last response",
            missing: NEVER,
            told: Told::Unanswered,
        },
        |view| f64::from(view.state.exposure().n_unanswered()),
    );
    entries.number(
        "response_last",
        Described {
            unit: "",
            meaning: "the last response: 1 taken, 0 turned down",
            missing: "no response yet",
            told: Told::ResponseLast,
        },
        |view| match view.state.exposure().last_response() {
            None => f64::NAN,
            Some(Response::Accepted) => 1.0,
            Some(Response::Rejected) => 0.0,
        },
    );
    entries.category(
        "action_last",
        Described {
            unit: "",
            meaning: "the last action of ours",
            missing: "no action yet",
            told: Told::ActionLast,
        },
        |view| view.state.exposure().last_action().map_or(f64::NAN, CategoryId::cell),
    );
}
