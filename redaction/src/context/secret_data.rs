//! The data of a Kubernetes secret: entries whose names say nothing, in the place where only secrets stand.
//!
//! Not for entries with telling names: those are assignments.

use base64::Engine as _;

use crate::class::{ARMOUR, Class, WORD};
use crate::context::value::{Ending, VALUE_MAX};
use crate::context::{Judged, Stop, Value, expect, is_marked, strength};
use crate::swallow::How;
use crate::view::{Verdict, View};

/// Longest key of an entry.
const KEY_MAX: usize = 64;
/// Deepest indentation of an entry.
const INDENT_MAX: usize = 16;
/// Shortest value in base64.
const ENCODED_MIN: usize = 8;

const SPACE: Class = Class::EMPTY.with(b" ");
const KEY: Class = WORD.with(b"-.\"'");
const LINE: Class = Class::EMPTY.range(0x20, 0x7e).minus(b"\"'\\");

/// `data:` and indented entries, the cue at `at..after` with its colon. The first one is judged for all.
pub(super) fn judge(view: View<'_>, at: usize, after: usize) -> Judged {
    if !view.word_begins(at) || matches!(view.before(at, 1), b'-' | b'_' | b'.') {
        return Err(Stop::No);
    }
    let line = match expect(view, after, "\r") {
        Err(Stop::No) => after,
        found => found?,
    };
    let next = expect(view, line, "\n")?;
    let key = view.run(&SPACE, next, INDENT_MAX).ok_or(Stop::More)?;
    let end = view.run(&KEY, key, KEY_MAX).ok_or(Stop::More)?;
    if key == next || end == key {
        return Err(Stop::No);
    }
    let colon = expect(view, end, ":")?;
    let space = view.run(&SPACE, colon, INDENT_MAX).ok_or(Stop::More)?;
    let start = match view.hay.get(space) {
        None if !view.eof => return Err(Stop::More),
        Some(b'"' | b'\'') => space + 1,
        _ => space,
    };
    if space == colon {
        return Err(Stop::No);
    }
    let value = Value::find(view, start, Ending::Class(LINE))?;
    let bytes = value.bytes(view);
    let plain = view.hay[at..after].len() > b"data:".len();
    let secret = match plain {
        true => bytes.len() >= 6 && !strength::is_placeholder(bytes) && !bytes.starts_with(b"{{"),
        false => is_encoded(bytes),
    };
    if !secret || is_marked(bytes) {
        return Err(Stop::No);
    }
    Ok(Verdict::Open {
        start: value.start,
        to: value.end,
        how: How::Value(Ending::Entries),
    })
}

/// Base64 of a text that is no word.
fn is_encoded(value: &[u8]) -> bool {
    let whole = value.len() < VALUE_MAX;
    if value.len() < ENCODED_MIN
        || !value.len().is_multiple_of(4)
        || !value.iter().all(|byte| ARMOUR.has(*byte))
    {
        return false;
    }
    let decoded = base64::engine::general_purpose::STANDARD.decode(value);
    decoded.is_ok_and(|text| {
        !whole
            || text
                .iter()
                .all(|byte| matches!(byte, b' '..=b'~' | b'\n' | b'\r' | b'\t'))
    })
}
