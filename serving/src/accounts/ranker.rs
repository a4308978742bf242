//! The thread that ranks everyone: once someone asks for a list, when another model serves, and every so often.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::ranking::{Current, Ranking, Versions};
use crate::{Error, ScoringService};

/// How often the thread looks whether it has something to do.
const LOOKS_EVERY: Duration = Duration::from_millis(250);
/// After ranking the thread rests at least so many times as long, so that answers are not kept waiting.
const RESTS: u32 = 4;

/// The thread, which ends when this is dropped.
pub(super) struct Ranker {
    goes_on: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Ranker {
    /// Ranks into `current` from now on, every so often.
    pub(super) fn start(service: Arc<ScoringService>, current: Arc<Current>, every: Duration) -> std::io::Result<Self> {
        let goes_on = Arc::new(AtomicBool::new(true));
        let told = Arc::clone(&goes_on);
        let thread = std::thread::Builder::new().name("ranker".to_owned());
        let thread = thread.spawn(move || rank(&service, &current, every, &told))?;
        Ok(Self {
            goes_on,
            thread: Some(thread),
        })
    }
}

impl Drop for Ranker {
    fn drop(&mut self) {
        self.goes_on.store(false, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

fn rank(service: &ScoringService, current: &Current, every: Duration, goes_on: &AtomicBool) {
    let is_on = || goes_on.load(Ordering::Relaxed);
    let mut next: Option<Instant> = None;
    let mut is_told = false;
    while is_on() {
        if !current.is_wanted() {
            std::thread::park_timeout(LOOKS_EVERY);
            continue;
        }
        let is_current = current.get().map(|ranking| ranking.versions.clone()) == Versions::serving(service);
        let is_due = !is_current || next.is_none_or(|next| Instant::now() >= next);
        if is_due && service.model().is_some() {
            let started = Instant::now();
            match Ranking::of(service, is_on) {
                Ok(Some(ranking)) => {
                    let (took, n_customers) = (started.elapsed(), ranking.listed.len());
                    tracing::info!(n_customers, seconds = took.as_secs_f64(), "customers are ranked");
                    current.show(ranking);
                    next = Some(Instant::now() + every.max(took * RESTS));
                    is_told = false;
                }
                Ok(None) | Err(Error::NoModel) => {}
                Err(error) => {
                    if !is_told {
                        tracing::error!(error = &error as &dyn std::error::Error, "customers cannot be ranked");
                    }
                    is_told = true;
                    std::thread::park_timeout(LOOKS_EVERY * 20);
                }
            }
        }
        std::thread::park_timeout(LOOKS_EVERY);
    }
}
