//! The engine keeps its promises: sorted under little memory, folds in bucket order, callers' errors unchanged.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, FixedSizeBinaryArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use percorso_engine::{Batches, BucketFold, CallerError, EVENT_ORDER, Engine, EngineError, Fold, LocalEngine, Part};

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("customer_key", DataType::FixedSizeBinary(16), false),
        Field::new("at", DataType::Int64, false),
        Field::new("sequence", DataType::Int64, false),
        Field::new("event_id", DataType::Utf8, true),
        Field::new("payload", DataType::Utf8, true),
    ]))
}

/// Rows of customers by number, scattered by a multiplier that has no factor with their count.
fn batch(rows: std::ops::Range<i64>) -> RecordBatch {
    let scattered: Vec<i64> = rows.map(|row| row * 7_919 % 1_000_003).collect();
    let keys = scattered.iter().map(|row| {
        let mut key = [0; 16];
        key[..8].copy_from_slice(&(row % 97).to_be_bytes());
        key
    });
    let columns: Vec<ArrayRef> = vec![
        Arc::new(FixedSizeBinaryArray::try_from_iter(keys).expect("16 bytes each")),
        Arc::new(Int64Array::from_iter_values(scattered.iter().map(|row| row / 97))),
        Arc::new(Int64Array::from_iter_values(scattered.iter().copied())),
        Arc::new(StringArray::from_iter_values(
            scattered.iter().map(|row| format!("e{row}")),
        )),
        Arc::new(StringArray::from_iter_values(
            scattered.iter().map(|row| format!("{row:0>120}")),
        )),
    ];
    RecordBatch::try_new(schema(), columns).expect("columns of one length")
}

struct Rows(i64);

impl Part for Rows {
    fn open(&self) -> Result<Batches, CallerError> {
        let from = self.0;
        Ok(Box::new(
            (0..40).map(move |at| Ok(batch(from + at * 5_000..from + (at + 1) * 5_000))),
        ))
    }
}

struct Broken;

#[derive(Debug, thiserror::Error)]
#[error("row 7 of events.csv is broken")]
struct BrokenRow;

impl Part for Broken {
    fn open(&self) -> Result<Batches, CallerError> {
        Ok(Box::new(
            [Ok(batch(0..10)), Err(CallerError::from(BrokenRow))].into_iter(),
        ))
    }
}

fn engine(memory_bytes: u64, spill: &Path) -> LocalEngine {
    LocalEngine::new(memory_bytes, 2, spill).expect("an engine starts")
}

#[test]
fn more_rows_than_memory_are_sorted_by_spilling() {
    let spill = tempfile::tempdir().expect("a temporary folder");
    let parts: Vec<Arc<dyn Part>> = vec![Arc::new(Rows(0)), Arc::new(Rows(200_000)), Arc::new(Rows(400_000))];
    let (mut n_rows, mut last) = (0, None);
    // 600,000 rows of about 180 bytes are nearly twice the 64 MiB that the sorter may hold.
    engine(1, spill.path())
        .sort(schema(), parts, &EVENT_ORDER, &mut |batch| {
            let keys = batch.column(0).as_fixed_size_binary();
            let (at, sequence) = (
                batch.column(1).as_primitive::<Int64Type>(),
                batch.column(2).as_primitive::<Int64Type>(),
            );
            for row in 0..batch.num_rows() {
                let order = (keys.value(row).to_vec(), at.value(row), sequence.value(row));
                assert!(
                    last.as_ref().is_none_or(|last| *last <= order),
                    "row {n_rows} is out of order"
                );
                last = Some(order);
                n_rows += 1;
            }
            Ok(())
        })
        .expect("sorted");
    assert_eq!(n_rows, 600_000);
}

#[test]
fn a_callers_error_comes_back_as_it_was() {
    let spill = tempfile::tempdir().expect("a temporary folder");
    let engine = engine(1 << 30, spill.path());
    let from_part = engine.sort(schema(), vec![Arc::new(Broken)], &EVENT_ORDER, &mut |_| Ok(()));
    assert!(matches!(from_part, Err(EngineError::Caller(error)) if error.is::<BrokenRow>()));
    let from_sink = engine.sort(schema(), vec![Arc::new(Rows(0))], &EVENT_ORDER, &mut |_| {
        Err(Box::new(BrokenRow))
    });
    assert!(matches!(from_sink, Err(EngineError::Caller(error)) if error.is::<BrokenRow>()));
}

/// Counts the rows of each customer of a bucket, and says in which order they came.
struct Count;

struct Counting(HashMap<Vec<u8>, i64>, Vec<Vec<u8>>);

fn counts_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("customer_key", DataType::FixedSizeBinary(16), false),
        Field::new("n", DataType::Int64, false),
    ]))
}

impl Fold for Count {
    fn schema(&self) -> SchemaRef {
        counts_schema()
    }

    fn start(&self) -> Box<dyn BucketFold> {
        Box::new(Counting(HashMap::new(), Vec::new()))
    }
}

impl BucketFold for Counting {
    fn push(&mut self, events: &RecordBatch) -> Result<Option<RecordBatch>, CallerError> {
        let keys = events.column(0).as_fixed_size_binary();
        for row in 0..events.num_rows() {
            let key = keys.value(row).to_vec();
            if !self.0.contains_key(&key) {
                self.1.push(key.clone());
            }
            *self.0.entry(key).or_default() += 1;
        }
        Ok(None)
    }

    fn finish(&mut self) -> Result<Option<RecordBatch>, CallerError> {
        let keys = FixedSizeBinaryArray::try_from_iter(self.1.iter())?;
        let counts = Int64Array::from_iter_values(self.1.iter().map(|key| self.0[key]));
        Ok(Some(RecordBatch::try_new(
            counts_schema(),
            vec![Arc::new(keys), Arc::new(counts)],
        )?))
    }
}

/// Two bucket files, the first of customers 0 to 49, each sorted.
fn buckets(folder: &Path) -> Vec<PathBuf> {
    let spill = tempfile::tempdir().expect("a temporary folder");
    let mut sorted = Vec::new();
    engine(1 << 30, spill.path())
        .sort(schema(), vec![Arc::new(Rows(0))], &EVENT_ORDER, &mut |batch| {
            sorted.push(batch);
            Ok(())
        })
        .expect("sorted");
    let is_low = |batch: &RecordBatch, row: usize| batch.column(0).as_fixed_size_binary().value(row)[7] < 50;
    [true, false]
        .into_iter()
        .enumerate()
        .map(|(at, low)| {
            let path = folder.join(format!("bucket-{at}.parquet"));
            let file = std::fs::File::create(&path).expect("a file can be made");
            let mut writer = parquet::arrow::ArrowWriter::try_new(file, schema(), None).expect("a writer");
            for batch in &sorted {
                let mask: arrow::array::BooleanArray = (0..batch.num_rows())
                    .map(|row| Some(is_low(batch, row) == low))
                    .collect();
                writer
                    .write(&arrow::compute::filter_record_batch(batch, &mask).expect("a mask"))
                    .expect("written");
            }
            writer.close().expect("written");
            path
        })
        .collect()
}

#[test]
fn folds_see_each_customer_whole_and_answer_in_bucket_order() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let buckets = buckets(folder.path());
    let mut seen: Vec<(Vec<u8>, i64)> = Vec::new();
    engine(1 << 30, folder.path())
        .fold(&buckets, Arc::new(Count), &mut |rows| {
            let keys = rows.column(0).as_fixed_size_binary();
            let counts = rows.column(1).as_primitive::<Int64Type>();
            seen.extend((0..rows.num_rows()).map(|row| (keys.value(row).to_vec(), counts.value(row))));
            Ok(())
        })
        .expect("folded");
    assert_eq!(seen.len(), 97);
    assert!(
        seen.is_sorted_by(|left, right| left.0 < right.0),
        "customers come once, in order"
    );
    assert_eq!(seen.iter().map(|(_, n)| n).sum::<i64>(), 200_000);
}
