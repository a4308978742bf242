//! Customers' states and the logs after them, as an online store wants them.

use std::sync::Arc;

use arrow::array::{AsArray, BinaryArray, BinaryBuilder, FixedSizeBinaryBuilder, ListArray, ListBuilder, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use percorso_engine::{CallerError, Engine};
use percorso_features::Labels;
use percorso_journey::{CustomerKey, History, JourneyState, Spec};
use percorso_next_action::decide::Ledger;

use crate::ids::key_at;
use crate::journeys::{CustomerFold, CustomerJourney, PerCustomer};
use crate::progress::Progress;
use crate::run::RunFolder;
use crate::{Error, Result};

/// One customer as a store keeps them: the base state's bytes, and the bytes of each event after it, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredJourney {
    /// Whose it is.
    pub key: CustomerKey,
    /// [`percorso_journey::JourneyState::to_bytes`] of the base.
    pub base: Vec<u8>,
    /// [`percorso_journey::LoggedEvent::to_bytes`] of each event after it.
    pub log: Vec<Vec<u8>>,
    /// The contacts that all events tell of.
    pub contacts: Ledger,
}

/// Folds every customer of a run and hands over what a store needs, in key order; returns how many there were.
///
/// # Errors
/// - the run has no events, or a file cannot be read;
/// - the sink's own.
pub fn export_states(
    run: &RunFolder,
    engine: &dyn Engine,
    progress: &dyn Progress,
    sink: &mut dyn FnMut(StoredJourney) -> std::result::Result<(), CallerError>,
) -> Result<u64> {
    let spec = run.spec()?;
    let buckets = run.buckets()?;
    progress.start("load", buckets.len() as u64);
    let mut n_customers = 0;
    let fold_spec = Arc::clone(&spec);
    let start = move || {
        Box::new(States {
            spec: Arc::clone(&fold_spec),
            builders: Builders::default(),
        }) as Box<dyn CustomerFold>
    };
    let fold = PerCustomer {
        spec,
        schema: schema(),
        start,
    };
    engine.fold(&buckets, Arc::new(fold), &mut |batch| {
        let logs: &ListArray = batch.column(2).as_list();
        let bases: &BinaryArray = batch.column(1).as_binary();
        let contacts: &BinaryArray = batch.column(3).as_binary();
        for row in 0..batch.num_rows() {
            let events = logs.value(row);
            let events: &BinaryArray = events.as_binary();
            n_customers += 1;
            sink(StoredJourney {
                key: key_at(batch.column(0).as_fixed_size_binary(), row),
                base: bases.value(row).to_vec(),
                log: events.iter().flatten().map(<[u8]>::to_vec).collect(),
                contacts: Ledger::from_bytes(contacts.value(row)).expect("written by the fold"),
            })?;
        }
        progress.advance(1);
        Ok(())
    })?;
    progress.finish();
    Ok(n_customers)
}

fn schema() -> SchemaRef {
    let event = Field::new("item", DataType::Binary, true);
    Arc::new(Schema::new(vec![
        Field::new("customer_key", DataType::FixedSizeBinary(16), false),
        Field::new("base", DataType::Binary, false),
        Field::new("log", DataType::List(Arc::new(event)), false),
        Field::new("contacts", DataType::Binary, false),
    ]))
}

struct States {
    spec: Arc<Spec>,
    builders: Builders,
}

struct Builders {
    keys: FixedSizeBinaryBuilder,
    bases: BinaryBuilder,
    logs: ListBuilder<BinaryBuilder>,
    contacts: BinaryBuilder,
    n_rows: usize,
}

impl Default for Builders {
    fn default() -> Self {
        Self {
            keys: FixedSizeBinaryBuilder::new(16),
            bases: BinaryBuilder::new(),
            logs: ListBuilder::new(BinaryBuilder::new()),
            contacts: BinaryBuilder::new(),
            n_rows: 0,
        }
    }
}

impl CustomerFold for States {
    fn customer(&mut self, journey: &CustomerJourney, _: &Labels) -> Result<()> {
        let base = JourneyState::new(Arc::clone(&self.spec));
        let mut history = History::resume(base, journey.events.clone())
            .map_err(|error| Error::Missing(format!("canonical events are out of order: {error}")))?;
        history.settle();
        self.builders
            .keys
            .append_value(journey.key.bytes())
            .expect("a key has 16 bytes");
        self.builders.bases.append_value(history.base().to_bytes());
        for logged in history.log() {
            self.builders.logs.values().append_value(logged.to_bytes());
        }
        self.builders.logs.append(true);
        let contacts = Ledger::loaded(&self.spec, &journey.events);
        self.builders.contacts.append_value(contacts.to_bytes());
        self.builders.n_rows += 1;
        Ok(())
    }

    fn take(&mut self, _: &Labels, is_over: bool) -> Result<Option<RecordBatch>> {
        let builders = &mut self.builders;
        if builders.n_rows < 1_024 && !(is_over && builders.n_rows > 0) {
            return Ok(None);
        }
        builders.n_rows = 0;
        let batch = RecordBatch::try_new(
            schema(),
            vec![
                Arc::new(builders.keys.finish()),
                Arc::new(builders.bases.finish()),
                Arc::new(builders.logs.finish()),
                Arc::new(builders.contacts.finish()),
            ],
        );
        Ok(Some(batch.expect("the builders follow the schema")))
    }
}
