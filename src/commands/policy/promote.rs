//! `percorso policy promote`: which version's recommendations are acted on, once they are proven to be better.

use std::path::PathBuf;

use clap::Args;
use percorso_artefact::{PolicyChange, PolicyChanged, Registry};
use percorso_pipeline::{Error, Interval, PolicyEvaluation, Proof, RunFolder, evaluate_policy};
use percorso_serving::system_clock;
use serde_json::json;

use super::super::{Machine, Run};
use crate::failure::{Failure, Outcome};

#[derive(Args)]
pub(super) struct Promote {
    #[command(flatten)]
    run: Run,
    /// A version, or a label
    #[arg(default_value = "champion")]
    version: String,
    /// The log that proves it, Parquet as for evaluate [default: what its training found on decisions after the test cut-off]
    #[arg(long, value_name = "FILE", requires = "target")]
    logged: Option<PathBuf>,
    /// What it would do for each row of the log, Parquet as for evaluate
    #[arg(long, value_name = "FILE", requires = "logged")]
    target: Option<PathBuf>,
    /// The seed of the draws of intervals, and of what learns expected rewards where the log has no q
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Promotes what is not proven, and keeps why in the registry
    #[arg(long, value_name = "REASON", value_parser = reason)]
    accept_risk: Option<String>,
}

#[derive(Args)]
pub(super) struct Rollback {
    #[command(flatten)]
    run: Run,
}

impl Promote {
    pub(super) fn run(mut self, machine: &Machine) -> Outcome {
        let run = self.run.folder();
        // A log is judged before the registry is looked at: it is refused also where nothing was trained yet.
        let proof = match (&self.logged, &self.target) {
            (Some(logged), Some(target)) => {
                let asked = PolicyEvaluation {
                    logged,
                    target,
                    tau: 1.0,
                    lambda: 0.0,
                    interval: Interval::seeded(self.seed),
                };
                Proof::of_log(logged, target, &evaluate_policy(&asked, &*machine.progress())?)
            }
            _ => {
                // A label may move meanwhile; what is judged is what is promoted.
                let registry = Registry::at(run.models());
                self.version = registry.resolve(&self.version).map_err(Error::from)?.to_string();
                Proof::of_version(&run, &self.version)?
            }
        };
        let is_refused = self.accept_risk.is_none() && !proof.refused.is_empty();
        if machine.wants_json() {
            println!(
                "{}",
                json!({ "version": self.version, "is_refused": is_refused, "proof": proof })
            );
        } else {
            print_proof(&proof);
        }
        if is_refused {
            return Err(Failure::from(Error::Refused { reasons: proof.refused }));
        }
        let version = promote(&run, &self.version, &proof, self.accept_risk)?;
        if !machine.wants_json() {
            proof
                .refused
                .iter()
                .for_each(|why| println!("at a risk that was accepted: {why}"));
            println!("{version} is policy");
        }
        Ok(())
    }
}

/// Tells what is known of a version's policy, and makes it the policy if that is proof enough.
pub(in crate::commands) fn promote_if_proven(run: &RunFolder, version: &str) -> Outcome {
    let proof = Proof::of_version(run, version)?;
    print_proof(&proof);
    if proof.refused.is_empty() {
        println!("{} is policy", promote(run, version, &proof, None)?);
    } else {
        println!("it does not act yet: {}", proof.refused.join("; "));
    }
    Ok(())
}

/// Gives a version the label, and keeps what was known of it; returns its id.
fn promote(run: &RunFolder, version: &str, proof: &Proof, accepted_risk: Option<String>) -> Result<String, Failure> {
    let registry = Registry::at(run.models());
    let version = registry.resolve(version).map_err(Error::from)?;
    let change = PolicyChange {
        version: version.clone(),
        at: now(),
        done: PolicyChanged::Promoted,
        judged_on: proof.judged_on.clone(),
        value: proof.value,
        champion_value: proof.champion_value,
        refused: proof.refused.clone(),
        accepted_risk,
    };
    registry.promote_policy(&change).map_err(Error::from)?;
    Ok(version.to_string())
}

impl Rollback {
    pub(super) fn run(self) -> Outcome {
        let registry = Registry::at(self.run.folder().models());
        let version = registry.rollback_policy(&now()).map_err(Error::from)?;
        println!("{version} is policy");
        Ok(())
    }
}

fn print_proof(proof: &Proof) {
    let number =
        |number: Option<f64>| number.map_or_else(|| "cannot be told".to_owned(), |number| format!("{number:.6}"));
    let [value, low, high] = proof.value.map(number);
    println!("judged on {}", proof.judged_on);
    println!(
        "it would earn {value} a decision ({low} to {high}), what was done earned {}",
        number(proof.champion_value)
    );
    println!("the log tells as much as {:.0} decisions of its own would", proof.ess);
}

fn reason(text: &str) -> Result<String, String> {
    let reason = text.trim();
    if reason.is_empty() {
        return Err("expected a reason in words".to_owned());
    }
    Ok(reason.to_owned())
}

fn now() -> String {
    system_clock()().to_string()
}
