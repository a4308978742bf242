//! Journeys by chance, a model that hears every feature, and a server over both.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ndarray::Array2;
use percorso_artefact::{Header, Label, Registry};
use percorso_churn::ChurnHead;
use percorso_features::{Catalogue, EncodedColumn, Encoder, FeatureRow};
use percorso_journey::{
    AttributeValue, CustomerKey, History, JourneyState, KeySecret, LoggedEvent, MICROS_PER_DAY, RawEvent, Spec,
    TimeGrid, text,
};
use percorso_learners::{Band, Bootstrap, Calibrator, Column, Learner, Linear, OutOfFold, PurchaseModel, TrainingSet};
use percorso_next_action::decide::Ledger;
use percorso_next_stage::{Calibrated, NextStageHead, Trust};
use percorso_proto::v1;
use percorso_proto::v1::attribute_value::Value;
use percorso_scoring::{Parts, ScoringModel};
use percorso_serving::{AccountsSettings, Clock, Reflection, Server, Settings, Store};

/// The tests' now.
pub(crate) const TODAY: i64 = 120;

pub(crate) fn spec() -> Arc<Spec> {
    Arc::new(Spec::parse(text::SMALL_SPEC).unwrap())
}

/// The same business, with something to do: a call for who is loyal, and a postcard for everyone.
pub(crate) fn spec_with_actions() -> Arc<Spec> {
    spec_with_call("")
}

/// The same, with more said of the call.
pub(crate) fn spec_with_call(more: &str) -> Arc<Spec> {
    let actions = r#"
[decisions]
contacts = { times = 2, days = 30 }
fallback = "postcard"

[[action]]
name = "call"
text = "call_text"
channel = "shop"
cost = 2.0
consent = "loyal"
daily_capacity = 3
prior = { gain = 10.0 }

[[action]]
name = "postcard"
channel = "mail"
cost = 1.0
prior = { gain = 4.0 }
"#;
    let actions = actions.replace("daily_capacity = 3", &format!("daily_capacity = 3\n{more}"));
    Arc::new(Spec::parse(&format!("{}{actions}", text::SMALL_SPEC)).unwrap())
}

pub(crate) fn secret() -> KeySecret {
    KeySecret::new(&[5; 32])
}

pub(crate) fn clock() -> Clock {
    Arc::new(|| text::day(TODAY))
}

/// Chance from a seed (splitmix64).
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub(crate) fn shuffle<T>(&mut self, list: &mut [T]) {
        for at in (1..list.len()).rev() {
            list.swap(at, self.below(at + 1));
        }
    }
}

/// An event before anyone has read it: told to the wire and to the batch in their own ways.
#[derive(Clone, Debug, Default)]
pub(crate) struct Happening {
    pub(crate) event_id: String,
    pub(crate) at: i64,
    pub(crate) touchpoint: &'static str,
    pub(crate) channel: Option<&'static str>,
    pub(crate) value: Option<f64>,
    pub(crate) feedback_score: Option<f64>,
    pub(crate) feedback_text: Option<&'static str>,
    pub(crate) age: Option<f64>,
    pub(crate) region: Option<&'static str>,
    pub(crate) contract_ends_at: Option<i64>,
    pub(crate) loyal: Option<bool>,
}

/// A plain event.
pub(crate) fn visit(event_id: &str, day: f64) -> Happening {
    happening(event_id, "visit", day)
}

pub(crate) fn happening(event_id: &str, touchpoint: &'static str, day: f64) -> Happening {
    let at = text::day(0).micros() + (day * MICROS_PER_DAY as f64) as i64;
    Happening {
        event_id: event_id.to_owned(),
        at,
        touchpoint,
        ..Happening::default()
    }
}

impl Happening {
    pub(crate) fn logged(&self, spec: &Spec) -> LoggedEvent {
        let named = |name: &str| spec.attribute_named(name).unwrap();
        let mut attributes = Vec::new();
        attributes.extend(self.age.map(|age| (named("age"), AttributeValue::Number(age))));
        attributes.extend(
            self.region
                .map(|region| (named("region"), AttributeValue::Text(region))),
        );
        attributes.extend(
            self.contract_ends_at
                .map(|at| (named("contract_ends_at"), AttributeValue::Timestamp(at))),
        );
        attributes.extend(self.loyal.map(|loyal| (named("loyal"), AttributeValue::Flag(loyal))));
        attributes.sort_by_key(|&(position, _)| position);
        let raw = RawEvent {
            at: self.at,
            touchpoint: self.touchpoint,
            channel: self.channel,
            value: self.value,
            feedback_score: self.feedback_score,
            has_feedback_text: self.feedback_text.is_some(),
            attributes,
            ..RawEvent::default()
        };
        LoggedEvent {
            event_id: self.event_id.clone(),
            event: spec.resolve(&raw).unwrap(),
        }
    }

    pub(crate) fn wire(&self) -> v1::Event {
        let mut attributes = HashMap::new();
        let mut set = |name: &str, value: Option<Value>| {
            if value.is_some() {
                attributes.insert(name.to_owned(), v1::AttributeValue { value });
            }
        };
        set("age", self.age.map(Value::Number));
        set("region", self.region.map(|region| Value::Category(region.to_owned())));
        set(
            "contract_ends_at",
            self.contract_ends_at.map(|at| Value::Timestamp(wire_time(at))),
        );
        set("loyal", self.loyal.map(Value::Flag));
        v1::Event {
            event_id: self.event_id.clone(),
            at: Some(wire_time(self.at)),
            touchpoint: self.touchpoint.to_owned(),
            channel: self.channel.map(str::to_owned),
            value: self.value,
            feedback_score: self.feedback_score,
            feedback_text: self.feedback_text.map(str::to_owned),
            attributes,
            ..v1::Event::default()
        }
    }
}

pub(crate) fn wire_time(micros: i64) -> prost_types::Timestamp {
    let nanos = (micros.rem_euclid(1_000_000) * 1_000) as i32;
    prost_types::Timestamp {
        seconds: micros.div_euclid(1_000_000),
        nanos,
    }
}

/// A journey by chance, in order, within the days `0..100`; the last 25 days of it lie within the allowed lateness.
pub(crate) fn journey(seed: u64, n_events: usize) -> Vec<Happening> {
    let mut chance = Chance(seed);
    let mut days: Vec<f64> = (0..n_events).map(|_| chance.below(10_000) as f64 / 100.0).collect();
    days.sort_by(f64::total_cmp);
    let touchpoints = ["visit", "offer", "accepted", "purchase", "renewal", "visit"];
    let one = |(at, day): (usize, f64)| {
        let touchpoint = if at == 0 {
            "purchase"
        } else {
            touchpoints[chance.below(touchpoints.len())]
        };
        let mut happening = happening(&format!("e{seed}-{at}"), touchpoint, day);
        happening.channel = [None, Some("web"), Some("mail"), Some("shop")][chance.below(4)];
        happening.value = (touchpoint == "purchase").then(|| chance.below(5_000) as f64 / 7.0);
        happening.feedback_score = (chance.below(5) == 0).then(|| chance.below(6) as f64);
        happening.feedback_text = (chance.below(9) == 0).then_some("very good");
        happening.age = (chance.below(4) == 0).then(|| 18.0 + chance.below(60) as f64);
        happening.region = (chance.below(4) == 0).then(|| ["Liguria", "Lazio", "Puglia"][chance.below(3)]);
        happening.contract_ends_at =
            (chance.below(3) == 0).then(|| text::day(TODAY + chance.below(60) as i64).micros());
        happening.loyal = (chance.below(6) == 0).then(|| chance.below(2) == 0);
        happening
    };
    days.into_iter().enumerate().map(one).collect()
}

pub(crate) fn history(spec: &Arc<Spec>, journey: &[Happening]) -> History {
    let base = JourneyState::new(Arc::clone(spec));
    History::resume(base, journey.iter().map(|happening| happening.logged(spec)).collect()).unwrap()
}

/// A store of these customers, settled as `percorso load` settles them.
pub(crate) fn load(dir: &Path, spec: &Arc<Spec>, customers: &[(String, Vec<Happening>)]) -> percorso_serving::Loaded {
    let mut loader = Store::create(dir, spec, text::day(TODAY)).unwrap();
    let mut customers: Vec<(CustomerKey, &[Happening])> = customers
        .iter()
        .map(|(id, journey)| (secret().key_of(id), journey.as_slice()))
        .collect();
    customers.sort_by_key(|&(key, _)| key);
    for (key, journey) in customers {
        let mut history = history(spec, journey);
        history.settle();
        let log: Vec<Vec<u8>> = history.log().iter().map(LoggedEvent::to_bytes).collect();
        let events: Vec<LoggedEvent> = journey.iter().map(|happening| happening.logged(spec)).collect();
        let contacts = Ledger::loaded(spec, &events);
        loader.put(key, &history.base().to_bytes(), &log, contacts).unwrap();
    }
    loader.finish().unwrap()
}

/// Publishes a model of linear learners over every feature, and makes it champion.
pub(crate) fn publish_model(registry: &Registry, spec: &Arc<Spec>, seed: u64) -> String {
    let id = registry.publish(&model_bytes(spec, seed)).unwrap();
    registry.promote(&id, Label::Champion).unwrap();
    id.to_string()
}

pub(crate) fn model_bytes(spec: &Arc<Spec>, seed: u64) -> Vec<u8> {
    let catalogue = Catalogue::of(spec);
    let mut chance = Chance(seed);
    let mut row = FeatureRow::default();
    let rows: Vec<Vec<f64>> = (0..400)
        .map(|customer| {
            let history = history(spec, &journey(1_000 + customer, 3 + chance.below(30)));
            catalogue
                .row_into(history.state(), text::day(101 + chance.below(40) as i64), &mut row)
                .unwrap();
            row.cells().to_vec()
        })
        .collect();
    let encoder = Encoder::fit(
        &catalogue,
        rows.iter().zip(0..),
        |feature, id| format!("{feature}/{}", id.number()),
        10,
    );
    let names = catalogue.features().map(|feature| feature.name.clone());
    let column = |(name, column)| match column {
        EncodedColumn::Number => Column::number(name),
        EncodedColumn::Category { cardinality } => Column::category(name, cardinality),
    };
    let columns: Vec<Column> = names.zip(encoder.columns()).map(column).collect();
    let mut x = Array2::zeros((rows.len(), columns.len()));
    for (row, mut cells) in rows.iter().zip(x.outer_iter_mut()) {
        encoder.encode(row, cells.as_slice_mut().unwrap());
    }
    let customers: Vec<u64> = (0..rows.len() as u64).collect();
    let mut fit = |n_classes: usize| {
        let y: Vec<u32> = (0..rows.len()).map(|_| chance.below(n_classes) as u32).collect();
        let set = TrainingSet::new(x.view(), &columns, &y, n_classes, &customers).unwrap();
        (Learner::Linear(Linear::default()).fit(&set, seed).unwrap(), y)
    };
    let churn = (0..spec.churn_targets().len()).map(|_| {
        let (learned, y) = fit(2);
        let p: Vec<f64> = learned.predict(&x.view()).column(1).to_vec();
        let rows = OutOfFold {
            p: &p,
            y: &y,
            customers: &customers,
            origins: &customers,
        };
        let band = Band::fit(
            &rows,
            &Bootstrap {
                level: 0.9,
                ..Bootstrap::seeded(seed)
            },
        )
        .unwrap();
        Some(ChurnHead::new(learned, Calibrator::Identity, band).unwrap())
    });
    let churn = churn.collect();
    let grid = TimeGrid::new(&[1.0, 7.0, 30.0]).unwrap();
    let [coming, stage] = [2, spec.stages().len()].map(|n_classes| Calibrated::as_it_is(fit(n_classes).0));
    let next_stage = NextStageHead::new(coming, stage, grid, Trust::none()).unwrap();
    ScoringModel::seal(
        spec,
        &Parts {
            encoder,
            churn,
            next_stage,
            purchases: Some(PurchaseModel::CDNOW),
            actions: None,
        },
        Header::default(),
    )
    .unwrap()
}

/// The model that a registry's champion is.
pub(crate) fn open_model(registry: &Registry, spec: &Arc<Spec>) -> ScoringModel {
    let id = registry.resolve("champion").unwrap();
    ScoringModel::open(spec, &registry.open(&id).unwrap(), id.to_string()).unwrap()
}

/// A server in this process, over a folder of its own.
pub(crate) struct Running {
    pub(crate) address: String,
    pub(crate) dir: PathBuf,
    pub(crate) service: Arc<percorso_serving::ScoringService>,
    pub(crate) page_entry: Option<String>,
    stop: tokio::sync::oneshot::Sender<()>,
    task: tokio::task::JoinHandle<Result<(), percorso_serving::ServeError>>,
}

pub(crate) fn settings(dir: &Path) -> Settings {
    Settings {
        address: "127.0.0.1:0".parse().unwrap(),
        store: dir.join("store"),
        models: dir.join("models"),
        model: "champion".to_owned(),
        policy: "policy".to_owned(),
        secret: secret(),
        spec: spec(),
        clock: clock(),
        reflection: Reflection::On,
        cached_customers: 1_024,
        look_every: Duration::from_secs(3_600),
        accounts: AccountsSettings::default(),
        page: None,
        page_user_header: None,
    }
}

impl Running {
    pub(crate) async fn start(dir: &Path) -> Self {
        Self::with(dir, settings(dir)).await
    }

    pub(crate) async fn with(dir: &Path, settings: Settings) -> Self {
        let server = Server::bind(settings).await.unwrap();
        let address = format!("http://{}", server.address());
        let service = Arc::clone(server.service());
        let page_entry = server.page_entry().map(str::to_owned);
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let task = tokio::spawn(server.run(async move {
            let _ = stopped.await;
        }));
        Self {
            address,
            dir: dir.to_owned(),
            service,
            page_entry,
            stop,
            task,
        }
    }

    pub(crate) async fn stop(self) {
        drop(self.service);
        let _ = self.stop.send(());
        self.task.await.unwrap().unwrap();
    }
}
