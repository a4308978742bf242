//! Now and then something else is tried, with a chance that is known.

use percorso_learners::Random;

use super::{Case, Purpose, Ranked};

/// Chooses among what is ranked and fills in how likely each was: the best, but in a declared share of decisions any of
/// what may be tried, each as likely as the others (ε-greedy; Sutton and Barto 2018, section 2.2).
///
/// Doing nothing may always be tried.
pub(super) fn choose(case: &Case<'_>, ranked: &mut [Ranked]) -> usize {
    let (share, seed) = match case.circumstances.purpose {
        Purpose::List => (0.0, None),
        Purpose::Preview => (case.spec.decisions().exploration, None),
        Purpose::Act { seed } => (case.spec.decisions().exploration, Some(seed)),
    };
    let may_be_tried = |ranked: &Ranked| {
        ranked
            .action
            .is_none_or(|action| case.spec.actions()[usize::from(action)].explore)
    };
    let tried: Vec<usize> = (0..ranked.len()).filter(|at| may_be_tried(&ranked[*at])).collect();
    for (at, ranked) in ranked.iter_mut().enumerate() {
        let by_chance = if tried.contains(&at) {
            share / tried.len() as f64
        } else {
            0.0
        };
        ranked.propensity = by_chance + if at == 0 { 1.0 - share } else { 0.0 };
    }
    let Some(seed) = seed else { return 0 };
    let mut random = Random::new(seed);
    if random.uniform() < share {
        tried[random.below(tried.len())]
    } else {
        0
    }
}
