//! forust-ml, a peer in Rust: two classes, no categories, and no least number of rows in a leaf.
//!
//! It grows level by level, as it does by default: leaf by leaf its log loss is worse (.596 against .580 after 60 rounds).
//! Its least hessian in a leaf is its default too, 1.
//! It takes columns of `f64`; turning the matrix into them counts as its memory, but not as its time.

use std::time::Instant;

use forust_ml::{GradientBooster, Matrix as Columns};
use ndarray::Array2;

use crate::matrix::Matrix;
use crate::memory::peak_mib_of;
use crate::{MAX_SINGLE_ROWS, Run, Settings};

pub(crate) fn run(settings: &Settings, train: &Matrix, test: &Matrix) -> Run {
    assert!(train.y.iter().all(|class| *class < 2), "forust-ml knows two classes");
    let y: Vec<f64> = train.y.iter().map(|class| f64::from(*class)).collect();
    let depth = settings.max_leaves.next_power_of_two().ilog2() as usize;
    let mut booster = GradientBooster::default()
        .set_iterations(settings.n_rounds)
        .set_learning_rate(0.1)
        .set_max_leaves(settings.max_leaves)
        .set_max_depth(depth)
        .set_l2(1.0)
        .set_nbins(255);

    let (fit_s, fit_mib) = peak_mib_of(|| {
        let cells = column_major(&train.x);
        let columns = Columns::new(&cells, train.x.nrows(), train.x.ncols());
        let start = Instant::now();
        booster.fit_unweighted(&columns, &y, None).unwrap();
        start.elapsed().as_secs_f64()
    });

    let cells = column_major(&test.x);
    let columns = Columns::new(&cells, test.x.nrows(), test.x.ncols());
    let start = Instant::now();
    let margins = booster.predict(&columns, true);
    let mut p = Array2::zeros((margins.len(), 2));
    for (mut p, margin) in p.outer_iter_mut().zip(&margins) {
        p[1] = 1.0 / (1.0 + libm::exp(-margin));
        p[0] = 1.0 - p[1];
    }
    let predict_s = start.elapsed().as_secs_f64();

    let n_rows = test.x.nrows().min(MAX_SINGLE_ROWS);
    let rows: Vec<Vec<f64>> = test
        .x
        .outer_iter()
        .take(n_rows)
        .map(|row| row.iter().map(|cell| f64::from(*cell)).collect())
        .collect();
    let start = Instant::now();
    for row in &rows {
        std::hint::black_box(booster.predict(&Columns::new(row, 1, row.len()), false));
    }
    let single_us = start.elapsed().as_secs_f64() * 1e6 / n_rows as f64;
    Run {
        fit_s,
        fit_mib,
        predict_s,
        single_us,
        p,
    }
}

fn column_major(x: &Array2<f32>) -> Vec<f64> {
    x.t().iter().map(|cell| f64::from(*cell)).collect()
}
