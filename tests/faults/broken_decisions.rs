//! Broken logs of decisions, and actions that cannot be.

use std::path::Path;

use crate::cli::{percorso, text};

const JOURNEY: &str = r#"
format = 1
name = "faults"

[[source]]
paths = ["events.csv"]

[stages]
order = ["awareness", "purchase"]

[channels]
names = ["web", "mail"]

[[touchpoint]]
name = "visit"
stage = "awareness"

[[touchpoint]]
name = "purchase"
stage = "purchase"

[[churn]]
name = "inactive"
kind = "inactivity"
touchpoints = ["purchase"]
days = 30

[decisions]
logs = ["decisions.csv"]

[[action]]
name = "letter"
channel = "mail"
"#;

const EVENTS: &str = "customer_id,at,touchpoint\nann,2024-01-01T10:00:00Z,visit\n";

/// What ingest says of a journey.toml and a log of decisions; nothing must have been written.
fn said(journey: &str, decisions: &str) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, content: &str| std::fs::write(folder.path().join(name), content).expect("written");
    write("journey.toml", journey);
    write("events.csv", EVENTS);
    write("decisions.csv", decisions);
    let (journey, run) = (folder.path().join("journey.toml"), folder.path().join("run"));
    let output = percorso(&["ingest", "--journey", text(&journey), "--run", text(&run)]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(!Path::new(&run).join("ingest").exists(), "nothing is half-written");
    said
}

#[test]
fn a_broken_row_is_told_by_file_row_and_column() {
    let row = |row: &str| {
        said(
            JOURNEY,
            &format!("customer_id,at,action_id,propensity\nann,2024-01-02,,0.5\n{row}\n"),
        )
    };
    let unknown = row("ann,2024-01-03,leter,0.5");
    assert!(
        unknown.contains("decisions.csv: row 2, column `action_id` is `leter`, which is no [[action]] of journey.toml"),
        "{unknown}"
    );
    let propensity = row("ann,2024-01-03,letter,0");
    assert!(
        propensity.contains("row 2, column `propensity` is 0, expected a probability above 0 and at most 1"),
        "{propensity}"
    );
    let missing = row("ann,,letter,0.5");
    assert!(missing.contains("row 2, column `at` is missing"), "{missing}");
    let time = row("ann,yesterday,letter,0.5");
    assert!(
        time.contains("decisions.csv: row 2: at is `yesterday`, expected a time"),
        "{time}"
    );
}

#[test]
fn a_customer_key_is_sixteen_bytes() {
    let found = said(
        JOURNEY,
        "customer_key,at,action_id,propensity\nann,2024-01-02,letter,0.5\n",
    );
    assert!(
        found.contains("decisions.csv: column `customer_key` is of type Utf8, expected 16 bytes"),
        "{found}"
    );
}

#[test]
fn two_decisions_at_one_time_are_told_apart_by_their_ids_or_not_at_all() {
    let log = |ids: [&str; 2]| {
        let [one, other] = ids;
        format!(
            "decision_id,customer_id,at,action_id,propensity\n{one},ann,2024-01-02,letter,0.5\n{other},ann,2024-01-02,,0.5\n"
        )
    };
    let twice = "two decisions are about one customer at 2024-01-02";
    for ids in [["d1", "d1"], ["", ""], ["d1", ""]] {
        let found = said(JOURNEY, &log(ids));
        assert!(found.contains(twice), "{found}");
    }
    // Told apart, the row that follows is what is wrong.
    let found = said(JOURNEY, &format!("{}d3,ann,2024-01-03,letter,7\n", log(["d1", "d2"])));
    assert!(found.contains("row 3, column `propensity` is 7"), "{found}");
}

#[test]
fn a_column_that_is_not_there_is_named() {
    let found = said(JOURNEY, "customer_id,at,propensity\nann,2024-01-02,1.0\n");
    assert!(found.contains("a log of decisions has a column `action_id`"), "{found}");
}

#[test]
fn an_action_that_cannot_be_is_told_by_its_key() {
    let with = |more: &str| said(&format!("{JOURNEY}{more}"), "customer_id,at,action_id,propensity\n");
    for (more, expected) in [
        (
            "stages = [\"purchse\"]",
            "action[0].stages: no stage is named `purchse`; did you mean `purchase`?",
        ),
        (
            "quiet_hours = [\"25:00\", \"08:00\"]",
            "action[0].quiet_hours: expected a time from 00:00 to 23:59, found `25:00`",
        ),
        ("cost = -1.0", "action[0].cost: expected 0 or more, found -1"),
        (
            "consent = \"audience\"",
            "action[0].consent: attribute `audience` is not of kind `flag`",
        ),
        ("coust = 1.0", "did you mean `cost`?"),
        (
            "rules = [{ name = \"rich\", when = \"valu > 3\" }]",
            "action `letter`, rule `rich`: nothing is named `valu`",
        ),
    ] {
        let found = with(more);
        assert!(found.contains(expected), "{more}: {found}");
    }
}
