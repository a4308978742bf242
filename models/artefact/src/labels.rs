//! Which version serves: the labels of a registry, moved as one object.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::VersionId;

/// What a version is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    /// The version whose scores are served.
    Champion,
    /// The version that is compared with the champion.
    Challenger,
    /// The version that scores beside the champion, unseen.
    Shadow,
    /// The version whose recommendations are acted on; it is asked for proof before it gets the label.
    Policy,
}

impl Label {
    /// Every label, in the order in which they are told.
    pub const ALL: [Label; 4] = [Label::Champion, Label::Challenger, Label::Shadow, Label::Policy];
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Label::Champion => "champion",
            Label::Challenger => "challenger",
            Label::Shadow => "shadow",
            Label::Policy => "policy",
        })
    }
}

impl FromStr for Label {
    type Err = ();

    fn from_str(text: &str) -> Result<Label, ()> {
        match text {
            "champion" => Ok(Label::Champion),
            "challenger" => Ok(Label::Challenger),
            "shadow" => Ok(Label::Shadow),
            "policy" => Ok(Label::Policy),
            _ => Err(()),
        }
    }
}

/// The labels at one moment, and the champions before the present one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Labels {
    /// The version that serves, if any.
    pub champion: Option<VersionId>,
    /// The version that is compared, if any.
    pub challenger: Option<VersionId>,
    /// The version that scores unseen, if any.
    pub shadow: Option<VersionId>,
    /// Earlier champions, oldest first: what a rollback returns to.
    pub past_champions: Vec<VersionId>,
    /// The version whose recommendations are acted on, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<VersionId>,
    /// Earlier policies, oldest first: what a rollback of the policy returns to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub past_policies: Vec<VersionId>,
}

impl Labels {
    /// The version that carries the label, if any.
    pub fn get(&self, label: Label) -> Option<&VersionId> {
        match label {
            Label::Champion => self.champion.as_ref(),
            Label::Challenger => self.challenger.as_ref(),
            Label::Shadow => self.shadow.as_ref(),
            Label::Policy => self.policy.as_ref(),
        }
    }

    /// Gives the label to a version. A new champion stops being challenger and shadow; the old one is remembered, and so is an
    /// old policy.
    pub(crate) fn set(&mut self, label: Label, id: &VersionId) {
        match label {
            Label::Champion => {
                if self.champion.as_ref() == Some(id) {
                    return;
                }
                for other in [&mut self.challenger, &mut self.shadow] {
                    other.take_if(|labelled| labelled == id);
                }
                self.past_champions.extend(self.champion.replace(id.clone()));
            }
            Label::Challenger => self.challenger = Some(id.clone()),
            Label::Shadow => self.shadow = Some(id.clone()),
            Label::Policy => {
                if self.policy.as_ref() != Some(id) {
                    self.past_policies.extend(self.policy.replace(id.clone()));
                }
            }
        }
    }
}
