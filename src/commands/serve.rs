//! `percorso serve`: scores and events over gRPC.

use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use percorso_serving::{Reflection, Server, Settings, system_clock};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use super::Run;
use crate::failure::{Failure, Outcome};

#[derive(Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(super) run: Run,
    /// Where to listen, on this machine only; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:50051", value_name = "ADDRESS")]
    pub(super) listen: SocketAddr,
    /// The label or version that serves; a label that moves is followed
    #[arg(long, default_value = "champion")]
    pub(super) model: String,
    /// The label or version whose effects of actions are acted on, once it is promoted
    #[arg(long, default_value = "policy")]
    pub(super) policy: String,
    /// Customers whose histories stay in memory
    #[arg(long, default_value_t = 100_000)]
    pub(super) cached_customers: usize,
    /// Lets callers ask for the services' descriptions; for development
    #[arg(long)]
    pub(super) reflection: bool,
}

impl Serve {
    pub(crate) fn run(self) -> Outcome {
        let folder = self.run.folder();
        let key_file = folder.key_file();
        if !key_file.exists() {
            let message = format!("{} is not there; run `percorso ingest` first", key_file.display());
            return Err(Failure::environment(anyhow::Error::msg(message)));
        }
        let settings = Settings {
            address: self.listen,
            store: folder.store(),
            models: folder.models(),
            model: self.model,
            policy: self.policy,
            secret: percorso_pipeline::secret(&key_file)?,
            spec: folder.spec()?,
            clock: system_clock(),
            reflection: if self.reflection {
                Reflection::On
            } else {
                Reflection::Off
            },
            cached_customers: self.cached_customers,
            look_every: Duration::from_secs(2),
        };
        let filter =
            EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,fjall=warn,lsm_tree=warn"));
        let ansi = std::io::stderr().is_terminal();
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .with_ansi(ansi)
            .init();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .max_blocking_threads(32)
            .build()
            .map_err(Failure::environment)?;
        runtime.block_on(serve(settings))
    }
}

async fn serve(settings: Settings) -> Outcome {
    let mut interrupted = signal(SignalKind::interrupt()).map_err(Failure::environment)?;
    let mut terminated = signal(SignalKind::terminate()).map_err(Failure::environment)?;
    let server = Server::bind(settings).await.map_err(Failure::environment)?;
    println!("listening on {}", server.address());
    std::io::stdout().flush().map_err(Failure::environment)?;
    let told_to_stop = async move {
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
        }
    };
    server.run(told_to_stop).await.map_err(Failure::environment)
}
