//! `percorso load`: customers into the serving store.

use clap::Args;
use percorso_journey::Timestamp;
use percorso_serving::{Loader, Store};

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
        let mut loader: Loader =
            Store::create(&folder.store(), &spec, watermark).map_err(Failure::environment)?;
        percorso_pipeline::export_states(&folder, &machine.engine()?, &*machine.progress(), &mut |journey| {
            Ok(loader.put(journey.key, &journey.base, &journey.log)?)
        })?;
        let loaded = loader.finish().map_err(Failure::environment)?;
        let (n_customers, generation) = (loaded.n_customers, loaded.generation);
        if machine.wants_json() {
            let summary = serde_json::json!({
                "n_customers": n_customers,
                "generation": generation,
                "watermark": watermark.to_string(),
            });
            println!("{summary}");
        } else {
            println!("{n_customers} customers loaded up to {watermark}, generation {generation}");
        }
        Ok(())
    }
}
