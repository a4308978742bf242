//! The order in which events are folded.

use std::sync::Arc;

use arrow::compute::SortOptions;
use arrow::datatypes::Schema;
use datafusion::error::{DataFusionError, Result};
use datafusion::physical_expr::expressions::col;
use datafusion::physical_expr::{LexOrdering, PhysicalExpr, PhysicalSortExpr};

/// The columns that canonical events are sorted by, within their customer's bucket.
pub const EVENT_ORDER: [&str; 4] = ["customer_key", "at", "sequence", "event_id"];

/// The ordering by these columns, ascending, nulls first.
pub(crate) fn ordering(schema: &Schema, by: &[&str]) -> Result<LexOrdering> {
    let expressions = by
        .iter()
        .map(|name| sort_expression(schema, name))
        .collect::<Result<Vec<_>>>()?;
    LexOrdering::new(expressions).ok_or_else(|| DataFusionError::Plan("nothing to sort by".to_owned()))
}

/// The column that keeps a customer's events together.
pub(crate) fn customer(schema: &Schema) -> Result<Arc<dyn PhysicalExpr>> {
    col(EVENT_ORDER[0], schema)
}

fn sort_expression(schema: &Schema, name: &str) -> Result<PhysicalSortExpr> {
    let options = SortOptions {
        descending: false,
        nulls_first: true,
    };
    Ok(PhysicalSortExpr {
        expr: col(name, schema)?,
        options,
    })
}
