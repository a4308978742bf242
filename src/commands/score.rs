//! `percorso score`: everyone scored.

use std::path::PathBuf;

use clap::Args;
use percorso_journey::Timestamp;
use percorso_pipeline::ScoreSettings;
use percorso_scoring::{Language, Telling};

use super::{Machine, Run};
use crate::failure::Outcome;

#[derive(Args)]
pub(crate) struct Score {
    #[command(flatten)]
    run: Run,
    /// Events before this point count, such as 2024-06-01T00:00:00Z [default: all of them]
    #[arg(long, value_name = "TIME", value_parser = super::moment)]
    as_of: Option<Timestamp>,
    /// A version, or a label
    #[arg(long, default_value = "champion")]
    model: String,
    /// Reasons per customer, as top:N
    #[arg(long, value_name = "top:N", default_value = "top:0", value_parser = top)]
    reasons: usize,
    /// The language of reasons: en, it or es
    #[arg(long, value_name = "CODE", default_value = "en", value_parser = language)]
    language: Language,
    /// Adds customers' ids
    #[arg(long)]
    reveal: bool,
    /// The Parquet file written [default: scores.parquet in the run folder]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Score {
    pub(crate) fn run(self, machine: &Machine) -> Outcome {
        let folder = self.run.folder();
        let settings = ScoreSettings {
            as_of: self.as_of,
            model: self.model,
            telling: Telling::top(self.reasons, self.language),
            reveals_ids: self.reveal,
            output: self.output.unwrap_or_else(|| folder.scores()),
        };
        let summary = percorso_pipeline::score(&folder, &settings, &machine.engine()?, &*machine.progress())?;
        if machine.wants_json() {
            println!(
                "{}",
                serde_json::to_string(&summary).expect("our own types turn into JSON")
            );
        } else {
            let as_of = Timestamp::from_micros(summary.as_of_us);
            let output = settings.output.display();
            println!(
                "{} customers scored as of {as_of} by {} into {output}",
                summary.n_customers, summary.model_version
            );
        }
        Ok(())
    }
}

fn top(text: &str) -> Result<usize, String> {
    let number = text.strip_prefix("top:").unwrap_or(text);
    number.parse().map_err(|_| "expected top:N, such as top:3".to_owned())
}

fn language(code: &str) -> Result<Language, String> {
    Language::parse(code).ok_or_else(|| "expected en, it or es".to_owned())
}
