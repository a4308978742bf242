//! The commands, one file each.

mod allocate;
mod benchmark;
mod check;
mod churn_list;
mod compare;
mod completions;
mod decisions;
mod demo;
mod doctor;
#[cfg(test)]
mod documented;
mod evaluate;
mod features;
mod ingest;
mod init;
mod load;
mod models;
mod policy;
mod report;
mod score;
mod serve;
mod simulate;
mod tour;
mod train;

use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use percorso_journey::Timestamp;
use percorso_pipeline::{LocalEngine, Progress, RunFolder, memory_bytes_default};

use crate::failure::{Failure, Outcome};
use crate::report::progress;

/// Learns from customer journeys what comes next, who leaves and why, and serves the answers.
#[derive(Parser)]
#[command(name = "percorso", version)]
pub(crate) struct Command {
    #[command(flatten)]
    machine: Machine,
    #[command(subcommand)]
    task: Task,
}

/// What a command may use of the machine, and how it reports.
#[derive(Args)]
pub(crate) struct Machine {
    /// Memory a run may take, such as 512M or 4G [default: half of what is there]
    #[arg(long, global = true, value_parser = bytes)]
    memory: Option<u64>,
    /// Threads a run may use [default: the processors there are]
    #[arg(long, global = true)]
    threads: Option<usize>,
    /// Progress and results as JSON, one object a line
    #[arg(long, global = true)]
    json: bool,
}

/// The run folder of a command.
#[derive(Args)]
pub(crate) struct Run {
    /// The run folder
    #[arg(long = "run", default_value = "percorso-run", value_name = "DIR")]
    folder: PathBuf,
}

impl Run {
    pub(crate) fn folder(&self) -> RunFolder {
        RunFolder::at(&self.folder)
    }
}

#[derive(Subcommand)]
enum Task {
    /// Writes a first journey.toml, and a report, from files nobody described
    Init(init::Init),
    /// Tells whether a journey.toml and its sources are right; writes nothing
    Check(check::Check),
    /// Reads journeys from Parquet, CSV or XES into a run folder
    Ingest(ingest::Ingest),
    /// Lists the features a journey.toml gives rise to
    Features(features::Features),
    /// Trains, evaluates and keeps a model; prints the evaluation
    Train(train::Train),
    /// Prints the evaluation of a trained model
    Evaluate(evaluate::Evaluate),
    /// Draws the evaluation of a kept version as a page
    Report(report::Report),
    /// Sets two run folders side by side: which is better, and is that sure?
    Compare(compare::Compare),
    /// Runs published protocols, against numbers anyone can look up
    Benchmark(benchmark::Benchmark),
    /// Lists, shows, promotes and rolls back models
    Models(models::Models),
    /// Writes what the service decided, for the next training run
    Decisions(decisions::Decisions),
    /// Judges another policy on logged decisions; says which version acts
    Policy(policy::Policy),
    /// Scores everyone as of a cut-off, into Parquet
    Score(score::Score),
    /// Lists the customers most at risk, with reasons
    ChurnList(churn_list::ChurnList),
    /// Says who gets which action, within capacities and budgets
    Allocate(allocate::Allocate),
    /// Loads customers' states into the serving store
    Load(load::Load),
    /// Serves scores and decisions over gRPC, and the account managers' page
    Serve(serve::Serve),
    /// Makes up a market whose truth is known
    Simulate(simulate::Simulate),
    /// Does all of it on a made-up market
    Demo(demo::Demo),
    /// Says what is here, what is missing, and what to do about it
    Doctor(doctor::Doctor),
    /// Prints what a shell needs to complete commands and flags
    Completions(completions::Completions),
}

/// The command line, its commands grouped by what one wants to do.
fn grouped() -> clap::Command {
    tour::grouped(Command::command())
}

impl Command {
    /// What was typed; says so and ends where it is help or a mistake.
    pub(crate) fn typed() -> Self {
        let typed = grouped().get_matches();
        Self::from_arg_matches(&typed).unwrap_or_else(|mistake| mistake.exit())
    }

    pub(crate) fn run(self) -> Outcome {
        match self.task {
            Task::Init(init) => init.run(&self.machine),
            Task::Check(check) => check.run(&self.machine),
            Task::Ingest(ingest) => ingest.run(&self.machine),
            Task::Features(features) => features.run(&self.machine),
            Task::Train(train) => train.run(&self.machine),
            Task::Evaluate(evaluate) => evaluate.run(&self.machine),
            Task::Report(report) => report.run(&self.machine),
            Task::Compare(compare) => compare.run(&self.machine),
            Task::Benchmark(benchmark) => benchmark.run(&self.machine),
            Task::Models(models) => models.run(&self.machine),
            Task::Decisions(decisions) => decisions.run(&self.machine),
            Task::Policy(policy) => policy.run(&self.machine),
            Task::Score(score) => score.run(&self.machine),
            Task::ChurnList(churn_list) => churn_list.run(),
            Task::Allocate(allocate) => allocate.run(&self.machine),
            Task::Load(load) => load.run(&self.machine),
            Task::Serve(serve) => serve.run(),
            Task::Simulate(simulate) => simulate.run(&self.machine),
            Task::Demo(demo) => demo.run(&self.machine),
            Task::Doctor(doctor) => doctor.run(&self.machine),
            Task::Completions(completions) => completions.run(),
        }
    }
}

impl Machine {
    /// The engine these limits allow.
    pub(crate) fn engine(&self) -> Result<LocalEngine, Failure> {
        let threads = self.use_threads();
        LocalEngine::new(self.memory_bytes(), threads, &std::env::temp_dir()).map_err(Failure::environment)
    }

    /// The memory these flags allow.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.memory.unwrap_or_else(memory_bytes_default)
    }

    /// Lets fits take as many threads as the flags allow, and says how many those are.
    pub(crate) fn use_threads(&self) -> usize {
        let threads = self
            .threads
            .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
        // A second command in one process finds the pool made.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
        threads
    }

    /// The listener these flags ask for.
    pub(crate) fn progress(&self) -> Box<dyn Progress> {
        progress(self.json)
    }

    /// True when results are wanted as JSON.
    pub(crate) const fn wants_json(&self) -> bool {
        self.json
    }
}

/// Bytes written as a number with an optional K, M or G.
fn bytes(text: &str) -> Result<u64, String> {
    let (digits, factor) = match text.trim().to_ascii_uppercase() {
        text if text.ends_with('K') => (text[..text.len() - 1].to_owned(), 1 << 10),
        text if text.ends_with('M') => (text[..text.len() - 1].to_owned(), 1 << 20),
        text if text.ends_with('G') => (text[..text.len() - 1].to_owned(), 1 << 30),
        text => (text, 1),
    };
    let number: u64 = digits
        .parse()
        .map_err(|_| "expected a number of bytes such as 512M or 4G".to_owned())?;
    number
        .checked_mul(factor)
        .ok_or_else(|| "more bytes than there are".to_owned())
}

/// A moment as people type it.
fn moment(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| "expected a date or a time, as 2012-01-09 or 2012-01-09T12:00:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_with_its_unit() {
        assert_eq!(bytes("512M"), Ok(512 << 20));
        assert_eq!(bytes("4g"), Ok(4 << 30));
        assert_eq!(bytes("1000"), Ok(1000));
        assert!(bytes("lots").is_err());
    }

    #[test]
    fn the_command_line_is_well_formed() {
        grouped().debug_assert();
    }
}
