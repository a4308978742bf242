//! How counts become probabilities: what is taken from the seen classes and given to the shorter context.

/// How a context is drawn to the context one step shorter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Smoothing {
    /// Witten and Bell (1991, "The zero-frequency problem"; as in Chen and Goodman 1999, section 2.4):
    /// `P(w|h) = (c(h,w) + t(h) P(w|h')) / (c(h) + t(h))`, with `t(h)` the number of distinct classes after `h`.
    WittenBell,
    /// Interpolated modified Kneser-Ney (Chen and Goodman 1999, "An empirical study of smoothing techniques for language
    /// modeling", section 3): `P(w|h) = (c(h,w) − D(c(h,w)) + Σ_v D(c(h,v)) P(w|h')) / c(h)`.
    ///
    /// In the longest context that speaks, `c` is the weight of rows; in the shorter ones it is the number of different
    /// steps further back before which the class came, a sequence that begins there counting as one.
    /// `D` is one of three discounts for counts of one, two, and three or more, estimated for each order from how many
    /// counts are 1, 2, 3 and 4 in the contexts that speak; where that tells nothing they are 0.5, 1 and 1.5 (as KenLM's
    /// fallback: Heafield, Pouzyrevsky, Clark and Koehn 2013).
    /// Counts of weighted rows need not be whole: `D` then runs straight between 0 at 0, `D₁` at 1, `D₂` at 2 and `D₃` at
    /// 3, and how many counts are 1 is how many round to 1.
    #[default]
    KneserNey,
}

/// How many counts round to 1, 2, 3 and 4.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct CountsOfCounts([u64; 4]);

impl CountsOfCounts {
    /// A count has changed; 0 is no count.
    pub(super) fn change(&mut self, from: f64, to: f64) {
        if let Some(place) = place(from) {
            self.0[place] -= 1;
        }
        if let Some(place) = place(to) {
            self.0[place] += 1;
        }
    }

    fn discounts(&self) -> [f64; 3] {
        const FALLBACK: [f64; 3] = [0.5, 1.0, 1.5];
        let [one, two, three, four] = self.0.map(|n| n as f64);
        if self.0.contains(&0) {
            return FALLBACK;
        }
        let y = one / (one + 2.0 * two);
        let discounts = [
            1.0 - 2.0 * y * two / one,
            2.0 - 3.0 * y * three / two,
            3.0 - 4.0 * y * four / three,
        ];
        if discounts.iter().any(|discount| *discount <= 0.0) {
            return FALLBACK;
        }
        discounts
    }
}

fn place(count: f64) -> Option<usize> {
    let rounded = count.round();
    (1.0..=4.0).contains(&rounded).then(|| rounded as usize - 1)
}

/// The rule for the counts of one order.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rule {
    WittenBell,
    Discounts([f64; 3]),
}

/// How a context is divided between its own counts and the shorter context.
#[derive(Debug, Clone, Copy)]
pub(super) struct Split {
    /// The weight of the shorter context.
    pub(super) back_off: f64,
    divisor: f64,
}

impl Rule {
    pub(super) fn of(smoothing: Smoothing, counts: &CountsOfCounts) -> Rule {
        match smoothing {
            Smoothing::WittenBell => Rule::WittenBell,
            Smoothing::KneserNey => Rule::Discounts(counts.discounts()),
        }
    }

    /// A context without counts leaves everything to the shorter one.
    pub(super) fn split(&self, counts: impl Iterator<Item = f64>) -> Split {
        let (mut total, mut given) = (0.0, 0.0);
        for count in counts.filter(|count| *count > 0.0) {
            total += count;
            given += self.given(count);
        }
        let divisor = match self {
            Rule::WittenBell => total + given,
            Rule::Discounts(_) => total,
        };
        if divisor > 0.0 {
            Split {
                back_off: given / divisor,
                divisor,
            }
        } else {
            Split {
                back_off: 1.0,
                divisor: 1.0,
            }
        }
    }

    /// What the context itself says of a class with this count.
    pub(super) fn weight(&self, count: f64, split: &Split) -> f64 {
        match self {
            Rule::WittenBell => count / split.divisor,
            Rule::Discounts(_) => (count - self.given(count)) / split.divisor,
        }
    }

    /// What a class with this count gives to the shorter context.
    fn given(&self, count: f64) -> f64 {
        match self {
            Rule::WittenBell => 1.0,
            Rule::Discounts([one, two, three]) => {
                let between = |low: f64, high: f64, share: f64| low + share * (high - low);
                match count {
                    count if count >= 3.0 => *three,
                    count if count >= 2.0 => between(*two, *three, count - 2.0),
                    count if count >= 1.0 => between(*one, *two, count - 1.0),
                    count => between(0.0, *one, count),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(n: [u64; 4]) -> CountsOfCounts {
        let mut counts = CountsOfCounts::default();
        for (count, n) in (1..).zip(n) {
            (0..n).for_each(|_| counts.change(0.0, f64::from(count)));
        }
        counts
    }

    /// Chen and Goodman's formulas by hand: Y = 100 / (100 + 2·40) = 5/9.
    #[test]
    fn discounts_are_those_of_the_formula() {
        let found = counted([100, 40, 20, 12]).discounts();
        let expected = [5.0 / 9.0, 2.0 - 3.0 * 5.0 / 9.0 * 0.5, 3.0 - 4.0 * 5.0 / 9.0 * 0.6];
        assert!(
            found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-15),
            "{found:?}"
        );
    }

    #[test]
    fn counts_that_tell_nothing_fall_back() {
        for n in [[0, 3, 3, 3], [9, 0, 1, 1], [9, 5, 0, 1], [9, 5, 1, 0], [9, 3, 1, 9]] {
            assert_eq!(counted(n).discounts(), [0.5, 1.0, 1.5], "{n:?}");
        }
    }

    #[test]
    fn a_count_that_grows_leaves_its_old_place() {
        let mut counts = counted([2, 0, 1, 0]);
        counts.change(1.0, 2.0);
        counts.change(0.0, 0.4);
        counts.change(4.0 - 1.0, 5.0 - 2.0);
        assert_eq!(counts.0, [1, 1, 1, 0]);
    }

    #[test]
    fn what_is_given_lies_between_the_whole_counts_and_never_above_the_count() {
        let rule = Rule::Discounts([0.6, 1.1, 1.4]);
        let found = [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 70.0].map(|count| rule.given(count));
        let expected = [0.3, 0.6, 0.85, 1.1, 1.25, 1.4, 1.4];
        assert!(
            found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-15),
            "{found:?}"
        );
        let split = rule.split([3.0, 0.0, 1.0].into_iter());
        let sum = split.back_off + rule.weight(3.0, &split) + rule.weight(1.0, &split);
        assert!((split.back_off - 0.5).abs() < 1e-15 && (sum - 1.0).abs() < 1e-15);
    }
}
