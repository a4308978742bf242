//! The n-gram: its smoothing against the definition, its counts event by event, its word on rows it did not see.
#![cfg(feature = "fit")]
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use ndarray::{Array2, Axis};
use percorso_learners::{Column, Learned, Ngram, NgramCounts, Observed, Random, Smoothing, TrainingSet, metrics};

const ORDER: usize = 3;
const N_STEPS: u32 = 4;

/// Rows of up to three steps, most recent first, that end early now and then; the class leans on the first two.
struct Rows {
    x: Array2<f32>,
    columns: Vec<Column>,
    y: Vec<u32>,
    n_classes: usize,
    customers: Vec<u64>,
}

impl Rows {
    fn drawn(n_rows: usize, n_classes: usize, seed: u64) -> Rows {
        let mut random = Random::new(seed);
        let mut x = Array2::from_elem((n_rows, ORDER), f32::NAN);
        let mut y = Vec::new();
        for mut row in x.outer_iter_mut() {
            let n_steps = random.below(5).min(ORDER);
            (0..n_steps).for_each(|step| row[step] = random.below(N_STEPS as usize).min(random.below(4)) as f32);
            let liked = row.iter().take(2).filter(|cell| !cell.is_nan()).sum::<f32>() as usize;
            let class = if random.uniform() < 0.6 {
                liked % n_classes
            } else {
                random.below(n_classes).min(random.below(n_classes))
            };
            y.push(class as u32);
        }
        Rows {
            x,
            columns: (1..=ORDER)
                .map(|step| Column::category(format!("step_{step}"), N_STEPS))
                .collect(),
            y,
            n_classes,
            customers: (0..n_rows as u64).map(|row| row % 25).collect(),
        }
    }

    fn set(&self) -> TrainingSet<'_> {
        TrainingSet::new(self.x.view(), &self.columns, &self.y, self.n_classes, &self.customers).unwrap()
    }

    fn steps(&self, row: usize) -> Vec<u32> {
        let cells = self.x.row(row).to_vec().into_iter();
        cells
            .take_while(|cell| !cell.is_nan())
            .map(|cell| cell as u32)
            .collect()
    }

    fn observe(&self, rows: std::ops::Range<usize>, counts: &mut NgramCounts) {
        for row in rows {
            counts.observe(&self.observed(row, &self.steps(row))).unwrap();
        }
    }

    fn observed<'a>(&self, row: usize, steps: &'a [u32]) -> Observed<'a> {
        Observed {
            steps,
            class: self.y[row],
            customer: self.customers[row],
            weight: 1.0,
        }
    }
}

fn ngram(smoothing: Smoothing, min_customers: usize) -> Ngram {
    Ngram {
        smoothing,
        min_customers,
        ..Ngram::over((0..ORDER).collect())
    }
}

/// Each smoothing, with every context and with rare ones forgotten.
fn ngrams() -> Vec<Ngram> {
    let both = [Smoothing::WittenBell, Smoothing::KneserNey];
    both.into_iter()
        .flat_map(|smoothing| [0, 1, 9].map(|min_customers| ngram(smoothing, min_customers)))
        .collect()
}

/// The probabilities as the definition says, from all rows at once.
struct Definition<'a> {
    rows: &'a Rows,
    ngram: &'a Ngram,
}

impl Definition<'_> {
    fn of_context(&self, context: &[u32]) -> Vec<usize> {
        (0..self.rows.y.len())
            .filter(|row| self.rows.steps(*row).starts_with(context))
            .collect()
    }

    fn speaks(&self, context: &[u32]) -> bool {
        let customers: BTreeSet<u64> = self
            .of_context(context)
            .into_iter()
            .map(|row| self.rows.customers[row])
            .collect();
        context.is_empty() || customers.len() >= self.ngram.min_customers.max(1)
    }

    /// The count of each class: of rows, or of different steps (or none) one further back.
    fn counts(&self, context: &[u32], is_longest: bool) -> BTreeMap<u32, f64> {
        let mut counts = BTreeMap::new();
        let mut extensions = BTreeSet::new();
        for row in self.of_context(context) {
            let further = self.rows.steps(row).get(context.len()).copied();
            if is_longest || extensions.insert((self.rows.y[row], further)) {
                *counts.entry(self.rows.y[row]).or_insert(0.0) += 1.0;
            }
        }
        counts
    }

    fn discounts(&self, depth: usize, is_longest: bool) -> [f64; 3] {
        let contexts: BTreeSet<Vec<u32>> = (0..self.rows.y.len())
            .map(|row| self.rows.steps(row))
            .filter(|steps| steps.len() >= depth)
            .map(|steps| steps[..depth].to_vec())
            .filter(|context| self.speaks(context))
            .collect();
        let counts: Vec<f64> = contexts
            .iter()
            .flat_map(|context| self.counts(context, is_longest).into_values())
            .collect();
        let n = |count: f64| counts.iter().filter(|found| **found == count).count() as f64;
        let y = n(1.0) / (n(1.0) + 2.0 * n(2.0));
        let discounts = [
            1.0 - 2.0 * y * n(2.0) / n(1.0),
            2.0 - 3.0 * y * n(3.0) / n(2.0),
            3.0 - 4.0 * y * n(4.0) / n(3.0),
        ];
        let is_told = (1..=4).all(|count| n(f64::from(count)) > 0.0);
        if is_told && discounts.iter().all(|discount| *discount > 0.0) {
            discounts
        } else {
            [0.5, 1.0, 1.5]
        }
    }

    fn probabilities(&self, context: &[u32], is_longest: bool) -> Vec<f64> {
        let shorter = match context.split_last() {
            None => vec![1.0 / self.rows.n_classes as f64; self.rows.n_classes],
            Some((_, shorter)) => self.probabilities(shorter, false),
        };
        let counts = self.counts(context, is_longest || self.ngram.smoothing == Smoothing::WittenBell);
        let total: f64 = counts.values().sum();
        let discounts = self.discounts(context.len(), is_longest);
        let discount = |count: f64| discounts[(count as usize).min(3) - 1];
        (0..)
            .zip(&shorter)
            .map(|(class, shorter)| {
                let count = counts.get(&class).copied().unwrap_or(0.0);
                match self.ngram.smoothing {
                    Smoothing::WittenBell => {
                        let n_seen = counts.len() as f64;
                        (count + n_seen * shorter) / (total + n_seen)
                    }
                    Smoothing::KneserNey => {
                        let given: f64 = counts.values().map(|count| discount(*count)).sum();
                        let kept = if count > 0.0 { count - discount(count) } else { 0.0 };
                        (kept + given * shorter) / total
                    }
                }
            })
            .collect()
    }
}

#[test]
fn probabilities_are_those_of_the_definition() {
    for (n_classes, seed) in [(2, 1), (6, 2), (6, 3)] {
        let rows = Rows::drawn(150, n_classes, seed);
        for ngram in ngrams() {
            let definition = Definition {
                rows: &rows,
                ngram: &ngram,
            };
            let learned = Learned::Ngram(ngram.fit(&rows.set()).unwrap());
            let p = learned.predict(&rows.x.view());
            for (row, p) in p.outer_iter().enumerate().step_by(3) {
                let mut context = rows.steps(row);
                while !(0..=context.len()).all(|n_steps| definition.speaks(&context[..n_steps])) {
                    context.pop();
                }
                let expected = definition.probabilities(&context, true);
                for (p, expected) in p.iter().zip(expected) {
                    assert!((p - expected).abs() < 1e-12, "{ngram:?}: {p}, expected {expected}");
                }
            }
        }
    }
}

#[test]
fn counting_on_from_half_the_rows_is_fitting_all_of_them() {
    let rows = Rows::drawn(800, 5, 4);
    let half = Rows {
        x: rows.x.slice_axis(Axis(0), (..400).into()).to_owned(),
        y: rows.y[..400].to_vec(),
        customers: rows.customers[..400].to_vec(),
        columns: rows.columns.clone(),
        ..rows
    };
    for ngram in ngrams() {
        let mut counts = ngram.count(&half.set()).unwrap();
        assert_eq!(counts.freeze(), ngram.fit(&half.set()).unwrap());
        rows.observe(400..800, &mut counts);
        assert_eq!(counts.freeze(), ngram.fit(&rows.set()).unwrap());
    }
}

#[test]
fn counts_predict_the_bits_of_what_they_freeze_to_at_any_moment() {
    let rows = Rows::drawn(300, 4, 5);
    for ngram in ngrams() {
        let mut counts = NgramCounts::new(&ngram, 4).unwrap();
        let (mut live, mut frozen) = ([0.0; 4], [0.0; 4]);
        for row in 0..300 {
            let steps = rows.steps(row);
            counts.predict_into(&steps, &mut live);
            assert!((live.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            if row % 17 == 0 {
                let fitted = Learned::Ngram(counts.freeze());
                fitted.predict_into(&rows.x.row(row).to_vec(), &mut frozen);
                assert_eq!(
                    live.map(f64::to_bits),
                    frozen.map(f64::to_bits),
                    "{ngram:?} before row {row}"
                );
            }
            counts.observe(&rows.observed(row, &steps)).unwrap();
        }
    }
}

/// The order of rows can change sums of weights in their last bits only, and whole weights not at all.
#[test]
fn the_order_of_observations_does_not_matter() {
    let rows = Rows::drawn(300, 4, 6);
    for ngram in ngrams() {
        let mut backwards = NgramCounts::new(&ngram, 4).unwrap();
        (0..300)
            .rev()
            .for_each(|row| rows.observe(row..row + 1, &mut backwards));
        assert_eq!(backwards.freeze(), ngram.fit(&rows.set()).unwrap());
    }
}

#[test]
fn an_observation_that_cannot_be_is_refused_and_not_counted() {
    let mut counts = NgramCounts::new(&ngram(Smoothing::KneserNey, 1), 2).unwrap();
    let good = Observed {
        steps: &[1],
        class: 1,
        customer: 1,
        weight: 1.0,
    };
    counts.observe(&good).unwrap();
    let before = counts.clone();
    let message = |wrong: Observed<'_>, counts: &mut NgramCounts| counts.observe(&wrong).unwrap_err().to_string();
    let class = message(Observed { class: 2, ..good }, &mut counts);
    assert_eq!(class, "row 1 has class 2, expected one below 2");
    let weight = message(Observed { weight: -1.0, ..good }, &mut counts);
    assert!(weight.starts_with("row 1 has weight -1"), "{weight}");
    assert_eq!(counts, before);
    assert!(NgramCounts::new(&ngram(Smoothing::KneserNey, 1), 1).is_err());
}

#[test]
fn kneser_ney_loses_less_than_witten_bell_on_new_rows() {
    for n_classes in [2, 6] {
        let (train, test) = (Rows::drawn(1_500, n_classes, 7), Rows::drawn(6_000, n_classes, 8));
        let loss = |smoothing| {
            let learned = Learned::Ngram(ngram(smoothing, 1).fit(&train.set()).unwrap());
            metrics::multiclass(learned.predict(&test.x.view()).view(), &test.y)
                .unwrap()
                .log_loss
        };
        let (kneser_ney, witten_bell) = (loss(Smoothing::KneserNey), loss(Smoothing::WittenBell));
        println!("{n_classes}: {kneser_ney} {witten_bell}");
        assert!(
            kneser_ney < witten_bell + 0.001,
            "{kneser_ney}, Witten-Bell {witten_bell}"
        );
    }
}

#[test]
fn out_of_fold_no_row_is_predicted_from_its_own_customer() {
    let rows = Rows::drawn(300, 4, 9);
    for ngram in ngrams() {
        let p = ngram.out_of_fold(&rows.set(), 5, 1).unwrap();
        for customer in [0, 17, 24] {
            let mut changed = Rows {
                x: rows.x.clone(),
                columns: rows.columns.clone(),
                y: rows.y.clone(),
                customers: rows.customers.clone(),
                ..rows
            };
            let own = |row: &usize| rows.customers[*row] == customer;
            (0..300)
                .filter(own)
                .for_each(|row| changed.y[row] = (changed.y[row] + 1) % 4);
            let after = ngram.out_of_fold(&changed.set(), 5, 1).unwrap();
            let is_same = |row: &usize| p.row(*row) == after.row(*row);
            assert!((0..300).filter(own).all(|row| is_same(&row)), "customer {customer}");
            assert!(
                !(0..300).all(|row| is_same(&row)),
                "others learn from customer {customer}"
            );
        }
        assert_eq!(p, ngram.out_of_fold(&rows.set(), 5, 1).unwrap());
        assert!(p.outer_iter().all(|row| (row.sum() - 1.0).abs() < 1e-12));
        assert!(ngram.out_of_fold(&rows.set(), 1, 1).is_err());
    }
}

#[test]
fn out_of_fold_a_single_customer_is_told_nothing() {
    let mut rows = Rows::drawn(20, 4, 9);
    rows.customers.fill(3);
    let p = ngram(Smoothing::KneserNey, 1).out_of_fold(&rows.set(), 3, 1).unwrap();
    assert!(p.iter().all(|p| (p - 0.25).abs() < 1e-12));
}

#[test]
fn a_context_of_too_few_customers_is_forgotten_however_many_its_rows() {
    for n_customers in [8, 9] {
        let mut counts = NgramCounts::new(&ngram(Smoothing::KneserNey, 9), 2).unwrap();
        for row in 0..100 {
            let observed = Observed {
                steps: &[1, 2],
                class: row % 2,
                customer: u64::from(row % n_customers),
                weight: 1.0,
            };
            counts.observe(&observed).unwrap();
        }
        let n_contexts = if n_customers < 9 { 1 } else { 3 };
        assert_eq!(counts.freeze().n_contexts(), n_contexts);
    }
}
