//! Where a value ends.
//!
//! Not for whether it is a secret; see `strength`.

use crate::class::Class;

/// A value that is longer is judged by this much of its beginning.
pub(crate) const VALUE_MAX: usize = 256;

/// What ends an unquoted value.
const BARE_END: Class = Class::EMPTY.range(0, b' ').with(b"\"'`<>\\,;&|)}]\x7f");
/// What ends the value of an environment variable.
const VARIABLE_END: Class = Class::EMPTY.range(0, b' ').with(b"\"'`<>\\\x7f");
/// What ends a value unless more of it follows.
const BARE_TRAILING: Class = Class::EMPTY.with(b".:?");
const VARIABLE_TRAILING: Class = Class::EMPTY.with(b".:?,;&|)}]");

/// What brings a value to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The quote that it was opened with, behind so many backslashes; or the end of the line.
    Quote(u8, u8),
    /// White space and punctuation.
    Bare,
    /// White space; punctuation only when white space follows.
    Variable,
    /// The first byte that is not of the class.
    Class(Class),
    /// The bracket that closes a list of values.
    Brackets,
    /// The last of the lines that are items of the same list, each behind a dash.
    Items,
    /// The last of the lines that are indented, and of the form `key: value`.
    Entries,
}

/// What ends a list of values in brackets, and may stand behind its last one.
const BRACKETS_END: Class = Class::EMPTY.with(b"]{}\0\x0b\x0c\x7f");
const BRACKETS_TRAILING: Class = Class::EMPTY.with(b" \t\r\n,\"'\\");
/// What may stand behind the last value of a line.
const LINE_TRAILING: Class = Class::EMPTY.with(b" \t\r\"'\\");

/// Deepest indentation of the lines of a list.
const INDENT_MAX: usize = 40;
/// Longest key of an entry.
const KEY_MAX: usize = 64;
const KEY: Class = crate::class::WORD.with(b"-./\"'");

/// What names are made of, but for digits.
const NAME: Class = Class::EMPTY.range(b'A', b'Z').range(b'a', b'z').with(b"_-");

impl Ending {
    /// Where the value that begins at `at` ends, looking at most at `most` bytes: `Ok` with the end,
    /// or `Err` with how far it surely reaches when the end is not at hand.
    pub(crate) fn find(
        self,
        hay: &[u8],
        at: usize,
        most: usize,
        eof: bool,
    ) -> Result<usize, usize> {
        let near = &hay[..hay.len().min(at.saturating_add(most))];
        // What reads like a name, with a sign behind it, is one: `password=user=...`.
        if matches!(self, Ending::Bare | Ending::Variable) {
            let name = NAME.run(near, at, usize::MAX);
            if name > 0 && matches!(near.get(at + name), Some(b'=' | b':')) {
                return Ok(at + name);
            }
        }
        // What fills the whole reach is judged before it can be known that the text ends with it.
        let last = eof && near.len() == hay.len() && near.len() - at < most;
        self.find_end(near, at, last)
    }

    /// The same for a value that is known to be secret and goes on at `at`.
    pub(crate) fn go_on(self, hay: &[u8], at: usize, eof: bool) -> Result<usize, usize> {
        self.find_end(hay, at, eof)
    }

    /// `last` says that the text ends with `near`.
    fn find_end(self, near: &[u8], at: usize, last: bool) -> Result<usize, usize> {
        match self {
            Ending::Quote(quote, depth) => quoted(near, at, quote, usize::from(depth), last),
            Ending::Bare => trailing(near, at, &BARE_END, &BARE_TRAILING, last),
            Ending::Variable => trailing(near, at, &VARIABLE_END, &VARIABLE_TRAILING, last),
            Ending::Brackets => trailing(near, at, &BRACKETS_END, &BRACKETS_TRAILING, last),
            Ending::Items => lines(near, at, last, is_item),
            Ending::Entries => lines(near, at, last, is_entry),
            Ending::Class(class) => {
                let end = at + class.run(near, at, usize::MAX);
                if end < near.len() || last {
                    Ok(end)
                } else {
                    Err(end)
                }
            }
        }
    }
}

fn quoted(near: &[u8], mut at: usize, quote: u8, depth: usize, last: bool) -> Result<usize, usize> {
    loop {
        let Some(found) = near[at..]
            .iter()
            .position(|byte| matches!(byte, b'\\' | b'\n') || *byte == quote)
        else {
            return if last {
                Ok(near.len())
            } else {
                Err(near.len())
            };
        };
        at += found;
        let backslashes = near[at..].iter().take_while(|byte| **byte == b'\\').count();
        match near.get(at + backslashes) {
            None if last => return Ok(near.len()),
            None => return Err(at),
            Some(b'\n') => return Ok(at),
            // In a plain string a backslash hides the quote; in an escaped one as many as at the beginning show it.
            Some(byte)
                if *byte == quote
                    && (if depth == 0 {
                        backslashes % 2 == 0
                    } else {
                        backslashes <= depth
                    }) =>
            {
                return Ok(at + if depth == 0 { backslashes } else { 0 });
            }
            Some(byte) => at += backslashes + usize::from(backslashes == 0 || *byte == quote),
        }
    }
}

/// A value whose last byte is none of `loose`, before the first byte of `end`.
fn trailing(
    near: &[u8],
    at: usize,
    end: &Class,
    loose: &Class,
    last: bool,
) -> Result<usize, usize> {
    let mut sure = at;
    for (index, byte) in near.iter().enumerate().skip(at) {
        if end.has(*byte) {
            return Ok(sure);
        }
        if !loose.has(*byte) {
            sure = index + 1;
        }
    }
    if last { Ok(sure) } else { Err(sure) }
}

/// Whether a line goes on with what the one before it began; none when that is not at hand.
type GoesOn = fn(&[u8]) -> Option<bool>;

/// Lines up to the last one that `goes_on`, without what may stand behind its value.
fn lines(near: &[u8], at: usize, last: bool, goes_on: GoesOn) -> Result<usize, usize> {
    let sure = |end: usize| {
        let value = near[at..end]
            .iter()
            .rposition(|byte| !LINE_TRAILING.has(*byte));
        value.map_or(at, |index| at + index + 1)
    };
    let mut from = at;
    while let Some(found) = memchr::memchr(b'\n', &near[from..]) {
        let end = from + found;
        match goes_on(&near[end + 1..]) {
            Some(true) => from = end + 1,
            None if !last => return Err(sure(end)),
            _ => return Ok(sure(end)),
        }
    }
    let end = sure(near.len());
    if last { Ok(end) } else { Err(end) }
}

/// `  - value`.
fn is_item(line: &[u8]) -> Option<bool> {
    let indent = line
        .iter()
        .take(INDENT_MAX)
        .take_while(|byte| **byte == b' ');
    match &line[indent.count()..] {
        [] | [b'-'] => None,
        [b'-', b' ', ..] => Some(true),
        _ => Some(false),
    }
}

/// `  key: value`, indented.
fn is_entry(line: &[u8]) -> Option<bool> {
    let indent = line
        .iter()
        .take(INDENT_MAX)
        .take_while(|byte| **byte == b' ')
        .count();
    let key = line[indent..]
        .iter()
        .take(KEY_MAX)
        .take_while(|byte| KEY.has(**byte))
        .count();
    match line.get(indent + key) {
        None => None,
        Some(b':') => Some(indent > 0 && key > 0),
        Some(_) => Some(false),
    }
}
