//! Why a churn score is what it is: the learner's own contributions, grouped by family, in words.

use percorso_churn::ChurnHead;
use percorso_features::{Family, Feature, Kind};
use percorso_journey::{JourneyState, MICROS_PER_DAY, Timestamp, Wait};

use crate::attribution::{Attribution, Interval};
use crate::{ScoreError, ScoringModel, Scratch};

/// What one family of features adds to the log-odds of a churn score, before calibration.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// The family.
    pub family: Family,
    /// Its part of the log-odds; positive raises the risk.
    pub log_odds: f64,
    /// The family's strongest cell, in words.
    pub text: String,
}

/// A probability of a customer's scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Asked {
    /// Of leaving: a position in [`ScoringModel::targets`].
    Churn(usize),
    /// Of a stage to come first within so many days, at most the horizon.
    Next {
        /// A position in [`ScoringModel::next_stage_classes`] that is a stage.
        stage: usize,
        /// Days from the cut-off.
        days: f64,
    },
}

impl ScoringModel {
    /// What each column of a row adds to the log-odds of a probability, before calibration and before scores are made to
    /// agree; `None` when it is not answered.
    ///
    /// # Errors
    /// - as of [`Self::score`].
    pub fn attribution(
        &self,
        state: &JourneyState,
        as_of: Timestamp,
        asked: Asked,
        scratch: &mut Scratch,
    ) -> Result<Option<Attribution>, ScoreError> {
        self.encode(state, as_of, scratch)?;
        let intervals = match asked {
            Asked::Churn(target) => {
                let first = (0..=target)
                    .rev()
                    .find(|&at| !self.goes_on(at))
                    .expect("the first goes on from none");
                let heads: Option<Vec<&ChurnHead>> = self.churn[first..=target].iter().map(Option::as_ref).collect();
                let Some(heads) = heads else { return Ok(None) };
                let interval = |head: &ChurnHead| Interval {
                    coming: self.told(|parts| head.contributions(&scratch.cells, parts)),
                    cause: None,
                    exposed: 1.0,
                };
                heads.into_iter().map(interval).collect()
            }
            Asked::Next { stage, days } => self.waits_until(state, as_of, days, stage, scratch),
        };
        Ok(Some(Attribution::of(&intervals, self.catalogue.len())))
    }

    fn told(&self, tell: impl FnOnce(&mut [f64]) -> f64) -> Attribution {
        Attribution::told(self.catalogue.len(), tell)
    }

    /// The intervals of waiting from the cut-off until so many days later, with a stage as the cause.
    fn waits_until(
        &self,
        state: &JourneyState,
        as_of: Timestamp,
        days: f64,
        stage: usize,
        scratch: &mut Scratch,
    ) -> Vec<Interval> {
        let end = Timestamp::from_micros(as_of.micros() + (days * MICROS_PER_DAY as f64) as i64);
        let of_wait = |wait: Wait, cells: &[f32]| Interval {
            coming: self.told(|parts| self.next_stage.coming_contributions(cells, parts)),
            cause: Some(self.told(|parts| self.next_stage.stage_contributions(cells, stage, parts))),
            exposed: wait.part_after(as_of) - wait.part_after(end),
        };
        let mut intervals = Vec::new();
        self.each_wait(state, as_of, end, scratch, |wait, scratch| {
            intervals.push(of_wait(wait, &scratch.cells));
        });
        intervals
    }

    /// The strongest reasons of a probability, strongest first, at most `top`; none when it is not answered.
    ///
    /// # Errors
    /// - as of [`Self::score`].
    pub fn reasons(
        &self,
        state: &JourneyState,
        as_of: Timestamp,
        asked: Asked,
        top: usize,
        scratch: &mut Scratch,
    ) -> Result<Vec<Reason>, ScoreError> {
        let Some(Attribution { parts, .. }) = self.attribution(state, as_of, asked, scratch)? else {
            return Ok(Vec::new());
        };
        // What is told is what the row says now, though later intervals were asked about later.
        self.encode(state, as_of, scratch)?;
        let of = |family: Family| {
            let named = self.catalogue.features().zip(&parts).enumerate();
            named
                .filter(move |(_, (feature, _))| feature.family == family)
                .map(|(at, (_, &part))| (at, part))
        };
        // The cell told is the strongest of those that pull where the family as a whole does.
        let mut families: Vec<(Family, f64, usize)> = Family::ALL
            .into_iter()
            .filter_map(|family| {
                let sum: f64 = of(family).map(|(_, part)| part).sum();
                let pulling = of(family).filter(|(_, part)| part * sum > 0.0);
                let (strongest, _) = pulling.max_by(|left, right| left.1.abs().total_cmp(&right.1.abs()))?;
                Some((family, sum, strongest))
            })
            .collect();
        families.sort_by(|left, right| right.1.abs().total_cmp(&left.1.abs()).then(left.0.cmp(&right.0)));
        families.truncate(top);
        let reason = |(family, log_odds, strongest): (Family, f64, usize)| {
            let feature = self
                .catalogue
                .features()
                .nth(strongest)
                .expect("a position of the catalogue");
            Reason {
                family,
                log_odds,
                text: self.tell(feature, strongest, log_odds, scratch),
            }
        };
        Ok(families.into_iter().map(reason).collect())
    }

    fn tell(&self, feature: &Feature, at: usize, log_odds: f64, scratch: &Scratch) -> String {
        let cell = scratch.row.cell(at);
        let value = match feature.kind {
            _ if cell.is_nan() => feature.missing.clone(),
            Kind::Number => told_number(cell, &feature.unit),
            Kind::Category => self
                .encoder
                .label(at, scratch.cells[at] as usize)
                .unwrap_or("something rare")
                .to_owned(),
        };
        let effect = if log_odds > 0.0 {
            "raises the risk"
        } else {
            "lowers the risk"
        };
        format!("{}: {value} ({effect})", feature.meaning)
    }
}

fn told_number(number: f64, unit: &str) -> String {
    let rounded = if number.abs() < 10.0 {
        (number * 100.0).round() / 100.0
    } else {
        number.round()
    };
    if unit.is_empty() {
        rounded.to_string()
    } else {
        format!("{rounded} {unit}")
    }
}
