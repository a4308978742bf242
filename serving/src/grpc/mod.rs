//! The wire: percorso.v1 messages to our own terms and back. The only place that names a type of the wire.

mod accounts;
mod admission;
mod deadline;
mod decisions;
mod event;
mod journeys;
mod scoring;
mod status;

use std::sync::Arc;

use percorso_proto::v1::accounts_server::AccountsServer;
use percorso_proto::v1::decisions_server::DecisionsServer;
use percorso_proto::v1::journeys_server::JourneysServer;
use percorso_proto::v1::scoring_server::ScoringServer;
use tonic::codec::CompressionEncoding;
use tonic::server::NamedService;

use admission::Admission;
use deadline::Deadline;

use crate::accounts::Accounts;
use crate::{Follower, ScoringService};

pub(crate) use percorso_proto::DESCRIPTORS;

/// The full name of the service that scores.
pub(crate) const SCORING: &str = <ScoringServer<Edge> as NamedService>::NAME;
/// The full name of the service that takes in events.
pub(crate) const JOURNEYS: &str = <JourneysServer<Edge> as NamedService>::NAME;

/// The full name of the service that decides.
pub(crate) const DECISIONS: &str = <DecisionsServer<Edge> as NamedService>::NAME;

/// A message larger than this is refused: room for 1,000 events with long texts.
const MAX_MESSAGE_BYTES: usize = 8 << 20;

/// The full name of the service of account managers.
pub(crate) const ACCOUNTS: &str = <AccountsServer<Edge> as NamedService>::NAME;

/// Our services over one [`ScoringService`].
#[derive(Clone)]
pub(crate) struct Edge {
    service: Arc<ScoringService>,
    /// Opens the version that made a decision.
    champion: Arc<Follower>,
    accounts: Arc<Accounts>,
    admission: Admission,
}

impl Edge {
    pub(crate) fn new(accounts: Arc<Accounts>, champion: Arc<Follower>) -> Self {
        Self {
            service: Arc::clone(&accounts.service),
            champion,
            accounts,
            admission: Admission::new(),
        }
    }

    pub(crate) fn scoring(&self) -> Deadline<ScoringServer<Self>> {
        let server = ScoringServer::new(self.clone())
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .accept_compressed(CompressionEncoding::Gzip)
            .send_compressed(CompressionEncoding::Gzip);
        Deadline(server)
    }

    pub(crate) fn decisions(&self) -> Deadline<DecisionsServer<Self>> {
        let server = DecisionsServer::new(self.clone())
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .accept_compressed(CompressionEncoding::Gzip)
            .send_compressed(CompressionEncoding::Gzip);
        Deadline(server)
    }

    pub(crate) fn accounts(&self) -> Deadline<AccountsServer<Self>> {
        let server = AccountsServer::new(self.clone())
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .accept_compressed(CompressionEncoding::Gzip)
            .send_compressed(CompressionEncoding::Gzip);
        Deadline(server)
    }

    pub(crate) fn journeys(&self) -> Deadline<JourneysServer<Self>> {
        let server = JourneysServer::new(self.clone())
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .accept_compressed(CompressionEncoding::Gzip);
        Deadline(server)
    }
}
