//! Fits and predicts one matrix from files and prints what it took as JSON:
//! `cargo bench -p percorso-learners --features fit --bench trees -- LEARNER FOLDER ROUNDS LEAVES`.
//!
//! `LEARNER` is `percorso` or `forust` (forust-ml: two classes, no categories).
//! The peer script `tests/bench/peers/trees.py` writes the folder, runs this and LightGBM in turn, and prints the table.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod forust;
mod matrix;
mod memory;
mod percorso;

use std::path::Path;

use ndarray::Array2;
use percorso_learners::metrics;

use self::matrix::Matrix;

/// The most rows that are asked one by one.
const MAX_SINGLE_ROWS: usize = 10_000;

/// Settings of both learners; what is not here is as `tests/bench/README.md` says.
struct Settings {
    n_rounds: usize,
    max_leaves: usize,
}

/// What one run took and what it predicted.
struct Run {
    fit_s: f64,
    /// Memory that the fit held at its peak above what it began with, in MiB.
    fit_mib: Option<f64>,
    predict_s: f64,
    single_us: f64,
    /// The probability of each class (columns) for each test row (rows).
    p: Array2<f64>,
}

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    let [learner, folder, n_rounds, max_leaves] = &arguments[..] else {
        return println!("skipped: run by tests/bench/peers/trees.py");
    };
    let folder = Path::new(folder);
    let (train, test) = (Matrix::read(folder, "train"), Matrix::read(folder, "test"));
    let settings = Settings {
        n_rounds: n_rounds.parse().unwrap(),
        max_leaves: max_leaves.parse().unwrap(),
    };
    let run = match learner.as_str() {
        "percorso" => percorso::run(&settings, &train, &test, &matrix::columns(folder)),
        "forust" => forust::run(&settings, &train, &test),
        _ => panic!("`{learner}` is no learner, expected percorso or forust"),
    };
    let measured = metrics::multiclass(run.p.view(), &test.y).unwrap();
    let fit_mib = run.fit_mib.map_or("null".to_owned(), |mib| format!("{mib:.1}"));
    println!(
        r#"{{"learner":"{learner}","fit_s":{:.4},"predict_s":{:.5},"single_us":{:.3},"log_loss":{:.5},"accuracy":{:.5},"fit_mib":{fit_mib}}}"#,
        run.fit_s, run.predict_s, run.single_us, measured.log_loss, measured.accuracy,
    );
}
