//! The data scientist's story: whom does a treatment help, on a table of a test?

use std::fmt::Write;
use std::path::PathBuf;

use percorso_learners::Random;
use serde_json::Value;
use tempfile::TempDir;

use crate::cli::{percorso, printed, text};

/// A test of a letter that helps who has been away long, and a column that says what came of it.
fn table(folder: &TempDir) -> PathBuf {
    let mut random = Random::new(5);
    let mut rows = "recency,segment,given,visit,spend\n".to_owned();
    for _ in 0..6_000 {
        let recency = random.below(12);
        let segment = ["old", "new"][random.below(2)];
        let is_treated = random.below(2) == 1;
        let chance = 0.15 + if is_treated && recency >= 6 { 0.2 } else { 0.0 };
        let visit = u8::from(random.uniform() < chance);
        let given = if is_treated { "letter" } else { "none" };
        writeln!(rows, "{recency},{segment},{given},{visit},{}", 9 * visit).expect("text");
    }
    let path = folder.path().join("test.csv");
    std::fs::write(&path, rows).expect("written");
    path
}

const ASKED: [&str; 8] = [
    "--treatment",
    "given",
    "--arm",
    "letter",
    "--control",
    "none",
    "--outcome",
    "visit",
];

#[test]
fn who_is_helped_is_found_and_what_came_of_it_is_not_learnt_from() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = table(&folder);
    let arguments = ["benchmark", "uplift", "--data", text(&data), "--json"];
    let said = printed(&[&arguments[..], &ASKED].concat());
    let rows: Vec<Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).expect("one object a line"))
        .collect();
    let summary = rows.last().expect("a summary");
    assert_eq!(summary["features"], serde_json::json!(["recency", "segment"]));
    assert_eq!(summary["left_out"][0]["column"], "spend");
    let number = |key: &str| summary[key].as_f64().expect("a number");
    assert!((number("average") - 0.1).abs() < 0.04, "{summary}");
    assert!(number("qini_low") > 0.0, "{summary}");
    assert!((0.7..1.3).contains(&number("calibration_slope")), "{summary}");
    let shares = ["persuadable", "sure_thing", "lost_cause", "do_not_disturb"];
    let sum: f64 = shares
        .iter()
        .map(|share| rows[0][share].as_f64().expect("a share"))
        .sum();
    assert!((sum - 1.0).abs() < 1e-9, "{}", rows[0]);
}

#[test]
fn halves_teach_and_are_asked_as_they_are_given() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = table(&folder);
    let halves = folder.path().join("halves.csv");
    let flags: String = (0..6_000)
        .map(|row| format!("{},{}\n", row % 2, (row + 1) % 2))
        .collect();
    std::fs::write(&halves, format!("even,odd\n{flags}")).expect("written");
    let said = folder.path().join("said.csv");
    let more = ["--splits", text(&halves), "--predictions", text(&said)];
    let printed = printed(&[&["benchmark", "uplift", "--data", text(&data)][..], &ASKED, &more].concat());
    assert!(printed.contains("over 2 splits"), "{printed}");
    let said = std::fs::read_to_string(said).expect("predictions");
    assert_eq!(
        said.lines().count(),
        1 + 6_000,
        "each row is asked about in one of the halves"
    );
    assert!(said.lines().nth(1).expect("a row").starts_with("even,\"letter\",0,"));
}

#[test]
fn an_arm_that_nobody_was_given_is_told_with_those_that_were() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = table(&folder);
    let mut asked = ASKED;
    asked[3] = "call";
    let output = percorso(&[&["benchmark", "uplift", "--data", text(&data)][..], &asked].concat());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said.contains("no row has `call` in column `given`; there are letter, none"),
        "{said}"
    );
}
