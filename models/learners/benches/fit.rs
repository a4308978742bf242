//! How long a fit and a prediction take at the size of a demo: `cargo bench -p percorso-learners --all-features`.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr)]

use std::time::Instant;

use ndarray::Array2;
use percorso_learners::{
    Band, Bootstrap, Column, Forest, Learner, Linear, Logistic, Ngram, OutOfFold, Random, Recency, TrainingSet, metrics,
};

struct Market {
    x: Array2<f32>,
    columns: Vec<Column>,
    y: Vec<u32>,
    customers: Vec<u64>,
}

/// `n_columns` correlated columns, of which some carry the class and a sixth are categories.
fn market(n_rows: usize, n_columns: usize, n_classes: usize, seed: u64) -> Market {
    let mut random = Random::new(seed);
    let n_categories = n_columns / 6;
    let mut columns: Vec<Column> = (n_categories..n_columns)
        .map(|c| Column::number(format!("n{c}")))
        .collect();
    columns.extend((0..n_categories).map(|c| Column::category(format!("c{c}"), 12)));
    let n_numbers = n_columns - n_categories;
    let mut x = Array2::zeros((n_rows, n_columns));
    let mut y = Vec::new();
    for mut row in x.outer_iter_mut() {
        let latent: Vec<f64> = (0..6)
            .map(|_| random.uniform() + random.uniform() + random.uniform() - 1.5)
            .collect();
        for column in 0..n_numbers {
            let value = 2.0 * latent[column % 6] + random.uniform() * 2.0;
            let value = if column % 2 == 0 {
                (value.exp() * 3.0).floor()
            } else {
                value
            };
            row[column] = if column % 5 == 0 && random.uniform() < 0.2 {
                f32::NAN
            } else {
                value as f32
            };
        }
        for column in n_numbers..n_columns {
            row[column] = ((latent[column % 6] + 1.5) * 4.0 * random.uniform())
                .floor()
                .clamp(0.0, 11.0) as f32;
        }
        let scores: Vec<f64> = (0..n_classes)
            .map(|class| {
                let bump = if latent[1] * latent[2] > 0.1 { 1.5 } else { 0.0 };
                1.5 * latent[class % 6] * (class as f64 + 1.0).sqrt() + bump * (class % 2) as f64 - 0.8 * class as f64
            })
            .collect();
        let total: f64 = scores.iter().map(|score| score.exp()).sum();
        let mut drawn = random.uniform() * total;
        let class = scores.iter().position(|score| {
            drawn -= score.exp();
            drawn < 0.0
        });
        y.push(class.unwrap_or(0) as u32);
    }
    let customers = (0..n_rows as u64).map(|row| row / 4).collect();
    Market {
        x,
        columns,
        y,
        customers,
    }
}

/// Processor time of all threads so far; on a shared machine it says more than the clock. 0 where it is not known.
fn cpu_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks: Vec<f64> = stat
        .split(' ')
        .skip(13)
        .take(2)
        .filter_map(|field| field.parse().ok())
        .collect();
    ticks.iter().sum::<f64>() / 100.0
}

fn measure(name: &str, learner: &Learner, train: &Market, test: &Market, n_classes: usize) {
    let set = TrainingSet::new(train.x.view(), &train.columns, &train.y, n_classes, &train.customers).unwrap();
    let (start, cpu_before_s) = (Instant::now(), cpu_s());
    let fitted = learner.fit(&set, 1).unwrap();
    let fit_s = start.elapsed().as_secs_f64();
    let cpu_s = cpu_s() - cpu_before_s;
    let start = Instant::now();
    let predicted = fitted.predict(&test.x.view());
    let row_us = start.elapsed().as_secs_f64() * 1e6 / test.y.len() as f64;
    let loss: f64 = predicted
        .outer_iter()
        .zip(&test.y)
        .map(|(p, y)| -p[*y as usize].ln())
        .sum();
    eprintln!(
        "{name:<40} fit {fit_s:6.2} s ({cpu_s:6.2} s of processor)  predict {row_us:6.1} us/row  log loss {:.4}",
        loss / test.y.len() as f64
    );
}

fn thirty_thousand_rows_of_250_columns() {
    for n_classes in [2, 8] {
        let train = market(30_000, 250, n_classes, 1);
        let test = market(10_000, 250, n_classes, 2);
        eprintln!("{n_classes} classes");
        let measure = |name: &str, learner: Learner| measure(name, &learner, &train, &test, n_classes);
        measure("recency", Learner::Recency(Recency::of("n50")));
        measure("ngram", Learner::Ngram(Ngram::over((210..218).collect())));
        for (spread, max_iterations, max_rows) in [(0.7, 12, 10_000), (0.7, 12, 30_000)] {
            let name = format!("linear spread {spread} iterations {max_iterations} rows {max_rows}");
            measure(
                &name,
                Learner::Linear(Linear {
                    spread,
                    max_iterations,
                    max_rows,
                    ..Linear::default()
                }),
            );
        }
        measure("logistic", Learner::Logistic(Logistic::default()));
        for (n_trees, n_groups, max_rows) in [(64, 8, 4_000), (96, 8, 4_000), (64, 8, 8_000)] {
            let name = format!("forest {n_trees} trees, {n_groups} groups of {max_rows} rows");
            let forest = Forest {
                n_trees,
                n_groups,
                max_rows,
                ..Forest::default()
            };
            measure(&name, Learner::Forest(forest));
        }
    }
}

fn intervals_of_twenty_thousand_rows() {
    let mut random = Random::new(1);
    let p: Vec<f64> = (0..20_000).map(|_| random.uniform()).collect();
    let y: Vec<u32> = p.iter().map(|p| u32::from(random.uniform() < *p)).collect();
    let customers: Vec<u64> = (0..20_000).map(|row| row / 4).collect();
    let origins: Vec<u64> = (0..20_000).map(|row| row % 4).collect();
    let start = Instant::now();
    metrics::binary_with_intervals(&p, &y, &customers, &Bootstrap::seeded(1)).unwrap();
    eprintln!("binary metrics, 200 resamples  {:.2} s", start.elapsed().as_secs_f64());
    let start = Instant::now();
    let table = Array2::from_shape_fn(
        (20_000, 2),
        |(row, class)| if class == 1 { p[row] } else { 1.0 - p[row] },
    );
    metrics::multiclass_with_intervals(table.view(), &y, &customers, &Bootstrap::seeded(1)).unwrap();
    eprintln!(
        "multiclass metrics, 200 resamples  {:.2} s",
        start.elapsed().as_secs_f64()
    );
    let start = Instant::now();
    let rows = OutOfFold {
        p: &p,
        y: &y,
        customers: &customers,
        origins: &origins,
    };
    Band::fit(
        &rows,
        &Bootstrap {
            level: 0.9,
            ..Bootstrap::seeded(1)
        },
    )
    .unwrap();
    eprintln!("band, 200 resamples  {:.2} s", start.elapsed().as_secs_f64());
}

fn main() {
    thirty_thousand_rows_of_250_columns();
    intervals_of_twenty_thousand_rows();
}
