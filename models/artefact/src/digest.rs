//! SHA-256 as lower-case hexadecimal text.

use sha2::{Digest, Sha256};

/// The number of characters of a digest.
pub(crate) const HEX_LEN: usize = 64;

/// The SHA-256 of the parts joined, as 64 lower-case hexadecimal characters.
pub(crate) fn sha256_hex(parts: &[&[u8]]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut sha256 = Sha256::new();
    for part in parts {
        sha256.update(part);
    }
    sha256
        .finalize()
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|nibble| char::from(DIGITS[usize::from(nibble)]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Test vector from FIPS 180-2, appendix B.1.
    #[test]
    fn the_digest_of_abc_is_the_published_one() {
        assert_eq!(
            sha256_hex(&[b"a", b"bc"]),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
