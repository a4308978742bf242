//! How long to look ahead and back: what silence is leaving, which horizons are asked for, how history is cut.

use std::collections::BTreeSet;

use percorso_journey::days;

use super::facts::Facts;
use super::sample::Sample;
use super::stages::Stages;

/// Lengths that people plan in, in days.
const LENGTHS: [u32; 14] = [1, 2, 3, 5, 7, 14, 30, 60, 90, 180, 365, 730, 1_095, 1_825];
/// Silence longer than this share of customers' gaps is leaving.
const LONG_GAP: f64 = 0.8;
/// A silence is at most this share of the days there are, so that several follow one another.
const OF_SPAN: f64 = 1.0 / 7.0;
/// A horizon is at most this share of the days there are.
const HORIZON_OF_SPAN: f64 = 0.2;
/// What comes within so many days is asked unless journeys are faster or slower.
const NEXT_STAGE_DAYS: f64 = 30.0;
/// Events less than this apart are one visit.
const VISIT_DAYS: f64 = 0.5;
/// Cut-offs for training that are aimed for.
const CUTOFFS: f64 = 12.0;

/// What leaving is taken to be.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Churn {
    /// A touchpoint that is leaving.
    Event {
        touchpoints: Vec<String>,
        horizons_days: Vec<u32>,
        /// Days from the first event to leaving, for half of those who leave.
        median_days: f64,
    },
    /// Silence of these touchpoints.
    Inactivity {
        touchpoints: Vec<String>,
        days: u32,
        /// The gap that four in five are shorter than, every customer counting the same.
        long_gap_days: f64,
        /// The share of those seen before who were silent for the last so many days.
        rate: f64,
    },
}

/// Everything that is a number of days.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Windows {
    pub(super) churn: Churn,
    pub(super) next_stage_days: u32,
    pub(super) seen_within_days: u32,
    pub(super) every_days: u32,
    pub(super) cutoffs: u32,
    pub(super) span_days: f64,
    /// Half of the gaps between two visits of a customer are shorter, and nine in ten.
    pub(super) gaps_days: Option<(f64, f64)>,
    /// A few times lie far from all others.
    pub(super) has_stray_times: bool,
}

/// The windows that fit a sample.
pub(super) fn windows(sample: &Sample, stages: &Stages, facts: &[Facts]) -> Windows {
    let mut times: Vec<i64> = sample.rows.iter().map(|row| row.at).collect();
    times.sort_unstable();
    let at = |share: f64| {
        times
            .get(((times.len().max(1) - 1) as f64 * share) as usize)
            .copied()
            .unwrap_or(0)
    };
    let (first, last) = (at(0.001), at(0.999));
    let whole_days = days(sample.last_at.saturating_sub(sample.first_at));
    let span_days = days(last - first).max(1.0);
    let all: BTreeSet<usize> = (0..sample.touchpoints.len()).collect();
    let gaps = gaps(sample, &all);
    let leaving: Vec<&str> = named(stages, |touchpoint| touchpoint.is_leaving);
    let churn = if leaving.is_empty() {
        inactivity(sample, stages, facts, span_days)
    } else {
        event(sample, &leaving, span_days)
    };
    let longest = match &churn {
        Churn::Event { horizons_days, .. } => horizons_days.last().copied().unwrap_or(1),
        Churn::Inactivity { days, .. } => *days,
    };
    let slow = quantile(&gaps, 0.5).unwrap_or(NEXT_STAGE_DAYS).max(NEXT_STAGE_DAYS);
    let most_come = quantile(&gaps, 0.9).map_or(slow, |nine_in_ten| nine_in_ten.min(slow));
    let next_stage_days = at_least(most_come)
        .min(longest.max(7))
        .min(at_most(span_days * HORIZON_OF_SPAN));
    let window = f64::from(longest.max(next_stage_days));
    let seen_within_days = match &churn {
        Churn::Event { .. } => at_least(quantile(&gaps, 0.99).unwrap_or(window)).max(next_stage_days),
        Churn::Inactivity { days, .. } => nearest(3.0 * f64::from(*days)),
    };
    let room = (span_days - 2.0 * window).max(1.0);
    let every_days = at_most(room / CUTOFFS).min(30.max(at_most(window / 4.0)));
    Windows {
        churn,
        next_stage_days,
        seen_within_days: seen_within_days.min(at_least(span_days / 2.0)).max(longest),
        every_days,
        cutoffs: ((room / f64::from(every_days)) as u32).clamp(1, 24),
        span_days,
        gaps_days: quantile(&gaps, 0.5).zip(quantile(&gaps, 0.9)),
        has_stray_times: whole_days > 1.5 * span_days + 2.0,
    }
}

fn named(stages: &Stages, is: impl Fn(&super::stages::Touchpoint) -> bool) -> Vec<&str> {
    let of = stages.touchpoints.iter().filter(|touchpoint| is(touchpoint));
    of.map(|touchpoint| touchpoint.name.as_str()).collect()
}

fn positions(sample: &Sample, names: &[&str]) -> BTreeSet<usize> {
    let all = sample.touchpoints.iter().enumerate();
    all.filter(|(_, (name, _))| names.contains(&name.as_str()))
        .map(|(at, _)| at)
        .collect()
}

/// Gaps in days between a customer's visits with one of these touchpoints, rising, each with its share of the customer.
fn gaps(sample: &Sample, touchpoints: &BTreeSet<usize>) -> Vec<(f64, f64)> {
    let mut gaps = Vec::new();
    for rows in sample.customers() {
        let visits: Vec<i64> = rows
            .iter()
            .filter(|row| touchpoints.contains(&row.touchpoint))
            .map(|row| row.at)
            .collect();
        let own: Vec<f64> = visits
            .windows(2)
            .map(|pair| days(pair[1] - pair[0]))
            .filter(|gap| *gap > VISIT_DAYS)
            .collect();
        let weight = 1.0 / own.len().max(1) as f64;
        gaps.extend(own.into_iter().map(|gap| (gap, weight)));
    }
    gaps.sort_by(|one, other| one.0.total_cmp(&other.0));
    gaps
}

fn quantile(weighted: &[(f64, f64)], share: f64) -> Option<f64> {
    let all: f64 = weighted.iter().map(|(_, weight)| weight).sum();
    let mut before = 0.0;
    let found = weighted.iter().find(|(_, weight)| {
        before += weight;
        before >= share * all
    });
    found.or(weighted.last()).map(|(value, _)| *value)
}

/// The shortest length that is no shorter.
fn at_least(days: f64) -> u32 {
    LENGTHS
        .into_iter()
        .find(|length| f64::from(*length) >= days)
        .unwrap_or(LENGTHS[LENGTHS.len() - 1])
}

/// The longest length that is no longer; a day at least.
fn at_most(days: f64) -> u32 {
    LENGTHS
        .into_iter()
        .rev()
        .find(|length| f64::from(*length) <= days)
        .unwrap_or(1)
}

/// The length that is nearest, one being as far above as another is below by the same factor.
fn nearest(days: f64) -> u32 {
    let (below, above) = (at_most(days), at_least(days));
    if days * days < f64::from(below) * f64::from(above) {
        below
    } else {
        above
    }
}

fn event(sample: &Sample, leaving: &[&str], span_days: f64) -> Churn {
    let of = positions(sample, leaving);
    let mut until: Vec<(f64, f64)> = sample
        .customers()
        .filter_map(|rows| {
            let left = rows.iter().find(|row| of.contains(&row.touchpoint))?;
            Some((days(left.at - rows[0].at), 1.0))
        })
        .collect();
    until.sort_by(|one, other| one.0.total_cmp(&other.0));
    let median_days = quantile(&until, 0.5).unwrap_or(0.0);
    let longest = at_least(median_days).min(at_most(span_days * HORIZON_OF_SPAN));
    let at = LENGTHS.iter().position(|length| *length == longest).unwrap_or(0);
    let shorter = LENGTHS[..=at]
        .iter()
        .rev()
        .filter(|length| **length >= 5 || longest < 14);
    let mut horizons_days: Vec<u32> = shorter.take(3).copied().collect();
    horizons_days.sort_unstable();
    Churn::Event {
        touchpoints: leaving.iter().map(|name| (*name).to_owned()).collect(),
        horizons_days,
        median_days,
    }
}

fn inactivity(sample: &Sample, stages: &Stages, facts: &[Facts], span_days: f64) -> Churn {
    let has_journeys = facts.iter().any(|facts| facts.journey.is_some());
    let purchases = named(stages, |touchpoint| {
        touchpoint.stage == "purchase" && !touchpoint.is_placed
    });
    let begins = named(stages, |touchpoint| touchpoint.begins >= 0.02);
    let own = named(stages, |touchpoint| !touchpoint.is_contact);
    let is_enough = |names: &Vec<&str>| {
        let with = gaps(sample, &positions(sample, names));
        !names.is_empty() && with.len() >= 50
    };
    let choices = [purchases, if has_journeys { begins } else { Vec::new() }, own];
    let touchpoints = choices
        .into_iter()
        .find(is_enough)
        .unwrap_or_else(|| named(stages, |_| true));
    let of = positions(sample, &touchpoints);
    let long_gap_days = quantile(&gaps(sample, &of), LONG_GAP).unwrap_or(30.0);
    let days_of = nearest(long_gap_days).min(at_most(span_days * OF_SPAN));
    let is_before = |at: i64| days(sample.last_at - at) >= f64::from(days_of);
    let is_asked = |at: i64| is_before(at) && days(sample.last_at - at) < 4.0 * f64::from(days_of);
    let (mut n_asked, mut n_silent) = (0, 0);
    for rows in sample.customers() {
        let mut times = rows.iter().filter(|row| of.contains(&row.touchpoint)).map(|row| row.at);
        if times.clone().any(is_asked) {
            n_asked += 1;
            n_silent += u64::from(times.all(is_before));
        }
    }
    Churn::Inactivity {
        touchpoints: touchpoints.into_iter().map(str::to_owned).collect(),
        days: days_of,
        long_gap_days,
        rate: n_silent as f64 / f64::max(1.0, n_asked as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_those_that_people_plan_in() {
        assert_eq!((at_least(20.0), at_most(20.0), nearest(20.0)), (30, 14, 14));
        assert_eq!((at_least(0.1), at_most(0.1), nearest(0.1)), (1, 1, 1));
        assert_eq!((at_least(9_999.0), at_most(9_999.0)), (1_825, 1_825));
        assert_eq!(nearest(100.0), 90);
    }

    #[test]
    fn a_quantile_counts_customers_not_gaps() {
        let mut gaps: Vec<(f64, f64)> = (0..1_000).map(|_| (1.0, 1.0 / 1_000.0)).collect();
        gaps.extend([(50.0, 1.0), (60.0, 1.0)]);
        assert_eq!(quantile(&gaps, 0.5), Some(50.0));
        assert_eq!(quantile(&gaps, 0.9), Some(60.0));
        assert_eq!(quantile(&[], 0.5), None);
    }
}
