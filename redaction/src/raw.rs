//! Whether a rule can match in raw bytes that may be JSON text, so that whole lines pass without being parsed.
//!
//! Not a redactor: it says yes or no, and changes nothing.

use crate::colours::{Colours, ESCAPE};
use crate::engine::Scan;
use crate::finder::{Compare, Entry, head};
use crate::known::KNOWN_MIN;
use crate::redactor::Redactor;
use crate::view::{Prev, View};

impl Redactor {
    /// False only if no rule can match in these bytes: then they may pass as they are. The bytes may be JSON text, in
    /// which case no rule can match in any of its strings either, whatever their escapes hide.
    pub fn may_match(&self, raw: &[u8]) -> bool {
        if !self.has_literal(raw) && !has_hiding_escape(raw, self.awkward) {
            return false;
        }
        let Ok(text) = std::str::from_utf8(raw) else {
            return true;
        };
        self.finds(text) || strings(text).any(|string| self.finds_in_string(string))
    }

    /// Whether a literal of any rule stands in `raw`, or an escaped form of it.
    fn has_literal(&self, raw: &[u8]) -> bool {
        let stands = |entry: &Entry, at| {
            let literal = self.finder.literal(entry.id);
            let length = match literal.head {
                // So much of a known value is redacted where a text ends; escaped forms are searched as well.
                head::KNOWN => literal.text.len().min(KNOWN_MIN),
                // Of a cue, what stands before its quote is not escaped.
                head::CUE => {
                    let quote = literal
                        .text
                        .iter()
                        .position(|byte| matches!(byte, b'"' | b'\\'));
                    quote.unwrap_or(literal.text.len())
                }
                _ => return literal.compare(raw, at) != Compare::Differs,
            };
            if literal.wraps {
                return literal.begins_wrapped(raw, at, length);
            }
            let part = raw[at..].get(..length);
            part.is_some_and(|part| match literal.fold {
                true => part.eq_ignore_ascii_case(&literal.text[..length]),
                false => *part == literal.text[..length],
            })
        };
        self.finder
            .hits(raw, 0)
            .any(|found| found.entries.iter().any(|entry| stands(entry, found.at)))
    }

    /// Whether any rule matches in `text`.
    fn finds(&self, text: &str) -> bool {
        let stripped = Colours::default().strip_whole(text);
        let mut scan = Scan::default();
        scan.advance(
            self,
            View {
                hay: stripped.as_bytes(),
                prev: &Prev::NOTHING,
                eof: true,
            },
        );
        !scan.intervals.is_empty()
    }

    fn finds_in_string(&self, string: &str) -> bool {
        match string.contains('\\') {
            true => decode(string).is_none_or(|text| self.finds(&text)),
            false => self.finds(string),
        }
    }
}

/// Whether there is an escape that can stand for a character of a literal, or a colour in the middle of one.
///
/// The short escapes for control characters, quotes and backslashes cannot: only known values have such characters, and
/// these are searched escaped as well. Where the escapes are escaped once more, they cannot be followed that way; so deep
/// they are told by two backslashes in a row when a known value has such characters itself, and by four when only a
/// form of one has.
fn has_hiding_escape(raw: &[u8], awkward: bool) -> bool {
    let hides = |at: usize| match raw.get(at + 1) {
        Some(b'u' | b'/') => true,
        Some(b'\\') => awkward || raw[at..].starts_with(b"\\\\\\\\"),
        _ => false,
    };
    memchr::memchr(ESCAPE, raw).is_some() || memchr::memchr_iter(b'\\', raw).any(hides)
}

/// The insides of the strings of a JSON text, escapes and all; of other text, what stands between quotes.
fn strings(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = &rest[rest.find('"')? + 1..];
        let mut end = 0;
        loop {
            let Some(found) = rest
                .as_bytes()
                .get(end..)
                .and_then(|tail| memchr::memchr2(b'"', b'\\', tail))
            else {
                end = rest.len();
                break;
            };
            end += found;
            if rest.as_bytes()[end] == b'"' {
                break;
            }
            end += 2;
        }
        let string = rest.get(..end).unwrap_or(rest);
        rest = rest.get(end + 1..).unwrap_or_default();
        Some(string)
    })
}

/// The text of a JSON string; none when it is not one.
fn decode(string: &str) -> Option<String> {
    let mut out = String::with_capacity(string.len());
    let mut rest = string;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let escape = *rest.as_bytes().get(at + 1)?;
        let mut length = 2;
        match escape {
            b'"' | b'\\' | b'/' => out.push(char::from(escape)),
            b'b' => out.push('\u{8}'),
            b'f' => out.push('\u{c}'),
            b'n' => out.push('\n'),
            b'r' => out.push('\r'),
            b't' => out.push('\t'),
            b'u' => {
                let (letter, width) = unicode(&rest[at..])?;
                out.push(letter);
                length = width;
            }
            _ => return None,
        }
        rest = rest.get(at + length..)?;
    }
    out.push_str(rest);
    Some(out)
}

/// The character of `\uXXXX`, or of two such escapes that make one, and the length of what stands for it.
fn unicode(escape: &str) -> Option<(char, usize)> {
    let unit = |at: usize| u16::from_str_radix(escape.get(at..at + 4)?, 16).ok();
    let first = unit(2)?;
    if let Some(letter) = char::from_u32(first.into()) {
        return Some((letter, 6));
    }
    let second = escape
        .get(6..8)
        .filter(|text| *text == "\\u")
        .and_then(|_| unit(8))?;
    let letter = char::decode_utf16([first, second]).next()?.ok()?;
    Some((letter, 12))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_what_stands_between_quotes() {
        let found: Vec<&str> = strings(r#"{"a":"b\"c","d":["\\",1]}"#).collect();
        assert_eq!(found, ["a", r#"b\"c"#, "d", r"\\"]);
        assert_eq!(strings("no quotes").count(), 0);
        assert_eq!(strings("\"open").collect::<Vec<_>>(), ["open"]);
        assert_eq!(strings("\"open\\").collect::<Vec<_>>(), ["open\\"]);
    }

    #[test]
    fn escapes_are_decoded_as_json_has_them() {
        assert_eq!(
            decode(r#"a\n\"\\\/\u0041\ud83d\ude00z"#).as_deref(),
            Some("a\n\"\\/A\u{1f600}z")
        );
        assert_eq!(decode(r"\ud83d"), None);
        assert_eq!(decode(r"\x"), None);
    }
}
