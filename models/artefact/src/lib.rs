//! How a model is kept: one checked file of named arrays and a header, and the folder that holds its versions.
//!
//! A [`Sealer`] collects arrays and writes them with a [`Header`] as one safetensors file; [`Artefact::open`] reads
//! that file back or refuses it.
//! A [`Registry`] is a folder of such files with the labels `champion`, `challenger`, `shadow` and `policy`.
//!
//! What this crate never does: run code from a file, read a clock, or trust a file it has not checked.
//! The registry is the one place in `models/` that touches a disk; sealing and opening are pure.
//! The layout is drawn in FORMAT.md.
//!
//! ```
//! use percorso_artefact::{Artefact, Header, Sealer};
//!
//! let mut sealer = Sealer::new();
//! sealer.put("leaving/weights", &[2, 2], &[0.5f64, -1.0, 2.0, 0.0])?;
//! let bytes = sealer.seal(&Header { kind: "churn".into(), ..Header::default() })?;
//!
//! let artefact = Artefact::open(&bytes)?;
//! assert_eq!(artefact.header().kind, "churn");
//! assert_eq!(artefact.array::<f64>("leaving/weights", &[2, 2])?[1], -1.0);
//! # Ok::<(), percorso_artefact::Error>(())
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod container;
mod digest;
mod element;
mod error;
mod header;
mod labels;
mod policy_log;
mod registry;
mod version;

pub use container::{Artefact, MAX_ARRAYS, MAX_FILE_BYTES, MAX_HEADER_BYTES, MAX_INDEX_BYTES, MAX_NAME_BYTES, Sealer};
pub use element::Element;
pub use error::Error;
pub use header::{Definition, FORMAT, Header, TrainingWindow};
pub use labels::{Label, Labels};
pub use policy_log::{PolicyChange, PolicyChanged};
pub use registry::Registry;
pub use version::{Manifest, VersionId};

/// The result of everything here.
pub type Result<T> = std::result::Result<T, Error>;
