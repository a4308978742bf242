//! Which stage each touchpoint belongs to, and which touchpoints are leaving: from words, from a column, or from where they come.

use std::collections::{BTreeMap, BTreeSet};

use percorso_journey::MICROS_PER_DAY;

use super::facts::Facts;
use super::fields::{Mapping, Table};
use super::sample::{Row, Sample};
use super::words::{END_STEMS, GOOD_ENDS, LEAVING_STEMS, OF_CUSTOMERS, STAGE_STEMS, STAGES, has_stem, has_word, words};

/// What the leaving stage is called.
const LEAVING: &str = "leaving";
/// Where most events say their stage in words, the others take the stage of those around them.
const ENOUGH_WORDS: f64 = 0.5;

/// How the stages were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A column says them.
    Column,
    /// The touchpoints' words do.
    Words,
    /// Only where touchpoints come in journeys does.
    Positions,
}

/// A touchpoint with all that is guessed of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Touchpoint {
    pub(super) name: String,
    pub(super) n_rows: u64,
    pub(super) stage: String,
    /// The stage is from where it comes, not from what it is called.
    pub(super) is_placed: bool,
    pub(super) is_leaving: bool,
    /// A contact that the business made, by its words.
    pub(super) is_contact: bool,
    pub(super) response: Option<&'static str>,
    /// The share of customers who ever have it.
    pub(super) of_customers: f64,
    /// The share of those for whom nothing comes more than a day after the first.
    pub(super) is_last: f64,
    /// The share of journeys that begin with it.
    pub(super) begins: f64,
}

/// The stages and what is in them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stages {
    pub(super) order: Vec<String>,
    pub(super) leaving: String,
    pub(super) found: Found,
    /// The commonest first.
    pub(super) touchpoints: Vec<Touchpoint>,
}

/// Where touchpoints come.
#[derive(Clone, Debug, Default)]
struct Place {
    n_customers: u64,
    n_last: u64,
    n_begins: u64,
    positions: f64,
    n_positions: u64,
    stages: BTreeMap<u64, u64>,
}

impl Place {
    fn mean(&self) -> f64 {
        self.positions / self.n_positions.max(1) as f64
    }
}

/// The stages of the touchpoints of a sample.
pub(super) fn stages(tables: &[(Table, Mapping)], facts: &[Facts], sample: &Sample) -> Stages {
    let (places, n_journeys) = places(tables, facts, sample);
    let leads_away = |at: usize| {
        let name = words(&sample.touchpoints[at].0);
        let place = &places[at];
        let is_last = place.n_last as f64 / place.n_customers.max(1) as f64;
        let of_customers = place.n_customers as f64 / sample.n_customers.max(1) as f64;
        let is_of_customer = has_stem(&name, END_STEMS) && has_word(&name, OF_CUSTOMERS);
        let is_plain_end = has_stem(&name, END_STEMS) && is_last > 0.9 && of_customers < 0.7;
        let is_leaving = (has_stem(&name, LEAVING_STEMS) || is_of_customer) && is_last > 0.6 && of_customers < 0.9;
        sample.touchpoints.len() > 1 && (is_leaving || is_plain_end) && !has_word(&name, GOOD_ENDS)
    };
    let leaving: BTreeSet<usize> = (0..places.len()).filter(|at| leads_away(*at)).collect();
    let staged = by_column(tables, sample, &places).unwrap_or_else(|| by_words(sample, &places, &leaving));
    let mut touchpoints: Vec<Touchpoint> = sample
        .touchpoints
        .iter()
        .enumerate()
        .map(|(at, (name, n_rows))| {
            let (place, of_name) = (&places[at], words(name));
            let is_leaving = leaving.contains(&at);
            let (stage, is_placed) = staged.of[at].clone();
            Touchpoint {
                name: name.clone(),
                n_rows: *n_rows,
                stage: if is_leaving { staged.leaving.clone() } else { stage },
                is_placed: is_placed && !is_leaving,
                is_leaving,
                is_contact: is_contact(&of_name),
                response: response(&of_name),
                of_customers: place.n_customers as f64 / sample.n_customers.max(1) as f64,
                is_last: place.n_last as f64 / place.n_customers.max(1) as f64,
                begins: place.n_begins as f64 / n_journeys.max(1) as f64,
            }
        })
        .collect();
    touchpoints.sort_by(|one, other| other.n_rows.cmp(&one.n_rows).then_with(|| one.name.cmp(&other.name)));
    Stages {
        order: staged.order,
        leaving: staged.leaving,
        found: staged.found,
        touchpoints,
    }
}

fn is_contact(words: &[String]) -> bool {
    let by = "mail email sms letter push newsletter call dem";
    let outward = "sent send offer campaign outbound inviata enviado gesendet versendet verzonden";
    has_word(words, by) && has_word(words, outward) || has_word(words, "outbound")
}

fn response(words: &[String]) -> Option<&'static str> {
    let of_offer = has_stem(words, "offer angebot ofert aanbod campaign coupon promo");
    if of_offer && has_stem(words, "accept redeem accett acept angenommen geaccept") {
        return Some("accepted");
    }
    (of_offer && has_stem(words, "reject declin refus rifiut rechaz abgelehnt geweigerd")).then_some("rejected")
}

fn places(tables: &[(Table, Mapping)], facts: &[Facts], sample: &Sample) -> (Vec<Place>, u64) {
    let mut places = vec![Place::default(); sample.touchpoints.len()];
    let mut n_journeys = 0;
    for rows in sample.customers() {
        let last_at = rows.last().map_or(0, |row| row.at);
        let mut first_of: BTreeMap<usize, i64> = BTreeMap::new();
        let mut journeys: BTreeMap<u64, Vec<&Row>> = BTreeMap::new();
        for row in rows {
            first_of.entry(row.touchpoint).or_insert(row.at);
            let journey = facts[row.table].journey.map_or(0, |column| row.cells[column]);
            journeys.entry(journey).or_default().push(row);
            if let Some(stage) = tables[row.table].1.stage {
                *places[row.touchpoint].stages.entry(row.cells[stage]).or_default() += 1;
            }
        }
        for (touchpoint, first_at) in first_of {
            places[touchpoint].n_customers += 1;
            places[touchpoint].n_last += u64::from(last_at - first_at <= MICROS_PER_DAY);
        }
        for rows in journeys.values() {
            n_journeys += 1;
            places[rows[0].touchpoint].n_begins += 1;
            let steps = (rows.len() - 1).max(1) as f64;
            for (step, row) in rows.iter().enumerate() {
                let place = &mut places[row.touchpoint];
                place.positions += step as f64 / steps;
                place.n_positions += 1;
            }
        }
    }
    (places, n_journeys)
}

struct Staged {
    order: Vec<String>,
    leaving: String,
    found: Found,
    /// Per touchpoint its stage, and whether that is only from where it comes.
    of: Vec<(String, bool)>,
}

/// The stages that a column says, in the order in which they come; `None` where there is no such column.
fn by_column(tables: &[(Table, Mapping)], sample: &Sample, places: &[Place]) -> Option<Staged> {
    let mut names: BTreeMap<u64, String> = BTreeMap::new();
    for (table, mapping) in tables {
        let values = mapping.stage.and_then(|column| table.columns[column].values());
        names.extend(
            values
                .into_iter()
                .flatten()
                .map(|(name, _)| (super::words::hash(name), name.clone())),
        );
    }
    if names.is_empty() || names.values().any(|name| name == "none") {
        return None;
    }
    let mut positions: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for place in places {
        for (stage, count) in &place.stages {
            if let Some(name) = names.get(stage) {
                let of = positions.entry(name).or_default();
                *of = (of.0 + place.mean() * *count as f64, of.1 + *count as f64);
            }
        }
    }
    let mut order: Vec<String> = names.values().cloned().collect();
    let mean = |name: &String| positions.get(name.as_str()).map_or(1.0, |(sum, count)| sum / count);
    let known = |name: &String| STAGES.iter().position(|stage| *stage == name.to_lowercase());
    order.sort_by(|one, other| known(one).cmp(&known(other)).then(mean(one).total_cmp(&mean(other))));
    let is_leaving = |name: &&String| {
        let name = words(name);
        (has_stem(&name, LEAVING_STEMS) || has_stem(&name, END_STEMS)) && !has_word(&name, GOOD_ENDS)
    };
    let leaving = order.iter().find(is_leaving).cloned();
    order.retain(|name| Some(name) != leaving.as_ref());
    let first = order.first()?.clone();
    let of = places.iter().map(|place| {
        let commonest = place
            .stages
            .iter()
            .max_by_key(|(_, count)| **count)
            .and_then(|(stage, _)| names.get(stage));
        (commonest.cloned().unwrap_or_else(|| first.clone()), commonest.is_none())
    });
    let of: Vec<_> = of.collect();
    (of.len() == sample.touchpoints.len()).then(|| Staged {
        order,
        leaving: leaving.unwrap_or_else(|| LEAVING.to_owned()),
        found: Found::Column,
        of,
    })
}

fn by_words(sample: &Sample, places: &[Place], leaving: &BTreeSet<usize>) -> Staged {
    let stage_of = |name: &str| {
        let name = words(name);
        STAGE_STEMS
            .iter()
            .find(|(_, stems)| has_stem(&name, stems))
            .map(|(stage, _)| *stage)
    };
    let said: Vec<Option<usize>> = sample.touchpoints.iter().map(|(name, _)| stage_of(name)).collect();
    let counts = || {
        sample
            .touchpoints
            .iter()
            .enumerate()
            .filter(|(at, _)| !leaving.contains(at))
    };
    let n_all: u64 = counts().map(|(_, (_, count))| count).sum();
    let n_said: u64 = counts()
        .filter(|(at, _)| said[*at].is_some())
        .map(|(_, (_, count))| count)
        .sum();
    let n_stages = counts().filter_map(|(at, _)| said[at]).collect::<BTreeSet<_>>().len();
    let is_one = sample.touchpoints.len() - leaving.len() <= 1;
    if n_said as f64 >= ENOUGH_WORDS * n_all as f64 && (n_stages > 1 || is_one) && n_said > 0 {
        let nearest = |at: usize| {
            let distance = |other: &usize| (places[*other].mean() - places[at].mean()).abs();
            let known = (0..said.len()).filter(|other| said[*other].is_some());
            known
                .min_by(|one, other| distance(one).total_cmp(&distance(other)))
                .and_then(|other| said[other])
        };
        let of = (0..said.len()).map(|at| {
            let stage = said[at].or_else(|| nearest(at)).unwrap_or(0);
            (STAGES[stage].to_owned(), said[at].is_none())
        });
        return Staged {
            order: STAGES.map(str::to_owned).to_vec(),
            leaving: LEAVING.to_owned(),
            found: Found::Words,
            of: of.collect(),
        };
    }
    let thirds = ["beginning", "middle", "end"];
    let third = |place: &Place| thirds[((place.mean() * 3.0) as usize).min(2)];
    let there: BTreeSet<&str> = counts().map(|(at, _)| third(&places[at])).collect();
    Staged {
        order: thirds
            .iter()
            .filter(|name| there.contains(**name))
            .map(|name| (*name).to_owned())
            .collect(),
        leaving: LEAVING.to_owned(),
        found: Found::Positions,
        of: places.iter().map(|place| (third(place).to_owned(), true)).collect(),
    }
}
