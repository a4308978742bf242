//! Where to draw the line: whom contacting everyone above a chance of leaving would reach, and what it would bring in.

use super::Listed;

/// Chances are told apart by thousandths.
const STEPS: usize = 1_000;
/// Below so many steps every one of them is told.
const FEW_STEPS: usize = 100;

/// What contacting everyone at or above a chance of leaving comes to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct CutOff {
    /// The least chance of leaving of those contacted.
    pub(crate) at_least: f64,
    /// Who is at or above it and has an action that may be done.
    pub(crate) n_contacted: usize,
    /// How many of those are expected to leave: the sum of their chances.
    pub(crate) leavers: f64,
    /// What the best action for each of those brings in beyond doing nothing, costs taken off; below 0 where it costs more.
    pub(crate) value: f64,
}

impl CutOff {
    /// How many of those contacted would have stayed anyway, as expected.
    pub(crate) fn others(&self) -> f64 {
        (self.n_contacted as f64 - self.leavers).max(0.0)
    }
}

/// Every cut-off of some customers.
pub(crate) struct CutOffs {
    /// How many of all customers are expected to leave, whether they may be contacted or not.
    pub(crate) leavers: f64,
    /// By step, from 0 to 1, both included.
    curve: Vec<CutOff>,
    /// Steps between the cut-offs that are told: whole percentages, or tenths of them where nobody is likely to leave.
    grain: usize,
    /// The first cut-off told at which nobody is contacted any more.
    end: usize,
}

impl CutOffs {
    /// The cut-offs of these customers.
    ///
    /// Contacting reaches who has an action that may be done, also where doing nothing is better for them: that is what a
    /// cut-off costs.
    /// Whose chance is not asked lies below every cut-off.
    pub(crate) fn of(customers: &[&Listed]) -> Self {
        let mut curve: Vec<CutOff> = (0..=STEPS)
            .map(|step| CutOff {
                at_least: share(step),
                n_contacted: 0,
                leavers: 0.0,
                value: 0.0,
            })
            .collect();
        let mut leavers = 0.0;
        for listed in customers {
            let Some(churn) = listed.churn else { continue };
            leavers += churn.probability;
            let Some(gain) = listed.contact_gain else { continue };
            let reached = &mut curve[step_below(churn.probability)];
            reached.n_contacted += 1;
            reached.leavers += churn.probability;
            reached.value += gain;
        }
        let last = curve.iter().rposition(|reached| reached.n_contacted > 0);
        let grain = if last.is_some_and(|last| last < FEW_STEPS) {
            1
        } else {
            10
        };
        for step in (0..STEPS).rev() {
            let above = curve[step + 1];
            let reached = &mut curve[step];
            reached.n_contacted += above.n_contacted;
            reached.leavers += above.leavers;
            reached.value += above.value;
        }
        Self {
            leavers,
            curve,
            grain,
            end: last.map_or(0, |last| (last / grain + 1) * grain),
        }
    }

    /// What a cut-off comes to, rounded down to a step.
    pub(crate) fn at(&self, at_least: f64) -> &CutOff {
        &self.curve[step_below(at_least)]
    }

    /// The cut-off with the largest value, of equals the one that contacts fewest; `None` where none is worth anything.
    pub(crate) fn best(&self) -> Option<&CutOff> {
        // The last of equals.
        let best = self.told().max_by(|left, right| left.value.total_cmp(&right.value))?;
        (best.value > 0.0).then_some(best)
    }

    /// The cut-offs that are told, from 0 on, as long as anyone is contacted; none where nobody may be.
    pub(crate) fn told(&self) -> impl Iterator<Item = &CutOff> {
        self.curve[..self.end.min(STEPS + 1)].iter().step_by(self.grain)
    }

    /// The distance between the cut-offs that are told.
    pub(crate) fn grain(&self) -> f64 {
        share(self.grain)
    }

    /// The first cut-off at which nobody is contacted any more; 1 at most.
    pub(crate) fn end(&self) -> f64 {
        share(self.end.min(STEPS))
    }
}

fn share(step: usize) -> f64 {
    step as f64 / STEPS as f64
}

/// The greatest step that is no larger than the chance.
fn step_below(chance: f64) -> usize {
    let near = (chance.clamp(0.0, 1.0) * STEPS as f64) as usize;
    // What multiplying rounds, comparing sets right.
    match near {
        near if near < STEPS && share(near + 1) <= chance => near + 1,
        near if near > 0 && share(near) > chance => near - 1,
        near => near,
    }
}

#[cfg(test)]
mod tests {
    use percorso_churn::ChurnScore;
    use percorso_journey::CustomerKey;
    use percorso_next_action::Evidence;

    use super::*;

    fn listed(chance: Option<f64>, contact_gain: Option<f64>) -> Listed {
        Listed {
            key: CustomerKey::from_bytes([0; 16]),
            churn: chance.map(|probability| ChurnScore {
                probability,
                low: probability,
                high: probability,
            }),
            value_at_risk: None,
            stage: None,
            action: None,
            gain: 0.0,
            contact_gain,
            evidence: Evidence::None,
            act_by: None,
        }
    }

    fn cut_offs(customers: &[(Option<f64>, Option<f64>)]) -> CutOffs {
        let listed: Vec<Listed> = customers.iter().map(|&(chance, gain)| listed(chance, gain)).collect();
        CutOffs::of(&listed.iter().collect::<Vec<_>>())
    }

    #[test]
    fn a_cut_off_counts_leavers_caught_others_bothered_and_what_it_brings_in() {
        let cut_offs = cut_offs(&[
            (Some(0.9), Some(10.0)),
            (Some(0.5), Some(4.0)),
            (Some(0.1), Some(-3.0)),
            // Nothing may be done for this one, and nothing is asked of that one.
            (Some(0.7), None),
            (None, Some(1.0)),
        ]);
        assert!((cut_offs.leavers - 2.2).abs() < 1e-12);
        let told = |at: f64| {
            let cut_off = cut_offs.at(at);
            (cut_off.n_contacted, cut_off.value)
        };
        assert_eq!(told(0.0), (3, 11.0));
        assert_eq!(told(0.1), (3, 11.0));
        assert_eq!(told(0.101), (2, 14.0));
        assert_eq!(told(0.5), (2, 14.0));
        assert_eq!(told(0.6), (1, 10.0));
        assert_eq!(told(0.95), (0, 0.0));
        let all = cut_offs.at(0.0);
        assert!((all.leavers - 1.5).abs() < 1e-12 && (all.others() - 1.5).abs() < 1e-12);
    }

    #[test]
    fn the_best_cut_off_has_the_largest_value_and_of_equals_contacts_fewest() {
        let of = |customers: &[(Option<f64>, Option<f64>)]| cut_offs(customers).best().copied();
        let best = of(&[(Some(0.9), Some(10.0)), (Some(0.5), Some(4.0)), (Some(0.1), Some(-3.0))]);
        assert_eq!(best.map(|best| (best.at_least, best.value)), Some((0.5, 14.0)));
        // The largest of whole percentages that reach both, and of tenths where nobody is likely to leave.
        let best = of(&[(Some(0.905), Some(10.0)), (Some(0.508), Some(4.0))]);
        assert_eq!(best.map(|best| (best.at_least, best.n_contacted)), Some((0.5, 2)));
        let best = of(&[(Some(0.018), Some(10.0)), (Some(0.012), Some(-4.0))]);
        assert_eq!(best.map(|best| (best.at_least, best.n_contacted)), Some((0.018, 1)));
        let best = of(&[(Some(0.9), Some(10.0)), (Some(0.5), Some(0.0))]);
        assert_eq!(best.map(|best| (best.at_least, best.n_contacted)), Some((0.9, 1)));
        // A loss above is made good below: the line is drawn below both.
        let best = of(&[(Some(0.9), Some(-1.0)), (Some(0.5), Some(4.0))]);
        assert_eq!(best.map(|best| (best.at_least, best.value)), Some((0.5, 3.0)));
    }

    #[test]
    fn where_contacting_only_costs_or_nobody_may_be_contacted_there_is_no_best_cut_off() {
        assert!(cut_offs(&[(Some(0.9), Some(-1.0))]).best().is_none());
        assert!(cut_offs(&[(Some(0.9), None)]).best().is_none());
        assert_eq!((cut_offs(&[]).told().count(), cut_offs(&[]).end()), (0, 0.0));
        assert_eq!(cut_offs(&[(Some(0.3), Some(1.0))]).end(), 0.31);
        assert_eq!(cut_offs(&[(Some(1.0), Some(1.0))]).end(), 1.0);
    }

    #[test]
    fn a_chance_on_a_step_is_at_that_step_however_it_is_rounded() {
        for step in 0..=STEPS {
            assert_eq!(step_below(share(step)), step);
        }
        assert_eq!(step_below(0.0999999), 99);
        assert_eq!(step_below(f64::NAN), 0);
    }
}
