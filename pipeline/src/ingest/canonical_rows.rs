//! Canonical rows under construction: an event's texts and numbers, appended to Arrow columns.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, FixedSizeBinaryBuilder, Float64Builder, Int64Builder, RecordBatch, StringBuilder,
    TimestampMicrosecondBuilder, UInt32Builder,
};
use arrow::datatypes::SchemaRef;
use percorso_journey::spec::AttributeKind;
use percorso_journey::{AttributeValue, CustomerKey, RawEvent, Spec};

use crate::canonical::time_type;

/// One event's texts and numbers, checked, still under their outside names.
pub(super) struct Row<'a> {
    pub(super) raw: RawEvent<'a>,
    pub(super) event_id: Option<&'a str>,
    pub(super) journey_id: Option<&'a str>,
    pub(super) account_id: Option<&'a str>,
    pub(super) owner: Option<&'a str>,
    pub(super) feedback_text: Option<&'a str>,
    pub(super) propensity: Option<f64>,
}

/// Whose event it is and where it was read.
pub(super) struct Whose<'a> {
    pub(super) customer_id: &'a str,
    pub(super) customer_key: CustomerKey,
    pub(super) source_file: u32,
    pub(super) source_row: i64,
}

/// Canonical columns under construction, in the order of [`crate::canonical::fields`].
pub(super) struct Builders {
    customer_key: FixedSizeBinaryBuilder,
    at: TimestampMicrosecondBuilder,
    sequence: Int64Builder,
    known_at: TimestampMicrosecondBuilder,
    texts: [StringBuilder; 11],
    numbers: [Float64Builder; 3],
    attributes: Vec<AttributeBuilder>,
    source_file: UInt32Builder,
    source_row: Int64Builder,
}

enum AttributeBuilder {
    Number(Float64Builder),
    Category(StringBuilder),
    Timestamp(TimestampMicrosecondBuilder),
    Flag(BooleanBuilder),
}

impl Builders {
    pub(super) fn new(spec: &Spec, n_rows: usize) -> Self {
        let times = || TimestampMicrosecondBuilder::with_capacity(n_rows).with_data_type(time_type());
        let attribute = |kind| match kind {
            AttributeKind::Number => AttributeBuilder::Number(Float64Builder::new()),
            AttributeKind::Category => AttributeBuilder::Category(StringBuilder::new()),
            AttributeKind::Timestamp => AttributeBuilder::Timestamp(times()),
            AttributeKind::Flag => AttributeBuilder::Flag(BooleanBuilder::new()),
        };
        Self {
            customer_key: FixedSizeBinaryBuilder::with_capacity(n_rows, 16),
            at: times(),
            sequence: Int64Builder::with_capacity(n_rows),
            known_at: times(),
            texts: std::array::from_fn(|_| StringBuilder::new()),
            numbers: std::array::from_fn(|_| Float64Builder::new()),
            attributes: spec
                .attributes()
                .iter()
                .map(|declared| attribute(declared.kind))
                .collect(),
            source_file: UInt32Builder::with_capacity(n_rows),
            source_row: Int64Builder::with_capacity(n_rows),
        }
    }

    pub(super) fn append(&mut self, whose: &Whose<'_>, row: &Row<'_>) {
        let raw = &row.raw;
        self.customer_key
            .append_value(whose.customer_key.bytes())
            .expect("a key has 16 bytes");
        self.at.append_value(raw.at);
        self.sequence.append_value(raw.sequence);
        self.known_at.append_option(raw.known_at);
        let texts = [
            row.event_id,
            row.journey_id,
            row.account_id,
            row.owner,
            Some(raw.touchpoint),
            raw.channel,
            raw.stage,
            row.feedback_text,
            raw.action_id,
            raw.decision_id,
            Some(whose.customer_id),
        ];
        for (builder, text) in self.texts.iter_mut().zip(texts) {
            builder.append_option(text);
        }
        for (builder, number) in self
            .numbers
            .iter_mut()
            .zip([raw.value, raw.feedback_score, row.propensity])
        {
            builder.append_option(number);
        }
        let mut given = raw.attributes.iter().peekable();
        for (at, builder) in (0..).zip(&mut self.attributes) {
            let value = given
                .next_if(|(attribute, _)| *attribute == at)
                .map(|(_, value)| *value);
            match (builder, value) {
                (AttributeBuilder::Number(builder), Some(AttributeValue::Number(number))) => {
                    builder.append_value(number)
                }
                (AttributeBuilder::Number(builder), _) => builder.append_null(),
                (AttributeBuilder::Category(builder), Some(AttributeValue::Text(text))) => builder.append_value(text),
                (AttributeBuilder::Category(builder), _) => builder.append_null(),
                (AttributeBuilder::Timestamp(builder), Some(AttributeValue::Timestamp(at))) => builder.append_value(at),
                (AttributeBuilder::Timestamp(builder), _) => builder.append_null(),
                (AttributeBuilder::Flag(builder), Some(AttributeValue::Flag(flag))) => builder.append_value(flag),
                (AttributeBuilder::Flag(builder), _) => builder.append_null(),
            }
        }
        self.source_file.append_value(whose.source_file);
        self.source_row.append_value(whose.source_row);
    }

    pub(super) fn finish(mut self, schema: &SchemaRef) -> std::result::Result<RecordBatch, arrow::error::ArrowError> {
        let [
            event_id,
            journey_id,
            account_id,
            owner,
            touchpoint,
            channel,
            stage,
            feedback_text,
            action_id,
            decision_id,
            customer_id,
        ] = self
            .texts
            .each_mut()
            .map(|builder| Arc::new(builder.finish()) as ArrayRef);
        let [value, feedback_score, propensity] = self
            .numbers
            .each_mut()
            .map(|builder| Arc::new(builder.finish()) as ArrayRef);
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(self.customer_key.finish()),
            Arc::new(self.at.finish()),
            Arc::new(self.sequence.finish()),
            event_id,
            Arc::new(self.known_at.finish()),
            journey_id,
            account_id,
            owner,
            touchpoint,
            channel,
            stage,
            value,
            feedback_score,
            feedback_text,
            action_id,
        ];
        columns.extend(self.attributes.iter_mut().map(|builder| match builder {
            AttributeBuilder::Number(builder) => Arc::new(builder.finish()) as ArrayRef,
            AttributeBuilder::Category(builder) => Arc::new(builder.finish()),
            AttributeBuilder::Timestamp(builder) => Arc::new(builder.finish()),
            AttributeBuilder::Flag(builder) => Arc::new(builder.finish()),
        }));
        columns.extend([
            decision_id,
            propensity,
            customer_id,
            Arc::new(self.source_file.finish()) as ArrayRef,
            Arc::new(self.source_row.finish()),
        ]);
        RecordBatch::try_new(Arc::clone(schema), columns)
    }
}
