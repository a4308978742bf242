//! Why a model could not be sealed, opened, published or promoted.

use std::path::PathBuf;

use crate::Label;

/// What went wrong, with what was expected and what was found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An array was put twice under one name.
    #[error("array `{name}` was put twice, expected each name once")]
    DuplicateArray {
        /// The name.
        name: String,
    },
    /// An array name that the format does not allow.
    #[error(
        "array name `{name}` is not allowed, expected 1 to {max_bytes} of the characters a-z, 0-9, `_`, `-`, `.`, `/`"
    )]
    ArrayName {
        /// The name.
        name: String,
        /// The longest name allowed.
        max_bytes: usize,
    },
    /// An array's shape does not hold its values.
    #[error("array `{name}` of shape {shape:?} cannot hold {n_values} values")]
    ShapeOfValues {
        /// The name.
        name: String,
        /// The shape given.
        shape: Vec<usize>,
        /// The number of values given.
        n_values: usize,
    },
    /// A value that is NaN or infinite: neither is ever stored.
    #[error("array `{name}` holds {value} at position {position}, expected only finite numbers")]
    NotFinite {
        /// The name.
        name: String,
        /// The flat position.
        position: usize,
        /// The value.
        value: f64,
    },
    /// The file, its header, its index or its number of arrays is over the limit.
    #[error("{what} is {found}, expected at most {limit}")]
    TooLarge {
        /// What was measured, with its unit.
        what: &'static str,
        /// The measure.
        found: u64,
        /// The limit.
        limit: u64,
    },
    /// The bytes do not begin as an artefact does.
    #[error("not a model artefact: {why}")]
    NotAnArtefact {
        /// What was missing.
        why: &'static str,
    },
    /// The safetensors container is malformed.
    #[error("the safetensors container cannot be read or written")]
    Container(#[source] safetensors::SafeTensorError),
    /// The header is malformed.
    #[error("the model header cannot be read or written")]
    HeaderJson(#[source] serde_json::Error),
    /// The bytes are not those that were sealed.
    #[error("the artefact is damaged: digest {found} of its bytes, expected {expected}")]
    Digest {
        /// The digest in the file.
        expected: String,
        /// The digest of the bytes read.
        found: String,
    },
    /// The file was written by another format version.
    #[error("artefact format {found}, expected {expected}")]
    Format {
        /// The version in the file.
        found: u64,
        /// The version this reader knows.
        expected: u32,
    },
    /// An array has an element type that the format does not use.
    #[error("array `{name}` has elements of type {found}, expected one of F64, F32, U64, U32, I64, I32, U8")]
    ElementType {
        /// The name.
        name: String,
        /// The type in the file.
        found: String,
    },
    /// No array has this name.
    #[error("array `{name}` is missing")]
    MissingArray {
        /// The name.
        name: String,
    },
    /// An array has another element type than the reader wants.
    #[error("array `{name}` has elements of type {found}, expected {expected}")]
    WrongType {
        /// The name.
        name: String,
        /// The type in the file.
        found: &'static str,
        /// The type wanted.
        expected: &'static str,
    },
    /// An array has another shape than the reader wants.
    #[error("array `{name}` has shape {found:?}, expected {expected}")]
    WrongShape {
        /// The name.
        name: String,
        /// The shape in the file.
        found: Vec<usize>,
        /// The shape wanted, in words.
        expected: String,
    },
    /// Text that is not a version id.
    #[error("`{found}` is not a version id, expected six digits or more, `-` and eight hexadecimal digits")]
    VersionId {
        /// The text.
        found: String,
    },
    /// No such version: its manifest does not exist.
    #[error("version {id} does not exist in {registry}")]
    NoSuchVersion {
        /// The id asked for.
        id: String,
        /// The registry's folder.
        registry: PathBuf,
    },
    /// No version carries the label.
    #[error("no version carries the label `{label}` in {registry}")]
    NoSuchLabel {
        /// The label asked for.
        label: String,
        /// The registry's folder.
        registry: PathBuf,
    },
    /// There is no earlier champion or policy to return to.
    #[error("no earlier {label} to roll back to in {registry}")]
    NothingToRollBack {
        /// The label that would move.
        label: Label,
        /// The registry's folder.
        registry: PathBuf,
    },
    /// A model file differs from what its manifest says.
    #[error("{path} has {what} {found}, expected {expected} as its manifest says")]
    Manifest {
        /// The model file.
        path: PathBuf,
        /// What differs.
        what: &'static str,
        /// What the manifest says.
        expected: String,
        /// What was found.
        found: String,
    },
    /// A registry file that is not the JSON it should be.
    #[error("{path} cannot be read as {what}")]
    RegistryJson {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
    /// The disk refused.
    #[error("cannot {what} {path}")]
    Io {
        /// What was tried, as a verb.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
}
