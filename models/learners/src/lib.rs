//! How a score is learned: learners, calibration, intervals and metrics over plain matrices.
//!
//! A [`Learner`] holds settings and fits a checked [`TrainingSet`]; what comes out is [`Learned`], which predicts,
//! explains and travels in a model file.
//! A [`Calibrator`] corrects probabilities where that has been shown to help, a [`Band`] says how sure they are,
//! [`metrics`] say how good, and [`fn@select`] says which learner to keep.
//!
//! Fitting is behind the feature `fit`, which brings linfa and smartcore; opening and predicting need neither.
//!
//! What this crate never does: read a file or a clock, use chance without a seed, or sum in an order that depends on
//! threads.
//! It knows no journey and no feature: columns are names and kinds.
//!
//! A further learner copies its neighbour: settings and fitted type in one file (`forest.rs`), fitting in a file below
//! it, one line each in [`Learner`] and [`Learned`], and the suite in `tests/conformance.rs` says what it must promise.
//!
#![cfg_attr(feature = "fit", doc = "```")]
#![cfg_attr(not(feature = "fit"), doc = "```ignore")]
//! use ndarray::array;
//! use percorso_learners::{Column, Learner, Recency, TrainingSet};
//!
//! let x = array![[1.0f32], [2.0], [30.0], [60.0]];
//! let columns = [Column::number("recency_days")];
//! let set = TrainingSet::new(x.view(), &columns, &[0, 0, 1, 1], 2, &[1, 2, 3, 4])?;
//! let rule = Recency { n_bins: 2, prior_rows: 1.0, ..Recency::of("recency_days") };
//!
//! let learned = Learner::Recency(rule).fit(&set, 42)?;
//! let mut p = [0.0; 2];
//! learned.predict_into(&[45.0], &mut p);
//! assert!(p[1] > 0.8);
//! # Ok::<(), percorso_learners::Error>(())
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod blend;
mod bootstrap;
mod calibration;
mod error;
mod folds;
mod forest;
mod interval;
mod isotonic;
mod learned;
mod learner;
#[cfg(feature = "fit")]
mod level;
mod linear;
pub mod metrics;
mod ngram;
pub mod odds;
mod platt;
mod prediction_sets;
mod prevalence;
mod purchases;
mod random;
mod recency;
#[cfg(feature = "fit")]
mod recipe;
mod select;
mod setting;
mod share;
#[cfg(all(test, feature = "fit"))]
mod synthetic;
mod training_set;
mod trees;
#[cfg(feature = "fit")]
mod tune;
mod venn_abers;

pub use blend::{Blend, FittedBlend};
#[cfg(feature = "fit")]
pub use blend::{Opinions, weights as blend_weights};
pub use bootstrap::{Bootstrap, Difference, Groups, paired_difference};
pub use calibration::{Calibrator, Level, OriginPredictions};
pub use error::{Error, Result};
pub use folds::fold_of;
pub use forest::{FittedForest, Forest, PRIOR_WEIGHT};
pub use interval::{Band, OutOfFold};
pub use isotonic::Isotonic;
pub use learned::Learned;
pub use learner::Learner;
#[cfg(feature = "fit")]
pub use level::with_level_set;
pub use linear::{FittedLinear, FittedRidge, Linear, Logistic, Ridge, Shift, Shifts};
#[cfg(feature = "fit")]
pub use linear::{GivenArms, ShiftFit};
pub use ngram::{FittedNgram, MAX_ORDER, Ngram, NgramCounts, Observed, Smoothing};
pub use prediction_sets::PredictionSets;
pub use prevalence::{FittedPrevalence, Prevalence};
pub use purchases::{BgNbd, Bought, GammaGamma, PurchaseModel, Purchases, Spending, Stake};
pub use random::Random;
pub use recency::{FittedRecency, Recency};
#[cfg(feature = "fit")]
pub use recipe::{Choice, Contender, Opinion, Recipe};
pub use select::{Candidate, Selection, Standing, select};
pub use share::share_interval;
pub use training_set::{Column, ColumnKind, TrainingSet};
pub use trees::{Direction, FittedTrees, Link, Trees};
#[cfg(feature = "fit")]
pub use trees::{Target, Watched};
#[cfg(feature = "fit")]
pub use tune::{Fold, Search, Tried, Tuned, tune};
pub use venn_abers::VennAbers;
