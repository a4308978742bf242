//! Hour, weekday and season of the cut-off where the business is, as points on a circle; never a date number.

use std::f64::consts::TAU;

use super::{Described, Entries, NEVER};
use crate::Told;
use crate::view::LocalTime;

/// How far around its circle the time stands, in turns.
type Turns = fn(LocalTime) -> f64;

pub(super) fn enter(entries: &mut Entries<'_>) {
    let circles: [(&str, &str, Told, Turns); 3] = [
        ("hour", "hour of the day", Told::HourOfDay, |local| {
            local.hour_of_day / 24.0
        }),
        ("weekday", "day of the week", Told::DayOfWeek, |local| {
            local.day_of_week / 7.0
        }),
        ("season", "day of the year", Told::TimeOfYear, |local| {
            local.share_of_year
        }),
    ];
    for (name, what, told, turns) in circles {
        let sine = &format!("sine of the {what} at the cut-off");
        entries.number(
            format!("{name}_sine"),
            Described {
                unit: "",
                meaning: sine,
                missing: NEVER,
                told: told.clone(),
            },
            move |view| libm::sin(TAU * turns(view.local())),
        );
        let cosine = &format!("cosine of the {what} at the cut-off");
        entries.number(
            format!("{name}_cosine"),
            Described {
                unit: "",
                meaning: cosine,
                missing: NEVER,
                told,
            },
            move |view| libm::cos(TAU * turns(view.local())),
        );
    }
}
