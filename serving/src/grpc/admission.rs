//! Which calls are let in, and how long they may take.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tonic::metadata::MetadataMap;
use tonic::{Response, Status};

/// At most this many calls are worked on at once; health checks are not counted.
const MAX_CALLS: usize = 1_024;
/// A call without a deadline of its own gets this one.
const LONGEST: Duration = Duration::from_secs(60);
/// tonic watches the same header and answers CANCELLED; ours ends this much earlier, so that the code is the right one.
const EARLIER: Duration = Duration::from_millis(3);

#[derive(Clone)]
pub(super) struct Admission(Arc<Semaphore>);

impl Admission {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(MAX_CALLS)))
    }

    /// The work's outcome, unless there are too many calls or the caller's deadline passes first.
    ///
    /// Work that was begun in another thread goes on; what it made durable stays.
    pub(super) async fn admit<T>(
        &self,
        metadata: &MetadataMap,
        work: impl Future<Output = Result<T, Status>>,
    ) -> Result<Response<T>, Status> {
        let Ok(_place) = self.0.try_acquire() else {
            return Err(Status::unavailable(format!("more than {MAX_CALLS} calls at once; try again")));
        };
        let allowed = deadline(metadata).unwrap_or(LONGEST).min(LONGEST);
        let allowed = allowed.saturating_sub(EARLIER).max(allowed / 2);
        match tokio::time::timeout(allowed, work).await {
            Ok(outcome) => outcome.map(Response::new),
            Err(_) => Err(Status::deadline_exceeded("the deadline passed before the answer was ready")),
        }
    }
}

/// The `grpc-timeout` of a call: at most eight digits and a unit; `None` when absent or malformed.
///
/// Source: gRPC over HTTP2, Requests, Timeout.
fn deadline(metadata: &MetadataMap) -> Option<Duration> {
    let text = metadata.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u64 = digits.parse().ok().filter(|_| digits.len() <= 8)?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3_600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Option<Duration> {
        let mut metadata = MetadataMap::new();
        metadata.insert("grpc-timeout", text.parse().unwrap());
        deadline(&metadata)
    }

    #[test]
    fn a_deadline_is_read_with_its_unit() {
        assert_eq!(told("250m"), Some(Duration::from_millis(250)));
        assert_eq!(told("2S"), Some(Duration::from_secs(2)));
        assert_eq!(told("1H"), Some(Duration::from_secs(3_600)));
        assert_eq!(told("123456789S"), None);
        assert_eq!(told("soon"), None);
        assert_eq!(told(""), None);
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_outlasts_its_deadline_is_answered_so() {
        let mut metadata = MetadataMap::new();
        metadata.insert("grpc-timeout", "100m".parse().unwrap());
        let work = async {
            tokio::time::sleep(Duration::from_millis(99)).await;
            Ok(())
        };
        let status = Admission::new().admit(&metadata, work).await.unwrap_err();
        assert_eq!(status.code(), tonic::Code::DeadlineExceeded);
    }

    #[tokio::test]
    async fn more_calls_than_there_are_places_are_sent_away() {
        let admission = Admission::new();
        let _taken = admission.0.acquire_many(MAX_CALLS as u32).await.unwrap();
        let status = admission.admit(&MetadataMap::new(), async { Ok(()) }).await.unwrap_err();
        assert_eq!(status.code(), tonic::Code::Unavailable);
    }
}
