//! The cheapest call there is: empty in, empty out, over the same transport. What any unary call costs at least.

use std::convert::Infallible;
use std::task::{Context, Poll};

use tonic::body::Body;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::codegen::http::{Request, Response};
use tonic::codegen::{BoxFuture, Service};
use tonic::server::{NamedService, UnaryService};
use tonic::transport::Channel;
use tonic_prost::ProstCodec;

/// Answers empty messages with empty messages.
#[derive(Clone)]
pub struct EmptyService;

impl NamedService for EmptyService {
    const NAME: &'static str = "percorso.bench.Empty";
}

impl Service<Request<Body>> for EmptyService {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Response<Body>, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(async move {
            let mut grpc = tonic::server::Grpc::new(ProstCodec::<(), ()>::default());
            Ok(grpc.unary(Nothing, request).await)
        })
    }
}

struct Nothing;

impl UnaryService<()> for Nothing {
    type Response = ();
    type Future = BoxFuture<tonic::Response<()>, tonic::Status>;

    fn call(&mut self, _: tonic::Request<()>) -> Self::Future {
        Box::pin(async { Ok(tonic::Response::new(())) })
    }
}

/// One empty call, made as the generated clients make theirs.
///
/// # Errors
/// - the transport fails.
pub async fn call(channel: Channel) -> Result<(), tonic::Status> {
    let mut grpc = tonic::client::Grpc::new(channel);
    grpc.ready()
        .await
        .map_err(|error| tonic::Status::unavailable(error.to_string()))?;
    let path = PathAndQuery::from_static("/percorso.bench.Empty/Call");
    grpc.unary(tonic::Request::new(()), path, ProstCodec::<(), ()>::default())
        .await
        .map(tonic::Response::into_inner)
}
