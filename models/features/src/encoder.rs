//! From a row as the catalogue gives it to the cells a learner takes: vocabularies that belong to the model.

use std::collections::{BTreeMap, BTreeSet};

use percorso_journey::{CategoryId, Spec};
use serde::{Deserialize, Serialize};

use crate::{Catalogue, Kind};

/// The texts of category ids, as far as they were seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels(BTreeMap<CategoryId, String>);

impl Labels {
    /// Remembers a text.
    pub fn learn(&mut self, text: &str) {
        self.0
            .entry(CategoryId::of(text))
            .or_insert_with(|| text.trim().to_owned());
    }

    /// The text of an id; `None` when it was never learnt.
    pub fn text(&self, id: CategoryId) -> Option<&str> {
        self.0.get(&id).map(String::as_str)
    }

    /// Takes in what another run learnt.
    pub fn merge(&mut self, other: Labels) {
        self.0.extend(other.0);
    }
}

/// The values of one category that a model remembers; every other value is one more code, "other".
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vocabulary {
    values: Vec<CategoryId48>,
    labels: Vec<String>,
}

type CategoryId48 = u64;

/// What a learner is told of an encoded column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EncodedColumn {
    /// A number, NaN when missing.
    Number,
    /// A code in `0..cardinality`, NaN when missing; the last code is "other".
    Category {
        /// How many codes there are.
        cardinality: u32,
    },
}

/// The vocabularies of a model: what turns rows into a learner's cells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encoder {
    /// By position in the catalogue; `None` for numbers.
    vocabularies: Vec<Option<Vocabulary>>,
}

/// A vocabulary keeps at most this many values.
const MAX_VALUES: usize = 64;

impl Encoder {
    /// The encoder of training rows: a value is remembered when at least `min_customers` customers had it, at most 64 values
    /// a feature, most frequent first.
    ///
    /// `rows` gives cells and the customer's group number.
    pub fn fit<R: AsRef<[f64]>>(
        catalogue: &Catalogue,
        rows: impl Iterator<Item = (R, u64)>,
        labels: impl Fn(usize, CategoryId) -> String,
        min_customers: usize,
    ) -> Self {
        let categories: Vec<usize> = catalogue
            .features()
            .enumerate()
            .filter(|(_, feature)| feature.kind == Kind::Category)
            .map(|(at, _)| at)
            .collect();
        let mut seen: Vec<BTreeMap<CategoryId, BTreeSet<u64>>> = vec![BTreeMap::new(); categories.len()];
        for (cells, customer) in rows {
            for (seen, &at) in seen.iter_mut().zip(&categories) {
                if let Some(id) = CategoryId::from_cell(cells.as_ref()[at]) {
                    seen.entry(id).or_default().insert(customer);
                }
            }
        }
        let mut vocabularies = vec![None; catalogue.len()];
        for (seen, at) in seen.into_iter().zip(categories) {
            let mut kept: Vec<(usize, CategoryId)> = seen
                .into_iter()
                .map(|(id, customers)| (customers.len(), id))
                .filter(|(n, _)| *n >= min_customers)
                .collect();
            kept.sort_by(|left, right| right.0.cmp(&left.0).then(left.1.cmp(&right.1)));
            kept.truncate(MAX_VALUES);
            vocabularies[at] = Some(Vocabulary {
                labels: kept.iter().map(|&(_, id)| labels(at, id)).collect(),
                values: kept.into_iter().map(|(_, id)| id.number()).collect(),
            });
        }
        Self { vocabularies }
    }

    /// The columns a learner sees, in catalogue order.
    pub fn columns(&self) -> Vec<EncodedColumn> {
        let column = |vocabulary: &Option<Vocabulary>| match vocabulary {
            None => EncodedColumn::Number,
            Some(vocabulary) => EncodedColumn::Category {
                cardinality: vocabulary.values.len() as u32 + 1,
            },
        };
        self.vocabularies.iter().map(column).collect()
    }

    /// Writes the learner's cells of a row.
    pub fn encode(&self, row: &[f64], cells: &mut [f32]) {
        for ((cell, &value), vocabulary) in cells.iter_mut().zip(row).zip(&self.vocabularies) {
            *cell = match vocabulary {
                None => value as f32,
                Some(vocabulary) => vocabulary.code(value),
            };
        }
    }

    /// The text of a code, for reasons and reports.
    pub fn label(&self, feature: usize, code: usize) -> Option<&str> {
        self.vocabularies
            .get(feature)?
            .as_ref()?
            .labels
            .get(code)
            .map(String::as_str)
    }

    /// True when it was made for this many features.
    pub fn fits(&self, n_features: usize) -> bool {
        self.vocabularies.len() == n_features
    }
}

impl Vocabulary {
    fn code(&self, cell: f64) -> f32 {
        let Some(id) = CategoryId::from_cell(cell) else {
            return f32::NAN;
        };
        let code = self
            .values
            .iter()
            .position(|&value| value == id.number())
            .unwrap_or(self.values.len());
        code as f32
    }
}

/// The text of a category cell: from the spec where the spec declares the list, else as learnt from data.
impl Catalogue {
    /// The label of a category id in a feature.
    pub fn label(&self, spec: &Spec, labels: &Labels, feature: usize, id: CategoryId) -> String {
        let declared = |list: &[String]| list.get(id.number() as usize).cloned();
        let name = self.features().nth(feature).map_or("", |feature| feature.name.as_str());
        let text = match name {
            "stage_current" => declared(spec.stages()),
            "channel_preferred" => declared(spec.channels()),
            name if name.starts_with("last_touchpoint_") => spec
                .touchpoints()
                .get(id.number() as usize)
                .map(|touchpoint| touchpoint.name.clone()),
            _ => labels.text(id).map(str::to_owned),
        };
        text.unwrap_or_else(|| format!("#{:012x}", id.number()))
    }
}
