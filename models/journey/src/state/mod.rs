//! Everything that is remembered of one customer's past, in space that does not grow with it.
//!
//! [`JourneyState::observe`] is the only way in; it changes the state only at events, so where a run was cut cannot matter.
//! Features are read off a state by the features crate; nothing there changes it.

mod attributes;
mod exposure;
mod feedback;
mod gaps;
mod habits;
mod moments;
mod money;
mod path;
mod persist;
mod purchase_days;
mod recent;
mod recent_values;
mod rhythm;
mod tally;
mod weeks;

use std::sync::Arc;

use attributes::AttributeMoments;
pub use exposure::Exposure;
pub use feedback::Feedback;
pub use gaps::Gaps;
pub use habits::{Habits, HoursOfDay};
pub use moments::Moments;
pub use money::Money;
pub use path::StagePath;
pub use persist::STATE_FORMAT;
pub use purchase_days::PurchaseDays;
pub use recent::{Recent, RecentEvent};
pub use recent_values::RecentValues;
pub use rhythm::RhythmState;
pub use tally::{HALF_LIVES_DAYS, N_HALF_LIVES, Slot, Tallies};
pub use weeks::Weeks;

use crate::{JourneyEvent, Spec, Timestamp};

/// One customer's past, folded: O(1) in the number of events.
#[derive(Clone, Debug)]
pub struct JourneyState {
    spec: Arc<Spec>,
    n_events: u64,
    first_at: Timestamp,
    last_at: Timestamp,
    last_sequence: i64,
    last_known_at: Timestamp,
    tallies: Tallies,
    rhythms: Vec<RhythmState>,
    money: Money,
    purchase_days: PurchaseDays,
    path: StagePath,
    recent: Recent,
    feedback: Feedback,
    exposure: Exposure,
    attributes: Vec<f64>,
    attribute_moments: AttributeMoments,
    recent_values: Vec<RecentValues>,
    habits: Habits,
}

/// An event came before one that was already observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "event at {at} (sequence {sequence}) comes before the last one observed, at {last_at} (sequence {last_sequence})"
)]
pub struct ObserveError {
    /// The event's time.
    pub at: Timestamp,
    /// The event's sequence.
    pub sequence: i64,
    /// The time of the last event observed.
    pub last_at: Timestamp,
    /// The sequence of the last event observed.
    pub last_sequence: i64,
}

impl JourneyState {
    /// The state of a customer of whom nothing is known.
    pub fn new(spec: Arc<Spec>) -> Self {
        let tallies = Tallies::new(&spec);
        let rhythms = spec
            .rhythms()
            .into_iter()
            .map(|rhythm| RhythmState::new(&rhythm, &spec))
            .collect();
        let purchase_days = PurchaseDays::new(&spec);
        let attributes = vec![f64::NAN; spec.attributes().len()];
        let attribute_moments = AttributeMoments::new(&spec);
        let recent_values = vec![RecentValues::default(); spec.attributes().len()];
        let habits = Habits::new(&spec);
        let never = Timestamp::from_micros(i64::MIN);
        Self {
            spec,
            n_events: 0,
            first_at: never,
            last_at: never,
            last_sequence: i64::MIN,
            last_known_at: never,
            tallies,
            rhythms,
            money: Money::default(),
            purchase_days,
            path: StagePath::default(),
            recent: Recent::default(),
            feedback: Feedback::default(),
            exposure: Exposure::default(),
            attributes,
            attribute_moments,
            recent_values,
            habits,
        }
    }

    /// Takes one event into the state.
    ///
    /// # Errors
    /// - the event comes before the last one observed, by (`at`, `sequence`); the state is unchanged.
    pub fn observe(&mut self, event: &JourneyEvent) -> Result<(), ObserveError> {
        if (event.at, event.sequence) < (self.last_at, self.last_sequence) {
            return Err(ObserveError {
                at: event.at,
                sequence: event.sequence,
                last_at: self.last_at,
                last_sequence: self.last_sequence,
            });
        }
        if self.n_events == 0 {
            self.first_at = event.at;
        } else {
            self.tallies.fade(event.at.days_since(self.last_at));
        }
        attributes::observe(&mut self.attributes, event);
        self.attribute_moments.observe(event);
        RecentValues::observe(&mut self.recent_values, event);
        let touchpoint = &self.spec.touchpoints()[usize::from(event.touchpoint)];
        let step = self.path.observe(&self.spec, &self.attributes, event);
        self.tallies.observe(event, touchpoint, step);
        for rhythm in &mut self.rhythms {
            rhythm.observe(event);
        }
        self.money.observe(event);
        self.purchase_days.observe(&self.spec, event);
        self.recent.observe(event);
        self.feedback.observe(event);
        self.exposure.observe(event, touchpoint);
        self.habits.observe(&self.spec, event, touchpoint);
        self.n_events += 1;
        self.last_at = event.at;
        self.last_sequence = event.sequence;
        self.last_known_at = self.last_known_at.max(event.known_at);
        Ok(())
    }

    /// The spec the state was folded under.
    pub const fn spec(&self) -> &Arc<Spec> {
        &self.spec
    }

    /// How many events were observed.
    pub const fn n_events(&self) -> u64 {
        self.n_events
    }

    /// When the first event happened; `None` before any.
    pub fn first_at(&self) -> Option<Timestamp> {
        (self.n_events > 0).then_some(self.first_at)
    }

    /// When the last event happened; `None` before any.
    pub fn last_at(&self) -> Option<Timestamp> {
        (self.n_events > 0).then_some(self.last_at)
    }

    /// When the last of what the state holds became known; `None` before any.
    pub fn last_known_at(&self) -> Option<Timestamp> {
        (self.n_events > 0).then_some(self.last_known_at)
    }

    /// True when everything the state holds had happened before `as_of` and was known by then.
    pub fn is_of_the_past(&self, as_of: Timestamp) -> bool {
        self.n_events == 0 || (self.last_at < as_of && self.last_known_at <= as_of)
    }

    /// Counts, last times and decayed sums by stage, channel and touchpoint.
    pub const fn tallies(&self) -> &Tallies {
        &self.tallies
    }

    /// The customer's rhythms, as [`Spec::rhythms`] lists them.
    pub fn rhythms(&self) -> &[RhythmState] {
        &self.rhythms
    }

    /// The money that passed.
    pub const fn money(&self) -> &Money {
        &self.money
    }

    /// The days with a purchase, and what was spent on them.
    pub const fn purchase_days(&self) -> &PurchaseDays {
        &self.purchase_days
    }

    /// The way through the stages.
    pub const fn path(&self) -> &StagePath {
        &self.path
    }

    /// The last touchpoints.
    pub const fn recent(&self) -> &Recent {
        &self.recent
    }

    /// The customer's own answers.
    pub const fn feedback(&self) -> &Feedback {
        &self.feedback
    }

    /// What we did, and how the customer responded.
    pub const fn exposure(&self) -> &Exposure {
        &self.exposure
    }

    /// The last known cell of each attribute, NaN where none is known.
    pub fn attributes(&self) -> &[f64] {
        &self.attributes
    }

    /// Mean and spread over events of the attribute at this position of [`Spec::attributes`].
    ///
    /// `None` when it is no number or known at the start: then events do not tell it, each its own.
    pub fn attribute_moments(&self, attribute: u16) -> Option<&Moments> {
        self.attribute_moments.get(attribute)
    }

    /// What each attribute was at the last events, in the order of [`Spec::attributes`].
    pub fn recent_values(&self) -> &[RecentValues] {
        &self.recent_values
    }

    /// When and where the customer is there by themselves.
    pub const fn habits(&self) -> &Habits {
        &self.habits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text;

    fn fold(journey: &str) -> JourneyState {
        let spec = Arc::new(Spec::parse(text::SMALL_SPEC).expect("the small spec is valid"));
        let mut state = JourneyState::new(Arc::clone(&spec));
        for event in text::journey(&spec, journey).expect("a journey in text") {
            state.observe(&event).expect("in order");
        }
        state
    }

    #[test]
    fn an_event_before_the_last_is_refused_and_changes_nothing() {
        let mut state = fold("visit@1d visit@2d");
        let before = state.to_bytes();
        let event = text::journey(state.spec(), "visit@0d")
            .expect("a journey in text")
            .remove(0);
        assert!(state.observe(&event).is_err());
        assert_eq!(state.to_bytes(), before);
    }

    #[test]
    fn decayed_counts_halve_in_a_half_life() {
        let state = fold("visit@0d visit@7d");
        let week = HALF_LIVES_DAYS
            .iter()
            .position(|&days| days == 7.0)
            .expect("a week is a half-life");
        let decayed = state.tallies().decayed(Slot::Overall);
        assert_eq!(decayed[week], 1.5);
    }

    #[test]
    fn the_state_does_not_grow_with_events() {
        let many: Vec<String> = (0..500).map(|day| format!("visit@{day}d")).collect();
        assert_eq!(
            fold("visit@0d").to_bytes().len(),
            fold(&many.join(" ")).to_bytes().len()
        );
    }

    #[test]
    fn moves_back_and_loops_are_counted() {
        let state = fold("visit@0d purchase@1d visit@2d purchase@3d");
        assert_eq!(
            (state.path().n_moves(), state.path().n_back(), state.path().n_loops()),
            (3, 1, 2)
        );
    }
}
