//! Where history is cut: the test cut-off, the cut-offs before it, and those after it that only the last fit may use.

use percorso_journey::{Spec, Timestamp};

/// The cut-offs of a training run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cutoffs {
    /// Where the shipped recipe is judged, once: the last point whose every window the data cover.
    pub test_at: Timestamp,
    /// Every cut-off that rows are made at, rising, the test's among them.
    pub all: Vec<Timestamp>,
}

impl Cutoffs {
    /// The cut-offs of data observed from `first_at` until `observed_until`.
    ///
    /// Before the test, as many as the spec asks for whose longest window is over by then, and the later ones; after it,
    /// those whose shortest window is over.
    /// `None` when the data are too short for the test cut-off to have a past.
    pub fn of(spec: &Spec, first_at: Timestamp, observed_until: Timestamp) -> Option<Self> {
        let test_at = observed_until.plus_days(-i64::from(spec.longest_window_days()));
        Self::around(spec, test_at, first_at, observed_until)
    }

    /// The cut-offs around a test cut-off; windows of those from it on need not be over.
    pub(crate) fn around(
        spec: &Spec,
        test_at: Timestamp,
        first_at: Timestamp,
        observed_until: Timestamp,
    ) -> Option<Self> {
        let window_days = i64::from(spec.longest_window_days());
        let every_days = i64::from(spec.training().every_days);
        let n_before = i64::from(spec.training().cutoffs) + (window_days - 1) / every_days;
        let before = (1..=n_before).rev().map(|step| test_at.plus_days(-step * every_days));
        let after = (1..).map(|step| test_at.plus_days(step * every_days));
        let shortest_days = i64::from(shortest_window_days(spec));
        let after = after.take_while(|at| at.plus_days(shortest_days) <= observed_until);
        let all: Vec<Timestamp> = before
            .filter(|at| *at > first_at)
            .chain([test_at])
            .chain(after)
            .collect();
        (test_at > first_at).then_some(Self { test_at, all })
    }
}

fn shortest_window_days(spec: &Spec) -> u32 {
    let churn = spec.churn_targets().iter().map(|target| target.window_days).min();
    churn.unwrap_or(u32::MAX).min(spec.next_stage().horizon_days)
}

#[cfg(test)]
mod tests {
    use percorso_journey::text;

    use super::*;

    #[test]
    fn as_many_cut_offs_as_asked_for_have_their_longest_window_over_by_the_test() {
        for (days, every_days) in [(90, 30), (91, 30), (89, 30), (20, 30), (30, 1)] {
            let text = text::SMALL_SPEC.replace("days = 90", &format!("days = {days}"));
            let text = format!("{text}\n[training]\nevery_days = {every_days}\ncutoffs = 7\n");
            let spec = Spec::parse(&text).expect("still valid");
            let window_days = i64::from(spec.longest_window_days());
            let cutoffs = Cutoffs::of(&spec, text::day(0), text::day(2_000)).expect("long enough");
            let is_over = |at: &&Timestamp| at.plus_days(window_days) <= cutoffs.test_at;
            let n_over = cutoffs.all.iter().filter(is_over).count();
            assert_eq!(n_over, 7, "{days} days of silence every {every_days} days");
        }
    }

    #[test]
    fn the_test_cut_off_is_the_last_whose_windows_are_all_over() {
        let spec = Spec::parse(text::SMALL_SPEC).expect("the small spec is valid");
        let cutoffs = Cutoffs::of(&spec, text::day(0), text::day(600)).expect("long enough");
        assert_eq!(cutoffs.test_at, text::day(510));
        assert_eq!(
            cutoffs.all.len(),
            16 + 1 + 2,
            "16 of the 17 before have a past, and two after have a window over"
        );
        assert!(cutoffs.all.is_sorted());
        assert!(Cutoffs::of(&spec, text::day(0), text::day(80)).is_none());
    }
}
