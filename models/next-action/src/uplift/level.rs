//! What an arm is believed to do on average: what was seen of it, pulled towards what was believed before.

/// What was seen of an arm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Seen {
    /// The mean effect.
    pub(super) mean: f64,
    /// Its standard error.
    pub(super) error: f64,
    /// What the mean effect was believed to be before anything was seen.
    pub(super) believed: f64,
}

/// The mean effect of each arm by empirical Bayes (Efron and Morris 1973, "Stein's estimation rule and its competitors"):
/// how far beliefs are off is told by all arms together, less what chance alone would put between them, and each arm keeps
/// as much of its distance as its own error leaves.
///
/// Where nothing was seen to differ from what was believed, that is what is told.
pub(super) fn levels(arms: &[Seen]) -> Vec<f64> {
    let of_error = |seen: &Seen| seen.error * seen.error;
    let precise = |seen: &&Seen| seen.error > 0.0 && seen.error.is_finite();
    let (mut beyond, mut weights) = (0.0, 0.0);
    for seen in arms.iter().filter(precise) {
        let weight = 1.0 / of_error(seen);
        let distance = seen.mean - seen.believed;
        beyond += weight * (distance * distance - of_error(seen));
        weights += weight;
    }
    let spread = if weights > 0.0 {
        (beyond / weights).max(0.0)
    } else {
        0.0
    };
    let level = |seen: &Seen| {
        if seen.error == 0.0 {
            return seen.mean;
        }
        let kept = spread / (spread + of_error(seen));
        // An error that is not known leaves nothing.
        let kept = if kept.is_finite() { kept } else { 0.0 };
        seen.believed + kept * (seen.mean - seen.believed)
    };
    arms.iter().map(level).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(mean: f64, error: f64) -> Seen {
        Seen {
            mean,
            error,
            believed: 0.0,
        }
    }

    #[test]
    fn an_effect_within_its_error_is_none() {
        assert_eq!(levels(&[seen(0.9, 1.0)]), [0.0]);
        let believed = Seen {
            believed: 2.0,
            ..seen(2.9, 1.0)
        };
        assert_eq!(levels(&[believed]), [2.0]);
    }

    #[test]
    fn one_arm_keeps_what_its_error_leaves() {
        // 1 - 1² / 4².
        assert_eq!(levels(&[seen(4.0, 1.0)]), [3.75]);
        assert_eq!(levels(&[seen(4.0, 0.0)]), [4.0]);
        assert_eq!(levels(&[seen(4.0, f64::INFINITY)]), [0.0]);
    }

    #[test]
    fn arms_that_agree_with_beliefs_pull_the_one_that_does_not() {
        let alone = levels(&[seen(2.0, 1.0)])[0];
        let among = levels(&[seen(2.0, 1.0), seen(0.0, 1.0), seen(0.1, 1.0)])[0];
        assert!(among < alone && among >= 0.0, "{among} {alone}");
        let surer = levels(&[seen(2.0, 0.1), seen(2.0, 1.0)]);
        assert!(surer[0] > surer[1], "{surer:?}");
    }
}
