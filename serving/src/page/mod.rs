//! The account managers' page: whom to look after first, what to do for each, and what came of it.
//!
//! It is written by the server, works without script, and reads what the service answers: `ScoringService::score`,
//! `would_list`, `decide` and `respond`, and the list of [`Accounts`].
//! Ids are shown to people and stand in no log: audits name keys.

mod answer;
mod change;
mod customer;
mod cut_off;
mod desk;
mod doors;
mod entry;
mod export;
mod figures;
mod filter;
mod guard;
mod left;
mod list;
mod map;
mod map_picture;
mod outlook;
mod record;
mod snooze;
mod timeline;
mod words;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::HeaderName;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use tokio::net::TcpListener;

use crate::ServeError;
use crate::accounts::Accounts;
use desk::Desk;
use doors::Doors;

/// The most that a form may send.
const MAX_FORM_BYTES: usize = 16 << 10;

/// The page, which holds its address and answers once it runs.
pub(crate) struct Page {
    listener: TcpListener,
    desk: Arc<Desk>,
    /// Where someone may enter, once.
    pub(crate) entry: String,
}

impl Page {
    /// Takes the address, and has everyone ranked.
    ///
    /// # Errors
    /// - the address is not a loopback one, or taken; the header cannot be one's name; there is no chance to make a token from.
    pub(crate) async fn bind(
        address: SocketAddr,
        user_header: Option<String>,
        accounts: Arc<Accounts>,
    ) -> Result<Self, ServeError> {
        let user_header = user_header.map(|name| {
            let parsed = HeaderName::from_bytes(name.as_bytes());
            parsed.map_err(|_| ServeError::NoHeader { name })
        });
        let user_header = user_header.transpose()?;
        if !address.ip().is_loopback() {
            return Err(ServeError::BeyondThisMachine { address });
        }
        let taken = |source| ServeError::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(taken)?;
        let address = listener.local_addr().map_err(taken)?;
        let (doors, token) = Doors::closed().map_err(|error| taken(std::io::Error::other(error.to_string())))?;
        // Whoever enters finds everyone ranked.
        accounts.ranking();
        let desk = Desk {
            accounts,
            doors,
            user_header,
            hosts: vec![address.to_string(), format!("localhost:{}", address.port())],
        };
        Ok(Self {
            listener,
            desk: Arc::new(desk),
            entry: format!("http://{address}/enter?token={token}"),
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
        .route("/map", get(map::map))
        .route("/customers.csv", get(export::export))
        .route("/customer/{key}", get(customer::customer).post(answer::answer))
        .route("/customer/{key}/snooze", post(snooze::snooze))
        .route("/customer/{key}/left", get(left::confirm).post(left::record))
        .route("/record", get(record::record))
        .route("/enter", get(entry::enter))
        .route("/language", get(entry::language))
        .route("/page.css", get(entry::css))
        .fallback(entry::no_such_page)
        .layer(DefaultBodyLimit::max(MAX_FORM_BYTES))
        .layer(from_fn_with_state(Arc::clone(&desk), guard::guard))
        .with_state(desk)
}
