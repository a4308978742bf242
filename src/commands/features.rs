//! `percorso features`: the catalogue.

use std::path::PathBuf;

use clap::Args;
use percorso_features::Catalogue;
use percorso_pipeline::read_spec;

use super::Machine;
use crate::failure::{Failure, Outcome};

#[derive(Args)]
pub(crate) struct Features {
    /// The business's journey.toml
    #[arg(long, value_name = "FILE")]
    journey: PathBuf,
    /// Writes the catalogue as JSON to this file
    #[arg(long, value_name = "FILE")]
    catalogue: Option<PathBuf>,
}

impl Features {
    pub(crate) fn run(self, machine: &Machine) -> Outcome {
        let (spec, _) = read_spec(&self.journey)?;
        let catalogue = Catalogue::of(&spec);
        let whole = || {
            let features: Vec<_> = catalogue.features().collect();
            serde_json::json!({ "fingerprint": catalogue.fingerprint(), "features": features })
        };
        if let Some(path) = self.catalogue {
            let whole = whole();
            let text = serde_json::to_string_pretty(&whole).expect("our own types turn into JSON");
            std::fs::write(&path, text + "\n")
                .map_err(|error| Failure::environment(anyhow::Error::new(error).context(path.display().to_string())))?;
            return Ok(());
        }
        if machine.wants_json() {
            println!("{}", whole());
            return Ok(());
        }
        for feature in catalogue.features() {
            let unit = if feature.unit.is_empty() {
                String::new()
            } else {
                format!(" [{}]", feature.unit)
            };
            println!(
                "{:<12} {:<44} {}{unit}; missing: {}",
                feature.family.name(),
                feature.name,
                feature.meaning,
                feature.missing
            );
        }
        println!("{} features, fingerprint {}", catalogue.len(), catalogue.fingerprint());
        Ok(())
    }
}
