//! What the store keeps of decisions: proposals and what became of them, and answers to decisions.

use std::fmt;

use percorso_journey::{CategoryId, CustomerKey, Timestamp, bytes_of_hex};

/// The id of a decision: 16 bytes made of the request's id under the business's secret, so that a retry is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DecisionId([u8; 16]);

impl DecisionId {
    /// The id of these bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes.
    pub const fn bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The id written as 32 hex digits, as [`Self::to_string`] writes it; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        bytes_of_hex(text).map(Self)
    }

    /// As events and ledgers hold it.
    pub fn category(&self) -> CategoryId {
        CategoryId::of(&self.to_string())
    }

    /// The seed of what the decision leaves to chance.
    pub(crate) fn seed(&self) -> u64 {
        let mut head = [0; 8];
        head.copy_from_slice(&self.0[..8]);
        u64::from_le_bytes(head)
    }
}

impl fmt::Display for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A day of the business's time zone, counted from 1970-01-01.
pub(crate) type Day = i64;

/// The past that a decision was made from; what changes one of its numbers makes the decision stale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Events of the customer.
    pub(crate) n_events: u64,
    /// [`percorso_next_action::decide::Ledger::version`] of the customer.
    pub(crate) ledger: u64,
    /// Actions that must not be done once more that day.
    pub(crate) full: Vec<u16>,
}

/// A decision that is to be logged, if the past that it was made from is still the customer's.
pub(crate) struct Proposal {
    pub(crate) id: DecisionId,
    pub(crate) customer: CustomerKey,
    pub(crate) seen: Seen,
    /// When the contact is made.
    pub(crate) at: Timestamp,
    /// The day that it is counted in.
    pub(crate) day: Day,
    /// Position of what was chosen; `None` for nothing.
    pub(crate) action: Option<u16>,
    /// All that there is to say of it.
    pub(crate) record: Vec<u8>,
    /// The digest of the state that it was made from.
    pub(crate) state_digest: [u8; 16],
    /// The state's bytes; `None` where the store is known to keep them.
    pub(crate) state: Option<Vec<u8>>,
}

/// What became of a proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is durable, and its contact counts.
    Logged,
    /// The same request was decided before, as this record says; nothing changed.
    Repeated(Vec<u8>),
    /// Something has happened meanwhile; nothing changed.
    Stale,
}

/// What came of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ResponseKind {
    /// The customer saw it.
    Presented,
    /// The customer took it.
    Accepted,
    /// The customer, or whoever was to do it, said no.
    Rejected,
    /// The customer did not react.
    Ignored,
    /// It was carried out.
    Executed,
}

impl ResponseKind {
    /// Every kind.
    pub const ALL: [ResponseKind; 5] = [
        Self::Presented,
        Self::Accepted,
        Self::Rejected,
        Self::Ignored,
        Self::Executed,
    ];

    pub(super) fn number(self) -> u8 {
        self as u8
    }

    pub(super) fn of_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

/// A response to a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// What came of it.
    pub kind: ResponseKind,
    /// When.
    pub at: Timestamp,
    /// Why, in the words of whoever says so; empty where nobody did.
    pub reason: String,
}

/// What became of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It is durable.
    New,
    /// A response of its kind was recorded before; nothing changed.
    Before,
    /// There is no such decision; nothing changed.
    UnknownDecision,
}
