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
    if a_call_from_python(folder.path(), riskiest["customer"].as_str().expect("an id"), &[]) {
        what_was_decided_is_a_log(folder.path());
    }
}

/// Runs the committed script against a served run and checks what it saw; says what it needs where that is missing, and
/// returns whether it ran.
pub(crate) fn a_call_from_python(run: &Path, customer: &str, more: &[&str]) -> bool {
    let has_client = Command::new("python3").args(["-c", "import percorso"]).output();
    if !has_client.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: needs python3 with our client (pip install ./proto/python)");
        return false;
    }
    let served = Served::start(run);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new("python3")
        .arg(root.join("notebooks/call_the_service.py"))
        .args([&served.address, customer])
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
    assert_eq!(step("ingest")["outcomes"][0], "accepted");
    assert_eq!(step("ingest")["sent_again"][0], "duplicate");
    assert_eq!(step("moved")["moved"], true);
    assert!(step("would_decide")["decision_id"] == "" && step("would_decide")["action"].is_string());
    assert_eq!(step("decide")["decision_id"].as_str().expect("an id").len(), 32);
    assert_eq!(step("asked_again")["is_same"], true);
    assert_eq!(step("respond")["is_new"], true);
    assert_eq!(step("explain")["responses"][0], "asked not to be written to");
    assert_eq!(step("replay")["is_same"], true);
    assert_eq!(step("mistake")["code"], "INVALID_ARGUMENT");
    true
}

/// What the service decided is written as a log that `ingest` takes among `[decisions] logs`.
fn what_was_decided_is_a_log(run: &Path) {
    let market = Market::shared().market();
    let log = run.join("served.parquet");
    let said = crate::cli::printed(&["decisions", "export", "--run", text(run), "--output", text(&log)]);
    assert!(said.starts_with("1 decisions, "), "{said}");
    let declared = std::fs::read_to_string(market.join("journey.toml")).expect("the market's own");
    let logs = format!("logs = [\"decisions.parquet\", \"{}\"]", log.display());
    let both = declared.replace("logs = [\"decisions.parquet\"]", &logs);
    assert_ne!(both, declared);
    let file = market.join("journey-with-served.toml");
    std::fs::write(&file, both).expect("the market's folder can be written");
    crate::cli::printed(&["ingest", "--journey", text(&file), "--run", text(run)]);
}
