//! What is wrong is refused with an error that says where and what would be right, and nothing is written.

mod broken_data;
mod broken_decisions;
mod broken_logs;
mod broken_models;
#[path = "../e2e/cli.rs"]
#[allow(dead_code, reason = "the stories under e2e use the rest")]
mod cli;
mod full_disk;
