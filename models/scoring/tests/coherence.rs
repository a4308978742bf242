//! One coherent answer: what is said of leaving agrees with what is said to come next, and tomorrow's answer with today's.

#![cfg(feature = "fit")]
#![allow(missing_docs, clippy::unwrap_used)]

use std::sync::Arc;

use ndarray::Array2;
use percorso_artefact::{Artefact, Header};
use percorso_churn::ChurnHead;
use percorso_features::{Catalogue, EncodedColumn, Encoder};
use percorso_journey::{JourneyEvent, JourneyState, MICROS_PER_DAY, Spec, TimeGrid, Timestamp, text};
use percorso_learners::{
    Band, Bootstrap, Calibrator, Column, Learned, Learner, Linear, OutOfFold, Random, TrainingSet,
};
use percorso_next_stage::{Calibrated, NextStageHead, Trust};
use percorso_scoring::{Asked, Hazards, Parts, Scores, ScoringModel, Scratch, Target};
use proptest::prelude::*;

const CUTOFF_DAY: i64 = 60;
const DAYS: [f64; 7] = [0.0, 0.3, 1.0, 4.5, 9.0, 21.0, 30.0];
/// Besides the 90 days of `inactive`.
const SILENCES: [u32; 3] = [60, 20, 7];

/// Leaving asked about at three horizons, silence at three lengths, the longest first.
fn spec() -> Arc<Spec> {
    let asked = text::SMALL_SPEC.replace("horizons_days = [30]", "horizons_days = [7, 30, 90]");
    assert!(asked.contains("[7, 30, 90]"), "{asked}");
    let silences = SILENCES.map(|days| {
        format!("[[churn]]\nname = \"silent_{days}\"\nkind = \"inactivity\"\ntouchpoints = [\"purchase\", \"renewal\"]\ndays = {days}\n")
    });
    Arc::new(Spec::parse(&format!("{asked}\n{}", silences.concat())).unwrap())
}

fn state(events: &[JourneyEvent]) -> JourneyState {
    let mut state = JourneyState::new(spec());
    events.iter().for_each(|event| state.observe(event).unwrap());
    state
}

/// Events of one customer before the cut-off, in order; some known only days later.
fn journeys() -> impl Strategy<Value = Vec<JourneyEvent>> {
    let touchpoint = prop::sample::select(vec!["visit", "offer", "purchase", "renewal"]);
    let event = (0..4 * CUTOFF_DAY, touchpoint, 0..8_i64);
    prop::collection::vec(event, 1..20).prop_map(|mut drawn| {
        drawn.sort_by_key(|(quarter, ..)| *quarter);
        let spec = spec();
        let told = drawn.iter().map(|(quarter, touchpoint, late)| {
            let day = *quarter as f64 / 4.0;
            let known_day = (day + (late - 5).max(0) as f64).min(CUTOFF_DAY as f64);
            format!("{touchpoint}@{day}d~{known_day}d")
        });
        let told: Vec<String> = ["purchase@0d".to_owned()].into_iter().chain(told).collect();
        text::journey(&spec, &told.join(" ")).unwrap()
    })
}

/// A model that has learnt nothing true: its heads disagree wherever they can.
fn model() -> ScoringModel {
    model_that_answers(|_| true)
}

/// The same, of which only some targets were learnt.
fn model_that_answers(is_answered: impl Fn(usize) -> bool) -> ScoringModel {
    let spec = spec();
    let catalogue = Catalogue::of(&spec);
    let mut random = Random::new(5);
    let rows: Vec<Vec<f64>> = (0..300)
        .map(|_| {
            let told: Vec<String> = (0..1 + random.below(9))
                .map(|at| {
                    let touchpoint = ["visit", "offer", "purchase", "renewal"][random.below(4)];
                    format!("{touchpoint}@{}d", 6 * at + random.below(6))
                })
                .collect();
            let state = state(&text::journey(&spec, &told.join(" ")).unwrap());
            catalogue.row(&state, text::day(CUTOFF_DAY)).unwrap().cells().to_vec()
        })
        .collect();
    let encoder = Encoder::fit(&catalogue, rows.iter().zip(0..), |_, id| id.number().to_string(), 1);
    let columns: Vec<Column> = catalogue
        .features()
        .zip(encoder.columns())
        .map(|(feature, column)| match column {
            EncodedColumn::Number => Column::number(&feature.name),
            EncodedColumn::Category { cardinality } => Column::category(&feature.name, cardinality),
        })
        .collect();
    let mut x = Array2::zeros((rows.len(), columns.len()));
    for (row, mut cells) in rows.iter().zip(x.outer_iter_mut()) {
        encoder.encode(row, cells.as_slice_mut().unwrap());
    }
    let customers: Vec<u64> = (0..rows.len() as u64).collect();
    // One of `n_drawn` labels each; those past the last class are the first, which is then the likelier.
    let mut fit = |n_classes: usize, n_drawn: usize| -> (Learned, Vec<u32>) {
        let drawn = rows.iter().map(|_| random.below(n_drawn));
        let y: Vec<u32> = drawn
            .map(|class| if class < n_classes { class as u32 } else { 0 })
            .collect();
        let set = TrainingSet::new(x.view(), &columns, &y, n_classes, &customers).unwrap();
        let linear = Linear {
            spread: 3.0,
            ..Linear::default()
        };
        (Learner::Linear(linear).fit(&set, 1).unwrap(), y)
    };
    let churn = (0..spec.churn_targets().len())
        .map(|at| {
            let (learned, y) = fit(2, 4);
            let rows = OutOfFold {
                p: &learned.predict(&x.view()).column(1).to_vec(),
                y: &y,
                customers: &customers,
                origins: &customers,
            };
            let band = Band::fit(&rows, &Bootstrap::seeded(1)).unwrap();
            let head = ChurnHead::new(learned, Calibrator::Identity, band).unwrap();
            is_answered(at).then_some(head)
        })
        .collect();
    let [coming, stage] = [2, spec.stages().len()].map(|n_classes| Calibrated::as_it_is(fit(n_classes, n_classes).0));
    let grid = TimeGrid::new(&[0.25, 1.0, 4.0, 10.0, 25.0]).unwrap();
    let parts = Parts {
        encoder,
        churn,
        next_stage: NextStageHead::new(coming, stage, grid, Trust::none()).unwrap(),
        purchases: None,
        actions: None,
    };
    let bytes = ScoringModel::seal(&spec, &parts, Header::default()).unwrap();
    ScoringModel::open(&spec, &Artefact::open(&bytes).unwrap(), "test").unwrap()
}

fn scores(model: &ScoringModel, state: &JourneyState, as_of: Timestamp) -> Scores {
    model.score(state, as_of, &mut Scratch::default()).unwrap()
}

/// The probability of a target, by the definition's name and its days.
fn churn(model: &ScoringModel, scores: &Scores, definition: &str, days: u32) -> f64 {
    let target = model
        .targets()
        .iter()
        .position(|target| target.definition == definition && target.horizon_days == days);
    scores.churn[target.unwrap()].unwrap().probability
}

#[test]
fn scores_never_contradict_what_comes_next() {
    let (spec, model) = (spec(), model());
    let (leaving, purchase) = (
        spec.stage_named("leaving").unwrap(),
        spec.stage_named("purchase").unwrap(),
    );
    let (raised, lowered) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    proptest!(|(events in journeys())| {
        let scores = scores(&model, &state(&events), text::day(CUTOFF_DAY));
        let next = scores.next.as_ref().unwrap();
        let mut classes = vec![0.0; model.next_stage_classes().len()];
        for days in DAYS {
            next.at(days, &mut classes);
            prop_assert!((classes.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        }
        prop_assert_eq!(&classes, &scores.next_stage);
        let mut longer = 0.0;
        for days in [7, 30, 90] {
            let leaves = churn(&model, &scores, "left", days);
            prop_assert!(leaves >= longer, "leaving within {} days falls to {}", days, leaves);
            next.at(f64::from(days), &mut classes);
            prop_assert!(leaves >= classes[usize::from(leaving)] - 1e-12, "next is leaving, but they do not leave");
            prop_assert!(days == 90 || leaves <= 1.0 - next.survival(f64::from(days)) + 1e-12, "they leave, but nothing comes");
            raised.set(raised.get() + usize::from(leaves == classes[usize::from(leaving)]));
            lowered.set(lowered.get() + usize::from(leaves == 1.0 - classes[classes.len() - 1]));
            longer = leaves;
        }
        let mut shorter = 1.0;
        for (definition, days) in [("silent_7", 7), ("silent_20", 20), ("silent_60", 60), ("inactive", 90)] {
            let silent = churn(&model, &scores, definition, days);
            prop_assert!(silent <= shorter, "silence of {} days rises to {}", days, silent);
            next.at(f64::from(days), &mut classes);
            let (first, nothing) = (classes[usize::from(purchase)], classes[classes.len() - 1]);
            lowered.set(lowered.get() + usize::from(silent == 1.0 - first));
            prop_assert!(days > 30 || silent >= nothing - 1e-12, "nothing comes, but they buy");
            prop_assert!(silent <= 1.0 - first + 1e-12, "a purchase comes, but they buy nothing");
            shorter = silent;
        }
        for score in scores.churn.iter().flatten() {
            prop_assert!(score.low <= score.probability && score.probability <= score.high);
        }
    });
    assert!(raised.get() > 0, "no score had to be raised: the law was never tried");
    assert!(lowered.get() > 0, "no score had to be lowered: the law was never tried");
}

#[test]
fn a_contract_has_one_answer_within_whatever_time_it_is_asked_about() {
    let (spec, model) = (spec(), model());
    let as_of = text::day(CUTOFF_DAY);
    let ends_on = |day: i64| {
        let events = format!("purchase@0d:contract_ends_at={day}d visit@40d");
        state(&text::journey(&spec, &events).unwrap())
    };
    let asked = |definition: &str, days: u32| {
        let is_asked = |target: &Target| target.definition == definition && target.horizon_days == days;
        model.targets().iter().position(is_asked).unwrap()
    };
    let [soon, late] = [CUTOFF_DAY + 6, CUTOFF_DAY + 20].map(ends_on);
    let told = |state: &JourneyState| {
        let scores = scores(&model, state, as_of);
        [7, 30, 90].map(|days| scores.churn[asked("not_renewed", days)].map(|score| score.probability))
    };
    let [within_7, within_30, within_90] = told(&soon);
    assert!(within_7.is_some() && within_7 == within_30 && within_30 == within_90);
    let [within_7, within_30, within_90] = told(&late);
    assert!(within_7.is_none() && within_30.is_some() && within_30 == within_90);
    let reasons = |days| {
        let asked = Asked::Churn(asked("not_renewed", days));
        model.attribution(&soon, as_of, asked, &mut Scratch::default()).unwrap()
    };
    assert_eq!(reasons(7), reasons(90));
    let between = asked("not_renewed", 30);
    let gap = model_that_answers(|at| at != between);
    let scores = scores(&gap, &soon, as_of);
    assert_eq!(
        scores.churn[asked("not_renewed", 90)],
        scores.churn[asked("not_renewed", 7)]
    );
    let of_longest = Asked::Churn(asked("not_renewed", 90));
    let told = gap.attribution(&soon, as_of, of_longest, &mut Scratch::default());
    assert_eq!(
        told.unwrap(),
        reasons(7),
        "of the answer, though nothing was learnt between"
    );
}

#[test]
fn tomorrows_answer_with_nothing_new_is_todays_for_one_who_waited() {
    let model = model();
    proptest!(|(events in journeys(), waited_hours in 1..24 * 60_i64)| {
        let (state, today) = (state(&events), text::day(CUTOFF_DAY));
        let later = Timestamp::from_micros(today.micros() + waited_hours * (MICROS_PER_DAY / 24));
        let now = scores(&model, &state, today).next.unwrap();
        let then = scores(&model, &state, later).next.unwrap();
        let waited_days = waited_hours as f64 / 24.0;
        let (mut hazards, mut scratch) = (Hazards::default(), Scratch::default());
        for (as_of, told) in [(today, &now), (later, &then), (later, &then), (today, &now)] {
            let again = model.score_again(&state, as_of, &mut hazards, &mut scratch).unwrap();
            prop_assert_eq!(again.next.as_ref(), Some(told), "hazards known before change a bit");
        }
        let conditioned = now.after_waiting(waited_days).unwrap();
        let [mut told, mut expected] = [(); 2].map(|()| vec![0.0; model.next_stage_classes().len()]);
        for days in DAYS.into_iter().filter(|days| waited_days + days <= now.horizon_days()) {
            then.at(days, &mut told);
            conditioned.at(days, &mut expected);
            for (told, expected) in told.iter().zip(&expected) {
                prop_assert!((told - expected).abs() < 1e-9, "{} instead of {} in {} days", told, expected, days);
            }
        }
    });
}

#[test]
fn reasons_add_up_to_the_answer() {
    let model = model();
    let n_stages = model.next_stage_classes().len() - 1;
    let n_unmoved = std::cell::Cell::new(0);
    proptest!(|(events in journeys(), stage in 0..n_stages, days in prop::sample::select(&DAYS[1..]))| {
        let (state, as_of) = (state(&events), text::day(CUTOFF_DAY));
        let scores = scores(&model, &state, as_of);
        let told = |asked| {
            let attribution = model.attribution(&state, as_of, asked, &mut Scratch::default());
            let log_odds = attribution.unwrap().unwrap().log_odds();
            1.0 / (1.0 + (-log_odds).exp())
        };
        let mut classes = vec![0.0; n_stages + 1];
        let next = scores.next.as_ref().unwrap();
        next.at(days, &mut classes);
        let first = told(Asked::Next { stage, days });
        prop_assert!((first - classes[stage]).abs() < 1e-6, "{} instead of {}", first, classes[stage]);
        // Scores that were made to agree with what comes next, or with a shorter horizon, are no longer the learners' own.
        let mut shorter = 0.0;
        for (target, score) in scores.churn.iter().enumerate().filter(|(_, score)| score.is_some()) {
            let (p, days) = (score.unwrap().probability, f64::from(model.targets()[target].horizon_days));
            next.at(days, &mut classes);
            let nothing = classes[n_stages];
            let first: Vec<f64> = classes.iter().flat_map(|p| [*p, 1.0 - p]).collect();
            let is_moved = p == shorter || p == 1.0 - nothing || first.contains(&p);
            prop_assert!(is_moved || (told(Asked::Churn(target)) - p).abs() < 1e-6, "{} of target {}", p, target);
            n_unmoved.set(n_unmoved.get() + usize::from(!is_moved));
            shorter = p;
        }
    });
    assert!(n_unmoved.get() > 0, "every score was moved: the law was never tried");
}
