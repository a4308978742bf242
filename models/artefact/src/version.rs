//! A version of a model: its id and the manifest that makes it exist.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The name of a version: its number in the order of publishing, `-`, and the first eight characters of its digest.
///
/// Ids sort by number: the number has at least six digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VersionId {
    number: u64,
    digest: String,
}

impl VersionId {
    pub(crate) fn new(number: u64, digest: &str) -> VersionId {
        VersionId {
            number,
            digest: digest[..8].to_owned(),
        }
    }

    /// The number in the order of publishing, from 1.
    pub fn number(&self) -> u64 {
        self.number
    }
}

impl PartialOrd for VersionId {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for VersionId {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.number, &self.digest).cmp(&(other.number, &other.digest))
    }
}

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06}-{}", self.number, self.digest)
    }
}

impl FromStr for VersionId {
    type Err = Error;

    fn from_str(text: &str) -> Result<VersionId> {
        let parse = || {
            let (number, digest) = text.split_once('-')?;
            let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            if digest.len() != 8 || !digest.bytes().all(is_hex) {
                return None;
            }
            let id = VersionId {
                number: number.parse().ok()?,
                digest: digest.to_owned(),
            };
            // One id has one spelling, so that a folder's name and the id are the same text.
            (id.to_string() == text).then_some(id)
        };
        parse().ok_or_else(|| Error::VersionId { found: text.to_owned() })
    }
}

impl TryFrom<String> for VersionId {
    type Error = Error;

    fn try_from(text: String) -> Result<VersionId> {
        text.parse()
    }
}

impl From<VersionId> for String {
    fn from(id: VersionId) -> String {
        id.to_string()
    }
}

/// What makes a version exist: written last, once its model file is safe on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version.
    pub id: VersionId,
    /// The kind of model, from its header.
    pub kind: String,
    /// The size of the model file.
    pub size_bytes: u64,
    /// The SHA-256 of the whole model file.
    pub sha256: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_spelling() {
        let id: VersionId = "000007-0123abcd".parse().unwrap();
        assert_eq!((id.number(), id.to_string().as_str()), (7, "000007-0123abcd"));
        for text in [
            "7-0123abcd",
            "0000007-0123abcd",
            "000007-0123ABCD",
            "000007-0123abc",
            "+00007-0123abcd",
            "../../etc-01234567",
            "champion",
            "",
        ] {
            assert!(text.parse::<VersionId>().is_err(), "{text}");
        }
    }

    #[test]
    fn ids_sort_by_number_beyond_six_digits() {
        let small: VersionId = "999999-ffffffff".parse().unwrap();
        let large: VersionId = "1000000-00000000".parse().unwrap();
        assert!(small < large);
    }
}
