//! What a model may see: the catalogue of features derived from the spec, and the row it reads off a journey state.
//!
//! [`Catalogue::row`] is the only definition of every feature: training folds history and calls it, serving keeps a state
//! and calls it, so both see the same bits.
//! A row reads a state and a cut-off and nothing else: no clock, no file, no event at or after the cut-off.
//! [`sentence`] tells a feature's cell to people; a kind of feature without words in every language does not compile.
//!
//! ```
//! use std::sync::Arc;
//! use percorso_features::Catalogue;
//! use percorso_journey::{JourneyState, Spec, text};
//!
//! let spec = Arc::new(Spec::parse(text::SMALL_SPEC)?);
//! let catalogue = Catalogue::of(&spec);
//! let mut state = JourneyState::new(Arc::clone(&spec));
//! state.observe(&text::journey(&spec, "visit@0d")?[0])?;
//! let row = catalogue.row(&state, text::day(3))?;
//! assert_eq!(row.cell(catalogue.position("recency_days").unwrap()), 3.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod catalogue;
mod column;
mod encoder;
mod families;
mod feature;
mod row;
mod told;
mod view;
mod words;

pub use catalogue::{Catalogue, HoldsTheFuture};
pub use encoder::{EncodedColumn, Encoder, Labels, Vocabulary};
pub use feature::{Family, Feature, Kind};
pub use row::FeatureRow;
pub use told::{Gap, Quarter, Things, Told};
pub use words::{Language, Value, sentence};
