//! Training rows: every customer in the population, at every cut-off, with the outcome that followed.

use std::path::Path;
use std::sync::{Arc, Mutex};

use arrow::array::{
    ArrayRef, BooleanBuilder, FixedSizeBinaryBuilder, Float32Builder, Float64Builder, RecordBatch, StringBuilder,
    TimestampMicrosecondBuilder, UInt64Builder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use percorso_engine::{CallerError, Engine};
use percorso_features::{Catalogue, FeatureRow, Kind, Labels};
use percorso_journey::spec::ChurnTarget;
use percorso_journey::{
    CategoryId, CustomerKey, JourneyEvent, Next, Outcome, Spec, Timestamp, in_population, outcome_from,
};

use crate::columns::ParquetFile;
use crate::cutoffs::Cutoffs;
use crate::dataset::Dataset;
use crate::journeys::{CustomerFold, CustomerJourney, PerCustomer};
use crate::progress::Progress;
use crate::purchases::{PurchaseHistory, Purchaser};
use crate::run::RunFolder;
use crate::{Result, canonical};

/// Folds a run's journeys into training rows; writes them to `path` and returns them.
///
/// # Errors
/// - the run has no events, or a file cannot be read or written.
pub(crate) fn training_rows(
    run: &RunFolder,
    spec: &Arc<Spec>,
    catalogue: &Arc<Catalogue>,
    cutoffs: &Cutoffs,
    path: &Path,
    engine: &dyn Engine,
    progress: &dyn Progress,
) -> Result<Dataset> {
    let buckets = run.buckets()?;
    progress.start("rows", buckets.len() as u64);
    let schema = schema(spec, catalogue);
    let labels = Arc::new(Mutex::new(Labels::default()));
    let purchases = Arc::new(Mutex::new(PurchaseHistory::default()));
    let shared = Shared {
        spec: Arc::clone(spec),
        catalogue: Arc::clone(catalogue),
        cutoffs: cutoffs.all.clone(),
        observed_until: run.manifest()?.observed_until(),
        schema: Arc::clone(&schema),
        labels: Arc::clone(&labels),
        purchases: Arc::clone(&purchases),
    };
    let shared = Arc::new(shared);
    let start = move || Box::new(TrainingRows::new(Arc::clone(&shared))) as Box<dyn CustomerFold>;
    let fold = PerCustomer {
        spec: Arc::clone(spec),
        schema: Arc::clone(&schema),
        start,
    };
    let mut file = ParquetFile::create(path, schema)?;
    let mut dataset = Dataset::new(spec, catalogue);
    engine.fold(&buckets, Arc::new(fold), &mut |batch| {
        dataset.append(spec, &batch);
        progress.advance(1);
        file.write(&batch).map_err(CallerError::from)
    })?;
    file.finish()?;
    progress.finish();
    dataset.labels = std::mem::take(&mut *labels.lock().expect("no fold panicked"));
    dataset.purchases = std::mem::take(&mut *purchases.lock().expect("no fold panicked")).sorted();
    Ok(dataset)
}

/// The name of a churn target in columns: definition and horizon.
pub(crate) fn target_name(spec: &Spec, target: ChurnTarget) -> String {
    format!("{}_{}d", spec.churn()[target.definition].name, target.horizon_days)
}

fn schema(spec: &Spec, catalogue: &Catalogue) -> SchemaRef {
    let mut fields = vec![
        Field::new("customer_key", DataType::FixedSizeBinary(16), false),
        Field::new("as_of", canonical::time_type(), false),
    ];
    fields.extend(catalogue.features().map(|feature| {
        let data_type = match feature.kind {
            Kind::Number => DataType::Float32,
            Kind::Category => DataType::UInt64,
        };
        Field::new(&feature.name, data_type, true)
    }));
    let churned = |target| {
        Field::new(
            format!("churned_{}", target_name(spec, target)),
            DataType::Boolean,
            true,
        )
    };
    fields.extend(spec.churn_targets().into_iter().map(churned));
    fields.push(Field::new("next_stage", DataType::Utf8, true));
    fields.push(Field::new("next_touchpoint", DataType::Utf8, true));
    fields.push(Field::new("next_after_days", DataType::Float64, true));
    Arc::new(Schema::new(fields))
}

/// What the folds of all buckets share.
struct Shared {
    spec: Arc<Spec>,
    catalogue: Arc<Catalogue>,
    cutoffs: Vec<Timestamp>,
    observed_until: Timestamp,
    schema: SchemaRef,
    labels: Arc<Mutex<Labels>>,
    purchases: Arc<Mutex<PurchaseHistory>>,
}

/// The rows of one bucket.
struct TrainingRows {
    shared: Arc<Shared>,
    row: FeatureRow,
    events: Vec<JourneyEvent>,
    purchases: PurchaseHistory,
    builders: Builders,
}

const BATCH_ROWS: usize = 4_096;

impl TrainingRows {
    fn new(shared: Arc<Shared>) -> Self {
        let builders = Builders::new(&shared.spec, &shared.catalogue);
        Self {
            shared,
            row: FeatureRow::default(),
            events: Vec::new(),
            purchases: PurchaseHistory::default(),
            builders,
        }
    }
}

impl CustomerFold for TrainingRows {
    fn customer(&mut self, journey: &CustomerJourney, _: &Labels) -> Result<()> {
        let Self {
            shared,
            row,
            events,
            purchases,
            builders,
        } = self;
        let is_backdated = journey.is_backdated();
        events.clear();
        events.extend(journey.events.iter().map(|logged| logged.event.clone()));
        journey.fold_to(&shared.spec, &shared.cutoffs, |as_of, state| {
            let future = &events[events.partition_point(|event| event.at < as_of)..];
            // Whoever ever bought teaches how often customers do, the long gone most of all.
            purchases.extend(as_of, Purchaser::of(&shared.spec, journey.key, state, future, as_of));
            if !in_population(&shared.spec, state, as_of) {
                return;
            }
            let mut outcome = outcome_from(&shared.spec, state, future, as_of, shared.observed_until);
            if is_backdated {
                let unknown: Vec<&JourneyEvent> = events
                    .iter()
                    .filter(|event| event.at < as_of && event.known_at > as_of)
                    .collect();
                outcome.censor_who_had_left(&shared.spec, &unknown);
            }
            shared
                .catalogue
                .row_into(state, as_of, row)
                .expect("the state was folded up to the cut-off");
            builders.append(&shared.spec, journey.key, as_of, row.cells(), &outcome);
        });
        Ok(())
    }

    fn take(&mut self, labels: &Labels, is_over: bool) -> Result<Option<RecordBatch>> {
        if is_over {
            self.shared
                .labels
                .lock()
                .expect("no fold panicked")
                .merge(labels.clone());
            let purchases = std::mem::take(&mut self.purchases);
            self.shared.purchases.lock().expect("no fold panicked").merge(purchases);
        }
        let n_rows = self.builders.n_rows;
        Ok((n_rows >= BATCH_ROWS || (is_over && n_rows > 0)).then(|| self.builders.finish(&self.shared.schema)))
    }
}

struct Builders {
    n_rows: usize,
    customer_key: FixedSizeBinaryBuilder,
    as_of: TimestampMicrosecondBuilder,
    cells: Vec<CellBuilder>,
    churned: Vec<BooleanBuilder>,
    next_stage: StringBuilder,
    next_touchpoint: StringBuilder,
    next_after_days: Float64Builder,
}

enum CellBuilder {
    Number(Float32Builder),
    Category(UInt64Builder),
}

impl Builders {
    fn new(spec: &Spec, catalogue: &Catalogue) -> Self {
        let cell = |kind| match kind {
            Kind::Number => CellBuilder::Number(Float32Builder::new()),
            Kind::Category => CellBuilder::Category(UInt64Builder::new()),
        };
        Self {
            n_rows: 0,
            customer_key: FixedSizeBinaryBuilder::new(16),
            as_of: TimestampMicrosecondBuilder::new().with_data_type(canonical::time_type()),
            cells: catalogue.features().map(|feature| cell(feature.kind)).collect(),
            churned: spec.churn_targets().iter().map(|_| BooleanBuilder::new()).collect(),
            next_stage: StringBuilder::new(),
            next_touchpoint: StringBuilder::new(),
            next_after_days: Float64Builder::new(),
        }
    }

    fn append(&mut self, spec: &Spec, key: CustomerKey, as_of: Timestamp, cells: &[f64], outcome: &Outcome) {
        self.n_rows += 1;
        self.customer_key.append_value(key.bytes()).expect("a key has 16 bytes");
        self.as_of.append_value(as_of.micros());
        for (builder, &cell) in self.cells.iter_mut().zip(cells) {
            match builder {
                CellBuilder::Number(builder) => builder.append_option((!cell.is_nan()).then_some(cell as f32)),
                CellBuilder::Category(builder) => {
                    builder.append_option(CategoryId::from_cell(cell).map(CategoryId::number));
                }
            }
        }
        for (builder, &churned) in self.churned.iter_mut().zip(&outcome.churn) {
            builder.append_option(churned);
        }
        let (mut stage, mut touchpoint, mut days) = (None, None, None);
        match outcome.next {
            None => {}
            Some(Next::Nothing) => stage = Some("none"),
            Some(Next::Event {
                stage: at,
                touchpoint: met,
                after_days,
            }) => {
                stage = Some(spec.stages()[usize::from(at)].as_str());
                touchpoint = Some(spec.touchpoints()[usize::from(met)].name.as_str());
                days = Some(after_days);
            }
        }
        self.next_stage.append_option(stage);
        self.next_touchpoint.append_option(touchpoint);
        self.next_after_days.append_option(days);
    }

    fn finish(&mut self, schema: &SchemaRef) -> RecordBatch {
        let mut columns: Vec<ArrayRef> = vec![Arc::new(self.customer_key.finish()), Arc::new(self.as_of.finish())];
        columns.extend(self.cells.iter_mut().map(|builder| match builder {
            CellBuilder::Number(builder) => Arc::new(builder.finish()) as ArrayRef,
            CellBuilder::Category(builder) => Arc::new(builder.finish()),
        }));
        columns.extend(
            self.churned
                .iter_mut()
                .map(|builder| Arc::new(builder.finish()) as ArrayRef),
        );
        columns.push(Arc::new(self.next_stage.finish()));
        columns.push(Arc::new(self.next_touchpoint.finish()));
        columns.push(Arc::new(self.next_after_days.finish()));
        self.n_rows = 0;
        RecordBatch::try_new(Arc::clone(schema), columns).expect("the builders follow the schema")
    }
}
