//! How well it was told how long customers stay: of leaving by an event, over time.

use std::collections::BTreeMap;

use percorso_features::Catalogue;
use percorso_journey::Timestamp;
use percorso_learners::metrics::{Followed, InSight, aalen_johansen, brier_by, concordance};
use serde::{Deserialize, Serialize};

use super::question::MIN_ROWS;
use crate::dataset::Dataset;
use crate::{Error, Result};

/// One definition of leaving by an event, judged over time; whoever was still there at the data's end counts for as long as
/// they were followed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StayEvaluation {
    /// The definition.
    pub definition: String,
    /// Rows asked about.
    pub n: usize,
    /// The share of comparable pairs of rows of which the one told the greater risk, at the longest horizon, left first;
    /// none where no two rows can be compared.
    pub concordance: Option<f64>,
    /// By horizon.
    pub points: Vec<StayPoint>,
    /// By stage at the cut-off and horizon: told and come; stages of few rows are left out.
    pub by_stage: BTreeMap<String, Vec<ToldAndCame>>,
}

/// The answers at one horizon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StayPoint {
    /// Days after the cut-off.
    pub days: f64,
    /// Mean squared distance between the probability told and whether they had left, rows still followed standing in for
    /// those that were not.
    pub brier: f64,
    /// The same of what Kaplan and Meier tell of the stage: the share that had left of who was in the same stage before.
    pub brier_of_stage: f64,
    /// Told and come, of all rows.
    pub all: ToldAndCame,
}

/// Mean probability told, and the share that had left, as if nobody had gone out of sight (Aalen and Johansen).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToldAndCame {
    /// Days after the cut-off.
    pub days: f64,
    /// Mean probability told.
    pub told: f64,
    /// The share that had left.
    pub came: f64,
}

/// Rows of a dataset of which it is asked how long their customers stay.
#[derive(Clone, Copy)]
pub(crate) struct Stays<'a> {
    pub(crate) dataset: &'a Dataset,
    pub(crate) catalogue: &'a Catalogue,
    /// Position of the definition in the spec.
    pub(crate) definition: usize,
    pub(crate) rows: &'a [usize],
}

impl Stays<'_> {
    /// How long each was followed.
    ///
    /// # Panics
    /// When a row's customer was not at risk.
    pub(crate) fn followed(&self) -> Vec<Followed> {
        let stay = |row: &usize| {
            let stay = self.dataset.stays[self.definition][*row].expect("only rows at risk are asked about");
            Followed {
                days: stay.days,
                cause: stay.has_left.then_some(0),
            }
        };
        self.rows.iter().map(stay).collect()
    }

    /// What Kaplan and Meier told at `by` of the stage each row is in, for each of `days`: a list for each.
    pub(crate) fn told_of_stage(&self, by: Timestamp, days: &[f64]) -> Result<Vec<Vec<f64>>> {
        let stage_at = self.catalogue.position("stage_current");
        // The id of the stage a row's customer is in.
        let stage = |row: usize| {
            let cell = self.dataset.cell(row, stage_at?);
            cell.is_finite().then(|| cell.to_bits())
        };
        let (mut known, mut all): (BTreeMap<Option<u64>, Vec<Followed>>, Vec<Followed>) = Default::default();
        for (row, stay) in self.dataset.stays[self.definition].iter().enumerate() {
            let as_of = self.dataset.as_of[row];
            if let Some(stay) = stay.filter(|_| as_of < by) {
                let followed_days = by.days_since(as_of);
                let followed = Followed {
                    days: stay.days.min(followed_days),
                    cause: (stay.has_left && stay.days < followed_days).then_some(0),
                };
                known.entry(stage(row)).or_default().push(followed);
                all.push(followed);
            }
        }
        let share = |(stage, rows): (&Option<u64>, &Vec<Followed>)| Ok((*stage, left(rows, days)?));
        let shares: BTreeMap<Option<u64>, Vec<f64>> = known.iter().map(share).collect::<Result<_>>()?;
        if all.is_empty() {
            return Err(Error::Missing(format!("nobody could leave before {by}")));
        }
        let of_all = left(&all, days)?;
        let of_row = |row: &usize| shares.get(&stage(*row)).unwrap_or(&of_all);
        let of_rows: Vec<&Vec<f64>> = self.rows.iter().map(of_row).collect();
        let at = |at: usize| of_rows.iter().map(|shares| shares[at]).collect();
        Ok((0..days.len()).map(at).collect())
    }

    /// The evaluation of what was told for each of `days`: a list for each, of one probability for each row.
    pub(crate) fn evaluation(
        &self,
        definition: &str,
        told: &[(f64, Vec<f64>)],
        of_stage: &[Vec<f64>],
        name_of_stage: impl Fn(usize) -> Option<String>,
    ) -> Result<StayEvaluation> {
        let rows = self.followed();
        let days: Vec<f64> = told.iter().map(|(days, _)| *days).collect();
        let in_sight = InSight::of(&rows).map_err(failed)?;
        let came = left(&rows, &days)?;
        let point = |at: usize| -> Result<StayPoint> {
            let (days, p) = &told[at];
            let brier = |p: &[f64]| brier_by(p, &rows, None, just_before(*days), &in_sight).map_err(failed);
            Ok(StayPoint {
                days: *days,
                brier: brier(p)?,
                brier_of_stage: brier(&of_stage[at])?,
                all: ToldAndCame {
                    days: *days,
                    told: mean(p.iter().copied()),
                    came: came[at],
                },
            })
        };
        let mut stages: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (place, row) in self.rows.iter().enumerate() {
            if let Some(stage) = name_of_stage(*row) {
                stages.entry(stage).or_default().push(place);
            }
        }
        let by_stage = |(stage, places): (String, Vec<usize>)| {
            let of_stage: Vec<Followed> = places.iter().map(|&place| rows[place]).collect();
            let shares = told
                .iter()
                .zip(left(&of_stage, &days)?)
                .map(|((days, p), came)| ToldAndCame {
                    days: *days,
                    told: mean(places.iter().map(|&place| p[place])),
                    came,
                });
            Ok((stage, shares.collect()))
        };
        let longest = told.last().map_or(&[][..], |(_, p)| p);
        Ok(StayEvaluation {
            definition: definition.to_owned(),
            n: rows.len(),
            concordance: concordance(longest, &rows, None).ok(),
            points: (0..told.len()).map(point).collect::<Result<_>>()?,
            by_stage: stages
                .into_iter()
                .filter(|(_, places)| places.len() >= MIN_ROWS)
                .map(by_stage)
                .collect::<Result<_>>()?,
        })
    }
}

/// The share that had left by each of `days`.
fn left(rows: &[Followed], days: &[f64]) -> Result<Vec<f64>> {
    let days: Vec<f64> = days.iter().map(|days| just_before(*days)).collect();
    Ok(aalen_johansen(rows, 1, &days).map_err(failed)?.swap_remove(0))
}

/// A window ends before its last moment: who leaves at it has stayed, who was followed up to it was seen to stay.
fn just_before(days: f64) -> f64 {
    days.next_down()
}

fn mean(numbers: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = numbers.len() as f64;
    numbers.sum::<f64>() / n
}

fn failed(source: percorso_learners::Error) -> Error {
    Error::Fit {
        what: "the measures of how long customers stay".to_owned(),
        source,
    }
}
