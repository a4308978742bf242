//! Waits: what was asked at the beginning of each interval after an event, and what came first in it.
//!
//! A wait is a row of its own, as of the interval's beginning, of a customer whom nothing had happened to until then.
//! Waits of all history teach; and of everyone who is there at the test cut-off, and of some at cut-offs before it, the
//! waits from then to the horizon are asked about, as if nothing came.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, RecordBatch, StringBuilder, TimestampMicrosecondBuilder};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimestampMicrosecondType};
use percorso_engine::{CallerError, Engine};
use percorso_features::{Catalogue, FeatureRow, Labels};
use percorso_journey::{CustomerKey, JourneyEvent, JourneyState, Spec, TimeGrid, Timestamp, Wait, in_population};

use crate::columns::ParquetFile;
use crate::dataset::Dataset;
use crate::journeys::{CustomerFold, CustomerJourney, PerCustomer};
use crate::progress::Progress;
use crate::row_columns::{self, BATCH_ROWS, RowColumns};
use crate::rows::NOTHING;
use crate::run::RunFolder;
use crate::{Result, canonical};

/// The waits of a training run.
pub(crate) struct Waits {
    pub(crate) grid: TimeGrid,
    /// Those that teach: their whole interval was seen.
    pub(crate) seen: Dataset,
    /// Those asked about, by cut-off.
    pub(crate) asked: BTreeMap<Timestamp, Dataset>,
}

/// What to make waits of.
pub(crate) struct WaitSettings {
    pub(crate) grid: TimeGrid,
    /// The share of each interval's waits that teach.
    pub(crate) shares: Vec<f64>,
    /// The cut-offs at which waits are asked about, with the share of customers of whom they are.
    pub(crate) asked_at: BTreeMap<Timestamp, f64>,
    pub(crate) observed_until: Timestamp,
    pub(crate) seed: u64,
}

impl Waits {
    /// Folds a run's journeys into waits; writes them to `path`.
    ///
    /// # Errors
    /// - the run has no events, or a file cannot be read or written.
    pub(crate) fn of(
        run: &RunFolder,
        spec: &Arc<Spec>,
        catalogue: &Arc<Catalogue>,
        settings: WaitSettings,
        path: &Path,
        engine: &dyn Engine,
        progress: &dyn Progress,
    ) -> Result<Self> {
        let buckets = run.buckets()?;
        progress.start("waits", buckets.len() as u64);
        let schema = schema(catalogue);
        let grid = settings.grid.clone();
        let of_cutoff = |at: &Timestamp| (*at, Dataset::new(spec, catalogue, 0));
        let mut asked: BTreeMap<Timestamp, Dataset> = settings.asked_at.keys().map(of_cutoff).collect();
        let mut seen = Dataset::new(spec, catalogue, 0);
        let shared = Arc::new(Shared {
            spec: Arc::clone(spec),
            catalogue: Arc::clone(catalogue),
            schema: Arc::clone(&schema),
            settings,
        });
        let start = move || Box::new(WaitRows::new(Arc::clone(&shared))) as Box<dyn CustomerFold>;
        let fold = PerCustomer {
            spec: Arc::clone(spec),
            schema: Arc::clone(&schema),
            start,
        };
        let mut file = ParquetFile::create(path, schema)?;
        engine.fold(&buckets, Arc::new(fold), &mut |batch| {
            let cutoff = batch.column_by_name(CUTOFF).expect("a column of waits");
            let cutoff = cutoff.as_primitive::<TimestampMicrosecondType>();
            let part = |is_wanted: &dyn Fn(Option<i64>) -> bool| {
                let wanted: BooleanArray = cutoff.iter().map(|cutoff| Some(is_wanted(cutoff))).collect();
                filter_record_batch(&batch, &wanted).expect("a filter as long as the batch")
            };
            seen.append(spec, &part(&|cutoff| cutoff.is_none()));
            for (at, asked) in &mut asked {
                asked.append(spec, &part(&|cutoff| cutoff == Some(at.micros())));
            }
            progress.advance(1);
            file.write(&batch).map_err(CallerError::from)
        })?;
        file.finish()?;
        progress.finish();
        Ok(Self { grid, seen, asked })
    }
}

const CUTOFF: &str = "cutoff";

fn schema(catalogue: &Catalogue) -> SchemaRef {
    let mut fields = row_columns::fields(catalogue);
    let time = |name: &str, is_nullable| Field::new(name, canonical::time_type(), is_nullable);
    fields.extend([
        Field::new("next_stage", DataType::Utf8, true),
        time("last_at", false),
        time("until", false),
        time("known_at", false),
        time(CUTOFF, true),
    ]);
    Arc::new(Schema::new(fields))
}

/// What the folds of all buckets share.
struct Shared {
    spec: Arc<Spec>,
    catalogue: Arc<Catalogue>,
    schema: SchemaRef,
    settings: WaitSettings,
}

/// What is known of a wait: what came, by when that was known, and at which cut-off it is asked about.
struct Answer<'a> {
    next: Option<&'a str>,
    known_at: Timestamp,
    cutoff: Option<Timestamp>,
}

/// The waits of one bucket.
struct WaitRows {
    shared: Arc<Shared>,
    row: FeatureRow,
    events: Vec<JourneyEvent>,
    drawn: Vec<Wait>,
    rows: RowColumns,
    next_stage: StringBuilder,
    last_at: TimestampMicrosecondBuilder,
    until: TimestampMicrosecondBuilder,
    known_at: TimestampMicrosecondBuilder,
    cutoff: TimestampMicrosecondBuilder,
}

impl WaitRows {
    fn new(shared: Arc<Shared>) -> Self {
        let rows = RowColumns::new(&shared.catalogue);
        Self {
            shared,
            row: FeatureRow::default(),
            events: Vec::new(),
            drawn: Vec::new(),
            rows,
            next_stage: StringBuilder::new(),
            last_at: row_columns::times(),
            until: row_columns::times(),
            known_at: row_columns::times(),
            cutoff: row_columns::times(),
        }
    }

    /// Draws the waits that teach: of each moment with events, the intervals until the next one that are wholly seen.
    fn draw(&mut self, customer: CustomerKey) {
        let Shared { spec, settings, .. } = &*self.shared;
        self.drawn.clear();
        let longest_days = spec
            .population()
            .seen_within_days
            .map(|days| i64::from(days) + i64::from(spec.next_stage().horizon_days));
        let moments = self
            .events
            .chunk_by(|one, other| one.at == other.at)
            .map(|events| events[0].at);
        let after = moments.clone().skip(1).map(Some).chain([None]);
        for (last_at, next_at) in moments.zip(after) {
            let draw = uniform(customer, last_at, settings.seed);
            let mut interval = 0;
            let mut wait = Wait::after(last_at, &settings.grid, interval);
            let longest = longest_days.map_or(Timestamp::LATEST, |days| last_at.plus_days(days));
            let until = next_at.unwrap_or(settings.observed_until).min(longest);
            while wait.from <= until && wait.until <= settings.observed_until {
                let share = settings.shares[interval.min(settings.shares.len() - 1)];
                if draw < share {
                    self.drawn.push(wait);
                }
                wait = wait.next(&settings.grid);
                interval += 1;
            }
        }
    }

    fn append(&mut self, key: CustomerKey, state: &JourneyState, wait: Wait, answer: Answer<'_>) {
        let as_of = wait.asked_at(state);
        let row = self.shared.catalogue.row_into(state, as_of, &mut self.row);
        row.expect("the state was folded up to an earlier moment");
        self.rows.append(key, as_of, &self.row);
        self.next_stage.append_option(answer.next);
        let last_at = state.last_at().expect("who waits has an event");
        self.last_at.append_value(last_at.micros());
        self.until.append_value(wait.until.micros());
        self.known_at.append_value(answer.known_at.micros());
        self.cutoff.append_option(answer.cutoff.map(Timestamp::micros));
    }
}

impl CustomerFold for WaitRows {
    fn customer(&mut self, journey: &CustomerJourney, _: &Labels) -> Result<()> {
        let shared = Arc::clone(&self.shared);
        let Shared { spec, settings, .. } = &*shared;
        let horizon_days = i64::from(spec.next_stage().horizon_days);
        self.events.clear();
        self.events
            .extend(journey.events.iter().map(|logged| logged.event.clone()));
        self.draw(journey.key);
        let drawn = std::mem::take(&mut self.drawn);
        let from: Vec<Timestamp> = drawn.iter().map(|wait| wait.from).collect();
        let mut waits = drawn.iter();
        journey.fold_to(spec, &from, |as_of, state| {
            let wait = *waits.next().expect("one moment for each wait");
            // What came before may not have been known yet, or the next have been, as far as the state can tell.
            // Whoever is asked about waits until the horizon, even out of the population.
            let cutoff = as_of.plus_days(-horizon_days).max(wait.follows_at());
            if !wait.follows(state.last_at()) || !in_population(spec, state, cutoff) {
                return;
            }
            let first = self.events.partition_point(|event| event.at < as_of);
            let came = self.events.get(first).filter(|event| event.at < wait.until);
            let answer = Answer {
                next: Some(came.map_or(NOTHING, |event| spec.stages()[usize::from(event.stage)].as_str())),
                known_at: came.map_or(wait.until, |event| event.known_at.max(wait.until)),
                cutoff: None,
            };
            self.append(journey.key, state, wait, answer);
        });
        self.drawn = drawn;
        let is_asked =
            |(at, share): (&Timestamp, &f64)| (uniform(journey.key, *at, settings.seed) < *share).then_some(*at);
        let asked_at: Vec<Timestamp> = settings.asked_at.iter().filter_map(is_asked).collect();
        journey.fold_to(spec, &asked_at, |as_of, state| {
            if !in_population(spec, state, as_of) {
                return;
            }
            let last_at = state.last_at().expect("who is in the population has an event");
            let horizon = as_of.plus_days(horizon_days);
            let mut wait = Wait::at(last_at, &settings.grid, as_of);
            loop {
                let answer = Answer {
                    next: None,
                    known_at: wait.until,
                    cutoff: Some(as_of),
                };
                self.append(journey.key, state, wait, answer);
                if wait.until >= horizon {
                    break;
                }
                wait = wait.next(&settings.grid);
            }
        });
        Ok(())
    }

    fn take(&mut self, _: &Labels, is_over: bool) -> Result<Option<RecordBatch>> {
        let n_rows = self.rows.n_rows;
        if n_rows == 0 || !(is_over || n_rows >= BATCH_ROWS) {
            return Ok(None);
        }
        let mut columns = self.rows.finish();
        columns.push(Arc::new(self.next_stage.finish()));
        columns.push(Arc::new(self.last_at.finish()));
        columns.push(Arc::new(self.until.finish()));
        columns.push(Arc::new(self.known_at.finish()));
        columns.push(Arc::new(self.cutoff.finish()));
        let batch = RecordBatch::try_new(Arc::clone(&self.shared.schema), columns);
        Ok(Some(batch.expect("the builders follow the schema")))
    }
}

/// A number from 0 to 1 that depends on nothing but the customer, the moment and the seed.
fn uniform(customer: CustomerKey, at: Timestamp, seed: u64) -> f64 {
    let mut mixed = customer.group() ^ seed ^ (at.micros() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use percorso_journey::{KeySecret, LoggedEvent, text};

    use super::*;

    /// A wait as days: the last event before it, from when and until when; what came, and the cut-off it is asked at.
    type Told = (f64, f64, f64, Option<String>, Option<f64>);

    /// The waits of one customer, asked about on day 20, of data that end on day 30.
    fn waits(journey: &str, share: f64) -> Vec<Told> {
        let spec = Arc::new(Spec::parse(text::SMALL_SPEC).expect("the small spec is valid"));
        let catalogue = Arc::new(Catalogue::of(&spec));
        let logged = text::journey(&spec, journey).expect("a journey in text").into_iter();
        let journey = CustomerJourney {
            key: KeySecret::new(&[1; 32]).key_of("ann"),
            events: logged
                .map(|event| LoggedEvent {
                    event_id: String::new(),
                    event,
                })
                .collect(),
            owner: None,
        };
        let mut rows = WaitRows::new(Arc::new(Shared {
            schema: schema(&catalogue),
            spec,
            catalogue,
            settings: WaitSettings {
                grid: TimeGrid::new(&[1.0, 8.0]).expect("rises"),
                shares: vec![share; 2],
                asked_at: [(text::day(20), 1.0)].into(),
                observed_until: text::day(30),
                seed: 1,
            },
        }));
        rows.customer(&journey, &Labels::default()).expect("a whole journey");
        let Some(batch) = rows.take(&Labels::default(), true).expect("rows") else {
            return Vec::new();
        };
        let days = |name: &str, row: usize| {
            let times = batch
                .column_by_name(name)
                .expect(name)
                .as_primitive::<TimestampMicrosecondType>();
            let at = times.iter().nth(row).expect("a row").map(Timestamp::from_micros);
            at.map(|at| (at.days_since(text::day(0)) * 1e6).round() / 1e6)
        };
        let next = batch.column_by_name("next_stage").expect("there").as_string::<i32>();
        let told = |row: usize| {
            let [last_at, from, until] =
                ["last_at", "as_of", "until"].map(|name| days(name, row).expect("always there"));
            (
                last_at,
                from,
                until,
                next.iter().nth(row).expect("a row").map(str::to_owned),
                days(CUTOFF, row),
            )
        };
        (0..batch.num_rows()).map(told).collect()
    }

    #[test]
    fn every_interval_until_the_next_event_is_a_wait_and_the_last_one_says_what_came() {
        let some = |stage: &str| Some(stage.to_owned());
        let found = waits("purchase@0d visit@0.5d visit@10.5d", 1.0);
        let seen = [
            (0.0, 0.0, 1.0, some("consideration"), None),
            (0.5, 0.5, 1.5, some("none"), None),
            (0.5, 1.5, 8.5, some("none"), None),
            (0.5, 8.5, 15.5, some("consideration"), None),
            (10.5, 10.5, 11.5, some("none"), None),
            (10.5, 11.5, 18.5, some("none"), None),
            (10.5, 18.5, 25.5, some("none"), None),
        ];
        assert_eq!(found[..7], seen, "the next interval ends after the data");
        // From day 20 to the horizon of 30 days, whether the data reach so far or not.
        let asked: Vec<(f64, f64)> = found[7..].iter().map(|wait| (wait.1, wait.2)).collect();
        assert_eq!(
            asked,
            [(18.5, 25.5), (25.5, 32.5), (32.5, 39.5), (39.5, 46.5), (46.5, 53.5)]
        );
        assert!(found[7..].iter().all(|wait| wait.3.is_none() && wait.4 == Some(20.0)));
    }

    #[test]
    fn a_wait_holds_what_was_known_when_it_began() {
        // The visit of day 3 became known on day 9: until then the customer was thought to wait since day 0. It came in
        // that wait all the same, and whether it did is known on day 9, not when the interval was over.
        let found = waits("purchase@0d visit@3d~9d purchase@12d", 1.0);
        let seen: Vec<(f64, f64, Option<&str>)> = found
            .iter()
            .filter(|wait| wait.4.is_none())
            .map(|wait| (wait.0, wait.1, wait.3.as_deref()))
            .collect();
        let expected = [
            (0.0, 0.0, Some("none")),
            (0.0, 1.0, Some("consideration")),
            (3.0, 11.0, Some("purchase")),
            (12.0, 12.0, Some("none")),
            (12.0, 13.0, Some("none")),
            (12.0, 20.0, Some("none")),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn what_comes_as_an_interval_ends_comes_in_the_next() {
        let found = waits("purchase@0d visit@1d visit@9d", 1.0);
        let seen: Vec<(f64, Option<&str>)> = found
            .iter()
            .filter(|wait| wait.4.is_none())
            .map(|wait| (wait.1, wait.3.as_deref()))
            .collect();
        let (none, visit) = (Some("none"), Some("consideration"));
        let expected = [
            (0.0, none),
            (1.0, visit),
            (1.0, none),
            (2.0, none),
            (9.0, visit),
            (9.0, none),
            (10.0, none),
            (17.0, none),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn nobody_outside_the_population_waits_and_a_share_of_none_draws_none() {
        assert!(waits("visit@0d visit@3d", 1.0).is_empty(), "no purchase");
        assert!(waits("purchase@0d visit@3d", 0.0).iter().all(|wait| wait.4.is_some()));
    }
}
