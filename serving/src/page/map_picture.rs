//! The journey map as a picture: a box for each stage in designed order, and an arrow for each move as thick as it is often
//! made.

use percorso_journey::Spec;

use super::words::{Said, Words};
use crate::accounts::{Lived, LivedMove};

const BOX_WIDTH: f64 = 150.0;
const BOX_HEIGHT: f64 = 70.0;
const GAP: f64 = 64.0;
const EDGE: f64 = 12.0;
/// Room for arrows above the boxes, and below them.
const ABOVE: f64 = 118.0;
const BELOW: f64 = 180.0;
/// A move made by fewer than this share of those who moved is in the table alone, unless it leads out.
const LEAST_SHARE: f64 = 0.005;
const THICKEST: f64 = 9.0;

/// Places and words of the picture.
pub(super) struct Picture {
    pub(super) width: String,
    pub(super) height: String,
    pub(super) boxes: Vec<StageBox>,
    pub(super) arrows: Vec<Arrow>,
}

/// A stage.
pub(super) struct StageBox {
    pub(super) name: String,
    pub(super) here: String,
    pub(super) leaving: String,
    pub(super) x: String,
    pub(super) y: String,
    pub(super) middle: String,
    pub(super) lines: [String; 3],
    pub(super) is_leaving: bool,
}

/// A move.
pub(super) struct Arrow {
    pub(super) path: String,
    pub(super) head: String,
    pub(super) thick: String,
    pub(super) class: &'static str,
    pub(super) label: String,
    pub(super) label_x: String,
    pub(super) label_y: String,
    pub(super) told: String,
}

/// Where a stage stands.
#[derive(Clone, Copy)]
struct Place {
    left: f64,
    top: f64,
}

impl Place {
    fn middle(self) -> f64 {
        self.left + BOX_WIDTH / 2.0
    }
}

impl Picture {
    pub(super) fn of(spec: &Spec, lived: &Lived, moves: &[LivedMove], t: Words) -> Self {
        let leaving = usize::from(spec.leaving_stage());
        let n_stages = lived.stages.len();
        let designed = (0..n_stages).filter(|stage| *stage != leaving);
        let mut places = vec![Place { left: 0.0, top: ABOVE }; n_stages];
        let mut left = EDGE;
        for stage in designed {
            places[stage].left = left;
            left += BOX_WIDTH + GAP;
        }
        let width = (left - GAP + EDGE).max(BOX_WIDTH + 2.0 * EDGE);
        places[leaving] = Place {
            left: (width - BOX_WIDTH) / 2.0,
            top: ABOVE + BOX_HEIGHT + BELOW,
        };
        let n_moved: usize = moves.iter().map(|lived| lived.n_moved).sum();
        let most = moves.iter().map(|lived| lived.n_moved).max().unwrap_or(0).max(1);
        let is_shown = |lived: &&LivedMove| {
            let is_out = usize::from(lived.to) == leaving;
            is_out || lived.designed_days.is_some() || lived.n_moved as f64 >= LEAST_SHARE * n_moved as f64
        };
        let arrow = |lived: &LivedMove| {
            let route = if usize::from(lived.to) == leaving {
                Route::Out
            } else if usize::from(lived.from) == leaving {
                Route::Back
            } else if lived.to == lived.from + 1 {
                Route::Next
            } else if lived.to > lived.from {
                Route::Ahead
            } else {
                Route::Behind
            };
            let name = |stage: u16| spec.stages()[usize::from(stage)].as_str();
            let (from, to) = (places[usize::from(lived.from)], places[usize::from(lived.to)]);
            let share = lived.n_moved as f64 / most as f64;
            route.arrow(
                (from, to),
                1.5 + (THICKEST - 1.5) * share,
                match (lived.designed_days, route) {
                    (_, Route::Out) => "out",
                    (Some(_), _) => "designed",
                    (None, _) => "undesigned",
                },
                t.count(lived.n_moved),
                t.say(Said::Moved(&t.count(lived.n_moved), name(lived.from), name(lived.to))),
            )
        };
        let stage_box = |(at, stage): (usize, &crate::accounts::LivedStage)| {
            let Place { left, top } = places[at];
            StageBox {
                name: spec.stages()[at].clone(),
                here: t.say(Said::HereNow(&t.count(stage.n_here))),
                leaving: stage
                    .leaving
                    .value()
                    .map_or_else(String::new, |chance| t.say(Said::MayLeave(&t.percent(chance)))),
                x: place(left),
                y: place(top),
                middle: place(places[at].middle()),
                lines: [24.0, 43.0, 60.0].map(|down| place(top + down)),
                is_leaving: at == leaving,
            }
        };
        Self {
            width: place(width),
            height: place(ABOVE + 2.0 * BOX_HEIGHT + BELOW + EDGE),
            boxes: lived.stages.iter().enumerate().map(stage_box).collect(),
            arrows: moves.iter().filter(is_shown).map(arrow).collect(),
        }
    }
}

/// The way an arrow takes.
#[derive(Clone, Copy)]
enum Route {
    /// To the stage beside.
    Next,
    /// Over the boxes, to a later stage.
    Ahead,
    /// Under the boxes, to an earlier stage.
    Behind,
    /// Down, to leaving.
    Out,
    /// Up, from leaving.
    Back,
}

impl Route {
    fn arrow(self, (from, to): (Place, Place), thick: f64, class: &'static str, label: String, told: String) -> Arrow {
        let under = from.top + BOX_HEIGHT;
        let (start, bend, end, label_at) = match self {
            Self::Next => {
                let y = from.top + BOX_HEIGHT / 2.0;
                let (start, end) = (from.left + BOX_WIDTH, to.left - 10.0);
                let middle = (start + end) / 2.0;
                ((start, y), (middle, y), (end, y), (middle, y - 10.0))
            }
            Self::Ahead => {
                let (start, end) = (from.middle() + 20.0, to.middle() - 20.0);
                let rise = (0.28 * (end - start)).min(1.9 * ABOVE - 30.0);
                let middle = (start + end) / 2.0;
                (
                    (start, from.top),
                    (middle, from.top - rise),
                    (end, to.top - 10.0),
                    (middle, from.top - rise / 2.0 - 8.0),
                )
            }
            Self::Behind => {
                let (start, end) = (from.middle() - 20.0, to.middle() + 20.0);
                let fall = (0.28 * (start - end)).clamp(36.0, 1.2 * BELOW);
                let middle = (start + end) / 2.0;
                (
                    (start, under),
                    (middle, under + fall),
                    (end, to.top + BOX_HEIGHT + 10.0),
                    (middle, under + fall / 2.0 + 16.0),
                )
            }
            Self::Out => {
                let aim = to.middle() + (from.middle() - to.middle()).clamp(-55.0, 55.0);
                let (start, end) = ((from.middle(), under), (aim, to.top - 10.0));
                let bend = (from.middle(), under + 0.62 * (to.top - under));
                // Where the way back of others does not pass: four fifths down the curve, beside it.
                let along = |start: f64, bend: f64, end: f64| 0.04 * start + 0.32 * bend + 0.64 * end;
                let label_at = (
                    along(start.0, bend.0, end.0) + 14.0,
                    along(start.1, bend.1, end.1) - 8.0,
                );
                (start, bend, end, label_at)
            }
            Self::Back => {
                let start = from.middle() + (to.middle() - from.middle()).clamp(-40.0, 40.0);
                let under = to.top + BOX_HEIGHT;
                let middle = under + 0.4 * (from.top - under);
                (
                    (start, from.top),
                    (to.middle() + 30.0, middle),
                    (to.middle() + 30.0, under + 10.0),
                    (to.middle() + 36.0, under + 0.5 * (from.top - under)),
                )
            }
        };
        // The head points where the curve ends.
        let (dx, dy) = (end.0 - bend.0, end.1 - bend.1);
        let length = dx.hypot(dy).max(1e-9);
        let (ux, uy) = (dx / length, dy / length);
        let half = 4.0 + thick / 2.0;
        let tip = (end.0 + 10.0 * ux, end.1 + 10.0 * uy);
        let (left, right) = (
            (end.0 - half * uy, end.1 + half * ux),
            (end.0 + half * uy, end.1 - half * ux),
        );
        let pair = |(x, y): (f64, f64)| format!("{x:.1} {y:.1}");
        Arrow {
            path: format!("M{} Q{} {}", pair(start), pair(bend), pair(end)),
            head: format!("M{} L{} L{} Z", pair(left), pair(tip), pair(right)),
            thick: place(thick),
            class,
            label,
            label_x: place(label_at.0),
            label_y: place(label_at.1),
            told,
        }
    }
}

fn place(number: f64) -> String {
    format!("{number:.1}")
}
