//! The made-up market's decisions, read as training reads them: the customer as they were, what was done, what came of it.

use std::sync::Arc;

use ndarray::Array2;
use percorso_features::{Catalogue, EncodedColumn, Encoder, FeatureRow};
use percorso_journey::{Came, JourneyEvent, JourneyState, Spec, Timestamp, came_of, in_population};
use percorso_kit::{END_DAY, Market, micros_of_day};
use percorso_learners::Column;

use crate::market::logged;

/// One decision about someone of the population.
pub struct Decided {
    /// Position of the customer in the market.
    pub customer_index: u32,
    /// When.
    pub at: Timestamp,
    /// 0 for nothing, else one more than the action's position in the spec.
    pub arm: u32,
    /// How likely that was.
    pub propensity: f64,
    /// What came of it; `None` when the market ends before the window.
    pub came: Option<Came>,
    /// What the catalogue says of the customer then.
    pub row: Vec<f64>,
}

/// Every decision about a customer of the population, oldest first.
pub fn decisions(spec: &Arc<Spec>, catalogue: &Catalogue, market: &Market, customer_index: u32) -> Vec<Decided> {
    let journey = market.journey(customer_index);
    let events: Vec<JourneyEvent> = journey.events.iter().map(|event| logged(spec, event).event).collect();
    let observed_until = Timestamp::from_micros(micros_of_day(END_DAY));
    let mut state = JourneyState::new(Arc::clone(spec));
    let mut row = FeatureRow::default();
    let mut decided = Vec::new();
    let mut n_observed = 0;
    for decision in &journey.decisions {
        let at = Timestamp::from_micros(decision.at);
        while let Some(event) = events.get(n_observed).filter(|event| event.at < at) {
            state.observe(event).expect("journeys are in order");
            n_observed += 1;
        }
        if !in_population(spec, &state, at) {
            continue;
        }
        let arm = decision.action_id.map_or(0, |action| {
            let named = spec.actions().iter().position(|of| of.name == action);
            1 + named.expect("the market declares its actions") as u32
        });
        catalogue
            .row_into(&state, at, &mut row)
            .expect("the state ends before the decision");
        decided.push(Decided {
            customer_index,
            at,
            arm,
            propensity: decision.propensity,
            came: came_of(spec, &state, &events[n_observed..], at, observed_until),
            row: row.cells().to_vec(),
        });
    }
    decided
}

/// The encoder of these decisions' rows, and what it makes of the columns.
pub fn encoder(spec: &Spec, catalogue: &Catalogue, decided: &[&Decided]) -> (Encoder, Vec<Column>) {
    let encoder = Encoder::fit(
        catalogue,
        decided
            .iter()
            .map(|decided| (&decided.row, u64::from(decided.customer_index))),
        |feature, id| format!("{feature}/{}", id.number()),
        spec.training().min_customers_per_value as usize,
    );
    let column = |(name, column)| match column {
        EncodedColumn::Number => Column::number(name),
        EncodedColumn::Category { cardinality } => Column::category(name, cardinality),
    };
    let names = catalogue.features().map(|feature| feature.name.clone());
    let columns = names.zip(encoder.columns()).map(column).collect();
    (encoder, columns)
}

/// The rows of decisions as learners take them.
pub fn cells(encoder: &Encoder, decided: &[&Decided]) -> Array2<f32> {
    let n_columns = encoder.columns().len();
    let mut cells = Array2::zeros((decided.len(), n_columns));
    for (decided, mut cells) in decided.iter().zip(cells.outer_iter_mut()) {
        encoder.encode(&decided.row, cells.as_slice_mut().expect("a new matrix is row-major"));
    }
    cells
}
