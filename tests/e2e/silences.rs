//! A shop that asks for silences of two lengths: one curve, of whoever there is.

use serde_json::Value;

use crate::cli::{printed, text};

const JOURNEY: &str = r#"
format = 1
name = "shop"

[[source]]
paths = ["events.csv"]

[stages]
order = ["consideration", "purchase"]

[[touchpoint]]
name = "visit"
stage = "consideration"

[[touchpoint]]
name = "purchase"
stage = "purchase"

[[churn]]
name = "silent_60"
kind = "inactivity"
touchpoints = ["purchase"]
days = 60

[[churn]]
name = "silent_20"
kind = "inactivity"
touchpoints = ["purchase"]
days = 20

[training]
every_days = 20
cutoffs = 6
"#;

const LAST_DAY: i64 = 400;

fn line(customer: &str, day: i64, touchpoint: &str) -> String {
    let at = percorso_journey::Timestamp::from_micros((20_000 + day) * percorso_journey::MICROS_PER_DAY);
    format!("{customer},{at},{touchpoint}\n")
}

/// Customers who buy every few days until they stop, each in their own way; and one who looks around before the test cut-off
/// and buys for the first time after it.
fn events() -> String {
    let mut events = "customer_id,at,touchpoint\n".to_owned();
    for customer in 0..150 {
        let (every, stops) = (5 + customer * 7 % 40, 150 + customer * 37 % 400);
        let days = (customer * 11 % 90..LAST_DAY.min(stops)).step_by(every as usize);
        days.for_each(|day| events += &line(&format!("c{customer}"), day, "purchase"));
    }
    events += &line("c0", LAST_DAY, "visit");
    events += &line("late", LAST_DAY - 62, "visit");
    events + &line("late", LAST_DAY - 55, "purchase")
}

#[test]
fn the_longer_silence_is_told_of_those_silent_for_the_shorter_even_of_who_never_bought() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [journey, data, run] = ["journey.toml", "events.csv", "run"].map(|name| folder.path().join(name));
    std::fs::write(&journey, JOURNEY).expect("written");
    std::fs::write(&data, events()).expect("written");
    printed(&["ingest", "--journey", text(&journey), "--run", text(&run)]);
    printed(&["train", "--run", text(&run), "--time-budget", "0"]);
    let evaluation = printed(&["evaluate", "--run", text(&run), "--json"]);
    let evaluation: Value = serde_json::from_str(&evaluation).expect("one object");
    let told = |name: &str, measure: &str| {
        let questions = evaluation["questions"].as_array().expect("questions");
        let asked = questions.iter().find(|question| question["question"] == name);
        let learners = asked.expect("asked")["learners"].as_array().expect("learners");
        let measures = &learners.last().expect("what ships")["measures"];
        measures[measure].as_f64().expect("a measure")
    };
    let mean = |name: &str| told(name, "rate") + told(name, "mean_gap");
    let (shorter, longer) = (mean("churn/silent_20_20d"), mean("churn/silent_60_60d"));
    assert!(longer < shorter, "{shorter} for 20 days, {longer} for 60");
}
