//! The customer's own rhythm: gaps between events and between visits, the present silence measured by them, and how the
//! last year looked.

use std::ops::Range;

use percorso_journey::Spec;
use percorso_journey::state::{Gaps, RhythmState};

use super::{Described, Entries, NEVER};
use crate::view::View;
use crate::{Gap, Quarter, Things, Told};

pub(super) fn enter(spec: &Spec, entries: &mut Entries<'_>) {
    for (at, rhythm) in spec.rhythms().into_iter().enumerate() {
        let name = rhythm.name;
        let things = things(spec, &rhythm.touchpoints);
        entries.number(
            format!("{name}_silence_days"),
            Described {
                unit: "days",
                meaning: &format!("days since the last of the {name} events"),
                missing: "no such event",
                told: Told::Since(things.clone()),
            },
            move |view| silence_days(view, at),
        );
        for between in [EVENTS, VISITS] {
            gaps(entries, at, &name, &things, between);
        }
        last_year(entries, at, &name, &things);
    }
}

/// What a rhythm's events are told as: a definition's name says nothing of them, so by their touchpoints.
fn things(spec: &Spec, touchpoints: &[u16]) -> Things {
    if touchpoints.len() == spec.touchpoints().len() {
        return Things::Events;
    }
    let name = |&at: &u16| spec.touchpoints()[usize::from(at)].name.clone();
    Things::of_touchpoints(touchpoints.iter().map(name).collect())
}

/// What gaps lie between.
#[derive(Clone, Copy)]
struct Between {
    gap: &'static str,
    things: &'static str,
    too_few: &'static str,
    too_few_gaps: &'static str,
    gaps: fn(&RhythmState) -> &Gaps,
    told: Gap,
}

const EVENTS: Between = Between {
    gap: "gap",
    things: "events",
    too_few: "fewer than two such events",
    too_few_gaps: "fewer than three such events",
    gaps: RhythmState::gaps,
    told: Gap::BetweenEvents,
};

const VISITS: Between = Between {
    gap: "visit_gap",
    things: "visits, events less than half a day apart being one",
    too_few: "fewer than two such visits",
    too_few_gaps: "fewer than three such visits",
    gaps: RhythmState::visit_gaps,
    told: Gap::BetweenVisits,
};

/// Enters the gaps between events or visits, and the present silence measured by them.
fn gaps(entries: &mut Entries<'_>, at: usize, name: &str, events: &Things, between: Between) {
    let Between {
        gap,
        things,
        too_few,
        too_few_gaps,
        gaps,
        told: gap_told,
    } = between;
    let gaps = move |view: &View<'_>| *gaps(&view.state.rhythms()[at]);
    entries.number(
        format!("{name}_{gap}_mean_days"),
        Described {
            unit: "days",
            meaning: &format!("mean gap between {name} {things}"),
            missing: too_few,
            told: Told::UsualGap {
                things: events.clone(),
                gap: gap_told,
            },
        },
        move |view| gaps(view).days().mean(),
    );
    entries.number(
        format!("{name}_{gap}_deviation_days"),
        Described {
            unit: "days",
            meaning: &format!("standard deviation of the gaps between {name} {things}"),
            missing: too_few_gaps,
            told: Told::GapSpread {
                things: events.clone(),
                gap: gap_told,
            },
        },
        move |view| gaps(view).days().deviation(),
    );
    entries.number(
        format!("{name}_{gap}_last_days"),
        Described {
            unit: "days",
            meaning: &format!("gap between the last two {name} {things}"),
            missing: too_few,
            told: Told::LastGap {
                things: events.clone(),
                gap: gap_told,
            },
        },
        move |view| gaps(view).last_days(),
    );
    entries.number(
        format!("{name}_silence_over_mean_{gap}"),
        Described {
            unit: "",
            meaning: &format!("silence over the mean gap plus one day between {name} {things}"),
            missing: too_few,
            told: Told::SilenceOverGap {
                things: events.clone(),
                gap: gap_told,
            },
        },
        move |view| silence_days(view, at) / (gaps(view).days().mean() + 1.0),
    );
    entries.number(
        format!("{name}_silence_{gap}_deviations"),
        Described {
            unit: "standard deviations",
            meaning: &format!("ln(1 + silence) against the customer's own ln(1 + gap) between {name} {things}"),
            missing: too_few_gaps,
            told: Told::SilenceAgainstRhythm {
                things: events.clone(),
                gap: gap_told,
            },
        },
        move |view| {
            let log_gaps = *gaps(view).logs();
            (libm::log1p(silence_days(view, at)) - log_gaps.mean()) / (log_gaps.deviation() + 0.1)
        },
    );
}

fn silence_days(view: &View<'_>, at: usize) -> f64 {
    view.days_since(view.state.rhythms()[at].last_at())
}

/// Enters how many events the last weeks had, how many of the weeks had any, and what came at this time last year.
fn last_year(entries: &mut Entries<'_>, at: usize, name: &str, things: &Things) {
    let count = move |view: &View<'_>, ages: Range<usize>| -> f64 { weeks(view, at, ages).map(f64::from).sum() };
    for n_weeks in [4, 13, 26, 52] {
        entries.number(
            format!("{name}_last_{n_weeks}w_n"),
            Described {
                unit: "",
                meaning: &format!("number of {name} events in the last {n_weeks} weeks"),
                missing: NEVER,
                told: Told::InLastWeeks {
                    things: things.clone(),
                    n_weeks: n_weeks as u32,
                },
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
                told: Told::WeeksWith {
                    things: things.clone(),
                    n_weeks: n_weeks as u32,
                },
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
            told: Told::MonthsWith {
                things: things.clone(),
                n_months: 13,
            },
        },
        move |view| {
            let had_any = |month: &usize| weeks(view, at, 4 * month..4 * month + 4).any(|n| n > 0);
            (0..13).filter(had_any).count() as f64
        },
    );
    for (which, quarter, ages) in [("after", Quarter::After, 39..52), ("before", Quarter::Before, 52..65)] {
        entries.number(
            format!("{name}_quarter_{which}_this_day_last_year_n"),
            Described {
                unit: "",
                meaning: &format!("number of {name} events in the 13 weeks {which} this day one year ago"),
                missing: NEVER,
                told: Told::LastYear {
                    things: things.clone(),
                    quarter,
                },
            },
            move |view| count(view, ages.clone()),
        );
    }
}

/// The counts of a rhythm's weeks of these ages.
fn weeks(view: &View<'_>, at: usize, ages: Range<usize>) -> impl Iterator<Item = u16> {
    view.state.rhythms()[at].weeks().counts(view.as_of, ages)
}
