//! The journey as lived lately: who is where, who came and went, and what happened at each touchpoint.
//!
//! Lately is as long as late events are waited for, because every event since then is kept one by one.

use std::collections::HashMap;

use percorso_journey::spec::{DesignedMove, NamedCategory};
use percorso_journey::{CategoryId, History, Spec, Timestamp};

/// Of which customers something is told: of an audience, of a product, of both, or of everyone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Segment {
    pub(crate) audience: Option<CategoryId>,
    pub(crate) product: Option<CategoryId>,
}

impl Segment {
    /// Attribute cells of such a customer, of whom nothing else is known.
    pub(crate) fn cells(self, spec: &Spec) -> Vec<f64> {
        let mut cells = vec![f64::NAN; spec.attributes().len()];
        for (attribute, value) in [(Spec::AUDIENCE, self.audience), (Spec::PRODUCT, self.product)] {
            cells[usize::from(attribute)] = value.map_or(f64::NAN, CategoryId::cell);
        }
        cells
    }
}

/// The journeys of everyone, by audience and product.
#[derive(Clone, Debug)]
pub(crate) struct LivedJourneys {
    pub(crate) since: Timestamp,
    until: Timestamp,
    audiences: Vec<NamedCategory>,
    products: Vec<NamedCategory>,
    by_segment: HashMap<Segment, Lived>,
}

/// The journeys of a segment.
#[derive(Clone, Debug)]
pub(crate) struct Lived {
    /// By position of the stage.
    pub(crate) stages: Vec<LivedStage>,
    /// By position of the touchpoint.
    pub(crate) touchpoints: Vec<LivedTouchpoint>,
    /// How many went from one stage to another, by both.
    moves: Vec<usize>,
}

/// A stage as lived.
#[derive(Clone, Debug, Default)]
pub(crate) struct LivedStage {
    /// How many customers are in it now.
    pub(crate) n_here: usize,
    /// How many came into it.
    pub(crate) n_came: usize,
    /// The days that those stayed who went on from it.
    pub(crate) stays: Vec<f32>,
    /// Of those who are in it now and are asked about, the mean chance of leaving.
    pub(crate) leaving: Mean,
}

/// A touchpoint as lived.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LivedTouchpoint {
    pub(crate) n_events: usize,
    pub(crate) n_customers: usize,
    /// How many of its events were the last before the customer went on to another stage than the leaving one.
    pub(crate) n_moved_on: usize,
    pub(crate) feedback: Mean,
}

/// A mean of numbers that come one by one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Mean {
    sum: f64,
    n: usize,
}

impl Mean {
    fn add(&mut self, number: f64) {
        self.sum += number;
        self.n += 1;
    }

    /// The mean; `None` of nothing.
    pub(crate) fn value(self) -> Option<f64> {
        (self.n > 0).then(|| self.sum / self.n as f64)
    }
}

impl LivedJourneys {
    /// Nobody's yet.
    pub(super) fn of_nobody(spec: &Spec, as_of: Timestamp) -> Self {
        Self {
            since: as_of.plus_days(-spec.allowed_lateness_days()),
            until: as_of,
            audiences: spec.audiences(),
            products: spec.products(),
            by_segment: HashMap::new(),
        }
    }

    /// Adds a customer with the chance of leaving, where there is one.
    pub(super) fn add(&mut self, history: &History, chance: Option<f64>) {
        let spec = history.state().spec();
        let attributes = history.state().attributes();
        let named = |attribute: u16, names: &[NamedCategory]| {
            let found = CategoryId::from_cell(attributes[usize::from(attribute)]);
            found.filter(|found| names.iter().any(|named| named.id == *found))
        };
        let audience = named(Spec::AUDIENCE, &self.audiences);
        let product = named(Spec::PRODUCT, &self.products);
        let mut segments = vec![Segment::default()];
        segments.extend(audience.map(|_| Segment {
            audience,
            product: None,
        }));
        segments.extend(product.map(|_| Segment {
            audience: None,
            product,
        }));
        segments.extend(audience.and(product).map(|_| Segment { audience, product }));
        for segment in segments {
            let lived = self.by_segment.entry(segment).or_insert_with(|| Lived::of_nobody(spec));
            lived.add(history, self.since, self.until, chance);
        }
    }

    /// The journeys of a segment; `None` where nobody is in it.
    pub(crate) fn of(&self, segment: Segment) -> Option<&Lived> {
        self.by_segment.get(&segment)
    }

    pub(crate) fn audiences(&self) -> &[NamedCategory] {
        &self.audiences
    }

    pub(crate) fn products(&self) -> &[NamedCategory] {
        &self.products
    }
}

impl Lived {
    fn of_nobody(spec: &Spec) -> Self {
        let n_stages = spec.stages().len();
        Self {
            stages: vec![LivedStage::default(); n_stages],
            touchpoints: vec![LivedTouchpoint::default(); spec.touchpoints().len()],
            moves: vec![0; n_stages * n_stages],
        }
    }

    fn add(&mut self, history: &History, since: Timestamp, until: Timestamp, chance: Option<f64>) {
        let leaving = history.state().spec().leaving_stage();
        let now = history.state().path().current();
        if let Some(here) = now.map(|stage| &mut self.stages[usize::from(stage)]) {
            here.n_here += 1;
            if let Some(chance) = chance {
                here.leaving.add(chance);
            }
        }
        let base = history.base().path();
        let mut standing = base.current().zip(base.since());
        let mut last: Option<u16> = None;
        let mut met = Vec::new();
        let log = history.log().iter().map(|logged| &logged.event);
        for event in log.filter(|event| event.at < until) {
            let is_late = event.at >= since;
            let moved = standing.filter(|(stage, _)| *stage != event.stage);
            if let Some((from, entered)) = moved.filter(|_| is_late) {
                self.moves[usize::from(from) * self.stages.len() + usize::from(event.stage)] += 1;
                self.stages[usize::from(from)]
                    .stays
                    .push(event.at.days_since(entered) as f32);
                if let Some(touchpoint) = last.filter(|_| event.stage != leaving) {
                    self.touchpoints[usize::from(touchpoint)].n_moved_on += 1;
                }
            }
            if moved.is_some() || standing.is_none() {
                standing = Some((event.stage, event.at));
                self.stages[usize::from(event.stage)].n_came += usize::from(is_late);
            }
            last = is_late.then_some(event.touchpoint);
            if !is_late {
                continue;
            }
            let touchpoint = &mut self.touchpoints[usize::from(event.touchpoint)];
            touchpoint.n_events += 1;
            if let Some(score) = event.feedback_score {
                touchpoint.feedback.add(score);
            }
            if !met.contains(&event.touchpoint) {
                met.push(event.touchpoint);
                touchpoint.n_customers += 1;
            }
        }
    }

    /// How many went from one stage to another.
    pub(crate) fn n_moved(&self, from: u16, to: u16) -> usize {
        self.moves[usize::from(from) * self.stages.len() + usize::from(to)]
    }

    /// Every move that was made or designed, those made most often first.
    pub(crate) fn moves(&self, designed: &[DesignedMove]) -> Vec<LivedMove> {
        let n_stages = self.stages.len() as u16;
        let pairs = (0..n_stages).flat_map(|from| (0..n_stages).map(move |to| (from, to)));
        let told = pairs.filter_map(|(from, to)| {
            let foreseen = designed
                .iter()
                .find(|designed| (designed.from, designed.to) == (from, to));
            let n_customers = self.n_moved(from, to);
            (n_customers > 0 || foreseen.is_some()).then_some(LivedMove {
                from,
                to,
                n_moved: n_customers,
                designed_days: foreseen.map(|designed| designed.within_days),
            })
        });
        let mut moves: Vec<LivedMove> = told.collect();
        moves.sort_by_key(|lived| std::cmp::Reverse(lived.n_moved));
        moves
    }
}

/// A move from stage to stage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct LivedMove {
    pub(crate) from: u16,
    pub(crate) to: u16,
    pub(crate) n_moved: usize,
    /// How long the stay before it was meant to last; `None` where the design does not foresee it.
    pub(crate) designed_days: Option<f64>,
}

impl LivedStage {
    /// The days within which half of those who went on did.
    pub(crate) fn median_stay(&self) -> Option<f64> {
        let mut stays = self.stays.clone();
        let middle = stays.len().checked_sub(1)? / 2;
        let (_, median, _) = stays.select_nth_unstable_by(middle, f32::total_cmp);
        Some(f64::from(*median))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use percorso_journey::{LoggedEvent, RawEvent, text};

    use super::*;

    fn history(spec: &Arc<Spec>, events: &[(i64, &str)]) -> History {
        let mut history = History::new(Arc::clone(spec));
        for (at, (day, touchpoint)) in events.iter().enumerate() {
            let raw = RawEvent {
                at: text::day(*day).micros(),
                touchpoint,
                feedback_score: Some(2.0 * at as f64),
                ..RawEvent::default()
            };
            let event = LoggedEvent {
                event_id: at.to_string(),
                event: spec.resolve(&raw).unwrap(),
            };
            history.insert(event).unwrap();
        }
        history
    }

    #[test]
    fn moves_stays_and_touchpoints_of_late_are_counted_and_older_ones_are_not() {
        let spec = Arc::new(Spec::parse(text::SMALL_SPEC).unwrap());
        let (visit, purchase) = (
            spec.touchpoint_named("visit").unwrap(),
            spec.touchpoint_named("purchase").unwrap(),
        );
        let stage_of = |touchpoint: u16| spec.touchpoints()[usize::from(touchpoint)].stage;
        let lately = spec.allowed_lateness_days();
        let now = 200;
        let mut journeys = LivedJourneys::of_nobody(&spec, text::day(now));
        let old = now - lately - 1;
        journeys.add(&history(&spec, &[(old, "visit"), (now - 2, "purchase")]), Some(0.2));
        journeys.add(
            &history(&spec, &[(now - 6, "visit"), (now - 5, "visit"), (now - 2, "purchase")]),
            Some(0.4),
        );
        journeys.add(&history(&spec, &[(old - 300, "visit")]), None);
        let lived = journeys.of(Segment::default()).unwrap();
        let (from, to) = (stage_of(visit), stage_of(purchase));
        assert_ne!(from, to);
        assert_eq!(lived.n_moved(from, to), 2);
        assert_eq!(lived.n_moved(to, from), 0);
        assert_eq!(lived.stages[usize::from(to)].n_here, 2);
        assert_eq!(lived.stages[usize::from(to)].n_came, 2);
        assert_eq!(lived.stages[usize::from(from)].n_here, 1);
        assert_eq!(lived.stages[usize::from(from)].n_came, 1);
        let leaving = lived.stages[usize::from(to)].leaving.value().unwrap();
        assert!((leaving - 0.3).abs() < 1e-12);
        assert_eq!(lived.stages[usize::from(from)].leaving.value(), None);
        assert_eq!(lived.stages[usize::from(from)].median_stay(), Some(4.0));
        let visited = lived.touchpoints[usize::from(visit)];
        assert_eq!((visited.n_events, visited.n_customers, visited.n_moved_on), (2, 1, 1));
        assert_eq!(visited.feedback.value(), Some(1.0));
        let moves = lived.moves(&[]);
        assert_eq!(moves.len(), 1);
        assert_eq!((moves[0].n_moved, moves[0].designed_days), (2, None));
    }
}
