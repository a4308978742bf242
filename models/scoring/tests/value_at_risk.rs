//! Value at risk as read off a state: what it is made of, what it follows, and where it is not told.
#![cfg(feature = "fit")]
#![allow(missing_docs, clippy::unwrap_used)]

use std::sync::Arc;

use ndarray::Array2;
use percorso_artefact::{Artefact, Header};
use percorso_churn::ChurnHead;
use percorso_features::{Catalogue, Encoder};
use percorso_journey::{JourneyState, Spec, TimeGrid, text};
use percorso_learners::{
    Band, Bootstrap, Calibrator, Column, Learned, Learner, OutOfFold, Prevalence, PurchaseModel, Purchases, Spending,
    TrainingSet,
};
use percorso_next_stage::{Calibrated, NextStageHead, Trust};
use percorso_scoring::{Body, Parts, Scores, ScoringModel, Scratch, bought};

const CDNOW: PurchaseModel = PurchaseModel::CDNOW;

fn spec() -> Arc<Spec> {
    Arc::new(Spec::parse(text::SMALL_SPEC).unwrap())
}

fn state(journey: &str) -> JourneyState {
    let mut state = JourneyState::new(spec());
    for event in text::journey(&spec(), journey).unwrap() {
        state.observe(&event).unwrap();
    }
    state
}

/// The prevalence of so many leavers among a hundred, or of the first class of `n_classes`.
fn prevalence(n_leavers: u32, n_classes: usize) -> (Learned, Vec<u32>) {
    let x = Array2::<f32>::zeros((100, 1));
    let y: Vec<u32> = (0..100).map(|row| u32::from(row < n_leavers)).collect();
    let customers: Vec<u64> = (0..100).collect();
    let columns = [Column::number("nothing")];
    let set = TrainingSet::new(x.view(), &columns, &y, n_classes, &customers).unwrap();
    (Learner::Prevalence(Prevalence).fit(&set, 1).unwrap(), y)
}

fn sealed(n_leavers: u32, purchases: Option<PurchaseModel>) -> Vec<u8> {
    let spec = spec();
    let customers: Vec<u64> = (0..100).collect();
    let head = || {
        let (learned, y) = prevalence(n_leavers, 2);
        let rows = OutOfFold {
            p: &vec![f64::from(n_leavers) / 100.0; 100],
            y: &y,
            customers: &customers,
            origins: &[0; 100],
        };
        let band = Band::fit(&rows, &Bootstrap::seeded(1)).unwrap();
        Some(ChurnHead::new(learned, Calibrator::Identity, band).unwrap())
    };
    let catalogue = Catalogue::of(&spec);
    let row = vec![0.0; catalogue.len()];
    let parts = Parts {
        encoder: Encoder::fit(&catalogue, [(&row, 0)].into_iter(), |_, _| String::new(), 10),
        churn: spec.churn_targets().iter().map(|_| head()).collect(),
        next_stage: NextStageHead::new(
            Calibrated::as_it_is(prevalence(30, 2).0),
            Calibrated::as_it_is(prevalence(1, spec.stages().len()).0),
            TimeGrid::new(&[1.0, 7.0]).unwrap(),
            Trust::none(),
        )
        .unwrap(),
        purchases,
        actions: None,
    };
    ScoringModel::seal(&spec, &parts, Header::default()).unwrap()
}

fn scores(n_leavers: u32, purchases: Option<PurchaseModel>, journey: &str, as_of_day: i64) -> Scores {
    let artefact = Artefact::open(&sealed(n_leavers, purchases)).unwrap();
    let model = ScoringModel::open(&spec(), &artefact, "test").unwrap();
    model
        .score(&state(journey), text::day(as_of_day), &mut Scratch::default())
        .unwrap()
}

/// Of leaving within 30 days and of buying nothing for 90.
fn at_risk(n_leavers: u32, journey: &str, as_of_day: i64) -> (f64, f64) {
    let told = scores(n_leavers, Some(CDNOW), journey, as_of_day).value_at_risk;
    (told[0].unwrap(), told[1].unwrap())
}

const SHOPPER: &str = "purchase@0d=20 purchase@0.5d=10 visit@3d=99 purchase@14d=60 renewal@35d=30";

#[test]
fn what_was_bought_is_counted_in_days_and_told_in_weeks() {
    let found = bought(&state(SHOPPER), text::day(49)).unwrap();
    let purchases = Purchases {
        frequency: 2,
        recency: 5.0,
        age: 7.0,
    };
    let spending = Spending {
        frequency: 3,
        mean_value: 40.0,
    };
    assert_eq!((found.purchases, found.spending), (purchases, spending));
    assert_eq!(bought(&state("visit@0d=20"), text::day(49)), None);
}

#[test]
fn value_at_risk_is_the_probability_times_what_is_expected_of_one_who_stays() {
    let scores = scores(40, Some(CDNOW), SHOPPER, 49);
    let bought = bought(&state(SHOPPER), text::day(49)).unwrap();
    for (target, horizon_days) in [(0, 30.0), (1, 90.0)] {
        let purchases = CDNOW
            .counts
            .expected_purchases_if_alive(&bought.purchases, horizon_days / 7.0);
        let if_staying = purchases * CDNOW.values.expected_value(&bought.spending);
        let expected = scores.churn[target].unwrap().probability * if_staying;
        let found = scores.value_at_risk[target].unwrap();
        assert!((found / expected - 1.0).abs() < 1e-12, "{found}, {expected}");
    }
    assert_eq!(scores.value_at_risk[2], None, "no contract, so nothing to lose by it");
}

#[test]
fn value_at_risk_rises_with_churn_value_and_horizon() {
    let risks = [1, 5, 20, 60, 99].map(|n_leavers| at_risk(n_leavers, SHOPPER, 49));
    assert!(
        risks.is_sorted_by(|low, high| low.0 < high.0 && low.1 < high.1),
        "{risks:?}"
    );
    assert!(risks.iter().all(|(days_30, days_90)| days_30 < days_90), "{risks:?}");
    let values = ["0.01", "1", "20", "500"].map(|value| {
        let journey = format!("purchase@0d={value} purchase@14d={value} purchase@35d={value}");
        at_risk(40, &journey, 49).1
    });
    assert!(values.is_sorted_by(|low, high| low < high), "{values:?}");
}

#[test]
fn without_value_purchases_or_a_model_nothing_is_told() {
    for journey in [
        "purchase@0d purchase@14d",
        "purchase@0d=0",
        "purchase@0d=20 purchase@0.1d=-20",
    ] {
        let scores = scores(40, Some(CDNOW), journey, 49);
        assert!(scores.churn[1].is_some());
        assert_eq!(scores.value_at_risk, [None; 3], "{journey}");
    }
    assert_eq!(scores(40, None, SHOPPER, 49).value_at_risk, [None; 3]);
    let outside = scores(40, Some(CDNOW), SHOPPER, 500);
    assert_eq!((outside.churn[1], outside.value_at_risk[1]), (None, None));
}

#[test]
fn a_model_file_from_before_there_were_purchases_opens() {
    let artefact = Artefact::open(&sealed(40, None)).unwrap();
    let mut body = artefact.header().body.clone();
    assert_eq!(
        body.as_object_mut().unwrap().remove("has_purchases"),
        Some(false.into())
    );
    let body: Body = serde_json::from_value(body).unwrap();
    assert!(!body.has_purchases);
}
