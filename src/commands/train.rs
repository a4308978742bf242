//! `percorso train`: learn, judge, keep.

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
    /// The seed of every random choice
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Rolling origins at which learners are compared
    #[arg(long, default_value_t = TrainSettings::default().origins)]
    origins: usize,
    /// Rows a fit may learn from, whole customers at a time
    #[arg(long, default_value_t = TrainSettings::default().max_rows)]
    max_rows: usize,
    /// Seconds that better settings of boosted trees are searched; the first ones are always tried
    #[arg(long, default_value_t = TrainSettings::default().time_budget.as_secs(), value_name = "SECONDS")]
    time_budget: u64,
}

impl Train {
    pub(crate) fn run(self, machine: &Machine) -> Outcome {
        let Self {
            run,
            seed,
            origins,
            max_rows,
            time_budget,
        } = self;
        let settings = TrainSettings {
            seed,
            origins,
            max_rows,
            time_budget: Duration::from_secs(time_budget),
        };
        let summary = percorso_pipeline::train(&run.folder(), &settings, &machine.engine()?, &*machine.progress())?;
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
