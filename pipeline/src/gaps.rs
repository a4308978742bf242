//! How long customers' gaps are: what the time grid is chosen from, and how many waits of each interval there will be.

use percorso_journey::{LoggedEvent, MICROS_PER_DAY, STEPS_DAYS, Spec, TimeGrid};

/// Gaps between moments with events, counted by the step of [`STEPS_DAYS`] in which they ended; the last count is of
/// longer ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct GapCounts([u64; STEPS_DAYS.len() + 1]);

impl GapCounts {
    /// Counts the gaps of one customer, whose events are in order.
    pub(crate) fn observe(&mut self, events: &[LoggedEvent]) {
        for pair in events.windows(2) {
            let gap = pair[1].event.at.micros() - pair[0].event.at.micros();
            if gap > 0 {
                let days = gap as f64 / MICROS_PER_DAY as f64;
                self.0[STEPS_DAYS.partition_point(|end| *end <= days)] += 1;
            }
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(count, more)| *count += more);
    }

    /// The grid that the spec declares, or the one that these gaps suggest.
    pub(crate) fn grid(&self, spec: &Spec) -> TimeGrid {
        let asked = spec.next_stage();
        let suggested = || TimeGrid::of_gaps(&self.0, f64::from(asked.horizon_days));
        asked.grid.clone().unwrap_or_else(suggested)
    }

    /// Which share of the waits of each interval to keep, so that about `most` are kept of all, as many of each interval.
    ///
    /// Long waits are rare, and short ones would crowd them out.
    /// What is learnt is not moved by it: an interval is known to the model, and within one the draw is blind.
    pub(crate) fn shares(&self, grid: &TimeGrid, most: usize) -> Vec<f64> {
        let ends = grid.ends_days();
        let of_each = most as f64 / ends.len() as f64;
        let starts = [0.0].into_iter().chain(ends.iter().copied());
        let share = |start: f64| {
            let reached = STEPS_DAYS.partition_point(|end| *end <= start);
            let n_waits: u64 = self.0[reached..].iter().sum();
            (of_each / n_waits.max(1) as f64).min(1.0)
        };
        starts.take(ends.len()).map(share).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use percorso_journey::text;

    use super::*;

    fn counts(journeys: &[&str]) -> GapCounts {
        let spec = Arc::new(Spec::parse(text::SMALL_SPEC).expect("the small spec is valid"));
        let mut counts = GapCounts::default();
        for journey in journeys {
            let events = text::journey(&spec, journey).expect("a journey in text");
            let logged = events.into_iter().map(|event| LoggedEvent {
                event_id: String::new(),
                event,
            });
            counts.observe(&logged.collect::<Vec<_>>());
        }
        counts
    }

    #[test]
    fn gaps_are_counted_between_moments() {
        let found = counts(&["visit@0d visit@0d visit@0.5d visit@3.5d visit@503.5d", "visit@1d"]);
        let mut expected = [0; 17];
        (expected[2], expected[4], expected[16]) = (1, 1, 1);
        assert_eq!(found.0, expected);
    }

    #[test]
    fn of_rare_long_waits_a_larger_share_is_kept() {
        let often = "visit@0d visit@0.5d visit@1d visit@1.5d visit@2d visit@2.5d visit@3d visit@3.5d visit@4d";
        let found = counts(&[often, often, "visit@0d visit@10d", "visit@0d visit@20d"]);
        let grid = TimeGrid::new(&[1.0, 30.0]).expect("rises");
        assert_eq!(found.shares(&grid, 8), [4.0 / 18.0, 1.0]);
    }
}
