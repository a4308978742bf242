//! Our boosted trees.

use std::time::Instant;

use ndarray::{Array2, Axis};
use percorso_learners::{Column, Learned, TrainingSet, Trees};
use rayon::prelude::*;

use crate::matrix::Matrix;
use crate::memory::peak_mib_of;
use crate::{MAX_SINGLE_ROWS, Run, Settings};

pub(crate) fn run(settings: &Settings, train: &Matrix, test: &Matrix, columns: &[Column]) -> Run {
    let n_classes = *train.y.iter().max().unwrap() as usize + 1;
    let customers: Vec<u64> = (0..train.y.len() as u64).collect();
    let set = TrainingSet::new(train.x.view(), columns, &train.y, n_classes, &customers).unwrap();
    let trees = Trees {
        n_rounds: settings.n_rounds,
        max_leaves: settings.max_leaves,
        ..Trees::default()
    };
    let ((learned, fit_s), fit_mib) = peak_mib_of(|| {
        let start = Instant::now();
        let learned = Learned::Trees(trees.fit(&set, 1).unwrap());
        (learned, start.elapsed().as_secs_f64())
    });

    let start = Instant::now();
    let rows_together = test.x.nrows().div_ceil(rayon::current_num_threads());
    let parts: Vec<_> = test.x.axis_chunks_iter(Axis(0), rows_together).collect();
    let parts: Vec<Array2<f64>> = parts.into_par_iter().map(|rows| learned.predict(&rows)).collect();
    let parts: Vec<_> = parts.iter().map(Array2::view).collect();
    let p = ndarray::concatenate(Axis(0), &parts).unwrap();
    let predict_s = start.elapsed().as_secs_f64();

    let mut out = vec![0.0; n_classes];
    let n_rows = test.x.nrows().min(MAX_SINGLE_ROWS);
    let start = Instant::now();
    for row in test.x.outer_iter().take(n_rows) {
        learned.predict_into(row.as_slice().unwrap(), &mut out);
        std::hint::black_box(&out);
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
