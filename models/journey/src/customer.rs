//! Who a journey belongs to, without saying who.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// 16 bytes that stand for a customer everywhere inside: an HMAC of the id under the business's key file.
///
/// Made at the edges (ingest, serving); nothing below them ever sees an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CustomerKey([u8; 16]);

impl CustomerKey {
    /// The key of these bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The key written as 32 hex digits, as [`Self::to_string`] writes it; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        bytes_of_hex(text).map(Self)
    }

    /// The 16 bytes.
    pub const fn bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The bucket in `0..256`: the key's first byte, which is uniform because the key is a hash.
    pub const fn bucket(&self) -> u8 {
        self.0[0]
    }

    /// A 64-bit group number for resampling customers; uniform, and independent of the bucket.
    pub fn group(&self) -> u64 {
        let mut tail = [0; 8];
        tail.copy_from_slice(&self.0[8..]);
        u64::from_le_bytes(tail)
    }
}

/// The business's secret under which ids become keys; without it a key cannot be traced to an id.
#[derive(Clone)]
pub struct KeySecret(Hmac<Sha256>);

impl KeySecret {
    /// The secret of these 32 bytes.
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(Hmac::new_from_slice(bytes).expect("an HMAC takes a key of any length"))
    }

    /// The secret written as 64 hex digits, white space around them aside; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        bytes_of_hex(text.trim()).map(|bytes| Self::new(&bytes))
    }

    /// The key of a customer id: the first 16 bytes of its HMAC-SHA-256.
    pub fn key_of(&self, customer_id: &str) -> CustomerKey {
        let mut mac = self.0.clone();
        mac.update(customer_id.as_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&mac.finalize().into_bytes()[..16]);
        CustomerKey(bytes)
    }
}

/// The bytes written as two hex digits each; `None` for anything else.
pub fn bytes_of_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() != 2 * N || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, at) in bytes.iter_mut().zip((0..text.len()).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(bytes)
}

impl fmt::Debug for KeySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeySecret")
    }
}

impl fmt::Display for CustomerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_head_of_the_hmac_of_the_id() {
        // RFC 4231, test case 2, whose key is shorter than a block: HMAC pads it with zeros.
        let mut secret = [0; 32];
        secret[..4].copy_from_slice(b"Jefe");
        let key = KeySecret::new(&secret).key_of("what do ya want for nothing?");
        assert_eq!(key.to_string(), "5bdcc146bf60754e6a042426089575c7");
    }

    #[test]
    fn a_secret_that_is_not_64_hex_digits_is_refused() {
        assert!(KeySecret::parse(&"0f".repeat(32)).is_some());
        assert!(KeySecret::parse(&"0g".repeat(32)).is_none());
        assert!(KeySecret::parse("0f").is_none());
        assert!(KeySecret::parse(&"+f".repeat(32)).is_none());
    }

    #[test]
    fn a_key_is_read_as_it_is_written() {
        let key = KeySecret::new(&[7; 32]).key_of("C1");
        assert_eq!(CustomerKey::parse(&key.to_string()), Some(key));
        assert_eq!(CustomerKey::parse("C1"), None);
    }
}
