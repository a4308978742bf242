//! The customer's own rhythm: gaps between events, and the present silence measured by them.

use percorso_journey::Spec;

use super::{Described, Entries};

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
    }
}
