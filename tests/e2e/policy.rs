//! The data scientist's story: is another policy better, can the log tell, and may it go live?

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, ListBuilder, PrimitiveBuilder, RecordBatch, StringArray};
use arrow::datatypes::Float64Type;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use percorso_learners::Random;
use serde_json::Value;
use tempfile::TempDir;

use crate::cli::{Market, copy, percorso, printed, text};

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
fn propensities_that_the_log_does_not_say_are_estimated_and_are_no_proof() {
    let log = Log::new(6_000);
    let values = |said: &str| -> Vec<Value> {
        let lines = said.lines().map(|line| serde_json::from_str(line).expect("an object"));
        lines.collect()
    };
    let known = values(&log.run(&["--json"]));
    assert!(known.iter().all(|row| row["n_estimated"] == 0), "{known:?}");
    let file = std::fs::File::open(log.logged()).expect("the log");
    let mut rows = ParquetRecordBatchReaderBuilder::try_new(file)
        .and_then(|reader| reader.with_batch_size(6_000).build())
        .expect("Parquet");
    let rows = rows.next().expect("a batch").expect("rows");
    write(&log.logged(), rows.project(&[0, 1, 3]).expect("three columns"));
    let estimated = values(&log.run(&["--json"]));
    for (known, estimated) in known.iter().zip(&estimated) {
        assert_eq!(estimated["n_estimated"], 6_000, "{estimated}");
        let value = |row: &Value| row["value"].as_f64().expect("a value");
        // Shares of 6,000 decisions are near the chances that were drawn from.
        assert!((value(known) - value(estimated)).abs() < 0.02, "{known} {estimated}");
    }
    let (logged, target) = (log.logged(), log.target());
    let proof = ["1", "--logged", text(&logged), "--target", text(&target)];
    let (_, error, code) = promoted(&log.folder.path().join("no-run"), &proof);
    assert_eq!(code, Some(1), "{error}");
    assert!(
        error.contains("not promoted") && error.contains("6000 of 6000 propensities were estimated"),
        "{error}"
    );
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

/// What `policy promote` says on a run, and its exit code: output, errors, code.
fn promoted(run: &Path, more: &[&str]) -> (String, String, Option<i32>) {
    let output = percorso(&[&["policy", "promote", "--run", text(run)][..], more].concat());
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (said(&output.stdout), said(&output.stderr), output.status.code())
}

#[test]
fn a_thin_log_is_no_proof_also_where_nothing_was_trained() {
    let log = Log::new(900);
    log.write_target(900, &[0.0, 1.0]);
    let (logged, target) = (log.logged(), log.target());
    let nowhere = log.folder.path().join("no-run");
    let proof = ["1", "--logged", text(&logged), "--target", text(&target)];
    let (_, error, code) = promoted(&nowhere, &proof);
    assert_eq!(code, Some(1), "{error}");
    assert!(
        error.contains("not promoted") && error.contains("at least 200 are asked for"),
        "{error}"
    );
    assert!(!nowhere.exists());
}

#[test]
fn a_policy_that_may_earn_less_than_what_was_done_is_refused_and_one_that_earns_more_is_promoted() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = folder.path().join("run");
    copy(&Market::shared().run(), &run);
    let log = Log::new(6_000);
    let (logged, target) = (log.logged(), log.target());
    let proof = ["1", "--logged", text(&logged), "--target", text(&target)];
    let labels = || std::fs::read_to_string(run.join("models/labels.json")).expect("labels");
    let before = labels();

    log.write_target(6_000, &[1.0, 0.0]);
    let (_, error, code) = promoted(&run, &proof);
    assert_eq!(code, Some(1), "{error}");
    assert!(
        error.contains("it may earn as little as") && !error.contains("asked for"),
        "{error}"
    );
    assert_eq!(labels(), before, "a refusal changes nothing");
    assert!(!run.join("models/policy.jsonl").exists());

    log.write_target(6_000, &[0.5, 0.5]);
    let (said, error, code) = promoted(&run, &proof);
    assert_eq!(code, Some(0), "{error}");
    assert!(said.contains("000001-") && said.contains(" is policy"), "{said}");
    let list = printed(&["models", "--run", text(&run), "list"]);
    assert!(list.contains("champion policy\n"), "{list}");
}

#[test]
fn an_accepted_risk_is_kept_with_what_was_refused_and_whoever_lists_the_models_finds_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = folder.path().join("run");
    copy(&Market::shared().run(), &run);
    let log = Log::new(900);
    log.write_target(900, &[0.0, 1.0]);
    let (logged, target) = (log.logged(), log.target());
    let proof = ["1", "--logged", text(&logged), "--target", text(&target)];
    let risk = [&proof[..], &["--accept-risk", "one shop for a week"]].concat();
    let (said, error, code) = promoted(&run, &risk);
    assert_eq!(code, Some(0), "{error}");
    assert!(
        said.contains("at a risk that was accepted: the log tells as much as"),
        "{said}"
    );

    let kept = std::fs::read_to_string(run.join("models/policy.jsonl")).expect("a line is kept");
    let kept: Value = serde_json::from_str(kept.trim_end()).expect("one line of JSON");
    assert_eq!(kept["accepted_risk"], "one shop for a week");
    assert_eq!(kept["done"], "promoted");
    assert!(
        kept["refused"][0].as_str().is_some_and(|why| why.contains("asked for")),
        "{kept}"
    );
    assert!(kept["at"].as_str().is_some_and(|at| at.ends_with('Z')), "{kept}");
    let list = printed(&["models", "--run", text(&run), "list"]);
    assert!(
        list.contains("policy (at a risk that was accepted: one shop for a week)"),
        "{list}"
    );
    let (_, error, code) = promoted(&run, &["1", "--accept-risk", " "]);
    assert_eq!(code, Some(2), "a risk is accepted for a reason: {error}");
    let nothing = percorso(&["policy", "rollback", "--run", text(&run)]);
    assert_eq!(nothing.status.code(), Some(1));
    let nothing = String::from_utf8_lossy(&nothing.stderr).into_owned();
    assert!(nothing.contains("no earlier policy to roll back to"), "{nothing}");
}

#[test]
fn a_version_is_proven_by_decisions_after_its_test_cut_off() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = folder.path().join("run");
    copy(&Market::shared().run(), &run);
    let evaluation = std::fs::read_to_string(run.join("training/evaluation.json")).expect("an evaluation");
    let evaluation: Value = serde_json::from_str(&evaluation).expect("JSON");
    let actions = &evaluation["actions"];
    let value_of = |policy: &str| {
        let policies = actions["policies"].as_array().expect("policies");
        let found = policies.iter().find(|of| of["policy"] == policy).expect("the policy");
        found["value"].clone()
    };
    let (best, logged) = (value_of("best action for each"), value_of("as logged"));
    let is_thin = !actions["thin"].as_array().expect("reasons").is_empty();
    let is_less = best[1].as_f64() < logged[0].as_f64();

    let (said, error, code) = promoted(&run, &["--json"]);
    assert_eq!(code, Some(i32::from(is_thin || is_less)), "{said}{error}");
    let said: Value = serde_json::from_str(said.lines().last().expect("a line")).expect("JSON");
    assert_eq!(said["proof"]["value"], best);
    assert_eq!(said["proof"]["champion_value"], logged[0]);
    assert_eq!(said["is_refused"], is_thin || is_less);
    let judged_on = said["proof"]["judged_on"].as_str().expect("words");
    assert!(
        judged_on.contains("000001-"),
        "the version itself, not its label: {judged_on}"
    );
}
