//! Why a churn score is what it is: the learner's own contributions, grouped by family, in words.

use percorso_features::{Family, Feature, Kind};
use percorso_journey::{JourneyState, Timestamp};

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

impl ScoringModel {
    /// The strongest reasons of one target's score, strongest first, at most `top`; none when the target is not answered.
    ///
    /// # Errors
    /// - as of [`Self::score`].
    pub fn reasons(
        &self,
        state: &JourneyState,
        as_of: Timestamp,
        target: usize,
        top: usize,
        scratch: &mut Scratch,
    ) -> Result<Vec<Reason>, ScoreError> {
        self.encode(state, as_of, scratch)?;
        let Some(head) = &self.churn[target] else {
            return Ok(Vec::new());
        };
        let mut parts = vec![0.0; scratch.cells.len()];
        head.contributions(&scratch.cells, &mut parts);
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
