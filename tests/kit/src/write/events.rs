//! Events as columns.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanBuilder, Float64Builder, StringBuilder, TimestampMicrosecondBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::utc_micros;
use crate::journey::SimulatedJourney;

/// The columns of the event contract.
pub(super) fn schema() -> SchemaRef {
    let needed = |name, kind| Field::new(name, kind, false);
    let optional = |name, kind| Field::new(name, kind, true);
    Arc::new(Schema::new(vec![
        needed("customer_id", DataType::Utf8),
        needed("at", utc_micros()),
        needed("event_id", DataType::Utf8),
        needed("touchpoint", DataType::Utf8),
        optional("channel", DataType::Utf8),
        optional("audience", DataType::Utf8),
        optional("product", DataType::Utf8),
        optional("owner", DataType::Utf8),
        optional("value", DataType::Float64),
        optional("feedback_score", DataType::Float64),
        optional("feedback_text", DataType::Utf8),
        optional("action_id", DataType::Utf8),
        optional("decision_id", DataType::Utf8),
        optional("propensity", DataType::Float64),
        optional("age", DataType::Float64),
        optional("region", DataType::Utf8),
        optional("contract_ends_at", utc_micros()),
        optional("price_sensitivity", DataType::Float64),
        optional("loyalty", DataType::Boolean),
    ]))
}

/// The columns of a batch, filled event by event.
#[derive(Default)]
pub(super) struct Columns {
    customer_id: StringBuilder,
    at: TimestampMicrosecondBuilder,
    event_id: StringBuilder,
    touchpoint: StringBuilder,
    channel: StringBuilder,
    audience: StringBuilder,
    product: StringBuilder,
    owner: StringBuilder,
    value: Float64Builder,
    feedback_score: Float64Builder,
    feedback_text: StringBuilder,
    action_id: StringBuilder,
    decision_id: StringBuilder,
    propensity: Float64Builder,
    age: Float64Builder,
    region: StringBuilder,
    contract_ends_at: TimestampMicrosecondBuilder,
    price_sensitivity: Float64Builder,
    loyalty: BooleanBuilder,
}

impl Columns {
    /// Adds a customer's events.
    pub(super) fn append(&mut self, journey: &SimulatedJourney) {
        for event in &journey.events {
            self.customer_id.append_value(&journey.customer_id);
            self.at.append_value(event.at);
            self.event_id.append_value(&event.event_id);
            self.touchpoint.append_value(event.touchpoint);
            self.channel.append_option(event.channel);
            self.audience.append_value(event.audience);
            self.product.append_option(event.product);
            self.owner.append_value(&event.owner);
            self.value.append_option(event.value);
            self.feedback_score.append_option(event.feedback_score);
            self.feedback_text.append_option(event.feedback_text);
            self.action_id.append_option(event.action_id);
            self.decision_id.append_option(event.decision_id.as_deref());
            self.propensity.append_option(event.propensity);
            self.age.append_option(event.attributes.age);
            self.region.append_option(event.attributes.region);
            self.contract_ends_at.append_option(event.attributes.contract_ends_at);
            self.price_sensitivity.append_option(event.attributes.price_sensitivity);
            self.loyalty.append_option(event.attributes.loyalty);
        }
    }

    /// The arrays in the order of [`schema`].
    pub(super) fn finish(mut self) -> Vec<ArrayRef> {
        vec![
            Arc::new(self.customer_id.finish()),
            Arc::new(self.at.finish().with_timezone("UTC")),
            Arc::new(self.event_id.finish()),
            Arc::new(self.touchpoint.finish()),
            Arc::new(self.channel.finish()),
            Arc::new(self.audience.finish()),
            Arc::new(self.product.finish()),
            Arc::new(self.owner.finish()),
            Arc::new(self.value.finish()),
            Arc::new(self.feedback_score.finish()),
            Arc::new(self.feedback_text.finish()),
            Arc::new(self.action_id.finish()),
            Arc::new(self.decision_id.finish()),
            Arc::new(self.propensity.finish()),
            Arc::new(self.age.finish()),
            Arc::new(self.region.finish()),
            Arc::new(self.contract_ends_at.finish().with_timezone("UTC")),
            Arc::new(self.price_sensitivity.finish()),
            Arc::new(self.loyalty.finish()),
        ]
    }
}
