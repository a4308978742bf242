//! What followed the same last steps: an n-gram with back-off over the most recent touchpoints.

use percorso_artefact::{Artefact, Sealer};

use crate::odds::{floor_and_normalise, log_odds};
use crate::training_set::code;
use crate::{Error, Result};

/// The most steps that are looked back.
pub const MAX_ORDER: usize = 8;

/// Settings of the n-gram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ngram {
    /// The positions of the category columns that hold the steps, most recent first; a missing cell ends the sequence.
    pub columns: Vec<usize>,
    /// The most steps to look back, 0 to [`MAX_ORDER`].
    pub max_order: usize,
    /// The fewest distinct customers that a context needs; rarer contexts are forgotten, so that none is remembered.
    pub min_customers: usize,
}

impl Ngram {
    /// Up to eight steps back in these columns, contexts of ten customers or more.
    pub fn over(columns: Vec<usize>) -> Ngram {
        Ngram {
            columns,
            max_order: MAX_ORDER,
            min_customers: 10,
        }
    }
}

/// The contexts as a tree: the root knows no step, each level one step further back.
///
/// A class's probability in a context interpolates its share there with its probability one step shorter, by
/// Witten and Bell (1991, "The zero-frequency problem"; as in Chen and Goodman 1999, section 2.4):
/// `P(w|h) = (c(h,w) + t(h) P(w|h')) / (c(h) + t(h))`, with `t(h)` the number of distinct classes after `h`.
/// The shortest context interpolates with equal shares.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedNgram {
    n_classes: usize,
    columns: Vec<u32>,
    /// The step that leads to each context; contexts are in breadth-first order, siblings by rising step.
    steps: Vec<u32>,
    /// Where the children of each context begin; the next one's beginning is their end.
    first_child: Vec<u32>,
    /// The weight of the shorter context.
    back_off: Vec<f64>,
    /// Where the seen classes of each context begin.
    first_seen: Vec<u32>,
    seen_class: Vec<u32>,
    seen_weight: Vec<f64>,
}

#[cfg(feature = "fit")]
impl Ngram {
    /// The contexts in the set; works with a single class too.
    ///
    /// # Errors
    /// - `max_order` is above [`MAX_ORDER`]
    /// - a column is not there or does not hold categories
    pub fn fit(&self, set: &crate::TrainingSet<'_>) -> Result<FittedNgram> {
        use std::collections::{BTreeMap, VecDeque};

        self.check(set)?;
        let n_classes = set.n_classes();
        let columns: Vec<u32> = self
            .columns
            .iter()
            .take(self.max_order)
            .map(|column| *column as u32)
            .collect();
        let mut fitted = FittedNgram {
            n_classes,
            columns,
            steps: vec![0],
            first_child: Vec::new(),
            back_off: Vec::new(),
            first_seen: vec![0],
            seen_class: Vec::new(),
            seen_weight: Vec::new(),
        };
        // In customer order, distinct customers are counted by looking at neighbours.
        let customers = set.customers();
        let mut rows: Vec<u32> = (0..set.n_rows() as u32).collect();
        rows.sort_by_key(|row| customers[*row as usize]);
        let n_customers = |rows: &[u32]| {
            let customer = |row: &u32| customers[*row as usize];
            rows.chunk_by(|a, b| customer(a) == customer(b)).count()
        };

        let mut contexts = VecDeque::from([(0, rows)]);
        while let Some((depth, rows)) = contexts.pop_front() {
            fitted.count_classes(rows.iter().map(|row| set.y()[*row as usize]));
            fitted.first_child.push(fitted.steps.len() as u32);
            let Some(column) = fitted.columns.get(depth) else {
                continue;
            };
            let mut by_step: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
            for row in rows {
                if let Some(step) = code(set.row(row as usize)[*column as usize]) {
                    by_step.entry(step).or_default().push(row);
                }
            }
            for (step, rows) in by_step {
                if n_customers(&rows) >= self.min_customers {
                    fitted.steps.push(step);
                    contexts.push_back((depth + 1, rows));
                }
            }
        }
        fitted.first_child.push(fitted.steps.len() as u32);
        Ok(fitted)
    }

    fn check(&self, set: &crate::TrainingSet<'_>) -> Result<()> {
        const LEARNER: &str = "ngram";
        if self.max_order > MAX_ORDER {
            let found = self.max_order as f64;
            return Err(Error::Setting {
                setting: "max_order",
                expected: "0 to 8",
                found,
            });
        }
        let columns = set.columns();
        for position in &self.columns {
            let column = columns.get(*position).ok_or_else(|| Error::NoSuchColumn {
                learner: LEARNER,
                column: position.to_string(),
                n_columns: columns.len(),
            })?;
            if column.kind == crate::ColumnKind::Number {
                return Err(Error::ColumnKind {
                    learner: LEARNER,
                    column: column.name.clone(),
                    expected: "category",
                });
            }
        }
        Ok(())
    }
}

impl FittedNgram {
    #[cfg(feature = "fit")]
    fn count_classes(&mut self, classes: impl Iterator<Item = u32>) {
        let mut counts = vec![0u64; self.n_classes];
        for class in classes {
            counts[class as usize] += 1;
        }
        let n_rows = counts.iter().sum::<u64>() as f64;
        let n_seen = counts.iter().filter(|count| **count > 0).count() as f64;
        for (class, count) in counts.into_iter().enumerate().filter(|(_, count)| *count > 0) {
            self.seen_class.push(class as u32);
            self.seen_weight.push(count as f64 / (n_rows + n_seen));
        }
        self.first_seen.push(self.seen_class.len() as u32);
        self.back_off.push(n_seen / (n_rows + n_seen));
    }

    pub(crate) fn n_classes(&self) -> usize {
        self.n_classes
    }

    /// The number of contexts kept, the empty one included.
    pub fn n_contexts(&self) -> usize {
        self.steps.len()
    }

    pub(crate) fn predict_into(&self, row: &[f32], out: &mut [f64]) {
        self.start(out);
        let mut context = 0;
        for column in &self.columns {
            let Some(step) = code(row[*column as usize]) else {
                break;
            };
            let Some(child) = self.child(context, step) else {
                break;
            };
            context = child;
            self.interpolate(context, out);
        }
        floor_and_normalise(out);
    }

    /// All of the difference from the shortest context belongs to the most recent step's column.
    pub(crate) fn contributions(&self, row: &[f32], class: usize, out: &mut [f64]) -> f64 {
        let mut probabilities = vec![0.0; self.n_classes];
        self.start(&mut probabilities);
        floor_and_normalise(&mut probabilities);
        let base = log_odds(probabilities[class]);
        out.fill(0.0);
        if let Some(column) = self.columns.first() {
            self.predict_into(row, &mut probabilities);
            out[*column as usize] = log_odds(probabilities[class]) - base;
        }
        base
    }

    fn start(&self, out: &mut [f64]) {
        out.fill(1.0 / self.n_classes as f64);
        self.interpolate(0, out);
    }

    fn interpolate(&self, context: usize, out: &mut [f64]) {
        for probability in out.iter_mut() {
            *probability *= self.back_off[context];
        }
        let seen = self.first_seen[context] as usize..self.first_seen[context + 1] as usize;
        for (class, weight) in self.seen_class[seen.clone()].iter().zip(&self.seen_weight[seen]) {
            out[*class as usize] += weight;
        }
    }

    fn child(&self, context: usize, step: u32) -> Option<usize> {
        let first = self.first_child[context] as usize;
        let end = self.first_child[context + 1] as usize;
        self.steps[first..end]
            .binary_search(&step)
            .ok()
            .map(|position| first + position)
    }

    pub(crate) fn seal(&self, prefix: &str, sealer: &mut Sealer) -> Result<()> {
        sealer.put_scalar(&format!("{prefix}/n_classes"), self.n_classes as u32)?;
        sealer.put_vector(&format!("{prefix}/columns"), &self.columns)?;
        sealer.put_vector(&format!("{prefix}/steps"), &self.steps)?;
        sealer.put_vector(&format!("{prefix}/first_child"), &self.first_child)?;
        sealer.put_vector(&format!("{prefix}/back_off"), &self.back_off)?;
        sealer.put_vector(&format!("{prefix}/first_seen"), &self.first_seen)?;
        sealer.put_vector(&format!("{prefix}/seen_class"), &self.seen_class)?;
        Ok(sealer.put_vector(&format!("{prefix}/seen_weight"), &self.seen_weight)?)
    }

    pub(crate) fn open(prefix: &str, artefact: &Artefact) -> Result<FittedNgram> {
        let name = |array: &str| format!("{prefix}/{array}");
        let steps = artefact.vector::<u32>(&name("steps"))?.to_vec();
        let n_contexts = steps.len();
        let seen_class = artefact.vector::<u32>(&name("seen_class"))?.to_vec();
        let fitted = FittedNgram {
            n_classes: artefact.scalar::<u32>(&name("n_classes"))? as usize,
            columns: artefact.vector::<u32>(&name("columns"))?.to_vec(),
            first_child: artefact.array::<u32>(&name("first_child"), &[n_contexts + 1])?.to_vec(),
            back_off: artefact.array::<f64>(&name("back_off"), &[n_contexts])?.to_vec(),
            first_seen: artefact.array::<u32>(&name("first_seen"), &[n_contexts + 1])?.to_vec(),
            seen_weight: artefact
                .array::<f64>(&name("seen_weight"), &[seen_class.len()])?
                .to_vec(),
            seen_class,
            steps,
        };
        let malformed = |why| Error::Malformed {
            prefix: prefix.to_owned(),
            what: "n-gram",
            why,
        };
        let rises_to =
            |starts: &[u32], end: usize| starts.is_sorted() && starts.last().copied() == u32::try_from(end).ok();
        if fitted.n_classes < 2 || n_contexts == 0 {
            return Err(malformed("it needs two or more classes and the shortest context"));
        }
        if !rises_to(&fitted.first_child, n_contexts) || !rises_to(&fitted.first_seen, fitted.seen_class.len()) {
            return Err(malformed("the places of its contexts do not rise to their end"));
        }
        if fitted
            .seen_class
            .iter()
            .any(|class| *class as usize >= fitted.n_classes)
        {
            return Err(malformed("it has seen a class that it does not have"));
        }
        let weights = fitted.back_off.iter().chain(&fitted.seen_weight);
        if weights.into_iter().any(|weight| !(0.0..=1.0).contains(weight)) {
            return Err(malformed("a weight is not from 0 to 1"));
        }
        Ok(fitted)
    }
}

#[cfg(all(test, feature = "fit"))]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::{Column, TrainingSet};

    /// Rows of steps (most recent first) and a class; each row is its own customer unless said otherwise.
    fn fitted(rows: &[([f32; 2], u32)], customers: &[u64], min_customers: usize) -> FittedNgram {
        let x = Array2::from_shape_vec((rows.len(), 2), rows.iter().flat_map(|row| row.0).collect()).unwrap();
        let columns = [Column::category("step_1", 3), Column::category("step_2", 3)];
        let y: Vec<u32> = rows.iter().map(|row| row.1).collect();
        let set = TrainingSet::new(x.view(), &columns, &y, 2, customers).unwrap();
        Ngram {
            min_customers,
            ..Ngram::over(vec![0, 1])
        }
        .fit(&set)
        .unwrap()
    }

    fn predicted(ngram: &FittedNgram, steps: [f32; 2]) -> f64 {
        let mut out = [0.0; 2];
        ngram.predict_into(&steps, &mut out);
        out[1]
    }

    #[test]
    fn probabilities_are_those_of_the_formula_by_hand() {
        let rows = [([0.0, 1.0], 1), ([0.0, 1.0], 1), ([0.0, 2.0], 0), ([1.0, f32::NAN], 0)];
        let ngram = fitted(&rows, &[1, 2, 3, 4], 1);
        let root = (2.0 + 2.0 * 0.5) / (4.0 + 2.0);
        let after_0 = (2.0 + 2.0 * root) / (3.0 + 2.0);
        let after_0_1 = (2.0 + 1.0 * after_0) / (2.0 + 1.0);
        assert!((predicted(&ngram, [f32::NAN, 0.0]) - root).abs() < 1e-15);
        assert!((predicted(&ngram, [0.0, 0.0]) - after_0).abs() < 1e-15);
        assert!((predicted(&ngram, [0.0, 1.0]) - after_0_1).abs() < 1e-15);
    }

    #[test]
    fn a_context_of_too_few_customers_is_forgotten() {
        let rows = [([0.0, 1.0], 1), ([0.0, 1.0], 1), ([0.0, 2.0], 0), ([1.0, 1.0], 0)];
        assert_eq!(fitted(&rows, &[1, 2, 3, 4], 2).n_contexts(), 3);
        // The same rows of one customer: only the shortest context is left.
        assert_eq!(fitted(&rows, &[1, 1, 1, 1], 2).n_contexts(), 1);
    }
}
