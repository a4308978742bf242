//! Published protocols from the command line, on made-up logs whose truth is known.

use std::fmt::Write;
use std::path::Path;

use percorso_learners::Random;
use serde_json::Value;

use crate::cli::{percorso, printed, text};

const N_CASES: usize = 240;

/// A log in which what comes next depends on the last activity and on who handles the case; every fifth case a fold.
///
/// With a leak, every event says how its case goes on, under keys that real logs have, and every case has a number that
/// tells its end.
fn write_log(folder: &Path, leak: bool) {
    let mut log = "<log xes.version=\"1.0\">".to_owned();
    let mut folds = "case_id,fold\n".to_owned();
    let mut random = Random::new(3);
    for case in 0..N_CASES {
        let handler = ["ann", "bob"][random.below(2)];
        let mut way = vec!["open"];
        while way.len() < 9 && way.last() != Some(&"close") {
            let likely = match (*way.last().expect("it begins with one"), handler) {
                ("open", "ann") => "ask",
                ("open", _) | ("ask", _) => "solve",
                _ => "close",
            };
            let is_likely = random.uniform() < 0.7;
            way.push(if is_likely {
                likely
            } else {
                ["ask", "solve", "close"][random.below(3)]
            });
        }
        write!(log, "<trace><string key=\"concept:name\" value=\"case {case}\"/>").expect("text");
        if leak {
            write!(
                log,
                "<string key=\"variant\" value=\"{}\"/><int key=\"n\" value=\"{}\"/>",
                way.join(" "),
                way.len()
            )
            .expect("text");
        }
        for (place, activity) in way.iter().enumerate() {
            write!(
                log,
                "<event><string key=\"concept:name\" value=\"{activity}\"/><string key=\"org:resource\" value=\"{handler}\"/>\
                 <date key=\"time:timestamp\" value=\"2024-03-{:02}T{:02}:{:02}:00Z\"/>",
                1 + case % 28,
                9 + place,
                random.below(60),
            )
            .expect("text");
            if leak {
                let next = way.get(place + 1).unwrap_or(&"end");
                write!(
                    log,
                    "<string key=\"next\" value=\"{next}\"/><string key=\"variant\" value=\"{}\"/>",
                    way.join(" ")
                )
                .expect("text");
            }
            log += "</event>";
        }
        log += "</trace>";
        writeln!(folds, "case {case},{}", case % 5).expect("text");
    }
    log += "</log>";
    std::fs::write(folder.join("log.xes"), log).expect("a temporary file");
    std::fs::write(folder.join("folds.csv"), folds).expect("a temporary file");
}

/// Each learner's row without what it took, which differs from run to run.
fn rows(folder: &Path, end: &str) -> Vec<(String, f64, f64)> {
    let (log, folds) = (folder.join("log.xes"), folder.join("folds.csv"));
    let arguments = [
        "benchmark",
        "next-touchpoint",
        "--log",
        text(&log),
        "--folds",
        text(&folds),
        "--end",
        end,
        "--json",
    ];
    let row = |line: &str| {
        let row: Value = serde_json::from_str(line).expect("a line of JSON");
        assert!(row["fit_s"].is_number() && row["predict_s"].is_number() && row["peak_rss_mib"].is_number());
        let measure = |name: &str| row[name].as_f64().expect("a number");
        (
            row["learner"].as_str().expect("a name").to_owned(),
            measure("accuracy"),
            measure("log_loss"),
        )
    };
    printed(&arguments).lines().map(row).collect()
}

fn of<'a>(rows: &'a [(String, f64, f64)], learner: &str) -> &'a (String, f64, f64) {
    rows.iter().find(|row| row.0 == learner).expect("a row for the learner")
}

#[test]
fn what_ships_learns_the_way_and_planted_labels_of_the_future_change_nothing() {
    let (plain, leaking) = (
        tempfile::tempdir().expect("a folder"),
        tempfile::tempdir().expect("a folder"),
    );
    write_log(plain.path(), false);
    write_log(leaking.path(), true);
    let found = rows(plain.path(), "scored");
    let (_, accuracy, log_loss) = of(&found, "shipped");
    let (_, base_accuracy, base_loss) = of(&found, "prevalence");
    assert!(
        *accuracy > base_accuracy + 0.2 && *log_loss < base_loss - 0.3,
        "{found:?}"
    );
    // Nobody can know more than 8 of 10 steps (the likely one, or one of three by chance), and each case's end.
    assert!(*accuracy < 0.93, "{found:?}");
    assert_eq!(rows(leaking.path(), "scored"), found);
}

#[test]
fn an_unscored_end_is_neither_learnt_nor_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    write_log(folder.path(), false);
    let (scored, unscored) = (rows(folder.path(), "scored"), rows(folder.path(), "unscored"));
    // The end after `close` is the surest step, so leaving it out makes the task harder.
    assert!(
        of(&unscored, "shipped").1 < of(&scored, "shipped").1 - 0.02,
        "{scored:?} {unscored:?}"
    );
}

#[test]
fn folds_that_do_not_fit_the_log_are_refused_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    write_log(folder.path(), false);
    let (log, folds) = (folder.path().join("log.xes"), folder.path().join("folds.csv"));
    let refused = |text_of_folds: &str| {
        std::fs::write(&folds, text_of_folds).expect("a temporary file");
        let output = percorso(&[
            "benchmark",
            "next-touchpoint",
            "--log",
            text(&log),
            "--folds",
            text(&folds),
        ]);
        assert_eq!(output.status.code(), Some(1));
        assert!(output.stdout.is_empty());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(refused("case,fold\ncase 0,1\n").contains("case_id"));
    assert!(refused("case_id,fold\ncase 0,first\n").contains("line 2"));
    let error = refused("case_id,fold\ncase 0,0\n");
    assert!(error.contains("case 1") && error.contains("folds.csv"), "{error}");
    let one_fold: String = (0..N_CASES).map(|case| format!("case {case},0\n")).collect();
    assert!(refused(&format!("case_id,fold\n{one_fold}")).contains("two folds"));
}
