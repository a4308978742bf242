//! The customer's own rhythm: gaps between events and between visits, the present silence measured by them, and how the
//! last year looked.

use std::ops::Range;

use percorso_journey::Spec;

use super::{Described, Entries, NEVER};
use crate::view::View;

const TOO_FEW: &str = "fewer than two such events";
const TOO_FEW_GAPS: &str = "fewer than three such events";

pub(super) fn enter(spec: &Spec, entries: &mut Entries<'_>) {
    for (at, rhythm) in spec.rhythms().into_iter().enumerate() {
        let name = rhythm.name;
        entries.number(
            format!("{name}_gap_mean_days"),
            Described {
                unit: "days",
                meaning: &format!("mean gap between {name} events"),
                missing: TOO_FEW,
            },
            move |view| view.state.rhythms()[at].gaps_days().mean(),
        );
        entries.number(
            format!("{name}_gap_deviation_days"),
            Described {
                unit: "days",
                meaning: &format!("standard deviation of the gaps between {name} events"),
                missing: TOO_FEW_GAPS,
            },
            move |view| view.state.rhythms()[at].gaps_days().deviation(),
        );
        entries.number(
            format!("{name}_gap_last_days"),
            Described {
                unit: "days",
                meaning: &format!("gap between the last two {name} events"),
                missing: TOO_FEW,
            },
            move |view| view.state.rhythms()[at].last_gap_days(),
        );
        entries.number(
            format!("{name}_silence_days"),
            Described {
                unit: "days",
                meaning: &format!("days since the last of the {name} events"),
                missing: "no such event",
            },
            move |view| view.days_since(view.state.rhythms()[at].last_at()),
        );
        entries.number(
            format!("{name}_silence_over_mean_gap"),
            Described {
                unit: "",
                meaning: &format!("silence since the last of the {name} events over their mean gap plus one day"),
                missing: TOO_FEW,
            },
            move |view| {
                let rhythm = &view.state.rhythms()[at];
                view.days_since(rhythm.last_at()) / (rhythm.gaps_days().mean() + 1.0)
            },
        );
        entries.number(
            format!("{name}_silence_deviations"),
            Described {
                unit: "standard deviations",
                meaning: &format!("ln(1 + silence) against the customer's own ln(1 + gap) of {name} events"),
                missing: TOO_FEW_GAPS,
            },
            move |view| {
                let rhythm = &view.state.rhythms()[at];
                let silence = libm::log1p(view.days_since(rhythm.last_at()));
                (silence - rhythm.log_gaps().mean()) / (rhythm.log_gaps().deviation() + 0.1)
            },
        );
        visits(entries, at, &name);
        last_year(entries, at, &name);
    }
}

/// Enters the rhythm of visits, in which events less than half a day apart are one.
fn visits(entries: &mut Entries<'_>, at: usize, name: &str) {
    const TOO_FEW: &str = "fewer than two such visits";
    const TOO_FEW_GAPS: &str = "fewer than three such visits";
    let visits = move |view: &View<'_>| *view.state.rhythms()[at].visits();
    let silence_days = move |view: &View<'_>| view.days_since(view.state.rhythms()[at].last_at());
    entries.number(
        format!("{name}_visit_gap_mean_days"),
        Described {
            unit: "days",
            meaning: &format!("mean gap between visits with {name} events"),
            missing: TOO_FEW,
        },
        move |view| visits(view).gaps_days().mean(),
    );
    entries.number(
        format!("{name}_visit_gap_deviation_days"),
        Described {
            unit: "days",
            meaning: &format!("standard deviation of the gaps between visits with {name} events"),
            missing: TOO_FEW_GAPS,
        },
        move |view| visits(view).gaps_days().deviation(),
    );
    entries.number(
        format!("{name}_visit_gap_last_days"),
        Described {
            unit: "days",
            meaning: &format!("gap between the last two visits with {name} events"),
            missing: TOO_FEW,
        },
        move |view| visits(view).last_gap_days(),
    );
    entries.number(
        format!("{name}_silence_over_mean_visit_gap"),
        Described {
            unit: "",
            meaning: &format!(
                "silence since the last of the {name} events over the mean gap between visits plus one day"
            ),
            missing: TOO_FEW,
        },
        move |view| silence_days(view) / (visits(view).gaps_days().mean() + 1.0),
    );
    entries.number(
        format!("{name}_silence_visit_deviations"),
        Described {
            unit: "standard deviations",
            meaning: &format!(
                "ln(1 + silence) against the customer's own ln(1 + gap) between visits with {name} events"
            ),
            missing: TOO_FEW_GAPS,
        },
        move |view| {
            let log_gaps = *visits(view).log_gaps();
            (libm::log1p(silence_days(view)) - log_gaps.mean()) / (log_gaps.deviation() + 0.1)
        },
    );
}

/// Enters how many events the last weeks had, how many of the weeks had any, and what came at this time last year.
fn last_year(entries: &mut Entries<'_>, at: usize, name: &str) {
    let count = move |view: &View<'_>, ages: Range<usize>| -> f64 { weeks(view, at, ages).map(f64::from).sum() };
    for n_weeks in [4, 13, 26, 52] {
        entries.number(
            format!("{name}_last_{n_weeks}w_n"),
            Described {
                unit: "",
                meaning: &format!("number of {name} events in the last {n_weeks} weeks"),
                missing: NEVER,
            },
            move |view| count(view, 0..n_weeks),
        );
    }
    for n_weeks in [13, 52] {
        entries.number(
            format!("{name}_weeks_of_{n_weeks}_n"),
            Described {
                unit: "",
                meaning: &format!("number of the last {n_weeks} weeks that had {name} events"),
                missing: NEVER,
            },
            move |view| weeks(view, at, 0..n_weeks).filter(|&n| n > 0).count() as f64,
        );
    }
    entries.number(
        format!("{name}_months_of_13_n"),
        Described {
            unit: "",
            meaning: &format!("number of the last 13 spans of 4 weeks that had {name} events"),
            missing: NEVER,
        },
        move |view| {
            let had_any = |month: &usize| weeks(view, at, 4 * month..4 * month + 4).any(|n| n > 0);
            (0..13).filter(had_any).count() as f64
        },
    );
    for (which, ages) in [("after", 39..52), ("before", 52..65)] {
        entries.number(
            format!("{name}_quarter_{which}_this_day_last_year_n"),
            Described {
                unit: "",
                meaning: &format!("number of {name} events in the 13 weeks {which} this day one year ago"),
                missing: NEVER,
            },
            move |view| count(view, ages.clone()),
        );
    }
}

/// The counts of a rhythm's weeks of these ages.
fn weeks(view: &View<'_>, at: usize, ages: Range<usize>) -> impl Iterator<Item = u16> {
    view.state.rhythms()[at].weeks().counts(view.as_of, ages)
}
