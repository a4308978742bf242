//! Which learner is chosen: the lowest loss, and among those that cannot be told apart the simplest.

use crate::bootstrap::{Bootstrap, Difference, paired_difference};
use crate::training_set::check_length;
use crate::{Error, Result, setting};

/// A candidate with its out-of-fold loss on each row; all candidates have the same rows.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// Its name, for the report.
    pub name: &'a str,
    /// Its place from simple to complex, as [`crate::Learner::complexity`].
    pub complexity: u32,
    /// Its loss on each row, such as `−ln p` of the class that came.
    pub losses: &'a [f64],
}

/// The choice and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    /// The position of the chosen candidate.
    pub chosen: usize,
    /// The position of the candidate with the lowest mean loss.
    pub best: usize,
    /// How each candidate stands, in the order given.
    pub standings: Vec<Standing>,
}

/// How a candidate stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// Its name.
    pub name: String,
    /// Its mean loss.
    pub mean_loss: f64,
    /// Its loss less the best one's; all 0 for the best itself.
    pub from_best: Difference,
    /// Whether it cannot be told from the best.
    pub is_tie: bool,
}

/// The candidate with the lowest mean loss, or the simplest that a paired bootstrap of customers cannot tell from it.
///
/// Of equally simple ones the lower loss is chosen, then the earlier position.
///
/// # Errors
/// - there is no candidate or no row, the lengths differ, or a loss is not finite
/// - a setting is outside its range
pub fn select(candidates: &[Candidate<'_>], customers: &[u64], bootstrap: &Bootstrap) -> Result<Selection> {
    if candidates.is_empty() {
        return Err(Error::Length {
            what: "candidates or more",
            expected: 1,
            found: 0,
        });
    }
    if customers.is_empty() {
        return Err(Error::NoRows);
    }
    for candidate in candidates {
        check_length("losses, one for each row", customers.len(), candidate.losses.len())?;
        for loss in candidate.losses {
            setting::check("a loss", loss.is_finite(), "a finite number", *loss)?;
        }
    }
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    let means: Vec<f64> = candidates.iter().map(|candidate| mean(candidate.losses)).collect();
    let by_loss = |a: &usize, b: &usize| means[*a].total_cmp(&means[*b]).then(a.cmp(b));
    let best = (0..candidates.len()).min_by(by_loss).expect("there is a candidate");

    let mut standings = Vec::with_capacity(candidates.len());
    for (position, candidate) in candidates.iter().enumerate() {
        let from_best = paired_difference(candidate.losses, candidates[best].losses, customers, bootstrap)?;
        standings.push(Standing {
            name: candidate.name.to_owned(),
            mean_loss: means[position],
            from_best,
            is_tie: from_best.is_tie(),
        });
    }
    let simplest = |a: &usize, b: &usize| {
        let complexity = |position: &usize| candidates[*position].complexity;
        complexity(a).cmp(&complexity(b)).then_with(|| by_loss(a, b))
    };
    let chosen = (0..candidates.len())
        .filter(|position| standings[*position].is_tie)
        .min_by(simplest)
        .expect("the best ties with itself");
    Ok(Selection {
        chosen,
        best,
        standings,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn losses(mean: f64, noise: f64, seed: u64) -> Vec<f64> {
        let mut random = Random::new(seed);
        (0..500).map(|_| mean + noise * (random.uniform() - 0.5)).collect()
    }

    fn chosen(candidates: &[(&str, u32, Vec<f64>)]) -> String {
        let candidates: Vec<Candidate<'_>> = candidates
            .iter()
            .map(|(name, complexity, losses)| Candidate {
                name,
                complexity: *complexity,
                losses,
            })
            .collect();
        let customers: Vec<u64> = (0..500).collect();
        let selection = select(&candidates, &customers, &Bootstrap::seeded(9)).unwrap();
        candidates[selection.chosen].name.to_owned()
    }

    #[test]
    fn a_clearly_better_complex_one_is_chosen() {
        let candidates = [
            ("simple", 0, losses(0.60, 0.2, 1)),
            ("complex", 4, losses(0.50, 0.2, 2)),
        ];
        assert_eq!(chosen(&candidates), "complex");
    }

    #[test]
    fn of_those_that_cannot_be_told_apart_the_simplest_is_chosen() {
        let best = losses(0.50, 0.4, 1);
        let tied: Vec<f64> = best
            .iter()
            .zip(losses(0.0, 0.4, 2))
            .map(|(loss, noise)| loss + noise + 0.002)
            .collect();
        let candidates = [
            ("complex", 4, best),
            ("simple", 1, tied.clone()),
            ("middle", 2, tied),
            ("worse", 0, losses(0.7, 0.2, 3)),
        ];
        assert_eq!(chosen(&candidates), "simple");
    }

    #[test]
    fn losses_that_cannot_be_compared_are_refused() {
        let candidate = Candidate {
            name: "x",
            complexity: 0,
            losses: &[f64::NAN],
        };
        assert!(select(&[candidate], &[1], &Bootstrap::seeded(1)).is_err());
        assert!(select(&[], &[1], &Bootstrap::seeded(1)).is_err());
        assert!(
            select(
                &[Candidate {
                    losses: &[],
                    ..candidate
                }],
                &[],
                &Bootstrap::seeded(1)
            )
            .is_err()
        );
    }
}
