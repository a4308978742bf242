//! A row's cells as the tests of trees read them: whole numbers, of which one is above a threshold or not.
//!
//! A number becomes a whole number that compares as it does; missing, it is below or above all others, and where trees
//! send missing cells both ways, it is there twice.
//! A category becomes a bit for each set of codes that the trees ask for, which says whether the row goes right.
//! So missing cells and sets cost a walk nothing.

use std::collections::BTreeMap;

use crate::training_set::code;
use crate::trees::nodes::{Nodes, Rule};

/// The test of an inner node.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Test {
    /// Which prepared cell it reads.
    cell: u32,
    /// The bits of the cell that it reads: all of a number, one of a set.
    mask: u32,
    /// The row goes right when what it reads is above.
    threshold: u32,
}

impl Test {
    /// The test that sends no row right; it reads the first cell, which there is wherever a walk takes a step.
    pub(super) const NEVER: Test = Test {
        cell: 0,
        mask: 0,
        threshold: u32::MAX,
    };

    /// Whether the row goes right whose prepared cells begin here.
    #[inline(always)]
    pub(super) fn goes_right(&self, cells: &[u32], begin: usize) -> bool {
        cells[begin + self.cell as usize] & self.mask > self.threshold
    }
}

/// How a row is prepared: numbers first, then the words of each category.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cells {
    numbers: Vec<Number>,
    categories: Vec<Category>,
    n_cells: usize,
}

/// A number column and where its missing cells go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Number {
    column: usize,
    missing_left: bool,
}

/// A set of codes that goes left, as words of 32 bits, and where missing cells go.
type Set<'a> = (&'a [u32], bool);

/// The sets that trees ask for in a category column.
#[derive(Debug, Clone, PartialEq)]
struct Category {
    column: usize,
    /// The words of a prepared cell, a bit for each set.
    n_words: usize,
    /// Such words for each code, then for any code above, then for a missing cell.
    goes_right: Vec<u32>,
}

impl Cells {
    /// The number of prepared cells of a row, at least one.
    pub(super) fn n_cells(&self) -> usize {
        self.n_cells
    }

    pub(super) fn prepare(&self, row: &[f32], cells: &mut [u32]) {
        let (numbers, mut words) = cells.split_at_mut(self.numbers.len());
        for (cell, number) in numbers.iter_mut().zip(&self.numbers) {
            let value = row[number.column];
            *cell = if value.is_nan() {
                number.missing()
            } else {
                ordered(value)
            };
        }
        for category in &self.categories {
            let (own, behind) = words.split_at_mut(category.n_words);
            own.copy_from_slice(category.words_of(row[category.column]));
            words = behind;
        }
    }
}

impl Number {
    /// What stands for a missing cell: less or more than any other.
    fn missing(self) -> u32 {
        if self.missing_left { 0 } else { u32::MAX }
    }
}

impl Category {
    fn of(column: usize, bits: &BTreeMap<Set<'_>, u32>) -> Category {
        let n_words = n_words(bits);
        let n_codes = bits.keys().map(|(set, _)| 32 * set.len()).max().unwrap_or(0);
        let mut goes_right = vec![0; (n_codes + 2) * n_words];
        for ((set, missing_left), bit) in bits {
            let is_left = |code: usize| set.get(code / 32).is_some_and(|word| word >> (code % 32) & 1 == 1);
            let mut put = |kind: usize| goes_right[kind * n_words + *bit as usize / 32] |= 1 << (bit % 32);
            (0..=n_codes).filter(|code| !is_left(*code)).for_each(&mut put);
            if !missing_left {
                put(n_codes + 1);
            }
        }
        Category {
            column,
            n_words,
            goes_right,
        }
    }

    fn words_of(&self, cell: f32) -> &[u32] {
        let missing = self.goes_right.len() / self.n_words - 1;
        let kind = code(cell).map_or(missing, |code| (code as usize).min(missing - 1));
        &self.goes_right[kind * self.n_words..(kind + 1) * self.n_words]
    }
}

/// Every different thing that trees ask of a row, and which prepared cell or bit answers it.
pub(super) struct Tests<'a> {
    numbers: BTreeMap<Number, u32>,
    /// The bits of a column's sets, and the first of its cells.
    categories: BTreeMap<usize, (BTreeMap<Set<'a>, u32>, u32)>,
    n_cells: usize,
}

impl<'a> Tests<'a> {
    pub(super) fn of(nodes: &'a Nodes) -> Tests<'a> {
        let mut tests = Tests {
            numbers: BTreeMap::new(),
            categories: BTreeMap::new(),
            n_cells: 0,
        };
        for node in (0..nodes.n_nodes()).filter(|node| !nodes.is_leaf(*node)) {
            let column = nodes.column(node);
            match nodes.rule(node) {
                Rule::UpTo { missing_left, .. } => {
                    tests.numbers.insert(Number { column, missing_left }, 0);
                }
                Rule::Among { place, missing_left } => {
                    let (bits, _) = tests.categories.entry(column).or_default();
                    let next = bits.len() as u32;
                    bits.entry((nodes.set(place), missing_left)).or_insert(next);
                }
            }
        }
        for cell in tests.numbers.values_mut() {
            *cell = tests.n_cells as u32;
            tests.n_cells += 1;
        }
        for (bits, first) in tests.categories.values_mut() {
            *first = tests.n_cells as u32;
            tests.n_cells += n_words(bits);
        }
        tests
    }

    pub(super) fn cells(&self) -> Cells {
        let categories = self.categories.iter();
        Cells {
            numbers: self.numbers.keys().copied().collect(),
            categories: categories
                .map(|(column, (bits, _))| Category::of(*column, bits))
                .collect(),
            n_cells: self.n_cells.max(1),
        }
    }

    /// The test of an inner node.
    pub(super) fn of_node(&self, nodes: &Nodes, node: usize) -> Test {
        let column = nodes.column(node);
        match nodes.rule(node) {
            Rule::UpTo {
                threshold,
                missing_left,
            } => Test {
                cell: self.numbers[&Number { column, missing_left }],
                mask: u32::MAX,
                threshold: ordered(threshold),
            },
            Rule::Among { place, missing_left } => {
                let (bits, first) = &self.categories[&column];
                let bit = bits[&(nodes.set(place), missing_left)];
                Test {
                    cell: first + bit / 32,
                    mask: 1 << (bit % 32),
                    threshold: 0,
                }
            }
        }
    }
}

fn n_words(bits: &BTreeMap<Set<'_>, u32>) -> usize {
    bits.len().div_ceil(32)
}

/// A whole number that compares as the value does, neither 0 nor the largest; −0 is as 0.
#[inline(always)]
fn ordered(value: f32) -> u32 {
    let bits = (value + 0.0).to_bits();
    let is_negative = bits >> 31 == 1;
    if is_negative { !bits } else { bits | 1 << 31 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_beyond_a_set_go_right_and_missing_cells_as_the_set_says() {
        // Code 31 is the last of a word.
        let set: &[u32] = &[1 << 31 | 1];
        let bits = BTreeMap::from([((set, true), 0), ((set, false), 1)]);
        let category = Category::of(0, &bits);
        for (cell, words) in [
            (0.0, 0b00),
            (1.0, 0b11),
            (31.0, 0b00),
            (32.0, 0b11),
            (5e9, 0b11),
            (f32::NAN, 0b10),
        ] {
            assert_eq!(category.words_of(cell), [words], "{cell}");
        }
    }

    #[test]
    fn ordered_numbers_compare_as_the_values_do() {
        let rising = [
            f32::NEG_INFINITY,
            f32::MIN,
            -1.5,
            -1e-40,
            0.0,
            1e-40,
            f32::MIN_POSITIVE,
            2.0,
            f32::MAX,
            f32::INFINITY,
        ];
        assert!(rising.windows(2).all(|pair| ordered(pair[0]) < ordered(pair[1])));
        assert_eq!(ordered(-0.0), ordered(0.0));
        assert!(ordered(f32::NEG_INFINITY) > 0 && ordered(f32::INFINITY) < u32::MAX);
    }
}
