//! Who is listed, in what order, and in which language.

use percorso_journey::CustomerKey;

use crate::browser::{Browser, House};
use crate::common::secret;

fn link(id: &str) -> String {
    format!("/customer/{}\"", secret().key_of(id))
}

#[tokio::test]
async fn those_whom_acting_would_save_most_come_first() {
    let house = House::open().await;
    let inside = house.entered().await;
    let list = inside.list("").await;
    let ids = ["rich-call", "poor-call", "rich-postcard", "poor-postcard", "stranger"].map(link);
    let places = list.places(ids.each_ref().map(String::as_str));
    assert!(
        places.is_sorted(),
        "a call gains more, then who has more to lose: {places:?}"
    );
    assert!(list.body.contains("8.00") && list.body.contains("as assumed"));
    assert!(list.body.contains("Ada &#60;i&#62;"), "{}", list.body);
    let stranger: CustomerKey = secret().key_of("stranger");
    assert!(
        list.body.contains(&format!(">{stranger}<")),
        "without an id there is the key"
    );
    let by_value = inside.list("sort=value").await;
    let [rich_postcard, rich_call] = by_value.places([&link("rich-postcard"), &link("rich-call")].map(String::as_str));
    assert!(rich_postcard < rich_call);
}

#[tokio::test]
async fn an_id_is_shown_as_it_is_written_and_never_as_markup() {
    let house = House::open().await;
    let inside = house.entered().await;
    for page in [inside.list("").await, inside.get(&house.path("<b>bold</b>")).await] {
        assert!(page.body.contains("&#60;b&#62;bold"), "{}", page.body);
        assert!(!page.body.contains("<b>bold"));
    }
    let searched = inside.list("search=%22%3E%3Cscript%3E").await;
    assert!(!searched.body.contains("<script"));
    assert!(searched.body.contains("No customer fits"));
}

#[tokio::test]
async fn customers_are_found_by_stage_action_chance_and_id() {
    let house = House::open().await;
    let inside = house.entered().await;
    let rows = |body: &str| body.matches("href=\"/customer/").count();
    for (query, expected) in [
        ("", 7),
        ("action=call", 2),
        ("action=postcard", 5),
        ("action=nothing", 0),
        ("stage=purchase", 7),
        ("stage=retention", 0),
        ("at_least=0", 7),
        ("at_least=100", 0),
        ("at_least=many", 7),
        ("search=RICH", 2),
        ("search=stranger", 1),
        ("page=9&search=poor", 2),
        ("owner=Ada+%3Ci%3E", 1),
        ("owner=Nobody", 0),
    ] {
        let list = inside.list(query).await;
        assert_eq!(rows(&list.body), expected, "{query}");
    }
}

#[tokio::test]
async fn where_to_draw_the_line_is_told_and_asked_for() {
    let house = House::open().await;
    let inside = house.entered().await;
    let list = inside.list("").await;
    for text in [
        "type=\"range\" min=\"0\"",
        "Where to draw the line",
        "leavers",
        "<polyline class=\"l3\"",
        "worth most",
        "<option value=\"Ada &#60;i&#62;\">",
    ] {
        assert!(list.body.contains(text), "{text}: {}", list.body);
    }
    let links: Vec<&str> = list.body.split("href=\"/?").skip(1).collect();
    assert!(links.len() > 3);
    let first = links[1].split('"').next().unwrap();
    let asked = inside.list(&format!("owner=Ada+%3Ci%3E&{first}")).await;
    assert!(asked.body.contains("class=\"cut-off\" open"), "{}", asked.body);
    assert!(
        asked.body.contains("/?owner=Ada%20%3Ci%3E&#38;at_least=")
            && asked.body.contains("<option value=\"Ada &#60;i&#62;\" selected>"),
        "the other filters stay: {}",
        asked.body
    );
}

#[tokio::test]
async fn the_export_holds_the_list_and_no_formula() {
    let house = House::open().await;
    let inside = house.entered().await;
    inside.list("").await;
    let export = inside.get("/customers.csv?action=postcard").await;
    assert_eq!(export.header("content-type"), Some("text/csv; charset=utf-8"));
    let lines: Vec<&str> = export.body.lines().collect();
    assert_eq!(lines.len(), 6, "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("\"'=cmd\",")), "{lines:?}");
    assert!(
        lines[1].starts_with("\"rich-postcard\",") && lines[1].contains("risk"),
        "{lines:?}"
    );
}

#[tokio::test]
async fn every_page_is_told_in_the_language_asked_for_or_chosen() {
    let house = House::open().await;
    let inside = house.entered().await;
    inside.list("").await;
    for (language, code, list_says, page_says) in [
        ("en-GB,en", "en", "My customers", "Will they leave?"),
        ("it-IT,it;q=0.9,en;q=0.5", "it", "I miei clienti", "Se ne andrà?"),
        ("es", "es", "Mis clientes", "¿Se irá?"),
    ] {
        let browser = Browser {
            language: language.to_owned(),
            ..inside.clone()
        };
        let (list, page) = (browser.list("").await, browser.get(&house.path("rich-call")).await);
        for (answered, says) in [(&list, list_says), (&page, page_says)] {
            assert!(answered.body.contains(says), "{}", answered.body);
            assert!(answered.body.contains(&format!("<html lang=\"{code}\">")));
        }
    }
    let chosen = inside.get("/language?to=it&back=/customer/1").await;
    assert_eq!((chosen.status, chosen.header("location")), (303, Some("/customer/1")));
    let mut italian = inside.clone();
    let cookie = chosen.header("set-cookie").unwrap();
    italian.cookies.push(cookie.split(';').next().unwrap().to_owned());
    assert!(italian.list("").await.body.contains("I miei clienti"));
    let elsewhere = inside.get("/language?to=it&back=//evil.example").await;
    assert_eq!(elsewhere.header("location"), Some("/"));
}

#[tokio::test]
async fn the_journey_map_tells_stages_touchpoints_and_moves_and_leads_to_their_customers() {
    let house = House::open().await;
    let inside = house.entered().await;
    inside.list("").await;
    let map = inside.get("/map").await;
    assert_eq!(map.status, 200);
    map.places([
        "<svg class=\"map\"",
        "href=\"/?stage=purchase\"",
        "7 now",
        "<caption>Each touchpoint since then",
        "<th scope=\"row\">purchase</th><td>purchase</td>",
        // Designed, and nobody did it.
        "<td>consideration</td><td>purchase</td><td class=\"number\">0</td><td>yes</td>",
    ]);
    let of_nobody = inside.get("/map?audience=unheard-of").await;
    of_nobody.places(["7 now"]);
    house.server.stop().await;
}
