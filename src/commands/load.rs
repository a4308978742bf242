//! `percorso load`: customers into the serving store.

use clap::Args;
use percorso_journey::Timestamp;
use percorso_serving::{Loaded, Store};

use super::{Machine, Run};
use crate::failure::{Failure, Outcome};

#[derive(Args)]
pub(crate) struct Load {
    #[command(flatten)]
    pub(super) run: Run,
}

impl Load {
    pub(crate) fn run(self, machine: &Machine) -> Outcome {
        let folder = self.run.folder();
        let (spec, manifest) = (folder.spec()?, folder.manifest()?);
        let watermark = Timestamp::from_micros(manifest.last_at_us);
        let mut loader = Store::create(&folder.store(), &spec, watermark).map_err(Failure::environment)?;
        percorso_pipeline::export_states(&folder, &machine.engine()?, &*machine.progress(), &mut |journey| {
            Ok(loader.put(journey.key, &journey.base, &journey.log, journey.contacts)?)
        })?;
        let loaded = loader.finish().map_err(Failure::environment)?;
        let Loaded {
            n_customers,
            n_carried,
            n_left_behind,
            generation,
        } = loaded;
        if machine.wants_json() {
            let summary = serde_json::json!({
                "n_customers": n_customers,
                "n_carried": n_carried,
                "n_left_behind": n_left_behind,
                "generation": generation,
                "watermark": watermark.to_string(),
            });
            println!("{summary}");
        } else {
            println!("{n_customers} customers loaded up to {watermark}, generation {generation}");
            if n_carried + n_left_behind > 0 {
                println!(
                    "{n_carried} streamed events carried over, {n_left_behind} left behind as too late or unreadable"
                );
            }
        }
        Ok(())
    }
}
