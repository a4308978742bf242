//! What the business did to the customer, and the customer's response.

use crate::bytes::{ByteReader, ByteWriter, MalformedBytes};
use crate::spec::{Response, Touchpoint};
use crate::{CategoryId, JourneyEvent};

/// The last action and the last response; counts and times of contacts are tallied with everything else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exposure {
    last_action: Option<CategoryId>,
    last_response: Option<Response>,
    n_unanswered: u32,
}

impl Exposure {
    pub(super) fn observe(&mut self, event: &JourneyEvent, touchpoint: &Touchpoint) {
        if event.action.is_some() {
            self.last_action = event.action;
        }
        if touchpoint.contact {
            self.n_unanswered += 1;
        }
        if touchpoint.response.is_some() {
            self.last_response = touchpoint.response;
            self.n_unanswered = 0;
        }
    }

    /// The last action; `None` before any.
    pub const fn last_action(&self) -> Option<CategoryId> {
        self.last_action
    }

    /// The last response; `None` before any.
    pub const fn last_response(&self) -> Option<Response> {
        self.last_response
    }

    /// Contacts since the last response.
    pub const fn n_unanswered(&self) -> u32 {
        self.n_unanswered
    }

    pub(super) fn write(&self, to: &mut ByteWriter) {
        to.u64(self.last_action.map_or(u64::MAX, CategoryId::number));
        to.u8(match self.last_response {
            None => 0,
            Some(Response::Accepted) => 1,
            Some(Response::Rejected) => 2,
        });
        to.u32(self.n_unanswered);
    }

    pub(super) fn read(from: &mut ByteReader<'_>) -> Result<Self, MalformedBytes> {
        let action = from.u64()?;
        let last_action = match action {
            u64::MAX => None,
            number => Some(CategoryId::from_cell(number as f64).ok_or(from.malformed())?),
        };
        let last_response = match from.u8()? {
            0 => None,
            1 => Some(Response::Accepted),
            2 => Some(Response::Rejected),
            _ => return Err(from.malformed()),
        };
        Ok(Self {
            last_action,
            last_response,
            n_unanswered: from.u32()?,
        })
    }
}
