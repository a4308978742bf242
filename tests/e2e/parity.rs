//! The score file and the service say the same, to the bit: by id, inline, after loading, after streaming.

use std::collections::BTreeMap;
use std::path::Path;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, TimestampMicrosecondType};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use percorso_proto::v1::journeys_client::JourneysClient;
use percorso_proto::v1::score_request::Customer;
use percorso_proto::v1::scoring_client::ScoringClient;
use percorso_proto::v1::{
    AttributeValue, CustomerEvent, Event, EventOutcome, IngestEventsRequest, InlineJourney, ScoreReply, ScoreRequest,
    attribute_value,
};
use tonic::transport::Channel;

use crate::cli::{Market, Served, copy, printed, text};

/// Bits of every probability and value at risk, by column name of the score file.
type Bits = BTreeMap<String, u64>;

#[test]
fn the_file_and_the_service_agree_to_the_bit() {
    let market = Market::shared();
    let filed = score_file(&market.run());
    let events = market_events(&market.market());
    let served = Served::start(&market.run());
    runtime().block_on(async {
        let mut scoring = scoring(&served).await;
        for (customer, (as_of, bits)) in filed.iter().take(150) {
            let by_id = score(&mut scoring, Customer::CustomerId(customer.clone()), *as_of).await;
            assert_eq!(reply_bits(&by_id), *bits, "by id");
            let inline = InlineJourney {
                events: events[customer].clone(),
            };
            let inline = score(&mut scoring, Customer::Journey(inline), *as_of).await;
            assert_eq!(reply_bits(&inline), *bits, "inline");
        }
    });
}

#[test]
fn streaming_the_last_weeks_says_the_same_as_loading_them() {
    let market = Market::shared();
    let filed = score_file(&market.run());
    let events = market_events(&market.market());
    let last_at = events
        .values()
        .flatten()
        .map(|event| micros(event.at))
        .max()
        .expect("events");
    let cut = last_at - 20 * 86_400_000_000;

    // A second run that saw only what came before the cut, with the same key and models.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (early_market, run) = (folder.path().join("market"), folder.path().join("run"));
    std::fs::create_dir_all(&early_market).expect("a folder can be made");
    for name in ["journey.toml", "decisions.parquet"] {
        std::fs::copy(market.market().join(name), early_market.join(name)).expect("copied");
    }
    keep_before(
        &market.market().join("events.parquet"),
        &early_market.join("events.parquet"),
        cut,
    );
    copy(&market.run().join("models"), &run.join("models"));
    std::fs::copy(market.run().join("customer.key"), run.join("customer.key")).expect("copied");
    printed(&[
        "ingest",
        "--journey",
        text(&early_market.join("journey.toml")),
        "--run",
        text(&run),
    ]);
    printed(&["load", "--run", text(&run)]);

    let served = Served::start(&run);
    let streamed: Vec<CustomerEvent> = events
        .iter()
        .flat_map(|(customer, events)| events.iter().map(move |event| (customer, event)))
        .filter(|(_, event)| micros(event.at) >= cut)
        .map(|(customer, event)| CustomerEvent {
            customer_id: customer.clone(),
            event: Some(event.clone()),
        })
        .collect();
    assert!(streamed.len() > 100, "{} events to stream", streamed.len());
    runtime().block_on(async {
        let channel = channel(&served).await;
        let mut journeys = JourneysClient::new(channel);
        // Latest first: every event but a customer's last comes late and is put in its place.
        let mut late_first = streamed.clone();
        late_first.reverse();
        for events in late_first.chunks(500) {
            let request = IngestEventsRequest {
                request_id: "parity".to_owned(),
                events: events.to_vec(),
            };
            let reply = journeys.ingest_events(request).await.expect("taken in").into_inner();
            assert!(reply.outcomes().all(|outcome| outcome == EventOutcome::Accepted));
        }
        let again = IngestEventsRequest {
            request_id: "again".to_owned(),
            events: streamed[..50].to_vec(),
        };
        let reply = journeys.ingest_events(again).await.expect("taken in").into_inner();
        assert!(reply.outcomes().all(|outcome| outcome == EventOutcome::Duplicate));
        let mut scoring = scoring(&served).await;
        for (customer, (as_of, bits)) in &filed {
            let by_id = score(&mut scoring, Customer::CustomerId(customer.clone()), *as_of).await;
            assert_eq!(reply_bits(&by_id), *bits, "after streaming");
        }
    });
}

/// Keeps the rows of a market's events before a time.
fn keep_before(from: &Path, to: &Path, cut: i64) {
    let kept: Vec<RecordBatch> = batches(from)
        .map(|batch| {
            let at = batch
                .column_by_name("at")
                .expect("events have a time")
                .as_primitive::<TimestampMicrosecondType>();
            let is_early: arrow::array::BooleanArray = at.iter().map(|at| at.map(|at| at < cut)).collect();
            arrow::compute::filter_record_batch(&batch, &is_early).expect("a mask of the batch's length")
        })
        .collect();
    let file = std::fs::File::create(to).expect("a file can be made");
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, kept[0].schema(), None).expect("a writer");
    kept.iter().for_each(|batch| writer.write(batch).expect("written"));
    writer.close().expect("written");
}

/// Every scored customer's cut-off and bits, by id.
fn score_file(run: &Path) -> BTreeMap<String, (i64, Bits)> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("scores.parquet");
    printed(&["score", "--run", text(run), "--reveal", "--output", text(&path)]);
    let mut scores: BTreeMap<String, (i64, Bits)> = BTreeMap::new();
    for batch in batches(&path) {
        let schema = batch.schema();
        let ids = batch
            .column_by_name("customer_id")
            .expect("revealed")
            .as_string::<i32>();
        let as_of = batch
            .column_by_name("as_of")
            .expect("a cut-off")
            .as_primitive::<TimestampMicrosecondType>();
        for row in 0..batch.num_rows() {
            let told = schema.fields().iter().zip(batch.columns()).filter(|(field, column)| {
                let is_told = column.data_type() == &arrow::datatypes::DataType::Float64
                    && ["churn_", "next_stage_", "next_median_", "likeliest_"]
                        .iter()
                        .any(|named| field.name().starts_with(named));
                is_told && column.is_valid(row)
            });
            let bits = told.map(|(field, column)| {
                (
                    field.name().clone(),
                    column.as_primitive::<Float64Type>().value(row).to_bits(),
                )
            });
            let lists = schema.fields().iter().zip(batch.columns());
            let lists = lists.filter(|(field, _)| field.name().starts_with("incidence_"));
            let listed = lists.flat_map(|(field, column)| {
                let numbers = column.as_list::<i32>().value(row);
                let numbers = numbers.as_primitive::<Float64Type>().values().to_vec();
                let name = |at| format!("{}[{at}]", field.name());
                (0..)
                    .zip(numbers)
                    .map(move |(at, n)| (name(at), n.to_bits()))
                    .collect::<Vec<_>>()
            });
            let possible = batch.column_by_name("possible_next_stages").expect("a set");
            let possible = possible.as_list::<i32>().value(row);
            let possible = possible
                .as_string::<i32>()
                .iter()
                .flatten()
                .map(is_possible)
                .collect::<Vec<_>>();
            scores.insert(
                ids.value(row).to_owned(),
                (as_of.value(row), bits.chain(listed).chain(possible).collect()),
            );
        }
    }
    assert!(scores.len() > 100, "{} customers scored", scores.len());
    let n_at_risk = scores
        .values()
        .filter(|(_, bits)| bits.contains_key("churn_left_30d_value_at_risk"));
    assert!(2 * n_at_risk.count() > scores.len(), "most have bought");
    scores
}

/// That a stage is in the set of those that may come.
fn is_possible(stage: &str) -> (String, u64) {
    (format!("possible_{stage}"), 1)
}

fn reply_bits(reply: &ScoreReply) -> Bits {
    let churn = reply.churn.iter().flat_map(|score| {
        let name = format!("churn_{}_{}d", score.definition, score.horizon_days);
        let value_at_risk = score
            .value_at_risk
            .map(|value| (format!("{name}_value_at_risk"), value.to_bits()));
        let told = [
            (format!("{name}_low"), score.low.to_bits()),
            (format!("{name}_high"), score.high.to_bits()),
            (name, score.probability.to_bits()),
        ];
        told.into_iter().chain(value_at_risk)
    });
    let next_stage = reply.next_stage.iter().flat_map(|next| &next.stages);
    let next_stage = next_stage.map(|stage| (format!("next_stage_{}", stage.stage), stage.probability.to_bits()));
    let listed = |name: String, numbers: &[f64]| -> Vec<(String, u64)> {
        let of = |(at, n): (usize, &f64)| (format!("{name}[{at}]"), n.to_bits());
        numbers.iter().enumerate().map(of).collect()
    };
    let incidence = reply.next_stage.iter().flat_map(|next| {
        let of_stage = next
            .stages
            .iter()
            .flat_map(|stage| listed(format!("incidence_{}", stage.stage), &stage.incidence));
        let median = next
            .median_days
            .map(|days| ("next_median_days".to_owned(), days.to_bits()));
        of_stage
            .chain(listed("incidence_days".to_owned(), &next.days))
            .chain(median)
            .chain(
                next.stages
                    .iter()
                    .filter(|stage| stage.is_possible)
                    .map(|stage| is_possible(&stage.stage)),
            )
            .chain([
                ("likeliest_next_stage_low".to_owned(), next.likeliest_low.to_bits()),
                ("likeliest_next_stage_high".to_owned(), next.likeliest_high.to_bits()),
            ])
            .collect::<Vec<_>>()
    });
    churn.chain(next_stage).chain(incidence).collect()
}

/// The market's events as the wire wants them, by customer.
fn market_events(market: &Path) -> BTreeMap<String, Vec<Event>> {
    let mut events: BTreeMap<String, Vec<Event>> = BTreeMap::new();
    for batch in batches(&market.join("events.parquet")) {
        let text_at = |name: &str, row: usize| {
            let texts = batch
                .column_by_name(name)
                .expect("a contract column")
                .as_string::<i32>();
            texts.is_valid(row).then(|| texts.value(row).to_owned())
        };
        let number_at = |name: &str, row: usize| {
            let numbers = batch
                .column_by_name(name)
                .expect("a contract column")
                .as_primitive::<Float64Type>();
            numbers.is_valid(row).then(|| numbers.value(row))
        };
        let time_at = |name: &str, row: usize| {
            let times = batch
                .column_by_name(name)
                .expect("a contract column")
                .as_primitive::<TimestampMicrosecondType>();
            times.is_valid(row).then(|| stamp(times.value(row)))
        };
        let flags = batch.column_by_name("loyalty").expect("an attribute").as_boolean();
        for row in 0..batch.num_rows() {
            use attribute_value::Value;
            let attributes = [
                ("audience", text_at("audience", row).map(Value::Category)),
                ("product", text_at("product", row).map(Value::Category)),
                ("region", text_at("region", row).map(Value::Category)),
                ("age", number_at("age", row).map(Value::Number)),
                (
                    "price_sensitivity",
                    number_at("price_sensitivity", row).map(Value::Number),
                ),
                (
                    "contract_ends_at",
                    time_at("contract_ends_at", row).map(Value::Timestamp),
                ),
                ("loyalty", flags.is_valid(row).then(|| Value::Flag(flags.value(row)))),
            ];
            let attributes = attributes.into_iter().filter_map(|(name, value)| {
                value.map(|value| (name.to_owned(), AttributeValue { value: Some(value) }))
            });
            let event = Event {
                event_id: text_at("event_id", row).expect("the market gives ids"),
                at: time_at("at", row),
                sequence: 0,
                touchpoint: text_at("touchpoint", row).expect("required"),
                channel: text_at("channel", row),
                stage: None,
                value: number_at("value", row),
                feedback_score: number_at("feedback_score", row),
                feedback_text: text_at("feedback_text", row),
                action_id: text_at("action_id", row),
                decision_id: text_at("decision_id", row),
                propensity: number_at("propensity", row),
                attributes: attributes.collect(),
            };
            events
                .entry(text_at("customer_id", row).expect("required"))
                .or_default()
                .push(event);
        }
    }
    events
}

pub(crate) fn batches(path: &Path) -> impl Iterator<Item = RecordBatch> {
    let file = std::fs::File::open(path).expect("a file to read");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)
        .expect("a Parquet file")
        .build()
        .expect("a reader");
    reader.map(|batch| batch.expect("a readable batch"))
}

fn stamp(micros: i64) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: micros.div_euclid(1_000_000),
        nanos: (micros.rem_euclid(1_000_000) * 1_000) as i32,
    }
}

pub(crate) fn micros(at: Option<prost_types::Timestamp>) -> i64 {
    at.map(|at| at.seconds * 1_000_000 + i64::from(at.nanos) / 1_000)
        .expect("every event has a time")
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

pub(crate) async fn channel(served: &Served) -> Channel {
    let address = format!("http://{}", served.address);
    Channel::from_shared(address)
        .expect("an address")
        .connect()
        .await
        .expect("it listens")
}

async fn scoring(served: &Served) -> ScoringClient<Channel> {
    ScoringClient::new(channel(served).await)
}

async fn score(scoring: &mut ScoringClient<Channel>, customer: Customer, as_of: i64) -> ScoreReply {
    let request = ScoreRequest {
        request_id: "parity".to_owned(),
        customer: Some(customer),
        as_of: Some(stamp(as_of)),
        top_reasons: 0,
        language: String::new(),
    };
    scoring.score(request).await.expect("a score").into_inner()
}
