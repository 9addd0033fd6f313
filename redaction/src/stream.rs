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
            self.keep(chunk);
            return out;
        }
        let nothing_held = self.held() == 0;
        let before = self.carry.len();
        let mut text = std::mem::take(&mut self.carry);
        match coloured {
            true => self.colours.strip(chunk, &mut text, false),
            false => text.push_str(chunk),
        }
        let out = self.step(&text, false);
        let same = nothing_held && out == chunk;
        // Written text that is the beginning of `text` needs no copy.
        let whole =
            matches!(out, Cow::Borrowed(part) if std::ptr::eq(part.as_ptr(), text.as_ptr()));
        let length = out.len();
        let out = if same || whole {
            String::new()
        } else {
            out.into_owned()
        };
        if self.writer.out >= before {
            self.age = Duration::ZERO;
        }
        self.keep(&text);
        if same {
            return Cow::Borrowed(chunk);
        }
        if whole {
            text.truncate(length);
            return Cow::Owned(text);
        }
        Cow::Owned(out)
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
        self.keep(&text);
        if self.carry.len() <= self.writer.out {
            out.push_str(&self.colours.release());
        }
        out
    }

    /// How many bytes are held back.
    pub fn held(&self) -> usize {
        self.carry.len().saturating_sub(self.writer.out) + self.colours.held()
    }

    /// Keeps what of `text` the next scan needs.
    fn keep(&mut self, text: &str) {
        let from = self.scan.needs().min(self.writer.out).min(text.len());
        let Some(rest) = text.get(from..).filter(|rest| rest.len() <= HOLD_MAX) else {
            self.fail(text);
            return;
        };
        self.prev = self.prev.then(&text.as_bytes()[..from]);
        self.carry = rest.to_owned();
        self.scan.rebase(from);
        self.writer.rebase(from);
        self.colours.rebase(from, HOLD_MAX);
    }

    /// More is held than any rule should: the text is dropped, and the marker of the engine leaves in its place.
    fn fail(&mut self, text: &str) {
        let prev = self.prev.then(text.as_bytes());
        *self = Stream::new(Arc::clone(&self.redactor));
        self.prev = prev;
        self.carry = marker::ENGINE.to_owned();
    }
}
