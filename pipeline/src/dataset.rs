//! Training rows in memory: cells, whose they are, when, and what came after.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, TimestampMicrosecondArray, UInt64Array};
use arrow::datatypes::{Float32Type, Float64Type, TimestampMicrosecondType};
use percorso_features::{Catalogue, Labels};
use percorso_journey::{CustomerKey, Spec, Stay, Timestamp};

use crate::gaps::GapCounts;
use crate::ids::key_at;
use crate::purchases::PurchaseHistory;
use crate::rows::stay_names;

/// The next stage has not been observed.
const CENSORED: i32 = -1;

/// Rows of a training run in (customer, as_of) order within their buckets.
///
/// Numbers are kept as the learners take them, in f32; categories keep their ids exactly.
#[derive(Debug)]
pub(crate) struct Dataset {
    n_features: usize,
    categories: Vec<usize>,
    numbers: Vec<f32>,
    category_cells: Vec<f64>,
    /// Whose row it is.
    pub(crate) customers: Vec<CustomerKey>,
    /// The row's cut-off.
    pub(crate) as_of: Vec<Timestamp>,
    n_targets: usize,
    churn: Vec<Option<bool>>,
    next_class: Vec<i32>,
    /// The class of nothing.
    none: u32,
    /// Days until the next event came, where one did.
    pub(crate) next_after_days: Vec<Option<f64>>,
    /// When each row's customer was first seen; of waits it is not asked.
    pub(crate) first_at: Vec<Timestamp>,
    /// Per definition of the spec, how long each row's customer stayed; nothing where leaving is no event.
    pub(crate) stays: Vec<Vec<Option<Stay>>>,
    /// Of waits: since when, and until when.
    pub(crate) waits: Vec<WaitSpan>,
    /// Texts of category ids.
    pub(crate) labels: Labels,
    /// What everyone who ever bought had bought by each cut-off.
    pub(crate) purchases: PurchaseHistory,
    /// How long customers' gaps are.
    pub(crate) gaps: GapCounts,
}

/// The interval that a wait asks about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WaitSpan {
    /// The customer's last event before it.
    pub(crate) last_at: Timestamp,
    /// Where it ends.
    pub(crate) until: Timestamp,
    /// When its answer was known.
    pub(crate) known_at: Timestamp,
}

impl Dataset {
    /// An empty dataset for rows of this catalogue that answer so many churn targets.
    pub(crate) fn new(spec: &Spec, catalogue: &Catalogue, n_targets: usize) -> Self {
        let is_category = |feature: &percorso_features::Feature| feature.kind == percorso_features::Kind::Category;
        Self {
            n_features: catalogue.len(),
            categories: (0..)
                .zip(catalogue.features())
                .filter(|(_, f)| is_category(f))
                .map(|(at, _)| at)
                .collect(),
            numbers: Vec::new(),
            category_cells: Vec::new(),
            customers: Vec::new(),
            as_of: Vec::new(),
            n_targets,
            churn: Vec::new(),
            next_class: Vec::new(),
            none: spec.stages().len() as u32,
            next_after_days: Vec::new(),
            first_at: Vec::new(),
            stays: vec![Vec::new(); spec.churn().len()],
            waits: Vec::new(),
            labels: Labels::default(),
            purchases: PurchaseHistory::default(),
            gaps: GapCounts::default(),
        }
    }

    /// Adds a batch of rows as [`crate::rows`] or [`crate::waits`] makes them.
    pub(crate) fn append(&mut self, spec: &Spec, batch: &RecordBatch) {
        let n_rows = batch.num_rows();
        let keys = batch.column(0).as_fixed_size_binary();
        let times: &TimestampMicrosecondArray = batch.column(1).as_primitive();
        self.customers.extend((0..n_rows).map(|row| key_at(keys, row)));
        self.as_of
            .extend(times.values().iter().map(|&micros| Timestamp::from_micros(micros)));
        let from = self.numbers.len();
        self.numbers.resize(from + n_rows * self.n_features, f32::NAN);
        for feature in 0..self.n_features {
            let column = batch.column(2 + feature);
            let Some(numbers) = column.as_primitive_opt::<Float32Type>() else {
                continue;
            };
            for (row, number) in numbers.iter().enumerate() {
                self.numbers[from + row * self.n_features + feature] = number.unwrap_or(f32::NAN);
            }
        }
        for row in 0..n_rows {
            for &feature in &self.categories {
                let ids: &UInt64Array = batch.column(2 + feature).as_primitive();
                self.category_cells.push(if ids.is_valid(row) {
                    ids.value(row) as f64
                } else {
                    f64::NAN
                });
            }
        }
        let outcomes = 2 + self.n_features;
        for row in 0..n_rows {
            for target in 0..self.n_targets {
                let churned = batch.column(outcomes + target).as_boolean();
                self.churn.push(churned.is_valid(row).then(|| churned.value(row)));
            }
            let next: &StringArray = batch.column(outcomes + self.n_targets).as_string();
            let class = next.is_valid(row).then(|| next_class(spec, next.value(row)));
            self.next_class.push(class.unwrap_or(CENSORED));
        }
        if let Some(days) = batch.column_by_name("next_after_days") {
            self.next_after_days.extend(days.as_primitive::<Float64Type>());
        }
        for (definition, stays) in spec.churn().iter().zip(&mut self.stays) {
            let [days, has_left] = stay_names(&definition.name).map(|name| batch.column_by_name(&name));
            if let (Some(days), Some(has_left)) = (days, has_left) {
                let (days, has_left) = (days.as_primitive::<Float64Type>(), has_left.as_boolean());
                let stay = |(days, has_left): (Option<f64>, Option<bool>)| {
                    let (days, has_left) = (days?, has_left?);
                    Some(Stay { days, has_left })
                };
                stays.extend(days.iter().zip(has_left).map(stay));
            }
        }
        let times = |name| {
            let column: Option<&ArrayRef> = batch.column_by_name(name);
            let micros = column.map(|column| column.as_primitive::<TimestampMicrosecondType>().values().to_vec());
            micros.map(|micros| micros.into_iter().map(Timestamp::from_micros).collect::<Vec<_>>())
        };
        self.first_at.extend(times("first_at").unwrap_or_default());
        if let (Some(last_at), Some(until), Some(known_at)) = (times("last_at"), times("until"), times("known_at")) {
            let spans = last_at.into_iter().zip(until).zip(known_at);
            self.waits.extend(spans.map(|((last_at, until), known_at)| WaitSpan {
                last_at,
                until,
                known_at,
            }));
        }
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.customers.len()
    }

    /// True when there is no row.
    pub(crate) fn is_empty(&self) -> bool {
        self.customers.is_empty()
    }

    /// The cells of a row, into a buffer of the catalogue's length.
    pub(crate) fn cells(&self, row: usize, cells: &mut [f64]) {
        let numbers = &self.numbers[row * self.n_features..][..self.n_features];
        cells
            .iter_mut()
            .zip(numbers)
            .for_each(|(cell, &number)| *cell = f64::from(number));
        let n_categories = self.categories.len();
        let categories = &self.category_cells[row * n_categories..][..n_categories];
        self.categories
            .iter()
            .zip(categories)
            .for_each(|(&at, &cell)| cells[at] = cell);
    }

    /// One cell of a row.
    pub(crate) fn cell(&self, row: usize, feature: usize) -> f64 {
        match self.categories.binary_search(&feature) {
            Ok(at) => self.category_cells[row * self.categories.len() + at],
            Err(_) => f64::from(self.numbers[row * self.n_features + feature]),
        }
    }

    /// Whether the row's customer left, per target; `None` when not at risk or censored.
    pub(crate) fn churned(&self, row: usize, target: usize) -> Option<bool> {
        self.churn[row * self.n_targets + target]
    }

    /// Position of the stage of the row's next event; `None` when none came, or censored.
    pub(crate) fn next_event_class(&self, row: usize) -> Option<u32> {
        self.next_class(row).filter(|&class| class != self.none)
    }

    /// Position of the row's next stage among the classes; `None` when censored.
    pub(crate) fn next_class(&self, row: usize) -> Option<u32> {
        u32::try_from(self.next_class[row]).ok()
    }
}

fn next_class(spec: &Spec, name: &str) -> i32 {
    spec.stage_named(name).map_or(spec.stages().len() as i32, i32::from)
}
