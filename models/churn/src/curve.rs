//! Leaving over longer and longer times: each answer is made of the shorter one before it.

use percorso_journey::spec::ChurnKind;

use crate::ChurnScore;

/// How leaving within a longer time goes on from leaving within a shorter one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// By an event: it has come by the shorter time, or, where it has not, comes in between.
    Event,
    /// By silence: it has lasted for the shorter time, and goes on.
    Silence,
    /// By a contract: one that ends within the shorter time is the same contract, and has the same answer.
    Contract,
}

impl Curve {
    /// The curve of a kind of leaving.
    pub const fn of(kind: &ChurnKind) -> Self {
        match kind {
            ChurnKind::Event { .. } => Self::Event,
            ChurnKind::Inactivity { .. } => Self::Silence,
            ChurnKind::Contract { .. } => Self::Contract,
        }
    }

    /// Whether the longer time is asked on about one who has or has not left within the shorter one.
    pub const fn asks_on(self, has_left: bool) -> bool {
        match self {
            Self::Event => !has_left,
            Self::Silence => has_left,
            Self::Contract => false,
        }
    }

    /// The probability of leaving within the longer time, of that within the shorter one and of what is asked on.
    pub fn joined(self, before: f64, then: f64) -> f64 {
        match self {
            Self::Event => 1.0 - (1.0 - before) * (1.0 - then),
            Self::Silence => before * then,
            Self::Contract => before,
        }
    }

    /// The answer of the longer time, of that of the shorter one and of its own; of an event and of silence, none where
    /// one of them is not answered.
    pub fn answer(self, before: Option<ChurnScore>, then: Option<ChurnScore>) -> Option<ChurnScore> {
        match self {
            Self::Event | Self::Silence => before.zip(then).map(|(before, then)| before.then(self, then)),
            Self::Contract => before.or(then),
        }
    }
}
