//! A model of the size that training makes: forests over every feature, for every question.

use std::sync::Arc;

use ndarray::Array2;
use percorso_artefact::Header;
use percorso_churn::ChurnHead;
use percorso_features::{Catalogue, EncodedColumn, Encoder, FeatureRow};
use percorso_journey::{
    JourneyEvent, JourneyState, LoggedEvent, Next, Outcome, Spec, TimeGrid, Timestamp, outcome_from,
};
use percorso_learners::{
    Band, Bootstrap, Calibrator, Column, Forest, Learned, Learner, OutOfFold, PurchaseModel, Random, TrainingSet,
};
use percorso_next_action::uplift::Uplift;
use percorso_next_action::{Given, Trial};
use percorso_next_stage::{Calibrated, NextStageHead, Trust};
use percorso_scoring::{ActionSlot, Actions, Parts, ScoringModel};

/// The bytes of a model fitted on these journeys as of a cut-off.
///
/// It is judged by no one: what matters is that it is as large and as slow as one that training makes.
pub fn sealed(spec: &Arc<Spec>, journeys: &[(String, Vec<LoggedEvent>)], as_of: Timestamp) -> Vec<u8> {
    let catalogue = Catalogue::of(spec);
    let (rows, outcomes) = labelled(spec, &catalogue, journeys, as_of);
    let encoder = Encoder::fit(
        &catalogue,
        rows.iter().zip(0..),
        |feature, id| format!("{feature}/{}", id.number()),
        10,
    );
    let column = |(name, column)| match column {
        EncodedColumn::Number => Column::number(name),
        EncodedColumn::Category { cardinality } => Column::category(name, cardinality),
    };
    let names = catalogue.features().map(|feature| feature.name.clone());
    let columns: Vec<Column> = names.zip(encoder.columns()).map(column).collect();
    let mut x = Array2::zeros((rows.len(), columns.len()));
    for (row, mut cells) in rows.iter().zip(x.outer_iter_mut()) {
        encoder.encode(row, cells.as_slice_mut().expect("a new matrix is row-major"));
    }
    let customers: Vec<u64> = (0..rows.len() as u64).collect();
    let fit = |y: &[u32], n_classes: usize| -> Learned {
        let set = TrainingSet::new(x.view(), &columns, y, n_classes, &customers).expect("rows of the catalogue");
        Learner::Forest(Forest::default())
            .fit(&set, 42)
            .expect("every class is there")
    };
    let churn = (0..spec.churn_targets().len()).map(|target| {
        let y: Vec<u32> = outcomes
            .iter()
            .map(|outcome| u32::from(outcome.churn[target] == Some(true)))
            .collect();
        let learned = fit(&y, 2);
        let p = learned.predict(&x.view()).column(1).to_vec();
        let rows = OutOfFold {
            p: &p,
            y: &y,
            customers: &customers,
            origins: &customers,
        };
        let bootstrap = Bootstrap {
            level: 0.9,
            n_samples: 20,
            ..Bootstrap::seeded(42)
        };
        let band = Band::fit(&rows, &bootstrap).expect("probabilities and classes");
        Some(ChurnHead::new(learned, Calibrator::Identity, band).expect("two classes"))
    });
    let churn = churn.collect();
    let n_stages = spec.stages().len();
    let class = |outcome: &Outcome| outcome.next.unwrap_or(Next::Nothing).class(spec);
    let coming: Vec<u32> = outcomes
        .iter()
        .map(|outcome| u32::from(class(outcome) < n_stages))
        .collect();
    let stages: Vec<u32> = outcomes
        .iter()
        .map(|outcome| (class(outcome) % n_stages) as u32)
        .collect();
    let grid = TimeGrid::new(&[0.25, 1.0, 2.0, 4.0, 7.0, 14.0, 30.0]).expect("rises");
    let [coming, stage] = [fit(&coming, 2), fit(&stages, n_stages)].map(Calibrated::as_it_is);
    let next_stage = NextStageHead::new(coming, stage, grid, Trust::none()).expect("two classes");
    let parts = Parts {
        encoder,
        churn,
        next_stage,
        purchases: Some(PurchaseModel::CDNOW),
        actions: Some(actions(spec, &x, &columns, &customers)),
    };
    ScoringModel::seal(spec, &parts, Header::default()).expect("names are taken once")
}

/// What each action does, learnt from decisions and outcomes by chance.
fn actions(spec: &Spec, x: &Array2<f32>, columns: &[Column], customers: &[u64]) -> Actions {
    let n_arms = spec.actions().len() + 1;
    let mut random = Random::new(42);
    let arm: Vec<u32> = customers.iter().map(|_| random.below(n_arms) as u32).collect();
    let outcome: Vec<f64> = arm
        .iter()
        .map(|arm| 20.0 * random.uniform() + 5.0 * f64::from(u8::from(*arm > 0)))
        .collect();
    let given = Given {
        arm: &arm,
        n_arms,
        outcome: &outcome,
        propensity: &vec![1.0 / n_arms as f64; arm.len()],
        customers,
    };
    let trial = Trial::new(x.view(), columns, given).expect("a row for each customer");
    let uplift = Uplift::fit(&trial, 42).expect("every arm is there").uplift;
    let slot = |action: &percorso_journey::spec::Action| ActionSlot {
        name: action.name.clone(),
        silence_days: 60.0,
    };
    Actions::new(spec.actions().iter().map(slot).collect(), uplift)
}

fn labelled(
    spec: &Arc<Spec>,
    catalogue: &Catalogue,
    journeys: &[(String, Vec<LoggedEvent>)],
    as_of: Timestamp,
) -> (Vec<Vec<f64>>, Vec<Outcome>) {
    let last_at = journeys
        .iter()
        .filter_map(|(_, events)| events.last())
        .map(|logged| logged.event.at)
        .max();
    let observed_until = last_at.expect("a market has events");
    let (mut rows, mut outcomes) = (Vec::new(), Vec::new());
    let mut row = FeatureRow::default();
    for (_, events) in journeys {
        let events: Vec<JourneyEvent> = events.iter().map(|logged| logged.event.clone()).collect();
        let (past, future) = events.split_at(events.partition_point(|event| event.at < as_of));
        if past.is_empty() {
            continue;
        }
        let mut state = JourneyState::new(Arc::clone(spec));
        past.iter()
            .for_each(|event| state.observe(event).expect("journeys are in order"));
        catalogue
            .row_into(&state, as_of, &mut row)
            .expect("the past lies before the cut-off");
        rows.push(row.cells().to_vec());
        outcomes.push(outcome_from(spec, &state, future, as_of, observed_until));
    }
    (rows, outcomes)
}
