//! Declared attributes as last known, and categories as the last events had them; sensitive ones are never features.

use percorso_journey::spec::AttributeKind;
use percorso_journey::state::{Moments, RecentValues};
use percorso_journey::{Spec, Timestamp};

use super::{Described, Entries};
use crate::Told;
use crate::view::View;

const UNKNOWN: &str = "not known";

pub(super) fn enter(spec: &Spec, entries: &mut Entries<'_>) {
    for (at, attribute) in spec.attributes().iter().enumerate() {
        if attribute.sensitive {
            continue;
        }
        let name = &attribute.name;
        let unit = attribute.unit.as_deref().unwrap_or_default();
        let as_it_is = move |view: &View<'_>| view.state.attributes()[at];
        let described = |meaning, told| Described {
            unit,
            meaning,
            missing: UNKNOWN,
            told,
        };
        match attribute.kind {
            AttributeKind::Number => {
                let meaning = &format!("the attribute {name}");
                let told = Told::Attribute {
                    name: name.clone(),
                    unit: unit.to_owned(),
                };
                entries.number(format!("attribute_{name}"), described(meaning, told), as_it_is);
                if attribute.is_told_by_events() {
                    over_events(entries, at, name, unit);
                }
            }
            AttributeKind::Flag => {
                let meaning = &format!("1 when {name}, 0 when not");
                let told = Told::AttributeFlag { name: name.clone() };
                entries.number(format!("attribute_{name}"), described(meaning, told), as_it_is);
            }
            AttributeKind::Category => {
                let meaning = &format!("the attribute {name}");
                let told = Told::AttributeCategory { name: name.clone() };
                entries.category(format!("attribute_{name}"), described(meaning, told), as_it_is);
                if !attribute.known_at_start {
                    at_events(entries, at, name);
                }
            }
            AttributeKind::Timestamp => {
                let meaning = &format!("days from the cut-off to {name}, negative when it is past");
                entries.number(
                    format!("attribute_{name}_in_days"),
                    Described {
                        unit: "days",
                        meaning,
                        missing: UNKNOWN,
                        told: Told::AttributeDays { name: name.clone() },
                    },
                    move |view| {
                        let micros = view.state.attributes()[at];
                        if micros.is_nan() {
                            return f64::NAN;
                        }
                        Timestamp::from_micros(micros as i64).days_since(view.as_of)
                    },
                );
            }
        }
    }
}

/// Enters how a number that events tell was spread over them.
fn over_events(entries: &mut Entries<'_>, at: usize, name: &str, unit: &str) {
    let moments = move |view: &View<'_>| -> Moments {
        let moments = view.state.attribute_moments(at as u16);
        *moments.expect("only what events tell is entered")
    };
    entries.number(
        format!("attribute_{name}_mean"),
        Described {
            unit,
            meaning: &format!("mean of {name} over the events that told it"),
            missing: UNKNOWN,
            told: Told::AttributeMean {
                name: name.to_owned(),
                unit: unit.to_owned(),
            },
        },
        move |view| moments(view).mean(),
    );
    entries.number(
        format!("attribute_{name}_deviation"),
        Described {
            unit,
            meaning: &format!("standard deviation of {name} over the events that told it"),
            missing: "told by fewer than two events",
            told: Told::AttributeSpread {
                name: name.to_owned(),
                unit: unit.to_owned(),
            },
        },
        move |view| moments(view).deviation(),
    );
}

/// Enters what a category was at each of the last events, and whether the last one changed it.
fn at_events(entries: &mut Entries<'_>, at: usize, name: &str) {
    for back in 0..RecentValues::LENGTH {
        let place = back + 1;
        entries.category(
            format!("attribute_{name}_at_event_{place}"),
            Described {
                unit: "",
                meaning: &format!("the attribute {name} as event number {place} counted back had it"),
                missing: "fewer events than that, or the event did not tell",
                told: Told::AttributeBack {
                    name: name.to_owned(),
                    place,
                },
            },
            move |view| view.state.recent_values()[at].get(back),
        );
    }
    entries.number(
        format!("attribute_{name}_changed"),
        Described {
            unit: "",
            meaning: &format!("1 when {name} differs between the last two events, 0 when not"),
            missing: "fewer than two events, or one of them did not tell",
            told: Told::AttributeChanged { name: name.to_owned() },
        },
        move |view| {
            let values = &view.state.recent_values()[at];
            let (last, before) = (values.get(0), values.get(1));
            if last.is_nan() || before.is_nan() {
                return f64::NAN;
            }
            f64::from(u8::from(last != before))
        },
    );
}
