//! Categorical values as numbers a state can hold.

/// A categorical value: 48 bits of FNV-1a of its text, so that it fits a feature cell exactly.
///
/// Two of 10,000 different values meet with probability 2e-7.
/// The text itself stays outside states; a model's vocabulary carries the labels it needs.
/// Source: Fowler, Noll, Vo, "The FNV Non-Cryptographic Hash Algorithm", draft-eastlake-fnv.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CategoryId(u64);

impl CategoryId {
    /// The id of this text, trimmed of white space at both ends.
    pub fn of(text: &str) -> Self {
        let hash = text.trim().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self((hash >> 48) ^ (hash & 0xffff_ffff_ffff))
    }

    /// The id of a position in a list the spec declares (stages, channels, touchpoints).
    pub const fn of_index(index: u16) -> Self {
        Self(index as u64)
    }

    /// The number, below 2^48.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The id as a feature cell; exact.
    pub const fn cell(self) -> f64 {
        self.0 as f64
    }

    /// The id in a feature cell; `None` when the cell is missing or holds no id.
    pub fn from_cell(cell: f64) -> Option<Self> {
        let holds_an_id = (0.0..(1_u64 << 48) as f64).contains(&cell) && cell == libm::trunc(cell);
        holds_an_id.then_some(Self(cell as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_cell() {
        for text in ["", "Lombardia", " Lombardia ", "日本"] {
            let id = CategoryId::of(text);
            assert_eq!(CategoryId::from_cell(id.cell()), Some(id));
        }
        assert_eq!(CategoryId::of("a"), CategoryId::of(" a "));
        assert_ne!(CategoryId::of("a"), CategoryId::of("b"));
    }

    #[test]
    fn a_missing_cell_holds_no_id() {
        assert_eq!(CategoryId::from_cell(f64::NAN), None);
        assert_eq!(CategoryId::from_cell(-1.0), None);
        assert_eq!(CategoryId::from_cell(0.5), None);
    }
}
