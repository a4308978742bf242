//! The journey as designed: the moves that whoever drew it foresaw, by audience and product.

use std::fmt;

use crate::{CategoryId, Spec};

/// The journey as designed, for one audience and product or for all.
#[derive(Clone, Debug, PartialEq)]
pub struct DesignedMap {
    /// The audience it was drawn for; `None` for every audience.
    pub audience: Option<NamedCategory>,
    /// The product it was drawn for; `None` for every product.
    pub product: Option<NamedCategory>,
    /// The moves it foresees.
    pub moves: Vec<DesignedMove>,
}

/// A value of a category that the spec names.
#[derive(Clone, PartialEq, Eq)]
pub struct NamedCategory {
    /// As the spec writes it.
    pub name: String,
    /// As states hold it.
    pub id: CategoryId,
}

/// The id alone, which is what a state sees of it: the canonical text of meaning is made of this.
impl fmt::Debug for NamedCategory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.id.fmt(f)
    }
}

impl NamedCategory {
    /// The value of this name.
    pub fn of(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            id: CategoryId::of(name),
        }
    }
}

/// A move from stage to stage that the designers foresaw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DesignedMove {
    /// Position of the stage left.
    pub from: u16,
    /// Position of the stage entered.
    pub to: u16,
    /// How long the stay in `from` was meant to last, in days.
    pub within_days: f64,
}

impl Spec {
    /// The designed maps, most particular first.
    pub fn designed_maps(&self) -> &[DesignedMap] {
        &self.designed_maps
    }

    /// The audiences that designed maps and actions name, in alphabetical order.
    pub fn audiences(&self) -> Vec<NamedCategory> {
        let of_maps = self.designed_maps.iter().filter_map(|map| map.audience.as_ref());
        let of_actions = self.actions.iter().flat_map(|action| &action.eligible.audiences);
        named_once(of_maps, of_actions)
    }

    /// The products that designed maps and actions name, in alphabetical order.
    pub fn products(&self) -> Vec<NamedCategory> {
        let of_maps = self.designed_maps.iter().filter_map(|map| map.product.as_ref());
        let of_actions = self.actions.iter().flat_map(|action| &action.eligible.products);
        named_once(of_maps, of_actions)
    }

    /// The moves designed for a customer with these attribute cells: the most particular map that applies.
    pub fn designed_moves(&self, attributes: &[f64]) -> Option<&[DesignedMove]> {
        let holds = |attribute: u16, wanted: &Option<NamedCategory>| {
            let found = || CategoryId::from_cell(attributes[usize::from(attribute)]);
            wanted.as_ref().is_none_or(|wanted| found() == Some(wanted.id))
        };
        self.designed_maps()
            .iter()
            .find(|map| holds(Self::AUDIENCE, &map.audience) && holds(Self::PRODUCT, &map.product))
            .map(|map| map.moves.as_slice())
    }
}

/// Every name once.
fn named_once<'a>(
    of_maps: impl Iterator<Item = &'a NamedCategory>,
    of_actions: impl Iterator<Item = &'a String>,
) -> Vec<NamedCategory> {
    let mut names: Vec<&str> = of_maps.map(|named| named.name.as_str()).collect();
    names.extend(of_actions.map(String::as_str));
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(NamedCategory::of).collect()
}
