//! The columns of canonical events: what ingest writes and every fold reads.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use percorso_journey::Spec;
use percorso_journey::spec::AttributeKind;

/// Columns before the attributes, in order.
pub(crate) const FIXED: usize = 15;

/// The type of every time.
pub(crate) fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC")))
}

/// The fields of canonical events of a business: the contract's, then its attributes.
pub(crate) fn fields(spec: &Spec) -> Vec<Field> {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let number = |name: &str| Field::new(name, DataType::Float64, true);
    let mut fields = vec![
        Field::new("customer_key", DataType::FixedSizeBinary(16), false),
        Field::new("at", time_type(), false),
        Field::new("sequence", DataType::Int64, false),
        text("event_id"),
        Field::new("known_at", time_type(), true),
        text("journey_id"),
        text("account_id"),
        text("owner"),
        Field::new("touchpoint", DataType::Utf8, false),
        text("channel"),
        text("stage"),
        number("value"),
        number("feedback_score"),
        text("feedback_text"),
        text("action_id"),
    ];
    for attribute in spec.attributes() {
        let data_type = match attribute.kind {
            AttributeKind::Number => DataType::Float64,
            AttributeKind::Category => DataType::Utf8,
            AttributeKind::Timestamp => time_type(),
            AttributeKind::Flag => DataType::Boolean,
        };
        fields.push(Field::new(&attribute.name, data_type, true));
    }
    fields.push(text("decision_id"));
    fields.push(number("propensity"));
    fields
}

/// The schema of canonical events.
pub(crate) fn schema(spec: &Spec) -> SchemaRef {
    Arc::new(Schema::new(fields(spec)))
}

/// The schema of canonical events on their way through the sort: also whose they are and where they came from.
pub(crate) fn sort_schema(spec: &Spec) -> SchemaRef {
    let mut fields = fields(spec);
    fields.push(Field::new("customer_id", DataType::Utf8, false));
    fields.push(Field::new("source_file", DataType::UInt32, false));
    fields.push(Field::new("source_row", DataType::Int64, false));
    Arc::new(Schema::new(fields))
}
