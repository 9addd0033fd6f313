//! A stream of text on its way through the redactor, cut anywhere.
//!
//! Not for binary data, and without a clock: whoever owns the stream says when time has passed.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use crate::colours::{Colours, ESCAPE};
use crate::engine::Scan;
use crate::marker;
use crate::redactor::Redactor;
use crate::view::{Prev, View};
use crate::writer::Writer;

/// Most bytes that a stream holds back. The rules decide within less; should one not, the text is dropped, never passed.
pub const HOLD_MAX: usize = 8 * 1024;
/// Room for so much text is kept for the next piece, so that small pieces need no allocation.
const SPARE_MAX: usize = 512;
/// After so long, held text that is no candidate of weight is shown.
pub const RELEASE_AFTER: Duration = Duration::from_millis(50);
/// After so long, held text is shown or counted as secret; nothing is held longer.
pub const SETTLE_AFTER: Duration = Duration::from_millis(250);

/// One stream of text: its own state over a shared [`Redactor`].
///
/// The pieces that [`push`](Stream::push) and [`flush`](Stream::flush) return, put together, are what
/// [`Redactor::redact`] returns for the pieces that were pushed, put together.
pub struct Stream {
    redactor: Arc<Redactor>,
    scan: Scan,
    writer: Writer,
    colours: Colours,
    /// Text that later scans need: the held tail, and what of the text before it an undecided rule began with.
    carry: String,
    /// The bytes before the carry.
    prev: Prev,
    /// How long text has been held.
    age: Duration,
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The carry may hold part of a secret: only its length is shown.
        f.debug_struct("Stream")
            .field("held", &self.held())
            .finish_non_exhaustive()
    }
}

impl Stream {
    pub(crate) fn new(redactor: Arc<Redactor>) -> Stream {
        Stream {
            redactor,
            scan: Scan::default(),
            writer: Writer::default(),
            colours: Colours::default(),
            carry: String::new(),
            prev: Prev::default(),
            age: Duration::ZERO,
        }
    }

    /// Takes the next piece and returns what may leave now: the same slice when all of it may, unchanged.
    pub fn push<'t>(&mut self, chunk: &'t str) -> Cow<'t, str> {
        if chunk.is_empty() {
            return Cow::Borrowed("");
        }
        let coloured =
            !self.colours.is_empty() || memchr::memchr(ESCAPE, chunk.as_bytes()).is_some();
        if self.carry.is_empty() && !coloured {
            self.age = Duration::ZERO;
            let out = self.step(chunk, false);
            if let Some(from) = self.keep(chunk) {
                self.carry.push_str(&chunk[from..]);
            }
            return out;
        }
        let before = self.carry.len();
        let mut text = std::mem::take(&mut self.carry);
        match coloured {
            true => self.colours.strip(chunk, &mut text, false),
            false => text.push_str(chunk),
        }
        let out = match self.step(&text, false) {
            Cow::Borrowed(part) => {
                // What leaves is mostly the chunk, or a part of it.
                let from = part.as_ptr().addr().wrapping_sub(text.as_ptr().addr());
                let within = from.checked_sub(before).filter(|_| !coloured);
                match within.and_then(|from| chunk.get(from..from + part.len())) {
                    Some(same) => Cow::Borrowed(same),
                    None if part == chunk => Cow::Borrowed(chunk),
                    None => Cow::Owned(part.to_owned()),
                }
            }
            Cow::Owned(out) if out == chunk => Cow::Borrowed(chunk),
            Cow::Owned(out) => Cow::Owned(out),
        };
        if self.writer.out >= before {
            self.age = Duration::ZERO;
        }
        self.carry_on(text);
        out
    }

    /// The stream has come to its end: returns all that was held, redacted, and begins anew.
    pub fn flush(&mut self) -> String {
        let mut text = std::mem::take(&mut self.carry);
        self.colours.strip("", &mut text, true);
        let out = self.step(&text, true).into_owned();
        *self = Stream::new(Arc::clone(&self.redactor));
        out
    }

    /// Scans `text`, which begins where the carry did, and returns what of it may leave.
    fn step<'t>(&mut self, text: &'t str, eof: bool) -> Cow<'t, str> {
        let view = View {
            hay: text.as_bytes(),
            prev: &self.prev,
            eof,
        };
        self.scan.advance(&self.redactor, view);
        self.writer
            .write(&self.redactor, &mut self.scan, &mut self.colours, text)
    }

    /// `passed` has gone by since the last push or tick: returns what need not be held any longer.
    ///
    /// After [`RELEASE_AFTER`] text leaves that is no candidate of weight; after [`SETTLE_AFTER`] what is held still is
    /// counted as secret. Text that left early stays known to the stream, so that the rest of a secret that is completed
    /// later is still redacted.
    pub fn tick(&mut self, passed: Duration) -> String {
        if self.held() == 0 {
            return String::new();
        }
        self.age = self.age.saturating_add(passed);
        if self.age < RELEASE_AFTER {
            return String::new();
        }
        let text = std::mem::take(&mut self.carry);
        self.scan.release(text.len());
        if self.age >= SETTLE_AFTER {
            let view = View {
                hay: text.as_bytes(),
                prev: &self.prev,
                eof: false,
            };
            self.scan.settle(&self.redactor, view);
        }
        let mut out = self
            .writer
            .write(&self.redactor, &mut self.scan, &mut self.colours, &text)
            .into_owned();
        self.carry_on(text);
        if self.carry.len() <= self.writer.out {
            out.push_str(&self.colours.release());
        }
        out
    }

    /// How many bytes are held back.
    pub fn held(&self) -> usize {
        self.carry.len().saturating_sub(self.writer.out) + self.colours.held()
    }

    /// Keeps what of `text` the next scan needs, in place.
    fn carry_on(&mut self, mut text: String) {
        if let Some(from) = self.keep(&text) {
            text.drain(..from);
            text.shrink_to(SPARE_MAX);
            self.carry = text;
        }
    }

    /// From where on the next scan needs `text`: positions count from there. None when it was dropped.
    fn keep(&mut self, text: &str) -> Option<usize> {
        let from = self.scan.needs().min(self.writer.out).min(text.len());
        if !text.is_char_boundary(from) || text.len() - from > HOLD_MAX {
            self.fail(text);
            return None;
        }
        self.prev = self.prev.then(&text.as_bytes()[..from]);
        self.scan.rebase(from);
        self.writer.rebase(from);
        self.colours.rebase(from, HOLD_MAX);
        Some(from)
    }

    /// More is held than any rule should: the text is dropped, and the marker of the engine leaves in its place.
    fn fail(&mut self, text: &str) {
        let prev = self.prev.then(text.as_bytes());
        *self = Stream::new(Arc::clone(&self.redactor));
        self.prev = prev;
        self.carry = marker::ENGINE.to_owned();
    }
}
