//! The M layer: armoured private keys, from their BEGIN line to their END line or to where they stop being one.
//!
//! Not for certificates and public keys, and not for a BEGIN line in prose that no key follows.

use crate::class::{ARMOUR, Class};
use crate::swallow::How;
use crate::view::{More, Verdict, View};

/// What opens an armoured block; the label follows.
pub(crate) const BEGIN: &str = "-----BEGIN ";
/// The four-dash form of commercial SSH.
pub(crate) const BEGIN_SSH2: &str = "---- BEGIN SSH2 ";
/// The line before the private lines of a PuTTY key.
pub(crate) const PUTTY: &str = "Private-Lines: ";

/// Longest label of a BEGIN line.
const LABEL_MAX: usize = 48;
/// How far behind the BEGIN line the key itself must begin.
const EVIDENCE_WITHIN: usize = 512;
/// So many characters of armour in a row are a key and not prose.
const EVIDENCE_MIN: usize = 16;
/// A longer line is judged in parts of this size.
const LINE_MAX: usize = 256;
/// A block that is still open after so many bytes ends there.
const BLOCK_MAX: usize = 64 * 1024;

/// How far behind the last line the closing mark may stand, indented and quoted.
const END_WITHIN: usize = 64;

const END: &[u8] = b"---- END ";
const END_DASHED: &[u8] = b"-----END ";
const LABEL: Class = Class::EMPTY
    .range(b'A', b'Z')
    .range(b'a', b'z')
    .range(b'0', b'9')
    .with(b" ");
/// What may stand before and after the armour of a line: indentation, diff and quote signs, string syntax, line numbers.
const FILLER: Class = Class::EMPTY.with(b" \t+-|>*#\"'`,;.:()\r");

/// How far a block has got.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Block {
    /// Bytes taken so far.
    taken: usize,
    /// Whether a line of armour was seen: header lines only come before.
    armour: bool,
    /// Empty lines in a row.
    empty: u8,
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
    let undecided = Verdict::More(More {
        hold: view.hay.len(),
        force: None,
    });
    let Some(end) = view.run(&Class::EMPTY.range(b'0', b'9'), count, 4) else {
        return undecided;
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

/// A key must follow at `body`; the secret then begins at `start`.
fn judge_body(view: View<'_>, start: usize, body: usize) -> Verdict {
    let mut at = body;
    loop {
        if at > body + EVIDENCE_WITHIN {
            return Verdict::No;
        }
        let rest = &view.hay[at..];
        if rest.is_empty() || rest == b"\\" || rest == b"\\\\" {
            return undecided(view, start, body);
        }
        match (filler(rest), header(rest)) {
            (Some(width), _) | (None, Header::Whole(width)) => at += width,
            (None, Header::Partial) if !view.eof => return undecided(view, start, body),
            (None, _) => {
                return match view.run(&ARMOUR, at, EVIDENCE_MIN) {
                    Some(end) if end - at >= EVIDENCE_MIN => begin(view, start, body),
                    Some(_) => Verdict::No,
                    None => waiting(start),
                };
            }
        }
    }
}

fn undecided(view: View<'_>, start: usize, body: usize) -> Verdict {
    if view.eof {
        return Verdict::No;
    }
    let hold = if start == body { view.hay.len() } else { start };
    Verdict::More(More { hold, force: None })
}

/// The first line decides: without one whole line of armour there is no block.
fn begin(view: View<'_>, start: usize, body: usize) -> Verdict {
    let mut block = Block::default();
    let (to, done) = block.advance(view.hay, body, view.eof);
    match done {
        true if !block.armour => Verdict::No,
        true => Verdict::Hit { start, end: to },
        false if block.armour => Verdict::Open {
            start,
            to,
            how: How::Block(block),
        },
        false => waiting(start),
    }
}

/// Part of a key is at hand, and not enough of it to tell.
fn waiting(start: usize) -> Verdict {
    let mut block = Block::default();
    block.force();
    Verdict::More(More {
        hold: start,
        force: Some(How::Block(block)),
    })
}

/// The width of the filler that `rest` begins with: a sign, a line break, or an escaped one.
fn filler(rest: &[u8]) -> Option<usize> {
    match rest {
        [b'\\', b'\\', b'n' | b'r' | b't', ..] => Some(3),
        [b'\\', b'n' | b'r' | b't', ..] => Some(2),
        [b'\n', ..] => Some(1),
        [byte, ..] if FILLER.has(*byte) => Some(1),
        _ => None,
    }
}

/// Whether a header line of the armour begins `rest`.
enum Header {
    /// It has so many bytes.
    Whole(usize),
    /// Its end is not at hand, or not even its name.
    Partial,
    /// It is something else.
    None,
}

fn header(rest: &[u8]) -> Header {
    const NAMES: [&[u8]; 7] = [
        b"Proc-Type:",
        b"DEK-Info:",
        b"Version:",
        b"Comment:",
        b"Charset:",
        b"Hash:",
        b"MessageID:",
    ];
    if NAMES.iter().any(|name| rest.starts_with(name)) {
        return match line_end(rest) {
            Some((_, next)) => Header::Whole(next),
            None if rest.len() < LINE_MAX * 2 => Header::Partial,
            None => Header::None,
        };
    }
    let partial = !rest.is_empty() && NAMES.iter().any(|name| name.starts_with(rest));
    if partial {
        Header::Partial
    } else {
        Header::None
    }
}

/// Where the line ends and where the next one begins.
fn line_end(rest: &[u8]) -> Option<(usize, usize)> {
    let mut at = 0;
    while at < rest.len().min(LINE_MAX * 2) {
        match &rest[at..] {
            [b'\n', ..] => return Some((at, at + 1)),
            [b'\\', b'\\', b'n', ..] => return Some((at, at + 3)),
            [b'\\', b'n', ..] => return Some((at, at + 2)),
            _ => at += 1,
        }
    }
    None
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
                self.armour = true;
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
            return if self.empty <= 3 {
                Line::Armour
            } else {
                Line::Other
            };
        }
        self.empty = 0;
        if !self.armour && !matches!(header(core), Header::None) {
            return Line::Armour;
        }
        let mut found = Line::Armour;
        let mut words = core
            .split(|byte| *byte == b' ')
            .filter(|word| !word.is_empty())
            .peekable();
        while let Some(word) = words.next() {
            let last = words.peek().is_none();
            if !word.iter().all(|byte| ARMOUR.has(*byte)) || (word.len() < 32 && !last) {
                return Line::Other;
            }
            let plausible = word.len() % 4 == 0 || word.len() >= EVIDENCE_MIN || word[0] == b'=';
            if !(plausible || cut || inside || !whole) {
                found = Line::Short;
            }
        }
        self.armour = true;
        found
    }
}

/// What a line of a block may be.
enum Line {
    /// Part of the block.
    Armour,
    /// Part of the block if that ends behind it: the last line of a key may have any length.
    Short,
    /// No part of it.
    Other,
}

/// Whether `rest` begins with the mark that closes a block, or the text ends; none when that is not at hand.
fn end_follows(rest: &[u8], eof: bool) -> Option<bool> {
    let mut at = 0;
    while at < END_WITHIN {
        let rest = &rest[at..];
        if rest.is_empty() {
            return eof.then_some(true);
        }
        if rest.starts_with(END) || rest.starts_with(END_DASHED) {
            return Some(true);
        }
        let partial = END.starts_with(rest) || END_DASHED.starts_with(rest);
        if (partial || rest == b"\\" || rest == b"\\\\") && !eof {
            return None;
        }
        match filler(rest) {
            Some(width)
                if rest[0] != b'-' || rest.get(1).is_some_and(|byte| b" \t".contains(byte)) =>
            {
                at += width
            }
            _ => return Some(false),
        }
    }
    Some(false)
}

/// The line without what may surround its armour.
fn trim(mut line: &[u8]) -> &[u8] {
    while let Some(width) = filler(line) {
        line = &line[width..];
    }
    // A line number of `cat -n` or `nl`: digits and white space before the armour.
    let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if (1..=6).contains(&digits) && line.get(digits).is_some_and(|byte| b" \t:|".contains(byte)) {
        line = &line[digits..];
        while let Some(width) = filler(line) {
            line = &line[width..];
        }
    }
    while let [rest @ .., last] = line {
        if !FILLER.has(*last) && *last != b'\\' {
            break;
        }
        line = rest;
    }
    line
}

/// The length of the filler and armour that a long line begins with; zero when it is no armour.
fn armour_part(line: &[u8]) -> usize {
    let mut filled = 0;
    while let Some(width) = filler(&line[filled..]) {
        filled += width;
    }
    let run = ARMOUR.with(b" ").run(line, filled, usize::MAX);
    if run < EVIDENCE_MIN && filled + run < line.len() {
        0
    } else {
        filled + run
    }
}

/// The mark that closes a block.
struct Closing {
    /// Where it begins.
    from: usize,
    /// Where it ends.
    to: usize,
    /// Whether all of its dashes are there.
    whole: bool,
}

/// The mark that closes the block, when `line` has one.
fn closing(line: &[u8]) -> Option<Closing> {
    let from = line
        .windows(END.len())
        .position(|part| part == END || part == END_DASHED)?;
    let label = from + END.len();
    let dashes = label + LABEL.run(line, label, LABEL_MAX);
    let got = line[dashes..]
        .iter()
        .take(5)
        .take_while(|byte| **byte == b'-')
        .count();
    Some(Closing {
        from,
        to: dashes + got,
        whole: got == 5,
    })
}
