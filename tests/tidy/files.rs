//! How files read.

use std::collections::BTreeSet;

#[test]
fn no_file_is_longer_than_one_idea() {
    for path in super::files_ending(&[".rs", ".py"]) {
        let lines = super::read(&path).lines().count();
        assert!(
            lines <= 500,
            "{} has {lines} lines: does it hold two ideas?",
            path.display()
        );
    }
}

#[test]
fn every_file_begins_by_saying_what_it_is() {
    for path in super::files_ending(&[".rs"]) {
        let text = super::read(&path);
        assert!(text.starts_with("//!"), "{} has no module doc", path.display());
    }
}

#[test]
fn models_compute_exp_and_ln_the_same_everywhere() {
    let banned = [
        ".exp()",
        ".ln()",
        ".exp2()",
        ".ln_1p()",
        ".exp_m1()",
        ".powf(",
        ".sin()",
        ".cos()",
        ".log10()",
    ];
    for room in [
        "models/journey/src",
        "models/features/src",
        "models/learners/src",
        "models/churn/src",
        "models/scoring/src",
    ] {
        for path in super::files_ending(&[".rs"]) {
            let is_fit = path.ends_with("forest/fit.rs") || path.ends_with("linear/fit.rs");
            if !path.starts_with(super::root().join(room)) || is_fit {
                continue;
            }
            let text = super::read(&path);
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            for call in banned {
                assert!(!code.contains(call), "{} calls {call}: use libm", path.display());
            }
        }
    }
}

#[test]
fn models_read_no_clock_and_no_environment() {
    for path in super::files_ending(&[".rs"]) {
        let room = path.strip_prefix(super::root()).expect("below the root");
        if room.starts_with("models") && room.to_string_lossy().contains("/src/") {
            let text = super::read(&path);
            for read in [
                "SystemTime",
                "Instant::now",
                "Timestamp::now",
                "Zoned::now",
                "env::var",
                "TimeZone::system",
            ] {
                assert!(!text.contains(read), "{} reads {read}", path.display());
            }
            if !room.starts_with("models/artefact") {
                let code = text.split("#[cfg(test)]").next().unwrap_or_default();
                assert!(!code.contains("std::fs"), "{} does IO", path.display());
            }
        }
    }
}

#[test]
fn only_time_bound_edges_read_a_clock() {
    let may: BTreeSet<&str> = ["src", "serving", "tests"].into();
    for path in super::files_ending(&[".rs"]) {
        let room = path.strip_prefix(super::root()).expect("below the root");
        let first = room
            .components()
            .next()
            .expect("a name")
            .as_os_str()
            .to_string_lossy()
            .into_owned();
        if !may.contains(first.as_str()) && !room.to_string_lossy().contains("/benches/") {
            let text = super::read(&path);
            assert!(
                !text.contains("SystemTime::now") && !text.contains("Instant::now"),
                "{} reads a clock",
                path.display()
            );
        }
    }
}

#[test]
fn nothing_is_left_unfinished() {
    for path in super::files_ending(&[".rs", ".toml", ".py", ".md", ".proto"]) {
        if path.starts_with(super::root().join("tests/tidy")) {
            continue;
        }
        let text = super::read(&path);
        for mark in ["todo!(", "unimplemented!(", "FIXME", "XXX", "HACK", "#[ignore]"] {
            assert!(!text.contains(mark), "{} holds {mark}", path.display());
        }
    }
}
