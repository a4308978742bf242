//! Measures of when something comes, against scikit-survival and lifelines, and against their definitions.

use percorso_learners::metrics::{Followed, InSight, aalen_johansen, brier_by, concordance};
use serde::Deserialize;

/// Made by `tests/survival/make.py`.
#[derive(Deserialize)]
struct Measures {
    risk: Vec<f64>,
    days: Vec<f64>,
    cause: Vec<u32>,
    at: Vec<f64>,
    p: Vec<Vec<f64>>,
    brier: Vec<f64>,
    concordance: f64,
    concordance_of_first: f64,
    aalen_johansen: Vec<Vec<f64>>,
    aalen_johansen_lifelines: Vec<Vec<f64>>,
}

fn measures() -> (Measures, Vec<Followed>) {
    let measures: Measures = serde_json::from_str(include_str!("survival/measures.json")).expect("the fixture");
    let causes = measures.cause.iter().map(|cause| cause.checked_sub(1));
    let rows = measures.days.iter().zip(causes);
    let rows = rows.map(|(&days, cause)| Followed { days, cause }).collect();
    (measures, rows)
}

#[test]
fn brier_scores_are_those_of_scikit_survival() {
    let (expected, rows) = measures();
    let in_sight = InSight::of(&rows).unwrap();
    for ((days, p), brier) in expected.at.iter().zip(&expected.p).zip(&expected.brier) {
        let found = brier_by(p, &rows, None, *days, &in_sight).unwrap();
        assert!(
            (found - brier).abs() < 1e-12,
            "{found} instead of {brier} by day {days}"
        );
    }
}

#[test]
fn concordance_is_that_of_scikit_survival() {
    let (expected, rows) = measures();
    let any = concordance(&expected.risk, &rows, None).unwrap();
    let first = concordance(&expected.risk, &rows, Some(0)).unwrap();
    assert!((any - expected.concordance).abs() < 1e-12, "{any}");
    assert!((first - expected.concordance_of_first).abs() < 1e-12, "{first}");
}

#[test]
fn aalen_johansen_is_that_of_scikit_survival_and_lifelines() {
    let (expected, rows) = measures();
    let found = aalen_johansen(&rows, 2, &expected.at).unwrap();
    for expected in [&expected.aalen_johansen, &expected.aalen_johansen_lifelines] {
        for (found, expected) in found.iter().flatten().zip(expected.iter().flatten()) {
            assert!((found - expected).abs() < 1e-9, "{found} instead of {expected}");
        }
    }
}

fn followed(rows: &[(f64, Option<u32>)]) -> Vec<Followed> {
    rows.iter().map(|&(days, cause)| Followed { days, cause }).collect()
}

#[test]
fn of_rows_all_in_sight_the_measures_are_plain_means() {
    let rows = followed(&[(1.0, Some(0)), (2.0, Some(1)), (3.0, Some(0)), (9.0, Some(1))]);
    let in_sight = InSight::of(&rows).unwrap();
    let p = [0.9, 0.2, 0.4, 0.1];
    // By day 2.5 the first cause had come to the first row alone.
    let expected = (0.01 + 0.04 + 0.16 + 0.01) / 4.0;
    assert!((brier_by(&p, &rows, Some(0), 2.5, &in_sight).unwrap() - expected).abs() < 1e-15);
    assert_eq!(
        aalen_johansen(&rows, 2, &[0.5, 2.0, 9.0]).unwrap(),
        [[0.0, 0.25, 0.5], [0.0, 0.25, 0.5]]
    );
    assert_eq!(concordance(&[4.0, 3.0, 2.0, 1.0], &rows, None).unwrap(), 1.0);
    assert_eq!(concordance(&[1.0, 1.0, 1.0, 1.0], &rows, None).unwrap(), 0.5);
}

#[test]
fn what_cannot_be_measured_is_told() {
    let rows = followed(&[(1.0, None), (2.0, Some(0)), (3.0, None)]);
    let in_sight = InSight::of(&rows).unwrap();
    let told = |result: percorso_learners::Result<f64>| result.unwrap_err().to_string();
    assert!(told(brier_by(&[0.1; 3], &rows, None, 3.0, &in_sight)).contains("in sight"));
    assert!(told(brier_by(&[0.1; 2], &rows, None, 1.0, &in_sight)).contains("one for each row"));
    assert!(told(brier_by(&[0.1, 1.2, 0.1], &rows, None, 1.0, &in_sight)).contains("1.2"));
    assert!(told(concordance(&[0.1; 3], &rows, Some(1))).contains("pairs"));
    assert!(told(concordance(&[f64::NAN, 0.0, 0.0], &rows, None)).contains("NaN"));
    assert!(InSight::of(&[]).is_err() && InSight::of(&followed(&[(f64::NAN, None)])).is_err());
    assert!(aalen_johansen(&rows, 0, &[1.0]).is_err() && aalen_johansen(&rows, 1, &[f64::NAN]).is_err());
}
