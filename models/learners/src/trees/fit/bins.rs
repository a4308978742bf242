//! Cells as small codes: at most 255 bins a column, stored sixteen columns together.

use rayon::prelude::*;

use crate::training_set::code;
use crate::{Column, ColumnKind};

/// The columns that lie together: one row of a group is one load, and the group's sums fit the first-level cache.
pub(super) const GROUP: usize = 16;

/// Bounds of a column are found on at most this many rows, evenly spread.
const MAX_ROWS_FOR_BOUNDS: usize = 200_000;

/// A column that varies, with what its bins mean.
#[derive(Debug, Clone)]
pub(super) struct BinnedColumn {
    /// Its position in the matrix.
    pub(super) column: usize,
    /// The bins of present cells; the bin after them is for missing ones.
    pub(super) n_present: usize,
    pub(super) meaning: Meaning,
    /// Where its sums begin among those of all columns.
    pub(super) first: usize,
}

impl BinnedColumn {
    /// The bins, the one for missing cells included.
    pub(super) fn n_bins(&self) -> usize {
        self.n_present + 1
    }
}

/// What the bins of a column mean.
#[derive(Debug, Clone)]
pub(super) enum Meaning {
    /// Bin b holds cells up to `bounds[b]` and above the bound before; the last bin has no bound.
    Number { bounds: Vec<f32> },
    /// The bin of each code; codes too rare for a bin of their own share the one for missing cells.
    Category {
        bin_of_code: Vec<u8>,
        /// The codes with a bin of their own.
        n_own: usize,
    },
}

/// A matrix of bins; constant columns are left out.
#[derive(Debug)]
pub(super) struct Binned {
    pub(super) columns: Vec<BinnedColumn>,
    /// For each sixteen columns the bins of one row after another.
    pub(super) groups: Vec<Vec<[u8; GROUP]>>,
    /// The bins of all columns together.
    pub(super) n_sums: usize,
}

impl Binned {
    /// The bins of a row-major matrix.
    pub(super) fn of(cells: &[f32], columns: &[Column], weights: Option<&[f32]>, max_bins: usize) -> Binned {
        let n_columns = columns.len();
        let column_cells = |column: usize| -> Vec<f32> {
            let cells = cells.iter().skip(column).step_by(n_columns);
            cells.copied().collect()
        };
        let meanings: Vec<Option<Meaning>> = (0..n_columns)
            .into_par_iter()
            .map(|column| meaning(&column_cells(column), columns[column].kind, weights, max_bins))
            .collect();
        let mut kept = Vec::new();
        let mut n_sums = 0;
        for (column, meaning) in meanings.into_iter().enumerate() {
            let Some(meaning) = meaning else { continue };
            let n_present = match &meaning {
                Meaning::Number { bounds } => bounds.len() + 1,
                Meaning::Category { n_own, .. } => *n_own,
            };
            kept.push(BinnedColumn {
                column,
                n_present,
                meaning,
                first: n_sums,
            });
            n_sums += n_present + 1;
        }
        let groups = kept
            .par_chunks(GROUP)
            .map(|group| {
                let row_bins = |cells: &[f32]| {
                    let mut bins = [0; GROUP];
                    for (bin, column) in bins.iter_mut().zip(group) {
                        *bin = column.bin(cells[column.column]);
                    }
                    bins
                };
                cells.par_chunks(n_columns).with_min_len(1024).map(row_bins).collect()
            })
            .collect();
        Binned {
            columns: kept,
            groups,
            n_sums,
        }
    }

    /// The bin of a row in a kept column.
    #[cfg(test)]
    pub(super) fn bin(&self, row: usize, kept: usize) -> u8 {
        self.groups[kept / GROUP][row][kept % GROUP]
    }
}

impl BinnedColumn {
    fn bin(&self, cell: f32) -> u8 {
        let missing = self.n_present as u8;
        match &self.meaning {
            Meaning::Number { .. } if cell.is_nan() => missing,
            Meaning::Number { bounds } => bounds.partition_point(|bound| cell > *bound) as u8,
            Meaning::Category { bin_of_code, .. } => code(cell).map_or(missing, |code| bin_of_code[code as usize]),
        }
    }
}

/// What a column's bins mean; nothing for a constant one, which can never be split.
fn meaning(cells: &[f32], kind: ColumnKind, weights: Option<&[f32]>, max_bins: usize) -> Option<Meaning> {
    let step = cells.len().div_ceil(MAX_ROWS_FOR_BOUNDS);
    let weight = |row: usize| weights.map_or(1.0, |weights| f64::from(weights[row]));
    match kind {
        ColumnKind::Number => {
            let has_missing = cells.iter().any(|cell| cell.is_nan());
            let mut weighted: Vec<(f32, f64)> = (0..cells.len())
                .step_by(step)
                .filter(|row| !cells[*row].is_nan())
                .map(|row| (cells[row], weight(row)))
                .collect();
            weighted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
            let distinct = merged(weighted);
            let bounds = bounds(&distinct, max_bins - 1);
            (has_missing && !distinct.is_empty() || !bounds.is_empty()).then_some(Meaning::Number { bounds })
        }
        ColumnKind::Category { cardinality } => {
            let mut share = vec![0.0; cardinality as usize];
            let mut has_missing = false;
            for (row, cell) in cells.iter().enumerate() {
                match code(*cell) {
                    Some(code) => share[code as usize] += weight(row),
                    None => has_missing = true,
                }
            }
            let mut seen: Vec<usize> = (0..share.len()).filter(|code| share[*code] > 0.0).collect();
            if seen.len() + usize::from(has_missing) < 2 {
                return None;
            }
            // The most frequent first; equally frequent ones in the order of their codes.
            seen.sort_by(|a, b| share[*b].total_cmp(&share[*a]));
            seen.truncate(max_bins - 1);
            let n_own = seen.len();
            let mut bin_of_code = vec![n_own as u8; share.len()];
            for (bin, code) in seen.into_iter().enumerate() {
                bin_of_code[code] = bin as u8;
            }
            Some(Meaning::Category { bin_of_code, n_own })
        }
    }
}

/// Equal cells as one, with their weights together; cells of no weight are left out.
fn merged(sorted: Vec<(f32, f64)>) -> Vec<(f32, f64)> {
    let mut distinct: Vec<(f32, f64)> = Vec::new();
    for (cell, weight) in sorted.into_iter().filter(|(_, weight)| *weight > 0.0) {
        match distinct.last_mut() {
            // -0 and 0 compare equal at prediction.
            Some(last) if last.0 == cell => last.1 += weight,
            _ => distinct.push((cell, weight)),
        }
    }
    distinct
}

/// The upper bounds of all bins but the last: one bin a cell when there are few, else about equal weights.
///
/// A cell that weighs as much as a bin has one of its own, and the others share what is left.
fn bounds(distinct: &[(f32, f64)], max_bins: usize) -> Vec<f32> {
    let between = |position: usize| middle(distinct[position].0, distinct[position + 1].0);
    if distinct.len() <= max_bins {
        return (1..distinct.len()).map(|position| between(position - 1)).collect();
    }
    let mut left: f64 = distinct.iter().map(|(_, weight)| weight).sum();
    let mut bins_left = max_bins;
    let is_heavy: Vec<bool> = {
        let even = left / max_bins as f64;
        distinct.iter().map(|(_, weight)| *weight >= even).collect()
    };
    for (heavy, (_, weight)) in is_heavy.iter().zip(distinct) {
        if *heavy {
            left -= weight;
            bins_left -= 1;
        }
    }
    let mut bounds = Vec::with_capacity(max_bins - 1);
    let mut filled = 0.0;
    for position in 0..distinct.len() - 1 {
        if bounds.len() + 1 == max_bins {
            break;
        }
        let weight = distinct[position].1;
        let even = left / bins_left.max(1) as f64;
        filled += weight;
        let is_full = is_heavy[position] || filled >= even || is_heavy[position + 1] && filled >= 0.5 * even;
        if is_full {
            bounds.push(between(position));
            if !is_heavy[position] {
                left -= filled;
                bins_left = bins_left.saturating_sub(1);
            }
            filled = 0.0;
        }
    }
    bounds
}

/// A bound between two cells: not below the lower one, below the upper one.
fn middle(lower: f32, upper: f32) -> f32 {
    let middle = lower + (upper - lower) / 2.0;
    if middle.is_finite() && middle >= lower && middle < upper {
        middle
    } else {
        lower
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_cells_have_a_bin_each_with_bounds_between_them() {
        let distinct = [(1.0, 1.0), (2.0, 5.0), (4.0, 1.0)];
        assert_eq!(bounds(&distinct, 10), [1.5, 3.0]);
    }

    #[test]
    fn many_cells_share_bins_of_about_equal_weight_and_heavy_ones_stand_alone() {
        let mut distinct: Vec<(f32, f64)> = (0..1000).map(|cell| (cell as f32, 1.0)).collect();
        distinct[500].1 = 1000.0;
        let bounds = bounds(&distinct, 11);
        assert!(bounds.len() <= 10 && bounds.len() >= 8, "{bounds:?}");
        assert!(bounds.contains(&499.5) && bounds.contains(&500.5));
        let weight = |low: f32, high: f32| distinct.iter().filter(|(cell, _)| *cell > low && *cell <= high).count();
        for pair in bounds.windows(2) {
            assert!(weight(pair[0], pair[1]) <= 130, "{pair:?}");
        }
    }

    #[test]
    fn a_bound_is_never_below_the_lower_cell_nor_at_the_upper() {
        let next = f32::from_bits(1.0f32.to_bits() + 1);
        assert_eq!(middle(1.0, next), 1.0);
        assert_eq!(middle(f32::MIN, f32::MAX), f32::MIN);
        assert_eq!(middle(-3.0, 1.0), -1.0);
    }

    #[test]
    fn constant_and_all_missing_columns_are_left_out() {
        let columns = [
            Column::number("constant"),
            Column::number("missing"),
            Column::number("varies"),
        ];
        let cells = [1.0, f32::NAN, 5.0, 1.0, f32::NAN, 6.0];
        let binned = Binned::of(&cells, &columns, None, 255);
        assert_eq!(binned.columns.len(), 1);
        assert_eq!(
            (binned.columns[0].column, binned.bin(0, 0), binned.bin(1, 0)),
            (2, 0, 1)
        );
    }

    #[test]
    fn codes_beyond_the_bins_share_the_one_for_missing_cells() {
        let columns = [Column::category("code", 4)];
        let binned = Binned::of(&[0.0, 1.0, 1.0, 2.0, 2.0, 2.0, f32::NAN], &columns, None, 3);
        let bins: Vec<u8> = (0..7).map(|row| binned.bin(row, 0)).collect();
        assert_eq!(bins, [2, 1, 1, 0, 0, 0, 2]);
    }

    #[test]
    fn a_missing_category_has_its_own_bin_though_every_code_was_seen() {
        let columns = [Column::category("code", 2)];
        let binned = Binned::of(&[0.0, 1.0, 1.0, f32::NAN], &columns, None, 255);
        let bins: Vec<u8> = (0..4).map(|row| binned.bin(row, 0)).collect();
        assert_eq!((bins, binned.n_sums), (vec![1, 0, 0, 2], 3));
    }
}
