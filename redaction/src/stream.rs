//! A stream of text on its way through the redactor, cut anywhere.
//!
//! Not for binary data, and without a clock: whoever owns the stream says when time has passed.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use crate::engine::Scan;
use crate::engine::intervals::SHUT;
use crate::marker;
use crate::redactor::Redactor;
use crate::view::{Prev, View};

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

/// Writes the text between the secrets, and their markers.
#[derive(Default)]
pub(crate) struct Writer {
    /// Text before this has left or was dropped. Counts like the positions of the scan.
    out: usize,
    /// A marker for text that ends here was written before the secret had come to its end.
    shown: usize,
    /// The first group of intervals reaches back into text whose marker was written already.
    joined: bool,
}

impl Stream {
    pub(crate) fn new(redactor: Arc<Redactor>) -> Stream {
        Stream {
            redactor,
            scan: Scan::default(),
            writer: Writer::default(),
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
        let nothing_held = self.held() == 0;
        if nothing_held {
            self.age = Duration::ZERO;
        }
        if self.carry.is_empty() {
            let view = View {
                hay: chunk.as_bytes(),
                prev: self.prev,
                eof: false,
            };
            self.scan.advance(&self.redactor, view);
            let out = self.writer.write(&self.redactor, &mut self.scan, chunk);
            self.keep(chunk);
            return out;
        }
        let mut text = std::mem::take(&mut self.carry);
        text.push_str(chunk);
        let view = View {
            hay: text.as_bytes(),
            prev: self.prev,
            eof: false,
        };
        self.scan.advance(&self.redactor, view);
        let out = self.writer.write(&self.redactor, &mut self.scan, &text);
        if nothing_held && out.len() == chunk.len() && out == chunk {
            drop(out);
            self.keep(&text);
            return Cow::Borrowed(chunk);
        }
        let out = out.into_owned();
        self.keep(&text);
        Cow::Owned(out)
    }

    /// The stream has come to its end: returns all that was held, redacted, and begins anew.
    pub fn flush(&mut self) -> String {
        let text = std::mem::take(&mut self.carry);
        self.scan.advance(
            &self.redactor,
            View {
                hay: text.as_bytes(),
                prev: self.prev,
                eof: true,
            },
        );
        let out = self
            .writer
            .write(&self.redactor, &mut self.scan, &text)
            .into_owned();
        *self = Stream::new(Arc::clone(&self.redactor));
        out
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
            self.scan.settle(
                &self.redactor,
                View {
                    hay: text.as_bytes(),
                    prev: self.prev,
                    eof: false,
                },
            );
        }
        let out = self
            .writer
            .write(&self.redactor, &mut self.scan, &text)
            .into_owned();
        self.keep(&text);
        out
    }

    /// How many bytes are held back.
    pub fn held(&self) -> usize {
        self.carry.len() - self.writer.out.min(self.carry.len())
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
    }

    /// More is held than any rule should: the text is dropped, and the marker of the engine leaves in its place.
    fn fail(&mut self, text: &str) {
        let prev = self.prev.then(text.as_bytes());
        *self = Stream::new(Arc::clone(&self.redactor));
        self.prev = prev;
        self.carry = marker::ENGINE.to_owned();
    }
}

impl Writer {
    /// The text that may leave, given what `scan` has settled of `text`.
    pub(crate) fn write<'t>(
        &mut self,
        redactor: &Redactor,
        scan: &mut Scan,
        text: &'t str,
    ) -> Cow<'t, str> {
        let settled = scan.settled().min(text.len());
        let known_from = scan.known_from();
        let mut out = Cow::Borrowed("");
        let mut taken = 0;
        loop {
            let rest = scan.intervals.from(taken);
            let Some(first) = rest
                .first()
                .filter(|first| first.start < settled || first.end <= settled)
            else {
                append(&mut out, text, self.out, settled);
                self.out = self.out.max(settled);
                break;
            };
            let mut group = *first;
            let members = 1 + rest[1..]
                .iter()
                .take_while(|later| {
                    let joins = later.start < group.end || group.open != SHUT;
                    if joins {
                        group.unite(later);
                    }
                    joins
                })
                .count();
            append(&mut out, text, self.out, group.start);
            self.joined |= group.start < self.shown;
            if group.open != SHUT || group.end > settled {
                self.out = self.out.max(settled);
                break;
            }
            if !std::mem::take(&mut self.joined) {
                redactor.write_marker(out.to_mut(), &group);
            }
            self.out = self.out.max(group.end);
            if known_from < group.end {
                self.shown = self.shown.max(group.end);
            }
            taken += members;
        }
        scan.intervals.drop_first(taken);
        out
    }

    fn rebase(&mut self, bytes: usize) {
        self.out = self.out.saturating_sub(bytes);
        self.shown = self.shown.saturating_sub(bytes);
    }
}

/// Appends `text[from..to]`; a range that would cut a character is dropped, and says so.
fn append<'t>(out: &mut Cow<'t, str>, text: &'t str, from: usize, to: usize) {
    if from >= to {
        return;
    }
    let part = text.get(from..to).unwrap_or(marker::ENGINE);
    if out.is_empty() {
        *out = Cow::Borrowed(part);
    } else {
        out.to_mut().push_str(part);
    }
}
