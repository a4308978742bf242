//! Which columns know what is still to come: real logs carry labels of whole journeys, and a model must not see them.

use std::collections::BTreeMap;
use std::fmt;

use percorso_journey::MICROS_PER_DAY;

use super::column::{Column, Kind};
use super::sample::Row;
use super::words::mix;

/// The part of what is unsure that has to be gone before something is said.
const NEARLY_SURE: f64 = 0.8;
/// Fewer journeys tell nothing.
const ENOUGH: u64 = 50;
/// Touchpoints of which it is asked whether they come.
const MAX_ASKED: usize = 50;
/// Where nearly all end alike, telling how is nothing.
const ALIKE: f64 = 0.97;

/// What a column tells of what is still to come.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Leak {
    /// What is told.
    pub(super) of: Foretold,
    /// How often it is told right, of others with the same value.
    pub(super) right: f64,
    /// How often it is told right without the column.
    pub(super) base: f64,
}

/// What is told beforehand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Foretold {
    Path,
    Last,
    Length,
    End,
    Next,
    /// Whether this touchpoint comes at all.
    Comes(String),
    /// Whether nothing comes in the last quarter of the time that the data span.
    Silence,
}

/// Journeys, and what is known of all of them together.
pub(super) struct Journeys<'a> {
    pub(super) of: &'a [Vec<&'a Row>],
    /// Names of touchpoints, by position.
    pub(super) touchpoints: &'a [(String, u64)],
    pub(super) first_at: i64,
    pub(super) last_at: i64,
}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match &self.of {
            Foretold::Path => "every touchpoint of the journey",
            Foretold::Last => "the journey's last touchpoint",
            Foretold::Length => "how many events the journey will have",
            Foretold::End => return write!(f, "is the time at which {:.0} % of journeys end", 100.0 * self.right),
            Foretold::Next => "the touchpoint that comes next",
            Foretold::Comes(name) => &format!("whether `{name}` ever comes"),
            Foretold::Silence => "whether nothing comes in the last quarter of the time",
        };
        let (right, base) = (100.0 * self.right, 100.0 * self.base);
        write!(f, "tells {what} right {right:.0} times in 100, {base:.0} without it")
    }
}

/// What a column of the whole journey tells of its end.
pub(super) fn of_journeys(column: usize, of: &Column, all: &Journeys<'_>) -> Option<Leak> {
    let journeys = all.of;
    if matches!(of.kind(), Kind::Time(_)) {
        return of_end(column, journeys);
    }
    let value = |rows: &Vec<&Row>| {
        rows.iter()
            .map(|row| row.cells[column])
            .find(|cell| *cell != 0)
            .unwrap_or(0)
    };
    let last = |rows: &Vec<&Row>| rows.last().map_or(0, |row| row.touchpoint as u64);
    let told = |of: Foretold, outcome: &dyn Fn(&Vec<&Row>) -> u64| {
        leak(of, journeys.iter().map(|rows| (value(rows), outcome(rows))), None)
    };
    let told_of_all = [
        told(Foretold::Path, &|rows| path(rows)),
        told(Foretold::Last, &last),
        told(Foretold::Length, &|rows| rows.len() as u64),
        told(Foretold::Silence, &|rows| {
            let last_quarter = all.last_at - (all.last_at - all.first_at) / 4;
            u64::from(rows.last().is_some_and(|row| row.at < last_quarter))
        }),
    ];
    let comes = |at: usize| {
        let of = Foretold::Comes(all.touchpoints[at].0.clone());
        told(of, &|rows| u64::from(rows.iter().any(|row| row.touchpoint == at)))
    };
    let first = told_of_all.into_iter().flatten().next();
    first.or_else(|| (0..all.touchpoints.len().min(MAX_ASKED)).find_map(comes))
}

/// What a column that changes from event to event tells of the next one.
///
/// A label of the journey may also be told once, with the first event; it is held against what that event alone tells.
pub(super) fn of_events(column: usize, all: &Journeys<'_>) -> Option<Leak> {
    let journeys = all.of;
    let steps = || {
        journeys.iter().flat_map(|rows| {
            let next = rows.iter().skip(1).map(|row| row.touchpoint as u64 + 1).chain([0]);
            rows.iter().zip(next)
        })
    };
    let now = |row: &Row| mix(row.touchpoint as u64 + 1);
    let base = right(steps().map(|(row, next)| (now(row), next)));
    let with = steps().map(|(row, next)| (now(row) ^ row.cells[column], next));
    let of_first = || {
        let first = |rows: &Vec<&Row>| (now(rows[0]), rows[0].cells[column]);
        let base = right(journeys.iter().map(|rows| (first(rows).0, path(rows))));
        let with = journeys.iter().map(|rows| (first(rows).0 ^ first(rows).1, path(rows)));
        leak(Foretold::Path, with, Some(base.0))
    };
    leak(Foretold::Next, with, Some(base.0)).or_else(of_first)
}

/// Every touchpoint of a journey, as a number.
fn path(rows: &[&Row]) -> u64 {
    rows.iter().fold(1, |path, row| mix(path ^ (row.touchpoint as u64 + 1)))
}

fn of_end(column: usize, journeys: &[Vec<&Row>]) -> Option<Leak> {
    let lasting = journeys
        .iter()
        .filter(|rows| rows.first().map(|row| row.at) < rows.last().map(|row| row.at));
    let (mut n, mut n_end, mut n_start) = (0, 0, 0);
    for rows in lasting {
        let is =
            |row: Option<&&Row>, cell: u64| row.is_some_and(|row| (row.at - cell as i64).abs() < MICROS_PER_DAY / 24);
        let cell = rows[0].cells[column];
        n += 1;
        n_end += u64::from(cell != 0 && is(rows.last(), cell));
        n_start += u64::from(cell != 0 && is(rows.first(), cell));
    }
    let right = n_end as f64 / n as f64;
    (n >= ENOUGH && right > 0.5 && n_end > n_start).then_some(Leak {
        of: Foretold::End,
        right,
        base: 0.0,
    })
}

/// What is said where values tell an outcome nearly always; `base` is how often it is told without them.
fn leak(of: Foretold, told: impl Iterator<Item = (u64, u64)> + Clone, base: Option<f64>) -> Option<Leak> {
    let n = told.clone().count() as u64;
    let (right, commonest) = right(told);
    let base = base.unwrap_or(commonest);
    let is_sure = base < ALIKE && right - base > NEARLY_SURE * (1.0 - base);
    (n >= ENOUGH && is_sure).then_some(Leak { of, right, base })
}

/// How often the outcome is the commonest among the others of the same value, and how often it is the commonest of all.
fn right(told: impl Iterator<Item = (u64, u64)>) -> (f64, f64) {
    let mut by_value: BTreeMap<u64, BTreeMap<u64, u64>> = BTreeMap::new();
    let mut all: BTreeMap<u64, u64> = BTreeMap::new();
    let mut n = 0;
    for (value, outcome) in told {
        *by_value.entry(value).or_default().entry(outcome).or_default() += 1;
        *all.entry(outcome).or_default() += 1;
        n += 1;
    }
    let (commonest, n_commonest) = all
        .iter()
        .max_by_key(|(_, count)| **count)
        .map_or((0, 0), |(of, count)| (*of, *count));
    let right_of = |outcomes: &BTreeMap<u64, u64>| -> u64 {
        let is_alone = outcomes.values().sum::<u64>() == 1;
        let is_right = |outcome: u64, count: u64| {
            let others = outcomes
                .iter()
                .filter(|(other, _)| **other != outcome)
                .map(|(_, count)| *count);
            let rival = others.max().unwrap_or(0);
            if is_alone {
                outcome == commonest
            } else {
                count > rival + 1 || (count > 1 && rival == 0)
            }
        };
        outcomes
            .iter()
            .filter(|(outcome, count)| is_right(**outcome, **count))
            .map(|(_, count)| *count)
            .sum()
    };
    let n_right: u64 = by_value.values().map(right_of).sum();
    (
        n_right as f64 / f64::max(1.0, n as f64),
        n_commonest as f64 / f64::max(1.0, n as f64),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_the_outcome_is_found_and_what_is_a_name_alone_is_not() {
        let outcomes = [7, 7, 8, 9, 8, 7, 9, 9, 8, 7].iter().cycle().take(200).copied();
        let label = outcomes.clone().map(|outcome| (outcome * 31, outcome));
        let found = leak(Foretold::Path, label, None).expect("a label");
        assert_eq!(found.right, 1.0);
        assert!((found.base - 0.4).abs() < 0.01);
        assert!(found.to_string().contains("right 100 times in 100, 40 without it"));
        let id = (1..).zip(outcomes.clone());
        assert_eq!(leak(Foretold::Path, id, None), None, "ids are told by no other");
        let noise = (0..).map(|at| at * 13 % 7).zip(outcomes);
        assert_eq!(leak(Foretold::Path, noise, None), None);
    }
}
