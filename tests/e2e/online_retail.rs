//! A real shop through every step: UCI Online Retail II, where it lies beside the project.

use std::path::Path;

use arrow::array::AsArray;
use arrow::datatypes::Float64Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::cli::{printed, text};

/// The sum of a column of a score file.
fn sum_of(path: &Path, column: &str) -> f64 {
    let file = std::fs::File::open(path).expect("a score file");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("a Parquet file");
    let sum = |batch: arrow::array::RecordBatch| {
        let numbers = batch
            .column_by_name(column)
            .expect("a column")
            .as_primitive::<Float64Type>();
        numbers.iter().flatten().sum::<f64>()
    };
    reader
        .build()
        .expect("a reader")
        .map(|batch| sum(batch.expect("readable")))
        .sum()
}

#[test]
fn online_retail_is_learnt_as_its_protocol_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    if !root.join("../shared/data/online-retail").is_dir() {
        eprintln!("skipped: no real data (put UCI Online Retail II at ../shared/data/online-retail as Parquet)");
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = text(folder.path());
    let journey = root.join("examples/online-retail/journey.toml");
    let ingested: serde_json::Value = serde_json::from_str(&printed(&[
        "ingest",
        "--journey",
        text(&journey),
        "--run",
        run,
        "--json",
    ]))
    .expect("JSON");
    assert_eq!(ingested["n_rows"], 1_067_370);
    assert_eq!(ingested["n_events"], 44_876);
    assert_eq!(ingested["n_quarantined"], 0);
    let evaluation: serde_json::Value =
        serde_json::from_str(&printed(&["train", "--run", run, "--time-budget", "0", "--json"])).expect("JSON");
    let churn = &evaluation["questions"][0];
    // The protocol's own numbers: 4,331 customers at 2011-09-10T12:50, of whom .494 buy nothing for 90 days.
    assert_eq!(evaluation["test_at"], "2011-09-10T12:50:00Z");
    assert_eq!(churn["n_test"], 4_331);
    let measure = |learner: &str, name: &str| {
        let learners = churn["learners"].as_array().expect("learners");
        let found = learners
            .iter()
            .find(|found| found["learner"] == learner)
            .expect("a learner of that name");
        found["measures"][name].as_f64().expect("a number")
    };
    assert!((measure("shipped", "rate") - 0.494).abs() < 0.0005);
    assert!(
        measure("shipped", "auc") > measure("recency", "auc") + 0.03,
        "better than recency alone"
    );
    assert!(
        measure("shipped", "log_loss") < measure("prevalence", "log_loss"),
        "better than the base rate"
    );
    assert!(
        measure("bg_nbd", "auc") > measure("recency", "auc") + 0.03,
        "how often they bought tells more than how long ago"
    );
    // BG/NBD knows no season, and the 90 days before Christmas sell most: the factor is stated for them.
    let test = &evaluation["purchases"]["test"];
    let ratio =
        |expected: &str, came: &str| test[expected].as_f64().expect("told") / test[came].as_f64().expect("told");
    let (days, value) = (
        ratio("expected_purchase_days", "purchase_days"),
        ratio("expected_value", "value"),
    );
    assert_eq!(test["horizon_days"], 90);
    assert!((0.7..1.0).contains(&days), "{test}");
    assert!((0.55..1.0).contains(&value), "{test}");
    printed(&["models", "--run", run, "promote", "000001"]);
    printed(&["score", "--run", run, "--reasons", "top:3"]);
    // Of what stays, a part is at risk; in a quarter the shop sells for two to three million.
    let at_risk = sum_of(
        &folder.path().join("scores.parquet"),
        "churn_inactive_90d_value_at_risk",
    );
    assert!((2e5..2e6).contains(&at_risk), "{at_risk}");
    assert!(printed(&["churn-list", "--run", run, "--top", "5"]).lines().count() > 5);
    assert!(printed(&["load", "--run", run]).contains("5942 customers loaded"));
    let retail = [
        "--as-of",
        "2011-12-09T13:00:00Z",
        "--touchpoint",
        "purchase",
        "--journey",
        "purchase,purchase,return",
    ];
    // Customer 12748 bought most often of all, until the last day.
    crate::python::a_call_from_python(folder.path(), "12748", &retail);
}
