//! A shop that books every line of a basket: lines become one purchase that says what they say together.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, TimestampMicrosecondType};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;

use crate::cli::{percorso, printed, text};

const JOURNEY: &str = r#"
format = 1
name = "shop"

[[source]]
paths = ["lines.csv"]
merge_lines = true

[source.columns]
customer_id = "who"
at = "when"
event_id = "invoice"
touchpoint = { constant = "purchase" }
value = { product_of = ["quantity", "price"] }
product = "article"
lines = { constant = "1" }
units = "quantity"

[stages]
order = ["purchase"]

[[touchpoint]]
name = "purchase"
stage = "purchase"

[[attribute]]
name = "lines"
kind = "number"
sum_of_lines = true

[[attribute]]
name = "units"
kind = "number"
sum_of_lines = true

[[attribute]]
name = "shop"
kind = "category"

[[churn]]
name = "inactive"
kind = "inactivity"
touchpoints = ["purchase"]
days = 30
"#;

const LINES: &str = "\
who,when,invoice,article,quantity,price,shop
ann,2026-01-01T10:00:00Z,i1,cup,2,1.5,north
ann,2026-01-01T10:00:00Z,i1,plate,3,2,north
ann,2026-01-01T10:00:00Z,i1,cup,,1,north
ann,2026-02-01T10:00:00Z,i2,cup,4,1,south
";

/// One purchase: value, lines, units, product and shop.
type Purchase = (Option<f64>, Option<f64>, Option<f64>, Option<String>, Option<String>);

/// A folder with the shop's journey file and one customer's lines.
fn shop(lines: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("journey.toml"), JOURNEY).expect("written");
    std::fs::write(folder.path().join("lines.csv"), lines).expect("written");
    folder
}

fn arguments(folder: &TempDir) -> [String; 6] {
    let path = |name: &str| text(&folder.path().join(name)).to_owned();
    let [journey, run] = ["journey.toml", "run"].map(path);
    ["ingest", "--journey", &journey, "--run", &run, "--json"].map(str::to_owned)
}

/// What ingest of one customer's lines printed, and the events it wrote.
fn ingested(lines: &str) -> (serde_json::Value, RecordBatch) {
    let folder = shop(lines);
    let found = serde_json::from_str(&printed(&arguments(&folder).each_ref().map(String::as_str))).expect("JSON");
    let events = std::fs::read_dir(folder.path().join("run/ingest/events")).expect("there are events");
    let bucket = events
        .map(|entry| entry.expect("readable").path())
        .next()
        .expect("one customer");
    let file = std::fs::File::open(bucket).expect("there");
    let mut batches = ParquetRecordBatchReaderBuilder::try_new(file)
        .and_then(|builder| builder.build())
        .expect("Parquet");
    (found, batches.next().expect("one batch").expect("rows"))
}

#[test]
fn lines_of_an_invoice_are_summed_and_what_they_do_not_agree_on_is_unknown() {
    let (found, batch) = ingested(LINES);
    assert_eq!((&found["n_events"], &found["n_lines_merged"]), (&2.into(), &2.into()));
    let number = |name: &str, row: usize| {
        let column = batch
            .column_by_name(name)
            .expect(name)
            .as_primitive::<Float64Type>()
            .clone();
        column.is_valid(row).then(|| column.value(row))
    };
    let word = |name: &str, row: usize| {
        let column = batch.column_by_name(name).expect(name).as_string::<i32>().clone();
        column.is_valid(row).then(|| column.value(row).to_owned())
    };
    let purchase = |row: usize| -> Purchase {
        (
            number("value", row),
            number("lines", row),
            number("units", row),
            word("product", row),
            word("shop", row),
        )
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(purchase(0), (Some(9.0), Some(3.0), Some(5.0), None, some("north")));
    assert_eq!(
        purchase(1),
        (Some(4.0), Some(1.0), Some(4.0), some("cup"), some("south"))
    );
}

#[test]
fn an_event_of_lines_is_known_when_its_last_line_is() {
    let lines = "\
who,when,invoice,article,quantity,price,shop
ann,2026-01-01T10:00:00Z,i1,cup,2,1.5,north
ann,2026-01-03T10:00:00Z,i1,plate,3,2,north
ann,2026-02-01T10:00:00Z,i2,cup,4,1,south
";
    let (_, batch) = ingested(lines);
    let times = |name: &str| {
        batch
            .column_by_name(name)
            .expect(name)
            .as_primitive::<TimestampMicrosecondType>()
            .clone()
    };
    let (at, known_at) = (times("at"), times("known_at"));
    assert_eq!(known_at.value(0) - at.value(0), 2 * 86_400 * 1_000_000);
    assert!(known_at.is_null(1));
}

#[test]
fn a_line_that_comes_too_late_or_makes_a_sum_too_large_is_told() {
    let lines = "\
who,when,invoice,article,quantity,price,shop
ann,2026-01-01T10:00:00Z,i1,cup,2,1.5,north
ann,2026-06-01T10:00:00Z,i1,plate,3,2,north
ann,2026-02-01T10:00:00Z,i2,cup,9e14,1,south
ann,2026-02-01T10:00:00Z,i2,pot,9e14,1,south
";
    let folder = shop(lines);
    let output = percorso(&arguments(&folder).each_ref().map(String::as_str));
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    for part in [
        "lines.csv row 2: known 151.0 days after it happened",
        "lines.csv row 4: value is 1800000000000000",
    ] {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn only_a_number_that_events_tell_can_be_a_sum_of_lines() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let journey = folder.path().join("journey.toml");
    let spec = JOURNEY.replace("kind = \"number\"\nsum_of_lines", "kind = \"flag\"\nsum_of_lines");
    std::fs::write(&journey, spec).expect("written");
    let output = percorso(&["check", "--journey", text(&journey)]);
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("attribute.lines.sum_of_lines"), "{said}");
}
