//! The account managers' page: whom to look after first, what to do for each, and what came of it.
//!
//! It is written by the server, works without script, and reads what the service answers: [`ScoringService::score`],
//! [`ScoringService::would_list`], [`ScoringService::decide`] and [`ScoringService::respond`].
//! Everyone is ranked by a thread of its own, so that a page of the list costs the same for 50 customers and for 500,000.
//! Ids are shown to people and stand in no log: audits name keys.

mod answer;
mod customer;
mod decided;
mod desk;
mod doors;
mod entry;
mod export;
mod figures;
mod filter;
mod guard;
mod list;
mod outlook;
mod people;
mod ranker;
mod ranking;
mod timeline;
mod words;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use tokio::net::TcpListener;

pub use people::{People, Person};

use crate::{ScoringService, ServeError};
use desk::Desk;
use doors::Doors;
use ranker::Ranker;
use ranking::Current;

/// Where the page is served, and what customers are called there.
#[derive(Clone, Debug)]
pub struct PageSettings {
    /// Where to listen; this machine only. Port 0 takes a free one.
    pub address: SocketAddr,
    /// The ids of customers.
    pub people: People,
    /// How often everyone is ranked anew; less often where ranking takes more than a fifth of the time.
    pub rank_every: Duration,
}

/// The most that a form may send.
const MAX_FORM_BYTES: usize = 16 << 10;

/// The page, which holds its address and answers once it runs.
pub(crate) struct Page {
    listener: TcpListener,
    desk: Arc<Desk>,
    /// Where someone may enter, once.
    pub(crate) entry: String,
    _ranker: Ranker,
}

impl Page {
    /// Takes the address and begins to rank everyone.
    ///
    /// # Errors
    /// - the address is not a loopback one, or taken; there is no chance to make a token from, or no thread to be had.
    pub(crate) async fn bind(settings: PageSettings, service: Arc<ScoringService>) -> Result<Self, ServeError> {
        let address = settings.address;
        if !address.ip().is_loopback() {
            return Err(ServeError::BeyondThisMachine { address });
        }
        let taken = |source| ServeError::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(taken)?;
        let address = listener.local_addr().map_err(taken)?;
        let (doors, token) = Doors::closed().map_err(|error| taken(std::io::Error::other(error.to_string())))?;
        let current = Arc::new(Current::default());
        let ranker = Ranker::start(Arc::clone(&service), Arc::clone(&current), settings.rank_every).map_err(taken)?;
        let desk = Desk {
            service,
            people: settings.people,
            doors,
            current,
            hosts: vec![address.to_string(), format!("localhost:{}", address.port())],
        };
        Ok(Self {
            listener,
            desk: Arc::new(desk),
            entry: format!("http://{address}/enter?token={token}"),
            _ranker: ranker,
        })
    }

    /// Answers until `shutdown`.
    pub(crate) async fn run(self, shutdown: impl Future<Output = ()> + Send + 'static) {
        let answering = axum::serve(self.listener, router(self.desk)).with_graceful_shutdown(shutdown);
        if let Err(error) = answering.await {
            tracing::error!(error = &error as &dyn std::error::Error, "the page is no longer served");
        }
    }
}

fn router(desk: Arc<Desk>) -> Router {
    Router::new()
        .route("/", get(list::list))
        .route("/customers.csv", get(export::export))
        .route("/customer/{key}", get(customer::customer).post(answer::answer))
        .route("/enter", get(entry::enter))
        .route("/language", get(entry::language))
        .route("/page.css", get(entry::css))
        .fallback(entry::no_such_page)
        .layer(DefaultBodyLimit::max(MAX_FORM_BYTES))
        .layer(from_fn_with_state(Arc::clone(&desk), guard::guard))
        .with_state(desk)
}
