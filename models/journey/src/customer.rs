//! Who a journey belongs to, without saying who.

use std::fmt;

/// 16 bytes that stand for a customer everywhere inside: an HMAC of the id under the business's key file.
///
/// Made at the edges (ingest, serving); nothing below them ever sees an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CustomerKey([u8; 16]);

impl CustomerKey {
    /// The number of buckets customers are spread over, whatever the machine, so that outputs never depend on it.
    pub const BUCKETS: usize = 256;

    /// The key of these bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
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

impl fmt::Display for CustomerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
