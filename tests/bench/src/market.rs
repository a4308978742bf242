//! The made-up market, read as ingest reads it.

use std::sync::Arc;

use percorso_journey::{AttributeValue, LoggedEvent, RawEvent, Spec};
use percorso_kit::write::JOURNEY_TOML;
use percorso_kit::{Market, MarketSettings, SimulatedEvent};

/// The market's spec.
pub fn spec() -> Arc<Spec> {
    Arc::new(Spec::parse(JOURNEY_TOML).expect("the kit's own spec is valid"))
}

/// The id and events of each customer, in order.
pub fn journeys(spec: &Spec, customers: u32, seed: u64) -> Vec<(String, Vec<LoggedEvent>)> {
    let market = Market::new(MarketSettings { customers, seed });
    let journey = |at| {
        let journey = market.journey(at);
        (
            journey.customer_id,
            journey.events.iter().map(|event| logged(spec, event)).collect(),
        )
    };
    (0..customers).map(journey).collect()
}

pub(crate) fn logged(spec: &Spec, event: &SimulatedEvent) -> LoggedEvent {
    let given = &event.attributes;
    let values = [
        ("audience", Some(AttributeValue::Text(event.audience))),
        ("product", event.product.map(AttributeValue::Text)),
        ("age", given.age.map(AttributeValue::Number)),
        ("region", given.region.map(AttributeValue::Text)),
        (
            "contract_ends_at",
            given.contract_ends_at.map(AttributeValue::Timestamp),
        ),
        ("price_sensitivity", given.price_sensitivity.map(AttributeValue::Number)),
        ("loyalty", given.loyalty.map(AttributeValue::Flag)),
    ];
    let mut attributes: Vec<(u16, AttributeValue<'_>)> = values
        .into_iter()
        .filter_map(|(name, value)| Some((spec.attribute_named(name).expect("the market declares it"), value?)))
        .collect();
    attributes.sort_by_key(|&(position, _)| position);
    let raw = RawEvent {
        at: event.at,
        touchpoint: event.touchpoint,
        channel: event.channel,
        value: event.value,
        feedback_score: event.feedback_score,
        has_feedback_text: event.feedback_text.is_some(),
        action_id: event.action_id,
        attributes,
        ..RawEvent::default()
    };
    let event_id = event.event_id.clone();
    LoggedEvent {
        event_id,
        event: spec.resolve(&raw).expect("the market keeps its own contract"),
    }
}
