//! `percorso serve`: scores, events and decisions over gRPC, and the account managers' page.

use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use percorso_journey::Timestamp;
use percorso_pipeline::{Known, RunFolder};
use percorso_serving::{AccountsSettings, People, Person, Reflection, Server, Settings, clock_from, system_clock};
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
    /// Starts the service's clock at this time instead of the machine's, to try it on history that ended in the past
    #[arg(long, value_name = "TIME", value_parser = super::moment)]
    pub(super) clock_from: Option<Timestamp>,
    /// Serves the account managers' page there too, on this machine only; the link to enter is printed, and works once
    #[arg(long, value_name = "ADDRESS")]
    pub(super) page: Option<SocketAddr>,
    /// Lets whoever comes to the page with this header in without the link, by the name in it: for a proxy on this machine
    /// that has asked who they are, and that takes the header off what comes from outside
    #[arg(long, value_name = "HEADER", requires = "page")]
    pub(super) page_user_header: Option<String>,
    /// The ids that the page and lists of accounts show, as ingest wrote them [default with --page: id-map.parquet of the
    /// run folder]
    #[arg(long, value_name = "FILE")]
    pub(super) ids: Option<PathBuf>,
}

impl Serve {
    pub(crate) fn run(self) -> Outcome {
        let folder = self.run.folder();
        let key_file = folder.key_file();
        if !key_file.exists() {
            let message = format!("{} is not there; run `percorso ingest` first", key_file.display());
            return Err(Failure::environment(anyhow::Error::msg(message)));
        }
        let is_for_people = self.page.is_some() || self.ids.is_some();
        let accounts = AccountsSettings {
            people: if is_for_people {
                people(&folder, self.ids.as_deref())?
            } else {
                People::default()
            },
            ..AccountsSettings::default()
        };
        let settings = Settings {
            address: self.listen,
            store: folder.store(),
            models: folder.models(),
            model: self.model,
            policy: self.policy,
            secret: percorso_pipeline::secret(&key_file)?,
            spec: folder.spec()?,
            clock: self.clock_from.map_or_else(system_clock, clock_from),
            reflection: if self.reflection {
                Reflection::On
            } else {
                Reflection::Off
            },
            cached_customers: self.cached_customers,
            look_every: Duration::from_secs(2),
            accounts,
            page: self.page,
            page_user_header: self.page_user_header,
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

/// The ids that people are shown; of a run folder without an id map, none.
fn people(folder: &RunFolder, ids: Option<&Path>) -> Result<People, Failure> {
    let id_map = ids.map_or_else(|| folder.id_map(), Path::to_owned);
    if ids.is_none() && !id_map.exists() {
        return Ok(People::default());
    }
    let known = percorso_pipeline::people(&id_map, &folder.scores())?;
    let person = |(key, Known { id, owner })| (key, Person { id, owner });
    Ok(People::new(known.into_iter().map(person).collect()))
}

async fn serve(settings: Settings) -> Outcome {
    let mut interrupted = signal(SignalKind::interrupt()).map_err(Failure::environment)?;
    let mut terminated = signal(SignalKind::terminate()).map_err(Failure::environment)?;
    let server = Server::bind(settings).await.map_err(Failure::environment)?;
    println!("listening on {}", server.address());
    if let Some(entry) = server.page_entry() {
        println!("the account managers' page, entered once: {entry}");
    }
    std::io::stdout().flush().map_err(Failure::environment)?;
    let told_to_stop = async move {
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
        }
    };
    server.run(told_to_stop).await.map_err(Failure::environment)
}
