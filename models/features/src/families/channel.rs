//! Channels: how much of each, what share, and which is preferred.

use percorso_journey::state::Slot;
use percorso_journey::{CategoryId, Spec};

use super::activity::counted;
use super::{Described, Entries};
use crate::view::View;
use crate::{Things, Told};

/// Shares and preference are told over this half-life: position in `HALF_LIVES_DAYS`, 90 days.
const HALF_LIFE: usize = 3;
const NO_CHANNEL: &str = "no event with a channel yet";

pub(super) fn enter(spec: &Spec, entries: &mut Entries<'_>) {
    let n_channels = spec.channels().len() as u16;
    for (at, channel) in (0..).zip(spec.channels()) {
        let slot = Slot::Channel(at);
        counted(
            entries,
            &format!("channel_{channel}"),
            &format!("events on channel {channel}"),
            Things::OnChannel(channel.clone()),
            slot,
        );
        entries.number(
            format!("channel_{channel}_since_days"),
            Described {
                unit: "days",
                meaning: &format!("days since the last event on channel {channel}"),
                missing: "no event on this channel yet",
                told: Told::Since(Things::OnChannel(channel.clone())),
            },
            move |view| view.since(slot),
        );
        entries.number(
            format!("channel_{channel}_share"),
            Described {
                unit: "",
                meaning: &format!("share of channel {channel} in events with a channel, halved every 90 days"),
                missing: NO_CHANNEL,
                told: Told::ChannelShare {
                    channel: channel.clone(),
                },
            },
            move |view| view.decayed(slot, HALF_LIFE) / total(view, n_channels),
        );
    }
    entries.category(
        "channel_preferred",
        Described {
            unit: "",
            meaning: "the channel used most, halved every 90 days",
            missing: NO_CHANNEL,
            told: Told::ChannelPreferred,
        },
        move |view| preferred(view, n_channels),
    );
}

fn total(view: &View<'_>, n_channels: u16) -> f64 {
    let total: f64 = (0..n_channels)
        .map(|at| view.decayed(Slot::Channel(at), HALF_LIFE))
        .sum();
    if total > 0.0 { total } else { f64::NAN }
}

/// The first of the most used channels.
fn preferred(view: &View<'_>, n_channels: u16) -> f64 {
    let mut best = (0.0, f64::NAN);
    for at in 0..n_channels {
        let used = view.decayed(Slot::Channel(at), HALF_LIFE);
        if used > best.0 {
            best = (used, CategoryId::of_index(at).cell());
        }
    }
    best.1
}
