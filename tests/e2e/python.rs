//! A client that nobody here wrote: Python's grpcio calls the service.

use std::path::Path;
use std::process::Command;

use crate::cli::{Market, Served, copy, text};

#[test]
fn python_scores_a_customer_streams_an_event_and_sees_the_score_move() {
    // The store changes, so the run is a copy.
    let folder = tempfile::tempdir().expect("a temporary folder");
    copy(&Market::shared().run(), folder.path());
    let listed = crate::cli::printed(&[
        "churn-list",
        "--run",
        text(folder.path()),
        "--top",
        "1",
        "--format",
        "json",
    ]);
    let riskiest: serde_json::Value = serde_json::from_str(listed.trim()).expect("JSON");
    a_call_from_python(folder.path(), riskiest["customer"].as_str().expect("an id"), &[]);
}

/// Runs the committed script against a served run and checks what it saw; says what it needs where that is missing.
pub(crate) fn a_call_from_python(run: &Path, customer: &str, more: &[&str]) {
    let has_grpc = Command::new("python3").args(["-c", "import grpc, grpc_tools"]).output();
    if !has_grpc.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: needs python3 with grpcio and grpcio-tools (pip install grpcio grpcio-tools)");
        return;
    }
    let served = Served::start(run);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new("python3")
        .arg(root.join("notebooks/call_the_service.py"))
        .args([&served.address, text(&root.join("proto")), customer])
        .args(more)
        .output()
        .expect("python starts");
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{out}\n{err}");
    let steps: Vec<serde_json::Value> = out.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let step = |name: &str| {
        steps
            .iter()
            .find(|step| step["step"] == name)
            .unwrap_or_else(|| panic!("{name} in\n{out}"))
    };
    assert!(!step("by_id")["churn"].as_array().expect("scores").is_empty());
    assert_eq!(step("inline")["n_events"], 3);
    assert_eq!(step("ingest")["outcomes"][0], "EVENT_OUTCOME_ACCEPTED");
    assert_eq!(step("ingest")["sent_again"][0], "EVENT_OUTCOME_DUPLICATE");
    assert_eq!(step("moved")["moved"], true);
    assert_eq!(step("mistake")["code"], "INVALID_ARGUMENT");
}
