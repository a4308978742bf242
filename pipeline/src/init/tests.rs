//! Guesses from small files, written here as people's systems write them.

use std::path::PathBuf;

use percorso_journey::Spec;
use percorso_journey::spec::{ChurnKind, ColumnRule, Field};
use percorso_next_action::decide::Rules;

use super::*;

pub(super) struct Nobody;

impl Progress for Nobody {
    fn start(&self, _: &str, _: u64) {}

    fn advance(&self, _: u64) {}

    fn finish(&self) {}

    fn elapsed(&self) -> std::time::Duration {
        std::time::Duration::ZERO
    }
}

/// What is guessed of files by name and content.
pub(super) fn guessed(files: &[(&str, String)], told: &Told) -> (Guessed, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |(name, content): &(&str, String)| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).expect("written");
        path
    };
    let paths: Vec<PathBuf> = files.iter().map(write).collect();
    let files = look::files(&paths).expect("they are there");
    let (tables, _) = look::look(&files, &Nobody).expect("readable");
    let guessed = guess(tables, told, "shop".to_owned(), &Nobody).expect("journeys");
    let text = write::journey(&guessed, folder.path());
    check("journey.toml".as_ref(), &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    (guessed, text)
}

pub(super) fn day(day: u64) -> String {
    let date = jiff::civil::date(2024, 1, 1) + jiff::Span::new().days(day as i64);
    date.to_string()
}

/// Visits of 60 customers over a year, every customer with a rhythm of their own; a third of them close their account.
fn visits() -> String {
    let mut csv = "Kunde;Zeitpunkt;Vorgang;Filiale;Segment;Ausgang\n".to_owned();
    for customer in 0..60 {
        let leaves = customer % 3 == 0;
        let end = if leaves { "weg" } else { "da" };
        let row = |at: u64, what: &str| {
            let branch = ["Nord", "Süd", "West"][((customer + at) % 3) as usize];
            format!("K{customer};{};{what};{branch};s{};{end}\n", day(at), customer % 2)
        };
        let rhythm = 7 + customer % 9;
        let last = if leaves { 100 + customer } else { 360 };
        for at in (customer % 5..last).step_by(rhythm as usize) {
            csv += &row(at, if at % 4 == 0 { "Bestellung" } else { "Seite besucht" });
        }
        if leaves {
            csv += &row(last + 1, "Konto gekündigt");
        }
    }
    csv
}

#[test]
fn a_german_file_is_understood() {
    let (_, text) = guessed(&[("verlauf.csv", visits())], &Told::default());
    let spec = Spec::parse(&text).expect("valid");
    let rule = |field: Field| {
        spec.sources()[0]
            .columns
            .iter()
            .find(|(of, _)| *of == field)
            .map(|(_, rule)| rule.clone())
    };
    let column = |name: &str| {
        Some(ColumnRule::Column {
            name: name.to_owned(),
            format: None,
        })
    };
    assert_eq!(rule(Field::CustomerId), column("Kunde"));
    assert_eq!(rule(Field::At), column("Zeitpunkt"));
    assert_eq!(rule(Field::Touchpoint), column("Vorgang"));
    let stage = |name: &str| {
        let touchpoint = spec.touchpoint_named(name).expect("declared");
        spec.stages()[usize::from(spec.touchpoints()[usize::from(touchpoint)].stage)].clone()
    };
    assert_eq!(stage("Bestellung"), "purchase");
    assert_eq!(stage("Seite besucht"), "awareness");
    assert_eq!(stage("Konto gekündigt"), "leaving");
    assert!(matches!(&spec.churn()[0].kind, ChurnKind::Event { horizons_days, .. } if horizons_days.len() == 3));
    assert!(
        spec.attribute_named("filiale").is_some(),
        "it changes from event to event"
    );
}

#[test]
fn nothing_of_a_whole_journey_is_read_unless_it_is_told_to_be_known() {
    let (guess, text) = guessed(&[("verlauf.csv", visits())], &Told::default());
    let spec = Spec::parse(&text).expect("valid");
    assert!(spec.attribute_named("segment").is_none() && spec.attribute_named("ausgang").is_none());
    assert!(text.contains("# segment = \"Segment\"") && text.contains("# name = \"segment\""));
    assert_eq!(
        guess
            .stages
            .touchpoints
            .iter()
            .filter(|touchpoint| touchpoint.is_leaving)
            .count(),
        1
    );
    let told = Told {
        known_at_start: vec!["Segment".to_owned()],
        ..Told::default()
    };
    let (_, text) = guessed(&[("verlauf.csv", visits())], &told);
    let spec = Spec::parse(&text).expect("valid");
    let at = spec.attribute_named("segment").expect("told to be known");
    assert!(spec.attributes()[usize::from(at)].known_at_start);
    assert!(spec.attribute_named("ausgang").is_none());
}

#[test]
fn what_tells_how_a_journey_ends_is_named() {
    let (guess, _) = guessed(&[("verlauf.csv", visits())], &Told::default());
    let leaks = report::leaks(&guess);
    assert!(
        leaks
            .iter()
            .any(|leak| leak.contains("`Ausgang` tells") && leak.contains("not read")),
        "{leaks:?}"
    );
    assert!(
        leaks
            .iter()
            .all(|leak| !leak.contains("Segment") && !leak.contains("Filiale")),
        "{leaks:?}"
    );
}

/// Lines of invoices, with returns that start with C; `names` are the columns'.
fn invoices(names: &str, first_day: u64) -> String {
    let mut csv = names.to_owned() + "\n";
    for number in 0..400 {
        let customer = number * 7 % 83;
        let is_return = number % 10 == 9;
        let (led, sign) = if is_return { ("C", -1) } else { ("", 1) };
        let at = day(first_day + number);
        for line in 0..=number % 3 {
            let quantity = sign * (line as i64 + 1);
            csv += &format!(
                "{led}{},{customer},{at}T10:30:00,sku{},{quantity},{}.5\n",
                536_000 + number,
                line * 3,
                number % 7
            );
        }
    }
    csv
}

#[test]
fn lines_of_invoices_are_one_event_and_returns_are_told_by_their_letter() {
    let (_, text) = guessed(
        &[(
            "x.csv",
            invoices("InvoiceNo,CustomerID,InvoiceDate,StockCode,Quantity,UnitPrice", 0),
        )],
        &Told::default(),
    );
    for line in [
        "merge_lines = true",
        "event_id = \"InvoiceNo\"",
        "touchpoint = { column = \"InvoiceNo\", starts_with = { C = \"return\" }, otherwise = \"purchase\" }",
        "value = { product_of = [\"Quantity\", \"UnitPrice\"] }",
        "product = \"StockCode\"",
        "kind = \"inactivity\"\ntouchpoints = [\"purchase\"]",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}

#[test]
fn files_of_two_shapes_are_two_sources_and_what_is_in_both_is_dropped_once() {
    let first = invoices("InvoiceNo,CustomerID,InvoiceDate,StockCode,Quantity,UnitPrice", 0);
    let second = invoices("Invoice,Customer ID,InvoiceDate,StockCode,Quantity,Price", 0);
    let (guess, text) = guessed(&[("a.csv", first.clone()), ("b.csv", second)], &Told::default());
    assert_eq!(guess.tables.len(), 2);
    assert_eq!(text.matches("dedupe = \"exact\"").count(), 2);
    let later = invoices("InvoiceNo,CustomerID,InvoiceDate,StockCode,Quantity,UnitPrice", 400);
    let (guess, text) = guessed(&[("a.csv", first), ("b.csv", later)], &Told::default());
    assert_eq!(guess.tables.len(), 1, "files of one shape are one source");
    assert!(text.contains("paths = [\"a.csv\", \"b.csv\"]") && !text.contains("\ndedupe"));
}

#[test]
fn the_commented_catalogue_is_right_once_it_is_uncommented() {
    for csv in [
        visits(),
        invoices("InvoiceNo,CustomerID,InvoiceDate,StockCode,Quantity,UnitPrice", 0),
    ] {
        let (guess, text) = guessed(&[("x.csv", csv)], &Told::default());
        assert!(Spec::parse(&text).expect("valid").actions().is_empty());
        let (described, block) = text.split_at(text.find("## A starter catalogue").expect("there is one"));
        let uncommented: Vec<&str> = block
            .lines()
            .map(|line| line.strip_prefix('#').unwrap_or(line))
            .collect();
        let spec = Spec::parse(&format!("{described}{}", uncommented.join("\n"))).expect("valid");
        Rules::compile(&spec).expect("its rules compile");
        assert_eq!(spec.actions().len(), 11);
        let reference = spec
            .actions()
            .iter()
            .find(|action| action.name == "reference_call")
            .expect("one of them");
        assert!(
            reference
                .rules
                .iter()
                .any(|rule| rule.when.contains("feedback_last >= 8"))
        );
        assert!(reference.consent.is_some() && reference.quiet.minutes.is_some());
        assert!(spec.decisions().contacts.is_some() && spec.decisions().exploration > 0.0);
        if guess.stages.order.len() == 5 {
            let in_awareness = spec
                .actions()
                .iter()
                .filter(|action| action.eligible.stages.contains(&0));
            assert!(
                in_awareness.into_iter().all(|action| action.text.starts_with("guide.")),
                "only to learn"
            );
        }
    }
}

#[test]
fn a_catalogue_is_in_force_where_customers_say_whether_they_may_be_contacted() {
    let mut csv = "user_id,event_time,event_type,marketing_consent,nps\n".to_owned();
    for row in 0..900_u64 {
        let what = ["page_view", "add_to_cart", "purchase"][(row / 3 % 3) as usize];
        csv += &format!(
            "u{},{}T08:00:00Z,{what},{},{}\n",
            row % 45,
            day(row / 3),
            row / 50 % 2 == 0,
            row % 6
        );
    }
    let (_, text) = guessed(&[("events.csv", csv)], &Told::default());
    let spec = Spec::parse(&text).expect("valid");
    assert_eq!(spec.actions().len(), 11);
    assert!(text.contains("consent = \"marketing_consent\""), "{text}");
    assert!(
        text.contains("feedback_last >= 4.0"),
        "eight tenths of the best score there is\n{text}"
    );
}

#[test]
fn a_type_of_customer_is_not_what_happened() {
    let mut csv = "customer_id,created_at,type,amount\n".to_owned();
    for row in 0..600_u64 {
        csv += &format!(
            "{},{},{},{}.5\n",
            row % 60,
            day(row / 2),
            ["private", "company"][(row % 2) as usize],
            row % 9
        );
    }
    let (_, text) = guessed(&[("orders.csv", csv)], &Told::default());
    assert!(text.contains("touchpoint = { constant = \"purchase\" }"), "{text}");
    assert!(text.contains("# type = \"type\""), "{text}");
}

#[test]
fn times_of_other_countries_are_read_with_their_format() {
    let mut csv = "cliente,fecha,evento\n".to_owned();
    for row in 0..300_u64 {
        let date = jiff::civil::date(2024, 1, 1) + jiff::Span::new().days(row as i64);
        let what = ["visita", "compra"][(row / 2 % 2) as usize];
        csv += &format!("c{},{},{what}\n", row % 30, date.strftime("%d/%m/%Y"));
    }
    let (guess, text) = guessed(&[("eventos.csv", csv)], &Told::default());
    assert!(
        text.contains("at = { column = \"fecha\", format = \"%d/%m/%Y\" }"),
        "{text}"
    );
    assert_eq!(guess.sample.n_untimed, 0);
}

#[test]
fn the_price_of_what_is_looked_at_is_no_money_and_a_decimal_comma_is_told() {
    let mut csv = "user_id;event_time;event_type;price;peso\n".to_owned();
    for row in 0..900_u64 {
        let what = ["page_view", "add_to_cart", "purchase"][(row / 3 % 3) as usize];
        csv += &format!(
            "u{};{}T08:00:00Z;{what};{}.5;{},5\n",
            row % 45,
            day(row / 3),
            row % 7,
            row % 5
        );
    }
    let (_, text) = guessed(&[("events.csv", csv)], &Told::default());
    assert!(
        text.contains("# ? Is this money that came in from the customer? Then: value = \"price\""),
        "{text}"
    );
    assert!(
        text.contains("# ? \"peso\" is not read: its numbers have a decimal comma"),
        "{text}"
    );
}

#[test]
fn a_row_of_several_times_is_one_event_and_asks_about_the_others() {
    let mut csv = "order_id,customer_id,order_status,order_purchase_timestamp,order_delivered_date\n".to_owned();
    for row in 0..300_u64 {
        csv += &format!(
            "o{row}x,c{row},delivered,{}T08:00:00Z,{}T08:00:00Z\n",
            day(row),
            day(row + 5)
        );
    }
    let (_, text) = guessed(&[("export.csv", csv)], &Told::default());
    assert!(text.contains("at = \"order_purchase_timestamp\""), "{text}");
    assert!(text.contains("touchpoint = { constant = \"purchase\" }"), "{text}");
    assert!(text.contains("Are \"order_delivered_date\" events too?"), "{text}");
}

#[test]
fn columns_that_happen_to_bear_a_fields_name_are_not_read_as_that_field() {
    let mut csv =
        "customer_id;at;touchpoint;stage;value;event_id;sequence;known_at;propensity;account_id;channel\n".to_owned();
    for row in 0..600_u64 {
        let what = ["visit", "purchase"][(row / 2 % 2) as usize];
        let (stage, part) = (row % 4 + 1, row % 9);
        csv += &format!(
            "c{};{};{what};{stage};0,{part};e{};{row};{};high;a{};{}\n",
            row % 60,
            day(row / 2),
            row / 3 % 50,
            day(row / 2 + 90),
            row % 60,
            ["web", "shop"][(row % 60 % 2) as usize]
        );
    }
    let (_, text) = guessed(&[("events.csv", csv)], &Told::default());
    let spec = Spec::parse(&text).expect("valid");
    let source = &spec.sources()[0];
    assert!(source.unnamed_columns(spec.attributes()).is_empty(), "{text}");
    let ruled: Vec<&Field> = source.columns.iter().map(|(field, _)| field).collect();
    for field in [
        Field::Stage,
        Field::Value,
        Field::EventId,
        Field::KnownAt,
        Field::Propensity,
        Field::Channel,
    ] {
        assert!(!ruled.contains(&&field), "{field:?} is read\n{text}");
    }
    assert!(
        ruled.contains(&&Field::Sequence) && ruled.contains(&&Field::AccountId),
        "{text}"
    );
    assert!(
        text.contains("# ? Does \"known_at\" mean the field of its name?"),
        "{text}"
    );
    assert!(!text.contains("not_read"));
}

#[test]
fn a_stage_may_not_be_called_none() {
    let mut csv = "user,when,event,stage\n".to_owned();
    for row in 0..600_u64 {
        let what = ["visit", "purchase"][(row / 2 % 2) as usize];
        let stage = ["none", "lead", "won"][(row % 3) as usize];
        csv += &format!("u{},{},{what},{stage}\n", row % 60, day(row / 2));
    }
    let (_, text) = guessed(&[("events.csv", csv)], &Told::default());
    assert!(
        !text.contains("\nstage = \"stage\"") && text.contains("# ? \"stage\" is not read"),
        "{text}"
    );
}

#[test]
fn cells_that_ingest_refuses_cost_no_row() {
    let mut csv = "user,when,event,until,weight,code\n".to_owned();
    for row in 0..600_u64 {
        let what = ["visit", "purchase"][(row / 2 % 2) as usize];
        let until = if row == 7 {
            "2999-01-01".to_owned()
        } else {
            day(row % 50)
        };
        let weight = if row == 9 {
            "1e16".to_owned()
        } else {
            (row % 7).to_string()
        };
        csv += &format!("u{},{},{what},{until},{weight},{}\n", row % 60, day(row / 2), row % 5);
    }
    let (guess, text) = guessed(&[("events.csv", csv)], &Told::default());
    let names: Vec<&str> = guess.facts[0].attributes.iter().map(|of| of.name.as_str()).collect();
    assert_eq!(names, ["code"], "{text}");
    assert!(
        text.contains("# ? \"until\" is not read") && text.contains("# ? \"weight\" is not read"),
        "{text}"
    );
}

#[test]
fn an_id_in_one_word_is_an_id() {
    let csv = invoices("invoicenumber,CustomerID,InvoiceDate,StockCode,Quantity,UnitPrice", 0);
    let (_, text) = guessed(&[("x.csv", csv)], &Told::default());
    assert!(text.contains("event_id = \"invoicenumber\""), "{text}");
}

#[test]
fn ids_of_events_that_two_files_count_alike_are_left_out_of_one() {
    let file = |what: &str| {
        let mut csv = format!("user_id,{what}_time,{what}_id,event\n");
        for row in 0..300_u64 {
            let of = if row % 2 == 0 { "made" } else { "changed" };
            csv += &format!("u{},{},{},{what}_{of}\n", row % 60, day(row), row * 3);
        }
        csv
    };
    let files = [("a.csv", file("order")), ("b.csv", file("ticket"))];
    let (_, text) = guessed(&files, &Told::default());
    assert_eq!(text.matches("event_id = ").count(), 1, "{text}");
}
