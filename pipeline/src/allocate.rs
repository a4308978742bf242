//! Who gets which action, within what there is of each and what all may cost.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use arrow::array::{ArrayRef, FixedSizeBinaryBuilder, Float64Builder, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use percorso_artefact::Registry;
use percorso_engine::Engine;
use percorso_features::Labels;
use percorso_journey::{CustomerKey, Spec, Timestamp, in_population};
use percorso_next_action::allocate::{Allocation, Limit, Limits, Offer};
use percorso_next_action::decide::Ranked;
use percorso_scoring::{Belief, ScoringModel, Scratch};
use serde::Serialize;

use crate::customer_file::{Readers, revealed, write};
use crate::journeys::{CustomerFold, CustomerJourney, PerCustomer};
use crate::progress::Progress;
use crate::recommended::for_list;
use crate::run::RunFolder;
use crate::{Error, Result};

/// What to allocate, by what, and where to.
#[derive(Clone, Debug)]
pub struct AllocateSettings {
    /// Events before this point count; the first cut-off at which all have happened and are known when `None`.
    pub as_of: Option<Timestamp>,
    /// A version of the registry, or a label.
    pub model: String,
    /// How many days' capacities and budgets there are to give.
    pub days: u32,
    /// The most that all actions may cost; what `journey.toml` says of a day, times the days, when `None`.
    pub budget: Option<f64>,
    /// Adds a column with customers' ids.
    pub reveals_ids: bool,
    /// The file written.
    pub output: PathBuf,
}

/// What was allocated.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Allocated {
    /// Customers in the population at the cut-off.
    pub n_customers: u64,
    /// Those of them for whom something would gain and may be done.
    pub n_who_would_gain: u64,
    /// Those of them who get an action.
    pub n_allocated: u64,
    /// The cut-off.
    pub as_of_us: i64,
    /// The version that told what each action gains.
    pub model_version: String,
    /// Each action of the spec, in its order.
    pub actions: Vec<ActionAllocated>,
    /// What all of it costs.
    pub spent: f64,
    /// The most that it may cost.
    pub budget: Option<f64>,
    /// What all of it gains, costs taken off.
    pub gain: f64,
    /// The sum of gains times levers, which is what was made as large as could be.
    pub priority: f64,
    /// What no allocation within the same limits could make that sum.
    pub bound: f64,
    /// How far from the bound it is, as a share of the bound.
    pub gap: f64,
    /// What one more unit of money would add, at the most.
    pub unit_of_money: f64,
}

/// What was allocated of an action.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ActionAllocated {
    /// Its name.
    pub action: String,
    /// How many customers get it.
    pub n: u64,
    /// How many could.
    pub capacity: Option<u64>,
    /// What it costs.
    pub spent: f64,
    /// The most that it may cost.
    pub budget: Option<f64>,
    /// What it gains, costs taken off.
    pub gain: f64,
    /// What doing it once more would add, at the most.
    pub once_more: f64,
}

/// A customer and what may be done for them.
struct Customer {
    key: CustomerKey,
    options: Vec<Ranked>,
}

/// Gives each customer of the population one action or none, and writes who gets one, in key order.
///
/// # Errors
/// - the run has no events, or its spec declares no action
/// - the registry has no such model, or the model does not fit the spec
/// - a file cannot be read or written
pub fn allocate(
    run: &RunFolder,
    settings: &AllocateSettings,
    engine: &dyn Engine,
    progress: &dyn Progress,
) -> Result<Allocated> {
    let spec = run.spec()?;
    if spec.actions().is_empty() {
        let path = run.ingest().join("journey.toml");
        return Err(Error::data(
            &path,
            "no [[action]] is declared, so there is nothing to allocate",
        ));
    }
    let as_of = match settings.as_of {
        Some(as_of) => as_of,
        None => run.manifest()?.after_all(),
    };
    let registry = Registry::at(run.models());
    let version = registry.resolve(&settings.model)?;
    let model = ScoringModel::open(&spec, &registry.open(&version)?, version.to_string())?;
    let customers = options(run, &spec, Arc::new(model), as_of, engine, progress)?;

    let days = f64::from(settings.days);
    let limit = |action: &percorso_journey::spec::Action| Limit {
        cost: action.cost,
        capacity: action
            .daily
            .capacity
            .map(|daily| u64::from(daily) * u64::from(settings.days)),
        budget: action.daily.budget.map(|daily| daily * days),
    };
    let limits: Vec<Limit> = spec.actions().iter().map(limit).collect();
    let daily = spec.decisions().daily_budget.map(|daily| daily * days);
    let limits = Limits {
        actions: &limits,
        budget: settings.budget.or(daily),
    };
    progress.start("allocate", 0);
    let offers: Vec<Vec<Offer>> = customers.iter().map(offers).collect();
    let found = percorso_next_action::allocate::allocate(&offers, &limits);
    progress.finish();
    let (mut schema, mut batches) = rows(&spec, &customers, &found);
    let readers = if settings.reveals_ids {
        (schema, batches) = revealed(run, &schema, &batches)?;
        Readers::Owner
    } else {
        Readers::Everyone
    };
    write(&settings.output, &schema, &batches, readers)?;
    let would_gain = |offers: &&Vec<Offer>| offers.iter().any(|offer| offer.priority > 0.0);
    let actions = told(&spec, &limits, &customers, &found);
    Ok(Allocated {
        n_customers: customers.len() as u64,
        n_who_would_gain: offers.iter().filter(would_gain).count() as u64,
        n_allocated: actions.iter().map(|action| action.n).sum(),
        as_of_us: as_of.micros(),
        model_version: version.to_string(),
        spent: found.spent,
        budget: limits.budget,
        gain: actions.iter().map(|action| action.gain).sum(),
        priority: found.priority,
        bound: found.bound,
        gap: found.gap(),
        unit_of_money: found.unit_of_money,
        actions,
    })
}

fn offers(customer: &Customer) -> Vec<Offer> {
    let offer = |ranked: &Ranked| {
        Some(Offer {
            action: ranked.action?,
            priority: ranked.priority,
        })
    };
    customer.options.iter().filter_map(offer).collect()
}

/// Each action's part of an allocation.
fn told(spec: &Spec, limits: &Limits<'_>, customers: &[Customer], found: &Allocation) -> Vec<ActionAllocated> {
    let mut told: Vec<ActionAllocated> = spec
        .actions()
        .iter()
        .zip(limits.actions)
        .zip(&found.once_more)
        .map(|((action, limit), once_more)| ActionAllocated {
            action: action.name.clone(),
            n: 0,
            capacity: limit.capacity,
            spent: 0.0,
            budget: limit.budget,
            gain: 0.0,
            once_more: *once_more,
        })
        .collect();
    for (_, at, ranked) in allocated(customers, found) {
        let of_action = &mut told[usize::from(at)];
        of_action.n += 1;
        of_action.gain += ranked.gain;
    }
    for (told, limit) in told.iter_mut().zip(limits.actions) {
        told.spent = told.n as f64 * limit.cost;
    }
    told
}

/// Who gets an action, which, and what it gains.
fn allocated<'a>(
    customers: &'a [Customer],
    found: &'a Allocation,
) -> impl Iterator<Item = (&'a Customer, u16, &'a Ranked)> {
    customers.iter().zip(&found.chosen).filter_map(|(customer, chosen)| {
        let action = (*chosen)?;
        let mut options = customer.options.iter();
        Some((customer, action, options.find(|option| option.action == *chosen)?))
    })
}

/// The rows of the file: one for each customer who gets an action.
fn rows(spec: &Spec, customers: &[Customer], found: &Allocation) -> (SchemaRef, Vec<RecordBatch>) {
    let number = |name: &str| Field::new(name, DataType::Float64, false);
    let schema = Arc::new(Schema::new(vec![
        Field::new("customer_key", DataType::FixedSizeBinary(16), false),
        Field::new("action", DataType::Utf8, false),
        number("gain"),
        number("priority"),
        number("cost"),
    ]));
    let mut keys = FixedSizeBinaryBuilder::new(16);
    let mut names = StringBuilder::new();
    let mut numbers: [Float64Builder; 3] = std::array::from_fn(|_| Float64Builder::new());
    for (customer, at, ranked) in allocated(customers, found) {
        let action = &spec.actions()[usize::from(at)];
        keys.append_value(customer.key.bytes()).expect("a key has 16 bytes");
        names.append_value(&action.name);
        let row = [ranked.gain, ranked.priority, action.cost];
        numbers
            .iter_mut()
            .zip(row)
            .for_each(|(builder, n)| builder.append_value(n));
    }
    let mut columns: Vec<ArrayRef> = vec![Arc::new(keys.finish()), Arc::new(names.finish())];
    columns.extend(numbers.map(|mut builder| Arc::new(builder.finish()) as ArrayRef));
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns).expect("the columns follow the schema");
    (schema, vec![batch])
}

/// What may be done for everyone in the population, in key order.
fn options(
    run: &RunFolder,
    spec: &Arc<Spec>,
    model: Arc<ScoringModel>,
    as_of: Timestamp,
    engine: &dyn Engine,
    progress: &dyn Progress,
) -> Result<Vec<Customer>> {
    let buckets = run.buckets()?;
    progress.start("score", buckets.len() as u64);
    let customers: Arc<Mutex<Vec<Customer>>> = Arc::default();
    let (shared, fold_spec) = (Arc::clone(&customers), Arc::clone(spec));
    let start = move || {
        Box::new(Folder {
            spec: Arc::clone(&fold_spec),
            model: Arc::clone(&model),
            as_of,
            scratch: Scratch::default(),
            found: Vec::new(),
            customers: Arc::clone(&shared),
        }) as Box<dyn CustomerFold>
    };
    let fold = PerCustomer {
        spec: Arc::clone(spec),
        schema: Arc::new(Schema::empty()),
        start,
    };
    engine.fold(&buckets, Arc::new(fold), &mut |_| {
        progress.advance(1);
        Ok(())
    })?;
    progress.finish();
    let mut customers = std::mem::take(&mut *customers.lock().expect("no fold panicked"));
    customers.sort_by_key(|customer| customer.key);
    Ok(customers)
}

struct Folder {
    spec: Arc<Spec>,
    model: Arc<ScoringModel>,
    as_of: Timestamp,
    scratch: Scratch,
    found: Vec<Customer>,
    customers: Arc<Mutex<Vec<Customer>>>,
}

impl CustomerFold for Folder {
    fn customer(&mut self, journey: &CustomerJourney, _: &Labels) -> Result<()> {
        let Self {
            spec,
            model,
            as_of,
            scratch,
            found,
            ..
        } = self;
        journey.fold_to(spec, &[*as_of], |as_of, state| {
            if !in_population(spec, state, as_of) {
                return;
            }
            let scores = model
                .score(state, as_of, scratch)
                .expect("the state was folded up to the cut-off");
            let decision = for_list(spec, journey, as_of, |circumstances| {
                model.decide(state, &scores, Belief::Learnt, circumstances, scratch)
            });
            let decision = decision.expect("scored above");
            found.push(Customer {
                key: journey.key,
                options: decision.ranked,
            });
        });
        Ok(())
    }

    fn take(&mut self, _: &Labels, is_over: bool) -> Result<Option<RecordBatch>> {
        if is_over {
            let mut all = self.customers.lock().expect("no fold panicked");
            all.append(&mut self.found);
        }
        Ok(None)
    }
}
