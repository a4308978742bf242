//! `percorso simulate`: a made-up market whose truth is known.

use std::path::PathBuf;

use clap::Args;
use percorso_kit::MarketSettings;

use super::Machine;
use crate::failure::{Failure, Outcome};

#[derive(Args)]
pub(crate) struct Simulate {
    /// How many customers
    #[arg(long, default_value_t = 20_000)]
    customers: u32,
    /// The seed of the market
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Where events.parquet and journey.toml go
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
}

impl Simulate {
    pub(crate) fn run(self, machine: &Machine) -> Outcome {
        let Self { customers, seed, dir } = self;
        let written =
            percorso_kit::write::simulate(&dir, MarketSettings { customers, seed }).map_err(Failure::environment)?;
        if machine.wants_json() {
            println!(
                "{}",
                serde_json::json!({ "customers": customers, "events": written.n_events, "dir": dir })
            );
        } else {
            println!(
                "{} events of {customers} customers in {}",
                written.n_events,
                dir.display()
            );
        }
        Ok(())
    }
}
