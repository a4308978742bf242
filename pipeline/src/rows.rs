//! Training rows: every customer in the population, at every cut-off, with the outcome that followed.

use std::path::Path;
use std::sync::{Arc, Mutex};

use arrow::array::{ArrayRef, BooleanBuilder, Float64Builder, RecordBatch, StringBuilder, TimestampMicrosecondBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use percorso_engine::{CallerError, Engine};
use percorso_features::{Catalogue, FeatureRow, Labels};
use percorso_journey::spec::{ChurnDefinition, ChurnKind, ChurnTarget};
use percorso_journey::{JourneyEvent, Next, Outcome, Spec, Timestamp, in_population, outcome_from};

use crate::columns::ParquetFile;
use crate::cutoffs::Cutoffs;
use crate::dataset::Dataset;
use crate::gaps::GapCounts;
use crate::journeys::{CustomerFold, CustomerJourney, PerCustomer};
use crate::progress::Progress;
use crate::purchases::{PurchaseHistory, Purchaser};
use crate::row_columns::{self, BATCH_ROWS, RowColumns};
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
    let gaps = Arc::new(Mutex::new(GapCounts::default()));
    let shared = Shared {
        spec: Arc::clone(spec),
        catalogue: Arc::clone(catalogue),
        cutoffs: cutoffs.all.clone(),
        test_at: cutoffs.test_at,
        longest_silence_days: spec.population().seen_within_days.map_or(f64::INFINITY, |days| {
            f64::from(days) + f64::from(spec.next_stage().horizon_days)
        }),
        observed_until: run.manifest()?.observed_until(),
        schema: Arc::clone(&schema),
        labels: Arc::clone(&labels),
        purchases: Arc::clone(&purchases),
        gaps: Arc::clone(&gaps),
    };
    let shared = Arc::new(shared);
    let start = move || Box::new(TrainingRows::new(Arc::clone(&shared))) as Box<dyn CustomerFold>;
    let fold = PerCustomer {
        spec: Arc::clone(spec),
        schema: Arc::clone(&schema),
        start,
    };
    let mut file = ParquetFile::create(path, schema)?;
    let mut dataset = Dataset::new(spec, catalogue, spec.churn_targets().len());
    engine.fold(&buckets, Arc::new(fold), &mut |batch| {
        dataset.append(spec, &batch);
        progress.advance(1);
        file.write(&batch).map_err(CallerError::from)
    })?;
    file.finish()?;
    progress.finish();
    dataset.labels = std::mem::take(&mut *labels.lock().expect("no fold panicked"));
    dataset.purchases = std::mem::take(&mut *purchases.lock().expect("no fold panicked")).sorted();
    dataset.gaps = std::mem::take(&mut *gaps.lock().expect("no fold panicked"));
    Ok(dataset)
}

/// The name of a churn target in columns: definition and horizon.
pub(crate) fn target_name(spec: &Spec, target: ChurnTarget) -> String {
    format!("{}_{}d", spec.churn()[target.definition].name, target.horizon_days)
}

fn schema(spec: &Spec, catalogue: &Catalogue) -> SchemaRef {
    let mut fields = row_columns::fields(catalogue);
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
    fields.push(Field::new("first_at", canonical::time_type(), false));
    for definition in left_by_event(spec) {
        let [days, has_left] = stay_names(&definition.name);
        fields.push(Field::new(days, DataType::Float64, true));
        fields.push(Field::new(has_left, DataType::Boolean, true));
    }
    Arc::new(Schema::new(fields))
}

/// The definitions whose leaving is an event, so that a customer stays for a time.
fn left_by_event(spec: &Spec) -> impl Iterator<Item = &ChurnDefinition> {
    let is_event = |definition: &&ChurnDefinition| matches!(definition.kind, ChurnKind::Event { .. });
    spec.churn().iter().filter(is_event)
}

/// The columns of how long a customer stayed, and whether it ended with leaving.
pub(crate) fn stay_names(definition: &str) -> [String; 2] {
    [format!("stayed_{definition}_days"), format!("left_{definition}")]
}

/// What the folds of all buckets share.
struct Shared {
    spec: Arc<Spec>,
    catalogue: Arc<Catalogue>,
    cutoffs: Vec<Timestamp>,
    test_at: Timestamp,
    /// Nobody is asked about after so long a silence.
    longest_silence_days: f64,
    observed_until: Timestamp,
    schema: SchemaRef,
    labels: Arc<Mutex<Labels>>,
    purchases: Arc<Mutex<PurchaseHistory>>,
    gaps: Arc<Mutex<GapCounts>>,
}

/// The rows of one bucket.
struct TrainingRows {
    shared: Arc<Shared>,
    row: FeatureRow,
    events: Vec<JourneyEvent>,
    purchases: PurchaseHistory,
    gaps: GapCounts,
    builders: Builders,
}

impl TrainingRows {
    fn new(shared: Arc<Shared>) -> Self {
        let builders = Builders::new(&shared.spec, &shared.catalogue);
        Self {
            shared,
            row: FeatureRow::default(),
            events: Vec::new(),
            purchases: PurchaseHistory::default(),
            gaps: GapCounts::default(),
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
            gaps,
            builders,
        } = self;
        gaps.observe(&journey.events, shared.test_at, shared.longest_silence_days);
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
            builders.rows.append(journey.key, as_of, row);
            builders.append(&shared.spec, &outcome);
            let first_at = state.first_at().expect("who is in the population has an event");
            builders.first_at.append_value(first_at.micros());
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
            self.shared.gaps.lock().expect("no fold panicked").merge(&self.gaps);
        }
        let n_rows = self.builders.rows.n_rows;
        Ok((n_rows >= BATCH_ROWS || (is_over && n_rows > 0)).then(|| self.builders.finish(&self.shared.schema)))
    }
}

struct Builders {
    rows: RowColumns,
    churned: Vec<BooleanBuilder>,
    next_stage: StringBuilder,
    next_touchpoint: StringBuilder,
    next_after_days: Float64Builder,
    first_at: TimestampMicrosecondBuilder,
    /// Per definition whose leaving is an event: the days, and whether they left.
    stays: Vec<(Float64Builder, BooleanBuilder)>,
}

impl Builders {
    fn new(spec: &Spec, catalogue: &Catalogue) -> Self {
        Self {
            rows: RowColumns::new(catalogue),
            churned: spec.churn_targets().iter().map(|_| BooleanBuilder::new()).collect(),
            next_stage: StringBuilder::new(),
            next_touchpoint: StringBuilder::new(),
            next_after_days: Float64Builder::new(),
            first_at: row_columns::times(),
            stays: left_by_event(spec).map(|_| Default::default()).collect(),
        }
    }

    fn append(&mut self, spec: &Spec, outcome: &Outcome) {
        for (builder, &churned) in self.churned.iter_mut().zip(&outcome.churn) {
            builder.append_option(churned);
        }
        let (mut touchpoint, mut days) = (None, None);
        if let Some(Next::Event {
            touchpoint: met,
            after_days,
            ..
        }) = outcome.next
        {
            touchpoint = Some(spec.touchpoints()[usize::from(met)].name.as_str());
            days = Some(after_days);
        }
        self.next_stage
            .append_option(outcome.next.map(|next| class_name(spec, next)));
        self.next_touchpoint.append_option(touchpoint);
        self.next_after_days.append_option(days);
        let stays = spec.churn().iter().zip(&outcome.stays);
        let stays = stays.filter(|(definition, _)| matches!(definition.kind, ChurnKind::Event { .. }));
        for ((days, has_left), (_, stay)) in self.stays.iter_mut().zip(stays) {
            days.append_option(stay.map(|stay| stay.days));
            has_left.append_option(stay.map(|stay| stay.has_left));
        }
    }

    fn finish(&mut self, schema: &SchemaRef) -> RecordBatch {
        let mut columns = self.rows.finish();
        columns.extend(
            self.churned
                .iter_mut()
                .map(|builder| Arc::new(builder.finish()) as ArrayRef),
        );
        columns.push(Arc::new(self.next_stage.finish()));
        columns.push(Arc::new(self.next_touchpoint.finish()));
        columns.push(Arc::new(self.next_after_days.finish()));
        columns.push(Arc::new(self.first_at.finish()));
        for (days, has_left) in &mut self.stays {
            columns.push(Arc::new(days.finish()));
            columns.push(Arc::new(has_left.finish()));
        }
        RecordBatch::try_new(Arc::clone(schema), columns).expect("the builders follow the schema")
    }
}

/// What columns call it when nothing came.
pub(crate) const NOTHING: &str = "none";

/// What came next as columns say it: a stage or `none`.
fn class_name(spec: &Spec, next: Next) -> &str {
    match next {
        Next::Event { stage, .. } => &spec.stages()[usize::from(stage)],
        Next::Nothing => NOTHING,
    }
}
