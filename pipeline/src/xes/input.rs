//! The bytes of a log: unpacked when gzipped, lines counted, one piece of markup bounded.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

/// No tag, comment or text of an honest log is longer; without a bound one would be held whole, however long.
const MAX_MARKUP_BYTES: usize = 16 << 20;
const BUFFER_BYTES: usize = 64 << 10;
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Bytes read through a buffer, with the line they are on.
pub(super) struct Input {
    bytes: BufReader<Box<dyn Read + Send>>,
    line: u64,
    left: usize,
}

impl Input {
    /// Unpacks `bytes` when they begin as gzip does.
    pub(super) fn new(bytes: impl Read + Send + 'static) -> io::Result<Self> {
        let mut packed = BufReader::with_capacity(BUFFER_BYTES, bytes);
        let is_gzip = packed.fill_buf()?.starts_with(&GZIP);
        let plain: Box<dyn Read + Send> = if is_gzip {
            Box::new(MultiGzDecoder::new(packed))
        } else {
            Box::new(packed)
        };
        Ok(Self {
            bytes: BufReader::with_capacity(BUFFER_BYTES, plain),
            line: 1,
            left: MAX_MARKUP_BYTES,
        })
    }

    /// The line of the next byte, from 1.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// The next piece of markup begins; it may be as long as any.
    pub(super) fn next_markup(&mut self) {
        self.left = MAX_MARKUP_BYTES;
    }
}

impl Read for Input {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let n_read = self.fill_buf()?.read(to)?;
        self.consume(n_read);
        Ok(n_read)
    }
}

impl BufRead for Input {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left == 0 {
            let message = format!("a tag or text is longer than {MAX_MARKUP_BYTES} bytes; is a quote never closed?");
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        self.bytes.fill_buf()
    }

    fn consume(&mut self, n_bytes: usize) {
        let consumed = &self.bytes.buffer()[..n_bytes];
        self.line += consumed.iter().filter(|&&byte| byte == b'\n').count() as u64;
        self.left = self.left.saturating_sub(n_bytes);
        self.bytes.consume(n_bytes);
    }
}
