//! Decisions of the contact policy as columns, also those that sent nothing.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Builder, StringBuilder, TimestampMicrosecondBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::utc_micros;
use crate::journey::SimulatedJourney;

/// The columns of a log of decisions.
pub(super) fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("customer_id", DataType::Utf8, false),
        Field::new("at", utc_micros(), false),
        Field::new("decision_id", DataType::Utf8, false),
        Field::new("action_id", DataType::Utf8, true),
        Field::new("propensity", DataType::Float64, false),
    ]))
}

/// The columns of a batch, filled decision by decision.
#[derive(Default)]
pub(super) struct Columns {
    customer_id: StringBuilder,
    at: TimestampMicrosecondBuilder,
    decision_id: StringBuilder,
    action_id: StringBuilder,
    propensity: Float64Builder,
}

impl Columns {
    /// Adds the decisions about a customer.
    pub(super) fn append(&mut self, journey: &SimulatedJourney) {
        for decision in &journey.decisions {
            self.customer_id.append_value(&journey.customer_id);
            self.at.append_value(decision.at);
            self.decision_id.append_value(&decision.decision_id);
            self.action_id.append_option(decision.action_id);
            self.propensity.append_value(decision.propensity);
        }
    }

    /// The arrays in the order of [`schema`].
    pub(super) fn finish(mut self) -> Vec<ArrayRef> {
        vec![
            Arc::new(self.customer_id.finish()),
            Arc::new(self.at.finish().with_timezone("UTC")),
            Arc::new(self.decision_id.finish()),
            Arc::new(self.action_id.finish()),
            Arc::new(self.propensity.finish()),
        ]
    }
}
