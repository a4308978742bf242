//! What the score file recommends and what the service recommends are the same, to the bit.

use std::collections::BTreeMap;
use std::path::Path;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float64Type, TimestampMicrosecondType};
use percorso_proto::v1::decisions_client::DecisionsClient;
use percorso_proto::v1::{Policy, RecommendRequest, Recommendation};

use crate::cli::{Market, Served, copy, printed, text};
use crate::parity::{batches, channel, micros, runtime};

/// Noon, when nobody is to be left in peace.
const AS_OF: &str = "2025-12-31T12:00:00Z";
const AS_OF_SECONDS: i64 = 1_767_182_400;

/// What to do, the bits of its gain, until when, what must not be done and why, and when and where the customer mostly is.
type Told = (String, u64, Option<i64>, Vec<String>, Option<String>, Option<String>);

#[test]
fn the_list_and_the_service_recommend_the_same() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    copy(&Market::shared().run(), folder.path());
    let filed = filed(folder.path());
    let served = Served::with(folder.path(), &["--policy", "champion"]);
    let mut n_done = 0;
    runtime().block_on(async {
        let mut decisions = DecisionsClient::new(channel(&served).await);
        for (customer, told) in &filed {
            let request = RecommendRequest {
                customer_id: customer.clone(),
                dry_run: true,
                as_of: Some(prost_types::Timestamp {
                    seconds: AS_OF_SECONDS,
                    nanos: 0,
                }),
                ..RecommendRequest::default()
            };
            let reply = decisions.recommend(request).await.expect("an answer").into_inner();
            assert_eq!(reply.policy(), Policy::Learnt);
            n_done += usize::from(reply.action != "nothing");
            assert_eq!(of_reply(reply), *told);
        }
    });
    assert!(
        filed.len() > 100 && n_done > 0,
        "{} customers, {n_done} with something to do",
        filed.len()
    );
}

fn of_reply(reply: Recommendation) -> Told {
    let dropped = reply.dropped.iter();
    let hours = reply.best_hours.map(|hours| format!("{}-{}", hours.from, hours.until));
    (
        reply.action,
        reply.gain.to_bits(),
        reply.act_by.map(|at| micros(Some(at))),
        dropped
            .map(|dropped| format!("{}: {}", dropped.action, dropped.why))
            .collect(),
        hours,
        (!reply.usual_channel.is_empty()).then_some(reply.usual_channel),
    )
}

/// What the score file says of each customer.
fn filed(run: &Path) -> BTreeMap<String, Told> {
    let path = run.join("noon.parquet");
    printed(&[
        "score",
        "--run",
        text(run),
        "--as-of",
        AS_OF,
        "--reveal",
        "--output",
        text(&path),
    ]);
    let mut told = BTreeMap::new();
    for batch in batches(&path) {
        let column = |name: &str| batch.column_by_name(name).expect("the score file has it");
        let customers = column("customer_id").as_string::<i32>();
        let actions = column("next_action").as_string::<i32>();
        let gains = column("next_action_gain").as_primitive::<Float64Type>();
        let act_by = column("next_action_act_by").as_primitive::<TimestampMicrosecondType>();
        let dropped = column("next_action_dropped").as_list::<i32>();
        let [hours, channels] = ["next_action_best_hours", "usual_channel"].map(|name| column(name).as_string::<i32>());
        for row in 0..batch.num_rows() {
            let dropped = dropped.value(row);
            let dropped = dropped.as_string::<i32>().iter().flatten().map(str::to_owned);
            let of_row = (
                actions.value(row).to_owned(),
                gains.value(row).to_bits(),
                act_by.is_valid(row).then(|| act_by.value(row)),
                dropped.collect(),
                hours.is_valid(row).then(|| hours.value(row).to_owned()),
                channels.is_valid(row).then(|| channels.value(row).to_owned()),
            );
            told.insert(customers.value(row).to_owned(), of_row);
        }
    }
    told
}
