//! JSON string literals to text and back.
//!
//! Both ways for one literal only; whole messages are spliced, not encoded again.

use std::borrow::Cow;

use super::json::special;

/// The text of a JSON string literal (with its quotes), borrowed when it holds no escape. What is no valid escape
/// becomes U+FFFD, so that there is always an answer.
pub fn string_value(literal: &str) -> Cow<'_, str> {
    let body = literal.strip_prefix('"').unwrap_or(literal);
    let body = body.strip_suffix('"').unwrap_or(body);
    let Some(mut escape) = memchr::memchr(b'\\', body.as_bytes()) else {
        return Cow::Borrowed(body);
    };
    let mut text = String::with_capacity(body.len());
    let mut rest = body;
    loop {
        text.push_str(&rest[..escape]);
        rest = &rest[escape + 1..];
        let (value, length) = unescape(rest);
        text.push(value);
        rest = &rest[length..];
        match memchr::memchr(b'\\', rest.as_bytes()) {
            Some(next) => escape = next,
            None => {
                text.push_str(rest);
                return Cow::Owned(text);
            }
        }
    }
}

/// The character that `rest`, the text after a backslash, begins with, and how many bytes of `rest` say so.
fn unescape(rest: &str) -> (char, usize) {
    let simple = match rest.as_bytes().first() {
        Some(byte @ (b'"' | b'\\' | b'/')) => char::from(*byte),
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unicode(rest),
        _ => return (char::REPLACEMENT_CHARACTER, 0),
    };
    (simple, 1)
}

fn unicode(rest: &str) -> (char, usize) {
    let Some(first) = hex(rest) else {
        return (char::REPLACEMENT_CHARACTER, 1);
    };
    let trailing = rest[5..]
        .strip_prefix('\\')
        .and_then(hex)
        .filter(|code| (0xDC00..0xE000).contains(code));
    match (first, trailing) {
        (0xD800..0xDC00, Some(second)) => {
            let code = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
            (
                char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER),
                11,
            )
        }
        _ => (
            char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER),
            5,
        ),
    }
}

/// Reads `uXXXX`.
fn hex(text: &str) -> Option<u32> {
    let digits = text.strip_prefix('u')?.as_bytes().get(..4)?;
    digits.iter().try_fold(0, |code, digit| {
        Some((code << 4) | char::from(*digit).to_digit(16)?)
    })
}

/// Appends `text` as a JSON string literal, with its quotes; the same bytes that `serde_json` writes.
pub fn write_string(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    out.reserve(bytes.len() + 2);
    out.push(b'"');
    let mut plain = 0;
    loop {
        let at = special(bytes, plain);
        out.extend_from_slice(&bytes[plain..at]);
        let Some(byte) = bytes.get(at) else { break };
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x8 => out.extend_from_slice(b"\\b"),
            0xc => out.extend_from_slice(b"\\f"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => {
                const DIGITS: &[u8; 16] = b"0123456789abcdef";
                out.extend_from_slice(b"\\u00");
                out.extend([
                    DIGITS[usize::from(byte >> 4)],
                    DIGITS[usize::from(byte & 15)],
                ]);
            }
        }
        plain = at + 1;
    }
    out.push(b'"');
}
