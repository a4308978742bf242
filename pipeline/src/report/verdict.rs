//! What a reader should make of a question's numbers, in a sentence each.

use crate::training::{PurchaseEvaluation, QuestionEvaluation, StayEvaluation};

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
        let told = format!("AUC {auc:.3}, {low:.3} to {high:.3}");
        said.push(match auc {
            _ if low <= 0.5 => Verdict::new(
                Grade::Bad,
                format!("Ranks customers no better than chance may ({told}): do not act on the order."),
            ),
            _ if auc >= 0.8 => Verdict::new(Grade::Good, format!("Ranks customers well ({told}).")),
            _ if auc >= 0.7 => Verdict::new(Grade::Good, format!("Ranks customers usefully ({told}).")),
            _ => Verdict::new(Grade::Fair, format!("Ranks customers weakly ({told}).")),
        });
    }
    if let (Some(rate), Some(gap)) = (measure("rate"), measure("mean_gap")) {
        let [low, high] = shipped.intervals.get("mean_gap").copied().unwrap_or([gap, gap]);
        let told = format!(
            "predicted {:.1} %, observed {:.1} %",
            100.0 * (rate + gap),
            100.0 * rate
        );
        let side = if gap < 0.0 { "low" } else { "high" };
        let off = gap.abs() / rate.max(1e-9);
        said.push(if (low <= 0.0 && 0.0 <= high) || off <= 0.03 {
            Verdict::new(Grade::Good, format!("The level shows no clear error ({told})."))
        } else if off <= 0.15 {
            Verdict::new(Grade::Fair, format!("The level is somewhat too {side} ({told})."))
        } else {
            Verdict::new(
                Grade::Bad,
                format!("The level is too {side}: trust the order, not the level ({told})."),
            )
        });
    }
    if let Some(rate) = measure("rate").filter(|rate| rate * (question.n_test as f64) < FEW_LEAVERS) {
        let n_leavers = rate * question.n_test as f64;
        said.push(Verdict::new(
            Grade::Bad,
            format!("It happened to {n_leavers:.0} customers only: every number here is a rough one."),
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
        let seldom = trust
            .realised_by_class
            .iter()
            .min_by(|one, other| one.1.total_cmp(other.1));
        let seldom = seldom.map_or_else(String::new, |(class, share)| {
            format!(", least of those to whom {class} came, {:.0} %", 100.0 * share)
        });
        let told = format!(
            "{:.1} % of the sets of possible stages held what came{seldom}; claimed are {:.0} %",
            100.0 * trust.realised,
            100.0 * trust.stated
        );
        said.push(match trust.stated - high {
            _ if trust.origins.is_empty() => Verdict::new(Grade::Bad, "No earlier answer says how far to trust these."),
            _ if trust.share_of_all > 0.5 => Verdict::new(
                Grade::Bad,
                format!("Most sets of possible stages rule nothing out ({told})."),
            ),
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

/// What to make of how long customers stay.
pub(super) fn of_stays(stays: &StayEvaluation) -> Vec<Verdict> {
    let gains = stays.points.iter().filter(|point| point.brier_of_stage > 0.0);
    let gains: Vec<f64> = gains.map(|point| 1.0 - point.brier / point.brier_of_stage).collect();
    let gain = gains.iter().sum::<f64>() / gains.len().max(1) as f64;
    let side = if gain < 0.0 { "above" } else { "below" };
    let told = format!(
        "Brier score {:.1} % {side} that of the stage's share",
        100.0 * gain.abs()
    );
    vec![match gain {
        _ if gain >= 0.1 => Verdict::new(Grade::Good, format!("Tells much more than the stage does ({told}).")),
        _ if gain > 0.0 => Verdict::new(Grade::Fair, format!("Tells little more than the stage does ({told}).")),
        _ => Verdict::new(Grade::Bad, format!("Tells no more than the stage does ({told}).")),
    }]
}

/// What to make of purchases and their value.
pub(super) fn of_purchases(purchases: &PurchaseEvaluation) -> Vec<Verdict> {
    let Some(test) = &purchases.test else {
        return vec![Verdict::new(Grade::Bad, "Not told, or not tested.")];
    };
    let verdict = |what: &str, predicted: f64, observed: f64| {
        if !predicted.is_finite() || observed <= 0.0 {
            return Verdict::new(Grade::Bad, format!("{what}: nothing was observed to compare with."));
        }
        let off = 100.0 * (predicted / observed - 1.0);
        let grade = match off.abs() {
            off if off <= 10.0 => Grade::Good,
            off if off <= 25.0 => Grade::Fair,
            _ => Grade::Bad,
        };
        let side = if off < 0.0 { "less" } else { "more" };
        let off = off.abs();
        Verdict::new(
            grade,
            format!("{what} of all customers: {off:.0} % {side} predicted than observed."),
        )
    };
    vec![
        verdict("Purchase days", test.expected_purchase_days, test.purchase_days),
        verdict("Value", test.expected_value, test.value),
    ]
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
    fn order_and_level_are_graded_by_what_the_intervals_allow_and_few_leavers_are_said() {
        let measures = [("auc", 0.85), ("rate", 0.1), ("mean_gap", 0.002)];
        assert_eq!(grades(&measures, [0.82, 0.88], 1_000), [Grade::Good, Grade::Good]);
        assert_eq!(
            grades(&measures, [0.82, 0.88], 100),
            [Grade::Good, Grade::Good, Grade::Bad]
        );
        let off = [("auc", 0.66), ("rate", 0.1), ("mean_gap", -0.05)];
        assert_eq!(grades(&off, [0.55, 0.75], 1_000), [Grade::Fair, Grade::Bad]);
        assert_eq!(grades(&off, [0.45, 0.85], 1_000), [Grade::Bad, Grade::Bad]);
        let slightly = [("rate", 0.1), ("mean_gap", -0.01)];
        assert_eq!(grades(&slightly, [0.0, 1.0], 1_000), [Grade::Fair]);
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
