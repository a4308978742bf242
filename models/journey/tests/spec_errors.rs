//! What a wrong `journey.toml` is told: key, what was found and expected, and the nearest valid name.
#![allow(missing_docs, clippy::unwrap_used)]

use percorso_journey::{Spec, text};

fn told(from: &str, to: &str) -> String {
    assert!(text::SMALL_SPEC.contains(from), "the small spec holds `{from}`");
    Spec::parse(&text::SMALL_SPEC.replacen(from, to, 1))
        .expect_err("wrong on purpose")
        .to_string()
}

#[test]
fn an_unknown_key_is_named_with_the_nearest_valid_one() {
    let told = told("seen_within_days", "seen_whithin_days");
    assert!(
        told.contains("population") && told.contains("seen_whithin_days"),
        "{told}"
    );
    assert!(told.contains("did you mean `seen_within_days`?"), "{told}");
}

#[test]
fn a_wrong_type_names_the_key_and_what_was_expected() {
    let told = told("days = 90", "days = \"ninety\"");
    assert!(
        told.contains("churn[1].days") && told.contains("u32") && told.contains("ninety"),
        "{told}"
    );
}

#[test]
fn a_name_that_refers_to_nothing_is_told_with_the_nearest() {
    assert_eq!(
        told("touchpoints = [\"closed\"]", "touchpoints = [\"close\"]"),
        "churn[0].touchpoints: no touchpoint is named `close`; did you mean `closed`?"
    );
    assert!(told("stage = \"consideration\"", "stage = \"considertion\"").contains("did you mean `consideration`?"));
}

#[test]
fn an_unknown_kind_is_told_with_the_nearest() {
    assert!(told("kind = \"inactivity\"", "kind = \"inactive\"").contains("did you mean `inactivity`?"));
}

#[test]
fn a_key_of_another_kind_of_churn_is_refused() {
    let told = told("days = 90", "days = 90\ngrace_days = 3");
    assert!(
        told.starts_with("churn[1].grace_days:") && told.contains("inactivity"),
        "{told}"
    );
}

#[test]
fn a_column_rule_for_no_field_is_told_with_the_nearest_field() {
    let source = "[[source]]\npaths = [\"x.csv\"]\ncolumns.tuchpoint = \"what\"\n\n[stages]";
    let told = told("[stages]", source);
    assert!(
        told.contains("source[0].columns.tuchpoint") && told.contains("did you mean `touchpoint`?"),
        "{told}"
    );
}

#[test]
fn text_that_is_not_toml_names_the_line() {
    assert!(told("name = \"small\"", "name = small").contains("line 3"));
}

#[test]
fn a_contract_needs_a_timestamp_attribute() {
    assert!(told("ends_at = \"contract_ends_at\"", "ends_at = \"age\"").contains("not of kind `timestamp`"));
}

#[test]
fn a_silence_asked_for_twice_is_refused() {
    let again = "[[churn]]\nname = \"again\"\nkind = \"inactivity\"\ntouchpoints = [\"renewal\", \"purchase\"]\ndays = 90\n\n[population]";
    assert_eq!(
        told("[population]", again),
        "churn[3]: `inactive` already asks for this silence of these touchpoints"
    );
}

#[test]
fn a_fallback_asks_nothing_about_customers() {
    let told = |fallback: &str| {
        let more = format!(
            "\n[decisions]\nfallback = \"{fallback}\"\n[[action]]\nname = \"call\"\nchannel = \"shop\"\nstages = [\"purchase\"]\n\
             [[action]]\nname = \"letter\"\nchannel = \"mail\"\n"
        );
        Spec::parse(&format!("{}{more}", text::SMALL_SPEC))
    };
    assert_eq!(told("letter").unwrap().decisions().fallback, Some(1));
    assert_eq!(told("nothing").unwrap().decisions().fallback, None);
    assert_eq!(
        told("call").unwrap_err().to_string(),
        "decisions.fallback: `call` has stages, but a fallback is for customers of whom nothing can be told"
    );
    assert_eq!(
        told("lettr").unwrap_err().to_string(),
        "decisions.fallback: no action is named `lettr`; did you mean `letter`?"
    );
}

#[test]
fn shares_and_money_of_decisions_are_in_their_range() {
    let told = |line: &str| {
        let more = format!("\n[decisions]\n{line}\n");
        Spec::parse(&format!("{}{more}", text::SMALL_SPEC))
            .unwrap_err()
            .to_string()
    };
    assert_eq!(told("holdout = 1.5"), "decisions.holdout: expected 0 to 1, found 1.5");
    assert_eq!(
        told("daily_budget = -1.0"),
        "decisions.daily_budget: expected 0 or more, found -1"
    );
}

#[test]
fn what_decisions_depend_on_has_a_digest_that_knows_no_path() {
    let digest = |more: &str| {
        let action = "[[action]]\nname = \"call\"\nchannel = \"shop\"\n";
        let spec = Spec::parse(&format!("{}\n[decisions]\n{more}\n{action}", text::SMALL_SPEC)).unwrap();
        spec.actions_digest()
    };
    assert_eq!(digest(""), digest("logs = [\"served.parquet\"]"));
    assert_ne!(digest(""), digest("contacts = { times = 1, days = 7 }"));
    let pinned: String = digest("").iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        pinned, "6ac937e6cf6f1d3caf800951b3fafa34",
        "logged decisions bear it: changing it makes them unreplayable"
    );
}
