//! The thread that ranks everyone: once someone asks for a list, when another model serves, and every so often.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use percorso_journey::spec::ChurnTarget;

use super::ranking::{Current, Ranking, TARGET, Versions};
use super::record::Record;
use super::told::{Days, Told};
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
    pub(super) fn start(
        service: Arc<ScoringService>,
        current: Arc<Current>,
        days: Days,
        every: Duration,
    ) -> std::io::Result<Self> {
        let goes_on = Arc::new(AtomicBool::new(true));
        let told = Arc::clone(&goes_on);
        let thread = std::thread::Builder::new().name("ranker".to_owned());
        let thread = thread.spawn(move || rank(&service, &current, &days, every, &told))?;
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

fn rank(service: &ScoringService, current: &Current, days: &Days, every: Duration, goes_on: &AtomicBool) {
    let is_on = || goes_on.load(Ordering::Relaxed);
    let mut next: Option<Instant> = None;
    let mut is_told = false;
    let mut looked_on = None;
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
                    let target = service.spec().churn_targets().get(TARGET).copied();
                    let to_look = target.filter(|_| looked_on != Some(service.today()));
                    let told = to_look.map(|target| (target, Told::of(&ranking, service.spec(), target)));
                    current.show(ranking);
                    if let Some((target, told)) = told {
                        looked_on = look_back(service, current, days, target, &told);
                    }
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

/// Keeps what is told of everyone today, and holds what was told before against what came; the day, once that is done.
fn look_back(
    service: &ScoringService,
    current: &Current,
    days: &Days,
    target: ChurnTarget,
    told: &Told,
) -> Option<i64> {
    let today = service.today();
    let look = || {
        // The first of a day stays: it is what people were told in the morning.
        if !days.kept()?.contains(&today) {
            days.keep(today, told, i64::from(target.window_days))?;
        }
        Record::of(service, days, target)
    };
    match look() {
        Ok(record) => {
            current.show_record(record);
            Some(today)
        }
        Err(error) => {
            let error: &dyn std::error::Error = &error;
            tracing::error!(error, "what was told is not kept, or not held against what came");
            None
        }
    }
}
