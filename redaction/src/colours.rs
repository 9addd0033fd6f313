//! Terminal colours: escape sequences that may stand in the middle of a secret are taken out before the scan, and put
//! back where they were.
//!
//! Not for other escape sequences (cursor movement, titles, links): those are text like any other.

use std::borrow::Cow;
use std::collections::VecDeque;

/// What begins a sequence.
pub(crate) const ESCAPE: u8 = 0x1b;
/// Longest sequence; what is longer is text.
const SEQUENCE_MAX: usize = 40;

/// The sequences of a text, by where they stood in what is left of it.
#[derive(Debug, Default)]
pub(crate) struct Colours {
    taken: VecDeque<(usize, String)>,
    /// The beginning of a sequence whose end has not come.
    partial: String,
    /// So many bytes of it have left already.
    shown: usize,
}

/// What an escape character begins.
enum Sequence {
    /// A sequence of so many bytes.
    Whole(usize),
    /// The text ends before it is decided.
    Partial,
    /// Something else.
    Other,
}

/// Reads `ESC [ ... m` and `ESC [ ... K`, the colours and what `grep` and compilers put after them.
fn read(text: &[u8]) -> Sequence {
    match text {
        [ESCAPE] => Sequence::Partial,
        [ESCAPE, b'[', rest @ ..] => {
            let parameters = rest
                .iter()
                .take(SEQUENCE_MAX)
                .take_while(|byte| matches!(byte, b'0'..=b';'))
                .count();
            match rest.get(parameters) {
                _ if parameters == SEQUENCE_MAX => Sequence::Other,
                None => Sequence::Partial,
                Some(b'm' | b'K') => Sequence::Whole(parameters + 3),
                Some(_) => Sequence::Other,
            }
        }
        _ => Sequence::Other,
    }
}

impl Colours {
    /// Whether there is nothing to put back and nothing to wait for.
    pub(crate) fn is_empty(&self) -> bool {
        self.taken.is_empty() && self.partial.is_empty()
    }

    /// Bytes of an unfinished sequence that have not left.
    pub(crate) fn held(&self) -> usize {
        self.partial.len() - self.shown
    }

    /// Appends `chunk` to `text` without its sequences; at the end of the text an unfinished one is text.
    pub(crate) fn strip(&mut self, chunk: &str, text: &mut String, eof: bool) {
        let shown = std::mem::take(&mut self.shown);
        let joined = std::mem::take(&mut self.partial) + chunk;
        let mut rest = &joined[..];
        // What has left already must not leave again, whatever it turns out to be.
        let mut gone = shown;
        while let Some(at) = memchr::memchr(ESCAPE, rest.as_bytes()) {
            text.push_str(&rest[..at]);
            rest = &rest[at..];
            let length = match read(rest.as_bytes()) {
                Sequence::Whole(length) => length,
                Sequence::Partial if !eof => {
                    self.partial = rest.to_owned();
                    self.shown = gone;
                    return;
                }
                _ if gone > 0 => gone,
                Sequence::Partial | Sequence::Other => {
                    text.push_str(&rest[..1]);
                    rest = &rest[1..];
                    continue;
                }
            };
            self.taken
                .push_back((text.len(), rest[gone.min(length)..length].to_owned()));
            rest = &rest[length..];
            gone = 0;
        }
        text.push_str(rest);
    }

    /// A whole text without its sequences.
    pub(crate) fn strip_whole<'t>(&mut self, text: &'t str) -> Cow<'t, str> {
        if memchr::memchr(ESCAPE, text.as_bytes()).is_none() {
            return Cow::Borrowed(text);
        }
        let mut stripped = String::with_capacity(text.len());
        self.strip(text, &mut stripped, true);
        Cow::Owned(stripped)
    }

    /// The next sequence that stands at or before `position`.
    pub(crate) fn next_until(&mut self, position: usize) -> Option<(usize, String)> {
        if self.taken.front()?.0 > position {
            None
        } else {
            self.taken.pop_front()
        }
    }

    /// Time has passed: the beginning of a sequence leaves, and is remembered.
    pub(crate) fn release(&mut self) -> String {
        let out = self.partial[self.shown..].to_owned();
        self.shown = self.partial.len();
        out
    }

    /// The first `bytes` of the text are gone. Of more than `most` bytes of sequences within one secret, the first are
    /// given up.
    pub(crate) fn rebase(&mut self, bytes: usize, most: usize) {
        for (position, _) in &mut self.taken {
            *position = position.saturating_sub(bytes);
        }
        let mut total: usize = self.taken.iter().map(|(_, sequence)| sequence.len()).sum();
        while total > most {
            total -= self
                .taken
                .pop_front()
                .map_or(total, |(_, sequence)| sequence.len());
        }
    }
}
