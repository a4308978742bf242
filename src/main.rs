//! The `percorso` command: one file a command under `commands/`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line prints")]

mod commands;
mod failure;
mod report;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match commands::Command::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            failure.exit_code()
        }
    }
}
