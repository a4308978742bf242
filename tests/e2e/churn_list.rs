//! The account manager's story: the demo ends in a list that can be read and taken away.

use crate::cli::{Market, printed, text};

#[test]
fn the_demo_tells_how_far_it_is_from_the_truth_and_ends_in_a_list() {
    let said = &Market::shared().printed;
    for part in [
        "of the truth",
        "is champion",
        "customers scored into",
        "value at risk",
        "customers loaded",
    ] {
        assert!(said.contains(part), "the demo says `{part}`:\n{said}");
    }
}

#[test]
fn the_list_is_ranked_by_risk_and_gives_three_reasons() {
    let run = Market::shared().run();
    let listed = printed(&["churn-list", "--run", text(&run), "--top", "15", "--format", "json"]);
    let rows: Vec<serde_json::Value> = listed
        .lines()
        .map(|line| serde_json::from_str(line).expect("one object a line"))
        .collect();
    assert_eq!(rows.len(), 15);
    let risks: Vec<f64> = rows
        .iter()
        .map(|row| row["churn"].as_f64().expect("a number"))
        .collect();
    assert!(risks.is_sorted_by(|left, right| left >= right), "{risks:?}");
    for row in &rows {
        assert!(row["customer"].as_str().expect("an id").starts_with('C'));
        assert!(row["reasons"].as_array().expect("reasons").len() <= 3);
        let (low, p, high) = (row["low"].as_f64(), row["churn"].as_f64(), row["high"].as_f64());
        assert!(low <= p && p <= high, "{row}");
        assert!(row["value_at_risk"].as_f64().is_some_and(|value| value > 0.0), "{row}");
    }
}

#[test]
fn an_account_manager_sees_only_their_own() {
    let run = Market::shared().run();
    let everyone = printed(&["churn-list", "--run", text(&run), "--top", "1000", "--format", "json"]);
    let first: serde_json::Value = serde_json::from_str(everyone.lines().next().expect("a row")).expect("JSON");
    let owner = first["owner"].as_str().expect("an owner");
    let mine = printed(&[
        "churn-list",
        "--run",
        text(&run),
        "--top",
        "1000",
        "--owner",
        owner,
        "--format",
        "json",
    ]);
    assert!(mine.lines().count() > 0);
    for line in mine.lines() {
        let row: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(row["owner"], owner);
    }
    let nobody = printed(&[
        "churn-list",
        "--run",
        text(&run),
        "--owner",
        "nobody",
        "--format",
        "json",
    ]);
    assert_eq!(nobody, "");
}

#[test]
fn the_list_leaves_as_parquet_that_only_its_owner_reads() {
    use std::os::unix::fs::PermissionsExt;
    let run = Market::shared().run();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("list.parquet");
    printed(&[
        "churn-list",
        "--run",
        text(&run),
        "--format",
        "parquet",
        "--output",
        text(&file),
    ]);
    assert_eq!(
        std::fs::metadata(&file).expect("written").permissions().mode() & 0o777,
        0o600
    );
    let reader = parquet::file::reader::SerializedFileReader::new(std::fs::File::open(&file).expect("written"));
    use parquet::file::reader::FileReader;
    assert_eq!(
        reader.expect("a Parquet file").metadata().file_metadata().num_rows(),
        20
    );
}
