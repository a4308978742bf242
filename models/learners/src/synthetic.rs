//! A small market for tests, whose classes depend on its columns in a known way.

use ndarray::Array2;

use crate::random::Random;
use crate::{Column, TrainingSet};

/// Rows with their classes and customers, owned.
#[derive(Debug, Clone)]
pub(crate) struct Market {
    pub(crate) x: Array2<f32>,
    pub(crate) columns: Vec<Column>,
    pub(crate) y: Vec<u32>,
    pub(crate) n_classes: usize,
    pub(crate) customers: Vec<u64>,
}

impl Market {
    pub(crate) fn set(&self) -> TrainingSet<'_> {
        TrainingSet::new(self.x.view(), &self.columns, &self.y, self.n_classes, &self.customers).unwrap()
    }
}

/// Rows of five numbers (the last one whole) and two categories, some cells missing; two rows a customer.
pub(crate) fn market(n_rows: usize, n_classes: usize, seed: u64) -> Market {
    let mut random = Random::new(seed);
    let mut columns: Vec<Column> = (0..5)
        .map(|number| Column::number(format!("number_{number}")))
        .collect();
    columns.push(Column::category("step_1", 4));
    columns.push(Column::category("step_2", 4));
    let mut x = Array2::zeros((n_rows, columns.len()));
    let mut y = Vec::with_capacity(n_rows);
    for mut row in x.outer_iter_mut() {
        for column in 0..5 {
            let missing = random.uniform() < 0.1;
            row[column] = if missing {
                f32::NAN
            } else {
                (random.uniform() * 6.0 - 3.0) as f32
            };
        }
        row[4] = row[4].round();
        for column in 5..7 {
            let missing = random.uniform() < 0.05;
            row[column] = if missing { f32::NAN } else { random.below(4) as f32 };
        }
        let number = |cell: f32| if cell.is_nan() { 1.0 } else { f64::from(cell) };
        let scores: Vec<f64> = (0..n_classes)
            .map(|class| {
                let liked = f64::from(u8::from(row[5] == class as f32));
                number(row[class % 5]) * 0.8 + 1.5 * liked - 0.3 * class as f64
            })
            .collect();
        let mut shares = scores;
        crate::odds::softmax(&mut shares);
        let mut drawn = random.uniform();
        let class = shares.iter().position(|share| {
            drawn -= share;
            drawn < 0.0
        });
        y.push(class.unwrap_or(n_classes - 1) as u32);
    }
    let customers = (0..n_rows as u64).map(|row| row / 2).collect();
    Market {
        x,
        columns,
        y,
        n_classes,
        customers,
    }
}
