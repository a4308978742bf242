//! How a command fails: what is printed, and the exit code that scripts rely on.

use std::fmt;
use std::process::ExitCode;

use crate::next_step::next_step;

/// A failed command: 1 when the data are wrong, 2 when the usage or the environment is.
#[derive(Debug)]
pub(crate) struct Failure {
    error: anyhow::Error,
    is_about_data: bool,
}

/// The result of a command.
pub(crate) type Outcome = Result<(), Failure>;

impl Failure {
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(if self.is_about_data { 1 } else { 2 })
    }

    /// What to type next, where there is something to name.
    pub(crate) fn next_step(&self) -> Option<String> {
        next_step(&self.error)
    }

    /// Something wrong was found, and has been told.
    pub(crate) fn found(what: impl Into<String>) -> Self {
        Self {
            error: anyhow::Error::msg(what.into()),
            is_about_data: true,
        }
    }

    /// A failure of usage or environment.
    pub(crate) fn environment(error: impl Into<anyhow::Error>) -> Self {
        Self {
            error: error.into(),
            is_about_data: false,
        }
    }
}

impl fmt::Display for Failure {
    /// The whole chain of causes, each once.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = self.error.to_string();
        f.write_str(&said)?;
        for cause in self.error.chain().skip(1) {
            let cause = cause.to_string();
            if !said.contains(&cause) {
                write!(f, ": {cause}")?;
                said = cause;
            }
        }
        Ok(())
    }
}

impl From<percorso_pipeline::Error> for Failure {
    fn from(error: percorso_pipeline::Error) -> Self {
        Self {
            is_about_data: error.is_about_data(),
            error: error.into(),
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::environment(error)
    }
}
