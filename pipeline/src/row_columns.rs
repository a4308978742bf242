//! The columns that every table of feature rows begins with: whose, as of when, and the cells.

use std::sync::Arc;

use arrow::array::{ArrayRef, FixedSizeBinaryBuilder, Float32Builder, TimestampMicrosecondBuilder, UInt64Builder};
use arrow::datatypes::{DataType, Field};
use percorso_features::{Catalogue, FeatureRow, Kind};
use percorso_journey::{CategoryId, CustomerKey, Timestamp};

use crate::canonical;

/// A table has a batch of so many rows.
pub(crate) const BATCH_ROWS: usize = 4_096;

/// The fields: `customer_key`, `as_of`, then one a feature.
pub(crate) fn fields(catalogue: &Catalogue) -> Vec<Field> {
    let mut fields = vec![
        Field::new("customer_key", DataType::FixedSizeBinary(16), false),
        Field::new("as_of", canonical::time_type(), false),
    ];
    fields.extend(catalogue.features().map(|feature| {
        let data_type = match feature.kind {
            Kind::Number => DataType::Float32,
            Kind::Category => DataType::UInt64,
        };
        Field::new(&feature.name, data_type, true)
    }));
    fields
}

/// A builder of times as every table keeps them.
pub(crate) fn times() -> TimestampMicrosecondBuilder {
    TimestampMicrosecondBuilder::new().with_data_type(canonical::time_type())
}

/// Builders of the columns.
pub(crate) struct RowColumns {
    pub(crate) n_rows: usize,
    customer_key: FixedSizeBinaryBuilder,
    as_of: TimestampMicrosecondBuilder,
    cells: Vec<CellBuilder>,
}

enum CellBuilder {
    Number(Float32Builder),
    Category(UInt64Builder),
}

impl RowColumns {
    pub(crate) fn new(catalogue: &Catalogue) -> Self {
        let cell = |kind| match kind {
            Kind::Number => CellBuilder::Number(Float32Builder::new()),
            Kind::Category => CellBuilder::Category(UInt64Builder::new()),
        };
        Self {
            n_rows: 0,
            customer_key: FixedSizeBinaryBuilder::new(16),
            as_of: times(),
            cells: catalogue.features().map(|feature| cell(feature.kind)).collect(),
        }
    }

    pub(crate) fn append(&mut self, key: CustomerKey, as_of: Timestamp, row: &FeatureRow) {
        self.n_rows += 1;
        self.customer_key.append_value(key.bytes()).expect("a key has 16 bytes");
        self.as_of.append_value(as_of.micros());
        for (builder, &cell) in self.cells.iter_mut().zip(row.cells()) {
            match builder {
                CellBuilder::Number(builder) => builder.append_option((!cell.is_nan()).then_some(cell as f32)),
                CellBuilder::Category(builder) => {
                    builder.append_option(CategoryId::from_cell(cell).map(CategoryId::number));
                }
            }
        }
    }

    /// The columns of the rows so far; begins anew.
    pub(crate) fn finish(&mut self) -> Vec<ArrayRef> {
        self.n_rows = 0;
        let mut columns: Vec<ArrayRef> = vec![Arc::new(self.customer_key.finish()), Arc::new(self.as_of.finish())];
        columns.extend(self.cells.iter_mut().map(|builder| match builder {
            CellBuilder::Number(builder) => Arc::new(builder.finish()) as ArrayRef,
            CellBuilder::Category(builder) => Arc::new(builder.finish()),
        }));
        columns
    }
}
