//! Broken event logs: refused or set aside with file, line or row.

use std::io::Write;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

use crate::cli::{percorso, text};

const JOURNEY: &str = r#"
format = 1
name = "log"
time_zone = "Europe/Rome"

[[source]]
paths = ["log.xes.gz"]

[source.columns]
customer_id = "case:concept:name"
at = "time:timestamp"
touchpoint = "concept:name"
value = "case:amount"

[stages]
order = ["purchase"]

[[touchpoint]]
name = "open"
stage = "purchase"

[[churn]]
name = "inactive"
kind = "inactivity"
touchpoints = ["open"]
days = 30
"#;

/// A folder with a journey.toml and its log.
fn case(log: &[u8]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("journey.toml"), JOURNEY).expect("written");
    std::fs::write(folder.path().join("log.xes.gz"), log).expect("written");
    folder
}

/// A gzipped log of 200 cases of ten events each, with `more` between the case's attributes and its events.
fn log(more: impl Fn(usize) -> String) -> Vec<u8> {
    let mut log = "<?xml version='1.0' encoding='UTF-8'?>\n<log>\n".to_owned();
    for case in 0..200 {
        log += &format!("<trace>\n<string key='concept:name' value='c{case}'/><int key='amount' value='5'/>\n");
        log += &more(case);
        for day in 1..=10 {
            log += &event(&format!(
                "<date key='time:timestamp' value='2024-01-{day:02}T12:00:00+01:00'/>"
            ));
        }
        log += "</trace>\n";
    }
    log += "</log>\n";
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(log.as_bytes()).expect("written");
    packed.finish().expect("written")
}

fn event(time: &str) -> String {
    format!("<event><string key='concept:name' value='open'/>{time}</event>\n")
}

/// What both commands said of a wrong log; neither left anything.
#[track_caller]
fn refused(log: &[u8]) -> String {
    let folder = case(log);
    let (journey, run) = (folder.path().join("journey.toml"), folder.path().join("run"));
    let checked = percorso(&["check", "--journey", text(&journey)]);
    let ingested = percorso(&["ingest", "--journey", text(&journey), "--run", text(&run)]);
    let said = String::from_utf8_lossy(&ingested.stderr).into_owned();
    assert_eq!(ingested.status.code(), Some(1), "the data are wrong: {said}");
    assert_eq!(checked.status.code(), Some(1));
    assert_eq!(checked.stderr, ingested.stderr, "check says the same");
    assert!(!run.join("ingest").exists(), "nothing is half-written");
    said
}

#[test]
fn a_log_cut_short_is_refused_with_the_line_it_got_to() {
    let whole = log(|_| String::new());
    let said = refused(&whole[..whole.len() / 2]);
    assert!(
        said.contains("log.xes.gz: line ") && said.contains("cut short"),
        "{said}"
    );
}

#[test]
fn broken_xml_is_refused_with_line_and_byte() {
    let said = refused(&log(|case| {
        if case == 150 { "<string key='a'></event>" } else { "" }.to_owned()
    }));
    // Two lines of head, 13 of each case before, two of its own.
    assert!(said.contains("log.xes.gz: line 1955: broken XML at byte "), "{said}");
}

#[test]
fn a_file_that_is_no_log_is_refused() {
    let said = refused(b"<html></html>");
    assert!(said.contains("not an XES log: its first element is <html>"), "{said}");
}

#[test]
fn events_that_break_the_contract_are_set_aside_by_their_place_in_the_file() {
    let folder = case(&log(|case| match case {
        20 => event(""),
        50 => event("<date key='time:timestamp' value='yesterday'/>"),
        70 => event("<string key='time:timestamp' value='2024-01-31'/>"),
        100 => event("<int key='time:timestamp' value='7'/>"),
        110 => format!(
            "</trace>\n{}<trace>",
            event("<date key='time:timestamp' value='2024-01-01T00:00:00Z'/>")
        ),
        _ => String::new(),
    }));
    let (journey, run) = (folder.path().join("journey.toml"), folder.path().join("run"));
    std::fs::write(
        &journey,
        JOURNEY.replace("name = \"log\"", "name = \"log\"\ntolerated_bad_share = 0.05"),
    )
    .expect("written");
    let output = percorso(&["ingest", "--journey", text(&journey), "--run", text(&run)]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let file = std::fs::File::open(run.join("ingest/quarantine.parquet")).expect("written");
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
    let rows: Vec<RecordBatch> = reader
        .build()
        .expect("a reader")
        .map(|batch| batch.expect("readable"))
        .collect();
    let [rows] = rows.as_slice() else { panic!("one batch") };
    let told: Vec<(i64, String)> = (0..rows.num_rows())
        .map(|at| {
            assert!(rows.column(0).as_string::<i32>().value(at).ends_with("log.xes.gz"));
            let row = rows.column(1).as_primitive::<Int64Type>().value(at);
            (row, rows.column(3).as_string::<i32>().value(at).to_owned())
        })
        .collect();
    let unparsable = |found| format!("at is `{found}`, expected a time such as 2024-01-31T12:30:00Z");
    // Case 20 begins after 200 events; the event outside every case, and the ten events of the case it robbed of
    // its name, are of nobody.
    assert_eq!(told[0], (201, "at is missing".to_owned()));
    assert_eq!(told[1], (502, unparsable("yesterday")));
    assert_eq!(told[2], (1004, unparsable("7")));
    let nobody: Vec<(i64, String)> = (1105..1116)
        .map(|row| (row, "customer_id is missing".to_owned()))
        .collect();
    assert_eq!(told[3..], nobody);
}

#[test]
fn a_column_that_no_event_has_is_named_with_those_there_are() {
    let folder = case(&log(|_| String::new()));
    let journey = folder.path().join("journey.toml");
    std::fs::write(&journey, JOURNEY.replace("case:amount", "amount")).expect("written");
    let output = percorso(&["check", "--journey", text(&journey)]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("column `amount`, which journey.toml reads, is in no event")
            && said.contains("case:amount, case:concept:name, concept:name, time:timestamp"),
        "{said}"
    );
}
