//! From files nobody described to a first evaluation.

use std::path::{Path, PathBuf};

use arrow::array::{Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::cli::{percorso, printed, text};

/// The market's columns as another business may call them; those that are left out it does not have.
const FOREIGN: [(&str, &str); 8] = [
    ("customer_id", "Kundennummer"),
    ("at", "Zeitpunkt"),
    ("touchpoint", "Ereignis"),
    ("channel", "Kanal"),
    ("value", "Betrag"),
    ("feedback_score", "Bewertung"),
    ("region", "Bundesland"),
    ("loyalty", "Stammkunde"),
];

/// Writes a market of so many customers as a CSV file with the columns of another business, separated by semicolons.
fn foreign_market(folder: &Path, customers: &str) -> PathBuf {
    let market = folder.join("market");
    printed(&[
        "simulate",
        "--customers",
        customers,
        "--seed",
        "7",
        "--dir",
        text(&market),
    ]);
    let file = std::fs::File::open(market.join("events.parquet")).expect("a market has events");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("a Parquet file");
    let mut csv = FOREIGN.map(|(_, foreign)| foreign).join(";") + "\n";
    for batch in reader.build().expect("a reader") {
        let batch: RecordBatch = batch.expect("readable");
        let columns = FOREIGN.map(|(name, _)| {
            let column = batch.column_by_name(name).expect("a column of the market");
            cast(column, &DataType::Utf8).expect("everything is text")
        });
        let texts = columns.each_ref().map(|column| {
            let texts = column.as_any().downcast_ref::<arrow::array::StringArray>();
            texts.expect("cast to text").clone()
        });
        for row in 0..batch.num_rows() {
            let cell = |texts: &arrow::array::StringArray| {
                let is_there = texts.is_valid(row);
                if is_there {
                    texts.value(row).to_owned()
                } else {
                    String::new()
                }
            };
            csv += &(texts.each_ref().map(cell).join(";") + "\n");
        }
    }
    let path = folder.join("verlauf.csv");
    std::fs::write(&path, csv).expect("written");
    path
}

#[test]
fn an_unknown_file_is_evaluated_after_three_commands() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = foreign_market(folder.path(), "300");
    let (journey, run) = (folder.path().join("journey.toml"), folder.path().join("run"));
    let said = printed(&["init", text(&data), "--output", text(&journey)]);
    assert!(said.contains("leaving: account_closed within"), "{said}");
    let spec = std::fs::read_to_string(&journey).expect("written");
    for line in [
        "paths = [\"verlauf.csv\"]",
        "delimiter = \";\"",
        "customer_id = \"Kundennummer\"",
        "at = \"Zeitpunkt\"",
        "touchpoint = \"Ereignis\"",
        "feedback_score = \"Bewertung\"",
        "# bundesland = \"Bundesland\"",
    ] {
        assert!(spec.contains(line), "{line} is not in\n{spec}");
    }
    let report = std::fs::read_to_string(folder.path().join("journey.report.md")).expect("written");
    assert!(
        !spec.contains("C000001") && !report.contains("C000001"),
        "no customer is named"
    );
    assert!(printed(&["check", "--journey", text(&journey)]).contains("of 300 customers"));
    printed(&["ingest", "--journey", text(&journey), "--run", text(&run)]);
    let quick = ["--time-budget", "0", "--origins", "1", "--max-rows", "4000"];
    printed(&[&["train", "--run", text(&run)][..], &quick].concat());
    assert!(printed(&["evaluate", "--run", text(&run)]).contains("churn/left_"));
}

#[test]
fn what_init_left_out_ingest_does_not_read_by_its_name() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (mut january, mut february) = (String::new(), String::new());
    let header = "customer_id;at;touchpoint;stage;value;event_id;known_at;weight;until;value\n";
    for (month, csv) in [(1, &mut january), (2, &mut february)] {
        *csv = header.to_owned();
        for row in 0..300 {
            let day = row % if month == 1 { 28 } else { 11 } + 1;
            let what = ["visit", "purchase"][row / 7 % 2];
            let weight = if row == 5 {
                "nan".to_owned()
            } else {
                (row % 9).to_string()
            };
            let until = if row == 9 { "2999-01-01" } else { "2025-06-30" };
            *csv += &format!(
                "c{};{month:02}/{day:02}/24;{what};{};0,{}0;e{};2025-01-01;{weight};{until};dear\n",
                row % 40,
                row % 4 + 1,
                row % 8,
                row / 3
            );
        }
    }
    let data = folder.path().join("months");
    std::fs::create_dir(&data).expect("a folder");
    std::fs::write(data.join("2024-01.csv"), january).expect("written");
    std::fs::write(data.join("2024-02.csv"), february).expect("written");
    std::fs::write(data.join("2024-03.csv"), header).expect("written");
    let journey = folder.path().join("journey.toml");
    let nowhere = folder.path().join("nowhere/journey.toml");
    let output = percorso(&["init", text(&data), "--output", text(&nowhere)]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("nowhere is not there"));
    let said = printed(&["init", text(&data), "--output", text(&journey), "--json"]);
    let said: serde_json::Value = serde_json::from_str(last_line(&said)).expect("JSON");
    assert!(
        said["passed_over"]["2024-03.csv"]
            .as_str()
            .is_some_and(|why| why.contains("no rows")),
        "{said}"
    );
    let check = printed(&["check", "--journey", text(&journey), "--json"]);
    let found: serde_json::Value = serde_json::from_str(last_line(&check)).expect("JSON");
    assert_eq!(
        (&found["n_events"], &found["n_quarantined"]),
        (&600.into(), &0.into()),
        "{found}"
    );
    let spec = std::fs::read_to_string(&journey).expect("written");
    assert!(
        spec.contains("at = { column = \"at\", format = \"%m/%d/%y\" }") && spec.contains("by_name = false"),
        "{spec}"
    );
    assert_eq!(spec.matches("[[source]]").count(), 1, "{spec}");
}

#[test]
fn what_is_there_is_not_written_over() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("visits.csv");
    std::fs::write(
        &data,
        "user,when,event\nann,2026-01-01,visit\nann,2026-01-09,purchase\nbob,2026-01-03,visit\n",
    )
    .expect("written");
    let journey = folder.path().join("journey.toml");
    let init = ["init", text(&data), "--output", text(&journey)];
    printed(&init);
    let first = std::fs::read(&journey).expect("written");
    let again = percorso(&init);
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("--force"));
    printed(&[&init[..], &["--force"]].concat());
    assert_eq!(
        std::fs::read(&journey).expect("written"),
        first,
        "the same files make the same guess"
    );
}

#[test]
fn what_cannot_be_journeys_is_told_so() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let said_of = |name: &str, content: &str| {
        let data = folder.path().join(name);
        std::fs::write(&data, content).expect("written");
        let journey = folder.path().join("journey.toml");
        let output = percorso(&["init", text(&data), "--output", text(&journey)]);
        assert!(!journey.exists(), "nothing is written");
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let (code, said) = said_of("table.csv", "customer,age\nann,30\nbob,40\n");
    assert_eq!(code, Some(1));
    assert!(
        said.contains("no column holds times") && said.contains("customer, age"),
        "{said}"
    );
    let (code, said) = said_of("times.csv", "when,amount\n2026-01-01,3.5\n2026-01-02,4.5\n");
    assert_eq!(code, Some(1));
    assert!(said.contains("--customer COLUMN"), "{said}");
    let (code, said) = said_of("broken.csv", "customer,when\nann,2026-01-01\nbob\n");
    assert_eq!(code, Some(1));
    assert!(said.contains("line 3 has 1 fields"), "{said}");
    let (code, said) = said_of("empty.csv", "");
    assert_eq!(code, Some(1));
    assert!(said.contains("the file is empty"), "{said}");
    let (code, said) = said_of("notes.txt", "hello");
    assert_eq!(code, Some(1));
    assert!(said.contains(".csv"), "{said}");
    let trial = "history,treatment,visit\n1.5,Mail,1\n2.5,No Mail,0\n3.5,Mail,0\n";
    let (code, said) = said_of("trial.csv", trial);
    assert_eq!(code, Some(1));
    assert!(
        said.contains("percorso benchmark uplift") && said.contains("--control \"No Mail\""),
        "{said}"
    );
}

/// A file of the real data beside the project.
fn real(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(name);
    if !path.exists() {
        eprintln!("skipped: no real data (put {name} at ../shared/data)");
        return None;
    }
    Some(path)
}

/// The spec that is guessed from real data, what ingest found under it, and what init said.
fn guessed(name: &str) -> Option<(String, serde_json::Value, serde_json::Value)> {
    let data = real(name)?;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let journey = folder.path().join("journey.toml");
    let init = ["init", text(&data), "--output", text(&journey), "--json"];
    let said: serde_json::Value = serde_json::from_str(last_line(&printed(&init))).expect("JSON");
    let check = printed(&["check", "--journey", text(&journey), "--json"]);
    let found: serde_json::Value = serde_json::from_str(last_line(&check)).expect("JSON");
    let spec = std::fs::read_to_string(&journey).expect("written");
    Some((spec, found, said))
}

fn last_line(printed: &str) -> &str {
    printed.lines().last().unwrap_or_default()
}

#[test]
fn a_shop_is_understood_from_its_invoices() {
    let Some((spec, found, _)) = guessed("online-retail") else {
        return;
    };
    assert_eq!(found["n_events"], 44_876, "as in the example");
    assert_eq!(found["n_customers"], 5_942);
    assert_eq!(found["n_quarantined"], 0);
    for line in [
        "merge_lines = true",
        "dedupe = \"exact\"",
        "anonymous = \"skip\"",
        "starts_with = { C = \"return\" }",
        "days = 90",
    ] {
        assert!(spec.contains(line), "{line} is not in\n{spec}");
    }
    assert!(
        !spec.contains("\ncountry = "),
        "of the whole journey, and nobody said it is known"
    );
}

#[test]
fn loans_are_cases_that_customers_cancel() {
    let Some((spec, found, said)) = guessed("process-logs/BPI_Challenge_2012_Complete.xes.gz") else {
        return;
    };
    assert_eq!(found["n_events"], 164_506);
    assert_eq!(found["n_customers"], 13_087);
    assert_eq!(found["n_quarantined"], 0);
    assert!(
        said["churn"]
            .as_str()
            .expect("a sentence")
            .starts_with("A_CANCELLED within"),
        "{said}"
    );
    assert!(
        spec.contains("# amount_req = \"case:AMOUNT_REQ\""),
        "of the case, so not read\n{spec}"
    );
}

#[test]
fn a_label_of_the_whole_case_is_found_and_not_read() {
    let Some((spec, found, said)) = guessed("process-logs/Helpdesk.xes.gz") else {
        return;
    };
    assert_eq!(found["n_events"], 21_348);
    let leaks = said["leaks"].to_string();
    assert!(
        leaks.contains("`case:variant`") && leaks.contains("`case:variant-index`"),
        "{leaks}"
    );
    assert!(!spec.contains("\nvariant"), "{spec}");
}

#[test]
fn a_help_desk_has_customers_with_many_tickets() {
    let Some((spec, found, _)) = guessed("helpdesk-customers/helpdesk.xes.gz") else {
        return;
    };
    assert_eq!(found["n_events"], 21_348);
    assert_eq!(found["n_customers"], 397);
    assert!(spec.contains("journey_id = \"case:concept:name\""), "{spec}");
}

#[test]
fn leads_and_deals_are_one_funnel() {
    let Some((spec, found, _)) = guessed("olist-funnel") else {
        return;
    };
    assert_eq!(found["n_rows"], 8_842);
    assert_eq!(found["n_quarantined"], 0);
    for line in [
        "customer_id = \"mql_id\"",
        "{ constant = \"won\" }",
        "{ constant = \"first_contact\" }",
    ] {
        assert!(spec.contains(line), "{line} is not in\n{spec}");
    }
}

#[test]
fn fines_end_in_collection() {
    let Some((_, found, said)) = guessed("road-fines/road_fine.xes.gz") else {
        return;
    };
    assert_eq!(found["n_events"], 561_470);
    assert!(
        said["churn"]
            .as_str()
            .expect("a sentence")
            .starts_with("Send for Credit Collection"),
        "{said}"
    );
}

#[test]
fn a_randomised_test_without_times_is_sent_where_it_belongs() {
    let Some(data) = real("hillstrom/hillstrom.csv") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let journey = folder.path().join("journey.toml");
    let output = percorso(&["init", text(&data), "--output", text(&journey)]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said.contains("benchmark uplift") && said.contains("--outcome \"visit\""),
        "{said}"
    );
}
