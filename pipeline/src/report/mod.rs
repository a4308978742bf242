//! The evaluation as a page: what was asked, how well it was answered, and how far to trust it.
//!
//! One file that needs nothing else, made of `evaluation.json` alone; every number says of whom and of when it is.

mod actions;
mod file;
mod pictures;
pub(crate) mod plots;
mod verdict;
mod words;

use std::collections::BTreeSet;

use maud::{DOCTYPE, Markup, PreEscaped, html};

pub use self::file::write_report;
use self::pictures::{of_incidence, of_picture};
use self::verdict::{Grade, Verdict, verdicts};
use crate::training::{
    Evaluation, PurchaseEvaluation, QuestionEvaluation, SegmentEvaluation, StayEvaluation, TrustEvaluation,
};

/// The page of an evaluation.
pub fn report(evaluation: &Evaluation, name: &str) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "How far to trust the model of " (name) }
                style { (PreEscaped(include_str!("report.css"))) }
            }
            body {
                header {
                    h1 { "How far to trust the model of " (name) }
                    p {
                        "Judged once, at the test cut-off " strong { (day(&evaluation.test_at)) }
                        ", on windows that no fit and no choice had seen; customers may have taught by earlier windows of theirs. "
                        "Where an interval stands beside a number, it holds the number in 95 of 100 draws of customers; "
                        "how much another day would change it, “over time” shows."
                    }
                    p.protocol { "Protocol: " (evaluation.protocol) "." }
                }
                (overview(evaluation))
                @for question in &evaluation.questions {
                    (of_question(question, &evaluation.test_at))
                }
                @for stays in &evaluation.stays {
                    (of_stays(stays, &evaluation.test_at))
                }
                @if let Some(purchases) = &evaluation.purchases {
                    (of_purchases(purchases, &evaluation.test_at))
                }
                @if let Some(actions) = &evaluation.actions {
                    (actions::section(actions, &evaluation.test_at))
                }
                (words::words())
            }
        }
    };
    page.into_string()
}

/// One line for each question: can its order of customers be trusted, and its probabilities?
fn overview(evaluation: &Evaluation) -> Markup {
    html! {
        section {
            h2 { "In short" }
            table.words {
                thead { tr { th { "question" } th { "customers asked about" } th { "verdict" } } }
                tbody {
                    @for question in &evaluation.questions {
                        tr {
                            td { a href={ "#" (anchor(&question.question)) } { (question.question) } br; small { (question.asks) } }
                            td.number { (question.n_test) }
                            (said(&verdicts(question)))
                        }
                    }
                    @for stays in &evaluation.stays {
                        tr {
                            td { "how long until " (stays.definition) }
                            td.number { (stays.n) }
                            (said(&verdict::of_stays(stays)))
                        }
                    }
                    @if let Some(purchases) = &evaluation.purchases {
                        tr {
                            td { "purchases and their value" }
                            td.number { (purchases.test.as_ref().map_or(0, |test| test.n_customers)) }
                            (said(&verdict::of_purchases(purchases)))
                        }
                    }
                    @if let Some(actions) = &evaluation.actions {
                        tr {
                            td { a href="#actions" { "which action would help" } }
                            td.number { (actions.n_judged) br; small { "decisions" } }
                            (said(&[actions::verdict(actions)]))
                        }
                    }
                }
            }
        }
    }
}

fn said(verdicts: &[Verdict]) -> Markup {
    html! {
        td {
            @for verdict in verdicts {
                p class={ "verdict " (class(verdict.grade)) } { (verdict.text) }
            }
        }
    }
}

fn of_question(question: &QuestionEvaluation, test_at: &str) -> Markup {
    html! {
        section id=(anchor(&question.question)) {
            h2 { (question.question) }
            p { strong { (question.asks) } }
            p.of {
                (question.n_test) " customers at " (day(test_at))
                @if question.window_days > 0 { ", watched for the " (question.window_days) " days from then on" }
            }
            @if question.shipped.is_empty() {
                p.verdict.bad { "Too few outcomes to learn from: not answered." }
            } @else {
                p {
                    "Ships " strong { (question.shipped) } ", calibration " (question.calibrator)
                    @if question.picture.as_ref().is_some_and(|picture| !picture.is_of_all) {
                        ", for those of whom the shorter time before does not say all"
                    }
                    "."
                }
                @if let Some(picture) = &question.picture { (of_picture(picture, question)) }
                @if let Some(incidence) = &question.incidence { (of_incidence(incidence)) }
                @if let Some(trust) = &question.trust { (of_trust(trust)) }
                (learners(question))
                (segments(&question.segments))
            }
        }
    }
}

/// The sets of what may come, and how sure the likeliest is.
fn of_trust(trust: &TrustEvaluation) -> Markup {
    let [low, high] = trust.realised_interval;
    html! {
        h3 { "What may come: sets of stages" }
        p {
            "The stages that may come are given as a set, so that " (percent(trust.stated))
            " of sets hold what comes. Of the sets of these customers " strong { (percent(trust.realised)) } " did ("
            (percent(low)) " to " (percent(high)) "). A set has " (number(trust.mean_size)) " classes on average, and "
            (percent(trust.share_of_all)) " of sets hold every class, which says nothing. How large a set has to be was found from "
            (trust.n_told_from) " answers at " (trust.origins.len()) " earlier cut-offs, by learners that knew only what lay before each; their choice and "
            "calibration knew all of them, but not the test."
        }
        table {
            thead { tr { th { "what came" } th { "was in the set" } } }
            tbody {
                @for (class, share) in &trust.realised_by_class {
                    tr { td { (class) } td.number { (percent(*share)) } }
                }
            }
        }
        p {
            "The coverage is that of all customers together: what seldom comes is seldom in a set. How often the likeliest "
            "class comes, a stage or none, is known within 30 points for " (percent(trust.enough_data)) " of customers; of the others the "
            "service says that there is not enough data."
        }
    }
}

/// Every learner's measures at the test; what ships last, with intervals.
fn learners(question: &QuestionEvaluation) -> Markup {
    let columns: BTreeSet<&String> = question
        .learners
        .iter()
        .flat_map(|learner| learner.measures.keys())
        .collect();
    // A longer time is joined from several questions, what comes next from two: their losses are not those of the whole.
    let is_of_all = question.picture.as_ref().is_some_and(|picture| picture.is_of_all);
    let has_losses = is_of_all && !question.origins_log_loss.is_empty();
    html! {
        h3 { "Every learner at the test" }
        @if has_losses {
            p.of { "What ships was chosen by its log loss at cut-offs before the test, the simplest where none is surely better." }
        }
        table {
            thead {
                tr {
                    th { "learner" }
                    @if has_losses { th { "log loss before the test" } }
                    @for column in &columns { th { (column.replace('_', " ")) } }
                }
            }
            tbody {
                @for learner in &question.learners {
                    tr class=[(learner.learner == "shipped").then_some("shipped")] {
                        td { (learner.learner) }
                        @if has_losses {
                            td.number { (question.origins_log_loss.get(&learner.learner).map_or_else(none, |n| number(*n))) }
                        }
                        @for column in &columns {
                            td.number {
                                (learner.measures.get(*column).map_or_else(none, |n| number(*n)))
                                @if let Some([low, high]) = learner.intervals.get(*column) {
                                    br; small { (number(*low)) " to " (number(*high)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn segments(segments: &[SegmentEvaluation]) -> Markup {
    let columns: BTreeSet<&String> = segments.iter().flat_map(|segment| segment.measures.keys()).collect();
    html! {
        @if !segments.is_empty() {
            h3 { "By segment" }
            table {
                thead { tr { th { "segment" } th { "customers" } @for column in &columns { th { (column.replace('_', " ")) } } } }
                tbody {
                    @for segment in segments {
                        tr {
                            td { (segment.segment) }
                            td.number { (segment.n) }
                            @for column in &columns {
                                td.number { (segment.measures.get(*column).map_or_else(none, |n| number(*n))) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Leaving by an event over time, whole and by stage.
fn of_stays(stays: &StayEvaluation, test_at: &str) -> Markup {
    html! {
        section {
            h2 { "How long customers stay, until " (stays.definition) }
            p.of { (stays.n) " customers at " (day(test_at)) ", followed until they left or the data ended" }
            @if let Some(concordance) = stays.concordance {
                p {
                    "Of two customers of whom one left first, it was the one with the greater predicted risk in "
                    strong { (number(100.0 * concordance)) " %" } " of pairs (one half by chance)."
                }
            }
            table {
                thead { tr { th { "days" } th { "Brier score" } th { "of the stage's share (Kaplan-Meier)" } th { "predicted" } th { "observed" } } }
                tbody {
                    @for point in &stays.points {
                        tr {
                            td.number { (number(point.days)) }
                            td.number { (number(point.brier)) }
                            td.number { (number(point.brier_of_stage)) }
                            td.number { (percent(point.all.told)) }
                            td.number { (percent(point.all.came)) }
                        }
                    }
                }
            }
            h3 { "By stage: predicted and observed (Aalen-Johansen)" }
            table {
                thead {
                    tr {
                        th { "stage" }
                        @for point in &stays.points { th { "within " (number(point.days)) " days: predicted, observed" } }
                    }
                }
                tbody {
                    @for (stage, shares) in &stays.by_stage {
                        tr {
                            td { (stage) }
                            @for share in shares { td.number { (percent(share.told)) ", " (percent(share.came)) } }
                        }
                    }
                }
            }
        }
    }
}

fn of_purchases(purchases: &PurchaseEvaluation, test_at: &str) -> Markup {
    html! {
        section {
            h2 { "Purchases and value at risk" }
            p.of { (purchases.n_customers) " customers" }
            @if let Some(why) = &purchases.none_because {
                p.verdict.bad { "No value at risk is told: " (why) "." }
            }
            @if let Some(test) = &purchases.test {
                p {
                    "Of " (test.n_customers) " customers in the " (test.horizon_days) " days from " (day(test_at))
                    ": predicted " (format!("{:.0}", test.expected_purchase_days)) " purchase days, observed "
                    (format!("{:.0}", test.purchase_days)) "; predicted value " (format!("{:.0}", test.expected_value))
                    ", observed " (format!("{:.0}", test.value)) ", in the unit of the events' value. "
                    "Value at risk is what a customer is predicted to spend if they stay, times the probability that they leave."
                }
            }
        }
    }
}

const fn class(grade: Grade) -> &'static str {
    match grade {
        Grade::Good => "good",
        Grade::Fair => "fair",
        Grade::Bad => "bad",
    }
}

fn anchor(question: &str) -> String {
    question.replace(['/', ' '], "-")
}

/// In a cell that has no number.
fn none() -> String {
    "–".to_owned()
}

fn day(moment: &str) -> &str {
    moment.get(..10).unwrap_or(moment)
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// A whole number as it is, others to three digits that count.
fn number(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 1e9 {
        return format!("{number}");
    }
    match number.abs() {
        size if size >= 100.0 => format!("{number:.0}"),
        size if size >= 1.0 => format!("{number:.2}"),
        size if size >= 0.1 => format!("{number:.3}"),
        _ => format!("{number:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::training::{CutoffGap, LearnerEvaluation, Picture, ReliabilityBin, StayPoint, ToldAndCame};

    fn evaluation() -> Evaluation {
        let bin = |told, came| ReliabilityBin {
            n: 50,
            told,
            came,
            came_interval: [came - 0.05, came + 0.05],
        };
        let gap = CutoffGap {
            as_of: "2025-01-01T00:00:00Z".to_owned(),
            n: 100,
            told: 0.2,
            came: 0.25,
        };
        let question = QuestionEvaluation {
            question: "churn/left_30d".to_owned(),
            shipped: "trees".to_owned(),
            calibrator: "identity".to_owned(),
            n_test: 100,
            learners: vec![LearnerEvaluation {
                learner: "shipped".to_owned(),
                measures: BTreeMap::from([("auc".to_owned(), 0.83), ("rate".to_owned(), 0.2)]),
                intervals: BTreeMap::from([("auc".to_owned(), [0.8, 0.86])]),
            }],
            picture: Some(Picture {
                reliability: vec![bin(0.1, 0.08), bin(0.4, 0.5)],
                gain: vec![0.0, 0.7, 1.0],
                by_cutoff: vec![gap.clone(), gap],
                is_of_all: true,
                drivers: BTreeMap::from([("recency".to_owned(), 0.7)]),
            }),
            ..QuestionEvaluation::default()
        };
        let share = ToldAndCame {
            days: 30.0,
            told: 0.2,
            came: 0.21,
        };
        Evaluation {
            protocol: "customers <known>".to_owned(),
            test_at: "2025-03-01T00:00:00Z".to_owned(),
            questions: vec![
                QuestionEvaluation {
                    question: "churn/left_90d".to_owned(),
                    picture: Some(Picture::default()),
                    ..question.clone()
                },
                question,
                QuestionEvaluation {
                    question: "churn/rare_30d".to_owned(),
                    ..QuestionEvaluation::default()
                },
            ],
            stays: vec![StayEvaluation {
                definition: "left".to_owned(),
                n: 100,
                concordance: Some(0.8),
                points: vec![StayPoint {
                    days: 30.0,
                    brier: 0.1,
                    brier_of_stage: 0.15,
                    all: share,
                }],
                by_stage: BTreeMap::from([("purchase".to_owned(), vec![share])]),
            }],
            purchases: None,
            actions: None,
        }
    }

    #[test]
    fn the_page_says_of_whom_when_and_how_and_escapes_what_it_shows() {
        let page = report(&evaluation(), "a <shop>");
        for told in [
            "a &lt;shop&gt;",
            "customers &lt;known&gt;",
            "2025-03-01",
            "100 customers",
            "0.830",
            "0.800 to 0.860",
        ] {
            assert!(page.contains(told), "{told} is not told");
        }
        let drawn = page.matches("<svg").count();
        assert_eq!(
            drawn,
            3 + 2,
            "calibration, gain and time; time is left out where there was no origin"
        );
        assert!(page.contains("Too few outcomes to learn from"));
        assert!(!page.contains("NaN") && !page.contains("http-equiv") && !page.contains("<script"));
    }
}
