//! Sums of gradients and hessians by bin, in whole numbers: any order of adding gives the same sums.
//!
//! A row's gradient and hessian are rounded to multiples of 2⁻¹⁸ of their largest possible value and packed in one
//! 64-bit word, the gradient in the upper half, so that one addition adds both; before a half could overflow, the
//! packed sums are flushed into wide ones.
//! Sums of whole numbers do not depend on threads, and subtraction of a child from its parent is exact.

use rayon::prelude::*;

use super::bins::{Binned, GROUP};

/// A row's weighted gradient and hessian, each in steps of its scale.
pub(super) type Packed = u64;

/// The steps from 0 to the largest value of one row of weight 1.
pub(super) const STEPS: f64 = (1u32 << 18) as f64;

/// Rows of weight 1 whose packed sum cannot overflow its halves: 8,000 × 2¹⁸ < 2³¹.
const BLOCK: usize = 8_000;

/// Fewer rows than this are added to the wide sums at once: clearing and flushing would cost more.
const FEW_ROWS: usize = 768;

/// Leaves of fewer rows a thread are not shared: adding the threads' sums up would cost more than it saves.
const ROWS_PER_THREAD: usize = 2_048;

/// Bins of one column in the packed sums of a group.
const STRIDE: usize = 256;

/// The gradients and hessians of a bin or leaf, in steps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) gradient: i64,
    pub(super) hessian: i64,
}

impl Sums {
    pub(super) fn plus(self, other: Sums) -> Sums {
        Sums {
            gradient: self.gradient + other.gradient,
            hessian: self.hessian + other.hessian,
        }
    }

    pub(super) fn minus(self, other: Sums) -> Sums {
        Sums {
            gradient: self.gradient - other.gradient,
            hessian: self.hessian - other.hessian,
        }
    }

    pub(super) fn is_empty(self) -> bool {
        self.hessian == 0 && self.gradient == 0
    }
}

/// A gradient and a hessian, in steps, as one word.
pub(super) fn pack(gradient: i32, hessian: u32) -> Packed {
    ((i64::from(gradient) << 32) + i64::from(hessian)) as u64
}

/// The two halves again.
pub(super) fn unpack(packed: Packed) -> Sums {
    let hessian = i64::from(packed as u32);
    Sums {
        gradient: (packed as i64 - hessian) >> 32,
        hessian,
    }
}

/// The sums of a leaf's rows by bin of every column; `max_weight` is the largest weight of any row.
pub(super) fn add_rows(binned: &Binned, rows: &[u32], packed: &[Packed], max_weight: f32, sums: &mut [Sums]) {
    sums.fill(Sums::default());
    let n_parts = rayon::current_num_threads().min(rows.len() / ROWS_PER_THREAD).max(1);
    if n_parts == 1 {
        return add_part(binned, rows, packed, max_weight, sums);
    }
    let parts: Vec<Vec<Sums>> = rows
        .par_chunks(rows.len().div_ceil(n_parts))
        .map(|rows| {
            let mut sums = vec![Sums::default(); binned.n_sums];
            add_part(binned, rows, packed, max_weight, &mut sums);
            sums
        })
        .collect();
    for part in parts {
        for (sum, more) in sums.iter_mut().zip(part) {
            *sum = sum.plus(more);
        }
    }
}

fn add_part(binned: &Binned, rows: &[u32], packed: &[Packed], max_weight: f32, sums: &mut [Sums]) {
    // A row of weight w counts as w rows; weights up to 1 as one.
    let block = (BLOCK as f32 / max_weight.max(1.0)) as usize;
    let in_order: Vec<Packed> = rows.iter().map(|row| packed[*row as usize]).collect();
    let mut small = Box::new([0u64; STRIDE * GROUP]);
    for (group, bins) in binned.groups.iter().enumerate() {
        let columns = &binned.columns[group * GROUP..binned.columns.len().min((group + 1) * GROUP)];
        if rows.len() < FEW_ROWS || block < FEW_ROWS {
            for (row, packed) in rows.iter().zip(&in_order) {
                let (bins, more) = (&bins[*row as usize], unpack(*packed));
                for (column, bin) in columns.iter().zip(bins) {
                    let sum = &mut sums[column.first + usize::from(*bin)];
                    *sum = sum.plus(more);
                }
            }
            continue;
        }
        for (rows, in_order) in rows.chunks(block).zip(in_order.chunks(block)) {
            small.fill(0);
            match columns.len() {
                0..=4 => add_packed::<4>(bins, rows, in_order, &mut small),
                5..=8 => add_packed::<8>(bins, rows, in_order, &mut small),
                _ => add_packed::<GROUP>(bins, rows, in_order, &mut small),
            }
            for (column, small) in columns.iter().zip(small.chunks(STRIDE)) {
                let sums = &mut sums[column.first..column.first + column.n_bins()];
                for (sum, packed) in sums.iter_mut().zip(small) {
                    *sum = sum.plus(unpack(*packed));
                }
            }
        }
    }
}

/// The packed sums of the first `N` columns of a group; a number known beforehand makes the loop straight.
fn add_packed<const N: usize>(
    bins: &[[u8; GROUP]],
    rows: &[u32],
    in_order: &[Packed],
    small: &mut [Packed; STRIDE * GROUP],
) {
    for (row, packed) in rows.iter().zip(in_order) {
        let bins = &bins[*row as usize];
        for column in 0..N {
            let sum = &mut small[column * STRIDE + usize::from(bins[column])];
            *sum = sum.wrapping_add(*packed);
        }
    }
}

/// Takes a child's sums from its parent's, which leaves the other child's.
pub(super) fn subtract(parent: &mut [Sums], child: &[Sums]) {
    for (sum, child) in parent.iter_mut().zip(child) {
        *sum = sum.minus(*child);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Column, Random};

    #[test]
    fn a_packed_sum_keeps_both_halves_apart() {
        let rows = [(-262_144, 5), (100, 0), (-1, 262_144), (262_144, 262_144)];
        let packed = rows.iter().fold(0u64, |sum, (g, h)| sum.wrapping_add(pack(*g, *h)));
        let expected = Sums {
            gradient: 99,
            hessian: 524_293,
        };
        assert_eq!(unpack(packed), expected);
        // A whole block of the largest values, either sign.
        for gradient in [-262_144, 262_144] {
            let packed = (0..BLOCK).fold(0u64, |sum, _| sum.wrapping_add(pack(gradient, 262_144)));
            let n_rows = BLOCK as i64;
            assert_eq!(unpack(packed).gradient, i64::from(gradient) * n_rows);
            assert_eq!(unpack(packed).hessian, 262_144 * n_rows);
        }
    }

    #[test]
    fn blocks_threads_and_few_rows_give_the_sums_of_adding_one_by_one() {
        let mut random = Random::new(4);
        let (n_rows, n_columns) = (40_000, 19);
        let cells: Vec<f32> = (0..n_rows * n_columns).map(|_| random.below(40) as f32).collect();
        let columns: Vec<Column> = (0..n_columns)
            .map(|column| Column::number(column.to_string()))
            .collect();
        let binned = Binned::of(&cells, &columns, None, 255);
        let packed: Vec<Packed> = (0..n_rows)
            .map(|_| pack(random.below(524_289) as i32 - 262_144, random.below(262_145) as u32))
            .collect();
        for rows in [
            (0..n_rows as u32).collect::<Vec<u32>>(),
            (0..500).map(|row| row * 7).collect(),
        ] {
            let mut expected = vec![Sums::default(); binned.n_sums];
            for row in &rows {
                for (kept, column) in binned.columns.iter().enumerate() {
                    let sum = &mut expected[column.first + usize::from(binned.bin(*row as usize, kept))];
                    *sum = sum.plus(unpack(packed[*row as usize]));
                }
            }
            for n_threads in [1, 3] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
                let mut sums = vec![Sums::default(); binned.n_sums];
                pool.install(|| add_rows(&binned, &rows, &packed, 1.0, &mut sums));
                assert_eq!(sums, expected);
            }
        }
    }
}
