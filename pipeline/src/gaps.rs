//! How long customers' gaps are: what the time grid is chosen from, and how many waits of each interval there will be.

use percorso_journey::{LoggedEvent, STEPS_DAYS, Spec, TimeGrid, Timestamp};

/// Gaps between moments with events, and the silences that were not over, by the step of [`STEPS_DAYS`] in which they
/// ended; the last is of longer ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct GapCounts {
    ended: [u64; N],
    open: [u64; N],
    /// Whole days that gaps and silences went on after each step began, all together.
    days_after: [u64; N],
}

const N: usize = STEPS_DAYS.len() + 1;

impl GapCounts {
    /// Counts the gaps of one customer before a moment, and the silence at it; `longest_days` is as long as a silence counts.
    pub(crate) fn observe(&mut self, events: &[LoggedEvent], until: Timestamp, longest_days: f64) {
        let past = &events[..events.partition_point(|logged| logged.event.at < until)];
        for pair in past.windows(2) {
            let days = pair[1].event.at.days_since(pair[0].event.at);
            if days > 0.0 {
                self.ended[self.add(days)] += 1;
            }
        }
        if let Some(last) = past.last() {
            let step = self.add(until.days_since(last.event.at).min(longest_days));
            self.open[step] += 1;
        }
    }

    fn add(&mut self, days: f64) -> usize {
        let step = STEPS_DAYS.partition_point(|end| *end <= days);
        let starts = [0.0].into_iter().chain(STEPS_DAYS);
        for (sum, start) in self.days_after.iter_mut().zip(starts).take(step + 1) {
            *sum += (days - start) as u64;
        }
        step
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        let all = [
            (&mut self.ended, other.ended),
            (&mut self.open, other.open),
            (&mut self.days_after, other.days_after),
        ];
        for (counts, more) in all {
            counts.iter_mut().zip(more).for_each(|(count, more)| *count += more);
        }
    }

    /// The grid that the spec declares, or the one that these gaps suggest.
    pub(crate) fn grid(&self, spec: &Spec) -> TimeGrid {
        let asked = spec.next_stage();
        let suggested = || TimeGrid::of_gaps(&self.ended, f64::from(asked.horizon_days));
        asked.grid.clone().unwrap_or_else(suggested)
    }

    /// Which share of the waits of each interval to keep, so that about `most` are kept of all, as many of each interval.
    ///
    /// Long waits are rare, and short ones would crowd them out; of the last interval there are as many as it is repeated.
    /// A learner that knows the interval learns the same from any shares, for within one the draw is blind.
    pub(crate) fn shares(&self, grid: &TimeGrid, most: usize) -> Vec<f64> {
        let ends = grid.ends_days();
        let of_each = most as f64 / ends.len() as f64;
        let starts: Vec<f64> = [0.0].into_iter().chain(ends.iter().copied()).collect();
        let last = ends.len() - 1;
        let share = |interval: usize| {
            let step = STEPS_DAYS.partition_point(|end| *end <= starts[interval]);
            let n_reached: u64 = self.ended[step..].iter().chain(&self.open[step..]).sum();
            let n_repeats = if interval == last {
                self.days_after[step] as f64 / (ends[last] - starts[last])
            } else {
                0.0
            };
            (of_each / (n_reached as f64 + n_repeats).max(1.0)).min(1.0)
        };
        (0..=last).map(share).collect()
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
            counts.observe(&logged.collect::<Vec<_>>(), text::day(600), 100.0);
        }
        counts
    }

    #[test]
    fn gaps_are_counted_between_moments_and_silences_up_to_now() {
        let found = counts(&[
            "visit@0d visit@0d visit@0.5d visit@3.5d visit@503.5d",
            "visit@1d visit@700d",
        ]);
        let (mut ended, mut open) = ([0; N], [0; N]);
        (ended[2], ended[4], ended[16]) = (1, 1, 1);
        open[12] = 2;
        assert_eq!(
            (found.ended, found.open),
            (ended, open),
            "silences count 100 days at most"
        );
    }

    #[test]
    fn of_rare_long_waits_a_larger_share_is_kept_and_repeats_of_the_last_are_counted() {
        let often = "visit@0d visit@0.5d visit@1d visit@1.5d visit@2d visit@2.5d visit@3d visit@3.5d visit@4d";
        let found = counts(&[often, often, "visit@0d visit@10d", "visit@0d visit@20d"]);
        let grid = TimeGrid::new(&[1.0, 31.0]).expect("rises");
        // 18 gaps and 4 silences begin; 2 and 4 go on after a day, for 9, 19 and four times 99 days.
        let expected = [8.0 / 2.0 / 22.0, 8.0 / 2.0 / (6.0 + (9.0 + 19.0 + 4.0 * 99.0) / 30.0)];
        assert_eq!(found.shares(&grid, 8), expected);
    }
}
