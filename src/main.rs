//! The `percorso` command: one file a command under `commands/`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line prints")]

mod commands;
mod failure;
mod next_step;
mod report;

use std::process::ExitCode;

/// A decision allocates some 160 times, and this gives and takes back in less time than the platform's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match commands::Command::typed().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            if let Some(next_step) = failure.next_step() {
                eprintln!("next: {next_step}");
            }
            failure.exit_code()
        }
    }
}
