//! A validating JSON scanner: it checks the grammar and finds places, it builds nothing.
//!
//! It exists because most of what Codex sends is small deltas in bursts, where building a tree costs more than all the
//! rest. It accepts exactly what `serde_json` accepts; a property test holds it to that.

use std::ops::Range;

use super::text::string_value;

/// How deep arrays and objects may nest, in levels: what `serde_json` reads too.
pub const MAX_DEPTH: u32 = 127;

/// Why a line is no message. Nothing of the line's content is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The bytes are not UTF-8.
    #[error("invalid UTF-8 at byte {at}")]
    Utf8 {
        /// How many bytes of the line are fine.
        at: usize,
    },
    /// The text is not JSON.
    #[error("invalid JSON at byte {at}: expected {expected}")]
    Json {
        /// Where in the line, in bytes from its start.
        at: usize,
        /// What may stand there.
        expected: &'static str,
    },
    /// It nests deeper than [`MAX_DEPTH`].
    #[error("JSON nested more than {MAX_DEPTH} levels deep at byte {at}")]
    TooDeep {
        /// Where in the line, in bytes from its start.
        at: usize,
    },
    /// The id is neither an integer nor a string.
    #[error("the message id is neither an integer nor a string")]
    Id,
    /// It is JSON, but neither a request nor a response nor a notification.
    #[error(
        "valid JSON, but neither a request (method, id), a response (id, result or error) nor a notification (method)"
    )]
    Shape,
}

/// A string literal in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Literal {
    /// The literal with its quotes, in bytes of the text it was found in.
    pub span: Range<usize>,
    /// Whether it holds escapes. Without, the text between the quotes is the value.
    pub escaped: bool,
    /// Whether it is the key of an object.
    pub key: bool,
}

/// Checks that `text` is one JSON value and nothing else.
///
/// # Errors
/// [`Malformed`] when `serde_json` would refuse it too.
pub fn validate(text: &[u8]) -> Result<(), Malformed> {
    let text = std::str::from_utf8(text).map_err(|e| Malformed::Utf8 {
        at: e.valid_up_to(),
    })?;
    let mut scanner = Scanner::new(text);
    scanner.skip_value(0)?;
    scanner.end()
}

/// All string literals of a JSON text in their order, keys among them. The text must be valid, as every part of a
/// parsed message is; on other text the places mean nothing.
pub fn string_literals(json: &str) -> impl Iterator<Item = Literal> + '_ {
    let mut scanner = Scanner::new(json);
    std::iter::from_fn(move || {
        scanner.at += memchr::memchr(b'"', &scanner.bytes[scanner.at..])?;
        let (span, escaped) = scanner.string().ok()?;
        scanner.whitespace();
        Some(Literal {
            span,
            escaped,
            key: scanner.peek() == Some(b':'),
        })
    })
}

/// A place in a text, moving forward.
pub(super) struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            bytes: text.as_bytes(),
            at: 0,
        }
    }

    /// Reads an object whose braces are level `depth`; `field` must consume the value of each key.
    pub(super) fn object(
        &mut self,
        depth: u32,
        mut field: impl FnMut(&mut Self, &str) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        debug_assert!(depth <= MAX_DEPTH);
        self.whitespace();
        self.expect(b'{', "an object")?;
        self.whitespace();
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            let (span, escaped) = self.key()?;
            if escaped {
                field(self, &string_value(&self.text[span]))?;
            } else {
                field(self, &self.text[span.start + 1..span.end - 1])?;
            }
            self.whitespace();
            if self.take(b'}') {
                return Ok(());
            }
            self.expect(b',', "`,` or `}`")?;
        }
    }

    /// Whether the next value is an object.
    pub(super) fn at_object(&mut self) -> bool {
        self.whitespace();
        self.peek() == Some(b'{')
    }

    /// Reads a value inside `depth` open levels and gives it as it stands.
    pub(super) fn raw_value(&mut self, depth: u32) -> Result<&'a str, Malformed> {
        self.whitespace();
        let start = self.at;
        self.skip_value(depth)?;
        Ok(&self.text[start..self.at])
    }

    /// Reads a value; if it is a string, gives its place and whether it holds escapes.
    pub(super) fn string_or_skip(
        &mut self,
        depth: u32,
    ) -> Result<Option<(Range<usize>, bool)>, Malformed> {
        self.whitespace();
        if self.peek() == Some(b'"') {
            return self.string().map(Some);
        }
        self.skip_value(depth)?;
        Ok(None)
    }

    /// Reads a value; if it is a string, gives what stands between the quotes.
    pub(super) fn text_or_skip(&mut self, depth: u32) -> Result<Option<&'a str>, Malformed> {
        let text = self.text;
        Ok(self
            .string_or_skip(depth)?
            .map(|(span, _)| &text[span.start + 1..span.end - 1]))
    }

    /// The text from `start` to here.
    pub(super) fn since(&self, start: usize) -> &'a str {
        &self.text[start..self.at]
    }

    /// The start of the next value.
    pub(super) fn value_start(&mut self) -> usize {
        self.whitespace();
        self.at
    }

    /// Nothing but white space may follow.
    pub(super) fn end(&mut self) -> Result<(), Malformed> {
        self.whitespace();
        if self.at == self.bytes.len() {
            Ok(())
        } else {
            self.fail("the end of the line")
        }
    }

    /// Reads a value inside `depth` open levels. A loop with a bit a level instead of recursion: the stack is bounded
    /// by construction.
    pub(super) fn skip_value(&mut self, depth: u32) -> Result<(), Malformed> {
        let mut open = 0_u32;
        let mut objects = 0_u128;
        loop {
            self.whitespace();
            let opened = match self.peek() {
                Some(b'"') => {
                    self.string()?;
                    false
                }
                Some(byte @ (b'{' | b'[')) => {
                    if depth + open >= MAX_DEPTH {
                        return Err(Malformed::TooDeep { at: self.at });
                    }
                    self.at += 1;
                    open += 1;
                    objects = (objects << 1) | u128::from(byte == b'{');
                    true
                }
                Some(b'-' | b'0'..=b'9') => {
                    self.number()?;
                    false
                }
                Some(b't') => self.word(b"true")?,
                Some(b'f') => self.word(b"false")?,
                Some(b'n') => self.word(b"null")?,
                _ => return self.fail("a value"),
            };
            let mut fresh = opened;
            loop {
                if open == 0 {
                    return Ok(());
                }
                let object = objects & 1 == 1;
                self.whitespace();
                if self.take(if object { b'}' } else { b']' }) {
                    open -= 1;
                    objects >>= 1;
                    fresh = false;
                    continue;
                }
                if !fresh {
                    self.expect(b',', if object { "`,` or `}`" } else { "`,` or `]`" })?;
                }
                if object {
                    self.key()?;
                }
                break;
            }
        }
    }

    fn key(&mut self) -> Result<(Range<usize>, bool), Malformed> {
        self.whitespace();
        if self.peek() != Some(b'"') {
            return self.fail("a key");
        }
        let key = self.string()?;
        self.whitespace();
        self.expect(b':', "`:`")?;
        Ok(key)
    }

    /// Reads a string literal; the opening quote is here.
    fn string(&mut self) -> Result<(Range<usize>, bool), Malformed> {
        let start = self.at;
        let mut escaped = false;
        self.at += 1;
        loop {
            self.at = special(self.bytes, self.at);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok((start..self.at, escaped));
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(_) => return self.fail("no control character in a string"),
                None => return self.fail("the end of a string"),
            }
        }
    }

    fn escape(&mut self) -> Result<(), Malformed> {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => match self.hex()? {
                0xDC00..=0xDFFF => return self.fail("a leading surrogate first"),
                0xD800..=0xDBFF => {
                    if !(self.take(b'\\') && self.peek() == Some(b'u')) {
                        return self.fail("a trailing surrogate");
                    }
                    if !(0xDC00..=0xDFFF).contains(&self.hex()?) {
                        return self.fail("a trailing surrogate");
                    }
                }
                _ => {}
            },
            _ => return self.fail("an escape"),
        }
        Ok(())
    }

    /// Reads `uXXXX`.
    fn hex(&mut self) -> Result<u32, Malformed> {
        let digits = self.bytes.get(self.at + 1..self.at + 5);
        let code = digits.and_then(|digits| {
            digits.iter().try_fold(0, |code, digit| {
                Some((code << 4) | char::from(*digit).to_digit(16)?)
            })
        });
        match code {
            Some(code) => {
                self.at += 5;
                Ok(code)
            }
            None => self.fail("four hexadecimal digits"),
        }
    }

    fn number(&mut self) -> Result<(), Malformed> {
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _sign = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Malformed> {
        let from = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == from {
            self.fail("a digit")
        } else {
            Ok(())
        }
    }

    /// Reads a word; gives `false`, as it opens no level.
    fn word(&mut self, word: &'static [u8]) -> Result<bool, Malformed> {
        if !self.bytes[self.at..].starts_with(word) {
            return self.fail("`true`, `false` or `null`");
        }
        self.at += word.len();
        Ok(false)
    }

    #[inline]
    fn whitespace(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline]
    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    #[inline]
    fn expect(&mut self, byte: u8, expected: &'static str) -> Result<(), Malformed> {
        if self.take(byte) {
            Ok(())
        } else {
            self.fail(expected)
        }
    }

    #[cold]
    fn fail<T>(&self, expected: &'static str) -> Result<T, Malformed> {
        Err(Malformed::Json {
            at: self.at,
            expected,
        })
    }
}

/// The place of the first byte from `at` on that ends plain text in a string: a quote, a backslash or a control
/// character. The length of `bytes` when there is none.
#[inline]
pub(super) fn special(bytes: &[u8], mut at: usize) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const TOPS: u64 = ONES << 7;
    while let Some(chunk) = bytes.get(at..at + 8) {
        let word = u64::from_le_bytes(chunk.try_into().expect("the slice is eight bytes long"));
        // The usual bit tricks: the lowest byte that each marks is a true one, so the lowest of all is.
        let below = |word: u64, bound: u64| word.wrapping_sub(ONES * bound) & !word;
        let equal = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
        let marks = (below(word, 0x20) | equal(b'"') | equal(b'\\')) & TOPS;
        if marks != 0 {
            return at + marks.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    while bytes
        .get(at)
        .is_some_and(|byte| *byte >= 0x20 && *byte != b'"' && *byte != b'\\')
    {
        at += 1;
    }
    at
}
