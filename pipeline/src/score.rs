//! Everyone scored as of a cut-off, into one Parquet file.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, FixedSizeBinaryBuilder, Float64Builder, ListBuilder, RecordBatch, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use percorso_artefact::Registry;
use percorso_engine::{CallerError, Engine};
use percorso_features::Labels;
use percorso_journey::state::Slot;
use percorso_journey::{Spec, Timestamp, in_population};
use percorso_scoring::{Ahead, Belief, Explained, Reason, ScoringModel, Scratch, Target, Telling};

use crate::customer_file::{Readers, revealed, write};
use crate::journeys::{CustomerFold, CustomerJourney, PerCustomer};
use crate::progress::Progress;
use crate::recommended::{self, for_list};
use crate::row_columns::BATCH_ROWS;
use crate::run::RunFolder;
use crate::{Result, canonical};

/// What to score, with what, and where to.
#[derive(Clone, Debug)]
pub struct ScoreSettings {
    /// Events before this point count; the first cut-off at which all have happened and are known when `None`.
    pub as_of: Option<Timestamp>,
    /// A version of the registry, or `champion`.
    pub model: String,
    /// The reasons told; `None` for none.
    pub telling: Option<Telling>,
    /// Adds a column with customers' ids.
    pub reveals_ids: bool,
    /// The file written.
    pub output: PathBuf,
}

/// What was scored.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct ScoreSummary {
    /// Customers in the population at the cut-off.
    pub n_customers: u64,
    /// The cut-off.
    pub as_of_us: i64,
    /// The version that scored.
    pub model_version: String,
}

/// Position in `HALF_LIVES_DAYS` of the half-life that value per year is told by: a year.
const VALUE_HALF_LIFE: usize = 4;

/// Scores everyone in the population and writes one row each, in key order.
///
/// # Errors
/// - the run has no events; the registry has no such model, or the model does not fit the spec;
/// - a file cannot be read or written.
pub fn score(
    run: &RunFolder,
    settings: &ScoreSettings,
    engine: &dyn Engine,
    progress: &dyn Progress,
) -> Result<ScoreSummary> {
    let spec = run.spec()?;
    let manifest = run.manifest()?;
    let as_of = settings.as_of.unwrap_or_else(|| manifest.after_all());
    let registry = Registry::at(run.models());
    let version = registry.resolve(&settings.model)?;
    let model = Arc::new(ScoringModel::open(
        &spec,
        &registry.open(&version)?,
        version.to_string(),
    )?);
    let buckets = run.buckets()?;
    progress.start("score", buckets.len() as u64);
    let mut schema = schema(&spec, &model);
    let fold_schema = Arc::clone(&schema);
    let (fold_spec, fold_model) = (Arc::clone(&spec), Arc::clone(&model));
    let telling = settings.telling;
    let start = move || {
        let folder = Folder {
            spec: Arc::clone(&fold_spec),
            model: Arc::clone(&fold_model),
            as_of,
            telling,
            scratch: Scratch::default(),
            builders: Builders::new(&fold_spec, fold_model.targets(), fold_model.next_stage_classes()),
            schema: Arc::clone(&fold_schema),
        };
        Box::new(folder) as Box<dyn CustomerFold>
    };
    let fold = PerCustomer {
        spec: Arc::clone(&spec),
        schema: Arc::clone(&schema),
        start,
    };
    let mut batches = Vec::new();
    engine.fold(&buckets, Arc::new(fold), &mut |batch| {
        progress.advance(1);
        batches.push(batch);
        Ok::<(), CallerError>(())
    })?;
    let n_customers = batches.iter().map(|batch| batch.num_rows() as u64).sum();
    let readers = if settings.reveals_ids {
        (schema, batches) = revealed(run, &schema, &batches)?;
        Readers::Owner
    } else {
        Readers::Everyone
    };
    write(&settings.output, &schema, &batches, readers)?;
    progress.finish();
    Ok(ScoreSummary {
        n_customers,
        as_of_us: as_of.micros(),
        model_version: version.to_string(),
    })
}

/// The name of a churn column, without what it holds.
pub(crate) fn churn_column(target: &Target) -> String {
    format!("churn_{}_{}d", target.definition, target.horizon_days)
}

fn schema(spec: &Spec, model: &ScoringModel) -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let number = |name: String| Field::new(name, DataType::Float64, true);
    let mut fields = vec![
        Field::new("customer_key", DataType::FixedSizeBinary(16), false),
        Field::new("as_of", canonical::time_type(), false),
        text("model_version"),
        text("owner"),
        text("stage"),
        text("last_touchpoint"),
        number("value_per_year".to_owned()),
    ];
    for target in model.targets() {
        let name = churn_column(target);
        fields.extend([
            number(name.clone()),
            number(format!("{name}_low")),
            number(format!("{name}_high")),
            number(format!("{name}_value_at_risk")),
        ]);
    }
    let item = Arc::new(Field::new("item", DataType::Utf8, true));
    let list = |name: String| Field::new(name, DataType::List(Arc::clone(&item)), true);
    let reasons = |of: String| list(format!("{of}_reasons"));
    fields.extend(
        model
            .next_stage_classes()
            .iter()
            .map(|class| number(format!("next_stage_{class}"))),
    );
    fields.push(number("next_median_days".to_owned()));
    fields.extend([LIKELIEST_LOW, LIKELIEST_HIGH].map(|name| number(name.to_owned())));
    let n = Arc::new(Field::new("item", DataType::Float64, true));
    let numbers = |name: String| Field::new(name, DataType::List(Arc::clone(&n)), true);
    fields.push(numbers("incidence_days".to_owned()));
    fields.extend(
        model
            .next_stage_classes()
            .iter()
            .map(|class| numbers(format!("incidence_{class}"))),
    );
    fields.extend(model.targets().iter().map(|target| reasons(churn_column(target))));
    fields.push(reasons("next_stage".to_owned()));
    fields.push(list(POSSIBLE.to_owned()));
    fields.extend(recommended::fields(spec));
    Arc::new(Schema::new(fields))
}

/// Ends of the interval of how often the likeliest next stage comes.
const LIKELIEST_LOW: &str = "likeliest_next_stage_low";
const LIKELIEST_HIGH: &str = "likeliest_next_stage_high";
/// The stages, or none, in the set that holds what comes as often as it says.
const POSSIBLE: &str = "possible_next_stages";

struct Folder {
    spec: Arc<Spec>,
    model: Arc<ScoringModel>,
    as_of: Timestamp,
    telling: Option<Telling>,
    scratch: Scratch,
    builders: Builders,
    schema: SchemaRef,
}

impl CustomerFold for Folder {
    fn customer(&mut self, journey: &CustomerJourney, _: &Labels) -> Result<()> {
        let Self {
            spec,
            model,
            as_of,
            telling,
            scratch,
            builders,
            ..
        } = self;
        journey.fold_to(spec, &[*as_of], |as_of, state| {
            if !in_population(spec, state, as_of) {
                return;
            }
            let scores = model
                .score(state, as_of, scratch)
                .expect("the state was folded up to the cut-off");
            builders.n_rows += 1;
            builders
                .customer_key
                .append_value(journey.key.bytes())
                .expect("a key has 16 bytes");
            builders.as_of.append_value(as_of.micros());
            let stage = state
                .path()
                .current()
                .map(|stage| spec.stages()[usize::from(stage)].as_str());
            let last = state
                .recent()
                .get(0)
                .map(|event| &spec.touchpoints()[usize::from(event.touchpoint)]);
            let last = last.map(|touchpoint| touchpoint.name.as_str());
            let texts = [Some(model.version()), journey.owner.as_deref(), stage, last];
            builders
                .texts
                .iter_mut()
                .zip(texts)
                .for_each(|(builder, text)| builder.append_option(text));
            // A decayed sum of steady income is income per half-life over ln 2.
            let silence_days = state.last_at().map_or(0.0, |last_at| as_of.days_since(last_at));
            let fading = percorso_journey::state::Tallies::fading(silence_days)[VALUE_HALF_LIFE];
            let decayed = state.tallies().decayed(Slot::Value)[VALUE_HALF_LIFE] * fading;
            builders.numbers[0].append_value(decayed * std::f64::consts::LN_2);
            let churn = scores.churn.iter().zip(&scores.value_at_risk);
            let churn = churn.flat_map(|(score, &value_at_risk)| {
                [
                    score.map(|score| score.probability),
                    score.map(|score| score.low),
                    score.map(|score| score.high),
                    value_at_risk,
                ]
            });
            let next_stage = scores.next_stage.iter().map(|&probability| Some(probability));
            let likeliest = scores.likeliest.map(|likeliest| [likeliest.low, likeliest.high]);
            let likeliest = likeliest.map_or([None; 2], |ends| ends.map(Some));
            builders.numbers[1..]
                .iter_mut()
                .zip(churn.chain(next_stage).chain([scores.median_days]).chain(likeliest))
                .for_each(|(builder, n)| builder.append_option(n));
            let next = scores.next.as_ref().expect("who is in the population is answered");
            let days = model.incidence_days();
            let lists = [days.to_vec()].into_iter().chain(next.by_class(days));
            for (builder, numbers) in builders.incidence.iter_mut().zip(lists) {
                builder.values().append_slice(&numbers);
                builder.append(true);
            }
            let explained =
                telling.map(|telling| model.explain(state, &scores, telling, scratch).expect("scored above"));
            let Explained { churn, next } = explained.unwrap_or_default();
            let possible = model.next_stage_classes().iter().zip(&scores.next_stage_set);
            let possible = possible.filter(|(_, is_possible)| **is_possible);
            possible.for_each(|(class, _)| builders.possible.values().append_value(class));
            builders.possible.append(true);
            let (of_next, of_churn) = builders.reasons.split_last_mut().expect("the next stage has reasons");
            let mut churn = churn.into_iter();
            for (builder, score) in of_churn.iter_mut().zip(&scores.churn) {
                append(builder, churn.next().unwrap_or_default(), score.is_some());
            }
            append(of_next, next.map(|(_, why)| why).unwrap_or_default(), true);
            if let Some(builders) = &mut builders.recommended {
                let recommended = for_list(spec, journey, as_of, |circumstances| {
                    let ahead = &mut Ahead::default();
                    model.recommend(state, &scores, Belief::Learnt, circumstances, ahead, scratch)
                });
                let recommended = recommended.expect("scored above");
                builders.append(spec, state, &recommended);
            }
        });
        Ok(())
    }

    fn take(&mut self, _: &Labels, is_over: bool) -> Result<Option<RecordBatch>> {
        let n_rows = self.builders.n_rows;
        if n_rows == 0 || !(is_over || n_rows >= BATCH_ROWS) {
            return Ok(None);
        }
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), self.builders.finish());
        Ok(Some(batch.expect("the builders follow the schema")))
    }
}

fn append(builder: &mut ListBuilder<StringBuilder>, reasons: Vec<Reason>, is_answered: bool) {
    reasons
        .into_iter()
        .for_each(|reason| builder.values().append_value(reason.text));
    builder.append(is_answered);
}

struct Builders {
    n_rows: usize,
    customer_key: FixedSizeBinaryBuilder,
    as_of: TimestampMicrosecondBuilder,
    texts: [StringBuilder; 4],
    numbers: Vec<Float64Builder>,
    incidence: Vec<ListBuilder<Float64Builder>>,
    reasons: Vec<ListBuilder<StringBuilder>>,
    possible: ListBuilder<StringBuilder>,
    /// Nothing where a business declares no action.
    recommended: Option<recommended::Builders>,
}

impl Builders {
    fn new(spec: &Spec, targets: &[Target], classes: &[String]) -> Self {
        let n_numbers = 1 + 4 * targets.len() + classes.len() + 3;
        Self {
            n_rows: 0,
            customer_key: FixedSizeBinaryBuilder::new(16),
            as_of: TimestampMicrosecondBuilder::new().with_data_type(canonical::time_type()),
            texts: std::array::from_fn(|_| StringBuilder::new()),
            numbers: (0..n_numbers).map(|_| Float64Builder::new()).collect(),
            incidence: (0..=classes.len())
                .map(|_| ListBuilder::new(Float64Builder::new()))
                .collect(),
            reasons: (0..=targets.len())
                .map(|_| ListBuilder::new(StringBuilder::new()))
                .collect(),
            possible: ListBuilder::new(StringBuilder::new()),
            recommended: (!spec.actions().is_empty()).then(recommended::Builders::new),
        }
    }

    fn finish(&mut self) -> Vec<ArrayRef> {
        self.n_rows = 0;
        let mut columns: Vec<ArrayRef> = vec![Arc::new(self.customer_key.finish()), Arc::new(self.as_of.finish())];
        columns.extend(
            self.texts
                .iter_mut()
                .map(|builder| Arc::new(builder.finish()) as ArrayRef),
        );
        columns.extend(
            self.numbers
                .iter_mut()
                .map(|builder| Arc::new(builder.finish()) as ArrayRef),
        );
        columns.extend(
            self.incidence
                .iter_mut()
                .map(|builder| Arc::new(builder.finish()) as ArrayRef),
        );
        columns.extend(
            self.reasons
                .iter_mut()
                .map(|builder| Arc::new(builder.finish()) as ArrayRef),
        );
        columns.push(Arc::new(self.possible.finish()));
        if let Some(recommended) = &mut self.recommended {
            columns.extend(recommended.finish());
        }
        columns
    }
}
