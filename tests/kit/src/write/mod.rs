//! A market as files: `events.parquet`, `decisions.parquet` and the `journey.toml` that describes it.

mod decisions;
mod events;
mod table;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, TimeUnit};
use arrow::error::ArrowError;
use parquet::errors::ParquetError;
use serde::Serialize;
use thiserror::Error;

use self::table::Table;
use crate::market::{Market, MarketSettings};
use crate::words::Touchpoint;

/// The description of the market, as `percorso` reads it.
pub const JOURNEY_TOML: &str = include_str!("../journey.toml");

/// Customers that are made and written together; fixed, so that bytes depend on the settings alone.
const CUSTOMERS_PER_BATCH: u32 = 2048;
/// Threads that make batches.
const MAKERS: u32 = 2;

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Written {
    /// `DIR/events.parquet`.
    pub events_path: PathBuf,
    /// `DIR/decisions.parquet`.
    pub decisions_path: PathBuf,
    /// `DIR/journey.toml`.
    pub spec_path: PathBuf,
    /// Customers, each with at least one event.
    pub n_customers: u64,
    /// Rows of `events.parquet`.
    pub n_events: u64,
    /// Rows of `decisions.parquet`.
    pub n_decisions: u64,
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
    let decisions_path = dir.join("decisions.parquet");
    let spec_path = dir.join("journey.toml");
    // One pass makes both, so both are under way together.
    let counts = write_then_rename(&decisions_path, |decisions_file| {
        write_then_rename(&events_path, |events_file| {
            let events = Table::new(&events_path, events_file, events::schema())?;
            let decisions = Table::new(&decisions_path, decisions_file, decisions::schema())?;
            write_rows(events, decisions, settings)
        })
    })?;
    write_then_rename(&spec_path, |mut file| {
        std::io::Write::write_all(&mut file, JOURNEY_TOML.as_bytes()).map_err(|source| Error::Write {
            path: spec_path.clone(),
            source,
        })
    })?;
    Ok(Written {
        events_path,
        decisions_path,
        spec_path,
        n_customers: u64::from(settings.customers),
        n_events: counts.n_events,
        n_decisions: counts.n_decisions,
        n_left: counts.n_left,
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

/// How much was written.
struct Counts {
    n_events: u64,
    n_decisions: u64,
    n_left: u64,
}

/// Writes the rows of both tables.
fn write_rows(mut events: Table, mut decisions: Table, settings: MarketSettings) -> Result<Counts, Error> {
    let market = Market::new(settings);
    let n_batches = settings.customers.div_ceil(CUSTOMERS_PER_BATCH);
    let mut n_left = 0;
    std::thread::scope(|scope| {
        // Maker m makes batches m, m + 2, …; taking turns restores the order.
        let makers: Vec<_> = (0..MAKERS)
            .map(|maker| {
                let (send, receive) = sync_channel(1);
                let market = &market;
                scope.spawn(move || {
                    for batch_idx in (maker..n_batches).step_by(MAKERS as usize) {
                        if send.send(Batch::of(market, batch_idx)).is_err() {
                            // The writer has failed and gone.
                            return;
                        }
                    }
                });
                receive
            })
            .collect();
        for batch_idx in 0..n_batches {
            let batch = makers[(batch_idx % MAKERS) as usize]
                .recv()
                .expect("a maker sends all its batches");
            events.append(batch.events)?;
            decisions.append(batch.decisions)?;
            n_left += batch.n_left;
        }
        Ok(())
    })?;
    Ok(Counts {
        n_events: events.close()?,
        n_decisions: decisions.close()?,
        n_left,
    })
}

/// What a batch of customers adds to each table.
struct Batch {
    events: Vec<ArrayRef>,
    decisions: Vec<ArrayRef>,
    n_left: u64,
}

impl Batch {
    fn of(market: &Market, batch_idx: u32) -> Self {
        let start = batch_idx * CUSTOMERS_PER_BATCH;
        let end = start
            .saturating_add(CUSTOMERS_PER_BATCH)
            .min(market.settings().customers);
        let mut events = events::Columns::default();
        let mut decisions = decisions::Columns::default();
        let mut n_left = 0;
        for customer_index in start..end {
            let journey = market.journey(customer_index);
            let last = journey.events.last().map(|event| event.touchpoint);
            n_left += u64::from(last == Some(Touchpoint::AccountClosed.name()));
            events.append(&journey);
            decisions.append(&journey);
        }
        Self {
            events: events.finish(),
            decisions: decisions.finish(),
            n_left,
        }
    }
}

fn utc_micros() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}
