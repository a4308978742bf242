//! `percorso policy`: what would another policy have earned, and which one acts?

mod promote;

pub(super) use promote::promote_if_proven;

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};
use percorso_pipeline::{Judgement, PolicyEvaluation, evaluate_policy, overlap_plot};
use serde_json::json;

use super::Machine;
use crate::failure::{Failure, Outcome};

#[derive(Args)]
pub(crate) struct Policy {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Says what a policy would have earned on a log that another policy made
    Evaluate(Evaluate),
    /// Makes a version the policy whose recommendations are acted on, once it is proven to earn no less than what is done
    Promote(promote::Promote),
    /// Makes the policy before this one the policy again
    Rollback(promote::Rollback),
}

#[derive(Args)]
struct Evaluate {
    #[command(flatten)]
    asked: Asked,
    /// An SVG file for a picture of how the log and the target overlap
    #[arg(long, value_name = "FILE")]
    overlap: Option<PathBuf>,
}

/// What is judged, and how.
#[derive(Args)]
struct Asked {
    /// The log, Parquet: action, reward, propensity; position, customer_id, q and columns of context as there are
    #[arg(long, value_name = "FILE")]
    logged: PathBuf,
    /// The policy to judge, Parquet: pi, the probability of each action for each row of the log
    #[arg(long, value_name = "FILE")]
    target: PathBuf,
    /// The largest weight that switch-dr uses, or inf
    #[arg(long, default_value_t = 1.0)]
    tau: f64,
    /// How little dr-os shrinks weights: 0 uses none of them, inf all as they are
    #[arg(long, default_value_t = 0.0)]
    lambda: f64,
    /// The seed of the draws of intervals, and of what learns expected rewards where the log has no q
    #[arg(long, default_value_t = 42)]
    seed: u64,
}

impl Policy {
    pub(crate) fn run(self, machine: &Machine) -> Outcome {
        machine.use_threads();
        match self.task {
            Task::Evaluate(evaluate) => evaluate.run(machine),
            Task::Promote(promote) => promote.run(machine),
            Task::Rollback(rollback) => rollback.run(),
        }
    }
}

impl Asked {
    fn judgement(&self, machine: &Machine) -> Result<Judgement, Failure> {
        let asked = PolicyEvaluation {
            logged: &self.logged,
            target: &self.target,
            tau: self.tau,
            lambda: self.lambda,
            interval: percorso_pipeline::Interval::seeded(self.seed),
        };
        Ok(evaluate_policy(&asked, &*machine.progress())?)
    }
}

impl Evaluate {
    fn run(self, machine: &Machine) -> Outcome {
        let judgement = self.asked.judgement(machine)?;
        if let Some(path) = &self.overlap {
            std::fs::write(path, overlap_plot(&judgement.support))
                .with_context(|| format!("cannot write {}", path.display()))
                .map_err(Failure::environment)?;
        }
        if machine.wants_json() {
            print_lines(&judgement);
        } else {
            print_table(&judgement);
        }
        Ok(())
    }
}

fn print_lines(judgement: &Judgement) {
    let support = &judgement.support;
    let thin: Vec<String> = judgement.thin().iter().map(ToString::to_string).collect();
    for (estimator, value) in &judgement.values {
        println!(
            "{}",
            json!({
                "estimator": estimator, "value": value.value, "low": value.low, "high": value.high, "ess": support.ess,
                "n": support.n_rounds, "mean_weight": support.mean_weight, "max_weight": support.max_weight,
                "unlogged_mass": support.unlogged_mass, "n_estimated": judgement.n_estimated, "as_logged": judgement.logged.value, "thin": thin,
            })
        );
    }
}

fn print_table(judgement: &Judgement) {
    let support = &judgement.support;
    println!("{:<12}{:>12}{:>12}{:>12}", "estimator", "value", "low", "high");
    let row = |name: &str, value: &percorso_pipeline::Estimate| {
        println!("{name:<12}{:>12.6}{:>12.6}{:>12.6}", value.value, value.low, value.high);
    };
    row("as logged", &judgement.logged);
    judgement.values.iter().for_each(|(name, value)| row(name, value));
    println!(
        "\n{} decisions tell as much as {:.0} of the target policy would; weights average {:.3}, the largest is {:.1}; \
         {:.2} % of what the target would do was never done",
        support.n_rounds,
        support.ess,
        support.mean_weight,
        support.max_weight,
        100.0 * support.unlogged_mass
    );
    for thin in judgement.thin() {
        println!("too thin to tell: {thin}");
    }
}
