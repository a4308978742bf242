//! What changed since last week, and how the chance of leaving went before: scores as of earlier days by the model that serves.

use percorso_churn::ChurnScore;
use percorso_journey::{CustomerKey, Timestamp};

use super::figures;
use super::words::{Said, Words};
use crate::accounts::TARGET;
use crate::{Answer, Error, Question, ScoringService};

const WEEK_DAYS: i64 = 7;
/// Weeks that the line goes back.
const WEEKS: i64 = 8;

const LEFT: f64 = 8.0;
const RIGHT: f64 = 292.0;
const TOP: f64 = 8.0;
const BOTTOM: f64 = 72.0;

/// How the first chance of leaving changed.
pub(super) struct Change {
    pub(super) sentence: String,
    pub(super) trend: Option<Trend>,
}

/// The chance of leaving week by week, as points of an SVG.
pub(super) struct Trend {
    pub(super) line: String,
    pub(super) band: String,
    pub(super) dots: Vec<(String, String)>,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) most: String,
    /// The same in words.
    pub(super) told: String,
}

/// The first chance of leaving at a moment.
struct Point {
    at: Timestamp,
    churn: ChurnScore,
}

/// What changed up to an answer.
///
/// # Errors
/// - the store fails.
pub(super) fn change(service: &ScoringService, key: CustomerKey, now: &Answer, t: Words) -> Result<Change, Error> {
    let point = |answer: &Answer| {
        let churn = answer.scores.churn.get(TARGET).copied().flatten();
        churn.map(|churn| Point {
            at: answer.scores.as_of,
            churn,
        })
    };
    let week_ago = weeks_before(service, key, now, 1)?;
    let sentence = match (point(now), week_ago.as_ref()) {
        (Some(today), Some(week_ago)) if point(week_ago).is_some() => {
            let then = point(week_ago).map_or(today.churn, |point| point.churn);
            t.say(Said::SinceLastWeek {
                then: &t.percent(then.probability),
                between: &t.say(Said::Between(&t.percent(then.low), &t.percent(then.high))),
                now: &t.percent(today.churn.probability),
                events: &t.count(now.n_events.saturating_sub(week_ago.n_events) as usize),
            })
        }
        _ => t.say(Said::NoLastWeek),
    };
    let mut points: Vec<Point> = Vec::new();
    for weeks in (2..=WEEKS).rev() {
        let before = weeks_before(service, key, now, weeks)?;
        points.extend(before.as_ref().and_then(point));
    }
    points.extend(week_ago.as_ref().and_then(point));
    points.extend(point(now));
    let trend = (points.len() > 1).then(|| Trend::of(&points, service, t));
    Ok(Change { sentence, trend })
}

/// The answer of so many weeks before another, by the same model; `None` where nothing was known or is no longer.
fn weeks_before(service: &ScoringService, key: CustomerKey, now: &Answer, weeks: i64) -> Result<Option<Answer>, Error> {
    let question = Question {
        as_of: Some(now.scores.as_of.plus_days(-WEEK_DAYS * weeks)),
        telling: None,
    };
    match service.score(key, question) {
        Ok(answer) => Ok((answer.model.version() == now.model.version()).then_some(answer)),
        Err(Error::NothingBefore { .. } | Error::AsOfTooEarly { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Trend {
    fn of(points: &[Point], service: &ScoringService, t: Words) -> Self {
        let zone = service.spec().time_zone();
        let (first, last) = (&points[0], &points[points.len() - 1]);
        let span = last.at.days_since(first.at).max(1e-6);
        let x = |at: Timestamp| LEFT + (RIGHT - LEFT) * at.days_since(first.at) / span;
        // Up to the next tenth, so that small changes do not look large.
        let highest = points.iter().map(|point| point.churn.high).fold(0.0, f64::max);
        let most = ((highest * 10.0).ceil() / 10.0).clamp(0.1, 1.0);
        let y = |share: f64| BOTTOM - (BOTTOM - TOP) * (share / most).clamp(0.0, 1.0);
        let place = |point: &Point, share: f64| format!("{:.1},{:.1}", x(point.at), y(share));
        let line: Vec<String> = points
            .iter()
            .map(|point| place(point, point.churn.probability))
            .collect();
        let upper = points.iter().map(|point| place(point, point.churn.high));
        let lower = points.iter().rev().map(|point| place(point, point.churn.low));
        let day = |point: &Point| figures::date(point.at, zone, t.0);
        let told = points
            .iter()
            .map(|point| format!("{}: {}", day(point), t.percent(point.churn.probability)));
        Self {
            line: line.join(" "),
            band: upper.chain(lower).collect::<Vec<_>>().join(" "),
            dots: points
                .iter()
                .map(|point| {
                    (
                        format!("{:.1}", x(point.at)),
                        format!("{:.1}", y(point.churn.probability)),
                    )
                })
                .collect(),
            from: day(first),
            to: day(last),
            most: t.percent(most),
            told: told.collect::<Vec<_>>().join("; "),
        }
    }
}
