//! The notebooks run, on the run that the stories share, and are what their scripts say.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::cli::{Market, Served, copy, printed, text};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("notebooks")
}

/// True when Python has all that notebooks/requirements.txt names; else says what is needed.
fn has_what_it_takes() -> bool {
    let modules =
        "import duckdb, ipykernel, jupytext, matplotlib, nbformat, nbmake, pandas, percorso, polars, pyarrow, pytest";
    let output = Command::new("python3").args(["-c", modules]).output();
    let has_all = output.is_ok_and(|output| output.status.success());
    if !has_all {
        eprintln!("skipped: needs python3 with pip install -r notebooks/requirements.txt ./proto/python");
    }
    has_all
}

#[track_caller]
fn ended_well(output: &Output) {
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{out}\n{err}");
}

#[test]
fn every_notebook_is_what_its_script_makes_without_outputs() {
    if !has_what_it_takes() {
        return;
    }
    let script = folder().join("pairs.py");
    let checked = Command::new("python3").arg(script).arg("--check").output();
    ended_well(&checked.expect("python starts"));
}

#[test]
fn every_notebook_runs_on_a_run_folder_and_a_service() {
    if !has_what_it_takes() {
        return;
    }
    // The store changes, so the run is a copy.
    let run = tempfile::tempdir().expect("a temporary folder");
    copy(&Market::shared().run(), run.path());
    let listed = printed(&[
        "churn-list",
        "--run",
        text(run.path()),
        "--top",
        "1",
        "--format",
        "json",
    ]);
    let riskiest: serde_json::Value = serde_json::from_str(listed.trim()).expect("JSON");
    let served = Served::start(run.path());
    let call = format!("{} {}", served.address, riskiest["customer"].as_str().expect("an id"));
    let ran = Command::new("python3")
        .args([
            "-m",
            "pytest",
            "--nbmake",
            "--nbmake-timeout=600",
            "-q",
            "-p",
            "no:cacheprovider",
        ])
        .arg(folder())
        .env("PERCORSO_RUN", run.path())
        .env("PERCORSO_CALL", call)
        .output()
        .expect("python starts");
    ended_well(&ran);
    let told = String::from_utf8_lossy(&ran.stdout);
    assert!(told.contains("6 passed"), "{told}");
}
