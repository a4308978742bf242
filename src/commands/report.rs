//! `percorso report`: the evaluation of a kept version as a page, drawn again.

use std::path::PathBuf;

use clap::Args;

use super::{Machine, Run};
use crate::failure::Outcome;

#[derive(Args)]
pub(crate) struct Report {
    #[command(flatten)]
    run: Run,
    /// A version, or a label such as champion [default: the last training]
    #[arg(long, value_name = "N")]
    version: Option<String>,
    /// The page written [default: training/report.html, or report-VERSION.html, in the run folder]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Report {
    pub(crate) fn run(self, machine: &Machine) -> Outcome {
        let run = self.run.folder();
        let page = percorso_pipeline::write_report(&run, self.version.as_deref(), self.output.as_deref())?;
        if machine.wants_json() {
            println!("{}", serde_json::json!({ "report": page.display().to_string() }));
        } else {
            println!("{}", page.display());
        }
        Ok(())
    }
}
