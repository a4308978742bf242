//! What became known late: scores as of the past are those of the past.

use crate::cli::{printed, text};

const JOURNEY: &str = r#"
format = 1
name = "backdated"

[[source]]
paths = ["events.csv"]

[stages]
order = ["awareness", "purchase"]

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

[training]
every_days = 10
cutoffs = 4
"#;

/// 60 customers who visit every ten days; the odd ones' purchases become known five days late where `is_late`.
fn events(is_late: bool, until_day: u32) -> String {
    let mut csv = "customer_id,at,known_at,touchpoint\n".to_owned();
    let day = |day: u32| format!("2024-{:02}-{:02}T00:00:00Z", 1 + day / 28, 1 + day % 28);
    for customer in 0..60 {
        for at in (customer % 7..until_day).step_by(10) {
            let touchpoint = if (at / 10 + customer) % 3 == 0 {
                "purchase"
            } else {
                "visit"
            };
            let late = if is_late && touchpoint == "purchase" && customer % 2 == 1 {
                5
            } else {
                0
            };
            if at + late <= until_day {
                csv += &format!("c{customer},{},{},{touchpoint}\n", day(at), day(at + late));
            }
        }
    }
    csv
}

#[test]
fn a_row_of_the_past_is_the_row_of_that_day() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let rows = |name: &str, events: String| {
        let (market, run) = (folder.path().join(name), folder.path().join(format!("{name}-run")));
        for made in [&market, &run] {
            std::fs::create_dir_all(made).expect("a folder can be made");
        }
        std::fs::write(market.join("journey.toml"), JOURNEY).expect("written");
        std::fs::write(market.join("events.csv"), events).expect("written");
        std::fs::write(run.join("customer.key"), "07".repeat(32)).expect("written");
        let ingested = printed(&[
            "ingest",
            "--journey",
            text(&market.join("journey.toml")),
            "--run",
            text(&run),
            "--json",
        ]);
        printed(&["train", "--run", text(&run), "--origins", "1", "--time-budget", "0"]);
        printed(&["models", "--run", text(&run), "promote", "000001"]);
        let scores = run.join("then.parquet");
        // As of day 100: what was known by then, whatever came or became known after.
        printed(&[
            "score",
            "--run",
            text(&run),
            "--as-of",
            "2024-04-17T00:00:00Z",
            "--output",
            text(&scores),
        ]);
        let ingested: serde_json::Value = serde_json::from_str(&ingested).expect("JSON");
        (
            ingested["n_backdated_customers"].as_u64(),
            std::fs::read(scores).expect("written"),
            run,
        )
    };
    let (n_late, with_late, late_run) = rows("late", events(true, 200));
    let (n_prompt, with_prompt, _) = rows("prompt", events(false, 200));
    assert!(n_late >= Some(20), "{n_late:?} customers have late events");
    assert_eq!(n_prompt, Some(0));
    assert_ne!(with_late, with_prompt, "the delay shows in what was known");

    // The same model over data that ended on day 100: the old rows come out again.
    let (market, run) = (folder.path().join("old"), folder.path().join("old-run"));
    crate::cli::copy(&late_run, &run);
    std::fs::create_dir_all(&market).expect("a folder can be made");
    std::fs::write(market.join("journey.toml"), JOURNEY).expect("written");
    std::fs::write(market.join("events.csv"), events(true, 100)).expect("written");
    printed(&[
        "ingest",
        "--journey",
        text(&market.join("journey.toml")),
        "--run",
        text(&run),
    ]);
    let scores = run.join("old.parquet");
    printed(&[
        "score",
        "--run",
        text(&run),
        "--as-of",
        "2024-04-17T00:00:00Z",
        "--output",
        text(&scores),
    ]);
    assert!(
        std::fs::read(scores).expect("written") == with_late,
        "the past reads as it did on its day"
    );
}
