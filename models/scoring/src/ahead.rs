//! What actions would bring in on the days of silence to come, kept from one answer to the next.

use percorso_journey::{JourneyState, Timestamp};

use crate::{Actions, ScoreError, ScoringModel, Scratch};

/// What each learnt action would bring in, each whole day after a customer's last event, as long as nothing comes.
///
/// It depends on the model and on the customer's state alone, not on when it is asked: as long as nothing happens, later
/// answers read the same days.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ahead {
    /// The first day after the last event that is known.
    first: i64,
    /// For each day from it on, the uplift of each action.
    uplifts: Vec<f64>,
}

impl ScoringModel {
    /// What an action would bring in so many days after the last event.
    pub(crate) fn on_day(
        &self,
        state: &JourneyState,
        (last_at, day): (Timestamp, i64),
        (actions, arm): (&Actions, usize),
        ahead: &mut Ahead,
        scratch: &mut Scratch,
    ) -> Result<f64, ScoreError> {
        let n_arms = actions.uplift.arms().len();
        let n_known = (ahead.uplifts.len() / n_arms) as i64;
        if !(ahead.first..=ahead.first + n_known).contains(&day) {
            ahead.first = day;
            ahead.uplifts.clear();
        }
        let at = (day - ahead.first) as usize * n_arms;
        if at == ahead.uplifts.len() {
            self.encode(state, last_at.plus_days(day), scratch)?;
            ahead.uplifts.resize(at + n_arms, 0.0);
            actions.uplift.uplift_into(&scratch.cells, &mut ahead.uplifts[at..]);
        }
        Ok(ahead.uplifts[at + arm])
    }
}
