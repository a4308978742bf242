//! `percorso ingest`: journeys in.

use std::path::PathBuf;

use clap::Args;
use percorso_pipeline::IngestSummary;

use super::{Machine, Run};
use crate::failure::Outcome;

#[derive(Args)]
pub(crate) struct Ingest {
    /// The business's journey.toml
    #[arg(long, value_name = "FILE")]
    journey: PathBuf,
    #[command(flatten)]
    run: Run,
}

impl Ingest {
    pub(crate) fn run(self, machine: &Machine) -> Outcome {
        let folder = self.run.folder();
        let summary = percorso_pipeline::ingest(&self.journey, &folder, &machine.engine()?, &*machine.progress())?;
        print_summary(&summary, machine.wants_json());
        Ok(())
    }
}

pub(super) fn print_summary(summary: &IngestSummary, json: bool) {
    if json {
        println!(
            "{}",
            serde_json::to_string(summary).expect("our own types turn into JSON")
        );
        return;
    }
    let IngestSummary {
        n_rows,
        n_events,
        n_customers,
        n_anonymous,
        n_quarantined,
        ..
    } = summary;
    println!("{n_rows} rows read: {n_events} events of {n_customers} customers");
    if *n_anonymous > 0 {
        println!("{n_anonymous} rows of guests passed over");
    }
    if summary.n_lines_merged > 0 {
        println!("{} rows joined their event as further lines", summary.n_lines_merged);
    }
    if summary.n_identical > 0 {
        println!(
            "{} rows identical to another, {} of them dropped",
            summary.n_identical, summary.n_identical_dropped
        );
    }
    if summary.n_backdated_customers > 0 {
        println!(
            "{} customers have events that became known late",
            summary.n_backdated_customers
        );
    }
    println!("{n_quarantined} rows set aside in quarantine");
    for (reason, count) in &summary.quarantined {
        println!("  {reason}: {count}");
    }
}
