//! The files are whole, the same every time, and described by their journey.toml.
#![allow(clippy::unwrap_used)]

use std::fs::{self, File};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, TimeUnit, TimestampMicrosecondType};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use percorso_kit::write::{Error, JOURNEY_TOML, simulate};
use percorso_kit::{Market, MarketSettings, Stage, Touchpoint};

fn rows(path: &std::path::Path) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let schema = reader.schema().clone();
    let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
    arrow::compute::concat_batches(&schema, &batches).unwrap()
}

#[test]
fn the_same_settings_write_the_same_bytes_and_another_seed_others() {
    let dir = tempfile::tempdir().unwrap();
    // More customers than one batch, so that both makers work.
    let bytes = |name: &str, seed| {
        let written = simulate(&dir.path().join(name), MarketSettings { customers: 5_000, seed }).unwrap();
        (
            fs::read(written.events_path).unwrap(),
            fs::read(written.decisions_path).unwrap(),
            fs::read(written.spec_path).unwrap(),
        )
    };
    let first = bytes("first", 1);
    assert!(first == bytes("again", 1));
    let other = bytes("other", 2);
    assert!(first.0 != other.0 && first.1 != other.1);
}

#[test]
fn a_customer_is_the_same_in_a_market_of_any_size() {
    let small = Market::new(MarketSettings { customers: 1, seed: 9 });
    let large = Market::new(MarketSettings {
        customers: 1_000_000,
        seed: 9,
    });
    for index in 0..200 {
        assert_eq!(small.journey(index), large.journey(index));
    }
    let other = Market::new(MarketSettings { customers: 1, seed: 10 });
    assert!((0..200).all(|index| small.journey(index) != other.journey(index)));
}

#[test]
fn the_file_holds_every_event_of_every_journey_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let settings = MarketSettings {
        customers: 2_500,
        seed: 6,
    };
    let written = simulate(dir.path(), settings).unwrap();
    let rows = rows(&written.events_path);
    assert_eq!(rows.num_rows() as u64, written.n_events);
    let customer_ids = rows["customer_id"].as_string::<i32>();
    let ats = rows["at"].as_primitive::<TimestampMicrosecondType>();
    let touchpoints = rows["touchpoint"].as_string::<i32>();
    let values = rows["value"].as_primitive::<Float64Type>();
    let texts = rows["feedback_text"].as_string::<i32>();
    let ends = rows["contract_ends_at"].as_primitive::<TimestampMicrosecondType>();
    let loyalties = rows["loyalty"].as_boolean();
    let market = Market::new(settings);
    let (mut row, mut n_left) = (0, 0);
    for index in 0..settings.customers {
        let journey = market.journey(index);
        for event in &journey.events {
            assert_eq!(customer_ids.value(row), journey.customer_id);
            assert_eq!(ats.value(row), event.at);
            assert_eq!(touchpoints.value(row), event.touchpoint);
            assert_eq!(values.is_valid(row).then(|| values.value(row)), event.value);
            assert_eq!(texts.is_valid(row).then(|| texts.value(row)), event.feedback_text);
            let attributes = event.attributes;
            assert_eq!(ends.is_valid(row).then(|| ends.value(row)), attributes.contract_ends_at);
            assert_eq!(
                loyalties.is_valid(row).then(|| loyalties.value(row)),
                attributes.loyalty
            );
            n_left += u64::from(event.touchpoint == "account_closed");
            row += 1;
        }
    }
    assert_eq!((row as u64, n_left), (written.n_events, written.n_left));
    assert_eq!(written.n_customers, 2_500);
}

#[test]
fn the_file_of_decisions_holds_every_decision_in_order_also_those_that_sent_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let settings = MarketSettings {
        customers: 2_500,
        seed: 6,
    };
    let written = simulate(dir.path(), settings).unwrap();
    let rows = rows(&written.decisions_path);
    assert_eq!(rows.num_rows() as u64, written.n_decisions);
    let customer_ids = rows["customer_id"].as_string::<i32>();
    let ats = rows["at"].as_primitive::<TimestampMicrosecondType>();
    let decision_ids = rows["decision_id"].as_string::<i32>();
    let action_ids = rows["action_id"].as_string::<i32>();
    let propensities = rows["propensity"].as_primitive::<Float64Type>();
    let market = Market::new(settings);
    let mut row = 0;
    for index in 0..settings.customers {
        let journey = market.journey(index);
        let mut last_at = i64::MIN;
        for decision in &journey.decisions {
            assert_eq!(customer_ids.value(row), journey.customer_id);
            assert_eq!(ats.value(row), decision.at);
            assert_eq!(decision_ids.value(row), decision.decision_id);
            assert_eq!(
                action_ids.is_valid(row).then(|| action_ids.value(row)),
                decision.action_id
            );
            assert_eq!(propensities.value(row), decision.propensity);
            assert!(decision.at > last_at);
            last_at = decision.at;
            row += 1;
        }
    }
    assert_eq!(row as u64, written.n_decisions);
    assert!(
        action_ids.null_count() * 3 > row,
        "{} of {row}",
        action_ids.null_count()
    );
}

#[test]
fn every_offer_in_the_file_has_its_decision() {
    let dir = tempfile::tempdir().unwrap();
    let settings = MarketSettings {
        customers: 2_500,
        seed: 6,
    };
    let written = simulate(dir.path(), settings).unwrap();
    // Customer, instant, decision, action and propensity of the rows that sent something.
    let sent = |rows: &RecordBatch, sends: &dyn Fn(usize) -> bool| -> Vec<(String, i64, String, String, f64)> {
        let text = |column: &str, row| rows[column].as_string::<i32>().value(row).to_owned();
        (0..rows.num_rows())
            .filter(|&row| sends(row))
            .map(|row| {
                (
                    text("customer_id", row),
                    rows["at"].as_primitive::<TimestampMicrosecondType>().value(row),
                    text("decision_id", row),
                    text("action_id", row),
                    rows["propensity"].as_primitive::<Float64Type>().value(row),
                )
            })
            .collect()
    };
    let (events, decisions) = (rows(&written.events_path), rows(&written.decisions_path));
    let touchpoints = events["touchpoint"].as_string::<i32>();
    let offers = sent(&events, &|row| touchpoints.value(row) == "mail_offer");
    assert!(offers.len() > 5_000, "{} offers", offers.len());
    // Both are ordered by customer, then time, so they agree row by row.
    assert_eq!(offers, sent(&decisions, &|row| decisions["action_id"].is_valid(row)));
}

#[test]
fn the_columns_of_decisions_say_who_when_what_and_how_likely() {
    let dir = tempfile::tempdir().unwrap();
    let written = simulate(dir.path(), MarketSettings { customers: 10, seed: 6 }).unwrap();
    let schema = rows(&written.decisions_path).schema();
    let columns: Vec<(&str, &DataType, bool)> = schema
        .fields()
        .iter()
        .map(|field| (field.name().as_str(), field.data_type(), field.is_nullable()))
        .collect();
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    assert_eq!(
        columns,
        [
            ("customer_id", &DataType::Utf8, false),
            ("at", &utc, false),
            ("decision_id", &DataType::Utf8, false),
            ("action_id", &DataType::Utf8, true),
            ("propensity", &DataType::Float64, false),
        ]
    );
}

#[test]
fn the_columns_are_the_event_contract() {
    let dir = tempfile::tempdir().unwrap();
    let written = simulate(dir.path(), MarketSettings { customers: 10, seed: 6 }).unwrap();
    let schema = rows(&written.events_path).schema();
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(
        names.join(" "),
        "customer_id at event_id touchpoint channel audience product owner value feedback_score feedback_text \
         action_id decision_id propensity age region contract_ends_at price_sensitivity loyalty"
    );
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    assert_eq!(schema.field_with_name("at").unwrap().data_type(), &utc);
    assert_eq!(schema.field_with_name("contract_ends_at").unwrap().data_type(), &utc);
}

#[test]
fn journey_toml_knows_each_touchpoint_and_its_stage() {
    let spec: toml::Table = JOURNEY_TOML.parse().unwrap();
    let described: Vec<(&str, &str)> = spec["touchpoint"]
        .as_array()
        .unwrap()
        .iter()
        .map(|touchpoint| {
            (
                touchpoint["name"].as_str().unwrap(),
                touchpoint["stage"].as_str().unwrap(),
            )
        })
        .collect();
    let ours: Vec<(&str, &str)> = Touchpoint::ALL
        .iter()
        .map(|touchpoint| (touchpoint.name(), touchpoint.stage().name()))
        .collect();
    assert_eq!(described, ours);
    let mut order: Vec<&str> = spec["stages"]["order"]
        .as_array()
        .unwrap()
        .iter()
        .map(|stage| stage.as_str().unwrap())
        .collect();
    order.push(spec["stages"]["leaving"].as_str().unwrap());
    assert_eq!(order, Stage::ALL.iter().map(|stage| stage.name()).collect::<Vec<_>>());
}

#[test]
fn a_directory_that_cannot_be_made_is_named_in_the_error() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "in the way").unwrap();
    let error = simulate(&file.join("below"), MarketSettings { customers: 1, seed: 1 }).unwrap_err();
    assert!(
        matches!(&error, Error::CreateDir { path, .. } if path.ends_with("below")),
        "{error}"
    );
}

#[test]
fn an_empty_market_is_a_file_without_rows_and_nothing_partial_stays() {
    let dir = tempfile::tempdir().unwrap();
    let written = simulate(dir.path(), MarketSettings { customers: 0, seed: 1 }).unwrap();
    assert_eq!((written.n_events, rows(&written.events_path).num_rows()), (0, 0));
    assert_eq!((written.n_decisions, rows(&written.decisions_path).num_rows()), (0, 0));
    let mut names: Vec<_> = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["decisions.parquet", "events.parquet", "journey.toml"]);
}

#[test]
fn customer_zero_of_seed_one_is_who_it_was() {
    // Written once: where this changes, every number measured on the market changes with it.
    let market = Market::new(MarketSettings { customers: 1, seed: 1 });
    let journey = market.journey(0);
    let first: Vec<(i64, &str)> = journey
        .events
        .iter()
        .take(5)
        .map(|event| (event.at, event.touchpoint))
        .collect();
    assert_eq!(
        first,
        [
            (1_749_479_448_000_000, "store_visit"),
            (1_749_718_294_000_000, "store_visit"),
            (1_750_324_908_000_000, "mail_offer"),
            (1_753_100_258_000_000, "site_visit"),
            (1_754_995_564_000_000, "purchase"),
        ]
    );
    let (day, inputs) = market.hazard_path(0).pop().unwrap();
    assert_eq!(
        (day, inputs.satisfaction.to_bits()),
        (730, (-0.295_773_887_769_213_54_f64).to_bits())
    );
    assert_eq!(market.instant_hazard(0, 730), Some(inputs.hazard()));
}
