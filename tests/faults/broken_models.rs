//! Damaged and foreign models.

use std::path::{Path, PathBuf};

use crate::cli::{Market, copy, files, percorso, text};

/// A copy of the shared market's run, without what serving keeps.
fn run() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = folder.path().join("run");
    copy(&Market::shared().run(), &run);
    (folder, run)
}

fn model_file(run: &Path) -> PathBuf {
    let versions = std::fs::read_dir(run.join("models/versions")).expect("a registry");
    let version = versions
        .map(|entry| entry.expect("readable").path())
        .next()
        .expect("a version");
    version.join("model.safetensors")
}

#[test]
fn a_model_with_one_flipped_byte_is_refused() {
    let (_folder, run) = run();
    let file = model_file(&run);
    let bytes = std::fs::read(&file).expect("a model");
    for at in [0, 9, bytes.len() / 3, bytes.len() / 2, bytes.len() - 1] {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        std::fs::write(&file, &damaged).expect("written");
        let before = files(&run);
        let output = percorso(&["score", "--run", text(&run)]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "byte {at}: {said}");
        assert!(files(&run) == before, "byte {at}: nothing changed");
        let output = percorso(&["models", "--run", text(&run), "promote", "000001"]);
        assert!(
            !output.status.success(),
            "byte {at}: what does not open is not promoted"
        );
    }
}

#[test]
fn a_model_of_another_spec_is_refused_by_its_first_feature_that_differs() {
    let (_folder, run) = run();
    let journey = run.join("ingest/journey.toml");
    let toml = std::fs::read_to_string(&journey).expect("a spec");
    assert!(
        toml.contains("name = \"newsletter_open\""),
        "the market has newsletters"
    );
    std::fs::write(&journey, toml.replace("newsletter_open", "newsletter_read")).expect("written");
    let output = percorso(&["score", "--run", text(&run)]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("newsletter_open"), "the feature is named: {said}");
}

#[test]
fn a_store_of_another_spec_is_refused_with_what_to_do() {
    let (_folder, run) = run();
    let journey = run.join("ingest/journey.toml");
    let toml = std::fs::read_to_string(&journey).expect("a spec");
    std::fs::write(
        &journey,
        toml.replace("allowed_lateness_days = 30", "allowed_lateness_days = 20"),
    )
    .expect("written");
    let output = percorso(&["serve", "--run", text(&run), "--listen", "127.0.0.1:0"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(said.contains("percorso load"), "{said}");
}

#[test]
fn an_unknown_version_is_a_clear_error() {
    let run = Market::shared().run();
    let output = percorso(&["score", "--run", text(&run), "--model", "000099"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("000099"));
}

#[test]
fn scoring_without_anything_ingested_says_what_to_run() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = percorso(&["score", "--run", text(folder.path())]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("percorso ingest"));
}
