//! How to train: settings with good defaults, each of which a file may set by name.

use std::path::Path;
use std::time::Duration;

use percorso_learners::{Forest, Linear, Logistic, Search, Trees};
use serde::Deserialize;

use crate::{Error, Result};

/// How to train.
///
/// Nothing has to be set: rounds, leaves, columns and the blend are found at the rolling origins.
/// A file sets any of it, as in this whole example with the defaults:
///
/// ```toml
#[doc = include_str!("settings.toml")]
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TrainSettings {
    /// The seed of every random choice.
    pub seed: u64,
    /// Rolling origins at which learners are compared, at most.
    pub origins: usize,
    /// Rows a fit may learn from, at most; whole customers are left out above it.
    pub max_rows: usize,
    /// How long better settings of boosted trees are searched, all questions together; the first ones are always tried.
    ///
    /// A search that the budget cuts short may end elsewhere on another machine.
    pub time_budget: Duration,
    /// The settings that the search starts from; its rounds are the most that are grown.
    pub trees: Trees,
    /// Rounds without a lower loss after which trees stop.
    pub patience: usize,
    /// The settings of the library's logistic regression, a baseline.
    pub linear: Linear,
    /// The settings of our own logistic regression.
    pub logistic: Logistic,
    /// The settings of the random forest.
    pub forest: Forest,
}

impl Default for TrainSettings {
    fn default() -> Self {
        let search = Search::default();
        Self {
            seed: 42,
            origins: 4,
            max_rows: 60_000,
            time_budget: Duration::from_secs(120),
            trees: search.start,
            patience: search.patience,
            linear: Linear::default(),
            logistic: Logistic::default(),
            forest: Forest {
                n_trees: 32,
                ..Forest::default()
            },
        }
    }
}

impl TrainSettings {
    /// The settings in a TOML file; what it does not name stays at its default.
    ///
    /// # Errors
    /// - the file cannot be read, or names a setting that there is not, or gives one a value of the wrong kind.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
        let raw: Raw = toml::from_str(&text).map_err(|error| Error::data(path, error.to_string().trim().to_owned()))?;
        Ok(raw.settings())
    }
}

/// Names a setting's section after its type, with the fields that a file may set.
macro_rules! sections {
    ($($section:ident of $settings:ident { $($field:ident: $kind:ty),+ $(,)? })+) => {
        $(
            #[derive(Debug, Default, Deserialize)]
            #[serde(deny_unknown_fields)]
            struct $section {
                $($field: Option<$kind>),+
            }

            impl $section {
                fn set(self, settings: &mut $settings) {
                    $(if let Some(value) = self.$field {
                        settings.$field = value.into();
                    })+
                }
            }
        )+
    };
}

sections! {
    RawTrees of Trees {
        n_rounds: usize,
        learning_rate: f64,
        max_leaves: usize,
        max_depth: usize,
        min_rows_in_leaf: f64,
        min_child_hessian: f64,
        min_gain: f64,
        l1: f64,
        l2: f64,
        row_share: f64,
        column_share: f64,
        max_bins: usize,
        category_smoothing: f64,
        category_l2: f64,
        min_rows_in_category: f64,
        max_left_categories: usize,
    }
    RawLinear of Linear {
        spread: f64,
        max_iterations: u64,
        gradient_tolerance: f64,
        max_rows: usize,
        min_rows: usize,
    }
    RawLogistic of Logistic {
        spread: f64,
        max_iterations: usize,
        gradient_tolerance: f64,
        max_cells: usize,
        min_rows: usize,
    }
    RawForest of Forest {
        n_trees: usize,
        n_groups: usize,
        max_rows: usize,
        max_depth: u16,
        min_rows_in_leaf: usize,
        column_share: f64,
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    seed: Option<u64>,
    origins: Option<usize>,
    max_rows: Option<usize>,
    time_budget_s: Option<u64>,
    patience: Option<usize>,
    #[serde(default)]
    trees: RawTrees,
    #[serde(default)]
    linear: RawLinear,
    #[serde(default)]
    logistic: RawLogistic,
    #[serde(default)]
    forest: RawForest,
}

impl Raw {
    fn settings(self) -> TrainSettings {
        let mut settings = TrainSettings::default();
        settings.seed = self.seed.unwrap_or(settings.seed);
        settings.origins = self.origins.unwrap_or(settings.origins);
        settings.max_rows = self.max_rows.unwrap_or(settings.max_rows);
        settings.time_budget = self.time_budget_s.map_or(settings.time_budget, Duration::from_secs);
        settings.patience = self.patience.unwrap_or(settings.patience);
        self.trees.set(&mut settings.trees);
        self.linear.set(&mut settings.linear);
        self.logistic.set(&mut settings.logistic);
        self.forest.set(&mut settings.forest);
        settings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<TrainSettings> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.toml");
        std::fs::write(&path, text).unwrap();
        TrainSettings::read(&path)
    }

    #[test]
    fn the_example_sets_every_setting_to_its_default() {
        let example = include_str!("settings.toml");
        assert_eq!(read(example).unwrap(), TrainSettings::default());
        let n_settings = example.lines().filter(|line| line.contains(" = ")).count();
        // The depth of trees stands there as a comment, because any depth is the default.
        assert_eq!(n_settings, 5 + 16 + 5 + 5 + 6, "the example should hold every setting");
    }

    #[test]
    fn what_a_file_names_is_set_and_the_rest_stays() {
        let settings = read("seed = 7\n[trees]\nmax_depth = 3\nlearning_rate = 0.2").unwrap();
        assert_eq!((settings.seed, settings.trees.max_depth), (7, Some(3)));
        assert_eq!(settings.trees.learning_rate, 0.2);
        assert_eq!(settings.linear, Linear::default());
        assert_eq!(settings.logistic, Logistic::default());
    }

    #[test]
    fn a_name_that_is_no_setting_is_refused_with_those_that_are() {
        let error = read("[trees]\nlearning_rat = 0.2").unwrap_err().to_string();
        assert!(
            error.contains("learning_rat") && error.contains("`learning_rate`"),
            "{error}"
        );
        assert!(error.contains("line 2"), "{error}");
        assert!(read("seed = \"x\"").is_err());
    }
}
