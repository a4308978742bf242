//! Fits and predicts one matrix from files and prints what it took as JSON:
//! `cargo bench -p percorso-learners --features fit --bench trees -- FOLDER ROUNDS LEAVES`.
//!
//! `FOLDER` holds `train_x.f32` and `test_x.f32` (row-major, little-endian), `train_y.u32` and `test_y.u32`; the peer
//! script `tests/bench/peers/trees.py` writes it, runs this and its peers in turn, and prints the table.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

use std::path::Path;
use std::time::Instant;

use ndarray::Array2;
use percorso_learners::{Column, Learned, TrainingSet, Trees, metrics};
use rayon::prelude::*;

fn words(path: &Path) -> Vec<[u8; 4]> {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    bytes.chunks_exact(4).map(|word| word.try_into().unwrap()).collect()
}

fn read(folder: &Path, part: &str) -> (Array2<f32>, Vec<u32>) {
    let y: Vec<u32> = words(&folder.join(format!("{part}_y.u32")))
        .into_iter()
        .map(u32::from_le_bytes)
        .collect();
    let x: Vec<f32> = words(&folder.join(format!("{part}_x.f32")))
        .into_iter()
        .map(f32::from_le_bytes)
        .collect();
    (Array2::from_shape_vec((y.len(), x.len() / y.len()), x).unwrap(), y)
}

/// Memory in MiB by a line of the process status: what is held now, or the most ever held.
fn memory_mib(line: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|found| found.strip_prefix(line));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok())
        .map_or(0.0, |kib| kib / 1024.0)
}

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    let [folder, n_rounds, max_leaves] = &arguments[..] else {
        return println!("skipped: run by tests/bench/peers/trees.py");
    };
    let folder = Path::new(folder);
    let ((train_x, train_y), (test_x, test_y)) = (read(folder, "train"), read(folder, "test"));
    let columns: Vec<Column> = (0..train_x.ncols())
        .map(|column| Column::number(column.to_string()))
        .collect();
    let n_classes = *train_y.iter().max().unwrap() as usize + 1;
    let customers: Vec<u64> = (0..train_y.len() as u64).collect();
    let set = TrainingSet::new(train_x.view(), &columns, &train_y, n_classes, &customers).unwrap();
    let trees = Trees {
        n_rounds: n_rounds.parse().unwrap(),
        max_leaves: max_leaves.parse().unwrap(),
        ..Trees::default()
    };

    let before_mib = memory_mib("VmRSS:");
    let start = Instant::now();
    let learned = Learned::Trees(trees.fit(&set, 1).unwrap());
    let fit_s = start.elapsed().as_secs_f64();
    let fit_mib = memory_mib("VmHWM:") - before_mib;

    let start = Instant::now();
    let rows_together = test_x.nrows().div_ceil(rayon::current_num_threads());
    let parts: Vec<Array2<f64>> = test_x
        .axis_chunks_iter(ndarray::Axis(0), rows_together)
        .collect::<Vec<_>>()
        .into_par_iter()
        .map(|rows| learned.predict(&rows))
        .collect();
    let predict_s = start.elapsed().as_secs_f64();
    let parts: Vec<_> = parts.iter().map(Array2::view).collect();
    let p = ndarray::concatenate(ndarray::Axis(0), &parts).unwrap();

    let mut out = vec![0.0; n_classes];
    let n_single = test_x.nrows().min(10_000);
    let start = Instant::now();
    for row in test_x.outer_iter().take(n_single) {
        learned.predict_into(row.as_slice().unwrap(), &mut out);
        std::hint::black_box(&out);
    }
    let single_us = start.elapsed().as_secs_f64() * 1e6 / n_single as f64;

    let measured = metrics::multiclass(p.view(), &test_y).unwrap();
    println!(
        r#"{{"learner":"percorso","fit_s":{fit_s:.3},"predict_s":{predict_s:.4},"single_us":{single_us:.2},"log_loss":{:.5},"accuracy":{:.5},"fit_mib":{fit_mib:.0}}}"#,
        measured.log_loss, measured.accuracy,
    );
}
