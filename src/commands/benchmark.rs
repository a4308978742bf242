//! `percorso benchmark`: published protocols, run as they were published.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use percorso_pipeline::{EndOfCase, LearnerMeasures, NextTouchpoint};

use super::Machine;
use crate::failure::Outcome;

#[derive(Args)]
pub(crate) struct Benchmark {
    #[command(subcommand)]
    protocol: Protocol,
}

#[derive(Subcommand)]
enum Protocol {
    /// What comes next after every prefix of every case of an event log
    NextTouchpoint(NextTouchpointFlags),
}

#[derive(Args)]
struct NextTouchpointFlags {
    /// The event log, .xes or .xes.gz
    #[arg(long, value_name = "FILE")]
    log: PathBuf,
    /// A CSV of case_id and fold; a case is asked about by models that learned from the other folds
    #[arg(long, value_name = "FILE")]
    folds: PathBuf,
    /// Whether the end of a case is a class
    #[arg(long, value_enum, default_value_t = End::Scored)]
    end: End,
    /// The seed of every random choice
    #[arg(long, default_value_t = 42)]
    seed: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum End {
    Scored,
    Unscored,
}

impl Benchmark {
    pub(crate) fn run(self, machine: &Machine) -> Outcome {
        machine.use_threads();
        let rows = match self.protocol {
            Protocol::NextTouchpoint(flags) => {
                let benchmark = NextTouchpoint {
                    log: &flags.log,
                    folds: &flags.folds,
                    end: match flags.end {
                        End::Scored => EndOfCase::Scored,
                        End::Unscored => EndOfCase::Unscored,
                    },
                    seed: flags.seed,
                };
                percorso_pipeline::next_touchpoint(&benchmark, &*machine.progress())?
            }
        };
        print_rows(&rows, machine.wants_json());
        Ok(())
    }
}

fn print_rows(rows: &[LearnerMeasures], json: bool) {
    if json {
        for row in rows {
            println!("{}", serde_json::to_string(row).expect("our own types turn into JSON"));
        }
        return;
    }
    let Some(first) = rows.first() else { return };
    let measures: Vec<&str> = first.measures.keys().copied().collect();
    let titles = measures.iter().chain(&["fit_s", "predict_s", "peak_rss_mib"]);
    println!(
        "{:<20}{}",
        "learner",
        titles.map(|title| format!("{title:>18}")).collect::<String>()
    );
    for row in rows {
        let cells = measures
            .iter()
            .map(|measure| format!("{:>18.4}", row.measures[measure]));
        let took = [
            format!("{:>18.1}", row.fit_s),
            format!("{:>18.2}", row.predict_s),
            format!("{:>18.0}", row.peak_rss_mib),
        ];
        println!("{:<20}{}", row.learner, cells.chain(took).collect::<String>());
    }
}
