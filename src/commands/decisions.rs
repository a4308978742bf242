//! `percorso decisions`: what the service decided, for the next training run.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use percorso_pipeline::{LoggedDecision, write_decisions};
use percorso_serving::{DecisionRecord, Policy, Response, ResponseKind, Store};

use super::{Machine, Run};
use crate::failure::{Failure, Outcome};

#[derive(Args)]
pub(crate) struct Decisions {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Writes every decision of the store and what came of it, as a log for `[decisions] logs`; while nothing serves
    Export(Export),
}

#[derive(Args)]
struct Export {
    #[command(flatten)]
    run: Run,
    /// The Parquet file to write
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
}

impl Decisions {
    pub(crate) fn run(self, machine: &Machine) -> Outcome {
        match self.task {
            Task::Export(export) => export.run(machine),
        }
    }
}

impl Export {
    fn run(self, machine: &Machine) -> Outcome {
        let folder = self.run.folder();
        let store = Store::open(&folder.store(), &folder.spec()?, 0).map_err(Failure::environment)?;
        let mut decisions = Vec::new();
        for decided in store.decisions() {
            let (record, responses) = decided.map_err(Failure::environment)?;
            decisions.push(logged(record, &responses));
        }
        let n_decisions = decisions.len();
        let n_done = decisions.iter().filter(|decision| decision.action.is_some()).count();
        write_decisions(&self.output, decisions)?;
        if machine.wants_json() {
            println!(
                "{}",
                serde_json::json!({ "n_decisions": n_decisions, "n_done": n_done })
            );
        } else {
            let path = self.output.display();
            println!("{n_decisions} decisions, {n_done} of them to do something, in {path}");
        }
        Ok(())
    }
}

fn logged(record: DecisionRecord, responses: &[Response]) -> LoggedDecision {
    let choice = record.choice();
    let kinds: Vec<&str> = responses.iter().map(|response| kind(response.kind)).collect();
    let rejected = responses
        .iter()
        .find(|response| response.kind == ResponseKind::Rejected);
    LoggedDecision {
        decision_id: record.id.to_string(),
        customer: record.customer,
        at: record.as_of,
        action: choice.action.as_ref().map(|named| named.name.clone()),
        propensity: choice.propensity,
        gain: choice.gain,
        policy: match record.policy {
            Policy::Learnt => "learnt",
            Policy::Declared => "declared",
            Policy::Fallback => "fallback",
        },
        is_held_out: record.from.is_held_out,
        responses: kinds.join(","),
        reason: rejected.map_or_else(String::new, |response| response.reason.clone()),
        model_version: record.model_version,
    }
}

const fn kind(kind: ResponseKind) -> &'static str {
    match kind {
        ResponseKind::Presented => "presented",
        ResponseKind::Accepted => "accepted",
        ResponseKind::Rejected => "rejected",
        ResponseKind::Ignored => "ignored",
        ResponseKind::Executed => "executed",
    }
}
