//! A real event log: the Helpdesk log in XES, where it lies beside the project.

use std::path::{Path, PathBuf};

use crate::cli::{printed, text};

const TOUCHPOINTS: [&str; 14] = [
    "Assign seriousness",
    "Closed",
    "Create SW anomaly",
    "DUPLICATE",
    "INVALID",
    "Insert ticket",
    "RESOLVED",
    "Require upgrade",
    "Resolve SW anomaly",
    "Resolve ticket",
    "Schedule intervention",
    "Take in charge ticket",
    "VERIFIED",
    "Wait",
];

const JOURNEY: &str = r#"
format = 1
name = "helpdesk"

[[source]]
paths = ["LOG"]

[source.columns]
customer_id = "case:concept:name"
journey_id = "case:concept:name"
at = "time:timestamp"
touchpoint = "concept:name"
resource = "org:resource"

[stages]
order = ["service"]

[[attribute]]
name = "resource"
kind = "category"

[[churn]]
name = "closed"
kind = "event"
touchpoints = ["Closed"]
horizons_days = [30]
"#;

/// A log that lies beside the project.
fn log(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/data/process-logs")
        .join(name);
    if !path.is_file() {
        eprintln!("skipped: no real data (put {name} at ../shared/data/process-logs)");
        return None;
    }
    Some(path)
}

#[test]
fn the_helpdesk_log_is_taken_whole() {
    let Some(log) = log("Helpdesk.xes.gz") else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (journey, run) = (folder.path().join("journey.toml"), folder.path().join("run"));
    let mut spec = JOURNEY.replace("LOG", text(&log));
    for touchpoint in TOUCHPOINTS {
        spec += &format!("\n[[touchpoint]]\nname = \"{touchpoint}\"\nstage = \"service\"\n");
    }
    std::fs::write(&journey, spec).expect("written");
    let ingest = ["ingest", "--journey", text(&journey), "--run", text(&run), "--json"];
    for arguments in [&["check", "--journey", text(&journey), "--json"][..], &ingest] {
        let found: serde_json::Value = serde_json::from_str(&printed(arguments)).expect("JSON");
        assert_eq!(found["n_rows"], 21_348);
        assert_eq!(found["n_events"], 21_348, "identical events stay");
        assert_eq!(found["n_customers"], 4_580);
        assert_eq!(found["n_identical"], 127);
        assert_eq!(found["n_identical_dropped"], 0);
        assert_eq!(found["n_quarantined"], 0);
    }
}

#[test]
fn the_example_of_loan_applications_is_taken_whole() {
    if log("BPI_Challenge_2012_Complete.xes.gz").is_none() {
        return;
    }
    let journey = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/bpi-2012/journey.toml");
    let found: serde_json::Value =
        serde_json::from_str(&printed(&["check", "--journey", text(&journey), "--json"])).expect("JSON");
    assert_eq!(found["n_events"], 164_506, "identical events stay");
    assert_eq!(found["n_customers"], 13_087);
    assert_eq!(found["n_quarantined"], 0);
}
