//! The data scientist's other runs: two of them side by side, the report of one again, and what a folder lacks.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use arrow::array::AsArray;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use crate::cli::{Market, copy, percorso, printed, text};

fn compared(first: &Path, second: &Path) -> Value {
    serde_json::from_str(&printed(&["compare", text(first), text(second), "--json"])).expect("one object")
}

fn questions(compared: &Value) -> impl Iterator<Item = &Value> {
    let all = compared["questions"].as_array().expect("questions").iter();
    all.filter(|question| !question["sides"][0].is_null())
}

#[test]
fn two_runs_are_compared_on_the_same_customers_or_it_says_why_not() {
    let one = Market::shared().run();
    let itself = compared(&one, &one);
    let mut n_asked = 0;
    for question in questions(&itself) {
        assert_eq!(question["better"], "cannot_tell", "{question}");
        assert_eq!(question["paired"]["difference"], serde_json::json!([0.0, 0.0, 0.0]));
        // The same customers and answers as the evaluation's own: so is the loss.
        let measured = question["sides"][0]["measures"]["log_loss"]["value"]
            .as_f64()
            .expect("a loss");
        let paired = question["paired"]["log_loss"][0].as_f64().expect("a loss");
        assert!((measured - paired).abs() < 1e-9, "{measured} and {paired}");
        n_asked += 1;
    }
    assert!(n_asked >= 3, "{itself}");

    // Another folder with a key of its own, and learners that see little: customers are found by their ids.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let other = folder.path().join("other");
    let journey = Market::shared().market().join("journey.toml");
    printed(&["ingest", "--journey", text(&journey), "--run", text(&other)]);
    let quick = ["--time-budget", "0", "--origins", "1", "--max-rows", "400"];
    printed(&[&["train", "--run", text(&other)][..], &quick[..]].concat());
    let by_id = compared(&one, &other);
    assert!(by_id["not_paired_because"].is_null(), "{by_id}");
    let mut n_paired = 0;
    for question in questions(&by_id).filter(|question| !question["sides"][1].is_null()) {
        let n_customers = question["paired"]["n_customers"].as_u64().expect("customers");
        assert_eq!(question["sides"][0]["n_test"].as_u64(), Some(n_customers), "{question}");
        let of_other = question["sides"][1]["measures"]["log_loss"]["value"]
            .as_f64()
            .expect("a loss");
        let paired = question["paired"]["log_loss"][1].as_f64().expect("a loss");
        assert!((of_other - paired).abs() < 1e-9, "ids lead to the same customers");
        n_paired += 1;
    }
    assert!(n_paired >= 3, "{by_id}");
    let told = printed(&["compare", text(&one), text(&other)]);
    assert!(
        told.contains("better") || told.contains("cannot be told apart"),
        "{told}"
    );
    assert!(!told.contains("C000"), "ids are read, never told");

    std::fs::remove_file(other.join("ingest/id-map.parquet")).expect("it was there");
    let apart = compared(&one, &other);
    let because = apart["not_paired_because"].as_str().expect("a reason");
    assert!(because.contains("different key files"), "{because}");
    assert!(questions(&apart).all(|question| question["better"] == "not_paired"));
    let refused = percorso(&["compare", text(&one), text(&folder.path().join("nowhere"))]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("percorso train"), "{said}");
}

#[test]
fn a_run_folder_says_what_its_columns_are() {
    let run = Market::shared().run();
    let journey = run.join("ingest/journey.toml");
    let told: Value =
        serde_json::from_str(&printed(&["features", "--journey", text(&journey), "--json"])).expect("one object");
    let columns = |file: &str| -> Vec<String> {
        let opened = std::fs::File::open(run.join("training").join(file)).expect("training wrote it");
        let reader = ParquetRecordBatchReaderBuilder::try_new(opened).expect("Parquet");
        reader
            .schema()
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .collect()
    };
    let names: Vec<&str> = told["features"]
        .as_array()
        .expect("features")
        .iter()
        .filter_map(|f| f["name"].as_str())
        .collect();
    let rows = columns("rows.parquet");
    assert_eq!(
        rows[2..2 + names.len()],
        names,
        "a column of the rows is a feature of the catalogue"
    );
    let opened = std::fs::File::open(run.join("training/features.parquet")).expect("training wrote it");
    let reader = ParquetRecordBatchReaderBuilder::try_new(opened)
        .expect("Parquet")
        .build()
        .expect("a reader");
    let mut kept = Vec::new();
    for batch in reader.map(|batch| batch.expect("a batch")) {
        kept.extend(batch.column(0).as_string::<i32>().iter().flatten().map(str::to_owned));
    }
    assert_eq!(kept, names);
    assert_eq!(columns("categories.parquet"), ["feature", "id", "label"]);
    assert!(columns("predictions.parquet").ends_with(&["label_idx".to_owned(), "classes".to_owned()]));
}

#[test]
fn the_report_of_a_kept_version_is_drawn_again_and_said_where() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = folder.path();
    copy(&Market::shared().run(), run);
    let of_training = std::fs::read_to_string(run.join("training/report.html")).expect("training drew it");
    std::fs::remove_file(run.join("training/report.html")).expect("it was there");
    let page = printed(&["report", "--run", text(run)]);
    assert_eq!(std::fs::read_to_string(page.trim()).expect("a page"), of_training);
    let page = printed(&["report", "--run", text(run), "--version", "1"]);
    assert!(page.contains("report-000001-"), "{page}");
    assert_eq!(std::fs::read_to_string(page.trim()).expect("a page"), of_training);
    let refused = percorso(&["report", "--run", text(run), "--version", "9"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("next: ") || said.contains("expected"), "{said}");
}

#[test]
fn a_whole_run_is_well_and_what_it_lacks_is_told_with_the_next_step() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = folder.path();
    copy(&Market::shared().run(), run);
    let findings = |output: &std::process::Output| -> Vec<Value> {
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        told.lines()
            .map(|line| serde_json::from_str(line).expect("an object a line"))
            .collect()
    };
    let journey = Market::shared().market().join("journey.toml");
    let ask = || percorso(&["doctor", "--run", text(run), "--journey", text(&journey), "--json"]);
    let well = ask();
    for what in [
        "free space",
        "journey.toml",
        "ingest",
        "customer.key",
        "training",
        "scores",
        "store",
    ] {
        let told = findings(&well);
        let finding = told.iter().find(|finding| finding["what"] == what);
        let finding = finding.unwrap_or_else(|| panic!("{what} is looked at"));
        assert_ne!(finding["health"], "problem", "{finding}");
    }
    assert!(well.status.success(), "{}", String::from_utf8_lossy(&well.stdout));

    let key = run.join("customer.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).expect("our own file");
    std::fs::write(run.join("scores.parquet"), b"half").expect("our own file");
    let ill = ask();
    assert_eq!(ill.status.code(), Some(1));
    let told = findings(&ill);
    let problems: Vec<&Value> = told.iter().filter(|finding| finding["health"] == "problem").collect();
    let steps: Vec<&str> = problems.iter().filter_map(|problem| problem["next"].as_str()).collect();
    assert_eq!(steps.len(), 2, "{problems:?}");
    assert!(
        steps[0].contains("chmod 600") && steps[1].contains("percorso score"),
        "{steps:?}"
    );
}

#[test]
fn stumbles_name_the_next_command() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = folder.path();
    let nowhere = run.join("nowhere");
    let said = |arguments: &[&str]| {
        let output = percorso(arguments);
        assert!(!output.status.success(), "{arguments:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    for command in ["train", "score", "load", "serve"] {
        let told = said(&[command, "--run", text(&nowhere)]);
        assert!(told.contains("percorso ingest"), "{command}: {told}");
    }
    for command in ["evaluate", "report"] {
        let told = said(&[command, "--run", text(&nowhere)]);
        assert!(told.contains("percorso train"), "{command}: {told}");
    }
    assert!(said(&["churn-list", "--run", text(&nowhere)]).contains("percorso score"));
    assert!(said(&["check", "--journey", text(&run.join("journey.toml"))]).contains("percorso init"));

    copy(&Market::shared().run(), run);
    assert!(said(&["models", "--run", text(run), "show", "challenger"]).contains("promote N --to challenger"));
    assert!(said(&["models", "--run", text(run), "show", "7"]).contains("next: "));
    std::fs::remove_file(run.join("models/labels.json")).expect("it was there");
    assert!(said(&["score", "--run", text(run)]).contains("promote N"));
    let _served = crate::cli::Served::start(run);
    assert!(said(&["load", "--run", text(run)]).contains("stop the `percorso serve`"));
}

#[test]
fn a_shell_completes_commands_and_flags() {
    for shell in ["bash", "zsh", "fish"] {
        let script = printed(&["completions", shell]);
        assert!(script.contains("churn-list") && script.contains("top"), "{shell}");
    }
    let help = printed(&["--help"]);
    for told in ["Begin:", "Judge:", "A tour:", "percorso doctor", "docs/"] {
        assert!(help.contains(told), "{told} in\n{help}");
    }
}
