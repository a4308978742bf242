//! Sets of classes that hold the one that comes as often as they say.

use ndarray::ArrayView2;
use percorso_artefact::{Artefact, Sealer};

use crate::training_set::check_length;
use crate::{Error, Result, setting};

/// Split-conformal sets, the least ambiguous (Sadinle, Lei and Wasserman 2019, "Least ambiguous set-valued classifiers
/// with bounded error levels"): of rows held back, the class that came was as probable as the least of them or more, in
/// all but a stated share.
///
/// Of rows exchangeable with those held back, a set holds what comes with at least the stated coverage, whatever the
/// probabilities are worth. That is said of all rows together, not of each class or segment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PredictionSets {
    /// A class this probable is in the set.
    least: f64,
}

impl PredictionSets {
    /// The coverage that sets are made for.
    pub const COVERAGE: f64 = 0.9;

    /// Every class is in the set: nothing was held back to say less.
    pub const ALL: PredictionSets = PredictionSets { least: 0.0 };

    /// The sets of rows held back, of which no learner learnt: a row of probabilities and the class that came, for each.
    ///
    /// Of too few rows for the coverage (nine for 0.9), every class is in the set.
    ///
    /// # Errors
    /// - the lengths differ, or a class is none of the columns
    /// - the coverage is not between 0 and 1
    pub fn fit(p: ArrayView2<'_, f64>, y: &[u32], coverage: f64) -> Result<PredictionSets> {
        check_length("classes that came, one for each row", p.nrows(), y.len())?;
        setting::check(
            "coverage",
            coverage > 0.0 && coverage < 1.0,
            "between 0 and 1",
            coverage,
        )?;
        let of_came = |(row, class): (ndarray::ArrayView1<'_, f64>, &u32)| row.get(*class as usize).copied();
        let mut came: Vec<f64> = p
            .outer_iter()
            .zip(y)
            .map(of_came)
            .collect::<Option<_>>()
            .ok_or(Error::Length {
                what: "classes of rows held back",
                expected: p.ncols(),
                found: y.iter().max().map_or(0, |class| *class as usize + 1),
            })?;
        came.sort_unstable_by(|a, b| b.total_cmp(a));
        let n_within = ((came.len() + 1) as f64 * coverage).ceil() as usize;
        Ok(came
            .get(n_within - 1)
            .map_or(Self::ALL, |&least| PredictionSets { least }))
    }

    /// For each class of a row, whether it is in the set; the likeliest always is.
    pub fn of<'a>(&'a self, classes: &'a [f64]) -> impl Iterator<Item = bool> + 'a {
        let likeliest = classes.iter().copied().fold(0.0, f64::max);
        classes.iter().map(move |&p| p >= self.least.min(likeliest))
    }

    /// Puts the sets under the prefix.
    ///
    /// # Errors
    /// - the prefix is not allowed in names, or was used before
    pub fn seal(&self, prefix: &str, sealer: &mut Sealer) -> Result<()> {
        Ok(sealer.put_vector(&name(prefix), &[self.least])?)
    }

    /// What was sealed under the prefix.
    ///
    /// # Errors
    /// - the array is missing or of another length, or holds no probability
    pub fn open(prefix: &str, artefact: &Artefact) -> Result<PredictionSets> {
        let least = artefact.array::<f64>(&name(prefix), &[1])?[0];
        if !(0.0..=1.0).contains(&least) {
            return Err(Error::Malformed {
                prefix: prefix.to_owned(),
                what: "prediction sets",
                why: "the least probability of a class in them is none",
            });
        }
        Ok(PredictionSets { least })
    }
}

fn name(prefix: &str) -> String {
    format!("{prefix}/sets_least")
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use percorso_artefact::Header;

    use super::*;
    use crate::Random;

    fn set(sets: &PredictionSets, classes: &[f64]) -> Vec<bool> {
        sets.of(classes).collect()
    }

    #[test]
    fn of_too_few_rows_everything_is_possible_and_with_one_more_the_least_of_them() {
        let p = |n: usize| Array2::from_shape_fn((n, 2), |(row, class)| [0.9 - row as f64 / 100.0, 0.1][class]);
        let eight = PredictionSets::fit(p(8).view(), &[0; 8], 0.9).unwrap();
        assert_eq!(eight, PredictionSets::ALL);
        let nine = PredictionSets::fit(p(9).view(), &[0; 9], 0.9).unwrap();
        assert_eq!(set(&nine, &[0.82, 0.18]), [true, false]);
        assert_eq!(set(&nine, &[0.5, 0.3]), [true, false], "the likeliest always is");
    }

    #[test]
    fn sets_cover_what_they_say_even_of_probabilities_that_are_wrong() {
        let mut random = Random::new(3);
        let mut draw = |n: usize| {
            let mut p = Array2::zeros((n, 3));
            let y: Vec<u32> = (0..n)
                .map(|row| {
                    let tilt = random.uniform();
                    let told = [0.1 + 0.8 * tilt, 0.8 - 0.75 * tilt, 0.1 - 0.05 * tilt];
                    p.row_mut(row).assign(&ndarray::arr1(&told));
                    let wrong = 0.4 * random.uniform();
                    let drawn = random.uniform();
                    u32::from(drawn > told[0] - wrong) + u32::from(drawn > told[0] + told[1] - wrong)
                })
                .collect();
            (p, y)
        };
        let (p, y) = draw(2_000);
        let sets = PredictionSets::fit(p.view(), &y, 0.9).unwrap();
        let (p, y) = draw(4_000);
        let rows = p.outer_iter().zip(&y);
        let n_held = rows
            .filter(|(row, came)| set(&sets, row.as_slice().unwrap())[**came as usize])
            .count();
        let coverage = n_held as f64 / 4_000.0;
        assert!((0.88..0.92).contains(&coverage), "{coverage}");
    }

    #[test]
    fn they_survive_the_file_and_a_number_that_is_no_probability_is_refused() {
        let sealed = |least: f64| {
            let mut sealer = Sealer::new();
            PredictionSets { least }.seal("next", &mut sealer).unwrap();
            PredictionSets::open(
                "next",
                &Artefact::open(&sealer.seal(&Header::default()).unwrap()).unwrap(),
            )
        };
        assert_eq!(sealed(0.3).unwrap(), PredictionSets { least: 0.3 });
        assert!(sealed(1.2).is_err());
    }
}
