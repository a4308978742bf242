//! Declared attributes as last known; sensitive ones are never features.

use percorso_journey::spec::AttributeKind;
use percorso_journey::{Spec, Timestamp};

use super::{Described, Entries};
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
        let described = |meaning| Described {
            unit,
            meaning,
            missing: UNKNOWN,
        };
        match attribute.kind {
            AttributeKind::Number => {
                let meaning = &format!("the attribute {name}");
                entries.number(format!("attribute_{name}"), described(meaning), as_it_is);
            }
            AttributeKind::Flag => {
                let meaning = &format!("1 when {name}, 0 when not");
                entries.number(format!("attribute_{name}"), described(meaning), as_it_is);
            }
            AttributeKind::Category => {
                let meaning = &format!("the attribute {name}");
                entries.category(format!("attribute_{name}"), described(meaning), as_it_is);
            }
            AttributeKind::Timestamp => {
                let meaning = &format!("days from the cut-off to {name}, negative when it is past");
                entries.number(
                    format!("attribute_{name}_in_days"),
                    Described {
                        unit: "days",
                        meaning,
                        missing: UNKNOWN,
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
