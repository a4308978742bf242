//! The little-endian byte form that states and logged events share.

use crate::CategoryId;

/// The bytes were not written by the matching writer: too short, too long or out of range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed {what} at byte {at}")]
pub struct MalformedBytes {
    /// What was being read.
    pub what: &'static str,
    /// Where, from the start.
    pub at: usize,
}

/// Writes fixed-width little-endian values one after another.
#[derive(Debug, Default)]
pub struct ByteWriter(Vec<u8>);

impl ByteWriter {
    /// The bytes written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Writes one byte.
    pub fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    /// Writes bytes as they are; how many is the caller's to say.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend(bytes);
    }

    /// Writes two bytes.
    pub fn u16(&mut self, value: u16) {
        self.0.extend(value.to_le_bytes());
    }

    /// Writes four bytes.
    pub fn u32(&mut self, value: u32) {
        self.0.extend(value.to_le_bytes());
    }

    /// Writes eight bytes.
    pub fn u64(&mut self, value: u64) {
        self.0.extend(value.to_le_bytes());
    }

    /// Writes eight bytes.
    pub fn i64(&mut self, value: i64) {
        self.0.extend(value.to_le_bytes());
    }

    /// Writes the eight bytes of the number's bits, so that every NaN keeps its own.
    pub fn f64(&mut self, value: f64) {
        self.u64(value.to_bits());
    }

    /// Writes a category as eight bytes, 2⁶⁴ − 1 where there is none.
    pub fn category(&mut self, category: Option<CategoryId>) {
        self.u64(category.map_or(u64::MAX, CategoryId::number));
    }

    /// Writes a length of two bytes and the text; longer text is cut at 65,535 bytes by the caller's contract.
    pub fn text(&mut self, text: &str) {
        let length = u16::try_from(text.len()).expect("texts are bounded where they are parsed");
        self.u16(length);
        self.0.extend(text.as_bytes());
    }
}

/// Reads what a [`ByteWriter`] wrote.
#[derive(Debug)]
pub struct ByteReader<'a> {
    bytes: &'a [u8],
    at: usize,
    what: &'static str,
}

impl<'a> ByteReader<'a> {
    /// A reader of `bytes`; `what` names them in errors.
    pub fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Self { bytes, at: 0, what }
    }

    /// The error at the current position.
    pub fn malformed(&self) -> MalformedBytes {
        MalformedBytes {
            what: self.what,
            at: self.at,
        }
    }

    /// The next `n` bytes.
    pub fn take(&mut self, n: usize) -> Result<&'a [u8], MalformedBytes> {
        let end = self
            .at
            .checked_add(n)
            .filter(|&end| end <= self.bytes.len())
            .ok_or(self.malformed())?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    /// The next `N` bytes, as many as they are.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], MalformedBytes> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    /// Reads a category; `None` where none was written.
    pub fn category(&mut self) -> Result<Option<CategoryId>, MalformedBytes> {
        match self.u64()? {
            u64::MAX => Ok(None),
            number => Ok(Some(CategoryId::from_cell(number as f64).ok_or(self.malformed())?)),
        }
    }

    /// Reads one byte.
    pub fn u8(&mut self) -> Result<u8, MalformedBytes> {
        Ok(self.array::<1>()?[0])
    }

    /// Reads two bytes.
    pub fn u16(&mut self) -> Result<u16, MalformedBytes> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    /// Reads four bytes.
    pub fn u32(&mut self) -> Result<u32, MalformedBytes> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// Reads eight bytes.
    pub fn u64(&mut self) -> Result<u64, MalformedBytes> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// Reads eight bytes.
    pub fn i64(&mut self) -> Result<i64, MalformedBytes> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    /// Reads a number with its very bits.
    pub fn f64(&mut self) -> Result<f64, MalformedBytes> {
        Ok(f64::from_bits(self.u64()?))
    }

    /// Reads a text.
    pub fn text(&mut self) -> Result<&'a str, MalformedBytes> {
        let length = usize::from(self.u16()?);
        let error = self.malformed();
        std::str::from_utf8(self.take(length)?).map_err(|_| error)
    }

    /// Nothing, when all bytes were read.
    pub fn end(self) -> Result<(), MalformedBytes> {
        if self.at == self.bytes.len() {
            Ok(())
        } else {
            Err(self.malformed())
        }
    }
}
