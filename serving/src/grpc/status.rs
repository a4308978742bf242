//! The one table from our errors to gRPC codes, and faults in fields to google.rpc.BadRequest.

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

use crate::{Error, StoreError};

/// The code of an error.
pub(super) fn code(error: &Error) -> Code {
    match error {
        Error::UnknownCustomer => Code::NotFound,
        Error::NoModel => Code::FailedPrecondition,
        Error::RequestIdReused => Code::AlreadyExists,
        Error::AsOfTooEarly { .. } | Error::NothingBefore { .. } | Error::AsOfTooLate { .. } => Code::OutOfRange,
        Error::Store(error) => match error {
            StoreError::Busy | StoreError::Closed => Code::Unavailable,
            StoreError::Malformed(_) | StoreError::Disorder(_) | StoreError::BaseTooLate => Code::DataLoss,
            StoreError::Engine { .. } | StoreError::Io { .. } => Code::Internal,
            StoreError::NotLoaded { .. }
            | StoreError::InUse { .. }
            | StoreError::Format { .. }
            | StoreError::Spec { .. }
            | StoreError::Unreadable { .. }
            | StoreError::KeyOrder => Code::FailedPrecondition,
        },
    }
}

/// The status of an error; what only the operator can mend is logged with its causes and told without them.
pub(super) fn status(error: &Error) -> Status {
    let code = code(error);
    if matches!(code, Code::Internal | Code::DataLoss) {
        tracing::error!(error = error as &dyn std::error::Error, "a call failed");
    }
    Status::new(code, error.to_string())
}

/// What is wrong with the fields of a request, by their paths.
#[derive(Debug, Default)]
pub(super) struct Violations(Vec<FieldViolation>);

/// At most this many faults are told.
const MAX_TOLD: usize = 20;

impl Violations {
    /// Adds a fault.
    pub(super) fn add(&mut self, field: impl Into<String>, description: impl Into<String>) {
        if self.0.len() < MAX_TOLD {
            self.0.push(FieldViolation::new(field, description));
        }
    }

    /// The value, when nothing is wrong.
    pub(super) fn or<T>(self, value: impl FnOnce() -> T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value()) } else { Err(self) }
    }

    /// True when nothing is wrong.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first fault in words.
    pub(super) fn message(&self) -> String {
        let Some(first) = self.0.first() else {
            return String::new();
        };
        let more = self.0.len() - 1;
        let more = if more == 0 {
            String::new()
        } else {
            format!(" (and {more} more)")
        };
        format!("{}: {}{more}", first.field, first.description)
    }
}

impl From<Violations> for Status {
    fn from(violations: Violations) -> Self {
        let message = violations.message();
        Status::with_error_details(
            Code::InvalidArgument,
            message,
            ErrorDetails::with_bad_request(violations.0),
        )
    }
}
