//! A disk that fills up: every write of the run folder may fail, and what was there before stays.

use std::path::Path;
use std::process::{Command, Output};

use crate::cli::{Market, copy, files, text};

/// The binary under a limit on how large a file may grow; beyond it a write fails as on a full disk.
fn with_file_limit(blocks: u32, arguments: &[&str]) -> Output {
    // Ignoring the signal turns it into a failed write, which is what a full disk gives.
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    Command::new("sh")
        .args(["-c", &script, env!("CARGO_BIN_EXE_percorso")])
        .args(arguments)
        .output()
        .expect("a shell starts")
}

#[track_caller]
fn assert_failed_and_changed_nothing(
    run: &Path,
    output: &Output,
    before: &std::collections::BTreeMap<std::path::PathBuf, Vec<u8>>,
) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "the environment is at fault: {said}");
    assert!(!said.contains("panicked"), "{said}");
    let after = files(run);
    assert_eq!(
        after.keys().collect::<Vec<_>>(),
        before.keys().collect::<Vec<_>>(),
        "{said}"
    );
    assert!(after == *before, "a file changed");
}

#[test]
fn nothing_is_half_written_when_the_disk_is_full() {
    let market = Market::shared();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = folder.path().join("run");
    copy(&market.run(), &run);
    let before = files(&run);
    let journey = market.market().join("journey.toml");
    let ingest = with_file_limit(2, &["ingest", "--journey", text(&journey), "--run", text(&run)]);
    assert_failed_and_changed_nothing(&run, &ingest, &before);
    let train = with_file_limit(
        64,
        &[
            "train",
            "--run",
            text(&run),
            "--origins",
            "1",
            "--max-rows",
            "500",
            "--time-budget",
            "0",
        ],
    );
    assert_failed_and_changed_nothing(&run, &train, &before);
    let score = with_file_limit(8, &["score", "--run", text(&run)]);
    assert_failed_and_changed_nothing(&run, &score, &before);
}

#[test]
fn a_real_full_file_system_is_told_by_name() {
    let market = Market::shared();
    let journey = market.market().join("journey.toml");
    // /dev/full takes no byte; only a writer that checks its writes notices.
    if !Path::new("/dev/full").exists() {
        return;
    }
    let output = Command::new(env!("CARGO_BIN_EXE_percorso"))
        .args(["features", "--journey", text(&journey), "--catalogue", "/dev/full"])
        .output()
        .expect("the binary starts");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("/dev/full"));
}
