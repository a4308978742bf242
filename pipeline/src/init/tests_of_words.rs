//! Guesses that hang on words and shapes of columns, in files as other businesses write them.

use super::tests::{day, guessed};
use super::*;

/// Rows of 60 customers, written by `row` from its number and its customer.
fn rows(header: &str, row: impl Fn(u64, u64) -> String) -> String {
    let lines = (0..600).map(|number| row(number, number * 7 % 60) + "\n");
    format!("{header}\n{}", lines.collect::<String>())
}

fn said(csv: String) -> String {
    guessed(&[("export.csv", csv)], &Told::default()).1
}

#[test]
fn lines_of_orders_are_purchases_whatever_their_category() {
    let header = "Order ID,Order Date,Customer ID,Category,Sales";
    let text = said(rows(header, |number, _| {
        let order = number / 2;
        let category = ["Furniture", "Technology", "Office"][(number % 3) as usize];
        format!(
            "US-{},{},C{},{category},{}.5",
            1_000 + order,
            day(order),
            order * 7 % 60,
            number % 9
        )
    }));
    assert!(text.contains("touchpoint = { constant = \"purchase\" }"), "{text}");
    assert!(text.contains("event_id = \"Order ID\""), "{text}");
}

#[test]
fn amounts_as_people_write_them_are_money_that_is_asked_about() {
    let header = "customer,order_date,total";
    let text = said(rows(header, |number, customer| {
        format!("c{customer},{},\"$1,{}34.50\"", day(number / 2), number % 10)
    }));
    assert!(text.contains("touchpoint = { constant = \"purchase\" }"), "{text}");
    assert!(
        text.contains("# ? Is it money that came in? Then also: value = \"total\""),
        "{text}"
    );
}

#[test]
fn customers_that_are_nobody_are_asked_about() {
    let text = said(rows("user_id,time,event", |number, customer| {
        let user = if number % 8 == 0 {
            "NULL".to_owned()
        } else {
            format!("u{customer}")
        };
        format!(
            "{user},{},{}",
            day(number / 2),
            ["visit", "purchase"][(number / 3 % 2) as usize]
        )
    }));
    assert!(text.contains("# ? 75 rows are of the customer \"null\""), "{text}");
}

#[test]
fn a_deal_that_is_won_is_not_lost() {
    let text = said(rows("account,close_date,stage", |number, customer| {
        let stage = ["Prospecting", "Negotiation", "Closed Won", "Closed Lost"][(number / 60 % 4) as usize];
        format!("a{customer},{},{stage}", day(number / 2))
    }));
    assert!(!text.contains("leaving = \"Closed Won\""), "{text}");
}

#[test]
fn what_tells_something_of_customers_does_not_name_them() {
    let text = said(rows("session_id,customer_age,time,event", |number, customer| {
        format!(
            "{},{},{},{}",
            7_000 + customer,
            20 + customer % 50,
            day(number / 2),
            ["visit", "cart"][(number % 2) as usize]
        )
    }));
    assert!(text.contains("customer_id = \"session_id\""), "{text}");
    let text = said(rows(
        "customer_id,customer_unique_id,order_date,amount",
        |number, customer| format!("k{number},c{customer},{},{}.5", day(number / 2), number % 9),
    ));
    assert!(text.contains("customer_id = \"customer_unique_id\""), "{text}");
}

#[test]
fn french_and_portuguese_headings_are_understood() {
    let text = said(rows(
        "Utilisateur;Date de commande;Événement;Quantité;Montant",
        |number, customer| {
            let what = ["panier", "achat", "résiliation"][(number / 60 % 3) as usize];
            format!("u{customer};{};{what};{};{}.5", day(number / 2), number % 4, number % 9)
        },
    ));
    for line in [
        "customer_id = \"Utilisateur\"",
        "at = \"Date de commande\"",
        "touchpoint = \"Événement\"",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    let text = said(rows("Client;Date de commande;Prix", |number, customer| {
        format!("c{customer};{};{},90", day(number / 2), number % 9)
    }));
    assert!(text.contains("{ constant = \"purchase\" }"), "{text}");
    let text = said(rows(
        "Cliente;Data da compra;Produto;Preço;Quantidade",
        |number, customer| {
            format!(
                "c{customer};{};p{};{}.5;{}",
                day(number / 2),
                number % 30,
                number % 9,
                number % 4
            )
        },
    ));
    for line in [
        "product_of = [\"Quantidade\", \"Preço\"]",
        "{ constant = \"purchase\" }",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}

#[test]
fn small_numbers_in_common_make_no_link() {
    let file = |id: &str, led: &str| {
        rows(&format!("{id},time,event"), |number, customer| {
            format!(
                "{led}{customer},{},{}",
                day(number / 2),
                ["visit", "cart"][(number % 2) as usize]
            )
        })
    };
    let files = [("a.csv", file("customer_id", "")), ("b.csv", file("key", ""))];
    let (guess, _) = guessed(&files, &Told::default());
    assert!(guess.passed_over.contains_key("b.csv"));
    let files = [("a.csv", file("customer_id", "c")), ("b.csv", file("key", "c"))];
    let (guess, _) = guessed(&files, &Told::default());
    assert!(guess.passed_over.is_empty());
}

#[test]
fn times_in_two_columns_or_counted_are_asked_about() {
    let text = said(rows("user,date,time,ts,event", |number, customer| {
        let what = ["visit", "cart"][(number % 2) as usize];
        format!(
            "u{customer},{},{}:30,{},{what}",
            day(number / 2),
            number % 24,
            1_706_700_000_000_u64 + number
        )
    }));
    assert!(text.contains("# ? Is \"time\" the time of the day \"date\"?"), "{text}");
    assert!(
        text.contains("# ? \"ts\" is not read: it may be a time counted"),
        "{text}"
    );
}
