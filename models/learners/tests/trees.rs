//! What boosted trees promise beyond the suite of all learners: weights, order, missing cells, categories, other losses.
#![cfg(feature = "fit")]
#![allow(missing_docs, clippy::unwrap_used)]

use ndarray::{Array2, ArrayView2};
use percorso_learners::{
    Column, Direction, Error, FittedTrees, Learned, Level, Link, Random, Target, TrainingSet, Trees,
};

/// Rows of uniform numbers from 0 to 1.
fn uniform(n_rows: usize, n_columns: usize, seed: u64) -> Array2<f32> {
    let mut random = Random::new(seed);
    Array2::from_shape_simple_fn((n_rows, n_columns), || random.uniform() as f32)
}

fn numbers(n_columns: usize) -> Vec<Column> {
    (0..n_columns)
        .map(|column| Column::number(format!("n{column}")))
        .collect()
}

fn drawn(p: impl IntoIterator<Item = f64>, seed: u64) -> Vec<u32> {
    let mut random = Random::new(seed);
    p.into_iter().map(|p| u32::from(random.uniform() < p)).collect()
}

fn margin(fitted: &FittedTrees, row: &[f32]) -> f64 {
    let mut out = [0.0];
    fitted.margins_into(row, &mut out);
    out[0]
}

fn fit(trees: &Trees, x: ArrayView2<'_, f32>, target: Target<'_>) -> FittedTrees {
    trees.fit_target(x, &numbers(x.ncols()), target, None, 1).unwrap()
}

#[test]
fn a_row_of_weight_two_is_the_same_as_two_rows() {
    let x = uniform(700, 4, 1);
    let y = drawn(x.rows().into_iter().map(|row| f64::from(row[0] * row[1])), 2);
    let mut random = Random::new(3);
    let weights: Vec<f32> = (0..700).map(|_| (1 + random.below(3)) as f32).collect();
    let repeated: Vec<usize> = (0..700).flat_map(|row| vec![row; weights[row] as usize]).collect();
    let more_x = x.select(ndarray::Axis(0), &repeated);
    let more_y: Vec<u32> = repeated.iter().map(|row| y[*row]).collect();
    let columns = numbers(4);
    let fit = |x: &Array2<f32>, y: &[u32], weights: Option<&[f32]>| {
        let customers = vec![1; y.len()];
        let set = TrainingSet::new(x.view(), &columns, y, 2, &customers).unwrap();
        let set = weights.map_or(set, |weights| set.with_weights(weights).unwrap());
        Learned::Trees(Trees::default().fit(&set, 1).unwrap())
    };
    let weighted = fit(&x, &y, Some(&weights)).predict(&x.view());
    let duplicated = fit(&more_x, &more_y, None).predict(&x.view());
    let unweighted = fit(&x, &y, None).predict(&x.view());
    let largest = |a: &Array2<f64>, b: &Array2<f64>| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(
        largest(&weighted, &duplicated) < 1e-9,
        "{}",
        largest(&weighted, &duplicated)
    );
    assert!(largest(&weighted, &unweighted) > 1e-3, "weights should matter");
}

#[test]
fn missing_cells_go_where_they_do_better() {
    let mut x = uniform(2_000, 2, 1);
    let mut y = Vec::new();
    for (row, mut cells) in x.outer_iter_mut().enumerate() {
        let is_missing = row % 4 == 0;
        // Missing is like a large cell here, and like a small one in the other column.
        y.push(u32::from(is_missing || cells[0] > 0.6));
        if is_missing {
            cells[0] = f32::NAN;
        }
    }
    let trees = Trees {
        n_rounds: 30,
        ..Trees::default()
    };
    let fitted = fit(&trees, x.view(), Target::Classes { y: &y, n_classes: 2 });
    assert!(margin(&fitted, &[f32::NAN, 0.5]) > 2.0);
    assert!(margin(&fitted, &[0.9, 0.5]) > 2.0);
    assert!(margin(&fitted, &[0.3, 0.5]) < -2.0);
}

#[test]
fn scattered_categories_are_one_set_of_one_split() {
    let mut random = Random::new(1);
    let x = Array2::from_shape_simple_fn((3_000, 1), || random.below(40) as f32);
    let liked = |code: f32| [3, 8, 9, 17, 22, 31, 39].contains(&(code as u32));
    let y: Vec<u32> = x.iter().map(|code| u32::from(liked(*code))).collect();
    let trees = Trees {
        n_rounds: 1,
        max_leaves: 2,
        learning_rate: 1.0,
        ..Trees::default()
    };
    let customers = vec![1; y.len()];
    let columns = [Column::category("code", 40)];
    let set = TrainingSet::new(x.view(), &columns, &y, 2, &customers).unwrap();
    let fitted = trees.fit(&set, 1).unwrap();
    for code in 0..40 {
        assert_eq!(margin(&fitted, &[code as f32]) > 0.0, liked(code as f32), "code {code}");
    }
}

#[test]
fn leaves_below_an_ordered_set_have_the_l2_that_the_split_was_judged_with() {
    // As many rows of each code; the first half of the codes is of class 1.
    for (n_codes, l2) in [(6, 1.0 + 10.0), (2, 1.0)] {
        let x = Array2::from_shape_fn((600, 1), |(row, _)| (row % n_codes) as f32);
        let y: Vec<u32> = x.iter().map(|code| u32::from(2.0 * code < n_codes as f32)).collect();
        let trees = Trees {
            n_rounds: 1,
            max_leaves: 2,
            learning_rate: 1.0,
            ..Trees::default()
        };
        let customers = vec![1; y.len()];
        let columns = [Column::category("code", n_codes as u32)];
        let set = TrainingSet::new(x.view(), &columns, &y, 2, &customers).unwrap();
        let fitted = trees.fit(&set, 1).unwrap();
        // 300 rows with a gradient of a half and a hessian of a quarter each.
        let expected = 150.0 / (75.0 + l2);
        for (cell, expected) in [(0.0, expected), (n_codes as f32 - 1.0, -expected)] {
            let found = margin(&fitted, &[cell]);
            assert!(
                (found - expected).abs() < 1e-4,
                "{n_codes} codes: {found}, expected {expected}"
            );
        }
    }
}

#[test]
fn a_monotone_column_never_lets_the_margin_turn() {
    let x = uniform(3_000, 2, 1);
    // The truth rises and falls again.
    let y = drawn(
        x.rows()
            .into_iter()
            .map(|row| f64::from(4.0 * row[0] * (1.0 - row[0]) * row[1])),
        2,
    );
    let free = Trees {
        n_rounds: 60,
        ..Trees::default()
    };
    let steps: Vec<f32> = (0..200).map(|step| step as f32 / 200.0).collect();
    for (way, sign) in [(Direction::Rising, 1.0), (Direction::Falling, -1.0)] {
        let trees = Trees {
            monotone: vec![("n0".to_owned(), way)],
            ..free.clone()
        };
        let fitted = fit(&trees, x.view(), Target::Classes { y: &y, n_classes: 2 });
        for other in [0.1, 0.5, 0.9] {
            let margins: Vec<f64> = steps
                .iter()
                .map(|step| sign * margin(&fitted, &[*step, other]))
                .collect();
            assert!(margins.is_sorted(), "{way:?} with {other}");
            assert!(
                margins[0] < margins[199],
                "it should still learn the half that is allowed"
            );
        }
    }
    let fitted = fit(&free, x.view(), Target::Classes { y: &y, n_classes: 2 });
    assert!(!steps.iter().map(|step| margin(&fitted, &[*step, 0.9])).is_sorted());
}

#[test]
fn amounts_are_learnt_under_the_squared_error() {
    let x = uniform(4_000, 3, 1);
    let truth = |row: &[f32]| f64::from(10.0 * row[0] - 5.0 * row[1] * row[1]);
    let amounts: Vec<f64> = x.rows().into_iter().map(|row| truth(&row.to_vec())).collect();
    let fitted = fit(
        &Trees {
            n_rounds: 200,
            ..Trees::default()
        },
        x.view(),
        Target::Amounts(&amounts),
    );
    assert_eq!(fitted.link(), Link::Identity);
    let new = uniform(500, 3, 2);
    let error: f64 = new
        .rows()
        .into_iter()
        .map(|row| (margin(&fitted, &row.to_vec()) - truth(&row.to_vec())).powi(2))
        .sum();
    assert!((error / 500.0).sqrt() < 0.25, "{}", (error / 500.0).sqrt());
}

#[test]
fn counts_are_learnt_under_the_poisson_loss() {
    let x = uniform(6_000, 2, 1);
    let truth = |row: &[f32]| libm::exp(2.0 * f64::from(row[0]) - 1.0);
    let mut random = Random::new(9);
    let counts: Vec<f64> = x
        .rows()
        .into_iter()
        .map(|row| {
            // Knuth's way of drawing a Poisson count.
            let (least, mut product, mut count) = (libm::exp(-truth(&row.to_vec())), random.uniform(), 0.0);
            while product > least {
                product *= random.uniform();
                count += 1.0;
            }
            count
        })
        .collect();
    let trees = Trees {
        n_rounds: 60,
        max_leaves: 4,
        ..Trees::default()
    };
    let fitted = fit(&trees, x.view(), Target::Counts(&counts));
    let mut mean = [0.0];
    let mut error = 0.0;
    for row in uniform(500, 2, 2).rows() {
        let row = row.to_vec();
        fitted.predict_into(&row, &mut mean);
        error += (mean[0] / truth(&row) - 1.0).abs() / 500.0;
    }
    assert!(error < 0.12, "{error}");
}

#[test]
fn hazards_are_those_of_the_intervals_at_risk() {
    let x = uniform(8_000, 1, 1);
    // The event comes in each interval with a chance that depends on the column and the interval.
    let hazard = |cell: f32, interval: usize| {
        if cell > 0.5 {
            [0.5, 0.2, 0.2][interval]
        } else {
            [0.1, 0.1, 0.4][interval]
        }
    };
    let mut random = Random::new(3);
    let (mut interval, mut happened) = (Vec::new(), Vec::new());
    for cell in &x {
        // A third are seen for two intervals only.
        let n_seen = if random.below(3) == 0 { 2 } else { 3 };
        let came = (0..n_seen).find(|at| random.uniform() < hazard(*cell, *at));
        interval.push(came.unwrap_or(n_seen - 1) as u32);
        happened.push(came.is_some());
    }
    let target = Target::Hazard {
        interval: &interval,
        happened: &happened,
        n_intervals: 3,
    };
    let fitted = fit(
        &Trees {
            n_rounds: 40,
            max_leaves: 2,
            ..Trees::default()
        },
        x.view(),
        target,
    );
    for cell in [0.2, 0.8] {
        let mut out = [0.0; 3];
        fitted.predict_into(&[cell], &mut out);
        for (at, found) in out.iter().enumerate() {
            assert!(
                (found - hazard(cell, at)).abs() < 0.04,
                "{cell} in interval {at}: {found}"
            );
        }
    }
}

#[test]
fn watched_rows_tell_when_to_stop_and_cutting_back_is_the_same_as_fewer_rounds() {
    let rule = |row: ndarray::ArrayView1<'_, f32>| f64::from(0.2 + 0.6 * row[0]);
    let (x, other_x) = (uniform(500, 5, 1), uniform(500, 5, 2));
    let (y, other_y) = (
        drawn(x.rows().into_iter().map(rule), 3),
        drawn(other_x.rows().into_iter().map(rule), 4),
    );
    let (columns, customers) = (numbers(5), vec![1; 500]);
    let set = TrainingSet::new(x.view(), &columns, &y, 2, &customers).unwrap();
    let other = TrainingSet::new(other_x.view(), &columns, &other_y, 2, &customers).unwrap();
    let trees = Trees {
        n_rounds: 500,
        ..Trees::default()
    };
    let watched = trees.fit_watched(&set, &other, Level::Free, 20, 1).unwrap();
    let best = watched.best_n_rounds();
    assert!(
        best > 0 && best + 20 == watched.trees.n_rounds(),
        "{best} of {}",
        watched.trees.n_rounds()
    );
    assert!(watched.losses[best] < watched.losses[0] - 0.01);

    let mut cut = watched.trees.clone();
    cut.truncate(best);
    assert_eq!(
        cut,
        Trees {
            n_rounds: best,
            ..trees
        }
        .fit(&set, 1)
        .unwrap()
    );
    let p = Learned::Trees(cut).predict(&other_x.view());
    let loss = percorso_learners::metrics::multiclass(p.view(), &other_y)
        .unwrap()
        .log_loss;
    assert!(
        (loss - watched.losses[best]).abs() < 1e-9,
        "{loss}, watched {}",
        watched.losses[best]
    );
}

#[test]
fn many_rows_and_single_ones_have_the_same_bits_however_large_the_trees() {
    let x = uniform(4_000, 6, 1);
    let y = drawn(
        x.rows()
            .into_iter()
            .map(|row| f64::from(row[0] * row[1] + 0.3 * row[2]).min(1.0)),
        2,
    );
    for max_leaves in [2, 31, 200] {
        let trees = Trees {
            n_rounds: 12,
            max_leaves,
            min_rows_in_leaf: 3.0,
            ..Trees::default()
        };
        let fitted = fit(&trees, x.view(), Target::Classes { y: &y, n_classes: 2 });
        let learned = Learned::Trees(fitted);
        // 4,000 rows are 62 blocks of 64 and a part of one.
        let together = learned.predict(&x.view());
        let mut parts = vec![0.0; 6];
        for (row, together) in x.outer_iter().zip(together.outer_iter()) {
            let mut alone = [0.0; 2];
            learned.predict_into(&row.to_vec(), &mut alone);
            assert_eq!(alone.map(f64::to_bits), [together[0], together[1]].map(f64::to_bits));
        }
        let base = learned.contributions(&x.row(7).to_vec(), 1, &mut parts);
        let expected = percorso_learners::odds::log_odds(together[(7, 1)]);
        assert!((base + parts.iter().sum::<f64>() - expected).abs() < 1e-9);
    }
}

#[test]
fn answers_and_weights_that_no_row_can_have_are_named() {
    let x = uniform(3, 1, 1);
    let columns = numbers(1);
    let fit = |target, weights: Option<&[f32]>| Trees::default().fit_target(x.view(), &columns, target, weights, 1);
    let wrong = [
        fit(Target::Amounts(&[1.0, f64::NAN, 2.0]), None),
        fit(Target::Counts(&[1.0, -1.0, 2.0]), None),
        fit(
            Target::Hazard {
                interval: &[0, 5, 1],
                happened: &[true; 3],
                n_intervals: 2,
            },
            None,
        ),
    ];
    for error in wrong {
        assert!(matches!(error, Err(Error::Target { row: 1, .. })), "{error:?}");
    }
    let amounts = Target::Amounts(&[1.0, 2.0, 3.0]);
    assert!(matches!(fit(Target::Amounts(&[1.0]), None), Err(Error::Length { .. })));
    assert!(matches!(
        fit(amounts, Some(&[1.0, -1.0, 1.0])),
        Err(Error::Weight { row: 1, .. })
    ));
    assert!(matches!(
        fit(amounts, Some(&[1.0, 1.0, f32::INFINITY])),
        Err(Error::Weight { row: 2, .. })
    ));
    assert!(matches!(
        fit(amounts, Some(&[0.0; 3])),
        Err(Error::Weight { row: 0, .. })
    ));
}
