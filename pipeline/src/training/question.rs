//! What is learnt: one question per interval of a curve of leaving, and the next stage.

use percorso_churn::Curve;
use percorso_journey::spec::{ChurnKind, ChurnTarget};
use percorso_journey::{Spec, Timestamp};

use crate::dataset::Dataset;
use crate::rows::target_name;

/// One question that models are trained for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    /// `churn/<definition>_<horizon>d` or `next-stage`.
    pub(crate) name: String,
    /// It in a sentence.
    pub(crate) asks: String,
    /// The answers told apart.
    pub(crate) classes: Vec<String>,
    /// Days after a cut-off until its answers are known; a wait knows for itself when.
    pub(crate) window_days: i64,
    /// True when leaving is to buy nothing ([`Spec::purchases`]) for the window, from the cut-off or from further on.
    pub(crate) is_silence_of_purchases: bool,
    /// Days after a cut-off from which on it is asked: where the shorter time of a curve ends.
    pub(crate) from_days: i64,
    asked: Asked,
}

/// One time of a curve of leaving.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CurveStep {
    /// Position in [`Spec::churn_targets`].
    pub(crate) target: usize,
    /// What is judged: whether they leave within the time.
    pub(crate) judged: Question,
    /// What is learnt: the same of those of whom the shorter time before does not say all, which is everyone at the first.
    ///
    /// A row too young for this time still teaches the shorter ones.
    pub(crate) learnt: Question,
    /// How it goes on from the shorter time; nothing at the first.
    pub(crate) goes_on: Option<Curve>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Churn(usize),
    /// Of whom a target does not say all: whether they leave within the longer time of another.
    On {
        from: usize,
        to: usize,
        curve: Curve,
    },
    NextStage,
    /// Of a wait: whether anything comes in it.
    Coming,
    /// Of a wait in which something came: what.
    Stage,
}

impl Question {
    /// The churn questions of a spec, those of one curve together, the shortest first.
    pub(crate) fn curves(spec: &Spec) -> Vec<Vec<CurveStep>> {
        let (targets, goes_on_from) = (spec.churn_targets(), spec.goes_on_from());
        let curve_from = |first: usize| {
            let goes_on_to = |at: &usize| goes_on_from.iter().position(|from| *from == Some(*at));
            let steps = std::iter::successors(Some(first), goes_on_to);
            steps
                .map(|at| Self::step(spec, &targets, at, goes_on_from[at]))
                .collect()
        };
        let firsts = (0..targets.len()).filter(|at| goes_on_from[*at].is_none());
        firsts.map(curve_from).collect()
    }

    fn step(spec: &Spec, targets: &[ChurnTarget], at: usize, goes_on_from: Option<usize>) -> CurveStep {
        let judged = Self::churn(spec, targets[at], at);
        let goes_on = goes_on_from.map(|from| (from, Curve::of(&spec.churn()[targets[at].definition].kind)));
        let learnt = match goes_on {
            // Of contracts, also those that end sooner teach.
            None | Some((_, Curve::Contract)) => judged.clone(),
            Some((from, curve)) => Self {
                name: format!("{}_after_{}d", judged.name, targets[from].window_days),
                from_days: i64::from(targets[from].window_days),
                asked: Asked::On { from, to: at, curve },
                ..judged.clone()
            },
        };
        CurveStep {
            target: at,
            judged,
            learnt,
            goes_on: goes_on.map(|(_, curve)| curve),
        }
    }

    fn churn(spec: &Spec, target: ChurnTarget, at: usize) -> Self {
        Self {
            name: format!("churn/{}", target_name(spec, target)),
            asks: churn_asks(spec, target),
            classes: vec!["stays".to_owned(), "leaves".to_owned()],
            window_days: i64::from(target.window_days),
            is_silence_of_purchases: matches!(
                &spec.churn()[target.definition].kind,
                ChurnKind::Inactivity { touchpoints, .. } if *touchpoints == spec.purchases()
            ),
            from_days: 0,
            asked: Asked::Churn(at),
        }
    }

    /// What comes first after a cut-off.
    pub(crate) fn next_stage(spec: &Spec) -> Self {
        Self {
            name: "next-stage".to_owned(),
            asks: format!(
                "Which stage comes first within {} days, or none?",
                spec.next_stage().horizon_days
            ),
            classes: spec.next_stage_classes(),
            window_days: i64::from(spec.next_stage().horizon_days),
            is_silence_of_purchases: false,
            from_days: 0,
            asked: Asked::NextStage,
        }
    }

    /// The same question, named after the days by which it is answered.
    pub(crate) fn by(&self, days: f64) -> Self {
        Self {
            name: format!("{}/by_{days}d", self.name),
            ..self.clone()
        }
    }

    /// Of waits: whether anything comes in the interval, and of what comes, its stage.
    pub(crate) fn of_waits(spec: &Spec) -> [Question; 2] {
        let question = |name: &str, asks: &str, classes, asked| Question {
            name: name.to_owned(),
            asks: asks.to_owned(),
            classes,
            window_days: 2 * i64::from(spec.next_stage().horizon_days),
            is_silence_of_purchases: false,
            from_days: 0,
            asked,
        };
        [
            question(
                "next-stage/coming",
                "Does anything come in this interval of waiting?",
                vec!["waits".to_owned(), "comes".to_owned()],
                Asked::Coming,
            ),
            question(
                "next-stage/stage",
                "Of what comes in this interval, which stage?",
                spec.stages().to_vec(),
                Asked::Stage,
            ),
        ]
    }

    /// True when the answer is leaving or staying.
    pub(crate) fn is_churn(&self) -> bool {
        matches!(self.asked, Asked::Churn(_) | Asked::On { .. })
    }

    /// The definition whose leaving is an event, as a position in the spec.
    pub(crate) fn event(&self, spec: &Spec) -> Option<usize> {
        let (Asked::Churn(target) | Asked::On { to: target, .. }) = self.asked else {
            return None;
        };
        let definition = spec.churn_targets()[target].definition;
        matches!(spec.churn()[definition].kind, ChurnKind::Event { .. }).then_some(definition)
    }

    /// True when its rows are waits.
    pub(super) fn is_of_waits(&self) -> bool {
        matches!(self.asked, Asked::Coming | Asked::Stage)
    }

    /// The answer of a row, as a class; `None` when it was not asked or not observed.
    pub(crate) fn label(&self, dataset: &Dataset, row: usize) -> Option<u32> {
        match self.asked {
            Asked::Churn(target) => dataset.churned(row, target).map(u32::from),
            Asked::On { from, to, curve } => {
                let is_asked_on = dataset
                    .churned(row, from)
                    .is_some_and(|has_left| curve.asks_on(has_left));
                dataset.churned(row, to).filter(|_| is_asked_on).map(u32::from)
            }
            Asked::NextStage => dataset.next_class(row),
            Asked::Coming => Some(u32::from(dataset.next_event_class(row).is_some())),
            Asked::Stage => dataset.next_event_class(row),
        }
    }

    /// The rows whose answer was known by `by`: a row counts only if its whole window was over, a wait if its interval was.
    pub(crate) fn known_by(&self, dataset: &Dataset, by: Timestamp) -> Vec<usize> {
        let is_over = |row: &usize| {
            if self.is_of_waits() {
                dataset.waits[*row].known_at <= by
            } else {
                dataset.as_of[*row].plus_days(self.window_days) <= by
            }
        };
        (0..dataset.len())
            .filter(is_over)
            .filter(|&row| self.label(dataset, row).is_some())
            .collect()
    }

    /// The rows asked at a cut-off; of waits, those that begin in the first half of the window and are known by its end.
    pub(crate) fn asked_at(&self, dataset: &Dataset, as_of: Timestamp) -> Vec<usize> {
        let end = as_of.plus_days(self.window_days);
        let begins_before = as_of.plus_days(self.window_days / 2);
        let is_asked = |row: &usize| {
            if self.is_of_waits() {
                (as_of..begins_before).contains(&dataset.as_of[*row]) && dataset.waits[*row].known_at <= end
            } else {
                dataset.as_of[*row] == as_of
            }
        };
        let is_answered = |row: &usize| self.label(dataset, *row).is_some();
        (0..dataset.len()).filter(is_asked).filter(is_answered).collect()
    }

    /// The rolling origins before `test_at` at which learners are compared: at most `most`, spread over all there are.
    ///
    /// An origin's own answers are known by `test_at`, and it has (but for waits) at least half as many cut-offs to learn
    /// from as the test has: what is chosen and calibrated there is then nearly what is judged.
    pub(crate) fn origins(
        &self,
        dataset: &Dataset,
        cutoffs: &[Timestamp],
        test_at: Timestamp,
        most: usize,
    ) -> Vec<Timestamp> {
        let first = dataset.as_of.iter().min().copied();
        let n_known = |by: Timestamp| {
            let is_known = |at: &&Timestamp| Some(**at) >= first && at.plus_days(self.window_days) <= by;
            cutoffs.iter().filter(is_known).count()
        };
        let n_at_test = n_known(test_at);
        let usable: Vec<Timestamp> = cutoffs
            .iter()
            .copied()
            .filter(|&at| at.plus_days(self.window_days) <= test_at)
            // Waits are known soon, so that any origin has enough of them.
            .filter(|&at| self.is_of_waits() || 2 * n_known(at) >= n_at_test)
            .filter(|&at| self.known_by(dataset, at).len() >= MIN_ROWS && self.asked_at(dataset, at).len() >= MIN_ROWS)
            .collect();
        spread(&usable, most)
    }
}

/// What a churn target asks, in a sentence.
fn churn_asks(spec: &Spec, target: ChurnTarget) -> String {
    let days = target.horizon_days;
    let named = |touchpoints: &[u16]| either(spec, touchpoints);
    match &spec.churn()[target.definition].kind {
        ChurnKind::Event { touchpoints, .. } => format!("Does {} come within {days} days?", named(touchpoints)),
        ChurnKind::Inactivity { touchpoints, .. } => format!("Is there no {} for {days} days?", named(touchpoints)),
        ChurnKind::Contract {
            renewed_by, grace_days, ..
        } => format!(
            "Of customers whose contract ends within {days} days: is there no {} until {grace_days} days after its end?",
            named(renewed_by)
        ),
    }
}

/// Touchpoints by name, any of which is meant.
pub(super) fn either(spec: &Spec, touchpoints: &[u16]) -> String {
    let names = touchpoints
        .iter()
        .map(|&at| spec.touchpoints()[usize::from(at)].name.as_str());
    names.collect::<Vec<_>>().join(" or ")
}

/// Fewer rows than this teach nothing and judge nothing.
pub(crate) const MIN_ROWS: usize = 30;

/// At most `most` of the values, evenly spread, the last always among them.
fn spread(values: &[Timestamp], most: usize) -> Vec<Timestamp> {
    if values.len() <= most {
        return values.to_vec();
    }
    (1..=most).map(|step| values[step * values.len() / most - 1]).collect()
}

#[cfg(test)]
mod tests {
    use percorso_journey::text;

    use super::*;

    #[test]
    fn horizons_of_one_event_are_one_curve_and_so_are_silences_of_the_same_touchpoints() {
        let spec = text::SMALL_SPEC.replace("horizons_days = [30]", "horizons_days = [7, 30]");
        let silence = "kind = \"inactivity\"\ntouchpoints = [\"renewal\", \"purchase\"]\ndays = 30";
        let spec = format!("{spec}\n[[churn]]\nname = \"quiet\"\n{silence}\n");
        let spec = Spec::parse(&spec).expect("still valid");
        let curves = Question::curves(&spec);
        let names = |curve: &Vec<CurveStep>| -> Vec<[String; 2]> {
            let name = |step: &CurveStep| [step.judged.name.clone(), step.learnt.name.clone()];
            curve.iter().map(name).collect()
        };
        let expected: [&[[&str; 2]]; 3] = [
            &[
                ["churn/left_7d", "churn/left_7d"],
                ["churn/left_30d", "churn/left_30d_after_7d"],
            ],
            // Contracts that end sooner teach too.
            &[
                ["churn/not_renewed_7d", "churn/not_renewed_7d"],
                ["churn/not_renewed_30d", "churn/not_renewed_30d"],
            ],
            // Declared later, but shorter.
            &[
                ["churn/quiet_30d", "churn/quiet_30d"],
                ["churn/inactive_90d", "churn/inactive_90d_after_30d"],
            ],
        ];
        assert_eq!(curves.iter().map(names).collect::<Vec<_>>(), expected);
        assert_eq!(curves[2].iter().map(|step| step.target).collect::<Vec<_>>(), [5, 2]);
        assert_eq!(curves[0][1].judged.event(&spec), Some(0));
        assert_eq!(curves[2][0].judged.event(&spec), None);
    }

    #[test]
    fn origins_are_spread_and_end_with_the_last() {
        let days: Vec<Timestamp> = (0..10).map(text::day).collect();
        assert_eq!(spread(&days, 3), [text::day(2), text::day(5), text::day(9)]);
        assert_eq!(spread(&days[..2], 3), days[..2]);
    }
}
