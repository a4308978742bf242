//! Being written.
use clap::Args;
use crate::failure::Outcome;
#[derive(Args)]
pub(crate) struct Serve {}
impl Serve { pub(crate) fn run(self) -> Outcome { Ok(()) } }
