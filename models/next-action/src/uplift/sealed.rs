//! Effects in a model file.

use percorso_artefact::{Artefact, Sealer};
use percorso_learners::{FittedRidge, FittedTrees};

use super::{ArmUplift, Effect, EffectLearner, PartEffect, Uplift};
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
        sealer.put_scalar(&format!("{prefix}/level"), self.level)?;
        sealer.put_scalar(&format!("{prefix}/n_rows"), self.n_rows as u32)?;
        let Some(effect) = &self.effect else {
            return Ok(sealer.put_text(&format!("{prefix}/learner"), "none")?);
        };
        sealer.put_vector(&format!("{prefix}/shrunk"), &[effect.center, effect.slope])?;
        effect.learner.seal(prefix, sealer)
    }

    fn open(prefix: &str, artefact: &Artefact) -> Result<ArmUplift> {
        let malformed = |why| Error::Malformed {
            prefix: prefix.to_owned(),
            why,
        };
        let &[value, low, high] = artefact.array::<f64>(&format!("{prefix}/average"), &[3])? else {
            return Err(malformed("its average is not three numbers"));
        };
        let learner = match artefact.text(&format!("{prefix}/learner"))? {
            "none" => None,
            _ => Some(EffectLearner::open(prefix, artefact)?),
        };
        let effect = learner.map(|learner| -> Result<Effect> {
            let &[center, slope] = artefact.array::<f64>(&format!("{prefix}/shrunk"), &[2])? else {
                return Err(malformed("it is not shrunk by two numbers"));
            };
            Ok(Effect { learner, center, slope })
        });
        Ok(ArmUplift {
            average: Estimate { value, low, high },
            level: artefact.scalar(&format!("{prefix}/level"))?,
            n_rows: artefact.scalar::<u32>(&format!("{prefix}/n_rows"))? as usize,
            effect: effect.transpose()?,
        })
    }
}

impl EffectLearner {
    fn seal(&self, prefix: &str, sealer: &mut Sealer) -> Result<()> {
        let (name, arm) = match self {
            EffectLearner::Parts(parts) => {
                sealer.put_scalar(&format!("{prefix}/n_parts"), parts.len() as u32)?;
                for (at, part) in parts.iter().enumerate() {
                    let prefix = format!("{prefix}/parts/{at}");
                    sealer.put_scalar(&format!("{prefix}/weight"), part.weight)?;
                    part.learner.seal(&prefix, sealer)?;
                }
                ("parts", None)
            }
            EffectLearner::Odds {
                outcomes,
                shares,
                control,
                arm,
            } => {
                outcomes.seal(&format!("{prefix}/outcomes"), sealer)?;
                sealer.put_vector(&format!("{prefix}/shares"), shares)?;
                control.seal(&format!("{prefix}/control"), sealer)?;
                arm.seal(&format!("{prefix}/linear"), sealer)?;
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

    fn open(prefix: &str, artefact: &Artefact) -> Result<EffectLearner> {
        let malformed = |why| Error::Malformed {
            prefix: prefix.to_owned(),
            why,
        };
        let outcomes = |name: &str| OutcomeModel::open(&format!("{prefix}/{name}"), artefact);
        let of_arm = |name: &str| -> Result<(OutcomeModel, usize)> {
            let outcomes = outcomes(name)?;
            let arm = artefact.scalar::<u32>(&format!("{prefix}/arm"))? as usize;
            if arm >= outcomes.n_arms() {
                return Err(malformed("its arm is none of its outcomes"));
            }
            Ok((outcomes, arm))
        };
        let linear = || FittedRidge::open(&format!("{prefix}/linear"), artefact);
        Ok(match artefact.text(&format!("{prefix}/learner"))? {
            "parts" => {
                let n_parts: u32 = artefact.scalar(&format!("{prefix}/n_parts"))?;
                let part = |at| -> Result<PartEffect> {
                    let prefix = format!("{prefix}/parts/{at}");
                    let learner = EffectLearner::open(&prefix, artefact)?;
                    if matches!(learner, EffectLearner::Parts(_)) {
                        return Err(malformed("a part of its effects has parts"));
                    }
                    let weight = artefact.scalar(&format!("{prefix}/weight"))?;
                    Ok(PartEffect { weight, learner })
                };
                EffectLearner::Parts((0..n_parts).map(part).collect::<Result<_>>()?)
            }
            "odds" => {
                let outcomes = outcomes("outcomes")?;
                let shares = artefact
                    .array::<f64>(&format!("{prefix}/shares"), &[outcomes.n_arms()])?
                    .to_vec();
                EffectLearner::Odds {
                    outcomes: Box::new(outcomes),
                    shares,
                    control: FittedRidge::open(&format!("{prefix}/control"), artefact)?,
                    arm: linear()?,
                }
            }
            "dr-linear" => EffectLearner::DrLinear(linear()?),
            "s" => {
                let (outcomes, arm) = of_arm("outcomes")?;
                EffectLearner::S { outcomes, arm }
            }
            "t" => {
                let ((treated, arm), (control, _)) = (of_arm("treated")?, of_arm("control")?);
                EffectLearner::T { treated, control, arm }
            }
            "dr-trees" => EffectLearner::DrTrees(FittedTrees::open(&format!("{prefix}/trees"), artefact)?),
            _ => {
                return Err(malformed(
                    "its learner is none of parts, odds, dr-linear, s, t, dr-trees",
                ));
            }
        })
    }
}
