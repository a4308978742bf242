//! A market as files: `events.parquet` and the `journey.toml` that describes it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use arrow::array::{ArrayRef, BooleanBuilder, Float64Builder, RecordBatch, StringBuilder, TimestampMicrosecondBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use serde::Serialize;
use thiserror::Error;

use crate::journey::SimulatedJourney;
use crate::market::{Market, MarketSettings};
use crate::words::Touchpoint;

/// The description of the market, as `percorso` reads it.
pub const JOURNEY_TOML: &str = include_str!("journey.toml");

/// Customers that are made and written together; fixed, so that bytes depend on the settings alone.
const CUSTOMERS_PER_BATCH: u32 = 2048;
/// Rows of a row group.
const ROWS_PER_GROUP: usize = 131_072;
/// Threads that make batches.
const MAKERS: u32 = 2;

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Written {
    /// `DIR/events.parquet`.
    pub events_path: PathBuf,
    /// `DIR/journey.toml`.
    pub spec_path: PathBuf,
    /// Customers, each with at least one event.
    pub n_customers: u64,
    /// Rows.
    pub n_events: u64,
    /// Customers whose account was closed.
    pub n_left: u64,
}

/// Why a market could not be written.
#[derive(Debug, Error)]
pub enum Error {
    /// The directory could not be made.
    #[error("cannot create the directory {path}")]
    CreateDir {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A file could not be created, written, synced or renamed.
    #[error("cannot write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Rows could not be put into columns.
    #[error("cannot build the columns of {path}")]
    Columns {
        /// The file.
        path: PathBuf,
        /// What the library said.
        #[source]
        source: ArrowError,
    },
    /// Columns could not be encoded or written.
    #[error("cannot encode {path}")]
    Encode {
        /// The file.
        path: PathBuf,
        /// What the library said.
        #[source]
        source: ParquetError,
    },
}

/// Writes the market of `settings` into `dir`, which is made when it is missing; same settings, same bytes.
///
/// Rows are ordered by customer, then time, in row groups of 131,072; memory holds a few batches whatever the number of customers.
/// Each file is written beside its place and renamed when complete, `journey.toml` last, so a directory with a `journey.toml` is whole.
///
/// # Errors
/// When the directory or a file cannot be created, written or renamed; then no half-written file has taken its final name.
pub fn simulate(dir: &Path, settings: MarketSettings) -> Result<Written, Error> {
    fs::create_dir_all(dir).map_err(|source| Error::CreateDir {
        path: dir.to_owned(),
        source,
    })?;
    let events_path = dir.join("events.parquet");
    let spec_path = dir.join("journey.toml");
    let (n_events, n_left) = write_then_rename(&events_path, |file| write_events(&events_path, file, settings))?;
    write_then_rename(&spec_path, |mut file| {
        std::io::Write::write_all(&mut file, JOURNEY_TOML.as_bytes()).map_err(|source| Error::Write {
            path: spec_path.clone(),
            source,
        })
    })?;
    Ok(Written {
        events_path,
        spec_path,
        n_customers: u64::from(settings.customers),
        n_events,
        n_left,
    })
}

/// Hands out a temporary file; when the work succeeds, syncs it and gives it its name, otherwise removes it.
fn write_then_rename<T>(path: &Path, work: impl FnOnce(File) -> Result<T, Error>) -> Result<T, Error> {
    let mut name = path.file_name().expect("our files have names").to_owned();
    name.push(".partial");
    let partial_path = path.with_file_name(name);
    let fail = |source| Error::Write {
        path: path.to_owned(),
        source,
    };
    let file = File::create(&partial_path).map_err(fail)?;
    let synced = file.try_clone().map_err(fail)?;
    let done = work(file).and_then(|done| {
        synced.sync_all().map_err(fail)?;
        fs::rename(&partial_path, path).map_err(fail)?;
        Ok(done)
    });
    if done.is_err() {
        // The first error is the one to report; a leftover has a name that nobody reads.
        let _ = fs::remove_file(&partial_path);
    }
    done
}

/// Returns the number of rows and of customers who left.
fn write_events(path: &Path, file: File, settings: MarketSettings) -> Result<(u64, u64), Error> {
    let encode = |source| Error::Encode {
        path: path.to_owned(),
        source,
    };
    let schema = schema();
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(ROWS_PER_GROUP))
        .set_created_by("percorso-kit".to_owned())
        .build();
    let mut writer = ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties)).map_err(encode)?;
    let market = Market::new(settings);
    let n_batches = settings.customers.div_ceil(CUSTOMERS_PER_BATCH);
    let (mut n_events, mut n_left) = (0, 0);
    std::thread::scope(|scope| {
        // Maker m makes batches m, m + 2, …; taking turns restores the order.
        let makers: Vec<_> = (0..MAKERS)
            .map(|maker| {
                let (send, receive) = sync_channel(1);
                let (market, schema) = (&market, &schema);
                scope.spawn(move || {
                    for batch_idx in (maker..n_batches).step_by(MAKERS as usize) {
                        if send.send(batch(market, schema, batch_idx)).is_err() {
                            // The writer has failed and gone.
                            return;
                        }
                    }
                });
                receive
            })
            .collect();
        for batch_idx in 0..n_batches {
            let made = makers[(batch_idx % MAKERS) as usize]
                .recv()
                .expect("a maker sends all its batches");
            let (rows, left) = made.map_err(|source| Error::Columns {
                path: path.to_owned(),
                source,
            })?;
            n_events += rows.num_rows() as u64;
            n_left += left;
            writer.write(&rows).map_err(encode)?;
        }
        Ok(())
    })?;
    writer.close().map_err(encode)?;
    Ok((n_events, n_left))
}

/// One batch of customers, and how many of them left.
fn batch(market: &Market, schema: &SchemaRef, batch_idx: u32) -> Result<(RecordBatch, u64), ArrowError> {
    let start = batch_idx * CUSTOMERS_PER_BATCH;
    let end = start
        .saturating_add(CUSTOMERS_PER_BATCH)
        .min(market.settings().customers);
    let mut columns = Columns::default();
    let mut n_left = 0;
    for customer_index in start..end {
        let journey = market.journey(customer_index);
        let last = journey.events.last().map(|event| event.touchpoint);
        n_left += u64::from(last == Some(Touchpoint::AccountClosed.name()));
        columns.append(&journey);
    }
    Ok((RecordBatch::try_new(Arc::clone(schema), columns.finish())?, n_left))
}

fn utc_micros() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn schema() -> SchemaRef {
    let needed = |name, kind| Field::new(name, kind, false);
    let optional = |name, kind| Field::new(name, kind, true);
    Arc::new(Schema::new(vec![
        needed("customer_id", DataType::Utf8),
        needed("at", utc_micros()),
        needed("event_id", DataType::Utf8),
        needed("touchpoint", DataType::Utf8),
        optional("channel", DataType::Utf8),
        optional("audience", DataType::Utf8),
        optional("product", DataType::Utf8),
        optional("owner", DataType::Utf8),
        optional("value", DataType::Float64),
        optional("feedback_score", DataType::Float64),
        optional("feedback_text", DataType::Utf8),
        optional("action_id", DataType::Utf8),
        optional("decision_id", DataType::Utf8),
        optional("propensity", DataType::Float64),
        optional("age", DataType::Float64),
        optional("region", DataType::Utf8),
        optional("contract_ends_at", utc_micros()),
        optional("price_sensitivity", DataType::Float64),
        optional("loyalty", DataType::Boolean),
    ]))
}

/// The columns of a batch, filled event by event.
#[derive(Default)]
struct Columns {
    customer_id: StringBuilder,
    at: TimestampMicrosecondBuilder,
    event_id: StringBuilder,
    touchpoint: StringBuilder,
    channel: StringBuilder,
    audience: StringBuilder,
    product: StringBuilder,
    owner: StringBuilder,
    value: Float64Builder,
    feedback_score: Float64Builder,
    feedback_text: StringBuilder,
    action_id: StringBuilder,
    decision_id: StringBuilder,
    propensity: Float64Builder,
    age: Float64Builder,
    region: StringBuilder,
    contract_ends_at: TimestampMicrosecondBuilder,
    price_sensitivity: Float64Builder,
    loyalty: BooleanBuilder,
}

impl Columns {
    fn append(&mut self, journey: &SimulatedJourney) {
        for event in &journey.events {
            self.customer_id.append_value(&journey.customer_id);
            self.at.append_value(event.at);
            self.event_id.append_value(&event.event_id);
            self.touchpoint.append_value(event.touchpoint);
            self.channel.append_option(event.channel);
            self.audience.append_value(event.audience);
            self.product.append_option(event.product);
            self.owner.append_value(&event.owner);
            self.value.append_option(event.value);
            self.feedback_score.append_option(event.feedback_score);
            self.feedback_text.append_option(event.feedback_text);
            self.action_id.append_option(event.action_id);
            self.decision_id.append_option(event.decision_id.as_deref());
            self.propensity.append_option(event.propensity);
            self.age.append_option(event.attributes.age);
            self.region.append_option(event.attributes.region);
            self.contract_ends_at.append_option(event.attributes.contract_ends_at);
            self.price_sensitivity.append_option(event.attributes.price_sensitivity);
            self.loyalty.append_option(event.attributes.loyalty);
        }
    }

    /// The arrays in the order of [`schema`].
    fn finish(mut self) -> Vec<ArrayRef> {
        vec![
            Arc::new(self.customer_id.finish()),
            Arc::new(self.at.finish().with_timezone("UTC")),
            Arc::new(self.event_id.finish()),
            Arc::new(self.touchpoint.finish()),
            Arc::new(self.channel.finish()),
            Arc::new(self.audience.finish()),
            Arc::new(self.product.finish()),
            Arc::new(self.owner.finish()),
            Arc::new(self.value.finish()),
            Arc::new(self.feedback_score.finish()),
            Arc::new(self.feedback_text.finish()),
            Arc::new(self.action_id.finish()),
            Arc::new(self.decision_id.finish()),
            Arc::new(self.propensity.finish()),
            Arc::new(self.age.finish()),
            Arc::new(self.region.finish()),
            Arc::new(self.contract_ends_at.finish().with_timezone("UTC")),
            Arc::new(self.price_sensitivity.finish()),
            Arc::new(self.loyalty.finish()),
        ]
    }
}
