//! The whole answer about one customer: the model file opened, and scores read off a journey state.
//!
//! [`ScoringModel::score`] is the only way to a score: the batch pipeline and the service both call it, so that the same
//! state at the same cut-off gives the same bits in both.
//! Nothing here does IO, reads a clock or knows an id.

mod actions;
mod ahead;
mod attribution;
mod body;
mod hazards;
mod model;
mod order;
mod purchases;
mod reasons;
mod reconciled;
mod scores;

pub use actions::{ActBy, ActionSlot, Actions, Belief, Recommended};
pub use ahead::Ahead;
pub use attribution::Attribution;
pub use body::{Body, ChurnSlot, KIND};
pub use hazards::Hazards;
pub use model::{OpenError, Parts, ScoreError, ScoringModel, Scratch};
pub use order::{Order, Standing};
pub use percorso_features::Language;
pub use purchases::{bought, weeks};
pub use reasons::{Asked, Explained, Reason, Telling};
pub use scores::{Scores, Target};
