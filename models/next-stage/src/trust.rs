//! How far the answer about what comes next can be trusted, told from answers given at earlier cut-offs.

use percorso_artefact::{Artefact, Sealer};
use percorso_learners::{Band, PredictionSets, Result};

/// What earlier answers say of one given now.
#[derive(Clone, Debug, PartialEq)]
pub struct Trust {
    /// Sets of classes that hold what comes as often as they say.
    pub sets: PredictionSets,
    /// Around the probability of the likeliest class, how often it came.
    pub band: Band,
}

/// The likeliest class, and how sure that is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Likeliest {
    /// Its position.
    pub class: usize,
    /// Its probability.
    pub probability: f64,
    /// Lower end of the 90 % interval of how often it comes, among customers whose likeliest class is as likely.
    pub low: f64,
    /// Upper end of it.
    pub high: f64,
}

impl Likeliest {
    /// False when the interval is too wide to act on.
    pub fn is_enough_data(&self) -> bool {
        Band::is_enough_data(self.low, self.high)
    }
}

impl Trust {
    /// Where no earlier answer was judged: anything may come, with any probability.
    pub fn none() -> Self {
        Self {
            sets: PredictionSets::ALL,
            band: Band::anything(),
        }
    }

    /// The likeliest of an answer's classes, and how sure that is.
    ///
    /// # Panics
    /// When there is no class.
    pub fn likeliest(&self, classes: &[f64]) -> Likeliest {
        let (class, probability) = likeliest(classes);
        let (low, high) = self.band.around(probability);
        Likeliest {
            class,
            probability,
            low,
            high,
        }
    }

    pub(crate) fn seal(&self, prefix: &str, sealer: &mut Sealer) -> Result<()> {
        self.sets.seal(prefix, sealer)?;
        self.band.seal(prefix, sealer)
    }

    pub(crate) fn open(prefix: &str, artefact: &Artefact) -> Result<Self> {
        Ok(Self {
            sets: PredictionSets::open(prefix, artefact)?,
            band: Band::open(prefix, artefact)?,
        })
    }
}

/// The likeliest of an answer's classes, the first of equals, and its probability.
///
/// # Panics
/// When there is no class.
pub fn likeliest(classes: &[f64]) -> (usize, f64) {
    let by_probability = |one: &(usize, f64), other: &(usize, f64)| one.1.total_cmp(&other.1).then(other.0.cmp(&one.0));
    let classes = classes.iter().copied().enumerate();
    classes.max_by(by_probability).expect("an answer has classes")
}

#[cfg(test)]
mod tests {
    use percorso_artefact::Header;
    use percorso_learners::{Bootstrap, OutOfFold};

    use super::*;

    #[test]
    fn what_was_told_from_answers_survives_the_file() {
        let rows = OutOfFold {
            p: &[0.2, 0.4, 0.6, 0.9],
            y: &[0, 1, 0, 1],
            customers: &[1, 2, 3, 4],
            origins: &[0; 4],
        };
        let p = ndarray::arr2(&[[0.7, 0.3]; 20]);
        let trust = Trust {
            sets: PredictionSets::fit(p.view(), &[0; 20], 0.9).expect("rows"),
            band: Band::fit(&rows, &Bootstrap::seeded(1)).expect("rows"),
        };
        assert_ne!(trust, Trust::none());
        let mut sealer = Sealer::new();
        trust.seal("next", &mut sealer).expect("names are taken once");
        let artefact = Artefact::open(&sealer.seal(&Header::default()).expect("sealed")).expect("opened");
        assert_eq!(Trust::open("next", &artefact).expect("there"), trust);
    }

    #[test]
    fn of_nothing_judged_anything_may_come_and_equals_are_told_in_order() {
        let trust = Trust::none();
        let likeliest = trust.likeliest(&[0.2, 0.4, 0.4]);
        assert_eq!((likeliest.class, likeliest.probability), (1, 0.4));
        assert!(likeliest.low < 1e-5 && likeliest.high > 1.0 - 1e-5 && !likeliest.is_enough_data());
        assert!(trust.sets.of(&[1.0, 0.0]).all(|is_in_set| is_in_set));
    }
}
