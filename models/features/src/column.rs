//! A feature together with what computes it, so that neither exists without the other.

use crate::Feature;
use crate::view::View;

/// One column of the catalogue.
pub(crate) struct Column {
    pub(crate) feature: Feature,
    pub(crate) cell: Cell,
}

/// What computes a feature's cell.
pub(crate) type Cell = Box<dyn Fn(&View<'_>) -> f64 + Send + Sync>;
