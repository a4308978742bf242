//! `percorso train`: learn, judge, keep.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use percorso_pipeline::TrainSettings;

use super::evaluate::print_evaluation;
use super::{Machine, Run};
use crate::failure::Outcome;

#[derive(Args)]
pub(crate) struct Train {
    #[command(flatten)]
    run: Run,
    /// A TOML file with settings by name; nothing has to be set, and flags go before it
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// The seed of every random choice [default: 42]
    #[arg(long)]
    seed: Option<u64>,
    /// Rolling origins at which learners are compared [default: 4]
    #[arg(long)]
    origins: Option<usize>,
    /// Rows a fit may learn from, whole customers at a time [default: 60000]
    #[arg(long)]
    max_rows: Option<usize>,
    /// Seconds that better settings of boosted trees are searched; the first ones are always tried [default: 120]
    #[arg(long, value_name = "SECONDS")]
    time_budget: Option<u64>,
}

impl Train {
    pub(crate) fn run(self, machine: &Machine) -> Outcome {
        let mut settings = match &self.settings {
            Some(path) => TrainSettings::read(path)?,
            None => TrainSettings::default(),
        };
        settings.seed = self.seed.unwrap_or(settings.seed);
        settings.origins = self.origins.unwrap_or(settings.origins);
        settings.max_rows = self.max_rows.unwrap_or(settings.max_rows);
        settings.time_budget = self.time_budget.map_or(settings.time_budget, Duration::from_secs);
        let run = self.run.folder();
        let summary = percorso_pipeline::train(&run, &settings, &machine.engine()?, &*machine.progress())?;
        print_evaluation(&summary.evaluation, machine.wants_json());
        if !machine.wants_json() {
            println!(
                "kept as {}; `percorso models promote {0}` puts it to work",
                summary.version
            );
        }
        Ok(())
    }
}
