//! Cuts a byte stream into lines: many a read, none copied, none able to exhaust memory.
//!
//! It does not look into a line; [`crate::message`] does.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// The buffer at rest, in bytes: one read of a busy pipe, about 300 deltas.
pub const BUFFER: usize = 64 * 1024;

/// The longest line that is kept unless another bound is given, in bytes. A message text goes over the wire whole, so
/// 20 MB lines are ordinary; at this length a line is discarded and reported as [`Oversized`].
pub const MAX_LINE: usize = 256 * 1024 * 1024;

/// Less room than this at the end of the buffer is not worth a read, in bytes.
const MIN_READ: usize = 8 * 1024;

/// A reader of lines. Take every line with [`next_line`](Self::next_line), then [`fill`](Self::fill) again.
#[derive(Debug)]
pub struct LineReader<R> {
    inner: R,
    /// What was read. Invariant: `start <= scanned <= buf.len()`, and no line break lies in `start..scanned`.
    buf: Vec<u8>,
    start: usize,
    scanned: usize,
    max_line: usize,
    /// Bytes of the line that is being thrown away, while one is.
    discarding: Option<u64>,
    eof: bool,
}

/// What one read gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fill {
    /// There are new bytes; whether they complete a line shows [`LineReader::next_line`].
    Data,
    /// The stream has ended; the rest without a line break is now handed out as the last line.
    Eof,
}

/// A line was longer than the bound and was thrown away as it streamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("discarded a line of {length} bytes; the limit is {limit} bytes a line")]
pub struct Oversized {
    /// The whole length of the discarded line, in bytes.
    pub length: u64,
    /// The bound, in bytes.
    pub limit: usize,
}

impl<R: AsyncRead + Unpin> LineReader<R> {
    /// A reader with the default bound, [`MAX_LINE`].
    pub fn new(inner: R) -> Self {
        Self::with_max_line(inner, MAX_LINE)
    }

    /// A reader that discards lines of more than `max_line` bytes.
    pub fn with_max_line(inner: R, max_line: usize) -> Self {
        Self {
            inner,
            buf: Vec::with_capacity(BUFFER),
            start: 0,
            scanned: 0,
            max_line,
            discarding: None,
            eof: false,
        }
    }

    /// Reads once. Cancel-safe: when the future is dropped, no byte is lost.
    ///
    /// # Errors
    /// What the stream gives; lines that were complete before stay readable.
    pub async fn fill(&mut self) -> io::Result<Fill> {
        if self.eof {
            return Ok(Fill::Eof);
        }
        self.make_room();
        self.eof = self.inner.read_buf(&mut self.buf).await? == 0;
        Ok(if self.eof { Fill::Eof } else { Fill::Data })
    }

    /// The next complete line, without its `\n` or `\r\n`; `None` when another [`fill`](Self::fill) is needed, or after
    /// [`Fill::Eof`] when all is handed out. An oversized line is reported once, in its place.
    pub fn next_line(&mut self) -> Option<Result<&[u8], Oversized>> {
        let line = match memchr::memchr(b'\n', &self.buf[self.scanned..]) {
            Some(found) => {
                let line = self.start..self.scanned + found;
                self.start = line.end + 1;
                line
            }
            None => {
                let end = self.buf.len();
                self.scanned = end;
                if self.discarding.is_some() || end - self.start > self.max_line {
                    *self.discarding.get_or_insert(0) += (end - self.start) as u64;
                    self.start = end;
                }
                if !self.eof || (self.start == end && self.discarding.is_none()) {
                    return None;
                }
                let line = self.start..end;
                self.start = end;
                line
            }
        };
        self.scanned = self.start;
        let length = self.discarding.take().unwrap_or(0) + line.len() as u64;
        if length > self.max_line as u64 {
            return Some(Err(Oversized {
                length,
                limit: self.max_line,
            }));
        }
        let line = &self.buf[line];
        Some(Ok(line.strip_suffix(b"\r").unwrap_or(line)))
    }

    /// The size of the buffer, in bytes: [`BUFFER`] at rest, more while a long line is read.
    pub fn capacity(&self) -> usize {
        self.buf.capacity()
    }

    /// Moves, grows or shrinks the buffer so that the next read is worth its call.
    fn make_room(&mut self) {
        let kept = self.buf.len() - self.start;
        let size = self.buf.capacity();
        if kept > 0 && size - self.buf.len() >= MIN_READ {
            return;
        }
        let wanted = if kept > size / 2 {
            // Doubled, so that a long line is moved a constant number of times however it arrives, up to the bound, at
            // which a line is discarded before there is no room left.
            let most = self.max_line.saturating_add(BUFFER);
            (size * 2).min(most).max(kept + MIN_READ)
        } else if kept <= BUFFER / 2 {
            BUFFER
        } else {
            size
        };
        if wanted == size {
            self.buf.drain(..self.start);
        } else {
            let mut buf = Vec::with_capacity(wanted);
            buf.extend_from_slice(&self.buf[self.start..]);
            self.buf = buf;
        }
        self.scanned -= self.start;
        self.start = 0;
    }
}
