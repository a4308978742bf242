//! How many calls are worked on at once.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tonic::{Response, Status};

/// At most this many calls are worked on at once; health checks are not counted.
const MAX_CALLS: usize = 1_024;

#[derive(Clone)]
pub(super) struct Admission(Arc<Semaphore>);

impl Admission {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(MAX_CALLS)))
    }

    /// The work's outcome, unless there are too many calls.
    pub(super) async fn admit<T>(&self, work: impl Future<Output = Result<T, Status>>) -> Result<Response<T>, Status> {
        let Ok(_place) = self.0.try_acquire() else {
            return Err(Status::unavailable(format!(
                "more than {MAX_CALLS} calls at once; try again"
            )));
        };
        work.await.map(Response::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn more_calls_than_there_are_places_are_sent_away() {
        let admission = Admission::new();
        let taken = admission.0.acquire_many(MAX_CALLS as u32).await.unwrap();
        let status = admission.admit(async { Ok(()) }).await.unwrap_err();
        assert_eq!(status.code(), tonic::Code::Unavailable);
        drop(taken);
        assert!(admission.admit(async { Ok(()) }).await.is_ok());
    }
}
