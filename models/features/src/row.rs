//! One row: the cells of every feature for one customer at one cut-off.

/// The cells in catalogue order; NaN is missing, a category is its id.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FeatureRow(Vec<f64>);

impl FeatureRow {
    /// The cell at a position of the catalogue.
    pub fn cell(&self, position: usize) -> f64 {
        self.0[position]
    }

    /// All cells.
    pub fn cells(&self) -> &[f64] {
        &self.0
    }

    pub(crate) fn refill(&mut self, cells: impl Iterator<Item = f64>) {
        self.0.clear();
        self.0.extend(cells);
    }
}
