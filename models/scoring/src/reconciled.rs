//! Churn scores that agree with the answer about what comes next, and along their curves.

use percorso_churn::{ChurnScore, Curve};
use percorso_journey::Spec;
use percorso_journey::spec::{ChurnKind, Field, Source};
use percorso_next_stage::Incidence;

use crate::Target;

/// What the stages that come next say of one churn target.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bound {
    days: f64,
    kind: Kind,
    goes_on_from: Option<(usize, Curve)>,
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
    pub(crate) fn of(spec: &Spec, target: &Target) -> Self {
        let (kind, touchpoints) = match &spec.churn()[target.of_spec.definition].kind {
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
            days: f64::from(target.horizon_days),
            kind,
            goes_on_from: target.goes_on_from,
            stages: (0..spec.stages().len()).filter(is_within).collect(),
        }
    }

    /// The least and the most that leaving can be, for one of whom this is what comes next.
    ///
    /// - Leaving by an event: at least as likely as that it comes first, at most as that anything comes.
    /// - Leaving by silence: at least as likely as that nothing comes, at most as that none of its touchpoints comes first.
    fn range(&self, next: &Incidence, classes: &mut [f64]) -> (f64, f64) {
        let is_told = self.days <= next.horizon_days();
        next.at(self.days, classes);
        let first: f64 = self.stages.iter().map(|stage| classes[*stage]).sum::<f64>().min(1.0);
        let nothing = classes[classes.len() - 1];
        match self.kind {
            Kind::Coming => (first, if is_told { 1.0 - nothing } else { 1.0 }),
            Kind::Silence => (if is_told { nothing } else { 0.0 }, 1.0 - first),
            Kind::Unbound => (0.0, 1.0),
        }
    }
}

/// Moves each score as little as it takes for all of them to be true together with `next`: into its range, and of one curve
/// leaving by an event not below, and silence not above, that of the shorter time before.
///
/// `shortest_first` are the positions of the scores, each after the one it goes on from; `classes` is room for the incidence
/// of every stage and for survival.
pub(crate) fn reconcile(
    scores: &mut [Option<ChurnScore>],
    bounds: &[Bound],
    shortest_first: &[usize],
    next: &Incidence,
    classes: &mut [f64],
) {
    for &at in shortest_first {
        let Some(score) = scores[at] else { continue };
        let bound = &bounds[at];
        let before = bound
            .goes_on_from
            .and_then(|(before, curve)| Some((scores[before]?, curve)));
        let (mut least, mut most) = bound.range(next, classes);
        // A range moves a curve as a whole, so only rounding is caught here.
        match before {
            Some((shorter, Curve::Event)) => least = least.max(shorter.probability),
            Some((shorter, Curve::Silence)) => most = most.min(shorter.probability),
            Some((_, Curve::Contract)) | None => {}
        }
        let probability = score.probability.max(least).min(most.max(least));
        scores[at] = Some(ChurnScore {
            probability,
            low: score.low.min(probability),
            high: score.high.max(probability),
        });
    }
}
