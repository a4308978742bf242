//! Why a score is what it is: the learners' own contributions, grouped by family, in words.

use percorso_churn::{ChurnHead, Curve};
use percorso_features::{Catalogue, Family, Feature, Kind, Language, Value, sentence};
use percorso_journey::{JourneyState, MICROS_PER_DAY, Timestamp, Wait, at_risk};

use crate::attribution::{Attribution, Interval};
use crate::{ScoreError, Scores, ScoringModel, Scratch};

/// What one family of features adds to the log-odds of a probability, before calibration.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// The family.
    pub family: Family,
    /// Its part of the log-odds; positive raises the probability.
    pub log_odds: f64,
    /// The family's strongest cell, in words.
    pub text: String,
}

/// How many reasons are told, and in which language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Telling {
    /// At most so many of each probability.
    pub top: usize,
    /// The language.
    pub language: Language,
}

impl Telling {
    /// At most so many reasons in a language; `None` when that is none.
    pub fn top(top: usize, language: Language) -> Option<Self> {
        (top > 0).then_some(Self { top, language })
    }
}

/// The reasons of a customer's scores.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Explained {
    /// Per target of [`ScoringModel::targets`], the strongest first.
    pub churn: Vec<Vec<Reason>>,
    /// The stage likeliest to come first within the horizon, a position in [`ScoringModel::next_stage_classes`], and why.
    pub next: Option<(usize, Vec<Reason>)>,
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
        let n_columns = self.catalogue.len();
        Ok(match asked {
            Asked::Churn(target) => self.of_curve(self.answering(target, state, as_of), scratch),
            Asked::Next { stage, days } => {
                let intervals = self.waits_until(state, as_of, days, stage, scratch);
                Some(Attribution::of(&intervals, n_columns))
            }
        })
    }

    /// The target whose answer a target has: of a contract, that of the shortest time it ends within.
    fn answering(&self, target: usize, state: &JourneyState, as_of: Timestamp) -> usize {
        let sooner = |at: &usize| match self.targets()[*at].goes_on_from {
            Some((before, Curve::Contract)) => Some(before),
            Some((_, Curve::Event | Curve::Silence)) | None => None,
        };
        let is_answered =
            |at: &usize| self.churn[*at].is_some() && at_risk(&self.spec, state, self.targets()[*at].of_spec, as_of);
        let of_one_contract = std::iter::successors(Some(target), sooner);
        of_one_contract.filter(is_answered).last().unwrap_or(target)
    }

    /// Of leaving, along the target's curve; `None` where a part of it was not learnt.
    fn of_curve(&self, target: usize, scratch: &Scratch) -> Option<Attribution> {
        let before = |at: &usize| match self.targets()[*at].goes_on_from {
            Some((before, Curve::Event | Curve::Silence)) => Some(before),
            Some((_, Curve::Contract)) | None => None,
        };
        let steps = std::iter::successors(Some(target), before);
        let heads: Vec<&ChurnHead> = steps.map(|at| self.churn[at].as_ref()).collect::<Option<_>>()?;
        let told = |head: &&ChurnHead| self.told(|parts| head.contributions(&scratch.cells, parts));
        let interval = |coming: Attribution| Interval {
            coming,
            cause: None,
            exposed: 1.0,
        };
        let told = heads.iter().rev().map(told);
        let n_columns = self.catalogue.len();
        Some(match self.targets()[target].goes_on_from {
            // Silence lasts as long as nothing comes.
            Some((_, Curve::Silence)) => {
                let intervals: Vec<Interval> = told.map(|silent| interval(silent.of_the_contrary())).collect();
                Attribution::of(&intervals, n_columns).of_the_contrary()
            }
            Some((_, Curve::Event | Curve::Contract)) | None => {
                let intervals: Vec<Interval> = told.map(interval).collect();
                Attribution::of(&intervals, n_columns)
            }
        })
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

    /// The reasons of every churn score that is answered, and of the stage likeliest to come first within the horizon.
    ///
    /// # Errors
    /// - as of [`Self::score`].
    pub fn explain(
        &self,
        state: &JourneyState,
        scores: &Scores,
        telling: Telling,
        scratch: &mut Scratch,
    ) -> Result<Explained, ScoreError> {
        let mut of = |asked| self.reasons(state, scores.as_of, asked, telling, scratch);
        let churn = scores.churn.iter().enumerate().map(|(target, score)| match score {
            Some(_) => of(Asked::Churn(target)),
            None => Ok(Vec::new()),
        });
        let churn = churn.collect::<Result<_, _>>()?;
        let stages = scores.next_stage.split_last().map_or(&[][..], |(_, stages)| stages);
        let likeliest = (0..stages.len()).max_by(|one, other| stages[*one].total_cmp(&stages[*other]));
        let days = f64::from(self.next_stage_horizon_days());
        let next = match likeliest {
            Some(stage) => Some((stage, of(Asked::Next { stage, days })?)),
            None => None,
        };
        Ok(Explained { churn, next })
    }

    /// The strongest reasons of a probability, strongest first; none when it is not answered.
    ///
    /// # Errors
    /// - as of [`Self::score`].
    pub fn reasons(
        &self,
        state: &JourneyState,
        as_of: Timestamp,
        asked: Asked,
        telling: Telling,
        scratch: &mut Scratch,
    ) -> Result<Vec<Reason>, ScoreError> {
        let Some(Attribution { parts, .. }) = self.attribution(state, as_of, asked, scratch)? else {
            return Ok(Vec::new());
        };
        // What is told is what the row says now, though later intervals were asked about later.
        self.encode(state, as_of, scratch)?;
        let mut families = strongest(&self.catalogue, &parts);
        families.truncate(telling.top);
        let reason = |(family, log_odds, at): (Family, f64, usize)| {
            let feature = self.catalogue.features().nth(at).expect("a position of the catalogue");
            Reason {
                family,
                log_odds,
                text: format!(
                    "{} ({})",
                    sentence(&feature.told, self.value(feature, at, scratch), telling.language),
                    effect(asked, log_odds, telling.language)
                ),
            }
        };
        Ok(families.into_iter().map(reason).collect())
    }

    /// What a cell of the row holds, ready to be told.
    fn value(&self, feature: &Feature, at: usize, scratch: &Scratch) -> Value<'_> {
        let cell = scratch.row.cell(at);
        match feature.kind {
            _ if cell.is_nan() => Value::Missing,
            Kind::Number => Value::Number(cell),
            Kind::Category => {
                let label = self.encoder.label(at, scratch.cells[at] as usize);
                label.map_or(Value::Number(cell), Value::Label)
            }
        }
    }
}

/// For each family that adds anything, what it adds and its strongest cell, the strongest family first.
///
/// The cell is the strongest of those that pull where the family as a whole does.
fn strongest(catalogue: &Catalogue, parts: &[f64]) -> Vec<(Family, f64, usize)> {
    let of = |family: Family| {
        let named = catalogue.features().zip(parts).enumerate();
        named
            .filter(move |(_, (feature, _))| feature.family == family)
            .map(|(at, (_, &part))| (at, part))
    };
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
    families
}

/// What a reason does to a probability, in words.
const fn effect(asked: Asked, log_odds: f64, language: Language) -> &'static str {
    let raises = log_odds > 0.0;
    match (asked, language) {
        (Asked::Churn(_), Language::English) if raises => "raises the risk",
        (Asked::Churn(_), Language::English) => "lowers the risk",
        (Asked::Churn(_), Language::Italian) if raises => "aumenta il rischio",
        (Asked::Churn(_), Language::Italian) => "riduce il rischio",
        (Asked::Churn(_), Language::Spanish) if raises => "aumenta el riesgo",
        (Asked::Churn(_), Language::Spanish) => "reduce el riesgo",
        (Asked::Next { .. }, Language::English) if raises => "makes it likelier",
        (Asked::Next { .. }, Language::English) => "makes it less likely",
        (Asked::Next { .. }, Language::Italian) if raises => "lo rende più probabile",
        (Asked::Next { .. }, Language::Italian) => "lo rende meno probabile",
        (Asked::Next { .. }, Language::Spanish) if raises => "lo hace más probable",
        (Asked::Next { .. }, Language::Spanish) => "lo hace menos probable",
    }
}
