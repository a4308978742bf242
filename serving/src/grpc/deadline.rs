//! A call ends by its deadline, under the right name.

use std::convert::Infallible;
use std::task::{Context, Poll};
use std::time::Duration;

use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::{HeaderMap, Request, Response};
use tonic::codegen::{BoxFuture, Service};
use tonic::server::NamedService;

/// A service whose calls are answered DEADLINE_EXCEEDED when their `grpc-timeout` passes.
///
/// Work that was begun in another thread goes on; what it made durable stays.
#[derive(Clone)]
pub(crate) struct Deadline<S>(pub(super) S);

/// A call without a deadline of its own gets this one.
const LONGEST: Duration = Duration::from_secs(60);
/// tonic watches the same header from outside and answers CANCELLED; ours ends this much earlier.
const EARLIER: Duration = Duration::from_millis(3);

impl<S> Service<Request<Body>> for Deadline<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send + 'static>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Response<Body>, Infallible>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let asked = deadline(request.headers()).unwrap_or(LONGEST).min(LONGEST);
        let allowed = asked.saturating_sub(EARLIER).max(asked / 2);
        let work = tokio::time::timeout(allowed, self.0.call(request));
        Box::pin(async move {
            let expired = || Status::deadline_exceeded("the deadline passed before the answer was ready").into_http();
            work.await.unwrap_or_else(|_| Ok(expired()))
        })
    }
}

impl<S: NamedService> NamedService for Deadline<S> {
    const NAME: &'static str = S::NAME;
}

/// The `grpc-timeout` of a call: at most eight digits and a unit; `None` when absent or malformed.
///
/// Source: gRPC over HTTP2, Requests, Timeout.
fn deadline(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
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

    fn headers(timeout: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("grpc-timeout", timeout.parse().unwrap());
        headers
    }

    #[test]
    fn a_deadline_is_read_with_its_unit() {
        let told = |text| deadline(&headers(text));
        assert_eq!(told("250m"), Some(Duration::from_millis(250)));
        assert_eq!(told("2S"), Some(Duration::from_secs(2)));
        assert_eq!(told("1H"), Some(Duration::from_secs(3_600)));
        assert_eq!(told("123456789S"), None);
        assert_eq!(told("soon"), None);
        assert_eq!(told(""), None);
    }

    /// Answers after a while.
    struct Slow(Duration);

    impl Service<Request<Body>> for Slow {
        type Response = Response<Body>;
        type Error = Infallible;
        type Future = BoxFuture<Response<Body>, Infallible>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Request<Body>) -> Self::Future {
            let sleep = tokio::time::sleep(self.0);
            Box::pin(async move {
                sleep.await;
                Ok(Response::new(Body::empty()))
            })
        }
    }

    async fn code_of(slow: Duration, timeout: &str) -> Option<String> {
        let mut request = Request::new(Body::empty());
        *request.headers_mut() = headers(timeout);
        let reply = Deadline(Slow(slow)).call(request).await.unwrap();
        reply
            .headers()
            .get("grpc-status")
            .map(|code| code.to_str().unwrap().to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_outlasts_its_deadline_is_answered_so() {
        let deadline_exceeded = Some("4".to_owned());
        assert_eq!(code_of(Duration::from_millis(99), "100m").await, deadline_exceeded);
        assert_eq!(code_of(Duration::from_millis(90), "100m").await, None);
        assert_eq!(code_of(Duration::from_secs(61), "2M").await, deadline_exceeded);
    }
}
