//! Where to draw the line, in words, as a picture and as a table of links.

use super::filter::Filter;
use super::words::{Said, Words};
use crate::accounts::{CutOff, CutOffs};

/// About so many cut-offs stand in the table.
const ROWS: usize = 10;

const LEFT: f64 = 12.0;
const RIGHT: f64 = 588.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 148.0;

/// The panel of cut-offs.
pub(super) struct Panel {
    pub(super) sentence: String,
    pub(super) rows: Vec<Row>,
    pub(super) picture: Picture,
    /// Whether a cut-off is asked for, so that the panel is open.
    pub(super) is_chosen: bool,
}

/// A cut-off in words, with the link that asks for it.
pub(super) struct Row {
    pub(super) at_least: String,
    pub(super) link: String,
    pub(super) is_best: bool,
    pub(super) is_chosen: bool,
    pub(super) contacted: String,
    pub(super) leavers: String,
    pub(super) others: String,
    pub(super) value: String,
}

/// Three lines over the cut-offs, as points of an SVG.
pub(super) struct Picture {
    pub(super) leavers: String,
    pub(super) others: String,
    pub(super) value: String,
    /// Where nothing is brought in.
    pub(super) zero: String,
    pub(super) best: Option<String>,
    pub(super) chosen: Option<String>,
    pub(super) to: String,
}

impl Panel {
    /// The panel; `None` where nobody may be contacted.
    pub(super) fn of(cut_offs: &CutOffs, filter: &Filter, t: Words) -> Option<Self> {
        let told: Vec<&CutOff> = cut_offs.told().collect();
        if told.is_empty() {
            return None;
        }
        let best = cut_offs.best();
        let chosen = filter.at_least();
        let sentence = best.map_or_else(|| t.say(Said::NoCutOff), |best| sentence(best, cut_offs, t));
        let every = told.len().div_ceil(ROWS);
        let every = [1, 2, 5, 10, 20, 50]
            .into_iter()
            .find(|nice| *nice >= every)
            .unwrap_or(every);
        let mut shown: Vec<&CutOff> = told.iter().copied().step_by(every).collect();
        shown.extend(best);
        shown.extend(chosen.map(|chosen| cut_offs.at(chosen)));
        shown.sort_by(|left, right| left.at_least.total_cmp(&right.at_least));
        shown.dedup_by_key(|cut_off| cut_off.at_least);
        let row = |cut_off: &&CutOff| Row {
            at_least: t.cut_off(cut_off.at_least),
            link: filter.link(cut_off.at_least),
            is_best: best.is_some_and(|best| best.at_least == cut_off.at_least),
            is_chosen: chosen.is_some_and(|chosen| cut_offs.at(chosen).at_least == cut_off.at_least),
            contacted: t.count(cut_off.n_contacted),
            leavers: t.say(Said::OfLeavers(
                &count(cut_off.leavers, t),
                &t.percent(cut_off.leavers / cut_offs.leavers.max(f64::MIN_POSITIVE)),
            )),
            others: count(cut_off.others(), t),
            value: t.money(cut_off.value),
        };
        Some(Self {
            sentence,
            rows: shown.iter().map(row).collect(),
            picture: Picture::of(&told, cut_offs, chosen, t),
            is_chosen: chosen.is_some(),
        })
    }
}

fn sentence(best: &CutOff, cut_offs: &CutOffs, t: Words) -> String {
    t.say(Said::BestCutOff {
        contacted: &t.count(best.n_contacted),
        at_least: &t.cut_off(best.at_least),
        leavers: &count(best.leavers, t),
        of_leavers: &count(cut_offs.leavers, t),
        others: &count(best.others(), t),
        value: &t.money(best.value),
    })
}

fn count(expected: f64, t: Words) -> String {
    t.count(expected.round() as usize)
}

impl Picture {
    fn of(told: &[&CutOff], cut_offs: &CutOffs, chosen: Option<f64>, t: Words) -> Self {
        let end = cut_offs.end().max(f64::MIN_POSITIVE);
        let x = |at_least: f64| LEFT + (RIGHT - LEFT) * (at_least / end).min(1.0);
        let y = |share: f64| BOTTOM - (BOTTOM - TOP) * share.clamp(0.0, 1.0);
        let most_others = told
            .iter()
            .map(|cut_off| cut_off.others())
            .fold(f64::MIN_POSITIVE, f64::max);
        let values = || told.iter().map(|cut_off| cut_off.value);
        let least = values().fold(0.0, f64::min);
        let span = (values().fold(0.0, f64::max) - least).max(f64::MIN_POSITIVE);
        let line = |share: &dyn Fn(&CutOff) -> f64| {
            let point = |cut_off: &&CutOff| format!("{:.1},{:.1}", x(cut_off.at_least), y(share(cut_off)));
            told.iter().map(point).collect::<Vec<_>>().join(" ")
        };
        let place = |at_least: f64| format!("{:.1}", x(at_least));
        Self {
            leavers: line(&|cut_off| cut_off.leavers / cut_offs.leavers.max(f64::MIN_POSITIVE)),
            others: line(&|cut_off| cut_off.others() / most_others),
            value: line(&|cut_off| (cut_off.value - least) / span),
            zero: format!("{:.1}", y(-least / span)),
            best: cut_offs.best().map(|best| place(best.at_least)),
            chosen: chosen.map(place),
            to: t.cut_off(cut_offs.end()),
        }
    }
}
