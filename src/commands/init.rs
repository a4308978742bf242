//! `percorso init`: from files nobody described to a first journey.toml.

use std::path::PathBuf;

use clap::Args;
use percorso_pipeline::{InitSettings, Told};

use super::Machine;
use crate::failure::Outcome;

#[derive(Args)]
pub(crate) struct Init {
    /// Files or folders of data: Parquet, CSV or XES
    #[arg(value_name = "DATA", required = true)]
    data: Vec<PathBuf>,
    /// Where the journey.toml goes; the report of the data goes beside it
    #[arg(long, value_name = "FILE", default_value = "journey.toml")]
    output: PathBuf,
    /// Writes over what is there
    #[arg(long)]
    force: bool,
    /// The column that names the customer [default: guessed]
    #[arg(long, value_name = "COLUMN")]
    customer: Option<String>,
    /// The column of when it happened [default: guessed]
    #[arg(long, value_name = "COLUMN")]
    at: Option<String>,
    /// The column of what happened [default: guessed]
    #[arg(long, value_name = "COLUMN")]
    touchpoint: Option<String>,
    /// A column of the whole journey that is known when it starts; may be given again
    #[arg(long, value_name = "COLUMN")]
    known_at_start: Vec<String>,
}

impl Init {
    pub(crate) fn run(self, machine: &Machine) -> Outcome {
        let settings = InitSettings {
            data: self.data,
            output: self.output,
            force: self.force,
            told: Told {
                customer: self.customer,
                at: self.at,
                touchpoint: self.touchpoint,
                known_at_start: self.known_at_start,
            },
        };
        let summary = percorso_pipeline::init(&settings, &*machine.progress())?;
        if machine.wants_json() {
            println!(
                "{}",
                serde_json::to_string(&summary).expect("our own types turn into JSON")
            );
            return Ok(());
        }
        println!(
            "{} rows read: {} customers, {} touchpoints, {} to {}",
            summary.n_rows, summary.n_customers, summary.n_touchpoints, summary.first_at, summary.last_at
        );
        println!("leaving: {}", summary.churn);
        for (name, why) in &summary.passed_over {
            println!("not used: {name}: {why}");
        }
        for leak in &summary.leaks {
            println!("beware: {leak}");
        }
        let (journey, report) = (summary.journey.display(), summary.report.display());
        println!(
            "{journey} asks {} questions (# ?); {report} says what was seen",
            summary.n_questions
        );
        println!("next:\n  percorso ingest --journey {journey} --run my-run\n  percorso train --run my-run");
        Ok(())
    }
}
