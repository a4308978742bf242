//! Calibration of any rising shape: when it is chosen, what it promises, and that it survives the file; and what the
//! libraries of the field say.
#![allow(missing_docs, clippy::unwrap_used)]

use ndarray::Array2;
use percorso_artefact::{Artefact, Header, Sealer};
use percorso_learners::{Calibrator, Level, OriginPredictions, PredictionSets, Random, VennAbers, odds};
use serde::Deserialize;

/// Made by `tests/calibration/make.py`.
#[derive(Deserialize)]
struct Libraries {
    venn_abers: OfTwo,
    sets: OfFour,
}

#[derive(Deserialize)]
struct OfTwo {
    p: Vec<f64>,
    y: Vec<u32>,
    asked: Vec<f64>,
    ends: Vec<(f64, f64)>,
}

#[derive(Deserialize)]
struct OfFour {
    p: Vec<[f64; 4]>,
    y: Vec<u32>,
    asked: Vec<[f64; 4]>,
    crepes: Vec<[bool; 4]>,
    mapie: Vec<[bool; 4]>,
}

fn libraries() -> Libraries {
    serde_json::from_str(include_str!("calibration/libraries.json")).unwrap()
}

#[test]
fn venn_abers_intervals_are_those_of_its_library() {
    let OfTwo { p, y, asked, ends } = libraries().venn_abers;
    let fitted = VennAbers::of(&p, &y).unwrap();
    for (p, (low, high)) in asked.into_iter().zip(ends) {
        let found = fitted.interval(p);
        let furthest = (found.0 - low).abs().max((found.1 - high).abs());
        assert!(furthest < 1e-12, "{found:?} instead of {:?} at {p}", (low, high));
    }
}

#[test]
fn sets_are_those_of_crepes_and_mapie() {
    let OfFour {
        p,
        y,
        asked,
        crepes,
        mapie,
    } = libraries().sets;
    let sets = PredictionSets::fit(ndarray::arr2(&p).view(), &y, 0.9).unwrap();
    for ((p, crepes), mapie) in asked.iter().zip(crepes).zip(mapie) {
        let found: Vec<bool> = sets.of(p).collect();
        assert_eq!((found.as_slice(), found.as_slice()), (&crepes[..], &mapie[..]), "{p:?}");
    }
}

/// Rows whose true log-odds are a function of the score's.
fn origin(truth: impl Fn(f64) -> f64, n_rows: usize, seed: u64) -> (Array2<f64>, Vec<u32>) {
    let mut random = Random::new(seed);
    let mut p = Array2::zeros((n_rows, 2));
    let mut y = Vec::new();
    for mut row in p.outer_iter_mut() {
        let z = 6.0 * random.uniform() - 3.0;
        row[1] = odds::probability(z);
        row[0] = 1.0 - row[1];
        y.push(u32::from(random.uniform() < odds::probability(truth(z))));
    }
    (p, y)
}

fn chosen(origins: &[(Array2<f64>, Vec<u32>)], level: Level) -> Calibrator {
    let origins: Vec<OriginPredictions<'_>> = origins
        .iter()
        .zip(0..)
        .map(|((p, y), at)| OriginPredictions {
            p: p.view(),
            y,
            at,
            known_at: at + 1,
        })
        .collect();
    Calibrator::choose(&origins, level).unwrap()
}

/// Right below even odds, three too high above: no line says so.
fn bent(z: f64) -> f64 {
    if z < 0.0 { z } else { -0.5 + 0.1 * z }
}

fn bent_origins() -> Vec<(Array2<f64>, Vec<u32>)> {
    (0..4).map(|seed| origin(bent, 3_000, seed)).collect()
}

#[test]
fn a_bent_error_is_corrected_by_rates_of_any_rising_shape() {
    let calibrator = chosen(&bent_origins(), Level::Free);
    let told = calibrator.to_string();
    assert!(["isotonic", "venn-abers"].contains(&told.as_str()), "{told}");
    for z in [-2.5, -1.5, -0.7, 0.7, 1.5, 2.5] {
        let p = odds::probability(z);
        let mut row = [1.0 - p, p];
        calibrator.apply(&mut row);
        let truth = odds::probability(bent(z));
        assert!(
            (row[1] - truth).abs() < 0.05,
            "{told}: {} at {z}, truth {truth}",
            row[1]
        );
        assert!((row[0] + row[1] - 1.0).abs() < 1e-15);
    }
}

#[test]
fn a_level_to_be_kept_is_left_to_the_line() {
    let told = chosen(&bent_origins(), Level::Kept).to_string();
    assert!(told == "identity" || told.starts_with("platt"), "{told}");
}

#[test]
fn a_straight_error_is_corrected_by_the_line_and_none_by_nothing() {
    let straight: Vec<_> = (0..4).map(|seed| origin(|z| 0.5 * z - 1.0, 3_000, seed)).collect();
    assert!(chosen(&straight, Level::Free).to_string().starts_with("platt"));
    let right: Vec<_> = (0..4).map(|seed| origin(|z| z, 500, seed)).collect();
    let told = chosen(&right, Level::Free).to_string();
    assert!(told == "identity" || told.starts_with("platt"), "{told}");
}

fn sealed(name: &str, numbers: &[f64]) -> Artefact {
    let mut sealer = Sealer::new();
    sealer.put_text("churn/calibrator", name).unwrap();
    sealer.put_vector("churn/calibrator_numbers", numbers).unwrap();
    Artefact::open(&sealer.seal(&Header::default()).unwrap()).unwrap()
}

#[test]
fn what_was_fitted_survives_the_file_and_never_turns_the_order_around() {
    let isotonic = sealed("isotonic", &[-1.0, 1.0, 1.5, 0.2, 0.2, 0.7]);
    let calibrators = [
        chosen(&bent_origins(), Level::Free),
        Calibrator::open("churn", &isotonic).unwrap(),
    ];
    for calibrator in calibrators {
        let mut sealer = Sealer::new();
        calibrator.seal("churn", &mut sealer).unwrap();
        let artefact = Artefact::open(&sealer.seal(&Header::default()).unwrap()).unwrap();
        assert_eq!(Calibrator::open("churn", &artefact).unwrap(), calibrator);
        let answers: Vec<f64> = (0..=1_000)
            .map(|step| {
                let p = f64::from(step) / 1_000.0;
                let mut row = [1.0 - p, p];
                calibrator.apply(&mut row);
                row[1]
            })
            .collect();
        assert!(answers.is_sorted() && answers[0] > 0.0 && answers[1_000] < 1.0);
        assert!(answers[1_000] > answers[0] + 0.1);
    }
}

#[test]
fn numbers_that_are_no_calibration_are_refused() {
    let opens = |name: &str, numbers: &[f64]| Calibrator::open("churn", &sealed(name, numbers)).is_ok();
    assert!(opens("isotonic", &[-1.0, 1.0, 0.2, 0.7]));
    for numbers in [
        vec![],
        vec![-1.0, 1.0, 0.2],
        vec![1.0, -1.0, 0.2, 0.7],
        vec![-1.0, 1.0, 0.7, 0.2],
        vec![-1.0, 1.0, 0.2, 1.2],
    ] {
        assert!(!opens("isotonic", &numbers), "{numbers:?}");
    }
    assert!(opens("venn_abers", &[-1.0, 1.0, 0.0, 2.0, 0.2, 0.5, 0.4, 0.7]));
    for numbers in [
        vec![],
        vec![-1.0, 0.0, 0.2, 0.4, 0.9],
        // Bins that overlap, a bin that ends before it begins, rates that fall, that cross, that are none.
        vec![-1.0, 1.0, 1.5, 2.0, 0.2, 0.5, 0.4, 0.7],
        vec![-1.0, 1.0, -2.0, 2.0, 0.2, 0.5, 0.4, 0.7],
        vec![-1.0, 1.0, 0.0, 2.0, 0.5, 0.2, 0.6, 0.7],
        vec![-1.0, 1.0, 0.0, 2.0, 0.2, 0.8, 0.4, 0.7],
        vec![-1.0, 1.0, 0.0, 2.0, 0.2, 0.5, 0.4, 1.7],
    ] {
        assert!(!opens("venn_abers", &numbers), "{numbers:?}");
    }
}
