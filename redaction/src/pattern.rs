//! The pattern language of the prefix rules: a fixed head, then byte classes with counts.
//!
//! Not regular expressions: there is no alternation, no group and no backtracking, so a match is one pass, resumes at
//! any byte, and commits as soon as the counts that must be met are met.

use crate::class::{Class, TOKEN, WORD};
use crate::marker::OPENING;

/// Most bytes that a pattern may look at before it commits; keeps the hold-back bounded.
const LOOKAHEAD_MAX: usize = 2048;
/// Fewest fixed bytes at the head of a pattern: fewer would trigger on ordinary text all the time.
const HEAD_MIN: usize = 3;
/// "No upper count".
const UNBOUNDED: u32 = u32::MAX;
/// Largest class that may stand among the fixed characters of a head: each member makes a head of its own.
const HEAD_CLASS_MAX: usize = 16;
/// The same for the last of them, when the others are plain.
const LAST_CLASS_MAX: usize = 62;

/// Why a pattern text is not usable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// The syntax is not that of the pattern language; the byte offset says where.
    #[error(
        "read pattern: unexpected text at byte {0}; allowed are literals, [classes], \\d \\w, {{m,n}} + * ?, a leading \\B and a final \\b"
    )]
    Syntax(usize),
    /// The pattern does not begin with enough fixed characters to be found cheaply.
    #[error("read pattern: it must begin with at least 3 fixed characters")]
    Head,
    /// The pattern would hold back too much text before it can decide.
    #[error(
        "read pattern: it needs more than 2048 bytes to decide; lower a count, or leave only the last one open"
    )]
    Lookahead,
    /// The pattern has a fixed head and nothing that varies after it.
    #[error("read pattern: nothing varies after the fixed head; use a known value instead")]
    NoBody,
}

/// One class with its counts.
#[derive(Debug, Clone, Copy)]
struct Element {
    class: Class,
    min: u32,
    max: u32,
}

/// A compiled pattern.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    /// All of the same length.
    heads: Vec<Vec<u8>>,
    body: Vec<Element>,
    /// Index of the element that commits the pattern once its `min` is met: all later ones are optional.
    commits: usize,
    /// Whether it may begin within a word.
    inside: bool,
    word_end: bool,
}

/// How far a pattern has got; small, so that a stream can stop at any byte.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Run {
    element: u16,
    count: u32,
}

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The text contradicts the pattern.
    Fail,
    /// The match ends here.
    Done,
    /// The text ran out before the pattern could commit.
    Undecided,
    /// The text ran out, and whatever follows this is a match.
    Committed,
}

impl Pattern {
    /// Compiles `text`.
    pub(crate) fn parse(text: &str) -> Result<Pattern, PatternError> {
        let mut parser = Parser {
            text: text.as_bytes(),
            at: 0,
        };
        let mut heads = vec![Vec::new()];
        let mut body: Vec<Element> = Vec::new();
        let mut word_end = false;
        let inside = text.starts_with("\\B");
        parser.at += if inside { 2 } else { 0 };
        while parser.at < parser.text.len() {
            if parser.text[parser.at..] == *b"\\b" {
                word_end = true;
                break;
            }
            let (class, literal) = parser.atom()?;
            let (min, max) = parser.counts()?;
            let most = match heads[0].len() {
                length if length + 1 == HEAD_MIN && heads.len() == 1 => LAST_CLASS_MAX,
                0..HEAD_MIN => HEAD_CLASS_MAX,
                _ => 0,
            };
            let fixed = literal.is_some() || class.bytes().count() <= most;
            if fixed && body.is_empty() && (min, max) == (1, 1) {
                heads = heads
                    .iter()
                    .flat_map(|head| class.bytes().map(|byte| [&head[..], &[byte]].concat()))
                    .collect();
            } else {
                body.push(Element { class, min, max });
            }
        }
        if heads[0].len() < HEAD_MIN {
            return Err(PatternError::Head);
        }
        let Some(commits) = body.iter().rposition(|element| element.min > 0) else {
            return Err(PatternError::NoBody);
        };
        let pattern = Pattern {
            heads,
            body,
            commits,
            inside,
            word_end,
        };
        if pattern.lookahead() > LOOKAHEAD_MAX {
            return Err(PatternError::Lookahead);
        }
        Ok(pattern)
    }

    /// The fixed characters that a match begins with: one of these, all of the same length.
    pub(crate) fn heads(&self) -> &[Vec<u8>] {
        &self.heads
    }

    /// Whether a match may begin within a word: the pattern says so, or its head is no part of a word.
    pub(crate) fn begins_anywhere(&self) -> bool {
        self.inside || !self.heads[0][0].is_ascii_alphanumeric()
    }

    /// The bytes that may follow the head.
    pub(crate) fn first(&self) -> Class {
        let mut class = Class::EMPTY;
        for element in &self.body {
            class = class.union(element.class);
            if element.min > 0 {
                break;
            }
        }
        class
    }

    /// Every byte that a match may have.
    pub(crate) fn alphabet(&self) -> Class {
        self.body
            .iter()
            .fold(TOKEN, |alphabet, element| alphabet.union(element.class))
    }

    /// Most bytes before the pattern commits or fails.
    fn lookahead(&self) -> usize {
        let before: usize = self.body[..self.commits]
            .iter()
            .map(|e| e.max as usize)
            .sum();
        let last = if self.word_end {
            self.body[self.commits..]
                .iter()
                .map(|e| e.max as usize)
                .sum()
        } else {
            self.body[self.commits].min as usize
        };
        self.heads[0]
            .len()
            .saturating_add(before)
            .saturating_add(last)
    }

    /// Advances `run` over `hay[at..]` and returns how far it got. `eof` says that nothing follows `hay`.
    pub(crate) fn step(
        &self,
        run: &mut Run,
        hay: &[u8],
        mut at: usize,
        eof: bool,
    ) -> (usize, Step) {
        while let Some(element) = self.body.get(run.element as usize) {
            let room = (element.max - run.count) as usize;
            let got = element.class.run(hay, at, room);
            at += got;
            // Saturation only matters for tokens of 4 GB, which then end there.
            run.count = run
                .count
                .saturating_add(u32::try_from(got).unwrap_or(u32::MAX));
            if at == hay.len() && !eof && run.count < element.max {
                let committed = !self.word_end && self.satisfied(*run);
                return (
                    at,
                    if committed {
                        Step::Committed
                    } else {
                        Step::Undecided
                    },
                );
            }
            if run.count < element.min {
                return (at, Step::Fail);
            }
            run.element += 1;
            run.count = 0;
        }
        if !self.word_end {
            return (at, Step::Done);
        }
        let rest = &hay[at..];
        let marker = &OPENING.as_bytes()[..rest.len().min(OPENING.len())];
        match rest.first() {
            Some(byte) if WORD.has(*byte) => (at, Step::Fail),
            None if !eof => (at, Step::Undecided),
            // What a marker stands for may have gone on with the word.
            Some(b'[') if rest.starts_with(marker) && marker.len() == OPENING.len() => {
                (at, Step::Fail)
            }
            Some(b'[') if rest == marker && !eof => (at, Step::Undecided),
            _ => (at, Step::Done),
        }
    }

    /// Whether everything that must come has come.
    fn satisfied(&self, run: Run) -> bool {
        let element = run.element as usize;
        element > self.commits || (element == self.commits && run.count >= self.body[element].min)
    }

    /// How many bytes of the text `hay[at..]` are enough to commit: what checks on the body may look at.
    pub(crate) fn decided(&self, hay: &[u8], mut at: usize) -> usize {
        for (index, element) in self.body.iter().enumerate().take(self.commits + 1) {
            let most = if index == self.commits {
                element.min
            } else {
                element.max
            };
            at += element.class.run(hay, at, most as usize);
        }
        at
    }

    /// A text that matches, drawn from `pick`, which returns a number below its argument; `extra` lengthens open ends.
    pub(crate) fn sample(&self, extra: u32, mut pick: impl FnMut(usize) -> usize) -> String {
        let mut out: Vec<u8> = self.heads[pick(self.heads.len())].clone();
        for element in &self.body {
            let ascii: Vec<u8> = element.class.bytes().filter(u8::is_ascii_graphic).collect();
            let count = if element.max == UNBOUNDED {
                element.min + extra
            } else {
                element.max.min(element.min.max(1))
            };
            out.extend((0..count).map(|_| ascii[pick(ascii.len())]));
        }
        String::from_utf8_lossy(&out).into_owned()
    }
}

/// Reads the pattern text from left to right.
struct Parser<'p> {
    text: &'p [u8],
    at: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Result<u8, PatternError> {
        let byte = self.peek().ok_or(PatternError::Syntax(self.at))?;
        self.at += 1;
        Ok(byte)
    }

    /// One class; also the byte itself when it is a plain one.
    fn atom(&mut self) -> Result<(Class, Option<u8>), PatternError> {
        let start = self.at;
        match self.next()? {
            b'[' => Ok((self.set()?, None)),
            b'\\' => match self.next()? {
                b'd' => Ok((Class::EMPTY.range(b'0', b'9'), None)),
                b'w' => Ok((WORD, None)),
                byte if !byte.is_ascii_alphanumeric() => {
                    Ok((Class::EMPTY.with(&[byte]), Some(byte)))
                }
                _ => Err(PatternError::Syntax(start)),
            },
            b'(' | b')' | b'|' | b'^' | b'$' | b'.' | b'*' | b'+' | b'?' | b'{' | b'}' | b']' => {
                Err(PatternError::Syntax(start))
            }
            byte => Ok((Class::EMPTY.with(&[byte]), Some(byte))),
        }
    }

    /// The inside of `[...]`.
    fn set(&mut self) -> Result<Class, PatternError> {
        let start = self.at;
        let negated = self.peek() == Some(b'^');
        self.at += usize::from(negated);
        let mut class = Class::EMPTY;
        loop {
            let from = match self.next()? {
                b']' if class != Class::EMPTY => {
                    return Ok(if negated { class.not() } else { class });
                }
                b']' => return Err(PatternError::Syntax(start)),
                b'\\' => self.next()?,
                byte => byte,
            };
            let ranged =
                self.peek() == Some(b'-') && self.text.get(self.at + 1).is_some_and(|b| *b != b']');
            if !ranged {
                class = class.with(&[from]);
                continue;
            }
            self.at += 1;
            let to = self.next()?;
            if to < from {
                return Err(PatternError::Syntax(self.at));
            }
            class = class.range(from, to);
        }
    }

    /// The counts after an atom; `(1, 1)` when there are none.
    fn counts(&mut self) -> Result<(u32, u32), PatternError> {
        let bounds = match self.peek() {
            Some(b'+') => (1, UNBOUNDED),
            Some(b'*') => (0, UNBOUNDED),
            Some(b'?') => (0, 1),
            Some(b'{') => {
                self.at += 1;
                let min = self.number()?.ok_or(PatternError::Syntax(self.at))?;
                let max = if self.peek() == Some(b',') {
                    self.at += 1;
                    self.number()?.unwrap_or(UNBOUNDED)
                } else {
                    min
                };
                if self.peek() != Some(b'}') || max < min || max == 0 {
                    return Err(PatternError::Syntax(self.at));
                }
                (min, max)
            }
            _ => return Ok((1, 1)),
        };
        self.at += 1;
        Ok(bounds)
    }

    fn number(&mut self) -> Result<Option<u32>, PatternError> {
        let digits = self.text[self.at..]
            .iter()
            .take_while(|b| b.is_ascii_digit())
            .count();
        let text = std::str::from_utf8(&self.text[self.at..self.at + digits]).unwrap_or_default();
        self.at += digits;
        if digits == 0 {
            return Ok(None);
        }
        text.parse()
            .map(Some)
            .map_err(|_| PatternError::Syntax(self.at))
    }
}
