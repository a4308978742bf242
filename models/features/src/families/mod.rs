//! The families, one file each. A feature is one entry in its family's file and shows up in the catalogue by itself.

mod activity;
mod attribute;
mod cadence;
mod calendar;
mod channel;
mod exposure;
mod feedback;
mod money;
mod recency;
mod sequence;
mod stage_path;

use percorso_journey::Spec;

use crate::column::{Cell, Column};
use crate::view::View;
use crate::{Family, Feature, Kind, Told};

/// Every column of a spec, family by family.
pub(crate) fn columns(spec: &Spec) -> Vec<Column> {
    let mut columns = Vec::new();
    for family in Family::ALL {
        let entries = &mut Entries {
            family,
            columns: &mut columns,
        };
        match family {
            Family::Recency => recency::enter(spec, entries),
            Family::Activity => activity::enter(spec, entries),
            Family::Cadence => cadence::enter(spec, entries),
            Family::Money => money::enter(entries),
            Family::StagePath => stage_path::enter(spec, entries),
            Family::Sequence => sequence::enter(spec, entries),
            Family::Channel => channel::enter(spec, entries),
            Family::Feedback => feedback::enter(entries),
            Family::Exposure => exposure::enter(entries),
            Family::Calendar => calendar::enter(entries),
            Family::Attribute => attribute::enter(spec, entries),
        }
    }
    columns
}

/// Where a family enters its features.
struct Entries<'a> {
    family: Family,
    columns: &'a mut Vec<Column>,
}

/// How a feature is described beside its name.
struct Described<'a> {
    unit: &'a str,
    meaning: &'a str,
    missing: &'a str,
    told: Told,
}

impl Entries<'_> {
    /// Enters a number.
    fn number(
        &mut self,
        name: impl Into<String>,
        described: Described<'_>,
        cell: impl Fn(&View<'_>) -> f64 + Send + Sync + 'static,
    ) {
        self.enter(name.into(), Kind::Number, described, Box::new(cell));
    }

    /// Enters a category; its cells are category ids.
    fn category(
        &mut self,
        name: impl Into<String>,
        described: Described<'_>,
        cell: impl Fn(&View<'_>) -> f64 + Send + Sync + 'static,
    ) {
        self.enter(name.into(), Kind::Category, described, Box::new(cell));
    }

    fn enter(&mut self, name: String, kind: Kind, described: Described<'_>, cell: Cell) {
        let feature = Feature {
            name,
            family: self.family,
            kind,
            unit: described.unit.to_owned(),
            meaning: described.meaning.to_owned(),
            missing: described.missing.to_owned(),
            told: described.told,
            version: 1,
        };
        self.columns.push(Column { feature, cell });
    }
}

/// What most features say of an absent cell.
const NEVER: &str = "never missing";
