//! `percorso models`: what was trained, and what serves.

use clap::{Args, Subcommand, ValueEnum};
use percorso_artefact::{Label, PolicyChanged, Registry};

use super::{Machine, Run};
use crate::failure::{Failure, Outcome};

#[derive(Args)]
pub(crate) struct Models {
    #[command(flatten)]
    run: Run,
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Lists every version and its labels
    List,
    /// Shows what a version says of itself
    Show {
        /// A version, or a label
        version: String,
    },
    /// Puts a label on a version; `percorso policy promote` puts the label policy, which needs proof
    Promote {
        /// A version, or a label
        version: String,
        /// The label
        #[arg(long, default_value = "champion")]
        to: To,
    },
    /// Makes the champion before this one champion again
    Rollback,
}

#[derive(Clone, Copy, ValueEnum)]
enum To {
    Champion,
    Challenger,
    Shadow,
}

impl Models {
    pub(crate) fn run(self, machine: &Machine) -> Outcome {
        let registry = Registry::at(self.run.folder().models());
        self.task
            .run(&registry, machine)
            .map_err(|error| Failure::from(percorso_pipeline::Error::from(error)))
    }
}

impl Task {
    fn run(self, registry: &Registry, machine: &Machine) -> percorso_artefact::Result<()> {
        match self {
            Self::List => {
                let labels = registry.labels()?;
                let changes = registry.policy_log()?;
                for manifest in registry.list()? {
                    let worn = Label::ALL
                        .into_iter()
                        .filter(|label| labels.get(*label) == Some(&manifest.id))
                        .map(|label| label.to_string());
                    let worn: Vec<String> = worn.collect();
                    // Why a version acts that had not proven to be better.
                    let promotions = changes
                        .iter()
                        .rev()
                        .filter(|change| change.done == PolicyChanged::Promoted);
                    let promotion = promotions
                        .filter(|_| labels.policy.as_ref() == Some(&manifest.id))
                        .find(|change| change.version == manifest.id);
                    let risk = promotion.and_then(|change| change.accepted_risk.as_deref());
                    if machine.wants_json() {
                        println!(
                            "{}",
                            serde_json::json!({
                                "version": manifest.id.to_string(), "labels": worn, "accepted_risk": risk,
                            })
                        );
                    } else {
                        let risk =
                            risk.map_or_else(String::new, |risk| format!(" (at a risk that was accepted: {risk})"));
                        println!("{} {}{risk}", manifest.id, worn.join(" "));
                    }
                }
            }
            Self::Show { version } => {
                let artefact = registry.open(&registry.resolve(&version)?)?;
                println!(
                    "{}",
                    serde_json::to_string_pretty(artefact.header()).expect("our own types turn into JSON")
                );
            }
            Self::Promote { version, to } => {
                let version = registry.resolve(&version)?;
                let label = match to {
                    To::Champion => Label::Champion,
                    To::Challenger => Label::Challenger,
                    To::Shadow => Label::Shadow,
                };
                registry.promote(&version, label)?;
                println!("{version} is {label}");
            }
            Self::Rollback => println!("{} is champion", registry.rollback()?),
        }
        Ok(())
    }
}
