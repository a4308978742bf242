//! `percorso check`: is this journey.toml right, and are its sources?

use std::path::PathBuf;

use clap::Args;

use super::Machine;
use super::ingest::print_summary;
use crate::failure::Outcome;

#[derive(Args)]
pub(crate) struct Check {
    /// The business's journey.toml
    #[arg(long, value_name = "FILE")]
    journey: PathBuf,
}

impl Check {
    pub(crate) fn run(self, machine: &Machine) -> Outcome {
        let summary = percorso_pipeline::check(&self.journey, &machine.engine()?, &*machine.progress())?;
        print_summary(&summary, machine.wants_json());
        if !machine.wants_json() {
            println!("{} is right; nothing was written", self.journey.display());
        }
        Ok(())
    }
}
