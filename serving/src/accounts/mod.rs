//! Whom to look after first: everyone in the store, ranked by a thread of its own, so that a page of a list costs the same
//! for 50 customers and for 500,000.
//!
//! The page and `percorso.v1.Accounts` both read it.

mod cut_off;
mod decided;
mod feedback;
mod found;
mod lived;
mod people;
mod ranker;
mod ranking;
mod record;
mod told;
mod wanted;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use cut_off::{CutOff, CutOffs};
pub(crate) use decided::{Decision, recent, request};
pub(crate) use feedback::{Answered, Became, Feedback, MAX_REASON_BYTES};
pub(crate) use lived::{Lived, LivedJourneys, LivedMove, LivedStage, LivedTouchpoint, Segment};
pub use people::{People, Person};
pub(crate) use ranking::{Listed, Ranking, TARGET};
pub(crate) use record::{Group, Record};
pub(crate) use wanted::{Doing, Snoozed, Wanted};

use crate::ScoringService;
use ranker::Ranker;
use ranking::Current;
use told::Days;

/// What customers are called, and how often everyone is ranked.
#[derive(Clone, Debug)]
pub struct AccountsSettings {
    /// The ids of customers.
    pub people: People,
    /// How often everyone is ranked anew; less often where ranking takes more than a fifth of the time.
    pub rank_every: Duration,
}

impl Default for AccountsSettings {
    fn default() -> Self {
        Self {
            people: People::default(),
            rank_every: Duration::from_secs(600),
        }
    }
}

/// Everyone who is looked after.
pub(crate) struct Accounts {
    pub(crate) service: Arc<ScoringService>,
    pub(crate) people: People,
    current: Arc<Current>,
    _ranker: Ranker,
}

impl Accounts {
    /// Everyone that the service knows; ranked once someone asks, and what is told of them is kept in a folder day by day.
    ///
    /// # Errors
    /// - there is no thread to be had.
    pub(crate) fn of(service: Arc<ScoringService>, settings: AccountsSettings, told: PathBuf) -> std::io::Result<Self> {
        let current = Arc::new(Current::default());
        let ranker = Ranker::start(
            Arc::clone(&service),
            Arc::clone(&current),
            Days::at(told),
            settings.rank_every,
        )?;
        Ok(Self {
            service,
            people: settings.people,
            current,
            _ranker: ranker,
        })
    }

    /// Everyone as last ranked; `None` until that is done for the first time.
    pub(crate) fn ranking(&self) -> Option<Arc<Ranking>> {
        self.current.get()
    }

    /// What became of what was told; `None` until that was looked at for the first time.
    pub(crate) fn record(&self) -> Option<Arc<Record>> {
        self.current.record()
    }
}
