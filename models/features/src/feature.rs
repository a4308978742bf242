//! What a feature is, besides its number.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::Told;

/// One feature: its name and what its cells mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Feature {
    /// Its name, unit last.
    pub name: String,
    /// The family it belongs to; reasons are told by family.
    pub family: Family,
    /// Number or category.
    pub kind: Kind,
    /// The unit of its numbers; empty for plain counts and categories.
    pub unit: String,
    /// What it says, in one sentence.
    pub meaning: String,
    /// What an absent cell means.
    pub missing: String,
    /// What it says, as data; [`crate::sentence`] tells it to people.
    #[serde(skip)]
    pub told: Told,
    /// Raised whenever the same name comes to mean something else.
    pub version: u32,
}

impl Feature {
    /// Eight hex digits over everything a feature is; differs whenever its meaning does.
    pub fn signature(&self) -> String {
        let Self {
            name,
            family,
            kind,
            unit,
            meaning,
            missing,
            // Words are not meaning: to word a feature better makes no model stale.
            told: _,
            version,
        } = self;
        let text = format!("{name}\n{family}\n{kind:?}\n{unit}\n{meaning}\n{missing}\n{version}");
        Sha256::digest(text.as_bytes())
            .iter()
            .take(4)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

/// What a feature's cells hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A number.
    Number,
    /// A [`percorso_journey::CategoryId`].
    Category,
}

/// Features that tell of one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// How long ago, and since when.
    Recency,
    /// How much of what, lately.
    Activity,
    /// The customer's own rhythm, and silence against it.
    Cadence,
    /// Payments and refunds.
    Money,
    /// The way through the stages.
    StagePath,
    /// The last touchpoints in order.
    Sequence,
    /// Channels used and preferred.
    Channel,
    /// The customer's own answers.
    Feedback,
    /// Contacts made and responses to them.
    Exposure,
    /// Hour, weekday, season.
    Calendar,
    /// Declared attributes.
    Attribute,
}

impl Family {
    /// Every family, in catalogue order.
    pub const ALL: [Family; 11] = [
        Self::Recency,
        Self::Activity,
        Self::Cadence,
        Self::Money,
        Self::StagePath,
        Self::Sequence,
        Self::Channel,
        Self::Feedback,
        Self::Exposure,
        Self::Calendar,
        Self::Attribute,
    ];

    /// Its name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Recency => "recency",
            Self::Activity => "activity",
            Self::Cadence => "cadence",
            Self::Money => "money",
            Self::StagePath => "stage_path",
            Self::Sequence => "sequence",
            Self::Channel => "channel",
            Self::Feedback => "feedback",
            Self::Exposure => "exposure",
            Self::Calendar => "calendar",
            Self::Attribute => "attribute",
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
