//! What comes next: the distribution over the next stage.
//!
//! A [`NextStageHead`] is a learner over every stage and "none", with its temperature; it knows only encoded cells.

mod head;

pub use head::NextStageHead;
