//! What each column adds to a probability that is joined from the hazards of several intervals.
//!
//! A learner tells what each column adds to the log-odds of one hazard. The probability of having come by a day is joined
//! from many, so its log-odds are no sum of theirs. All hazards are moved at once, from what they start from to what they
//! are, and along that path each one's share in the rise of the joined log-odds is added up (integrated gradients,
//! Sundararajan et al. 2017). Of one interval with one cause the shares are the learner's own.

/// An interval: whether anything comes in it, and whether what comes is the cause asked about.
#[derive(Clone, Debug)]
pub(crate) struct Interval {
    pub(crate) coming: Attribution,
    /// Nothing where only the cause can come.
    pub(crate) cause: Option<Attribution>,
    /// The part of the interval that is gone through, above 0 and at most 1.
    pub(crate) exposed: f64,
}

/// The log-odds of a probability: what they start from, and what each column adds to that.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribution {
    /// The log-odds where no column adds anything.
    pub start: f64,
    /// What each column adds; with the start, the log-odds before calibration.
    pub parts: Vec<f64>,
}

/// Nodes and weights of Gauss and Legendre's rule on −1..1 for polynomials of degree nine.
const NODES: [(f64, f64); 5] = [
    (0.0, 0.568_888_888_888_888_9),
    (-0.538_469_310_105_683_1, 0.478_628_670_499_366_47),
    (0.538_469_310_105_683_1, 0.478_628_670_499_366_47),
    (-0.906_179_845_938_664, 0.236_926_885_056_189_08),
    (0.906_179_845_938_664, 0.236_926_885_056_189_08),
];
/// Probabilities are held so far from 0 and 1.
const LEAST: f64 = 1e-12;
/// The path is cut into so many parts, in each of which the rule is used.
const N_PARTS: usize = 12;

impl Attribution {
    /// As a learner tells it, which writes the parts and returns the start.
    pub(crate) fn told(n_columns: usize, tell: impl FnOnce(&mut [f64]) -> f64) -> Self {
        let mut parts = vec![0.0; n_columns];
        let start = tell(&mut parts);
        Self { start, parts }
    }

    /// The log-odds.
    pub fn log_odds(&self) -> f64 {
        self.start + self.gain()
    }

    fn gain(&self) -> f64 {
        self.parts.iter().sum()
    }

    /// The log-odds that it does not come.
    pub(crate) fn of_the_contrary(mut self) -> Self {
        self.start = -self.start;
        self.parts.iter_mut().for_each(|part| *part = -*part);
        self
    }

    /// Of the probability that the cause comes first by the end of the last interval.
    pub(crate) fn of(intervals: &[Interval], n_columns: usize) -> Self {
        let paths: Vec<Path> = intervals.iter().map(Path::of).collect();
        let mut shares = vec![[0.0; 2]; intervals.len()];
        for part in 0..N_PARTS {
            for (node, weight) in NODES {
                let gone = (part as f64 + (node + 1.0) / 2.0) / N_PARTS as f64;
                add_slopes(&paths, gone, weight / 2.0 / N_PARTS as f64, &mut shares);
            }
        }
        let mut parts = vec![0.0; n_columns];
        for (interval, [coming, cause]) in intervals.iter().zip(shares) {
            let mut add = |told: &Attribution, share: f64| {
                let added = told.parts.iter().map(|part| share * part);
                parts.iter_mut().zip(added).for_each(|(sum, part)| *sum += part);
            };
            add(&interval.coming, coming);
            if let Some(told) = &interval.cause {
                add(told, cause);
            }
        }
        let p = probability_by_end(&paths, 0.0);
        Self {
            start: libm::log(p / (1.0 - p)),
            parts,
        }
    }
}

/// An interval's way from what its hazards start from to what they are; where only the cause can come, it has no other.
struct Path {
    coming: Way,
    cause: Option<Way>,
    exposed: f64,
}

/// Log-odds from their start on.
struct Way {
    start: f64,
    gain: f64,
}

impl Path {
    fn of(interval: &Interval) -> Self {
        Self {
            coming: Way::of(&interval.coming),
            cause: interval.cause.as_ref().map(Way::of),
            exposed: interval.exposed,
        }
    }

    /// The probability that anything comes, and the cause's share in it, when so much of the way has been gone.
    fn at(&self, gone: f64) -> (f64, f64) {
        let cause = self.cause.as_ref().map_or(1.0, |cause| cause.at(gone));
        (self.coming.at(gone), cause)
    }
}

impl Way {
    fn of(told: &Attribution) -> Self {
        Self {
            start: told.start,
            gain: told.gain(),
        }
    }

    fn at(&self, gone: f64) -> f64 {
        1.0 / (1.0 + libm::exp(-(self.start + gone * self.gain)))
    }
}

/// The probability that the cause has come by the end, when so much of the path has been gone.
fn probability_by_end(paths: &[Path], gone: f64) -> f64 {
    let (mut stays, mut came) = (1.0, 0.0);
    for path in paths {
        let (hazard, share) = path.at(gone);
        let passes = libm::pow(1.0 - hazard, path.exposed);
        came += stays * (1.0 - passes) * share;
        stays *= passes;
    }
    // Its odds are asked for: nothing is quite impossible, and nothing quite sure.
    came.clamp(LEAST, 1.0 - LEAST)
}

/// Adds to each interval's shares the slope of the joined log-odds in its own, at a point of the path.
fn add_slopes(paths: &[Path], gone: f64, weight: f64, shares: &mut [[f64; 2]]) {
    let all = probability_by_end(paths, gone);
    let in_all = weight / (all * (1.0 - all));
    let (mut stays, mut came) = (1.0, 0.0);
    for (path, [of_coming, of_cause]) in paths.iter().zip(shares) {
        let (hazard, share) = path.at(gone);
        let passes = libm::pow(1.0 - hazard, path.exposed);
        let comes = stays * (1.0 - passes);
        came += comes * share;
        // A greater hazard brings more of the cause now, and leaves less of it for later.
        let now = stays * path.exposed * hazard * passes * share;
        let later = path.exposed * hazard * (all - came);
        *of_coming += in_all * (now - later);
        *of_cause += in_all * comes * share * (1.0 - share);
        stays *= passes;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn attribution() -> impl Strategy<Value = Attribution> {
        (-6.0..3.0_f64, prop::collection::vec(-3.0..3.0_f64, 3)).prop_map(|(start, parts)| Attribution { start, parts })
    }

    fn intervals() -> impl Strategy<Value = Vec<Interval>> {
        let interval = (attribution(), prop::option::of(attribution()), 0.05..1.0_f64)
            .prop_map(|(coming, cause, exposed)| Interval { coming, cause, exposed });
        prop::collection::vec(interval, 1..8)
    }

    proptest! {
        #[test]
        fn start_and_parts_are_the_log_odds(intervals in intervals()) {
            let found = Attribution::of(&intervals, 3);
            let paths: Vec<Path> = intervals.iter().map(Path::of).collect();
            let p = probability_by_end(&paths, 1.0);
            prop_assert!((found.log_odds() - libm::log(p / (1.0 - p))).abs() < 1e-6);
        }

        #[test]
        fn of_one_hazard_they_are_the_learners_own(told in attribution()) {
            let one = Interval { coming: told.clone(), cause: None, exposed: 1.0 };
            let found = Attribution::of(&[one], 3);
            prop_assert!((found.start - told.start).abs() < 1e-9);
            for (found, told) in found.parts.iter().zip(&told.parts) {
                prop_assert!((found - told).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn equal_hazards_share_alike_and_where_one_is_sure_the_other_matters_little() {
        let known = |parts: [f64; 2]| Attribution {
            start: -2.0,
            parts: parts.to_vec(),
        };
        let interval = |coming| Interval {
            coming,
            cause: None,
            exposed: 1.0,
        };
        let found = Attribution::of(&[interval(known([1.0, 0.0])), interval(known([0.0, 1.0]))], 2);
        assert!(
            (found.parts[0] - found.parts[1]).abs() < 1e-9 && found.parts[1] > 0.5,
            "{found:?}"
        );
        let sure = Attribution {
            start: 12.0,
            parts: vec![0.0, 0.0],
        };
        let found = Attribution::of(&[interval(sure), interval(known([0.0, 1.0]))], 2);
        assert!(found.parts[1] < 0.2, "{found:?}");
        let surer = |start: f64| {
            interval(Attribution {
                start,
                parts: vec![1.0, 0.0],
            })
        };
        let found = Attribution::of(&[surer(14.0), surer(14.0), surer(14.0)], 2);
        assert!(found.log_odds().is_finite() && found.parts[0].is_finite(), "{found:?}");
    }
}
