//! The model file: named arrays and a header in one safetensors container, with a digest over every byte.

use std::collections::{BTreeMap, HashMap};

use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde_json::Value;

use crate::digest::{HEX_LEN, sha256_hex};
use crate::element::{Element, Values};
use crate::{Error, FORMAT, Header, Result};

/// The largest file that is sealed or opened, in bytes.
pub const MAX_FILE_BYTES: usize = 1 << 30;
/// The largest model header, in bytes of JSON.
pub const MAX_HEADER_BYTES: usize = 1 << 20;
/// The largest safetensors index, header included, in bytes.
pub const MAX_INDEX_BYTES: usize = 32 << 20;
/// The largest number of arrays.
pub const MAX_ARRAYS: usize = 100_000;
/// The longest array name, in bytes.
pub const MAX_NAME_BYTES: usize = 200;

/// How every model file continues after its first eight bytes; the digest's 64 characters follow.
const PREFIX: &[u8] = br#"{"__metadata__":{"percorso":"{\"digest\":\""#;
/// Where the prefix begins: after safetensors' own length field.
const PREFIX_AT: usize = 8;
/// Where the digest begins.
const DIGEST_AT: usize = PREFIX_AT + PREFIX.len();
/// What stands in the digest's place while the digest is computed.
const BLANK: [u8; HEX_LEN] = [b'0'; HEX_LEN];
/// The one metadata key.
const METADATA_KEY: &str = "percorso";

/// Collects named arrays and seals them with a header into the bytes of a model file.
///
/// The same arrays and header give the same bytes, whatever the order of putting.
#[derive(Debug, Default)]
pub struct Sealer {
    arrays: BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>,
}

impl Sealer {
    /// An empty sealer.
    pub fn new() -> Self {
        Sealer::default()
    }

    /// Keeps `values` in row-major order under `name`.
    ///
    /// # Errors
    /// - the name is empty, too long or holds a character outside `a-z 0-9 _ - . /`
    /// - an array of this name was put before
    /// - the shape's product is not the number of values
    /// - a value is NaN or infinite
    pub fn put<T: Element>(&mut self, name: &str, shape: &[usize], values: &[T]) -> Result<()> {
        check_name(name)?;
        if self.arrays.contains_key(name) {
            return Err(Error::DuplicateArray { name: name.to_owned() });
        }
        let n_values = shape.iter().try_fold(1usize, |product, n| product.checked_mul(*n));
        if n_values != Some(values.len()) {
            return Err(Error::ShapeOfValues {
                name: name.to_owned(),
                shape: shape.to_vec(),
                n_values: values.len(),
            });
        }
        if let Some((position, value)) = T::not_finite(values) {
            return Err(Error::NotFinite {
                name: name.to_owned(),
                position,
                value,
            });
        }
        let mut bytes = Vec::with_capacity(size_of_val(values));
        for value in values {
            value.write(&mut bytes);
        }
        self.arrays.insert(name.to_owned(), (T::DTYPE, shape.to_vec(), bytes));
        Ok(())
    }

    /// Keeps `values` as an array of one dimension; errors as [`Sealer::put`].
    pub fn put_vector<T: Element>(&mut self, name: &str, values: &[T]) -> Result<()> {
        self.put(name, &[values.len()], values)
    }

    /// Keeps one value as an array without dimensions; errors as [`Sealer::put`].
    pub fn put_scalar<T: Element>(&mut self, name: &str, value: T) -> Result<()> {
        self.put(name, &[], &[value])
    }

    /// Keeps text as its UTF-8 bytes; errors as [`Sealer::put`].
    pub fn put_text(&mut self, name: &str, text: &str) -> Result<()> {
        self.put_vector(name, text.as_bytes())
    }

    /// The bytes of the model file.
    ///
    /// # Errors
    /// - the header's format is not [`FORMAT`]
    /// - a limit is passed: file, header, index or number of arrays
    pub fn seal(self, header: &Header) -> Result<Vec<u8>> {
        if header.format != FORMAT {
            return Err(Error::Format {
                found: header.format.into(),
                expected: FORMAT,
            });
        }
        check_limit("the number of arrays", self.arrays.len(), MAX_ARRAYS)?;
        let header = serde_json::to_string(header).map_err(Error::HeaderJson)?;
        check_limit("the header in bytes", header.len(), MAX_HEADER_BYTES)?;
        let n_bytes: usize = self.arrays.values().map(|(_, _, bytes)| bytes.len()).sum();
        check_limit("the arrays in bytes", n_bytes, MAX_FILE_BYTES)?;

        let blank = String::from_utf8(BLANK.to_vec()).expect("zeros are text");
        let envelope = format!(r#"{{"digest":"{blank}","header":{header}}}"#);
        let views = self
            .arrays
            .iter()
            .map(|(name, (dtype, shape, bytes))| {
                let view = TensorView::new(*dtype, shape.clone(), bytes).map_err(Error::Container)?;
                Ok((name.as_str(), view))
            })
            .collect::<Result<Vec<_>>>()?;
        let metadata = HashMap::from([(METADATA_KEY.to_owned(), envelope)]);
        let mut bytes = safetensors::serialize(views, Some(metadata)).map_err(Error::Container)?;
        check_limit("the file in bytes", bytes.len(), MAX_FILE_BYTES)?;
        check_limit("the index in bytes", index_len(&bytes)?, MAX_INDEX_BYTES)?;
        check_prefix(&bytes)?;
        let digest = digest_of(&bytes);
        bytes[DIGEST_AT..DIGEST_AT + HEX_LEN].copy_from_slice(digest.as_bytes());
        Ok(bytes)
    }
}

/// An opened model file: every check has passed, every float is finite.
#[derive(Debug, Clone, PartialEq)]
pub struct Artefact {
    header: Header,
    digest: String,
    arrays: BTreeMap<String, (Vec<usize>, Values)>,
}

impl Artefact {
    /// Reads a model file, or refuses it whole.
    ///
    /// The order of checks is: sizes, prefix, digest of all bytes, format version, header, arrays.
    ///
    /// # Errors
    /// - a limit is passed: file, index, header or number of arrays
    /// - the bytes do not begin as ours do, or are not safetensors
    /// - any byte differs from what was sealed
    /// - the format version is not [`FORMAT`], or the header has an unknown or missing key
    /// - an array has an element type or a name outside the format, or holds NaN or an infinity
    pub fn open(bytes: &[u8]) -> Result<Artefact> {
        check_limit("the file in bytes", bytes.len(), MAX_FILE_BYTES)?;
        check_prefix(bytes)?;
        check_limit("the index in bytes", index_len(bytes)?, MAX_INDEX_BYTES)?;
        let digest = sealed_digest(bytes)?;

        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(Error::Container)?;
        let envelope = metadata
            .metadata()
            .as_ref()
            .and_then(|metadata| metadata.get(METADATA_KEY))
            .ok_or(Error::NotAnArtefact {
                why: "its metadata has no key `percorso`",
            })?;
        let header = read_header(envelope)?;

        let tensors = SafeTensors::deserialize(bytes).map_err(Error::Container)?;
        check_limit("the number of arrays", tensors.len(), MAX_ARRAYS)?;
        let mut arrays = BTreeMap::new();
        for (name, view) in tensors.iter() {
            check_name(name)?;
            let values = Values::read(view.dtype(), view.data()).ok_or_else(|| Error::ElementType {
                name: name.to_owned(),
                found: view.dtype().to_string(),
            })?;
            if let Some((position, value)) = values.not_finite() {
                return Err(Error::NotFinite {
                    name: name.to_owned(),
                    position,
                    value,
                });
            }
            arrays.insert(name.to_owned(), (view.shape().to_vec(), values));
        }
        Ok(Artefact { header, digest, arrays })
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The digest of the file, 64 hexadecimal characters.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The names of the arrays, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.arrays.keys().map(String::as_str)
    }

    /// The shape of the array `name`.
    ///
    /// # Errors
    /// - there is no such array
    pub fn shape(&self, name: &str) -> Result<&[usize]> {
        Ok(self.find(name)?.0)
    }

    /// The values of the array `name`, row-major, when it has exactly this shape.
    ///
    /// # Errors
    /// - there is no such array, or it has another element type or shape
    pub fn array<T: Element>(&self, name: &str, shape: &[usize]) -> Result<&[T]> {
        let (found, values) = self.typed(name)?;
        if found != shape {
            return Err(wrong_shape(name, found, format!("{shape:?}")));
        }
        Ok(values)
    }

    /// The values of the array `name` when it has one dimension, of any length.
    ///
    /// # Errors
    /// - there is no such array, or it has another element type or number of dimensions
    pub fn vector<T: Element>(&self, name: &str) -> Result<&[T]> {
        let (found, values) = self.typed(name)?;
        if found.len() != 1 {
            return Err(wrong_shape(name, found, "one dimension".to_owned()));
        }
        Ok(values)
    }

    /// The rows, columns and values of the array `name` when it has two dimensions, of any length.
    ///
    /// # Errors
    /// - there is no such array, or it has another element type or number of dimensions
    pub fn matrix<T: Element>(&self, name: &str) -> Result<(usize, usize, &[T])> {
        let (found, values) = self.typed(name)?;
        let [n_rows, n_columns] = *found else {
            return Err(wrong_shape(name, found, "two dimensions".to_owned()));
        };
        Ok((n_rows, n_columns, values))
    }

    /// The value of the array `name` when it has no dimensions.
    ///
    /// # Errors
    /// - there is no such array, or it has another element type or any dimension
    pub fn scalar<T: Element>(&self, name: &str) -> Result<T> {
        Ok(self.array::<T>(name, &[])?[0])
    }

    /// The text that was put under `name`.
    ///
    /// # Errors
    /// - there is no such array, it is not a vector of bytes, or the bytes are not UTF-8
    pub fn text(&self, name: &str) -> Result<&str> {
        let bytes = self.vector::<u8>(name)?;
        std::str::from_utf8(bytes).map_err(|_| wrong_shape(name, &[bytes.len()], "UTF-8 text".to_owned()))
    }

    fn find(&self, name: &str) -> Result<(&[usize], &Values)> {
        self.arrays
            .get(name)
            .map(|(shape, values)| (shape.as_slice(), values))
            .ok_or_else(|| Error::MissingArray { name: name.to_owned() })
    }

    fn typed<T: Element>(&self, name: &str) -> Result<(&[usize], &[T])> {
        let (shape, values) = self.find(name)?;
        let values = T::slice(values).ok_or_else(|| Error::WrongType {
            name: name.to_owned(),
            found: values.type_name(),
            expected: T::NAME,
        })?;
        Ok((shape, values))
    }
}

fn wrong_shape(name: &str, found: &[usize], expected: String) -> Error {
    Error::WrongShape {
        name: name.to_owned(),
        found: found.to_vec(),
        expected,
    }
}

fn check_limit(what: &'static str, found: usize, limit: usize) -> Result<()> {
    if found > limit {
        return Err(Error::TooLarge {
            what,
            found: found as u64,
            limit: limit as u64,
        });
    }
    Ok(())
}

fn check_name(name: &str) -> Result<()> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-./".contains(&byte);
    if name.is_empty() || name.len() > MAX_NAME_BYTES || !name.bytes().all(allowed) {
        return Err(Error::ArrayName {
            name: name.to_owned(),
            max_bytes: MAX_NAME_BYTES,
        });
    }
    Ok(())
}

fn check_prefix(bytes: &[u8]) -> Result<()> {
    let begins = bytes.get(PREFIX_AT..).is_some_and(|rest| rest.starts_with(PREFIX));
    if !begins || bytes.len() < DIGEST_AT + HEX_LEN {
        return Err(Error::NotAnArtefact {
            why: "it does not begin with our header",
        });
    }
    Ok(())
}

fn index_len(bytes: &[u8]) -> Result<usize> {
    let length = bytes.first_chunk::<8>().ok_or(Error::NotAnArtefact {
        why: "it is shorter than eight bytes",
    })?;
    Ok(usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX))
}

/// The SHA-256 of the whole file with the digest's own place blank; the prefix must have been checked.
fn digest_of(bytes: &[u8]) -> String {
    sha256_hex(&[&bytes[..DIGEST_AT], &BLANK, &bytes[DIGEST_AT + HEX_LEN..]])
}

fn sealed_digest(bytes: &[u8]) -> Result<String> {
    let expected = &bytes[DIGEST_AT..DIGEST_AT + HEX_LEN];
    let found = digest_of(bytes);
    if found.as_bytes() != expected {
        let expected = String::from_utf8_lossy(expected).into_owned();
        return Err(Error::Digest { expected, found });
    }
    Ok(found)
}

fn read_header(envelope: &str) -> Result<Header> {
    check_limit("the header in bytes", envelope.len(), MAX_HEADER_BYTES + 2 * HEX_LEN)?;
    let mut envelope: Value = serde_json::from_str(envelope).map_err(Error::HeaderJson)?;
    let header = envelope["header"].take();
    // The version is read first, so that a newer file is named as newer and not as malformed.
    if let Some(found) = header["format"].as_u64()
        && found != u64::from(FORMAT)
    {
        return Err(Error::Format {
            found,
            expected: FORMAT,
        });
    }
    serde_json::from_value(header).map_err(Error::HeaderJson)
}
