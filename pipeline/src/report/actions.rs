//! Which action would help: what each does, and what giving each customer the best one would have earned.

use maud::{Markup, html};

use super::verdict::{Grade, Verdict};
use super::{class, day, none};
use crate::training::{AS_LOGGED, ActionEvaluation, ActionsEvaluation, BEST_FOR_EACH, Ends, PolicyEvaluation};

pub(super) fn section(actions: &ActionsEvaluation, test_at: &str) -> Markup {
    let verdict = verdict(actions);
    html! {
        section id="actions" {
            h2 { "Which action would help" }
            p { strong { "How much more does a decision earn in its window if we do this instead of nothing, and for whom?" } }
            p.of {
                (actions.n_taught) " decisions before " (day(test_at)) " taught; "
                (actions.n_judged) " from then on are judged"
            }
            p class={ "verdict " (class(verdict.grade)) } { (verdict.text) }
            table {
                thead { tr {
                    th { "action" } th { "times" } th { "brings in beyond nothing" } th { "for whom, by" }
                    th { "Qini" } th { "observed for each 1 predicted" }
                } }
                tbody { @for action in &actions.actions { (of_action(action)) } }
            }
            @if !actions.policies.is_empty() {
                h3 { "What a decision would have earned" }
                table {
                    thead { tr { th { "if it had done" } th { "earned, costs taken off" } } }
                    tbody { @for policy in &actions.policies {
                        tr { td { (policy.policy) } td.number { (ends(policy.value)) } }
                    } }
                }
                p.of {
                    "Doubly robust, from what was decided and how likely that was; rules, caps and levers are left out. "
                    (format!("{:.0}", actions.ess)) " decisions tell of the best action for each."
                }
            }
            @for thin in &actions.thin { p.verdict.bad { "Too thin to tell: " (thin) "." } }
            @match &actions.programme {
                Some(programme) => p {
                    "Since " (day(&programme.since)) " a decision about " (programme.n_others)
                    " customers earned " (ends(programme.gain)) " more than one about the " (programme.n_held_out)
                    " held out, to whom nothing is ever done."
                },
                None => p.of {
                    "What deciding as a whole brings in cannot be told: too few customers are held out (" code { "[decisions] holdout" } ")."
                },
            }
        }
    }
}

fn of_action(action: &ActionEvaluation) -> Markup {
    let chosen = action.learners.iter().find(|standing| standing.is_chosen);
    html! {
        tr {
            td { (action.action) }
            td.number { (action.n) }
            td.number { (ends(action.effect)) }
            td { (chosen.map_or("the same for all", |standing| standing.learner.as_str())) }
            td.number { (action.qini.map_or_else(none, ends)) }
            td.number { (action.calibration_slope.map_or_else(none, |slope| format!("{slope:.2}"))) }
        }
    }
}

/// Whether the best action for each is shown to earn more than what was done.
pub(super) fn verdict(actions: &ActionsEvaluation) -> Verdict {
    let of = |name: &str| -> Option<&PolicyEvaluation> { actions.policies.iter().find(|policy| policy.policy == name) };
    let (Some(best), Some(logged)) = (of(BEST_FOR_EACH), of(AS_LOGGED)) else {
        let text = "Too few decisions after the test cut-off to judge by.".to_owned();
        return Verdict {
            grade: Grade::Bad,
            text,
        };
    };
    let told = format!(
        "{BEST_FOR_EACH} {}, {AS_LOGGED} {}",
        ends(best.value),
        ends(logged.value)
    );
    let ([value, low, _], [earned, ..]) = (best.value, logged.value);
    let is_more = |ours: Option<f64>| ours.zip(earned).is_some_and(|(ours, earned)| ours >= earned);
    let (grade, said) = match (actions.thin.is_empty(), is_more(low), is_more(value)) {
        (true, true, _) => (Grade::Good, "Surely earns no less than what was done"),
        (true, false, true) => (Grade::Fair, "May earn more than what was done, and may not"),
        (true, false, false) => (Grade::Bad, "Not shown to earn what was done"),
        (false, ..) => (Grade::Bad, "Too little of it was ever tried"),
    };
    Verdict {
        grade,
        text: format!("{said}: {told}."),
    }
}

/// A number of money with its interval.
fn ends([value, low, high]: Ends) -> String {
    let told = |number: Option<f64>| number.map_or_else(none, |number| format!("{number:.2}"));
    format!("{} ({} to {})", told(value), told(low), told(high))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::training::ProgrammeEvaluation;

    fn evaluation(best: [f64; 3]) -> ActionsEvaluation {
        let policy = |name: &str, value: [f64; 3]| PolicyEvaluation {
            policy: name.to_owned(),
            value: value.map(Some),
        };
        ActionsEvaluation {
            n_taught: 900,
            n_judged: 300,
            actions: vec![ActionEvaluation {
                action: "call <now>".to_owned(),
                n: 400,
                effect: [Some(1.5), Some(0.2), None],
                learners: Vec::new(),
                qini: None,
                calibration_slope: Some(0.9),
            }],
            policies: vec![policy(BEST_FOR_EACH, best), policy(AS_LOGGED, [2.0, 1.5, 2.5])],
            ess: 250.0,
            thin: Vec::new(),
            programme: Some(ProgrammeEvaluation {
                n_held_out: 60,
                n_others: 540,
                since: "2025-01-02T00:00:00Z".to_owned(),
                gain: [Some(3.0), Some(2.0), Some(4.0)],
            }),
        }
    }

    #[test]
    fn what_is_shown_is_told_and_names_are_no_markup() {
        let page = section(&evaluation([3.0, 2.1, 4.0]), "2025-03-01T00:00:00Z").into_string();
        for said in [
            "Surely earns no less than what was done: best action for each 3.00 (2.10 to 4.00), as logged 2.00",
            "call &lt;now&gt;",
            "1.50 (0.20 to –)",
            "the same for all",
            "Since 2025-01-02 a decision about 540 customers earned 3.00 (2.00 to 4.00) more than one about the 60 held out",
        ] {
            assert!(page.contains(said), "{said}: {page}");
        }
    }

    #[test]
    fn a_verdict_claims_no_more_than_its_interval() {
        let grade = |best| verdict(&evaluation(best)).grade;
        assert_eq!(grade([3.0, 1.9, 4.0]), Grade::Fair);
        assert_eq!(grade([1.9, 1.0, 4.0]), Grade::Bad);
        let thin = ActionsEvaluation {
            thin: vec!["few".to_owned()],
            ..evaluation([3.0, 2.1, 4.0])
        };
        assert_eq!(verdict(&thin).grade, Grade::Bad);
        let none = ActionsEvaluation {
            policies: Vec::new(),
            ..evaluation([3.0, 2.1, 4.0])
        };
        assert_eq!(verdict(&none).grade, Grade::Bad);
    }
}
