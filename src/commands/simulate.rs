//! `percorso simulate`: a made-up market whose truth is known.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use percorso_journey::Timestamp;
use percorso_kit::{Market, MarketSettings, Stage};

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
    /// Also write truth.csv: the true probabilities of everyone who is there at this moment
    #[arg(long, value_name = "TIME", value_parser = super::moment)]
    truth_at: Option<Timestamp>,
    /// Days within which they are told
    #[arg(long, value_name = "DAYS", value_delimiter = ',', default_value = "30")]
    truth_days: Vec<u32>,
    /// Futures drawn for each customer
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    draws: u32,
}

impl Simulate {
    pub(crate) fn run(self, machine: &Machine) -> Outcome {
        let Self {
            customers, seed, dir, ..
        } = &self;
        let settings = MarketSettings {
            customers: *customers,
            seed: *seed,
        };
        let written = percorso_kit::write::simulate(dir, settings).map_err(Failure::environment)?;
        if let Some(at) = self.truth_at {
            let path = dir.join("truth.csv");
            std::fs::write(&path, self.truth(&Market::new(settings), at))
                .with_context(|| format!("cannot write {}", path.display()))
                .map_err(Failure::environment)?;
        }
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

    /// A line for each customer and number of days: the probabilities of leaving, of each stage to come first, of nothing.
    fn truth(&self, market: &Market, at: Timestamp) -> String {
        let stages: String = Stage::ALL
            .iter()
            .map(|stage| format!("first_{},", stage.name()))
            .collect();
        let mut text = format!("customer_id,days,leaves,{stages}first_none\n");
        for &days in &self.truth_days {
            for truth in market.truth_at(at.micros(), days, self.draws) {
                let first: Vec<String> = truth.p_next_stage.iter().map(f64::to_string).collect();
                text += &format!("{},{days},{},{}\n", truth.customer_id, truth.p_leave, first.join(","));
            }
        }
        text
    }
}
