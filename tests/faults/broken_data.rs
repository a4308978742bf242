//! Broken source files and a broken journey.toml.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use tempfile::TempDir;

use crate::cli::{percorso, text};

const JOURNEY: &str = r#"
format = 1
name = "faults"

[[source]]
paths = ["events.KIND"]

[stages]
order = ["awareness", "purchase"]

[[touchpoint]]
name = "visit"
stage = "awareness"

[[touchpoint]]
name = "purchase"
stage = "purchase"

[[churn]]
name = "inactive"
kind = "inactivity"
touchpoints = ["purchase"]
days = 30
"#;

/// A business with one source file.
struct Case {
    folder: TempDir,
}

impl Case {
    fn new(kind: &str, bytes: &[u8]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join(format!("events.{kind}")), bytes).expect("written");
        let case = Self { folder };
        case.journey(&JOURNEY.replace("KIND", kind));
        case
    }

    fn journey(&self, toml: &str) {
        std::fs::write(self.folder.path().join("journey.toml"), toml).expect("written");
    }

    fn run(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    fn ingest(&self) -> Output {
        let journey = self.folder.path().join("journey.toml");
        percorso(&["ingest", "--journey", text(&journey), "--run", text(&self.run())])
    }

    /// What a refused ingest said; nothing but the key may be in the run folder.
    #[track_caller]
    fn refused(&self) -> String {
        let output = self.ingest();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "the data are wrong: {said}");
        assert_nothing_written(&self.run());
        said
    }
}

#[track_caller]
fn assert_nothing_written(run: &Path) {
    let Ok(entries) = std::fs::read_dir(run) else { return };
    let left: Vec<_> = entries.map(|entry| entry.expect("readable").file_name()).collect();
    assert!(left.iter().all(|name| name == "customer.key"), "left behind: {left:?}");
}

fn parquet(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter(columns).expect("columns of one length");
    let mut bytes = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("written");
    bytes
}

fn good_parquet() -> Vec<u8> {
    let n = 500;
    parquet(vec![
        (
            "customer_id",
            Arc::new(StringArray::from_iter_values((0..n).map(|at| format!("c{}", at % 50)))),
        ),
        (
            "at",
            Arc::new(StringArray::from_iter_values(
                (0..n).map(|at| format!("2024-01-{:02}", 1 + at % 28)),
            )),
        ),
        (
            "touchpoint",
            Arc::new(StringArray::from_iter_values((0..n).map(|_| "visit"))),
        ),
    ])
}

#[test]
fn the_good_file_is_taken() {
    let case = Case::new("parquet", &good_parquet());
    let output = case.ingest();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(case.run().join("ingest/manifest.json").exists());
}

#[test]
fn a_truncated_parquet_file_is_refused() {
    let bytes = good_parquet();
    let said = Case::new("parquet", &bytes[..bytes.len() / 2]).refused();
    assert!(said.contains("events.parquet") && said.contains("cut short"), "{said}");
}

#[test]
fn damaged_pages_are_refused_wherever_they_are() {
    let good = good_parquet();
    let mut bytes = good.clone();
    bytes[8..200].fill(0xff);
    let said = Case::new("parquet", &bytes).refused();
    assert!(said.contains("events.parquet"), "{said}");
}

#[test]
fn a_footer_that_claims_ten_gigabytes_is_refused_unread() {
    let mut bytes = good_parquet();
    let length = bytes.len();
    bytes[length - 8..length - 4].copy_from_slice(&u32::MAX.to_le_bytes());
    let said = Case::new("parquet", &bytes).refused();
    assert!(said.contains("footer claims 4294967295 bytes"), "{said}");
}

#[test]
fn an_empty_file_is_refused() {
    for kind in ["parquet", "csv"] {
        let said = Case::new(kind, b"").refused();
        assert!(said.contains("the file is empty"), "{said}");
    }
}

#[test]
fn a_column_of_the_wrong_type_is_named() {
    let n = 10;
    let bytes = parquet(vec![
        ("customer_id", Arc::new(Int64Array::from_iter_values(0..n))),
        ("at", Arc::new(BooleanArray::from(vec![true; n as usize]))),
        ("touchpoint", Arc::new(StringArray::from(vec!["visit"; n as usize]))),
    ]);
    let said = Case::new("parquet", &bytes).refused();
    assert!(
        said.contains("column `at` has type Boolean") && said.contains("a timestamp"),
        "{said}"
    );
}

#[test]
fn a_missing_column_is_named_with_what_to_write() {
    let bytes = parquet(vec![("who", Arc::new(StringArray::from(vec!["a"])))]);
    let said = Case::new("parquet", &bytes).refused();
    assert!(
        said.contains("no column `customer_id`") && said.contains("[source.columns]"),
        "{said}"
    );
}

#[test]
fn a_broken_quote_is_refused_with_its_line() {
    let mut csv = "customer_id,at,touchpoint\n".to_owned();
    for row in 0..400 {
        csv += if row == 200 {
            "\"c1,2024-01-01,visit\n"
        } else {
            "c1,2024-01-01,visit\n"
        };
    }
    let said = Case::new("csv", csv.as_bytes()).refused();
    assert!(
        said.contains("events.csv") && said.contains("line 202") && said.contains("quote"),
        "{said}"
    );
}

#[test]
fn rows_that_break_the_contract_are_told_by_reason_file_and_row() {
    let good: String = (0..2_000).map(|row| format!("c{row},2024-01-01,visit,\n")).collect();
    let bad =
        ",2024-01-01,visit,\nc1,someday,visit,\nc1,1024-01-01,visit,\nc1,2024-01-01,vist,\nc1,2024-01-01,visit,NaN\n";
    let few = format!("customer_id,at,touchpoint,value\n{good}{bad}");
    let case = Case::new("csv", few.as_bytes());
    let output = case.ingest();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "five of 2,005 rows are tolerated: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    for reason in [
        "missing: 1",
        "unparsable: 1",
        "absurd_time: 1",
        "unknown_touchpoint: 1",
        "not_finite: 1",
    ] {
        assert!(said.contains(reason), "{reason} in {said}");
    }
    let quarantine = std::fs::File::open(case.run().join("ingest/quarantine.parquet")).expect("written");
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(quarantine).expect("Parquet");
    let rows: usize = reader
        .build()
        .expect("a reader")
        .map(|batch| batch.expect("readable").num_rows())
        .sum();
    assert_eq!(rows, 5);

    let many = format!("customer_id,at,touchpoint,value\nc1,2024-01-01,visit,\n{bad}");
    let said = Case::new("csv", many.as_bytes()).refused();
    assert!(
        said.contains("5 of 6 rows") && said.contains("events.csv row 3"),
        "{said}"
    );
    assert!(said.contains("`someday`"), "{said}");
}

#[test]
fn a_duplicate_event_id_is_set_aside_and_counted() {
    let csv: String = (0..300)
        .map(|row| format!("c{},2024-01-01,visit,e{row}\n", row % 40))
        .collect();
    let csv = format!("customer_id,at,touchpoint,event_id\n{csv}c0,2024-01-02,visit,e0\n");
    let case = Case::new("csv", csv.as_bytes());
    let output = case.ingest();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("duplicate_event_id: 1"));
}

#[test]
fn a_typo_in_journey_toml_is_named_with_the_right_key() {
    let case = Case::new("parquet", &good_parquet());
    case.journey(
        &JOURNEY
            .replace("KIND", "parquet")
            .replace("touchpoints =", "tuchpoints ="),
    );
    let said = case.refused();
    assert!(
        said.contains("journey.toml") && said.contains("did you mean `touchpoints`?"),
        "{said}"
    );
}

#[test]
fn check_says_the_same_and_writes_nothing() {
    let case = Case::new("parquet", &good_parquet());
    let journey = case.folder.path().join("journey.toml");
    let output = percorso(&["check", "--journey", text(&journey)]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(
        std::fs::read_dir(case.folder.path()).expect("readable").count(),
        2,
        "the two files that were there"
    );
}

#[test]
fn a_failed_ingest_leaves_the_one_before() {
    let case = Case::new("parquet", &good_parquet());
    assert!(case.ingest().status.success());
    let before = crate::cli::files(&case.run());
    std::fs::write(case.folder.path().join("events.parquet"), b"PAR1").expect("written");
    assert_eq!(case.ingest().status.code(), Some(1));
    assert!(crate::cli::files(&case.run()) == before, "nothing changed");
}

#[test]
fn numbers_that_are_no_events_never_panic() {
    let values = Float64Array::from(vec![f64::INFINITY, -1e15, 0.0]);
    let bytes = parquet(vec![
        ("customer_id", Arc::new(StringArray::from(vec!["a", "b", "c"]))),
        (
            "at",
            Arc::new(StringArray::from(vec!["2024-01-01", "2024-01-01", "2999-12-31"])),
        ),
        ("touchpoint", Arc::new(StringArray::from(vec!["visit"; 3]))),
        ("value", Arc::new(values)),
    ]);
    let said = Case::new("parquet", &bytes).refused();
    assert!(
        said.contains("not_finite 1") && said.contains("absurd_time 1"),
        "{said}"
    );
}
