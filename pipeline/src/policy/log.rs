//! A log of decisions, read whole but for its lists.

use std::path::{Path, PathBuf};

use ndarray::Array2;
use percorso_next_action::off_policy::{Logged, RoundError};
use percorso_next_action::{Given, OutcomeModel, Trial, estimated_propensities};

use super::lists::Lists;
use crate::table::{Matrix, Table, read_ids};
use crate::{Error, Result};

/// Columns that say what was done; every other one tells of the customer.
const OF_THE_DECISION: [&str; 4] = ["action", "reward", "propensity", "position"];
/// Columns that say whose row it is; the first that is there.
const WHOSE: [&str; 2] = ["customer_key", "customer_id"];
/// What data frames call the number of a row.
const ROW_NUMBERS: [&str; 3] = ["", "Unnamed: 0", "__index_level_0__"];

/// A log of decisions.
pub(super) struct Log {
    path: PathBuf,
    table: Table,
    actions: Vec<usize>,
    positions: Option<Vec<usize>>,
    rewards: Vec<f64>,
    propensities: Vec<f64>,
    are_estimated: bool,
    clusters: Vec<u64>,
}

/// What each action would earn, row by row.
pub(super) enum ExpectedRewards {
    /// As the log says.
    Logged(Lists),
    /// As trees say that have not seen the row's customer.
    Learnt(Array2<f64>),
}

impl Log {
    /// A log whose actions are all below so many; where it has no propensities, they are estimated.
    ///
    /// # Errors
    /// - the file cannot be read, or a column is missing, of the wrong type, or has a cell missing
    /// - an action is none of so many
    pub(super) fn read(path: &Path, n_actions: usize, seed: u64) -> Result<Log> {
        let table = Table::read(path)?;
        let positions = table
            .column("position")
            .is_some()
            .then(|| table.positions("position"))
            .transpose()?;
        let n_rows = table.n_rows() as u64;
        let is_there = |name: &&str| table.column(name).is_some() || table.has_other(name);
        let clusters = match WHOSE.into_iter().find(is_there) {
            Some(name) => numbered(&read_ids(path, name)?),
            None => (0..n_rows).collect(),
        };
        let are_estimated = table.column("propensity").is_none() && !table.has_other("propensity");
        let mut log = Log {
            path: path.to_owned(),
            actions: table.positions("action")?,
            positions,
            rewards: table.numbers("reward")?.to_vec(),
            propensities: Vec::new(),
            are_estimated,
            clusters,
            table,
        };
        log.check_actions(n_actions)?;
        log.propensities = if are_estimated {
            let (context, arms) = (log.context(), log.arms());
            let (x, columns) = (context.cells.view(), &context.columns);
            estimated_propensities(x, columns, &arms, n_actions.max(2), &log.clusters, seed)
                .map_err(|error| Error::data(path, format!("it has no column `propensity`, and {error}")))?
        } else {
            log.table.numbers("propensity")?.to_vec()
        };
        Ok(log)
    }

    /// How many propensities were estimated, as the log does not say them.
    pub(super) fn n_estimated(&self) -> usize {
        if self.are_estimated { self.n_rows() } else { 0 }
    }

    pub(super) fn n_rows(&self) -> usize {
        self.table.n_rows()
    }

    /// Where the row's action was shown; 0 where there is one place only.
    pub(super) fn position(&self, row: usize) -> usize {
        self.positions.as_ref().map_or(0, |positions| positions[row])
    }

    pub(super) fn decision(&self, row: usize) -> Logged {
        Logged {
            cluster: self.clusters[row],
            action: self.actions[row],
            reward: self.rewards[row],
            propensity: self.propensities[row],
        }
    }

    pub(super) fn rewards(&self) -> &[f64] {
        &self.rewards
    }

    pub(super) fn clusters(&self) -> &[u64] {
        &self.clusters
    }

    /// Checks that every action is one of so many.
    ///
    /// # Errors
    /// - one is not: tells its row
    fn check_actions(&self, n_actions: usize) -> Result<()> {
        let Some(row) = self.actions.iter().position(|action| *action >= n_actions) else {
            return Ok(());
        };
        let found = self.actions[row];
        let error = RoundError::Action { found, n_actions };
        Err(Error::data(&self.path, format!("row {}: {error}", row + 1)))
    }

    /// What each of so many actions would earn: column `q`, or learnt from the log where there is none.
    ///
    /// # Errors
    /// - the file cannot be read
    /// - propensities or rewards are not such as can be learnt from
    pub(super) fn expected_rewards(&self, n_actions: usize, seed: u64) -> Result<ExpectedRewards> {
        if self.table.has_other("q") {
            return Ok(ExpectedRewards::Logged(Lists::read(&self.path, "q")?));
        }
        let (matrix, arm) = (self.context(), self.arms());
        let given = Given {
            arm: &arm,
            n_arms: n_actions.max(2),
            outcome: &self.rewards,
            propensity: &self.propensities,
            customers: &self.clusters,
        };
        let trial = Trial::new(matrix.cells.view(), &matrix.columns, given)
            .map_err(|error| Error::data(&self.path, error.to_string()))?;
        let learnt = OutcomeModel::cross_fitted(&trial, seed);
        Ok(ExpectedRewards::Learnt(
            learnt.map_err(|error| Error::data(&self.path, error.to_string()))?,
        ))
    }

    /// What was known of each decision.
    fn context(&self) -> Matrix {
        let is_context =
            |name: &&str| !OF_THE_DECISION[..3].contains(name) && !WHOSE.contains(name) && !ROW_NUMBERS.contains(name);
        let context: Vec<&str> = self.table.names().filter(is_context).collect();
        self.table.matrix(&context)
    }

    fn arms(&self) -> Vec<u32> {
        self.actions.iter().map(|action| *action as u32).collect()
    }
}

impl ExpectedRewards {
    /// Puts what each of the target's actions would earn in `out`.
    ///
    /// # Errors
    /// - the log's list cannot be read
    pub(super) fn next_into(
        &mut self,
        row: usize,
        position: usize,
        n_actions: usize,
        out: &mut Vec<f64>,
    ) -> Result<()> {
        match self {
            ExpectedRewards::Logged(lists) => lists.next_into(position, out),
            ExpectedRewards::Learnt(expected) => {
                out.clear();
                out.extend(expected.row(row).iter().take(n_actions));
                Ok(())
            }
        }
    }
}

/// A number for each text, in order of first appearance.
fn numbered(texts: &[String]) -> Vec<u64> {
    let mut number_of = std::collections::BTreeMap::new();
    let number = |text| {
        let next = number_of.len() as u64;
        *number_of.entry(text).or_insert(next)
    };
    texts.iter().map(number).collect()
}
