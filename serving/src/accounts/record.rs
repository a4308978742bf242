//! The honest record: what was told a while ago, held against what came, with no second definition of leaving.

use percorso_journey::spec::{ChurnKind, ChurnTarget};
use percorso_journey::{left_since, left_so_far};
use percorso_learners::share_interval;

use super::told::{self, Days, Told, ToldOf};
use crate::{Error, ScoringService};

/// What is younger is not shown before its window is over.
const LEAST_DAYS: i64 = 7;

/// What became of what was told.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Record {
    /// The day on which it was told, counted from 1970-01-01; `None` where nothing can be shown yet.
    pub(crate) told_on: Option<i64>,
    /// The version that told it.
    pub(crate) version: String,
    /// How many days leaving was asked of.
    pub(crate) window_days: i64,
    /// How many of them are over: all of them, or less, and then those who left so far.
    pub(crate) days_over: i64,
    /// The day of the first record, where there is none yet; `None` where no day is kept.
    pub(crate) first_on: Option<i64>,
    /// By tenths of the chance told.
    pub(crate) tenths: [Group; 10],
    pub(crate) contacted: Group,
    pub(crate) not_contacted: Group,
    pub(crate) held_out: Group,
    /// Customers of whom it can no longer be said.
    pub(crate) n_unknown: usize,
}

/// Some customers, and how many of them left.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Group {
    pub(crate) n_customers: usize,
    /// How many were expected to leave: the sum of the chances told.
    pub(crate) expected: f64,
    pub(crate) n_left: usize,
    pub(crate) n_contacted: usize,
}

impl Group {
    /// The share that left, with its 95 % interval; `None` of nobody.
    pub(crate) fn left(&self) -> Option<(f64, [f64; 2])> {
        let (n_left, n) = (self.n_left as f64, self.n_customers as f64);
        (self.n_customers > 0).then(|| (n_left / n, share_interval(n_left, n)))
    }

    fn add(&mut self, chance: f64, has_left: bool, is_contacted: bool) {
        self.n_customers += 1;
        self.expected += chance;
        self.n_left += usize::from(has_left);
        self.n_contacted += usize::from(is_contacted);
    }
}

impl Record {
    /// True when all the days that leaving was asked of are over.
    pub(crate) const fn is_final(&self) -> bool {
        self.days_over >= self.window_days
    }

    /// The record of the newest day whose window is over; else of the oldest day that can be told so far.
    ///
    /// # Errors
    /// - the store or the folder fails.
    pub(super) fn of(service: &ScoringService, days: &Days, target: ChurnTarget) -> Result<Self, RecordError> {
        let window_days = i64::from(target.window_days);
        let (now, today) = (service.now(), service.today());
        let question = told::question(service.spec(), target);
        let mut record = Self {
            window_days,
            ..Self::default()
        };
        let kept = days.kept()?;
        let is_over = |told: &Told| told.as_of.plus_days(window_days) <= now;
        // Of the day of its window's end, what was told in the evening is not over in the morning.
        for &day in kept.iter().rev().filter(|day| today - *day >= window_days) {
            let told = days.read(day)?.filter(|told| told.question == question);
            if let Some(told) = told.filter(is_over) {
                return record.judged(service, target, day, &told);
            }
        }
        for &day in &kept {
            let Some(told) = days.read(day)?.filter(|told| told.question == question) else {
                continue;
            };
            record.first_on = Some(day + window_days);
            let is_by_event = matches!(service.spec().churn()[target.definition].kind, ChurnKind::Event { .. });
            return if today - day >= LEAST_DAYS && is_by_event {
                record.judged(service, target, day, &told)
            } else {
                Ok(record)
            };
        }
        Ok(record)
    }

    fn judged(
        mut self,
        service: &ScoringService,
        target: ChurnTarget,
        day: i64,
        told: &Told,
    ) -> Result<Self, RecordError> {
        let now = service.now();
        let end = told.as_of.plus_days(self.window_days).min(now);
        self.told_on = Some(day);
        self.version.clone_from(&told.version);
        self.days_over = (end.days_since(told.as_of) + 1e-9) as i64;
        for customer in &told.customers {
            let Some(chance) = customer.chance else { continue };
            let history = service.store().history(customer.key).map_err(Error::from)?;
            let has_left = history.and_then(|history| {
                if self.is_final() {
                    left_since(&history, target, told.as_of, now)
                } else {
                    left_so_far(&history, target, told.as_of, now)
                }
            });
            let Some(has_left) = has_left else {
                self.n_unknown += 1;
                continue;
            };
            let ledger = service.store().ledger(customer.key).map_err(Error::from)?;
            let is_contacted = ledger.made().any(|made| told.as_of <= made.at && made.at < end);
            self.add(customer, f64::from(chance), has_left, is_contacted);
        }
        Ok(self)
    }

    fn add(&mut self, customer: &ToldOf, chance: f64, has_left: bool, is_contacted: bool) {
        let tenth = ((chance * 10.0) as usize).min(9);
        let group = match (customer.is_held_out, is_contacted) {
            (true, _) => &mut self.held_out,
            (false, true) => &mut self.contacted,
            (false, false) => &mut self.not_contacted,
        };
        group.add(chance, has_left, is_contacted);
        self.tenths[tenth].add(chance, has_left, is_contacted);
    }
}

/// Why there is no record.
#[derive(Debug, thiserror::Error)]
pub(super) enum RecordError {
    /// The service cannot tell.
    #[error(transparent)]
    Service(#[from] Error),
    /// The folder of what was told fails.
    #[error("what was told cannot be read")]
    Io(#[from] std::io::Error),
}
