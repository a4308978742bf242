//! `percorso demo`: all of it on a made-up market whose truth is known.

mod truth;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use percorso_artefact::{Label, Registry};
use percorso_journey::{MICROS_PER_DAY, Timestamp};
use percorso_kit::{END_DAY, Market, MarketSettings, micros_of_day};
use percorso_pipeline::{ChurnListSettings, RunFolder, ScoreSettings, TrainSettings, write_secret};
use percorso_scoring::{Language, Order, Telling};

use super::churn_list::table;
use super::evaluate::print_evaluation;
use super::ingest::print_summary;
use super::load::Load;
use super::policy::promote_if_proven;
use super::serve::Serve;
use super::{Machine, Run};
use crate::failure::{Failure, Outcome};

#[derive(Args)]
pub(crate) struct Demo {
    /// How many customers the market has
    #[arg(long, default_value_t = 20_000)]
    customers: u32,
    /// The seed of market and training
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Where market and run go
    #[arg(long, value_name = "DIR", default_value = "percorso-demo")]
    dir: PathBuf,
    /// Ends after loading, without serving
    #[arg(long)]
    no_serve: bool,
    /// Where to serve
    #[arg(long, default_value = "127.0.0.1:50051", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Where to serve the account managers' page
    #[arg(long, default_value = "127.0.0.1:50080", value_name = "ADDRESS")]
    page: SocketAddr,
}

/// A newcomer waits; the rest of the search would gain little on this market.
const SEARCH: Duration = Duration::from_secs(20);

impl Demo {
    pub(crate) fn run(self, machine: &Machine) -> Outcome {
        let started = Instant::now();
        let (market_dir, run) = (self.dir.join("market"), RunFolder::at(self.dir.join("run")));
        let settings = MarketSettings {
            customers: self.customers,
            seed: self.seed,
        };
        let step = |name: &str| println!("\n== {name} ({:.0} s)", started.elapsed().as_secs_f64());

        step("simulate: a market whose truth is known");
        let written = percorso_kit::write::simulate(&market_dir, settings).map_err(Failure::environment)?;
        println!(
            "{} events of {} customers in {}",
            written.n_events,
            written.n_customers,
            market_dir.display()
        );

        step("ingest");
        let engine = machine.engine()?;
        let progress = machine.progress();
        write_demo_secret(&run, self.seed)?;
        let journey = market_dir.join("journey.toml");
        print_summary(&percorso_pipeline::ingest(&journey, &run, &engine, &*progress)?, false);

        step("train and evaluate out of time");
        let training = TrainSettings {
            seed: self.seed,
            time_budget: SEARCH,
            ..TrainSettings::default()
        };
        let trained = percorso_pipeline::train(&run, &training, &engine, &*progress)?;
        print_evaluation(&trained.evaluation, false);

        step("compare with the truth");
        truth::compare(&Market::new(settings), &run, &trained.evaluation)?;

        step("promote");
        let registry = Registry::at(run.models());
        registry
            .promote(&trained.version, Label::Champion)
            .map_err(percorso_pipeline::Error::from)?;
        println!("{} is champion", trained.version);

        step("may its policy act?");
        promote_if_proven(&run, &trained.version.to_string())?;

        step("score everyone");
        let scores = ScoreSettings {
            as_of: None,
            model: "champion".to_owned(),
            telling: Telling::top(3, Language::English),
            reveals_ids: false,
            output: run.scores(),
        };
        let scored = percorso_pipeline::score(&run, &scores, &engine, &*progress)?;
        println!(
            "{} customers scored into {}",
            scored.n_customers,
            scores.output.display()
        );

        step("churn list");
        let list = ChurnListSettings {
            scores: run.scores(),
            target: None,
            owner: None,
            top: 10,
            order: Order::Chance,
        };
        print!("{}", table(&percorso_pipeline::churn_list(&run, &list)?));

        step("load into the serving store");
        let folder = || Run {
            folder: run.path().to_owned(),
        };
        Load { run: folder() }.run(machine)?;
        step("done");
        if self.no_serve {
            return Ok(());
        }
        println!(
            "a first call: python notebooks/call_the_service.py {} C000001; stop with Ctrl-C",
            self.listen
        );
        // Noon of the day the market ends, when nobody has to be left in peace.
        let clock = Timestamp::from_micros(micros_of_day(END_DAY) + MICROS_PER_DAY / 2);
        println!(
            "its clock begins at {clock}, where the market ends; to serve it again: percorso serve --run {} --clock-from {clock} --page {}",
            run.path().display(),
            self.page
        );
        let listen = self.listen;
        Serve {
            run: folder(),
            listen,
            model: "champion".to_owned(),
            policy: "policy".to_owned(),
            cached_customers: 100_000,
            reflection: true,
            clock_from: Some(clock),
            page: Some(self.page),
            page_user_header: None,
            ids: None,
        }
        .run()
    }
}

/// The demo's key comes from its seed, so that a seed makes the same bytes everywhere; a real run's key is random.
fn write_demo_secret(run: &RunFolder, seed: u64) -> Outcome {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    Ok(write_secret(&run.key_file(), &bytes)?)
}
