//! The M layer: armoured private keys, from their BEGIN line to their END line or to where they stop being one.
//!
//! Not for certificates and public keys, and not for a BEGIN line in prose that no key follows.

mod line;

use crate::block::line::{
    EVIDENCE_MIN, LABEL, LABEL_MAX, LINE_MAX, Line, NEXT_BEGIN, PREFIX_MAX, armour_part,
    armour_tail, closing, end_follows, has_header, is_leading, line_end, trim,
};
use crate::class::{ARMOUR, Class};
use crate::swallow::How;
use crate::view::{More, Verdict, View};

/// What opens an armoured block; the label follows.
pub(crate) const BEGIN: &str = "-----BEGIN ";
/// The four-dash form of commercial SSH.
pub(crate) const BEGIN_SSH2: &str = "---- BEGIN SSH2 ";
/// The line before the private lines of a PuTTY key.
pub(crate) const PUTTY: &str = "Private-Lines: ";

/// How far behind the BEGIN line the key itself must begin.
const EVIDENCE_WITHIN: usize = 1024;
/// A block that is still open after so many bytes ends there.
const BLOCK_MAX: usize = 64 * 1024;

/// So long a word at the end of a line is armour, whatever stands before it.
const TAIL_MIN: usize = 40;
/// Most lines before the armour on which nothing but such a text stands.
const LEADING_MAX: u8 = 4;
/// Most empty lines in a row.
const EMPTY_MAX: u8 = 8;

/// How far a block has got.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Block {
    /// Bytes taken so far.
    taken: usize,
    /// Whether a line of armour was seen: header lines only come before.
    armour: bool,
    /// Empty lines in a row.
    empty: u8,
    /// Lines before the armour that only a file name or the like stands on.
    leading: u8,
    /// Whether the rest of a line that was already judged follows.
    inside_line: bool,
}

/// Judges the text at `at`, where [`BEGIN`] or [`BEGIN_SSH2`] ends at `label`.
pub(crate) fn judge_armour(view: View<'_>, at: usize, label: usize) -> Verdict {
    let undecided = Verdict::More(More {
        hold: at,
        force: None,
    });
    let Some(end) = view.run(&LABEL, label, LABEL_MAX) else {
        return undecided;
    };
    if !secret_label(&view.hay[label..end]) {
        return Verdict::No;
    }
    let Some(dashes) = view.run(&Class::EMPTY.with(b"-"), end, 5) else {
        return undecided;
    };
    if dashes < end + 4 {
        return Verdict::No;
    }
    judge_body(view, at, dashes)
}

/// Judges the text behind a PuTTY key's [`PUTTY`], which ends at `count`.
pub(crate) fn judge_putty(view: View<'_>, count: usize) -> Verdict {
    let Some(end) = view.run(&Class::EMPTY.range(b'0', b'9'), count, 4) else {
        return Verdict::More(More {
            hold: view.hay.len(),
            force: None,
        });
    };
    if end == count {
        return Verdict::No;
    }
    judge_body(view, end, end)
}

fn secret_label(label: &[u8]) -> bool {
    let label = label.to_ascii_uppercase();
    [&b"PRIVATE KEY"[..], b"SECRET KEY", b"STATIC KEY"]
        .iter()
        .any(|word| label.windows(word.len()).any(|part| part == *word))
}

/// A key must follow at `body`: a line of armour, after header lines at most. The secret then begins at `start`.
fn judge_body(view: View<'_>, start: usize, body: usize) -> Verdict {
    let near = &view.hay[..view.hay.len().min(body + EVIDENCE_WITHIN)];
    // Where another block begins, this one has come to nothing.
    let next = NEXT_BEGIN.find(&near[body..]);
    let near = &near[..next.map_or(near.len(), |index| body + index)];
    let whole = near.len() == body + EVIDENCE_WITHIN;
    let last = next.is_some() || (view.eof && near.len() == view.hay.len() && !whole);
    let mut evidence = Block::default();
    let (to, done) = evidence.advance(near, body, last);
    if !evidence.armour {
        return if done || last || whole {
            Verdict::No
        } else {
            waiting(start, &near[to..])
        };
    }
    let mut block = Block::default();
    match block.advance(view.hay, body, view.eof) {
        (end, true) => Verdict::Hit { start, end },
        (to, false) => Verdict::Open {
            start,
            to,
            how: How::Block(block),
        },
    }
}

/// Only what follows can tell whether `rest`, the line at hand, is part of a key.
fn waiting(start: usize, rest: &[u8]) -> Verdict {
    let likely = armour_tail(rest) >= EVIDENCE_MIN;
    let force = likely.then(|| {
        let mut block = Block::default();
        block.force();
        How::Block(block)
    });
    Verdict::More(More { hold: start, force })
}

impl Block {
    /// Takes whole lines of the block from `hay[at..]`: how far, and whether the block ends there.
    pub(crate) fn advance(&mut self, hay: &[u8], mut at: usize, eof: bool) -> (usize, bool) {
        loop {
            let rest = &hay[at..];
            let near = &rest[..rest.len().min(LINE_MAX)];
            let (line, next, whole) = match line_end(near) {
                Some((end, next)) => (&rest[..end], next, true),
                // A long line: its armour is taken without looking for the end of the line.
                None if rest.len() >= LINE_MAX => match (closing(near), armour_part(near)) {
                    (Some(end), _) if end.whole || end.from == 0 => (&rest[..end.to], end.to, true),
                    (Some(end), _) => (&rest[..end.from], end.from, false),
                    (None, 0) => (near, LINE_MAX, true),
                    (None, part) => (&rest[..part], part, false),
                },
                None if eof => (rest, rest.len(), true),
                None => match closing(rest) {
                    Some(end) if end.whole => (&rest[..end.to], end.to, true),
                    _ => return (at, false),
                },
            };
            if let Some(end) = closing(line) {
                // A mark that closes nothing is no block: the two marks stand as strings in code.
                self.armour |= armour_tail(&line[..end.from]) >= EVIDENCE_MIN;
                return (at + end.to, true);
            }
            // The end of the text cut the line off.
            let cut = eof && at + line.len() == hay.len();
            let before = self.clone();
            match self.judge(line, whole, cut) {
                Line::Armour => {}
                Line::Other => return (at, true),
                Line::Short => match end_follows(&rest[next..], eof) {
                    Some(true) => {}
                    Some(false) => return (at, true),
                    None => {
                        *self = before;
                        return (at, false);
                    }
                },
            }
            at += next;
            self.taken += next;
            if self.taken >= BLOCK_MAX || (eof && at == hay.len()) {
                return (at, true);
            }
        }
    }

    /// Takes everything at hand, because nothing came for long: the rest of the line is taken when it comes.
    pub(crate) fn force(&mut self) {
        self.inside_line = true;
    }

    fn judge(&mut self, line: &[u8], whole: bool, cut: bool) -> Line {
        let inside = std::mem::replace(&mut self.inside_line, !whole);
        let core = trim(line);
        if core.is_empty() {
            self.empty += 1;
            return if self.empty <= EMPTY_MAX {
                Line::Armour
            } else {
                Line::Other
            };
        }
        self.empty = 0;
        if !self.armour && has_header(core) {
            return Line::Armour;
        }
        let found = match self.judge_words(core, whole, cut, inside) {
            // Behind a line number, a file name or a time stamp the armour is the last word.
            Line::Other => self.judge_tail(core),
            found => found,
        };
        if !matches!(found, Line::Other) {
            self.armour = true;
        } else if !self.armour && self.leading < LEADING_MAX && is_leading(core) {
            self.leading += 1;
            return Line::Armour;
        }
        found
    }

    /// Judges a line of nothing but armour, in one word or, when its breaks became spaces, in several.
    fn judge_words(&self, core: &[u8], whole: bool, cut: bool, inside: bool) -> Line {
        let mut found = Line::Armour;
        let mut longest = 0;
        let mut words = core
            .split(|byte| *byte == b' ')
            .filter(|word| !word.is_empty())
            .peekable();
        let mut first = true;
        while let Some(word) = words.next() {
            let last = words.peek().is_none();
            // A word may go on from the part of the line before, or into the next.
            let part = (first && inside) || (last && !whole);
            first = false;
            longest = longest.max(word.len());
            if !word.iter().all(|byte| ARMOUR.has(*byte)) || !(last || part || word.len() >= 32) {
                return Line::Other;
            }
            let plausible = word.len() % 4 == 0 || word.len() >= EVIDENCE_MIN || word[0] == b'=';
            if !(plausible || part || cut) {
                found = Line::Short;
            }
        }
        let enough = if self.leading > 0 {
            TAIL_MIN
        } else {
            EVIDENCE_MIN
        };
        if !self.armour && longest < enough {
            Line::Other
        } else {
            found
        }
    }

    /// Judges a line by its last word.
    fn judge_tail(&self, core: &[u8]) -> Line {
        let tail = armour_tail(core);
        match core.len() - tail {
            0 | PREFIX_MAX.. => Line::Other,
            _ if tail >= TAIL_MIN => Line::Armour,
            _ if tail > 0 && self.armour => Line::Short,
            _ => Line::Other,
        }
    }
}
