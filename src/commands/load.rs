//! Being written.
use clap::Args;
use crate::failure::Outcome;
#[derive(Args)]
pub(crate) struct Load {}
impl Load { pub(crate) fn run(self, _: &super::Machine) -> Outcome { Ok(()) } }
