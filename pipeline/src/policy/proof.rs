//! May a policy go live? What is known of it, and why that is not enough.

use std::path::Path;

use serde::Serialize;

use super::Judgement;
use crate::run::RunFolder;
use crate::training::{AS_LOGGED, ActionsEvaluation, BEST_FOR_EACH, Ends, evaluation};
use crate::{Error, Result};

/// The estimator that a proof rests on.
const ESTIMATOR: &str = "dr";

/// What is known of a policy before it goes live.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Proof {
    /// What it was judged on, in words.
    pub judged_on: String,
    /// What it would have earned a decision, doubly robust, with the ends of an interval of 95 %.
    pub value: Ends,
    /// What was earned a decision by what was done; that is the champion to beat.
    pub champion_value: Option<f64>,
    /// How many decisions of its own the log tells as much as.
    pub ess: f64,
    /// Every reason not to promote it; none when it is proven.
    pub refused: Vec<String>,
}

impl Proof {
    /// A log of decisions as proof of a target, as [`super::evaluate_policy`] judged it.
    pub fn of_log(logged: &Path, target: &Path, judgement: &Judgement) -> Proof {
        let of = |(name, _): &&(&str, _)| *name == ESTIMATOR;
        let told = judgement.values.iter().find(of).map(|(_, estimate)| estimate);
        let ends = told.map_or([f64::NAN; 3], |told| [told.value, told.low, told.high]);
        let thin = judgement.thin().iter().map(ToString::to_string).collect();
        Proof::new(
            format!("{} as {} would have decided", logged.display(), target.display()),
            ends.map(finite),
            finite(judgement.logged.value),
            judgement.support.ess,
            thin,
        )
    }

    /// What a version's evaluation tells of its best action for each, on decisions after its test cut-off.
    ///
    /// # Errors
    /// - the registry has no such version, or it holds no evaluation
    pub fn of_version(run: &RunFolder, version: &str) -> Result<Proof> {
        let judged_on = format!("decisions after the test cut-off of {version}");
        let evaluation = evaluation(run, Some(version))?;
        let Some(actions) = evaluation.actions.filter(|actions| !actions.policies.is_empty()) else {
            let refused = vec!["too few decisions were logged after the test cut-off to judge it".to_owned()];
            return Ok(Proof {
                judged_on,
                value: [None; 3],
                champion_value: None,
                ess: 0.0,
                refused,
            });
        };
        let [promoted, logged] = [BEST_FOR_EACH, AS_LOGGED].map(|policy| value_of(&actions, policy));
        Ok(Proof::new(judged_on, promoted, logged[0], actions.ess, actions.thin))
    }

    fn new(judged_on: String, value: Ends, champion_value: Option<f64>, ess: f64, thin: Vec<String>) -> Proof {
        let mut refused = thin;
        match (value[1], champion_value) {
            (Some(low), Some(champion)) if low >= champion => (),
            (Some(low), Some(champion)) => refused.push(format!(
                "it may earn as little as {low:.6} a decision, less than the {champion:.6} of what was done"
            )),
            (None, _) | (_, None) => refused.push("how little it may earn a decision cannot be told".to_owned()),
        }
        Proof {
            judged_on,
            value,
            champion_value,
            ess,
            refused,
        }
    }

    /// Nothing when it is proven.
    ///
    /// # Errors
    /// - it is not: tells every reason
    pub fn check(&self) -> Result<()> {
        if self.refused.is_empty() {
            return Ok(());
        }
        Err(Error::Refused {
            reasons: self.refused.clone(),
        })
    }
}

fn value_of(actions: &ActionsEvaluation, policy: &str) -> Ends {
    let mut policies = actions.policies.iter();
    policies.find(|of| of.policy == policy).map_or([None; 3], |of| of.value)
}

fn finite(number: f64) -> Option<f64> {
    number.is_finite().then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(value: Ends, champion: Option<f64>, thin: &[&str]) -> Vec<String> {
        let thin = thin.iter().map(|&why| why.to_owned()).collect();
        Proof::new("a log".to_owned(), value, champion, 500.0, thin).refused
    }

    #[test]
    fn a_policy_is_proven_when_even_its_lower_end_is_no_less_than_what_was_done() {
        let value = [Some(2.0), Some(1.0), Some(3.0)];
        assert!(refused(value, Some(1.0), &[]).is_empty());
        assert!(refused(value, Some(1.1), &[])[0].contains("as little as 1.000000 a decision, less than the 1.100000"));
    }

    #[test]
    fn what_is_thin_is_refused_however_good_it_looks() {
        let value = [Some(2.0), Some(1.0), Some(3.0)];
        assert_eq!(refused(value, Some(0.0), &["few rounds"]), ["few rounds"]);
        assert_eq!(refused(value, Some(1.5), &["few rounds"]).len(), 2);
    }

    #[test]
    fn what_cannot_be_told_is_no_proof() {
        assert!(refused([Some(2.0), None, None], Some(1.0), &[])[0].contains("cannot be told"));
        assert!(refused([Some(2.0), Some(1.0), None], None, &[])[0].contains("cannot be told"));
    }
}
