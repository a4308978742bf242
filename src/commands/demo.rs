//! `percorso demo`: all of it on a made-up market.
use clap::Args;
use crate::failure::Outcome;
#[derive(Args)]
pub(crate) struct Demo {}
impl Demo { pub(crate) fn run(self, _: &super::Machine) -> Outcome { Ok(()) } }
