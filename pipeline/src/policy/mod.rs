//! Off-policy proof: what a target policy would have earned on a log, before it goes live.

mod lists;
mod log;
mod plot;
mod proof;

use std::path::Path;

use percorso_next_action::off_policy::{Estimator, Round, Support, SupportCounts, Thin, values};
use percorso_next_action::{Estimate, Interval, mean};

pub use self::plot::overlap_plot;
pub use self::proof::Proof;

use self::log::Log;
use crate::{Error, Progress, Result};

/// What is judged, and how.
#[derive(Clone, Copy, Debug)]
pub struct PolicyEvaluation<'a> {
    /// What was done: a Parquet file with a row for each decision.
    pub logged: &'a Path,
    /// What the target policy would do: a Parquet file with as many rows, in the same order.
    pub target: &'a Path,
    /// The setting of `switch-dr`.
    pub tau: f64,
    /// The setting of `dr-os`.
    pub lambda: f64,
    /// How intervals are drawn.
    pub interval: Interval,
}

/// What a log says of a target policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// The target's mean reward by each estimator, in the order in which they are told.
    pub values: Vec<(&'static str, Estimate)>,
    /// The mean reward of what was done.
    pub logged: Estimate,
    /// How much of the target the log has tried.
    pub support: Support,
    /// How many propensities were estimated, as the log does not say them.
    pub n_estimated: usize,
}

/// Judges a target policy on a log.
///
/// The log has a row for each decision: `action` (its position in `pi`), `reward`, `propensity` and, as there may be,
/// `position` (the place it was shown at), `customer_key` or `customer_id` (rows of one customer are alike) and `q` (a list
/// with the reward expected of each action).
/// Without `q`, boosted trees that have not seen the row's customer expect it from every other column of numbers or words.
/// Without `propensity`, such trees estimate it; what is told then is no proof.
/// The target has `pi`, a list with the probability of each action; `pi` and `q` may be lists by action of lists by
/// position, of which those of the row's position are taken.
///
/// # Errors
/// - a file cannot be read, a column is missing or of the wrong type, the files have not as many rows
/// - a row is not one of a decision: tells file, row, column and what would be right
/// - a setting is below 0
pub fn evaluate_policy(asked: &PolicyEvaluation<'_>, progress: &dyn Progress) -> Result<Judgement> {
    let estimators =
        Estimator::all(asked.tau, asked.lambda).map_err(|error| Error::data(asked.logged, error.to_string()))?;
    progress.start("read", 0);
    let (mut pi, mut expected) = (Vec::new(), Vec::new());
    lists::Lists::read(asked.target, "pi")?.next_into(0, &mut pi)?;
    let log = Log::read(asked.logged, pi.len(), asked.interval.seed)?;
    let mut q = log.expected_rewards(pi.len(), asked.interval.seed)?;
    let mut target = lists::Lists::read(asked.target, "pi")?;
    let mut rounds = Vec::with_capacity(log.n_rows());
    let mut counts = SupportCounts::default();
    for row in 0..log.n_rows() {
        target.next_into(log.position(row), &mut pi)?;
        q.next_into(row, log.position(row), pi.len(), &mut expected)?;
        let logged = log.decision(row);
        let round = Round::new(&logged, &pi, &expected).map_err(|error| {
            let message = format!("row {}: {error}", row + 1);
            Error::data(
                if error.is_about_the_target() {
                    asked.target
                } else {
                    asked.logged
                },
                message,
            )
        })?;
        rounds.push(round);
        counts.add(log.position(row), logged.action, &pi);
    }
    target.end()?;
    progress.finish();
    progress.start("judge", 0);
    let told = values(&rounds, &estimators, &asked.interval);
    let judgement = Judgement {
        values: told
            .into_iter()
            .map(|value| (value.estimator.name(), value.estimate))
            .collect(),
        logged: mean(log.rewards(), log.clusters(), &asked.interval),
        support: Support::of(&rounds, &counts, &asked.interval),
        n_estimated: log.n_estimated(),
    };
    progress.finish();
    Ok(judgement)
}

impl Judgement {
    /// Every reason why the log tells too little of the target.
    pub fn thin(&self) -> Vec<Thin> {
        let mut thin = self.support.thin();
        thin.extend(Thin::estimated(self.n_estimated, self.support.n_rounds));
        thin
    }
}
