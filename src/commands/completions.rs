//! `percorso completions`: what a shell needs to complete commands, flags and file names.

use std::io::Write;

use clap::Args;
use clap_complete::Shell;

use crate::failure::{Failure, Outcome};

#[derive(Args)]
pub(crate) struct Completions {
    /// The shell: source what is printed, or put it where the shell looks, such as
    /// ~/.local/share/bash-completion/completions/percorso
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self) -> Outcome {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut super::grouped(), "percorso", &mut script);
        std::io::stdout().write_all(&script).map_err(Failure::environment)
    }
}
