//! The process's servers, gRPC and the page: bound, running, drained.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use percorso_artefact::Registry;
use percorso_journey::{KeySecret, Spec};
use percorso_scoring::ScoringModel;
use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::accounts::Accounts;
use crate::grpc::{ACCOUNTS, DECISIONS, DESCRIPTORS, Edge, JOURNEYS, SCORING};
use crate::page::Page;
use crate::store::beside;
use crate::{AccountsSettings, Clock, Error, Follower, ScoringService, Store, StoreError};

/// What to serve, and where.
pub struct Settings {
    /// Where to listen; this machine only. Port 0 takes a free one.
    pub address: SocketAddr,
    /// The folder of the store, filled by `percorso load`.
    pub store: PathBuf,
    /// The folder of the registry of models.
    pub models: PathBuf,
    /// The label or version that serves.
    pub model: String,
    /// The label or version whose effects of actions are acted on.
    pub policy: String,
    /// The secret under which ids become keys.
    pub secret: KeySecret,
    /// The business served.
    pub spec: Arc<Spec>,
    /// The clock.
    pub clock: Clock,
    /// Whether callers may ask for the services' descriptions.
    pub reflection: Reflection,
    /// How many customers' histories stay in memory.
    pub cached_customers: usize,
    /// How often the registry is looked at for another model.
    pub look_every: Duration,
    /// Whom account managers look after.
    pub accounts: AccountsSettings,
    /// Where to serve the account managers' page; this machine only. `None` serves none.
    pub page: Option<SocketAddr>,
    /// The header in which a trusted proxy on this machine names who comes to the page, so that they need no token; with
    /// `None` no header lets anyone in.
    pub page_user_header: Option<String>,
}

/// Whether callers may ask for the services' descriptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reflection {
    /// For development.
    On,
    /// For everything else.
    Off,
}

/// Why the server cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// It was told to listen beyond this machine.
    #[error("cannot listen on {address}: there is no TLS yet, so only loopback addresses such as 127.0.0.1 are served")]
    BeyondThisMachine {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The address cannot be had.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// What names who comes cannot be a header.
    #[error("`{name}` cannot be the name of a header, such as X-Forwarded-User")]
    NoHeader {
        /// What was asked for.
        name: String,
    },
    /// The store does not open or close.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The transport failed.
    #[error("the connection to callers failed")]
    Transport(#[source] tonic::transport::Error),
    /// The descriptions of the services are broken.
    #[error("the services cannot be described")]
    Descriptors(#[source] tonic_reflection::server::Error),
}

/// A server that holds its store and its address, and answers once it runs.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    service: Arc<ScoringService>,
    champion: Arc<Follower>,
    policy: Arc<Follower>,
    accounts: Arc<Accounts>,
    reflection: Reflection,
    look_every: Duration,
    page: Option<Page>,
}

/// Streams at once on one connection.
const MAX_STREAMS: u32 = 256;
/// How long calls under way may take once the server is told to stop.
const DRAIN: Duration = Duration::from_secs(10);
/// How long the page's answers under way may take then.
const PAGE_DRAIN: Duration = Duration::from_secs(2);

impl Server {
    /// Opens the store and the model and takes the address.
    ///
    /// Without a model that opens, the server starts all the same, takes in events and answers FAILED_PRECONDITION to
    /// questions, until one is promoted.
    ///
    /// # Errors
    /// - the address is not a loopback one, or taken;
    /// - the store does not open.
    pub async fn bind(settings: Settings) -> Result<Self, ServeError> {
        let address = settings.address;
        if !address.ip().is_loopback() {
            return Err(ServeError::BeyondThisMachine { address });
        }
        let store = Store::open(&settings.store, &settings.spec, settings.cached_customers)?;
        let service = Arc::new(ScoringService::new(store, settings.secret, settings.clock));
        let registry = Registry::at(settings.models);
        let champion = Arc::new(Follower::scoring(registry.clone(), settings.model));
        let policy = Arc::new(Follower::deciding(registry, settings.policy));
        refresh(&champion, &service).await;
        refresh(&policy, &service).await;
        let taken = |source| ServeError::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(taken)?;
        let address = listener.local_addr().map_err(taken)?;
        // Beside the store, so that a load leaves it alone.
        let told = beside(&settings.store, "told");
        let accounts = Accounts::of(Arc::clone(&service), settings.accounts, told).map_err(taken)?;
        let accounts = Arc::new(accounts);
        let page = match settings.page {
            Some(address) => Some(Page::bind(address, settings.page_user_header, Arc::clone(&accounts)).await?),
            None => None,
        };
        let Settings {
            reflection, look_every, ..
        } = settings;
        Ok(Self {
            listener,
            address,
            service,
            champion,
            policy,
            accounts,
            reflection,
            look_every,
            page,
        })
    }

    /// The address, with the port that was taken.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where an account manager may enter the page, once; `None` where none is served.
    pub fn page_entry(&self) -> Option<&str> {
        self.page.as_ref().map(|page| page.entry.as_str())
    }

    /// What answers, for callers in the same process.
    pub const fn service(&self) -> &Arc<ScoringService> {
        &self.service
    }

    /// Answers until `shutdown`, then finishes the calls under way (10 seconds at most), writes states and closes.
    ///
    /// # Errors
    /// - the transport fails, or the store does not close; acknowledged events are safe all the same.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send + 'static) -> Result<(), ServeError> {
        let (health, health_service) = tonic_health::server::health_reporter();
        tell_health(&health, &self.service).await;
        let reflection = match self.reflection {
            Reflection::Off => None,
            Reflection::On => Some(
                tonic_reflection::server::Builder::configure()
                    .register_encoded_file_descriptor_set(DESCRIPTORS)
                    .build_v1()
                    .map_err(ServeError::Descriptors)?,
            ),
        };
        let edge = Edge::new(Arc::clone(&self.accounts), Arc::clone(&self.champion));
        let followers = [self.champion, self.policy];
        let watch = tokio::spawn(watch(followers, Arc::clone(&self.service), health, self.look_every));
        let (page_stops, page_stopping) = tokio::sync::oneshot::channel::<()>();
        let page = self.page.map(|page| {
            let stopping = async {
                let _ = page_stopping.await;
            };
            tokio::spawn(page.run(stopping))
        });
        let (stopping, told_to_stop) = tokio::sync::oneshot::channel();
        let stop = async move {
            shutdown.await;
            let _ = stopping.send(());
        };
        let answering = tonic::transport::Server::builder()
            .max_concurrent_streams(MAX_STREAMS)
            .http2_keepalive_interval(Some(Duration::from_secs(60)))
            .add_service(health_service)
            .add_optional_service(reflection)
            .add_service(edge.scoring())
            .add_service(edge.journeys())
            .add_service(edge.decisions())
            .add_service(edge.accounts())
            .serve_with_incoming_shutdown(TcpIncoming::from(self.listener).with_nodelay(Some(true)), stop);
        let drained = async {
            let _ = told_to_stop.await;
            tokio::time::sleep(DRAIN).await;
        };
        let outcome = tokio::select! {
            outcome = answering => outcome.map_err(ServeError::Transport),
            () = drained => {
                tracing::warn!("calls were still under way after {DRAIN:?} and were cut off");
                Ok(())
            }
        };
        watch.abort();
        let _ = page_stops.send(());
        if let Some(mut page) = page
            && tokio::time::timeout(PAGE_DRAIN, &mut page).await.is_err()
        {
            page.abort();
        }
        let service = self.service;
        let closed = tokio::task::spawn_blocking(move || service.close()).await;
        match closed {
            Ok(Err(Error::Store(error))) => Err(ServeError::Store(error)),
            Ok(_) => outcome,
            Err(_) => Err(ServeError::Store(StoreError::Closed)),
        }
    }
}

/// Looks for another model now and then, and at once on SIGHUP.
async fn watch(followers: [Arc<Follower>; 2], service: Arc<ScoringService>, health: HealthReporter, every: Duration) {
    use tokio::signal::unix::{SignalKind, signal};
    let mut hangup = signal(SignalKind::hangup()).ok();
    loop {
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            Some(()) = async { hangup.as_mut()?.recv().await } => {}
        }
        for follower in &followers {
            refresh(follower, &service).await;
        }
        tell_health(&health, &service).await;
    }
}

/// Lets the version now named serve; a failure is logged, and what served goes on.
async fn refresh(follower: &Arc<Follower>, service: &Arc<ScoringService>) {
    let (follower, service) = (Arc::clone(follower), Arc::clone(service));
    let refreshed = tokio::task::spawn_blocking(move || {
        let is_swapped = follower.refresh(&service);
        let version = |model: Option<Arc<ScoringModel>>| model.map(|model| model.version().to_owned());
        match &is_swapped {
            Ok(true) => tracing::info!(
                scores = version(service.model()),
                decides = version(service.policy()),
                "models serve"
            ),
            Ok(false) => {}
            Err(error) => tracing::warn!(error = error as &dyn std::error::Error, "no other model serves"),
        }
    });
    if let Err(error) = refreshed.await {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "looking for another model ended early"
        );
    }
}

/// Scoring needs a model; events and decisions need a disk that takes them.
async fn tell_health(health: &HealthReporter, service: &Arc<ScoringService>) {
    let status = |is_serving: bool| match is_serving {
        true => ServingStatus::Serving,
        false => ServingStatus::NotServing,
    };
    for name in [SCORING, ACCOUNTS] {
        health.set_service_status(name, status(service.model().is_some())).await;
    }
    let asked = Arc::clone(service);
    let is_writable = tokio::task::spawn_blocking(move || asked.store().is_writable());
    let writing = status(is_writable.await.unwrap_or(false));
    health.set_service_status(JOURNEYS, writing).await;
    health.set_service_status(DECISIONS, writing).await;
}
