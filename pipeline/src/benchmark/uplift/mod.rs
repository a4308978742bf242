//! Who responds because of a treatment? Any randomised table, by halves or by folds.
//!
//! Every row is a customer, and arms were given by chance alone: how likely each was is its share of the rows.

mod known_before;
mod policy;

use std::path::Path;

use ndarray::Axis;
use percorso_learners::{Bootstrap, Random};
use percorso_next_action::uplift::{
    Decile, Judged, Learnt, Quadrants, Standing, Uplift, UpliftMeasures, measures, quadrants,
};
use percorso_next_action::{Given, OutcomeModel, Trial};

use self::known_before::known_before;
pub use self::policy::PolicyFound;
use crate::table::{Matrix, Table};
use crate::{Error, Progress, Result};

/// How many parts rows are left out in when no splits are given.
const N_FOLDS: usize = 5;

/// What a benchmark runs on.
#[derive(Clone, Copy, Debug)]
pub struct UpliftBenchmark<'a> {
    /// The table, Parquet or CSV.
    pub data: &'a Path,
    /// The column that says which arm a row was given.
    pub treatment: &'a str,
    /// The arms to judge; rows of others are left out.
    pub arms: &'a [String],
    /// The arm they are compared with.
    pub control: &'a str,
    /// The column of what came of it, numbers.
    pub outcome: &'a str,
    /// The columns to learn from; without any, those that can have been known before.
    pub features: &'a [String],
    /// A table of as many rows with a column of 0 and 1 for each split: rows of 1 teach, the others are asked about.
    pub splits: Option<&'a Path>,
    /// The seed of all draws.
    pub seed: u64,
}

/// The outcome of a benchmark.
#[derive(Clone, Debug)]
pub struct UpliftFound {
    /// The columns that were learnt from.
    pub features: Vec<String>,
    /// Columns that were not, and why.
    pub left_out: Vec<(String, String)>,
    /// How well each arm's uplift was told, split by split.
    pub arms: Vec<ArmFound>,
    /// What giving each customer the best arm would have earned, split by split; beside it, the same arm for all.
    pub policies: Vec<PolicyFound>,
    /// What was said of each row that was asked about: split, arm, row of the table from 0, uplift.
    pub said: Vec<(String, String, usize, f64)>,
}

/// How well one arm's uplift was told in one split.
#[derive(Clone, Debug)]
pub struct ArmFound {
    /// The split.
    pub split: String,
    /// The arm.
    pub arm: String,
    /// How many rows were asked about.
    pub n_rows: usize,
    /// How well.
    pub measures: UpliftMeasures,
    /// The lower and upper ends of the measures, from resampled customers.
    pub ends: [UpliftMeasures; 2],
    /// Tenths of the rows asked about, the highest predicted uplift first.
    pub deciles: Vec<Decile>,
    /// Shares of customers by kind.
    pub quadrants: Quadrants,
    /// How each learner stood among the rows that taught.
    pub standings: Vec<Standing>,
}

/// Runs the protocol.
///
/// # Errors
/// - a file cannot be read, a column is missing or of the wrong type, no row has an arm
/// - too few rows of an arm teach in a split
pub fn uplift(asked: &UpliftBenchmark<'_>, progress: &dyn Progress) -> Result<UpliftFound> {
    let test = Test::read(asked)?;
    let splits = test.splits(asked)?;
    progress.start("judge", splits.len() as u64);
    let mut found = UpliftFound {
        features: test.matrix.columns.iter().map(|column| column.name.clone()).collect(),
        left_out: test.left_out.clone(),
        arms: Vec::new(),
        policies: Vec::new(),
        said: Vec::new(),
    };
    for split in &splits {
        test.judge(split, asked.seed, &mut found)?;
        progress.advance(1);
    }
    progress.finish();
    Ok(found)
}

/// The rows of the arms that are judged.
struct Test {
    /// The names of arms, the control first.
    names: Vec<String>,
    matrix: Matrix,
    left_out: Vec<(String, String)>,
    /// The table's row of each.
    rows: Vec<u64>,
    arm: Vec<u32>,
    outcome: Vec<f64>,
    propensity: Vec<f64>,
    n_table_rows: usize,
}

/// Which rows teach and which are asked about.
struct Split {
    name: String,
    teach: Vec<usize>,
    ask: Vec<usize>,
}

impl Test {
    fn read(asked: &UpliftBenchmark<'_>) -> Result<Test> {
        let table = Table::read(asked.data)?;
        let names: Vec<String> = std::iter::once(asked.control.to_owned())
            .chain(asked.arms.iter().cloned())
            .collect();
        let twice = (1..names.len()).find(|at| names[..*at].contains(&names[*at]));
        if let Some(at) = twice {
            return Err(Error::Missing(format!("arm `{}` is named twice", names[at])));
        }
        let given = table.texts(asked.treatment)?;
        let arm_of = |text: &String| names.iter().position(|name| name == text);
        let rows: Vec<usize> = (0..given.len()).filter(|row| arm_of(&given[*row]).is_some()).collect();
        let arm: Vec<u32> = rows
            .iter()
            .filter_map(|row| arm_of(&given[*row]))
            .map(|arm| arm as u32)
            .collect();
        for (at, name) in names.iter().enumerate() {
            if !arm.contains(&(at as u32)) {
                let known: std::collections::BTreeSet<&String> = given.iter().take(10_000).collect();
                let known: Vec<&str> = known.into_iter().take(10).map(String::as_str).collect();
                let message = format!(
                    "no row has `{name}` in column `{}`; there are {}",
                    asked.treatment,
                    known.join(", ")
                );
                return Err(Error::data(asked.data, message));
            }
        }
        let outcomes = table.numbers(asked.outcome)?;
        let outcome: Vec<f64> = rows.iter().map(|row| outcomes[*row]).collect();
        let others: Vec<&str> = table
            .names()
            .filter(|name| *name != asked.treatment && *name != asked.outcome)
            .collect();
        if let Some(unknown) = asked.features.iter().find(|name| !others.contains(&name.as_str())) {
            let message = format!("no feature is named `{unknown}`; there are {}", others.join(", "));
            return Err(Error::data(asked.data, message));
        }
        let mut matrix = table.matrix(&others).select(&rows);
        let mut left_out = Vec::new();
        let keep: Vec<usize> = if asked.features.is_empty() {
            let reasons = known_before(&matrix, &arm, &outcome);
            let columns = matrix.columns.iter().zip(&reasons);
            left_out.extend(columns.filter_map(|(column, reason)| Some((column.name.clone(), reason.clone()?))));
            (0..reasons.len()).filter(|column| reasons[*column].is_none()).collect()
        } else {
            let is_asked = |column: &usize| asked.features.contains(&matrix.columns[*column].name);
            (0..matrix.columns.len()).filter(is_asked).collect()
        };
        matrix.columns = keep.iter().map(|column| matrix.columns[*column].clone()).collect();
        matrix.cells = matrix.cells.select(Axis(1), &keep);
        let share = |of: u32| arm.iter().filter(|arm| **arm == of).count() as f64 / arm.len() as f64;
        let shares: Vec<f64> = (0..names.len() as u32).map(share).collect();
        Ok(Test {
            names,
            matrix,
            left_out,
            rows: rows.into_iter().map(|row| row as u64).collect(),
            propensity: arm.iter().map(|arm| shares[*arm as usize]).collect(),
            arm,
            outcome,
            n_table_rows: given.len(),
        })
    }

    fn splits(&self, asked: &UpliftBenchmark<'_>) -> Result<Vec<Split>> {
        let of = |name: String, teaches: &dyn Fn(usize) -> bool| {
            let (teach, ask) = (0..self.rows.len()).partition(|at| teaches(*at));
            Split { name, teach, ask }
        };
        let Some(path) = asked.splits else {
            let fold = |at: usize| Random::stream(asked.seed, self.rows[at]).below(N_FOLDS);
            // Each is judged by itself: models of different folds do not put customers in one order.
            let folds = (0..N_FOLDS).map(|left_out| of(format!("fold_{left_out}"), &|at| fold(at) != left_out));
            return Ok(folds.collect());
        };
        let table = Table::read(path)?;
        if table.n_rows() != self.n_table_rows {
            let message = format!(
                "{} rows, expected {}, as many as the data",
                table.n_rows(),
                self.n_table_rows
            );
            return Err(Error::data(path, message));
        }
        let names: Vec<String> = table.names().map(str::to_owned).collect();
        let split = |name: String| {
            let flags = table.positions(&name)?;
            Ok(of(name, &|at| flags[self.rows[at] as usize] == 1))
        };
        names.into_iter().map(split).collect()
    }

    fn judge(&self, split: &Split, seed: u64, found: &mut UpliftFound) -> Result<()> {
        let n_arms = self.names.len();
        if split.teach.is_empty() || split.ask.is_empty() {
            let message = format!("in split `{}` no row teaches, or none is asked about", split.name);
            return Err(Error::Missing(message));
        }
        let mut said = vec![vec![0.0; self.rows.len()]; n_arms - 1];
        let mut without = vec![0.0; self.rows.len()];
        let teach = Part::of(self, &split.teach);
        let trial = teach.trial(n_arms)?;
        let Learnt { uplift, standings } = Uplift::fit(&trial, seed)?;
        let all: Vec<usize> = (0..split.teach.len()).collect();
        let asked = &split.ask;
        let ask = self.matrix.cells.select(Axis(0), asked);
        let expected = OutcomeModel::fit(&trial, &all, seed)?.expected(&ask);
        let mut of_arms = vec![0.0; n_arms - 1];
        for ((row, cells), expected) in asked.iter().zip(ask.outer_iter()).zip(expected.outer_iter()) {
            without[*row] = expected[0];
            uplift.uplift_into(cells.as_slice().expect("rows are whole"), &mut of_arms);
            for (said, of_arm) in said.iter_mut().zip(&of_arms) {
                said[*row] = *of_arm;
            }
        }
        for (arm, said) in said.iter().enumerate() {
            found
                .arms
                .push(self.found(split, arm, said, &without, standings[arm].clone(), seed)?);
            let told = asked.iter().map(|row| {
                let table_row = self.rows[*row] as usize;
                (split.name.clone(), self.names[arm + 1].clone(), table_row, said[*row])
            });
            found.said.extend(told);
        }
        found
            .policies
            .extend(policy::found(self, &split.name, &said, asked, seed));
        Ok(())
    }

    fn found(
        &self,
        split: &Split,
        arm: usize,
        said: &[f64],
        without: &[f64],
        standings: Vec<Standing>,
        seed: u64,
    ) -> Result<ArmFound> {
        let is_of_either = |row: &usize| self.arm[*row] == 0 || self.arm[*row] as usize == arm + 1;
        let rows: Vec<usize> = split.ask.iter().copied().filter(is_of_either).collect();
        let of = |numbers: &[f64]| -> Vec<f64> { rows.iter().map(|row| numbers[*row]).collect() };
        let (uplift, outcome, without) = (of(said), of(&self.outcome), of(without));
        let is_treated: Vec<bool> = rows.iter().map(|row| self.arm[*row] != 0).collect();
        let customers: Vec<u64> = rows.iter().map(|row| self.rows[*row]).collect();
        let judged = Judged {
            uplift: &uplift,
            is_treated: &is_treated,
            outcome: &outcome,
            propensity: &of(&self.propensity),
            customers: &customers,
        };
        let (measures, ends, deciles) = measures(&judged, &Bootstrap::seeded(seed))?;
        let mean = outcome.iter().sum::<f64>() / outcome.len() as f64;
        Ok(ArmFound {
            split: split.name.clone(),
            arm: self.names[arm + 1].clone(),
            n_rows: rows.len(),
            measures,
            ends,
            deciles,
            quadrants: quadrants(&without, &uplift, mean),
            standings,
        })
    }
}

/// Some rows of a test, as a trial borrows them.
struct Part {
    matrix: Matrix,
    arm: Vec<u32>,
    outcome: Vec<f64>,
    propensity: Vec<f64>,
    customers: Vec<u64>,
}

impl Part {
    fn of(test: &Test, rows: &[usize]) -> Part {
        let of = |numbers: &[f64]| rows.iter().map(|row| numbers[*row]).collect();
        Part {
            matrix: test.matrix.select(rows),
            arm: rows.iter().map(|row| test.arm[*row]).collect(),
            outcome: of(&test.outcome),
            propensity: of(&test.propensity),
            customers: rows.iter().map(|row| test.rows[*row]).collect(),
        }
    }

    fn trial(&self, n_arms: usize) -> Result<Trial<'_>> {
        let given = Given {
            arm: &self.arm,
            n_arms,
            outcome: &self.outcome,
            propensity: &self.propensity,
            customers: &self.customers,
        };
        Ok(Trial::new(self.matrix.cells.view(), &self.matrix.columns, given)?)
    }
}
