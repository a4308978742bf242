//! Leaving over longer and longer times: each answer is made of the shorter one before it.

use percorso_journey::spec::ChurnKind;

/// How leaving within a longer time goes on from leaving within a shorter one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// By an event: it has come by the shorter time, or, where it has not, comes in between.
    Event,
    /// By silence: it has lasted for the shorter time, and goes on.
    Silence,
}

impl Curve {
    /// The curve of a kind of leaving; contracts that end within a longer time are other contracts, and have none.
    pub const fn of(kind: &ChurnKind) -> Option<Self> {
        match kind {
            ChurnKind::Event { .. } => Some(Self::Event),
            ChurnKind::Inactivity { .. } => Some(Self::Silence),
            ChurnKind::Contract { .. } => None,
        }
    }

    /// Whether the longer time is asked about, of one who has or has not left within the shorter one.
    pub const fn asks_on(self, has_left: bool) -> bool {
        match self {
            Self::Event => !has_left,
            Self::Silence => has_left,
        }
    }

    /// The probability of leaving within the longer time, of that within the shorter one and of what is asked on.
    pub fn joined(self, before: f64, then: f64) -> f64 {
        match self {
            Self::Event => 1.0 - (1.0 - before) * (1.0 - then),
            Self::Silence => before * then,
        }
    }
}
