//! A made-up market whose probabilities are known.

use ndarray::Array2;
use percorso_learners::{Column, Random, TrainingSet};

/// Owned rows; the class depends on a number and on the last step, in a known way.
#[derive(Clone)]
pub(crate) struct Market {
    pub(crate) x: Array2<f32>,
    pub(crate) columns: Vec<Column>,
    pub(crate) y: Vec<u32>,
    /// The probability of each class (columns) that each row's class was drawn with; it depends on the row alone.
    pub(crate) truth: Array2<f64>,
    pub(crate) n_classes: usize,
    pub(crate) customers: Vec<u64>,
}

pub(crate) const RECENCY: usize = 0;
pub(crate) const STEPS: [usize; 3] = [3, 4, 5];

pub(crate) fn market(n_rows: usize, n_classes: usize, seed: u64) -> Market {
    let mut random = Random::new(seed);
    let columns = vec![
        Column::number("recency_days"),
        Column::number("spend"),
        Column::number("noise"),
        Column::category("step_1", 5),
        Column::category("step_2", 5),
        Column::category("step_3", 5),
    ];
    let mut x = Array2::zeros((n_rows, columns.len()));
    let mut truth = Array2::zeros((n_rows, n_classes));
    let mut y = Vec::new();
    for (mut row, mut truth) in x.outer_iter_mut().zip(truth.outer_iter_mut()) {
        for column in 0..3 {
            let value = -20.0 * libm::log(1.0 - random.uniform());
            row[column] = if random.uniform() < 0.1 { f32::NAN } else { value as f32 };
        }
        for column in STEPS {
            row[column] = if random.uniform() < 0.1 {
                f32::NAN
            } else {
                random.below(5) as f32
            };
        }
        let recency_days = if row[RECENCY].is_nan() {
            5.0
        } else {
            f64::from(row[RECENCY])
        };
        let mut shares: Vec<f64> = (0..n_classes)
            .map(|class| {
                let follows = f64::from(u8::from(row[3] == class as f32));
                let score = 0.06 * recency_days * (class % 2) as f64 + 2.0 * follows - 0.5 * class as f64;
                libm::exp(score)
            })
            .collect();
        let sum: f64 = shares.iter().sum();
        shares.iter_mut().for_each(|share| *share /= sum);
        truth.iter_mut().zip(&shares).for_each(|(truth, share)| *truth = *share);
        let mut drawn = random.uniform();
        let class = shares.iter().position(|share| {
            drawn -= share;
            drawn < 0.0
        });
        y.push(class.unwrap_or(n_classes - 1) as u32);
    }
    let customers = (0..n_rows as u64).map(|row| row / 3).collect();
    Market {
        x,
        columns,
        y,
        truth,
        n_classes,
        customers,
    }
}

impl Market {
    pub(crate) fn set(&self) -> TrainingSet<'_> {
        TrainingSet::new(self.x.view(), &self.columns, &self.y, self.n_classes, &self.customers).unwrap()
    }

    pub(crate) fn with_column(&self, column: Column, cell: f32) -> Market {
        let mut market = self.clone();
        market.columns.push(column);
        market
            .x
            .push_column(ndarray::Array1::from_elem(self.x.nrows(), cell).view())
            .unwrap();
        market.x = market.x.as_standard_layout().into_owned();
        market
    }
}
