//! The account manager's story: what would help whom, until when, and what must not be done.

use serde_json::Value;

use crate::cli::{Market, printed, text};

fn listed(top: &str) -> Vec<Value> {
    let run = Market::shared().run();
    let said = printed(&["churn-list", "--run", text(&run), "--top", top, "--format", "json"]);
    said.lines()
        .map(|line| serde_json::from_str(line).expect("one object a line"))
        .collect()
}

#[test]
fn the_demo_tells_what_actions_do_and_what_would_have_been_earned() {
    let said = &Market::shared().printed;
    for part in [
        "discount brings in",
        "advice brings in",
        "best action for each",
        "as logged",
        "may its policy act?",
        "it does not act yet: ",
        "→ ",
    ] {
        assert!(said.contains(part), "the demo says `{part}`:\n{said}");
    }
}

#[test]
fn each_of_the_riskiest_has_a_next_action_and_what_is_not_done_has_its_reason() {
    let rows = listed("10");
    assert_eq!(rows.len(), 10);
    for row in &rows {
        let action = &row["next_action"];
        let name = action["action"].as_str().expect("an action or nothing");
        let not_done = action["not_done"].as_array().expect("a list");
        assert!(["discount", "advice", "nothing"].contains(&name), "{row}");
        let gain = action["gain"].as_f64().expect("a number");
        if name == "nothing" {
            assert_eq!(gain, 0.0, "{row}");
            assert!(action["act_by"].is_null(), "{row}");
        } else {
            assert!(gain > 0.0 && action["evidence"] == "learnt", "{row}");
            assert!(
                action["act_by"].as_str().is_some_and(|day| day >= "2025-12-31"),
                "{row}"
            );
            assert!(
                not_done
                    .iter()
                    .all(|told| !told.as_str().expect("text").starts_with(name)),
                "{row}"
            );
        }
        for told in not_done {
            assert!(told.as_str().is_some_and(|told| told.contains(": ")), "{row}");
        }
    }
}

#[test]
fn who_was_written_to_lately_is_left_in_peace() {
    let dropped: Vec<String> = listed("1000")
        .iter()
        .flat_map(|row| row["next_action"]["not_done"].as_array().expect("a list").clone())
        .map(|told| told.as_str().expect("text").to_owned())
        .collect();
    assert!(
        dropped.iter().any(|told| told == "discount: done too recently"),
        "{dropped:?}"
    );
}
