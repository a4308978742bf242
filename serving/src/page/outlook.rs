//! Will the customer leave, and what comes next: the scores of one customer in words.

use percorso_scoring::{Reason, Target};

use super::list::Chance;
use super::words::{Said, Words};
use crate::Answer;

/// A churn definition with its chance.
pub(super) struct Leaving {
    pub(super) definition: String,
    pub(super) means: String,
    pub(super) chance: Option<Chance>,
    pub(super) value_at_risk: String,
    pub(super) why: String,
    pub(super) reasons: Vec<String>,
}

/// What may come next.
pub(super) struct Coming {
    pub(super) caption: String,
    pub(super) stages: Vec<Share>,
    pub(super) median: Option<String>,
    pub(super) why: String,
    pub(super) reasons: Vec<String>,
}

/// A stage that may come next, with its chance in words and as the width of a bar.
pub(super) struct Share {
    pub(super) name: String,
    pub(super) percent: String,
    pub(super) width: String,
}

/// Every churn definition of the answer, those that do not apply too.
pub(super) fn leaving(answer: &Answer, t: Words) -> Vec<Leaving> {
    let explained = answer.explained.as_ref();
    let targets = answer.model.targets().iter().enumerate();
    let told = |(at, target): (usize, &Target)| {
        let reasons = explained.and_then(|explained| explained.churn.get(at));
        let value_at_risk = answer.scores.value_at_risk[at];
        let means = means(target, t);
        Leaving {
            definition: target.definition.clone(),
            chance: answer.scores.churn[at].as_ref().map(|churn| Chance::told(churn, t)),
            value_at_risk: value_at_risk.map_or_else(|| "–".to_owned(), |value| t.money(value)),
            why: t.say(Said::WhyThis(&means)),
            means,
            reasons: reasons.map_or_else(Vec::new, |reasons| texts(reasons)),
        }
    };
    targets.map(told).collect()
}

/// What comes next; `None` outside the population.
pub(super) fn coming(answer: &Answer, t: Words) -> Option<Coming> {
    let (model, scores) = (&answer.model, &answer.scores);
    scores.next.as_ref()?;
    let classes = model.next_stage_classes();
    let last = classes.len() - 1;
    let name = |at: usize| {
        if at == last {
            t.say(Said::NothingComes)
        } else {
            classes[at].clone()
        }
    };
    let mut stages: Vec<(usize, f64)> = scores.next_stage.iter().copied().enumerate().collect();
    stages.sort_by(|left, right| right.1.total_cmp(&left.1));
    let share = |(at, probability): (usize, f64)| Share {
        name: name(at),
        percent: t.percent(probability),
        width: format!("{:.1}", 100.0 * probability),
    };
    let explained = answer.explained.as_ref().and_then(|explained| explained.next.as_ref());
    let days = t.count(model.next_stage_horizon_days() as usize);
    let median = scores.median_days.map(|median| t.count(median.ceil() as usize));
    Some(Coming {
        caption: t.say(Said::NextCaption(&days)),
        stages: stages.into_iter().map(share).collect(),
        median: median.map(|days| t.say(Said::MedianDays(&days))),
        why: explained.map_or_else(String::new, |(at, _)| t.say(Said::WhyNext(&name(*at)))),
        reasons: explained.map_or_else(Vec::new, |(_, reasons)| texts(reasons)),
    })
}

fn means(target: &Target, t: Words) -> String {
    let days = t.count(target.horizon_days as usize);
    t.say(match target.kind {
        "inactivity" => Said::SilentFor(&days),
        "contract" => Said::NotRenewedWithin(&days),
        _ => Said::LeavesWithin(&days),
    })
}

fn texts(reasons: &[Reason]) -> Vec<String> {
    reasons.iter().map(|reason| reason.text.clone()).collect()
}
