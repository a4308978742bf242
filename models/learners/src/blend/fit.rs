//! Fitting a blend's parts, and finding their weights.

use ndarray::{Array2, ArrayView2};

use super::{Blend, FittedBlend};
use crate::odds::{FLOOR, softmax};
use crate::training_set::{check_classes, check_length};
use crate::{Error, Learner, Level, Result, TrainingSet, setting};

const MAX_STEPS: usize = 200;
/// A step that lowers the mean loss by less than this is the last.
const TOLERANCE: f64 = 1e-9;

impl Blend {
    /// The parts fitted on the set.
    ///
    /// # Errors
    /// - there is no part, not one weight a part, a weight is negative, or a part is a blend
    /// - a part cannot be fitted
    pub fn fit(&self, set: &TrainingSet<'_>, seed: u64) -> Result<FittedBlend> {
        check_length("weights, one for each part", self.parts.len(), self.weights.len())?;
        let are_parts = !self.parts.is_empty() && !self.parts.iter().any(|part| matches!(part, Learner::Blend(_)));
        let expected = "parts that are no blends, at least one";
        setting::check("weights of a blend", are_parts, expected, self.parts.len() as f64)?;
        for weight in &self.weights {
            let is_within = *weight >= 0.0 && weight.is_finite();
            setting::check("weights of a blend", is_within, "0 or more", *weight)?;
        }
        let parts = self
            .parts
            .iter()
            .map(|part| part.fit(set, seed))
            .collect::<Result<_>>()?;
        Ok(FittedBlend {
            parts,
            weights: self.weights.clone(),
        })
    }
}

/// What several learners said about the same rows, none of which they learned from.
#[derive(Debug, Clone, Copy)]
pub struct Opinions<'a> {
    /// For each learner the probability of each class (columns) for each row (rows).
    pub opinions: &'a [ArrayView2<'a, f64>],
    /// The class of each row.
    pub y: &'a [u32],
    /// The origin (or fold) of each row.
    pub origins: &'a [u64],
    /// Kept: the level of each origin is set right before opinions are judged (two classes only), so that weights are
    /// found that tell customers apart, not ones that happen to suit an origin's base rate.
    pub level: Level,
}

/// The weights, 0 or more, under which the pooled opinions have the least log loss.
///
/// The loss is convex in the weights; projected gradient steps with a backtracking length find its least.
///
/// # Errors
/// - there is no opinion or row, a length differs, or a class is not declared
pub fn weights(rows: &Opinions<'_>) -> Result<Vec<f64>> {
    let pool = Pool::of(rows)?;
    let n_parts = rows.opinions.len();
    // The last places are the levels of origins.
    let mut at = vec![1.0 / n_parts as f64; n_parts];
    at.resize(n_parts + pool.n_levels, 0.0);
    let (mut loss, mut gradient) = pool.loss(&at);
    let mut length = 1.0;
    for _ in 0..MAX_STEPS {
        let (next, next_loss, next_gradient) = loop {
            let mut next: Vec<f64> = at
                .iter()
                .zip(&gradient)
                .map(|(at, slope)| at - length * slope)
                .collect();
            next[..n_parts].iter_mut().for_each(|weight| *weight = weight.max(0.0));
            let (next_loss, next_gradient) = pool.loss(&next);
            let moved: f64 = next
                .iter()
                .zip(&at)
                .zip(&gradient)
                .map(|((next, at), slope)| (at - next) * slope)
                .sum();
            if next_loss <= loss - 0.3 * moved || length < 1e-12 {
                break (next, next_loss, next_gradient);
            }
            length *= 0.5;
        };
        let saved = loss - next_loss;
        (at, loss, gradient) = (next, next_loss, next_gradient);
        length *= 2.0;
        if saved < TOLERANCE {
            break;
        }
    }
    at.truncate(n_parts);
    Ok(at)
}

/// The pooled probabilities of each row under these weights: what a blend of the opinions' learners would say.
pub(crate) fn pooled(opinions: &[ArrayView2<'_, f64>], weights: &[f64]) -> Array2<f64> {
    let mut pooled = Array2::zeros(opinions[0].dim());
    for (row, mut out) in pooled.outer_iter_mut().enumerate() {
        let out = out.as_slice_mut().expect("a new matrix is row-major");
        for (opinion, weight) in opinions.iter().zip(weights) {
            super::pool(opinion.row(row).iter(), *weight, out);
        }
        super::settle_pool(out);
    }
    pooled
}

/// Logarithms of all opinions, row by row.
struct Pool<'a> {
    y: &'a [u32],
    n_classes: usize,
    n_parts: usize,
    /// For each row, for each part, for each class.
    logs: Vec<f64>,
    /// The level that each row's origin has; none when levels are free.
    level_of: Vec<usize>,
    n_levels: usize,
}

impl<'a> Pool<'a> {
    fn of(rows: &Opinions<'a>) -> Result<Pool<'a>> {
        let Some(first) = rows.opinions.first() else {
            return Err(Error::Length {
                what: "opinions or more",
                expected: 1,
                found: 0,
            });
        };
        let (n_rows, n_classes) = first.dim();
        if n_rows == 0 {
            return Err(Error::NoRows);
        }
        check_length("classes, one for each row", n_rows, rows.y.len())?;
        check_length("origins, one for each row", n_rows, rows.origins.len())?;
        for opinion in rows.opinions {
            check_length("rows of an opinion", n_rows, opinion.nrows())?;
            check_length("classes of an opinion", n_classes, opinion.ncols())?;
        }
        check_classes(rows.y, n_classes)?;
        let mut logs = Vec::with_capacity(n_rows * rows.opinions.len() * n_classes);
        for row in 0..n_rows {
            for opinion in rows.opinions {
                logs.extend(opinion.row(row).iter().map(|p| libm::log(p.max(FLOOR))));
            }
        }
        let mut levels: Vec<u64> = match rows.level {
            Level::Kept if n_classes == 2 => rows.origins.to_vec(),
            Level::Kept | Level::Free => Vec::new(),
        };
        levels.sort_unstable();
        levels.dedup();
        let level_of = match levels.is_empty() {
            true => Vec::new(),
            false => rows
                .origins
                .iter()
                .map(|origin| levels.partition_point(|level| level < origin))
                .collect(),
        };
        Ok(Pool {
            y: rows.y,
            n_classes,
            n_parts: rows.opinions.len(),
            logs,
            level_of,
            n_levels: levels.len(),
        })
    }

    /// The mean log loss and its gradient by weights and levels.
    fn loss(&self, at: &[f64]) -> (f64, Vec<f64>) {
        let mut gradient = vec![0.0; at.len()];
        let mut scores = vec![0.0; self.n_classes];
        let mut loss = 0.0;
        for (row, class) in self.y.iter().enumerate() {
            let class = *class as usize;
            let logs = &self.logs[row * self.n_parts * self.n_classes..(row + 1) * self.n_parts * self.n_classes];
            scores.fill(0.0);
            for (opinion, weight) in logs.chunks(self.n_classes).zip(at) {
                scores
                    .iter_mut()
                    .zip(opinion)
                    .for_each(|(score, log)| *score += weight * log);
            }
            if let Some(level) = self.level_of.get(row) {
                scores[1] += at[self.n_parts + level];
            }
            softmax(&mut scores);
            loss -= libm::log(scores[class].max(f64::MIN_POSITIVE));
            scores[class] -= 1.0;
            for (opinion, slope) in logs.chunks(self.n_classes).zip(&mut gradient) {
                *slope += opinion
                    .iter()
                    .zip(&scores)
                    .map(|(log, residual)| log * residual)
                    .sum::<f64>();
            }
            if let Some(level) = self.level_of.get(row) {
                gradient[self.n_parts + level] += scores[1];
            }
        }
        let n_rows = self.y.len() as f64;
        gradient.iter_mut().for_each(|slope| *slope /= n_rows);
        (loss / n_rows, gradient)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Random;
    use crate::odds::probability;

    /// Labels drawn from a probability, and opinions that see only a part of its log-odds.
    fn opinions(n_rows: usize) -> (Vec<u32>, [Array2<f64>; 3]) {
        let mut random = Random::new(5);
        let mut y = Vec::new();
        let mut tables = [(); 3].map(|()| Array2::zeros((n_rows, 2)));
        for row in 0..n_rows {
            let (a, b) = (4.0 * random.uniform() - 2.0, 4.0 * random.uniform() - 2.0);
            y.push(u32::from(random.uniform() < probability(a + 0.5 * b)));
            let noise = 4.0 * random.uniform() - 2.0;
            for (table, score) in tables.iter_mut().zip([a, b, noise]) {
                table[(row, 1)] = probability(score);
                table[(row, 0)] = 1.0 - probability(score);
            }
        }
        (y, tables)
    }

    #[test]
    fn weights_are_those_that_the_labels_were_drawn_with_and_noise_has_none() {
        let (y, tables) = opinions(30_000);
        let views: Vec<ArrayView2<'_, f64>> = tables.iter().map(Array2::view).collect();
        let rows = Opinions {
            opinions: &views,
            y: &y,
            origins: &vec![0; y.len()],
            level: Level::Free,
        };
        let found = weights(&rows).unwrap();
        for (found, expected) in found.iter().zip([1.0, 0.5, 0.0]) {
            assert!((found - expected).abs() < 0.04, "{found}, expected {expected}");
        }
    }

    #[test]
    fn a_kept_level_lets_an_origins_base_rate_not_speak() {
        let (mut y, tables) = opinions(30_000);
        // In the second origin most of the positives went away for a reason that no opinion knows.
        let origins: Vec<u64> = (0..y.len() as u64).map(|row| row % 2).collect();
        let mut random = Random::new(6);
        for (class, origin) in y.iter_mut().zip(&origins) {
            if *origin == 1 && random.uniform() < 0.7 {
                *class = 0;
            }
        }
        let views: Vec<ArrayView2<'_, f64>> = tables[..2].iter().map(Array2::view).collect();
        let found = |level| {
            let rows = Opinions {
                opinions: &views,
                y: &y,
                origins: &origins,
                level,
            };
            weights(&rows).unwrap()
        };
        let (kept, free) = (found(Level::Kept), found(Level::Free));
        assert!(kept[0] > free[0] + 0.05, "kept {kept:?}, free {free:?}");
        assert!((kept[1] / kept[0] - 0.5).abs() < 0.05, "{kept:?}");
    }

    #[test]
    fn opinions_that_cannot_be_pooled_are_refused() {
        let (y, tables) = opinions(10);
        let views = [tables[0].view()];
        let rows = Opinions {
            opinions: &views,
            y: &y[..9],
            origins: &[0; 10],
            level: Level::Free,
        };
        assert!(matches!(weights(&rows), Err(Error::Length { .. })));
        assert!(weights(&Opinions { opinions: &[], ..rows }).is_err());
        assert!(matches!(
            weights(&Opinions { y: &[7; 10], ..rows }),
            Err(Error::Class { row: 0, .. })
        ));
    }
}
