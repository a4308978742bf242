//! How far each of some arms moves known log-odds, and for whom: lines found term by term.

use ndarray::ArrayView2;
use rayon::prelude::*;

use super::design::{self, Term};
use super::solution::{Solution, assemble};
use super::{FittedRidge, Shift, ShiftFit, Shifts};
use crate::odds::{probability, softplus};
use crate::random::Random;
use crate::training_set::{check_classes, check_length};
use crate::{Column, Error, Result, TrainingSet, fold_of, setting};

/// Steps between two looks at all terms; in between only the most promising are looked at.
const ROUND: usize = 10;
/// How many terms those are, of each group.
const PROMISING: usize = 24;
/// Rounds without a better answer after which the search ends.
const PATIENCE: usize = 3;
/// Steps that bring levels to where they belong before any term is taken.
const FIRST_LEVELS: usize = 6;
/// Keeps a term of hardly any spread from being taken.
const LEAST_CURVATURE: f32 = 1.0;

impl Shift {
    /// The lines that move each row's log-odds nearest to what came of it (class 1 or 0) under its arm (0 for the control),
    /// and those found without each fold of customers.
    ///
    /// # Errors
    /// - there is no row, a length differs, a cell is infinite or not one of its codes, a class is neither 0 nor 1
    /// - an arm is not below `n_arms`, log-odds are not finite, or a setting is outside its range
    pub fn fit(
        &self,
        x: ArrayView2<'_, f32>,
        columns: &[Column],
        given: &GivenArms<'_>,
        customers: &[u64],
        seed: u64,
    ) -> Result<ShiftFit> {
        setting::check(
            "rate",
            self.rate > 0.0 && self.rate <= 1.0,
            "above 0, at most 1",
            self.rate,
        )?;
        setting::check("n_folds", self.n_folds >= 2, "at least 2", self.n_folds as f64)?;
        setting::at_least_one("max_rows", self.max_rows)?;
        let no_classes = vec![0; x.nrows()];
        let set = TrainingSet::new(x.view(), columns, &no_classes, 2, customers)?;
        given.check(x.nrows())?;
        let rows = Rows::of(&set, self, given, seed);
        let mut paths: Vec<Path> = (0..self.n_folds).map(|fold| Path::without(&rows, Some(fold))).collect();
        let mut best = (0, lost_after(&paths, 0));
        let mut n_steps = 0;
        while n_steps < self.max_steps && n_steps < best.0 + PATIENCE * ROUND {
            paths.par_iter_mut().for_each(|path| path.walk(&rows, self.rate, ROUND));
            for step in n_steps + 1..=n_steps + ROUND {
                let lost = lost_after(&paths, step);
                if lost < best.1 {
                    best = (step, lost);
                }
            }
            n_steps += ROUND;
        }
        let n_steps = best.0;
        let mut whole = Path::without(&rows, None);
        whole.walk(&rows, self.rate, n_steps);
        Ok(ShiftFit {
            whole: whole.lines_after(&rows, n_steps),
            without: paths.iter().map(|path| path.lines_after(&rows, n_steps)).collect(),
            seed,
        })
    }
}

/// What rows were given and what came of it, one of each for each row.
#[derive(Clone, Copy, Debug)]
pub struct GivenArms<'a> {
    /// 0 for the control.
    pub arm: &'a [u32],
    /// How many arms there are, the control included; at least 2.
    pub n_arms: usize,
    /// 1 where it came, else 0.
    pub y: &'a [u32],
    /// What is expected whichever arm is given, by a model that has not seen the row.
    pub log_odds: &'a [f64],
}

impl GivenArms<'_> {
    fn check(&self, n_rows: usize) -> Result<()> {
        check_length("classes, one for each row", n_rows, self.y.len())?;
        check_classes(self.y, 2)?;
        check_length("arms, one for each row", n_rows, self.arm.len())?;
        check_classes(self.arm, self.n_arms)?;
        check_length("log-odds, one for each row", n_rows, self.log_odds.len())?;
        if let Some(row) = self.log_odds.iter().position(|odds| !odds.is_finite()) {
            let expected = "finite log-odds";
            let found = self.log_odds[row];
            return Err(Error::Target { row, found, expected });
        }
        Ok(())
    }
}

fn lost_after(paths: &[Path], step: usize) -> f64 {
    paths.iter().map(|path| path.lost[step]).sum()
}

/// What counts of a row, group by group: what is expected of all (1), what each arm does (1 where it was given), and what
/// all arms do alike where there are several (1 where any was given); of the arms less the mean over rows, so that what
/// they do is not taken for what is expected without them.
struct Groups {
    /// By group, then by the arm that a row was given.
    coding: Vec<Vec<f64>>,
    /// How many groups, the first ones, have a level; what arms do alike has the levels of the arms.
    n_levels: usize,
}

impl Groups {
    fn of(arms: &[u32], n_arms: usize) -> Groups {
        let mut shares = vec![0.0; n_arms];
        arms.iter().for_each(|arm| shares[*arm as usize] += 1.0);
        shares.iter_mut().for_each(|share| *share /= arms.len() as f64);
        let centred = |is_of: &dyn Fn(usize) -> bool| -> Vec<f64> {
            let share: f64 = (0..n_arms).filter(|arm| is_of(*arm)).map(|arm| shares[arm]).sum();
            (0..n_arms).map(|arm| f64::from(u8::from(is_of(arm))) - share).collect()
        };
        let mut coding = vec![vec![1.0; n_arms]];
        coding.extend((1..n_arms).map(|of| centred(&|arm| arm == of)));
        if n_arms > 2 {
            coding.push(centred(&|arm| arm > 0));
        }
        Groups {
            coding,
            n_levels: n_arms,
        }
    }

    fn n(&self) -> usize {
        self.coding.len()
    }
}

/// Rows to learn from.
struct Rows<'a> {
    set: &'a TrainingSet<'a>,
    terms: Vec<Term>,
    /// Term after term, a number for each row.
    regressors: Vec<f32>,
    groups: Groups,
    arm: Vec<usize>,
    y: Vec<f64>,
    log_odds: Vec<f64>,
    fold: Vec<usize>,
}

impl<'a> Rows<'a> {
    fn of(set: &'a TrainingSet<'a>, settings: &Shift, given: &GivenArms<'_>, seed: u64) -> Rows<'a> {
        let terms = design::terms(set, settings.min_rows);
        let drawn = Random::new(seed).sample(set.y().len(), settings.max_rows);
        let arms: Vec<u32> = drawn.iter().map(|row| given.arm[*row]).collect();
        let mut regressors = vec![0.0; terms.len() * drawn.len()];
        let by_term = regressors.par_chunks_mut(drawn.len()).zip(&terms);
        by_term.for_each(|(regressors, term)| {
            let cells = set.x();
            let cells = cells.column(term.column());
            for (regressor, row) in regressors.iter_mut().zip(&drawn) {
                *regressor = term.value(cells[*row]) as f32;
            }
        });
        Rows {
            regressors,
            terms,
            groups: Groups::of(&arms, given.n_arms),
            arm: arms.iter().map(|arm| *arm as usize).collect(),
            y: drawn.iter().map(|row| f64::from(given.y[*row])).collect(),
            log_odds: drawn.iter().map(|row| given.log_odds[*row]).collect(),
            fold: drawn
                .iter()
                .map(|row| fold_of(set.customers()[*row], settings.n_folds, seed))
                .collect(),
            set,
        }
    }

    fn regressors_of(&self, term: usize) -> &[f32] {
        let n = self.y.len();
        &self.regressors[term * n..(term + 1) * n]
    }
}

/// One step: how far the levels moved, and by how much which term of which group.
struct Step {
    levels: Vec<f64>,
    group: usize,
    term: usize,
    by: f64,
}

/// The way of the lines from nothing, without the rows of one fold or with all.
struct Path {
    left_out: Option<usize>,
    /// How far the levels moved before the first step.
    levels: Vec<f64>,
    steps: Vec<Step>,
    /// The log loss of the rows left out, before the first step and after each.
    lost: Vec<f64>,
    /// Where each row's log-odds are now.
    scores: Vec<f64>,
    /// For each group, term by term, how the log loss curves at the start.
    curvature: Vec<Vec<f32>>,
}

impl Path {
    fn without(rows: &Rows<'_>, left_out: Option<usize>) -> Path {
        let mut path = Path {
            left_out,
            levels: vec![0.0; rows.groups.n_levels],
            steps: Vec::new(),
            lost: Vec::new(),
            scores: rows.log_odds.clone(),
            curvature: Vec::new(),
        };
        for _ in 0..FIRST_LEVELS {
            let moved = path.level(rows);
            path.levels.iter_mut().zip(moved).for_each(|(level, by)| *level += by);
        }
        path.lost.push(path.lost_now(rows));
        let curving = |row: usize, coded: f64| {
            let p = probability(path.scores[row]);
            p * (1.0 - p) * coded * coded
        };
        path.curvature = (0..rows.groups.n())
            .map(|group| {
                let weights = path.by_row(rows, group, curving);
                let curvature = |term| squares(rows.regressors_of(term), &weights);
                (0..rows.terms.len()).map(curvature).collect()
            })
            .collect();
        path
    }

    /// Goes on by so many steps.
    fn walk(&mut self, rows: &Rows<'_>, rate: f64, n_steps: usize) {
        let mut promising: Vec<(usize, usize)> = Vec::new();
        for step in 0..n_steps {
            let slope = |row: usize, coded: f64| (probability(self.scores[row]) - rows.y[row]) * coded;
            let slopes: Vec<Vec<f32>> = (0..rows.groups.n())
                .map(|group| self.by_row(rows, group, slope))
                .collect();
            let told = |(group, term): (usize, usize)| -> (f32, f32) {
                let slope = dot(rows.regressors_of(term), &slopes[group]);
                let curvature = self.curvature[group][term] + LEAST_CURVATURE;
                (slope * slope / curvature, -slope / curvature)
            };
            let asked = if step % ROUND == 0 {
                (0..rows.groups.n())
                    .flat_map(|group| (0..rows.terms.len()).map(move |term| (group, term)))
                    .collect()
            } else {
                promising.clone()
            };
            let mut gains: Vec<(f32, f32, (usize, usize))> = asked
                .into_iter()
                .map(|of| {
                    let (gain, by) = told(of);
                    (gain, by, of)
                })
                .collect();
            gains.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.2.cmp(&b.2)));
            if step % ROUND == 0 {
                promising = gains
                    .iter()
                    .take(PROMISING * rows.groups.n())
                    .map(|(_, _, of)| *of)
                    .collect();
            }
            let Some(&(_, by, (group, term))) = gains.first() else {
                // Without terms there are levels alone.
                self.lost.push(self.lost_now(rows));
                continue;
            };
            let by = rate * f64::from(by);
            let coding = &rows.groups.coding[group];
            for ((score, regressor), arm) in self.scores.iter_mut().zip(rows.regressors_of(term)).zip(&rows.arm) {
                *score += by * coding[*arm] * f64::from(*regressor);
            }
            let levels = self.level(rows);
            self.steps.push(Step {
                levels,
                group,
                term,
                by,
            });
            self.lost.push(self.lost_now(rows));
        }
    }

    /// Moves every level by one step of Newton's, and says how far.
    fn level(&mut self, rows: &Rows<'_>) -> Vec<f64> {
        let groups = &rows.groups;
        let mut slopes = vec![(0.0, 0.0); groups.n_levels];
        for (row, score) in self
            .scores
            .iter()
            .enumerate()
            .filter(|(row, _)| self.left_out != Some(rows.fold[*row]))
        {
            let p = probability(*score);
            for (sums, coding) in slopes.iter_mut().zip(&groups.coding) {
                let coded = coding[rows.arm[row]];
                sums.0 += (p - rows.y[row]) * coded;
                sums.1 += p * (1.0 - p) * coded * coded;
            }
        }
        let moved: Vec<f64> = slopes
            .iter()
            .map(|(slope, curvature)| -slope / (curvature + f64::from(LEAST_CURVATURE)))
            .collect();
        let by_arm: Vec<f64> = (0..groups.coding[0].len())
            .map(|arm| {
                moved
                    .iter()
                    .zip(&groups.coding)
                    .map(|(by, coding)| by * coding[arm])
                    .sum()
            })
            .collect();
        self.scores
            .iter_mut()
            .zip(&rows.arm)
            .for_each(|(score, arm)| *score += by_arm[*arm]);
        moved
    }

    /// A number for each row by what counts of it in a group; 0 for rows that are left out.
    fn by_row(&self, rows: &Rows<'_>, group: usize, of: impl Fn(usize, f64) -> f64) -> Vec<f32> {
        let coding = &rows.groups.coding[group];
        let told = |(row, arm): (usize, &usize)| match self.left_out == Some(rows.fold[row]) {
            true => 0.0,
            false => of(row, coding[*arm]) as f32,
        };
        rows.arm.iter().enumerate().map(told).collect()
    }

    fn lost_now(&self, rows: &Rows<'_>) -> f64 {
        let left_out = (0..rows.y.len()).filter(|row| self.left_out == Some(rows.fold[*row]));
        left_out
            .map(|row| softplus(self.scores[row]) - rows.y[row] * self.scores[row])
            .sum()
    }

    /// The lines after so many steps.
    fn lines_after(&self, rows: &Rows<'_>, n_steps: usize) -> Shifts {
        let n_terms = rows.terms.len();
        let mut levels = self.levels.clone();
        let mut weights = vec![vec![0.0; n_terms]; rows.groups.n()];
        for step in self.steps.iter().take(n_steps) {
            levels.iter_mut().zip(&step.levels).for_each(|(level, by)| *level += by);
            weights[step.group][step.term] += step.by;
        }
        levels.resize(rows.groups.n(), 0.0);
        let of_arm = |arm: usize| -> (f64, Vec<f64>) {
            let counts = |group: usize| rows.groups.coding[group][arm];
            let level = (0..rows.groups.n()).map(|group| counts(group) * levels[group]).sum();
            let weight = |term| {
                (0..rows.groups.n())
                    .map(|group| counts(group) * weights[group][term])
                    .sum()
            };
            (level, (0..n_terms).map(weight).collect())
        };
        let fitted = |(level, weights): (f64, Vec<f64>)| {
            let solution = Solution {
                intercept: vec![level],
                weights,
            };
            FittedRidge(assemble(rows.set, &rows.terms, &solution))
        };
        let control = of_arm(0);
        let beyond = |arm: usize| {
            let (level, weights) = of_arm(arm);
            let weights = weights
                .iter()
                .zip(&control.1)
                .map(|(of, control)| of - control)
                .collect();
            fitted((level - control.0, weights))
        };
        Shifts {
            arms: (1..rows.groups.n_levels).map(beyond).collect(),
            control: fitted(control.clone()),
        }
    }
}

/// Eight sums side by side, in a fixed order.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    added(a, b, |a, b| a * b)
}

fn squares(a: &[f32], weights: &[f32]) -> f32 {
    added(a, weights, |a, weight| a * a * weight)
}

fn added(a: &[f32], b: &[f32], of: impl Fn(f32, f32) -> f32) -> f32 {
    let mut sums = [0.0; 8];
    let (a_lanes, b_lanes) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest = a_lanes.remainder().iter().zip(b_lanes.remainder());
    let rest: f32 = rest.map(|(a, b)| of(*a, *b)).sum();
    for (a, b) in a_lanes.zip(b_lanes) {
        for lane in 0..8 {
            sums[lane] += of(a[lane], b[lane]);
        }
    }
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    /// Rows whose log-odds the arm moves by 1, and by another 1 where the first number is high, beside a third that counts
    /// for nothing; what is expected knows of no arm.
    fn fit(n: usize, spoil: impl Fn(&mut [f64])) -> Result<ShiftFit> {
        let mut random = Random::new(3);
        let x = Array2::from_shape_simple_fn((n, 2), || f32::from(u8::from(random.uniform() < 0.5)));
        let arm: Vec<u32> = (0..n).map(|_| u32::from(random.uniform() < 0.5)).collect();
        let before: Vec<f64> = (0..n).map(|_| random.uniform() - 2.0).collect();
        let moved = |row: usize| f64::from(arm[row]) * (1.0 + f64::from(x[[row, 0]]));
        let y: Vec<u32> = (0..n)
            .map(|row| u32::from(random.uniform() < probability(before[row] + moved(row))))
            .collect();
        let mut log_odds: Vec<f64> = before.iter().map(|before| before + 0.75).collect();
        spoil(&mut log_odds);
        let customers: Vec<u64> = (0..n as u64).collect();
        let columns = [Column::number("a"), Column::number("b")];
        let given = GivenArms {
            arm: &arm,
            n_arms: 2,
            y: &y,
            log_odds: &log_odds,
        };
        Shift::default().fit(x.view(), &columns, &given, &customers, 1)
    }

    #[test]
    fn how_far_an_arm_moves_log_odds_is_found_and_for_whom() {
        let fit = fit(6_000, |_| {}).unwrap();
        for (cells, expected) in [([0.0, 0.0], 1.0), ([1.0, 0.0], 2.0), ([1.0, 1.0], 2.0)] {
            let found = fit.whole.arms[0].amount(&cells);
            assert!((found - expected).abs() < 0.25, "{cells:?}: {found}");
            let control = fit.whole.control.amount(&cells);
            assert!((control + 0.75).abs() < 0.2, "{cells:?}: {control}");
        }
        assert_eq!(fit.without.len(), 5);
        assert_ne!(
            fit.left_out(0).arms[0].amount(&[1.0, 0.0]),
            fit.whole.arms[0].amount(&[1.0, 0.0])
        );
    }

    #[test]
    fn the_same_rows_give_the_same_lines() {
        assert_eq!(fit(500, |_| {}).unwrap(), fit(500, |_| {}).unwrap());
    }

    #[test]
    fn what_is_expected_of_a_row_is_finite() {
        let error = fit(50, |log_odds| log_odds[0] = f64::NAN).unwrap_err();
        assert_eq!(error.to_string(), "row 0 has the answer NaN, expected finite log-odds");
    }
}
