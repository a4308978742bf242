//! Churn scores that agree with the answer about what comes next, and, of leaving by an event, over horizons.

use percorso_churn::ChurnScore;
use percorso_journey::Spec;
use percorso_journey::spec::{ChurnKind, ChurnTarget, Field, Source};
use percorso_next_stage::Incidence;

/// What the stages that come next say of one churn target.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bound {
    target: ChurnTarget,
    kind: Kind,
    /// Stages all of whose touchpoints are the target's; none where a rule reads each event's stage.
    stages: Vec<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Leaving is that one of the stages comes.
    Coming,
    /// Leaving is that none of the touchpoints comes.
    Silence,
    /// Nothing that comes next says anything of it.
    Unbound,
}

impl Bound {
    pub(crate) fn of(spec: &Spec, target: ChurnTarget) -> Self {
        let (kind, touchpoints) = match &spec.churn()[target.definition].kind {
            ChurnKind::Event { touchpoints, .. } => (Kind::Coming, touchpoints.as_slice()),
            ChurnKind::Inactivity { touchpoints, .. } => (Kind::Silence, touchpoints.as_slice()),
            ChurnKind::Contract { .. } => (Kind::Unbound, [].as_slice()),
        };
        let says_stage = |source: &Source| source.columns.iter().any(|(field, _)| *field == Field::Stage);
        let events_say_stage = spec.sources().iter().any(says_stage);
        let is_within = |stage: &usize| {
            let of_stage = (0..)
                .zip(spec.touchpoints())
                .filter(|(_, met)| usize::from(met.stage) == *stage);
            let mut of_stage = of_stage.map(|(at, _)| at).peekable();
            !events_say_stage && of_stage.peek().is_some() && of_stage.all(|at: u16| touchpoints.contains(&at))
        };
        Self {
            target,
            kind,
            stages: (0..spec.stages().len()).filter(is_within).collect(),
        }
    }

    /// The least and the most that leaving can be, for one of whom this is what comes next.
    ///
    /// - Leaving by an event: at least as likely as that it comes first, at most as that anything comes.
    /// - Leaving by silence: at least as likely as that nothing comes, at most as that none of its touchpoints comes first.
    fn range(&self, next: &Incidence, classes: &mut [f64]) -> (f64, f64) {
        let days = f64::from(self.target.horizon_days);
        let is_told = days <= next.horizon_days();
        next.at(days, classes);
        let first: f64 = self.stages.iter().map(|stage| classes[*stage]).sum::<f64>().min(1.0);
        let nothing = classes[classes.len() - 1];
        match self.kind {
            Kind::Coming => (first, if is_told { 1.0 - nothing } else { 1.0 }),
            Kind::Silence => (if is_told { nothing } else { 0.0 }, 1.0 - first),
            Kind::Unbound => (0.0, 1.0),
        }
    }
}

/// Moves each score as little as it takes for all of them to be true together with `next`: into its range, and of one
/// definition not below that of a shorter horizon.
///
/// `classes` is room for the incidence of every stage and for survival.
pub(crate) fn reconcile(scores: &mut [Option<ChurnScore>], bounds: &[Bound], next: &Incidence, classes: &mut [f64]) {
    for at in 0..scores.len() {
        let Some(score) = scores[at] else { continue };
        let (bound, earlier) = (&bounds[at], scores[..at].iter().zip(bounds));
        let is_shorter = |other: &Bound| {
            bound.kind == Kind::Coming
                && other.target.definition == bound.target.definition
                && other.target.horizon_days <= bound.target.horizon_days
        };
        let shorter = earlier
            .filter(|(_, other)| is_shorter(other))
            .filter_map(|(score, _)| *score);
        let (least, most) = bound.range(next, classes);
        let least = shorter.fold(least, |least, score| least.max(score.probability));
        let probability = score.probability.max(least).min(most.max(least));
        scores[at] = Some(ChurnScore {
            probability,
            low: score.low.min(probability),
            high: score.high.max(probability),
        });
    }
}
