//! Effects in a model file.

use percorso_artefact::{Artefact, Sealer};
use percorso_learners::{FittedRidge, FittedTrees};

use super::{ArmUplift, Effect, EffectLearner, Uplift};
use crate::{Error, Estimate, OutcomeModel, Result};

impl Uplift {
    /// Puts everything under names that begin with `prefix/`.
    ///
    /// # Errors
    /// - the prefix is not allowed in names, or was used before
    pub fn seal(&self, prefix: &str, sealer: &mut Sealer) -> Result<()> {
        sealer.put_scalar(&format!("{prefix}/n_arms"), self.arms.len() as u32)?;
        for (at, arm) in self.arms.iter().enumerate() {
            arm.seal(&format!("{prefix}/{at}"), sealer)?;
        }
        Ok(())
    }

    /// What was sealed under the prefix.
    ///
    /// # Errors
    /// - an array is missing or of another type or shape, or the arrays contradict each other
    pub fn open(prefix: &str, artefact: &Artefact) -> Result<Uplift> {
        let n_arms: u32 = artefact.scalar(&format!("{prefix}/n_arms"))?;
        let arms = (0..n_arms).map(|at| ArmUplift::open(&format!("{prefix}/{at}"), artefact));
        Ok(Uplift {
            arms: arms.collect::<Result<_>>()?,
        })
    }
}

impl ArmUplift {
    fn seal(&self, prefix: &str, sealer: &mut Sealer) -> Result<()> {
        let Estimate { value, low, high } = self.average;
        sealer.put_vector(&format!("{prefix}/average"), &[value, low, high])?;
        sealer.put_scalar(&format!("{prefix}/n_rows"), self.n_rows as u32)?;
        let Some(effect) = &self.effect else {
            return Ok(sealer.put_text(&format!("{prefix}/learner"), "none")?);
        };
        sealer.put_vector(&format!("{prefix}/shrunk"), &[effect.center, effect.slope])?;
        let (name, arm) = match &effect.learner {
            EffectLearner::Odds { outcomes, shift } => {
                outcomes.seal(&format!("{prefix}/outcomes"), sealer)?;
                shift.seal(&format!("{prefix}/linear"), sealer)?;
                ("odds", None)
            }
            EffectLearner::DrLinear(ridge) => {
                ridge.seal(&format!("{prefix}/linear"), sealer)?;
                ("dr-linear", None)
            }
            EffectLearner::S { outcomes, arm } => {
                outcomes.seal(&format!("{prefix}/outcomes"), sealer)?;
                ("s", Some(arm))
            }
            EffectLearner::T { treated, control, arm } => {
                treated.seal(&format!("{prefix}/treated"), sealer)?;
                control.seal(&format!("{prefix}/control"), sealer)?;
                ("t", Some(arm))
            }
            EffectLearner::DrTrees(trees) => {
                trees.seal(&format!("{prefix}/trees"), sealer)?;
                ("dr-trees", None)
            }
        };
        if let Some(&arm) = arm {
            sealer.put_scalar(&format!("{prefix}/arm"), arm as u32)?;
        }
        Ok(sealer.put_text(&format!("{prefix}/learner"), name)?)
    }

    fn open(prefix: &str, artefact: &Artefact) -> Result<ArmUplift> {
        let malformed = |why| Error::Malformed {
            prefix: prefix.to_owned(),
            why,
        };
        let &[value, low, high] = artefact.array::<f64>(&format!("{prefix}/average"), &[3])? else {
            return Err(malformed("its average is not three numbers"));
        };
        let outcomes = |name: &str| -> Result<(OutcomeModel, usize)> {
            let outcomes = OutcomeModel::open(&format!("{prefix}/{name}"), artefact)?;
            let arm = artefact.scalar::<u32>(&format!("{prefix}/arm"))? as usize;
            if arm >= outcomes.n_arms() {
                return Err(malformed("its arm is none of its outcomes"));
            }
            Ok((outcomes, arm))
        };
        let learner = match artefact.text(&format!("{prefix}/learner"))? {
            "none" => None,
            "odds" => Some(EffectLearner::Odds {
                outcomes: OutcomeModel::open(&format!("{prefix}/outcomes"), artefact)?,
                shift: FittedRidge::open(&format!("{prefix}/linear"), artefact)?,
            }),
            "dr-linear" => Some(EffectLearner::DrLinear(FittedRidge::open(
                &format!("{prefix}/linear"),
                artefact,
            )?)),
            "s" => {
                let (outcomes, arm) = outcomes("outcomes")?;
                Some(EffectLearner::S { outcomes, arm })
            }
            "t" => {
                let ((treated, arm), (control, _)) = (outcomes("treated")?, outcomes("control")?);
                Some(EffectLearner::T { treated, control, arm })
            }
            "dr-trees" => Some(EffectLearner::DrTrees(FittedTrees::open(
                &format!("{prefix}/trees"),
                artefact,
            )?)),
            _ => return Err(malformed("its learner is none of odds, dr-linear, s, t, dr-trees")),
        };
        let effect = learner.map(|learner| -> Result<Effect> {
            let &[center, slope] = artefact.array::<f64>(&format!("{prefix}/shrunk"), &[2])? else {
                return Err(malformed("it is not shrunk by two numbers"));
            };
            Ok(Effect { learner, center, slope })
        });
        Ok(ArmUplift {
            average: Estimate { value, low, high },
            n_rows: artefact.scalar::<u32>(&format!("{prefix}/n_rows"))? as usize,
            effect: effect.transpose()?,
        })
    }
}
