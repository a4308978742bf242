//! The campaign manager's story: there is not enough for everyone, so who gets what?

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Float64Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use crate::cli::{Market, copy, percorso, printed, text};

/// Rows by customer key: the action and a number.
fn rows(path: &Path, action: &str, number: &str) -> BTreeMap<Vec<u8>, (String, f64)> {
    let file = std::fs::File::open(path).expect("a file to read");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).and_then(|reader| reader.build());
    let mut rows = BTreeMap::new();
    for batch in reader.expect("Parquet") {
        let batch: RecordBatch = batch.expect("rows");
        let column = |name: &str| batch.column_by_name(name).unwrap_or_else(|| panic!("column {name}"));
        let (keys, actions) = (
            column("customer_key").as_fixed_size_binary(),
            column(action).as_string::<i32>(),
        );
        let numbers = column(number).as_primitive::<Float64Type>();
        for row in 0..batch.num_rows() {
            let told = (actions.value(row).to_owned(), numbers.value(row));
            assert!(
                rows.insert(keys.value(row).to_vec(), told).is_none(),
                "one row a customer"
            );
        }
    }
    rows
}

fn allocated(run: &Path, output: &Path, more: &[&str]) -> Value {
    let arguments = ["allocate", "--run", text(run), "--output", text(output), "--json"];
    let said = printed(&[&arguments[..], more].concat());
    serde_json::from_str(&said).expect("one object")
}

fn number(of: &Value, key: &str) -> f64 {
    of[key].as_f64().unwrap_or_else(|| panic!("{key} of {of}"))
}

#[test]
fn where_there_is_enough_everyone_gets_what_the_score_file_tells() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = folder.path().join("who.parquet");
    let run = Market::shared().run();
    let said = allocated(&run, &output, &[]);
    let mut best = rows(&run.join("scores.parquet"), "next_action", "next_action_gain");
    assert_eq!(said["n_customers"], best.len());
    best.retain(|_, (action, _)| action != "nothing");
    assert!(!best.is_empty(), "someone would gain");
    assert_eq!(rows(&output, "action", "gain"), best);
    assert_eq!(said["n_allocated"], best.len());
    assert_eq!(said["n_who_would_gain"], best.len());
    assert!(number(&said, "gap") < 1e-9, "{said}");
}

#[test]
fn where_there_is_not_no_limit_is_passed_and_the_bound_is_near() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = folder.path().join("run");
    copy(&Market::shared().run(), &run);
    let journey = run.join("ingest/journey.toml");
    let spec = std::fs::read_to_string(&journey).expect("the spec");
    // Half of what would be done if there were enough, in two days.
    let wanted = allocated(&run, &folder.path().join("wanted.parquet"), &[]);
    let capacity = (wanted["actions"][0]["n"].as_u64().expect("a number") / 4).max(1);
    let budget = number(&wanted, "spent") / 2.0;
    let limited = spec
        .replace(
            "name = \"discount\" ",
            &format!("daily_capacity = {capacity}\nname = \"discount\" "),
        )
        .replace(
            "[decisions]",
            &format!("[decisions]\ndaily_budget = {:?}", budget / 2.0),
        );
    assert_ne!(spec, limited);
    std::fs::write(&journey, limited).expect("the limits are written");
    let output = folder.path().join("who.parquet");

    let said = allocated(&run, &output, &["--days", "2"]);
    let costs = rows(&output, "action", "cost");
    let times = |name: &str| costs.values().filter(|(action, _)| action == name).count();
    assert_eq!(said["actions"][0]["action"], "discount");
    assert_eq!(said["actions"][0]["capacity"], 2 * capacity);
    assert!(times("discount") as u64 <= 2 * capacity, "{said}");
    assert_eq!(said["actions"][0]["n"], times("discount"));
    assert_eq!(said["actions"][1]["n"], times("advice"));
    let spent: f64 = costs.values().map(|(_, cost)| cost).sum();
    // A discount costs 3, so less than that is left.
    assert!(spent <= budget && spent > budget - 3.0, "the money is used: {spent}");
    assert_eq!((number(&said, "spent"), number(&said, "budget")), (spent, budget));
    let (priority, bound) = (number(&said, "priority"), number(&said, "bound"));
    assert!(priority <= bound && number(&said, "gap") < 0.05, "{said}");
    assert!(
        said["n_allocated"].as_u64() < said["n_who_would_gain"].as_u64(),
        "{said}"
    );

    let bytes = std::fs::read(&output).expect("the file");
    let table = printed(&["allocate", "--run", text(&run), "--days", "2"]);
    assert!(table.contains("once more") && table.contains("no allocation within these limits has more"));
    let again = std::fs::read(run.join("allocation.parquet")).expect("the file");
    assert!(bytes == again, "the same run gives the same bytes");

    let of_the_asked = allocated(&run, &output, &["--budget", "3.5"]);
    assert!(number(&of_the_asked, "spent") <= 3.5, "{of_the_asked}");
    assert!(number(&of_the_asked, "unit_of_money") > 0.0, "{of_the_asked}");
}

#[test]
fn without_money_a_file_without_rows_says_so() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = folder.path().join("who.parquet");
    let said = allocated(&Market::shared().run(), &output, &["--budget", "0"]);
    assert_eq!((number(&said, "n_allocated"), number(&said, "spent")), (0.0, 0.0));
    assert!(rows(&output, "action", "gain").is_empty());
}

#[test]
fn ids_are_told_on_request_to_the_owner_alone() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = folder.path().join("who.parquet");
    allocated(&Market::shared().run(), &output, &["--reveal", "--budget", "20"]);
    let mode = std::fs::metadata(&output).expect("the file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let file = std::fs::File::open(&output).expect("the file");
    let mut reader = ParquetRecordBatchReaderBuilder::try_new(file)
        .and_then(|reader| reader.build())
        .expect("Parquet");
    let batch = reader.next().expect("a batch").expect("rows");
    assert!(batch.column(0).as_string::<i32>().value(0).starts_with('C'));
}

#[test]
fn a_business_without_actions_has_nothing_to_allocate() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = folder.path().join("run");
    copy(&Market::shared().run(), &run);
    let journey = run.join("ingest/journey.toml");
    let spec = std::fs::read_to_string(&journey).expect("the spec");
    let actions = spec.find("[[action]]").expect("actions");
    std::fs::write(&journey, &spec[..actions]).expect("written");
    let output = percorso(&["allocate", "--run", text(&run)]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("no [[action]] is declared"), "{said}");
    assert!(!run.join("allocation.parquet").exists());
}
