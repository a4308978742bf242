//! From canonical batches to whole customers: the adaptor between the engine's fold and ours.

use std::sync::Arc;

use arrow::array::{
    Array, AsArray, BooleanArray, FixedSizeBinaryArray, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::SchemaRef;
use percorso_engine::{BucketFold, CallerError};
use percorso_features::Labels;
use percorso_journey::spec::AttributeKind;
use percorso_journey::{AttributeValue, CustomerKey, JourneyState, LoggedEvent, RawEvent, Spec, Timestamp};

use crate::canonical::FIXED;
use crate::ids::key_at;

/// One customer's whole journey.
pub(crate) struct CustomerJourney {
    pub(crate) key: CustomerKey,
    pub(crate) events: Vec<LoggedEvent>,
    /// The last account manager named.
    pub(crate) owner: Option<String>,
}

impl CustomerJourney {
    /// True when some event became known only after it happened.
    pub(crate) fn is_backdated(&self) -> bool {
        self.events.iter().any(|logged| logged.event.known_at > logged.event.at)
    }

    /// Calls `at_cutoff` with the state before each cut-off, in the order given (rising).
    ///
    /// What was not known by a cut-off is not in its state: a backdated customer is folded once per cut-off.
    pub(crate) fn fold_to(
        &self,
        spec: &Arc<Spec>,
        cutoffs: &[Timestamp],
        mut at_cutoff: impl FnMut(Timestamp, &JourneyState),
    ) {
        let mut state = JourneyState::new(Arc::clone(spec));
        let observe = |state: &mut JourneyState, logged: &LoggedEvent| {
            state.observe(&logged.event).expect("canonical events are in order");
        };
        if self.is_backdated() {
            for &as_of in cutoffs {
                let mut state = JourneyState::new(Arc::clone(spec));
                let known = |logged: &&LoggedEvent| logged.event.at < as_of && logged.event.known_at <= as_of;
                self.events
                    .iter()
                    .filter(known)
                    .for_each(|logged| observe(&mut state, logged));
                at_cutoff(as_of, &state);
            }
            return;
        }
        let mut events = self.events.iter().peekable();
        for &as_of in cutoffs {
            while let Some(logged) = events.next_if(|logged| logged.event.at < as_of) {
                observe(&mut state, logged);
            }
            at_cutoff(as_of, &state);
        }
    }
}

/// What is done with each customer of a bucket.
pub(crate) trait CustomerFold: Send {
    /// Takes one customer; the labels are of all attribute values seen in the bucket so far.
    fn customer(&mut self, journey: &CustomerJourney, labels: &Labels) -> crate::Result<()>;

    /// Rows made since the last call, when there are enough of them or `is_over`.
    fn take(&mut self, labels: &Labels, is_over: bool) -> crate::Result<Option<RecordBatch>>;
}

/// A fold of customers as the engine runs it.
pub(crate) struct PerCustomer<S> {
    pub(crate) spec: Arc<Spec>,
    pub(crate) schema: SchemaRef,
    /// Makes the fold of one bucket.
    pub(crate) start: S,
}

impl<S: Fn() -> Box<dyn CustomerFold> + Send + Sync> percorso_engine::Fold for PerCustomer<S> {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn start(&self) -> Box<dyn BucketFold> {
        Box::new(Gatherer {
            spec: Arc::clone(&self.spec),
            fold: (self.start)(),
            open: None,
            labels: Labels::default(),
        })
    }
}

/// Gathers the rows of one customer, across batches, before they are folded.
struct Gatherer {
    spec: Arc<Spec>,
    fold: Box<dyn CustomerFold>,
    open: Option<CustomerJourney>,
    labels: Labels,
}

impl BucketFold for Gatherer {
    fn push(&mut self, events: &RecordBatch) -> Result<Option<RecordBatch>, CallerError> {
        let columns = EventColumns::of(&self.spec, events);
        for row in 0..events.num_rows() {
            let key = key_at(columns.customer_key, row);
            if self.open.as_ref().is_some_and(|open| open.key != key) {
                self.close()?;
            }
            let event = columns.event(&self.spec, row, &mut self.labels)?;
            let open = self.open.get_or_insert_with(|| CustomerJourney {
                key,
                events: Vec::new(),
                owner: None,
            });
            open.events.push(event);
            if let Some(owner) = text_at(columns.owner, row)
                && open.owner.as_deref() != Some(owner)
            {
                open.owner = Some(owner.to_owned());
            }
        }
        self.fold.take(&self.labels, false).map_err(CallerError::from)
    }

    fn finish(&mut self) -> Result<Option<RecordBatch>, CallerError> {
        self.close()?;
        self.fold.take(&self.labels, true).map_err(CallerError::from)
    }
}

impl Gatherer {
    fn close(&mut self) -> Result<(), CallerError> {
        match self.open.take() {
            Some(journey) => self.fold.customer(&journey, &self.labels).map_err(CallerError::from),
            None => Ok(()),
        }
    }
}

/// The columns of a canonical batch, typed.
struct EventColumns<'a> {
    customer_key: &'a FixedSizeBinaryArray,
    at: &'a TimestampMicrosecondArray,
    sequence: &'a Int64Array,
    event_id: &'a StringArray,
    known_at: &'a TimestampMicrosecondArray,
    owner: &'a StringArray,
    touchpoint: &'a StringArray,
    channel: &'a StringArray,
    stage: &'a StringArray,
    value: &'a Float64Array,
    feedback_score: &'a Float64Array,
    feedback_text: &'a StringArray,
    action_id: &'a StringArray,
    decision_id: &'a StringArray,
    attributes: Vec<(u16, AttributeColumn<'a>)>,
}

enum AttributeColumn<'a> {
    Number(&'a Float64Array),
    Category(&'a StringArray),
    Timestamp(&'a TimestampMicrosecondArray),
    Flag(&'a BooleanArray),
}

impl<'a> EventColumns<'a> {
    fn of(spec: &Spec, batch: &'a RecordBatch) -> Self {
        let attribute = |(at, declared): (u16, &percorso_journey::spec::Attribute)| {
            let column = batch.column(FIXED + usize::from(at));
            let column = match declared.kind {
                AttributeKind::Number => AttributeColumn::Number(column.as_primitive()),
                AttributeKind::Category => AttributeColumn::Category(column.as_string()),
                AttributeKind::Timestamp => AttributeColumn::Timestamp(column.as_primitive()),
                AttributeKind::Flag => AttributeColumn::Flag(column.as_boolean()),
            };
            (at, column)
        };
        Self {
            customer_key: batch.column(0).as_fixed_size_binary(),
            at: batch.column(1).as_primitive(),
            sequence: batch.column(2).as_primitive(),
            event_id: batch.column(3).as_string(),
            known_at: batch.column(4).as_primitive(),
            owner: batch.column(7).as_string(),
            touchpoint: batch.column(8).as_string(),
            channel: batch.column(9).as_string(),
            stage: batch.column(10).as_string(),
            value: batch.column(11).as_primitive(),
            feedback_score: batch.column(12).as_primitive(),
            feedback_text: batch.column(13).as_string(),
            action_id: batch.column(14).as_string(),
            decision_id: batch.column(FIXED + spec.attributes().len()).as_string(),
            attributes: (0..).zip(spec.attributes()).map(attribute).collect(),
        }
    }

    fn event(&self, spec: &Spec, row: usize, labels: &mut Labels) -> Result<LoggedEvent, CallerError> {
        let mut attributes = Vec::new();
        for (at, column) in &self.attributes {
            let value = match column {
                AttributeColumn::Number(numbers) => number_at(numbers, row).map(AttributeValue::Number),
                AttributeColumn::Category(texts) => {
                    let text = text_at(texts, row);
                    text.inspect(|text| labels.learn(text)).map(AttributeValue::Text)
                }
                AttributeColumn::Timestamp(times) => {
                    times.is_valid(row).then(|| AttributeValue::Timestamp(times.value(row)))
                }
                AttributeColumn::Flag(flags) => flags.is_valid(row).then(|| AttributeValue::Flag(flags.value(row))),
            };
            attributes.extend(value.map(|value| (*at, value)));
        }
        let action_id = text_at(self.action_id, row);
        action_id.iter().for_each(|text| labels.learn(text));
        let raw = RawEvent {
            at: self.at.value(row),
            known_at: self.known_at.is_valid(row).then(|| self.known_at.value(row)),
            sequence: self.sequence.value(row),
            touchpoint: self.touchpoint.value(row),
            stage: text_at(self.stage, row),
            channel: text_at(self.channel, row),
            value: number_at(self.value, row),
            feedback_score: number_at(self.feedback_score, row),
            has_feedback_text: self.feedback_text.is_valid(row),
            action_id,
            decision_id: text_at(self.decision_id, row),
            attributes,
        };
        let event = spec.resolve(&raw)?;
        Ok(LoggedEvent {
            event_id: text_at(self.event_id, row).unwrap_or_default().to_owned(),
            event,
        })
    }
}

fn text_at(texts: &StringArray, row: usize) -> Option<&str> {
    texts.is_valid(row).then(|| texts.value(row))
}

fn number_at(numbers: &Float64Array, row: usize) -> Option<f64> {
    numbers.is_valid(row).then(|| numbers.value(row))
}
