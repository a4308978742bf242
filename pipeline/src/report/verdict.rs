//! What a reader should make of a question's numbers, in a sentence each.

use crate::training::QuestionEvaluation;

/// How good a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grade {
    Good,
    Fair,
    Bad,
}

/// One thing said.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Verdict {
    pub(super) grade: Grade,
    pub(super) text: String,
}

impl Verdict {
    fn new(grade: Grade, text: impl Into<String>) -> Self {
        Self {
            grade,
            text: text.into(),
        }
    }
}

/// Fewer leavers than this at the test say little of how good anything is.
const FEW_LEAVERS: f64 = 30.0;

/// What to make of a question: of its order of customers, of its probabilities, of how steady they were.
pub(super) fn verdicts(question: &QuestionEvaluation) -> Vec<Verdict> {
    let Some(shipped) = question.learners.last() else {
        return vec![Verdict::new(
            Grade::Bad,
            "Not answered: too few outcomes to learn from.",
        )];
    };
    let measure = |name: &str| shipped.measures.get(name).copied();
    let mut said = Vec::new();
    if let Some(auc) = measure("auc") {
        let [low, high] = shipped.intervals.get("auc").copied().unwrap_or([auc, auc]);
        let told = format!("AUC {auc:.3}, {low:.3}–{high:.3}");
        said.push(match low {
            _ if low >= 0.8 => Verdict::new(Grade::Good, format!("Orders customers well ({told}).")),
            _ if low >= 0.65 => Verdict::new(Grade::Fair, format!("Orders customers usefully ({told}).")),
            _ if low > 0.5 => Verdict::new(Grade::Bad, format!("May hardly order customers ({told}).")),
            _ => Verdict::new(
                Grade::Bad,
                format!("Cannot be told from chance ({told}): do not act on the order."),
            ),
        });
    }
    if let (Some(rate), Some(gap)) = (measure("rate"), measure("mean_gap")) {
        let off = gap.abs() / rate.max(1e-9);
        let told = format!(
            "{:.1} % were told to leave, {:.1} % left",
            100.0 * (rate + gap),
            100.0 * rate
        );
        said.push(match off {
            _ if off <= 0.1 => Verdict::new(Grade::Good, format!("Probabilities are right on average ({told}).")),
            _ if off <= 0.25 => Verdict::new(Grade::Fair, format!("Probabilities are somewhat off ({told}).")),
            _ => Verdict::new(
                Grade::Bad,
                format!("Probabilities are off: trust the order, not the level ({told})."),
            ),
        });
    }
    if let Some(rate) = measure("rate").filter(|rate| rate * (question.n_test as f64) < FEW_LEAVERS) {
        let n_leavers = rate * question.n_test as f64;
        said.push(Verdict::new(
            Grade::Bad,
            format!("Only {n_leavers:.0} customers left at the test: every number here is a rough one."),
        ));
    }
    if let (Some(accuracy), Some(loss)) = (measure("accuracy"), measure("log_loss")) {
        let by_recency = question.learners.iter().find(|learner| learner.learner == "recency");
        let baseline = by_recency.and_then(|learner| learner.measures.get("log_loss"));
        let grade = match baseline {
            Some(baseline) if loss < *baseline => Grade::Good,
            Some(_) => Grade::Bad,
            None => Grade::Fair,
        };
        let than = baseline.map_or_else(String::new, |baseline| {
            format!("; the rate by recency alone loses {baseline:.3}")
        });
        said.push(Verdict::new(
            grade,
            format!(
                "Right for {:.0} % of customers, log loss {loss:.3}{than}.",
                100.0 * accuracy
            ),
        ));
    }
    if let Some(trust) = &question.trust {
        let [_, high] = trust.realised_interval;
        let told = format!(
            "{:.1} % of the sets of possible stages held what came; {:.0} % were to",
            100.0 * trust.realised,
            100.0 * trust.stated
        );
        said.push(match trust.stated - high {
            _ if trust.origins.is_empty() => Verdict::new(Grade::Bad, "No earlier answer says how far to trust these."),
            missed if missed <= 0.0 => Verdict::new(
                Grade::Good,
                format!("Says what may come as surely as it claims ({told})."),
            ),
            missed if missed <= 0.05 => {
                Verdict::new(Grade::Fair, format!("Is a little too sure of what may come ({told})."))
            }
            _ => Verdict::new(Grade::Bad, format!("Is too sure of what may come ({told}).")),
        });
    }
    said
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::training::{LearnerEvaluation, TrustEvaluation};

    fn grades(measures: &[(&str, f64)], auc: [f64; 2], n_test: usize) -> Vec<Grade> {
        let question = QuestionEvaluation {
            n_test,
            learners: vec![LearnerEvaluation {
                learner: "shipped".to_owned(),
                measures: measures.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect(),
                intervals: BTreeMap::from([("auc".to_owned(), auc)]),
            }],
            ..QuestionEvaluation::default()
        };
        verdicts(&question).iter().map(|verdict| verdict.grade).collect()
    }

    #[test]
    fn the_sure_end_of_the_interval_decides_and_few_leavers_are_said() {
        let measures = [("auc", 0.85), ("rate", 0.1), ("mean_gap", 0.005)];
        assert_eq!(grades(&measures, [0.82, 0.88], 1_000), [Grade::Good, Grade::Good]);
        assert_eq!(
            grades(&measures, [0.70, 0.95], 100),
            [Grade::Fair, Grade::Good, Grade::Bad]
        );
        let off = [("auc", 0.55), ("rate", 0.1), ("mean_gap", -0.05)];
        assert_eq!(grades(&off, [0.45, 0.65], 1_000), [Grade::Bad, Grade::Bad]);
    }

    #[test]
    fn sets_are_good_as_long_as_their_coverage_may_be_what_they_say() {
        let grade = |realised: f64, is_told_from_answers: bool| {
            let question = QuestionEvaluation {
                learners: vec![LearnerEvaluation::default()],
                trust: Some(TrustEvaluation {
                    origins: vec!["2025-01-01T00:00:00Z".to_owned(); usize::from(is_told_from_answers)],
                    stated: 0.9,
                    realised,
                    realised_interval: [realised - 0.02, realised + 0.02],
                    ..TrustEvaluation::default()
                }),
                ..QuestionEvaluation::default()
            };
            verdicts(&question)[0].grade
        };
        let grades = [
            grade(0.89, true),
            grade(0.85, true),
            grade(0.8, true),
            grade(1.0, false),
        ];
        assert_eq!(grades, [Grade::Good, Grade::Fair, Grade::Bad, Grade::Bad]);
    }

    #[test]
    fn a_question_without_an_answer_says_so() {
        assert_eq!(verdicts(&QuestionEvaluation::default())[0].grade, Grade::Bad);
    }
}
