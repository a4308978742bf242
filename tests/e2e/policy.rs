//! The data scientist's story: is another policy better, and can the log tell?

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, ListBuilder, PrimitiveBuilder, RecordBatch, StringArray};
use arrow::datatypes::Float64Type;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use percorso_learners::Random;
use serde_json::Value;
use tempfile::TempDir;

use crate::cli::{percorso, printed, text};

type Numbers = PrimitiveBuilder<Float64Type>;

/// A log in which the first of two actions was taken nine times of ten, and the second earns three times as much.
struct Log {
    folder: TempDir,
}

impl Log {
    fn new(n_rows: usize) -> Log {
        let log = Log {
            folder: tempfile::tempdir().expect("a temporary folder"),
        };
        let mut random = Random::new(11);
        let actions: Vec<usize> = (0..n_rows).map(|_| usize::from(random.uniform() < 0.1)).collect();
        let earns = |action: usize| [0.1, 0.3][action];
        let rewards = actions
            .iter()
            .map(|action| f64::from(u8::from(random.uniform() < earns(*action))));
        let rewards = Float64Array::from_iter_values(rewards);
        let propensities = Float64Array::from_iter_values(actions.iter().map(|action| [0.9, 0.1][*action]));
        let channel: StringArray = (0..n_rows).map(|row| Some(["web", "mail"][row % 2])).collect();
        let columns: [(&str, ArrayRef); 4] = [
            (
                "action",
                Arc::new(Int64Array::from_iter_values(
                    actions.iter().map(|action| *action as i64),
                )),
            ),
            ("reward", Arc::new(rewards)),
            ("propensity", Arc::new(propensities)),
            ("channel", Arc::new(channel)),
        ];
        write(
            &log.logged(),
            RecordBatch::try_from_iter(columns).expect("columns of one length"),
        );
        log.write_target(n_rows, &[0.5, 0.5]);
        log
    }

    fn logged(&self) -> PathBuf {
        self.folder.path().join("logged.parquet")
    }

    fn target(&self) -> PathBuf {
        self.folder.path().join("target.parquet")
    }

    fn write_target(&self, n_rows: usize, pi: &[f64]) {
        let mut lists = ListBuilder::new(Numbers::new());
        for _ in 0..n_rows {
            lists.values().append_slice(pi);
            lists.append(true);
        }
        let columns: [(&str, ArrayRef); 1] = [("pi", Arc::new(lists.finish()))];
        write(&self.target(), RecordBatch::try_from_iter(columns).expect("one column"));
    }

    fn arguments(&self) -> Vec<String> {
        let paths = [self.logged(), self.target()];
        let [logged, target] = paths.map(|path| text(&path).to_owned());
        ["policy", "evaluate", "--logged", &logged, "--target", &target]
            .map(str::to_owned)
            .to_vec()
    }

    fn run(&self, more: &[&str]) -> String {
        let arguments = self.arguments();
        let all: Vec<&str> = arguments
            .iter()
            .map(String::as_str)
            .chain(more.iter().copied())
            .collect();
        printed(&all)
    }

    /// What the command says is wrong.
    fn refusal(&self) -> String {
        let arguments = self.arguments();
        let output = percorso(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8_lossy(&output.stderr).into_owned()
    }
}

fn write(path: &Path, rows: RecordBatch) {
    let file = std::fs::File::create(path).expect("a file can be made");
    let mut writer = ArrowWriter::try_new(file, rows.schema(), None).expect("a writer");
    writer.write(&rows).expect("rows are written");
    writer.close().expect("the file is finished");
}

#[test]
fn every_estimator_tells_what_another_policy_would_have_earned() {
    let log = Log::new(6_000);
    let said = log.run(&["--tau", "20", "--lambda", "100", "--json"]);
    let rows: Vec<Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).expect("one object a line"))
        .collect();
    let names: Vec<&str> = rows
        .iter()
        .map(|row| row["estimator"].as_str().expect("a name"))
        .collect();
    assert_eq!(names, ["dm", "ipw", "snipw", "dr", "sndr", "switch-dr", "dr-os"]);
    for row in &rows {
        let number = |key: &str| row[key].as_f64().unwrap_or_else(|| panic!("{key} of {row}"));
        // Half of .1 and half of .3; the log itself earned .12.
        assert!((number("value") - 0.2).abs() < 0.04, "{row}");
        assert!(
            number("low") < number("value") && number("value") < number("high"),
            "{row}"
        );
        assert!(number("ess") > 200.0 && number("unlogged_mass") == 0.0, "{row}");
    }
    let again = log.run(&["--tau", "20", "--lambda", "100", "--json"]);
    assert_eq!(said, again, "the same seed says the same");
}

#[test]
fn a_policy_that_the_log_hardly_tried_is_called_thin() {
    let log = Log::new(900);
    log.write_target(900, &[0.0, 1.0]);
    let picture = log.folder.path().join("overlap.svg");
    let said = log.run(&["--overlap", text(&picture)]);
    assert!(said.contains("too thin to tell: the log tells as much as"), "{said}");
    let picture = std::fs::read_to_string(&picture).expect("a picture");
    assert!(picture.starts_with("<svg") && picture.contains("weight of a decision"));
}

#[test]
fn what_is_wrong_is_told_by_file_row_and_column() {
    let log = Log::new(90);
    log.write_target(90, &[0.5, 0.4]);
    let said = log.refusal();
    assert!(said.contains("target.parquet: row 1: pi sums to 0.9"), "{said}");
    log.write_target(89, &[0.5, 0.5]);
    let said = log.refusal();
    assert!(
        said.contains("target.parquet: row 90, column `pi` is missing"),
        "{said}"
    );
    log.write_target(91, &[0.5, 0.5]);
    let said = log.refusal();
    assert!(said.contains("has 91 rows, expected 90"), "{said}");
    log.write_target(90, &[1.0]);
    let said = log.refusal();
    assert!(
        said.contains("logged.parquet") && said.contains("expected a position below 1"),
        "{said}"
    );
    write(
        &log.target(),
        RecordBatch::try_from_iter([("p", Arc::new(Float64Array::from(vec![1.0])) as ArrayRef)]).expect("one column"),
    );
    let said = log.refusal();
    assert!(said.contains("no column is named `pi`"), "{said}");
}

#[test]
fn a_log_needs_no_more_than_what_was_done_and_what_came_of_it() {
    let log = Log::new(600);
    let file = std::fs::File::open(log.logged()).expect("the log");
    let mut rows = ParquetRecordBatchReaderBuilder::try_new(file)
        .and_then(|reader| reader.build())
        .expect("Parquet");
    let rows = rows.next().expect("a batch").expect("rows");
    write(&log.logged(), rows.project(&[0, 1, 2]).expect("three columns"));
    let said = log.run(&["--json"]);
    assert_eq!(said.lines().count(), 7, "{said}");
}

#[test]
fn an_action_that_the_target_does_not_know_is_told_before_anything_is_learnt() {
    let log = Log::new(90);
    let columns: [(&str, ArrayRef); 3] = [
        ("action", Arc::new(Int64Array::from(vec![0, 4_000_000_000]))),
        ("reward", Arc::new(Float64Array::from(vec![0.0, 1.0]))),
        ("propensity", Arc::new(Float64Array::from(vec![0.5, 0.5]))),
    ];
    write(
        &log.logged(),
        RecordBatch::try_from_iter(columns).expect("columns of one length"),
    );
    log.write_target(2, &[0.5, 0.5]);
    let said = log.refusal();
    assert!(
        said.contains("row 2: action is 4000000000, expected a position below 2"),
        "{said}"
    );
}
