//! Delta notifications at full speed: everything but the text is prepared once, and many go out in one piece.
//! Whatever is not a delta takes the slower way through serde.

use std::io::Write;

use super::{ids, server::Server};

/// Bytes that are collected before they are handed to the writer.
const CHUNK_BYTES: usize = 64 << 10;
/// Deltas that share one reading of the clock when nothing is waited for.
const DELTAS_A_READING: u64 = 64;

/// Writes the deltas of one item.
pub(super) struct Deltas<'a> {
    server: &'a Server,
    /// The line up to the text.
    before: Vec<u8>,
    /// Between the text and the time.
    after: &'static [u8],
    /// The time as digits.
    now: Vec<u8>,
    chunk: Vec<u8>,
    count: u64,
    /// The client wants none of these.
    muted: bool,
}

impl<'a> Deltas<'a> {
    pub(super) fn new(
        server: &'a Server,
        method: &str,
        thread_id: &str,
        turn_id: &str,
        item_id: &str,
    ) -> Self {
        let before = format!(
            r#"{{"method":"{method}","params":{{"threadId":"{thread_id}","turnId":"{turn_id}","itemId":"{item_id}","delta":"#
        );
        Self {
            server,
            before: before.into_bytes(),
            after: b"},\"emittedAtMs\":",
            now: Vec::new(),
            chunk: Vec::with_capacity(2 * CHUNK_BYTES),
            count: 0,
            muted: !server.wants(method),
        }
    }

    /// The same with a last field, which reasoning deltas have.
    pub(super) fn of_summary(mut self) -> Self {
        self.after = b",\"summaryIndex\":0},\"emittedAtMs\":";
        self
    }

    /// Adds a delta with this text.
    pub(super) fn text(&mut self, text: &str) {
        self.delta(|chunk| {
            serde_json::to_writer(chunk, text).expect("writing a string to a Vec cannot fail")
        });
    }

    /// Adds a delta whose text needs no escapes, except for a newline at its end.
    pub(super) fn plain(&mut self, text: &[u8]) {
        self.delta(|chunk| {
            chunk.push(b'"');
            match text.split_last() {
                Some((b'\n', text)) => {
                    chunk.extend_from_slice(text);
                    chunk.extend_from_slice(b"\\n");
                }
                _ => chunk.extend_from_slice(text),
            }
            chunk.push(b'"');
        });
    }

    fn delta(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if self.muted {
            return;
        }
        if self.count.is_multiple_of(DELTAS_A_READING) || self.chunk.is_empty() {
            self.now.clear();
            write!(self.now, "{}", ids::now_ms()).expect("writing to a Vec cannot fail");
        }
        self.count += 1;
        self.chunk.extend_from_slice(&self.before);
        write(&mut self.chunk);
        self.chunk.extend_from_slice(self.after);
        self.chunk.extend_from_slice(&self.now);
        self.chunk.extend_from_slice(b"}\n");
        if self.chunk.len() >= CHUNK_BYTES {
            self.flush();
        }
    }

    /// Hands what was collected to the writer.
    pub(super) fn flush(&mut self) {
        if !self.chunk.is_empty() {
            self.server.output.stream(&self.chunk);
            self.chunk.clear();
        }
    }
}
