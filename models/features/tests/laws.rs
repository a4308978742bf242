//! Laws of rows: the future never matters, reading never changes, and the catalogue tells every meaning apart.

use std::collections::BTreeSet;
use std::sync::Arc;

use percorso_features::{Catalogue, Encoder, Kind, Labels, Told};
use percorso_journey::{CategoryId, JourneyEvent, JourneyState, Spec, Timestamp, text};
use proptest::prelude::*;

fn spec() -> Arc<Spec> {
    Arc::new(Spec::parse(text::SMALL_SPEC).expect("the small spec is valid"))
}

fn journeys() -> impl Strategy<Value = Vec<JourneyEvent>> {
    let mark = prop::sample::select(vec![
        "",
        "#web",
        "#mail",
        "=20",
        "=-5",
        "!3",
        ":age=44",
        ":region=Lazio",
    ]);
    let touchpoint = prop::sample::select(vec!["visit", "offer", "accepted", "purchase", "renewal", "closed"]);
    prop::collection::vec((0.0..300.0_f64, touchpoint, mark), 1..40).prop_map(|mut events| {
        events.sort_by(|left, right| left.0.total_cmp(&right.0));
        let journey: Vec<String> = events
            .iter()
            .map(|(day, name, mark)| format!("{name}@{day:.4}d{mark}"))
            .collect();
        text::journey(&spec(), &journey.join(" ")).expect("a journey in text")
    })
}

fn fold<'a>(events: impl IntoIterator<Item = &'a JourneyEvent>) -> JourneyState {
    let mut state = JourneyState::new(spec());
    for event in events {
        state.observe(event).expect("in order");
    }
    state
}

fn bits(cells: &[f64]) -> Vec<u64> {
    cells.iter().map(|cell| cell.to_bits()).collect()
}

proptest! {
    #[test]
    fn nothing_at_or_after_the_cut_off_changes_a_row(events in journeys(), other in journeys(), day in 1_i64..300) {
        let catalogue = Catalogue::of(&spec());
        let as_of = text::day(day);
        let past: Vec<_> = events.iter().filter(|event| event.at < as_of).collect();
        let row = catalogue.row(&fold(past.clone()), as_of).expect("only the past was folded");
        // Another future for the same past: the state it leads to refuses the cut-off, and the past alone says the same.
        let whole: Vec<_> = past.iter().copied().chain(other.iter().filter(|event| event.at >= as_of)).collect();
        let state = fold(whole.iter().copied());
        prop_assert_eq!(catalogue.row(&state, as_of).is_err(), whole.len() > past.len());
        let again = catalogue.row(&fold(whole.into_iter().filter(|event| event.at < as_of)), as_of).expect("the past");
        prop_assert_eq!(bits(row.cells()), bits(again.cells()));
    }

    #[test]
    fn reading_a_row_changes_no_state_and_bytes_keep_every_cell(events in journeys(), later in 1_i64..400) {
        let catalogue = Catalogue::of(&spec());
        let as_of = text::day(300 + later);
        let state = fold(&events);
        let before = state.to_bytes();
        let row = catalogue.row(&state, as_of).expect("after the last event");
        prop_assert_eq!(&state.to_bytes(), &before);
        let resumed = JourneyState::from_bytes(spec(), &before).expect("written above");
        let again = catalogue.row(&resumed, as_of).expect("after the last event");
        prop_assert_eq!(bits(row.cells()), bits(again.cells()));
    }

    #[test]
    fn no_cell_is_infinite(events in journeys(), later in 1_i64..100_000) {
        let row = Catalogue::of(&spec()).row(&fold(&events), text::day(300 + later)).expect("after the last event");
        prop_assert!(row.cells().iter().all(|cell| !cell.is_infinite()));
    }
}

#[test]
fn every_feature_has_a_name_of_its_own() {
    let catalogue = Catalogue::of(&spec());
    let names: BTreeSet<_> = catalogue.features().map(|feature| feature.name.as_str()).collect();
    assert_eq!(names.len(), catalogue.len());
}

#[test]
fn a_fingerprint_changes_with_any_meaning() {
    let other = text::SMALL_SPEC.replace("unit = \"years\"", "unit = \"months\"");
    let other = Catalogue::of(&Spec::parse(&other).expect("a valid spec"));
    assert_ne!(Catalogue::of(&spec()).fingerprint(), other.fingerprint());
    assert_eq!(
        Catalogue::of(&spec()).fingerprint(),
        Catalogue::of(&spec()).fingerprint()
    );
}

#[test]
fn words_are_not_meaning() {
    let catalogue = Catalogue::of(&spec());
    let feature = catalogue.features().next().expect("a feature");
    let mut reworded = feature.clone();
    reworded.told = Told::TimeOfYear;
    assert_ne!(&reworded, feature);
    assert_eq!(reworded.signature(), feature.signature());
}

#[test]
fn a_sensitive_attribute_is_no_feature() {
    let hidden = text::SMALL_SPEC.replace("unit = \"years\"", "sensitive = true");
    assert!(Catalogue::of(&spec()).position("attribute_age").is_some());
    assert!(
        Catalogue::of(&Spec::parse(&hidden).expect("a valid spec"))
            .position("attribute_age")
            .is_none()
    );
}

#[test]
fn cells_say_what_the_catalogue_says() {
    let catalogue = Catalogue::of(&spec());
    let events = text::journey(
        &spec(),
        "visit@0d#web purchase@10d=40#shop:age=44:contract_ends_at=100d offer@20d#mail purchase@30d=20!2 visit@40d",
    );
    let row = catalogue
        .row(&fold(&events.expect("a journey in text")), text::day(70))
        .expect("after the last event");
    let cell = |name: &str| {
        row.cell(
            catalogue
                .position(name)
                .unwrap_or_else(|| panic!("a feature named {name}")),
        )
    };
    assert_eq!(cell("recency_days"), 30.0);
    assert_eq!(cell("tenure_days"), 70.0);
    assert_eq!(cell("touchpoint_purchase_since_days"), 40.0);
    assert_eq!(
        cell("events_decayed_30d"),
        0.5 + 0.5_f64.powf(40.0 / 30.0) + 0.5_f64.powf(50.0 / 30.0) + 0.25 + 0.5_f64.powf(70.0 / 30.0)
    );
    assert_eq!(cell("inactive_gap_mean_days"), 20.0);
    assert_eq!(cell("inactive_silence_over_mean_gap"), 40.0 / 21.0);
    assert_eq!(cell("paid_sum"), 60.0);
    assert_eq!(cell("stage_moves_back_n"), 2.0);
    assert_eq!(cell("stage_moves_off_map_n"), 3.0);
    assert_eq!(cell("stage_stay_over_designed"), 1.0);
    assert_eq!(cell("feedback_last"), 2.0);
    assert_eq!(cell("contacts_since_days"), 50.0);
    assert_eq!(cell("attribute_age"), 44.0);
    assert_eq!(cell("attribute_contract_ends_at_in_days"), 30.0);
    assert!(cell("response_last").is_nan());
    assert_eq!(cell("last_gap_1_days"), 10.0);
    assert!(cell("last_gap_5_days").is_nan());
}

#[test]
fn a_vocabulary_remembers_no_value_of_too_few_customers() {
    let spec = spec();
    let catalogue = Catalogue::of(&spec);
    let region = catalogue.position("attribute_region").expect("declared");
    assert_eq!(catalogue.features().nth(region).expect("in range").kind, Kind::Category);
    let mut labels = Labels::default();
    let row = |labels: &mut Labels, name: &str| {
        labels.learn(name);
        let events = text::journey(&spec, &format!("visit@0d:region={name}")).expect("a journey in text");
        catalogue
            .row(&fold(&events), text::day(1))
            .expect("after the last event")
    };
    let rows = [
        row(&mut labels, "Lazio"),
        row(&mut labels, "Lazio"),
        row(&mut labels, "Molise"),
    ];
    let encoder = Encoder::fit(
        &catalogue,
        rows.iter().zip(0..).map(|(row, customer)| (row.cells(), customer)),
        |feature, id| catalogue.label(&spec, &labels, feature, id),
        2,
    );
    let mut cells = vec![0.0; catalogue.len()];
    encoder.encode(rows[0].cells(), &mut cells);
    assert_eq!((cells[region], encoder.label(region, 0)), (0.0, Some("Lazio")));
    encoder.encode(rows[2].cells(), &mut cells);
    assert_eq!((cells[region], encoder.label(region, 1)), (1.0, None));
    assert_eq!(CategoryId::of("Molise"), CategoryId::of(" Molise "));
}

#[test]
fn a_state_with_an_event_at_the_very_cut_off_holds_the_future() {
    let events = text::journey(&spec(), "visit@0d visit@3d").expect("a journey in text");
    let state = fold(&events);
    assert!(Catalogue::of(&spec()).row(&state, text::day(3)).is_err());
    assert!(
        Catalogue::of(&spec())
            .row(&state, Timestamp::from_micros(text::day(3).micros() + 1))
            .is_ok()
    );
}
