//! The best split of a leaf, from its sums by bin.

use super::bins::{Binned, BinnedColumn, Meaning};
use super::histogram::Sums;
use crate::Trees;

/// With this many bins or fewer a category is split one against the rest.
const FEW_CATEGORIES: usize = 4;

/// How a leaf is split in two.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Split {
    /// The loss saved, by its second-order estimate.
    pub(super) gain: f64,
    /// The kept column.
    pub(super) kept: usize,
    pub(super) rule: Rule,
    pub(super) left: Sums,
    pub(super) right: Sums,
}

/// Which bins go left.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Rule {
    /// Bins up to this one, and missing cells or not.
    UpTo { bin: usize, missing_left: bool },
    /// These bins (the one for missing cells may be among them).
    Among { bins: Vec<u8> },
}

impl Split {
    /// For each bin of the column whether it goes left.
    pub(super) fn goes_left(&self, column: &BinnedColumn) -> [bool; 256] {
        let mut left = [false; 256];
        match &self.rule {
            Rule::UpTo { bin, missing_left } => {
                left[..=*bin].fill(true);
                left[column.n_present] = *missing_left;
            }
            Rule::Among { bins } => bins.iter().for_each(|bin| left[usize::from(*bin)] = true),
        }
        left
    }
}

/// What turns sums of steps into gains and values.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    pub(super) gradient: f64,
    pub(super) hessian: f64,
}

/// Bounds of a leaf's value, from monotone columns above it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) low: f64,
    pub(super) high: f64,
}

impl Bounds {
    pub(super) const NONE: Bounds = Bounds {
        low: f64::NEG_INFINITY,
        high: f64::INFINITY,
    };
}

/// The leaf that is to be split.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parent {
    pub(super) total: Sums,
    /// The weight of its rows.
    pub(super) weight: f64,
    pub(super) bounds: Bounds,
    /// What is added to the hessian of its value: that under which it was split off, so that it gets the value that the
    /// gain was reckoned with.
    pub(super) l2: f64,
}

/// Searches splits under the settings of a fit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Search<'a> {
    pub(super) settings: &'a Trees,
    pub(super) binned: &'a Binned,
    /// For each kept column: 1 if the value may only rise with it, −1 if only fall, else 0.
    pub(super) direction: &'a [i8],
    pub(super) scale: Scale,
}

impl Search<'_> {
    /// The best split over the columns, the lower column and bin among equals.
    pub(super) fn best(&self, parent: &Parent, sums: &[Sums], columns: &[usize]) -> Option<Split> {
        let mut best: Option<Split> = None;
        for kept in columns {
            let column = &self.binned.columns[*kept];
            let sums = &sums[column.first..column.first + column.n_bins()];
            let least = best.as_ref().map_or(self.settings.min_gain, |best| best.gain);
            let found = match column.meaning {
                Meaning::Number { .. } => self.number(parent, sums, *kept, least),
                Meaning::Category { .. } => self.category(parent, sums, *kept, least),
            };
            best = found.or(best);
        }
        best
    }

    /// The l2 of splits of a column and of the leaves below them: higher where categories are put in order, because the
    /// order already follows the gradients.
    pub(super) fn l2(&self, column: &BinnedColumn) -> f64 {
        match column.meaning {
            Meaning::Category { .. } if column.n_bins() > FEW_CATEGORIES => {
                self.settings.l2 + self.settings.category_l2
            }
            Meaning::Category { .. } | Meaning::Number { .. } => self.settings.l2,
        }
    }

    /// The value that lowers the loss most: a Newton step with the gradient shrunk by `l1`.
    pub(super) fn value(&self, sums: Sums, l2: f64, bounds: Bounds) -> f64 {
        let gradient = shrunk(sums.gradient as f64 * self.scale.gradient, self.settings.l1);
        let curvature = sums.hessian as f64 * self.scale.hessian + l2;
        let value = if curvature > 0.0 { -gradient / curvature } else { 0.0 };
        value.clamp(bounds.low, bounds.high)
    }

    fn number(&self, parent: &Parent, sums: &[Sums], kept: usize, least: f64) -> Option<Split> {
        let (missing, present) = sums.split_last().expect("a column has a bin for missing cells");
        let mut best = None;
        let mut sides = Sides::of(self, parent, least, self.settings.l2, self.direction[kept]);
        let ways: &[bool] = if missing.is_empty() { &[false] } else { &[false, true] };
        for missing_left in ways {
            let mut left = if *missing_left { *missing } else { Sums::default() };
            // With missing cells on the right, all present ones may stand on the left.
            let last = present.len() - usize::from(missing.is_empty() || *missing_left);
            for (bin, more) in present[..last].iter().enumerate() {
                if more.is_empty() {
                    continue;
                }
                left = left.plus(*more);
                if let Some(gain) = sides.better(left) {
                    best = Some((gain, bin, *missing_left, left));
                }
            }
        }
        best.map(|(gain, bin, missing_left, left)| {
            let right = parent.total.minus(left);
            let missing_left = match missing.is_empty() {
                // Nothing missing was seen here: with the larger side.
                true => left.hessian >= right.hessian,
                false => missing_left,
            };
            Split {
                gain,
                kept,
                rule: Rule::UpTo { bin, missing_left },
                left,
                right,
            }
        })
    }

    /// Categories in the order of their mean gradient, first from the one end, then from the other (Fisher 1958, "On
    /// grouping for maximum homogeneity"; smoothed as in LightGBM).
    fn category(&self, parent: &Parent, sums: &[Sums], kept: usize, least: f64) -> Option<Split> {
        let settings = self.settings;
        let rows_per_step = parent.weight / (parent.total.hessian as f64).max(1.0);
        let is_frequent = |sums: &Sums| sums.hessian as f64 * rows_per_step >= settings.min_rows_in_category;
        let mut bins: Vec<u8> = (0..sums.len())
            .filter(|bin| is_frequent(&sums[*bin]))
            .map(|bin| bin as u8)
            .collect();
        let mut best: Option<(f64, Vec<u8>, Sums)> = None;
        if sums.len() <= FEW_CATEGORIES {
            let mut sides = Sides::of(self, parent, least, settings.l2, 0);
            for bin in bins {
                let left = sums[usize::from(bin)];
                if let Some(gain) = sides.better(left) {
                    best = Some((gain, vec![bin], left));
                }
            }
        } else {
            let mean = |bin: &u8| {
                let sums = sums[usize::from(*bin)];
                let hessian = sums.hessian as f64 * self.scale.hessian + settings.category_smoothing;
                sums.gradient as f64 * self.scale.gradient / hessian
            };
            bins.sort_by(|a, b| mean(a).total_cmp(&mean(b)).then(a.cmp(b)));
            let mut sides = Sides::of(self, parent, least, self.l2(&self.binned.columns[kept]), 0);
            let most = bins.len().div_ceil(2).min(settings.max_left_categories);
            for is_backward in [false, true] {
                let mut left = Sums::default();
                for taken in 0..most {
                    let position = if is_backward { bins.len() - 1 - taken } else { taken };
                    left = left.plus(sums[usize::from(bins[position])]);
                    if let Some(gain) = sides.better(left) {
                        let bins = match is_backward {
                            true => &bins[position..],
                            false => &bins[..=position],
                        };
                        best = Some((gain, bins.to_vec(), left));
                    }
                }
            }
        }
        best.map(|(gain, mut bins, left)| {
            bins.sort_unstable();
            Split {
                gain,
                kept,
                rule: Rule::Among { bins },
                left,
                right: parent.total.minus(left),
            }
        })
    }
}

/// The gains of splits of one leaf; remembers the best.
struct Sides<'a, 'b> {
    search: &'a Search<'b>,
    parent: &'a Parent,
    least: f64,
    l2: f64,
    direction: i8,
    /// What the leaf gains unsplit.
    whole: f64,
    min_hessian: f64,
}

impl<'a, 'b> Sides<'a, 'b> {
    fn of(search: &'a Search<'b>, parent: &'a Parent, least: f64, l2: f64, direction: i8) -> Sides<'a, 'b> {
        let settings = search.settings;
        let mut sides = Sides {
            search,
            parent,
            least,
            l2,
            direction,
            whole: 0.0,
            min_hessian: 0.0,
        };
        let whole_hessian = parent.total.hessian as f64 * search.scale.hessian;
        // Rows are counted by their share of the hessian, so that no third sum is kept.
        let hessian_per_row = whole_hessian / parent.weight;
        sides.min_hessian = settings
            .min_child_hessian
            .max((settings.min_rows_in_leaf - 0.5) * hessian_per_row);
        sides.whole = sides.gain(parent.total);
        sides
    }

    /// The gain of a split with these sums on the left, if it is allowed and better than any before.
    fn better(&mut self, left: Sums) -> Option<f64> {
        let right = self.parent.total.minus(left);
        let scale = self.search.scale.hessian;
        if (left.hessian.min(right.hessian) as f64) * scale < self.min_hessian {
            return None;
        }
        let gain = self.gain(left) + self.gain(right) - self.whole;
        if gain > self.least && self.is_monotone(left, right) {
            self.least = gain;
            return Some(gain);
        }
        None
    }

    fn gain(&self, sums: Sums) -> f64 {
        let scale = self.search.scale;
        let gradient = sums.gradient as f64 * scale.gradient;
        let curvature = sums.hessian as f64 * scale.hessian + self.l2;
        let bounds = self.parent.bounds;
        if bounds.low == f64::NEG_INFINITY && bounds.high == f64::INFINITY {
            let gradient = shrunk(gradient, self.search.settings.l1);
            return gradient * gradient / curvature.max(f64::MIN_POSITIVE);
        }
        let value = self.search.value(sums, self.l2, bounds);
        -(2.0 * shrunk(gradient, self.search.settings.l1) * value + curvature * value * value)
    }

    fn is_monotone(&self, left: Sums, right: Sums) -> bool {
        if self.direction == 0 {
            return true;
        }
        let value = |sums| self.search.value(sums, self.l2, self.parent.bounds);
        f64::from(self.direction) * (value(right) - value(left)) >= 0.0
    }
}

/// The gradient moved towards 0 by `l1`.
fn shrunk(gradient: f64, l1: f64) -> f64 {
    if l1 == 0.0 {
        return gradient;
    }
    (gradient.abs() - l1).max(0.0).copysign(gradient)
}
