//! Decisions that were logged, each with the customer as they were then and what came of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use ndarray::Array2;
use percorso_engine::Engine;
use percorso_features::{Catalogue, Encoder, FeatureRow, Labels};
use percorso_journey::{Came, CustomerKey, JourneyEvent, Spec, Timestamp, came_of, in_population};
use percorso_learners::Column;
use percorso_next_action::decide::is_held_out;

use crate::Result;
use crate::ingest::{Decided, decisions};
use crate::journeys::{CustomerFold, CustomerJourney, PerCustomer};
use crate::progress::Progress;
use crate::run::RunFolder;
use crate::training::columns;

/// Rows of decisions, ordered by customer, then time.
pub(crate) struct DecidedRows {
    pub(crate) cells: Array2<f32>,
    pub(crate) columns: Vec<Column>,
    /// 0 for nothing, else one more than the action's position in the spec.
    pub(crate) arm: Vec<u32>,
    pub(crate) came: Vec<Came>,
    /// Nothing where its log does not say.
    pub(crate) propensity: Vec<Option<f64>>,
    pub(crate) customers: Vec<u64>,
    pub(crate) at: Vec<Timestamp>,
    /// Days since the customer's last event.
    pub(crate) silence_days: Vec<f64>,
    /// Whether the customer is one to whom nothing is ever done.
    pub(crate) is_held_out: Vec<bool>,
}

/// One of them.
struct Row {
    customer: CustomerKey,
    at: Timestamp,
    arm: u32,
    propensity: Option<f64>,
    came: Came,
    silence_days: f64,
    cells: Vec<f32>,
}

/// What is folded, and for what.
pub(crate) struct DecidedSettings<'a> {
    pub(crate) spec: &'a Arc<Spec>,
    pub(crate) catalogue: &'a Arc<Catalogue>,
    /// What learners are told of rows.
    pub(crate) encoder: &'a Encoder,
    /// Where the data end: a decision whose window is not over by then tells nothing.
    pub(crate) observed_until: Timestamp,
    /// About so many rows are taken at the most, whole customers at a time.
    pub(crate) most: usize,
}

/// Folds a run's journeys to each decision about someone of the population whose window is over.
///
/// # Errors
/// - a file cannot be read
pub(crate) fn decided_rows(
    run: &RunFolder,
    settings: &DecidedSettings<'_>,
    engine: &dyn Engine,
    progress: &dyn Progress,
) -> Result<DecidedRows> {
    let mut decided = decisions(&run.ingest())?;
    keep_about(&mut decided, settings.most);
    let rows: Arc<Mutex<Vec<Row>>> = Arc::default();
    if !decided.is_empty() {
        let buckets = run.buckets()?;
        progress.start("decisions", buckets.len() as u64);
        let shared = Arc::new(Shared {
            spec: Arc::clone(settings.spec),
            catalogue: Arc::clone(settings.catalogue),
            encoder: settings.encoder.clone(),
            observed_until: settings.observed_until,
            decided,
            rows: Arc::clone(&rows),
        });
        let start = move || {
            Box::new(DecisionFold {
                shared: Arc::clone(&shared),
                row: FeatureRow::default(),
                rows: Vec::new(),
            }) as Box<dyn CustomerFold>
        };
        let fold = PerCustomer {
            spec: Arc::clone(settings.spec),
            schema: Arc::new(Schema::empty()),
            start,
        };
        engine.fold(&buckets, Arc::new(fold), &mut |_| {
            progress.advance(1);
            Ok(())
        })?;
        progress.finish();
    }
    let mut rows = std::mem::take(&mut *rows.lock().expect("no fold panicked"));
    rows.sort_by_key(|row| (row.customer, row.at));
    let mut cells = Vec::with_capacity(rows.len() * settings.catalogue.len());
    rows.iter().for_each(|row| cells.extend_from_slice(&row.cells));
    Ok(DecidedRows {
        cells: Array2::from_shape_vec((rows.len(), settings.catalogue.len()), cells).expect("rows of one length"),
        columns: columns(settings.catalogue, settings.encoder),
        arm: rows.iter().map(|row| row.arm).collect(),
        came: rows.iter().map(|row| row.came).collect(),
        propensity: rows.iter().map(|row| row.propensity).collect(),
        customers: rows.iter().map(|row| row.customer.group()).collect(),
        at: rows.iter().map(|row| row.at).collect(),
        silence_days: rows.iter().map(|row| row.silence_days).collect(),
        is_held_out: rows
            .iter()
            .map(|row| is_held_out(settings.spec, row.customer))
            .collect(),
    })
}

/// Keeps the decisions of some customers, chosen by their keys, which are uniform.
fn keep_about(decided: &mut BTreeMap<CustomerKey, Vec<Decided>>, most: usize) {
    let n: usize = decided.values().map(Vec::len).sum();
    let share = most as f64 / n.max(1) as f64;
    decided.retain(|customer, _| (customer.group() >> 11) as f64 / (1_u64 << 53) as f64 <= share);
}

/// What the folds of all buckets share.
struct Shared {
    spec: Arc<Spec>,
    catalogue: Arc<Catalogue>,
    encoder: Encoder,
    observed_until: Timestamp,
    decided: BTreeMap<CustomerKey, Vec<Decided>>,
    rows: Arc<Mutex<Vec<Row>>>,
}

/// The decisions of one bucket.
struct DecisionFold {
    shared: Arc<Shared>,
    row: FeatureRow,
    rows: Vec<Row>,
}

impl CustomerFold for DecisionFold {
    fn customer(&mut self, journey: &CustomerJourney, _: &Labels) -> Result<()> {
        let Self { shared, row, rows } = self;
        let Some(decided) = shared.decided.get(&journey.key) else {
            return Ok(());
        };
        let events: Vec<JourneyEvent> = journey.events.iter().map(|logged| logged.event.clone()).collect();
        let times: Vec<Timestamp> = decided.iter().map(|decided| decided.at).collect();
        let mut each = decided.iter();
        journey.fold_to(&shared.spec, &times, |as_of, state| {
            let decided = each.next().expect("one for each time");
            let future = &events[events.partition_point(|event| event.at < as_of)..];
            let came = came_of(&shared.spec, state, future, as_of, shared.observed_until);
            let Some(came) = came.filter(|_| in_population(&shared.spec, state, as_of)) else {
                return;
            };
            shared
                .catalogue
                .row_into(state, as_of, row)
                .expect("the state was folded up to the decision");
            let mut cells = vec![0.0; shared.catalogue.len()];
            shared.encoder.encode(row.cells(), &mut cells);
            rows.push(Row {
                customer: journey.key,
                at: as_of,
                arm: decided.action.map_or(0, |action| u32::from(action) + 1),
                propensity: decided.propensity,
                came,
                silence_days: state.last_at().map_or(0.0, |last_at| as_of.days_since(last_at)),
                cells,
            });
        });
        Ok(())
    }

    fn take(&mut self, _: &Labels, is_over: bool) -> Result<Option<RecordBatch>> {
        if is_over {
            let mut all = self.shared.rows.lock().expect("no fold panicked");
            all.append(&mut self.rows);
        }
        Ok(None)
    }
}
