//! One line of a key block: its armour, and what may stand around it.
//!
//! Not for what the line means in its block.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::class::{ARMOUR, Class};

/// Longest label of a BEGIN line.
pub(super) const LABEL_MAX: usize = 48;
/// A longer line is judged in parts of this size.
pub(super) const LINE_MAX: usize = 256;
/// So many characters of armour in a row are a key and not prose.
pub(super) const EVIDENCE_MIN: usize = 16;
/// How far behind the last line the closing mark must stand.
const END_WITHIN: usize = 160;
/// Longest text before the armour of a line: a line number, a file name, a time stamp.
pub(super) const PREFIX_MAX: usize = 96;
pub(super) const LABEL: Class = Class::EMPTY
    .range(b'A', b'Z')
    .range(b'a', b'z')
    .range(b'0', b'9')
    .with(b" ");
/// What may stand before and after the armour of a line: indentation, diff and quote signs, string syntax, line numbers.
const FILLER: Class = Class::EMPTY.with(b" \t+-|>*#\"'`,;.:()\r");

/// The width of the filler that `rest` begins with: a sign, a line break, or an escaped one.
pub(super) fn filler(rest: &[u8]) -> Option<usize> {
    match rest {
        [b'\\', b'\\', b'n' | b'r' | b't', ..] => Some(3),
        [b'\\', b'n' | b'r' | b't', ..] => Some(2),
        [b'\n', ..] => Some(1),
        [b'%', b'0', b'A' | b'a' | b'D' | b'd', ..] => Some(3),
        [b'&', b'#', b'1', b'0' | b'3', b';', ..] => Some(5),
        [byte, ..] if FILLER.has(*byte) => Some(1),
        _ => None,
    }
}

/// Whether a header line of the armour stands in `line`.
pub(super) fn has_header(line: &[u8]) -> bool {
    const NAMES: [&[u8]; 7] = [
        b"Proc-Type:",
        b"DEK-Info:",
        b"Version:",
        b"Comment:",
        b"Charset:",
        b"Hash:",
        b"MessageID:",
    ];
    NAMES
        .iter()
        .any(|name| line.windows(name.len()).any(|part| part == *name))
}

/// Where the line ends and where the next one begins.
pub(super) fn line_end(rest: &[u8]) -> Option<(usize, usize)> {
    let mut at = 0;
    while at < rest.len().min(LINE_MAX * 2) {
        match &rest[at..] {
            [b'\n', ..] => return Some((at, at + 1)),
            [b'\\', b'\\', b'n', ..] => return Some((at, at + 3)),
            [b'\\', b'n', ..] => return Some((at, at + 2)),
            // In addresses and in XML.
            [b'%', b'0', b'A' | b'a', ..] => return Some((at, at + 3)),
            [b'&', b'#', b'1', b'0', b';', ..] => return Some((at, at + 5)),
            [b'&', b'#', b'x', b'A' | b'a', b';', ..] => return Some((at, at + 5)),
            _ => at += 1,
        }
    }
    None
}

/// What stands before each line of a block, on a line that is empty otherwise: one word.
pub(super) fn is_leading(core: &[u8]) -> bool {
    core.len() <= PREFIX_MAX && !core.contains(&b' ')
}

/// The length of the armour at the end of `line`, but for what may stand behind it.
pub(super) fn armour_tail(line: &[u8]) -> usize {
    let end = line
        .iter()
        .rposition(|byte| ARMOUR.has(*byte))
        .map_or(0, |index| index + 1);
    line[..end]
        .iter()
        .rev()
        .take_while(|byte| ARMOUR.has(**byte))
        .count()
}

/// What a line of a block may be.
pub(super) enum Line {
    /// Part of the block.
    Armour,
    /// Part of the block if that ends behind it: the last line of a key may have any length.
    Short,
    /// No part of it.
    Other,
}

/// Whether the mark that closes a block stands near the beginning of `rest`, or the text ends there; none when that is
/// not at hand.
pub(super) fn end_follows(rest: &[u8], eof: bool) -> Option<bool> {
    let near = &rest[..rest.len().min(END_WITHIN)];
    if closing(near).is_some() {
        return Some(true);
    }
    let decided = near.len() == END_WITHIN || eof;
    decided.then(|| eof && near.len() < END_WITHIN && trim(rest).is_empty())
}

/// The line without what may surround its armour.
pub(super) fn trim(mut line: &[u8]) -> &[u8] {
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
    loop {
        line = match line {
            [rest @ .., b'\\', b'r'] => rest,
            [rest @ .., b'%', b'0', b'D' | b'd'] => rest,
            [rest @ .., b'&', b'#', b'1', b'3', b';'] => rest,
            [rest @ .., last] if FILLER.has(*last) || *last == b'\\' => rest,
            _ => return line,
        }
    }
}

/// The length of the filler and armour that a long line begins with; zero when it is no armour.
pub(super) fn armour_part(line: &[u8]) -> usize {
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

/// What the marks that close a block have behind their first dashes. Preparing a search takes longer than one.
static END: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"-END "));
static END_SPACED: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"- END "));
/// What opens the next block.
pub(super) static NEXT_BEGIN: LazyLock<Finder<'static>> =
    LazyLock::new(|| Finder::new(super::BEGIN));

/// The mark that closes a block.
pub(super) struct Closing {
    /// Where it begins.
    pub(super) from: usize,
    /// Where it ends.
    pub(super) to: usize,
    /// Whether all of its dashes are there.
    pub(super) whole: bool,
}

/// The mark that closes the block, when `line` has one.
pub(super) fn closing(line: &[u8]) -> Option<Closing> {
    let marks = [&END, &END_SPACED].into_iter();
    let (at, width) = marks
        .flat_map(|mark| mark.find_iter(line).map(|at| (at, mark.needle().len())))
        .find(|(at, _)| line[..=*at].ends_with(b"----"))?;
    let from = line[..at]
        .iter()
        .rposition(|byte| *byte != b'-')
        .map_or(0, |index| index + 1);
    // No more dashes than the mark has: others belong to what stands before it.
    let from = from.max((at + 1).saturating_sub(5));
    let label = at + width;
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
