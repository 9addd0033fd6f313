//! Tokens that only a sign near their end tells: `...AZDO....`, `...-us12`.
//!
//! Not for tokens that begin with their sign: those are found without holding anything before it.
//!
//! To find such a token, a long word must be held until it ends. So that words of prose are never held, holding begins
//! only where a word has had a letter and a digit and at least [`SHOWN_MIN`] characters; what stands before that is
//! shown. All this depends on the word alone, and not on how the text was cut.

use crate::class::{Class, WORD};
use crate::engine::intervals::{Interval, Intervals, SHUT};
use crate::finder::{Candidate, Compare, head};
use crate::redactor::{Matcher, Redactor};
use crate::rules::{Letters, SignRule};
use crate::view::{LOOK_BEHIND, View};

/// Fewest characters of such a token that are shown.
const SHOWN_MIN: usize = 7;
/// A word without a letter and a digit among so many characters is no such token.
const SHOWN_MAX: usize = 20;
/// Unless its case changes so often, as that of no name does.
const HUMPS_MIN: usize = 4;
/// Longest word that may be such a token, what may stand directly before it included.
const TOKEN_MAX: usize = 88;
/// Most padding.
const PADDING_MAX: usize = 2;
/// The length of a Mailchimp key before its data centre.
const HEX_LENGTH: usize = 32;

const ALNUM: Class = WORD.minus(b"_");
const BASE64: Class = ALNUM.with(b"+/");
const PADDING: Class = Class::EMPTY.with(b"=");
const DIGIT: Class = Class::EMPTY.range(b'0', b'9');
const HEX: Class = DIGIT.range(b'a', b'f');
const HEX_DASH: Class = HEX.with(b"-");
const HEX_COLON: Class = HEX.with(b":");
/// The length of what stands before `@gems.contribsys.com`.
const LOGIN_LENGTH: usize = 17;
/// What the end of the text at hand consists of when a token may stand there.
const TAIL: Class = WORD.with(b"+/=-:@.");
/// Most bytes of a sign that are no letters of its token.
const SIGN_MAX: usize = 26;
/// What may stand behind a token whose sign has other letters than itself, and how long it is up to there.
const SUFFIXES: [(&[u8], &Class, usize); 3] = [
    (b":fx", &HEX_DASH, 36),
    (b"@gems.contribsys.com", &HEX_COLON, LOGIN_LENGTH),
    (b"@enterprise.contribsys.com", &HEX_COLON, LOGIN_LENGTH),
];

impl Letters {
    fn class(self) -> &'static Class {
        match self {
            Letters::Plain => &ALNUM,
            Letters::Base64 => &BASE64,
            Letters::Word => &WORD,
            Letters::HexDash => &HEX_DASH,
            Letters::HexColon => &HEX_COLON,
        }
    }
}

/// The rules for such tokens on their way through a text.
#[derive(Default)]
pub(crate) struct Signs {
    /// Signs before this are settled.
    pub(crate) at: usize,
    /// From here on a word may be a token.
    pub(crate) hold: usize,
    /// Tokens that end before this were found.
    found: usize,
    /// Words that end here are longer than any token, by their [`Letters`].
    long: [usize; 5],
}

/// A word of one class.
struct Word {
    /// How far before the place in question it begins.
    length: usize,
    /// How many of its characters are shown; none when it is no token, whatever follows.
    shown: Option<usize>,
}

impl Word {
    /// The word that ends at `end`; none when it began further back than any token does.
    fn before(view: View<'_>, end: usize, class: &Class) -> Option<Word> {
        let most = (TOKEN_MAX + 1).min(end + LOOK_BEHIND);
        let length = (1..=most)
            .take_while(|back| class.has(view.before(end, *back)))
            .count();
        if length == most {
            return None;
        }
        let (mut letter, mut digit, mut humps) = (false, false, 0);
        let shown = (1..=length.min(SHOWN_MAX)).find(|shown| {
            let byte = view.before(end, length - shown + 1);
            let last = view.before(end, length - shown + 2);
            humps += usize::from(last.is_ascii_lowercase() && byte.is_ascii_uppercase());
            letter |= byte.is_ascii_alphabetic();
            digit |= byte.is_ascii_digit();
            (letter && digit && *shown >= SHOWN_MIN) || (*shown == SHOWN_MAX && humps >= HUMPS_MIN)
        });
        Some(Word { length, shown })
    }

    /// Where what is not shown of it begins, when it ends at `end`.
    fn hidden(&self, end: usize) -> Option<usize> {
        (end + self.shown?).checked_sub(self.length)
    }
}

impl Signs {
    /// Judges the word around the sign at `found`.
    pub(crate) fn ask(
        &mut self,
        redactor: &Redactor,
        view: View<'_>,
        found: Candidate<'_>,
        intervals: &mut Intervals,
    ) {
        let at = found.at;
        if found.heads & head::SIGN == 0 || at < self.found {
            return;
        }
        for entry in found.entries {
            let literal = redactor.finder.literal(entry.id);
            if entry.head != head::SIGN || literal.compare(view.hay, at) != Compare::Equal {
                continue;
            }
            let rule = &redactor.rules[literal.owner as usize];
            let Matcher::Sign(sign) = &rule.matcher else {
                continue;
            };
            let long = &mut self.long[sign.letters as usize];
            if at < *long {
                continue;
            }
            let class = sign.letters.class();
            let Some(word) = Word::before(view, at, class) else {
                // The other signs in this word need no look.
                *long = at + class.run(view.hay, at, usize::MAX);
                continue;
            };
            let Some((start, end)) = token(view, at, sign, &word) else {
                continue;
            };
            // What a marker stands for may have been part of the word.
            let marked = view.before(at, word.length + 1) == b']'
                && view.before(at, word.length + 8) == b'#';
            if marked || view.hay.get(end) == Some(&b'[') {
                continue;
            }
            self.found = end;
            intervals.enter(Interval {
                start,
                end,
                open: SHUT,
                label: rule.label,
                rank: rule.rank,
                digits: redactor.digest.of(&view.hay[start..end]),
                awaits: SHUT,
            });
            return;
        }
    }

    /// Ends a scan: all is settled up to the end, or up to a word that may be a token.
    pub(crate) fn stop(&mut self, view: View<'_>) {
        let end = view.hay.len();
        let held = (!view.eof).then(|| tail(view)).flatten();
        self.at = held.unwrap_or(end);
        self.hold = self.at;
    }

    /// Time has passed: what is held is shown.
    pub(crate) fn release(&mut self, end: usize) {
        self.hold = end;
    }

    /// The first `bytes` of the text are gone.
    pub(crate) fn rebase(&mut self, bytes: usize) {
        let places = [&mut self.at, &mut self.hold, &mut self.found].into_iter();
        for place in places.chain(&mut self.long) {
            *place = place.saturating_sub(bytes);
        }
    }
}

/// The token whose sign stands at `at`, but for what of it is shown. Where it may go on behind the text at hand there is
/// none yet: then it is held.
fn token(view: View<'_>, at: usize, sign: &SignRule, word: &Word) -> Option<(usize, usize)> {
    let class = sign.letters.class();
    let padded = sign.letters == Letters::Base64;
    let open = |end: usize| end == view.hay.len() && !view.eof;
    let start = word.hidden(at)?;
    if sign.sign == "-us" {
        let digits = at + sign.sign.len();
        let end = digits + DIGIT.run(view.hay, digits, 3);
        let whole = (1..=2).contains(&(end - digits))
            && !open(end)
            && view.hay.get(end).is_none_or(|byte| !WORD.has(*byte));
        return (whole && is_hex(view, at, word)).then_some((start, end));
    }
    let behind = at + sign.sign.len();
    let end = behind + class.run(view.hay, behind, TOKEN_MAX);
    let padding = match padded {
        true => PADDING.run(view.hay, end, PADDING_MAX),
        false => 0,
    };
    if open(end + padding) {
        return None;
    }
    let strict = !matches!(sign.letters, Letters::Plain | Letters::Base64);
    if strict && view.hay.get(end).is_some_and(|byte| WORD.has(*byte)) {
        return None;
    }
    if sign.sign == "-" && !(is_hex(view, at, word) && is_pair(&view.hay[behind..end])) {
        return None;
    }
    // The plus of a diff and the slash of a path are no part of the word.
    let joined = matches!(view.before(at, word.length), b'+' | b'/') || is_escaped(view, at, word);
    let before = match prefixed(view, at, word) {
        0 => word.length - usize::from(joined),
        _ if sign.letters != Letters::HexColon => word.length,
        prefix => word.length - prefix,
    };
    let fits = |before: usize| {
        sign.before.contains(&before) && sign.lengths.contains(&(before + end - at))
    };
    (fits(before) || fits(word.length)).then_some((start, end + padding))
}

/// Whether the word that ends at `end` begins with the letter of `\n` in escaped text.
fn is_escaped(view: View<'_>, end: usize, word: &Word) -> bool {
    view.before(end, word.length + 1) == b'\\' && b"nrt".contains(&view.before(end, word.length))
}

/// Whether the word that ends at `end` is what a Mailchimp key begins with.
fn is_hex(view: View<'_>, end: usize, word: &Word) -> bool {
    let length = word.length - usize::from(is_escaped(view, end, word));
    length == HEX_LENGTH && (1..=HEX_LENGTH).all(|back| HEX.has(view.before(end, back)))
}

/// How much of the word that ends at `end` is no login but stands before one: a line number and its colon.
fn prefixed(view: View<'_>, end: usize, word: &Word) -> usize {
    match word.length.checked_sub(LOGIN_LENGTH) {
        Some(prefix) if prefix > 0 && view.before(end, LOGIN_LENGTH + 1) == b':' => prefix,
        _ => 0,
    }
}

/// Two groups of eight hexadecimal digits.
fn is_pair(text: &[u8]) -> bool {
    let digits = |part: &[u8]| part.iter().all(|byte| HEX.has(*byte));
    matches!(text.len(), 17) && text[8] == b'-' && digits(&text[..8]) && digits(&text[9..])
}

/// The token that ends before what may be the beginning of one of [`SUFFIXES`].
fn suffixed(view: View<'_>) -> Option<usize> {
    let end = view.hay.len();
    let back = (1..=SIGN_MAX).find(|back| matches!(view.before(end, *back), b':' | b'@'))?;
    let at = end.checked_sub(back)?;
    let held = |(sign, class, length): (&[u8], &Class, usize)| {
        let word = Word::before(view, at, class)?;
        let joined = prefixed(view, at, &word).max(usize::from(is_escaped(view, at, &word)));
        let fits = sign.starts_with(&view.hay[at..]) && word.length - joined == length;
        word.hidden(at).filter(|_| fits)
    };
    SUFFIXES.into_iter().find_map(held)
}

/// Where the end of the text at hand must be held from, because the word there may be a token.
fn tail(view: View<'_>) -> Option<usize> {
    let end = view.hay.len();
    if !TAIL.has(view.before(end, 1)) {
        return None;
    }
    let held = |end, class| Word::before(view, end, class).and_then(|word| word.hidden(end));
    let padding = (0..=PADDING_MAX)
        .take_while(|count| *count == 0 || view.before(end, *count) == b'=')
        .last()
        .unwrap_or_default();
    let padded = end.checked_sub(padding).and_then(|end| held(end, &BASE64));
    let plain = held(end, &WORD);
    let hex = held(end, &HEX_DASH);
    let colons = held(end, &HEX_COLON);
    // `-us12` behind a word
    let centre = (1..=5)
        .find(|back| view.before(end, *back) == b'-')
        .and_then(|back| {
            let behind = |index: usize| view.before(end, back - index);
            let fits = (1..back).all(|index| match index {
                1 => behind(index) == b'u',
                2 => behind(index) == b's',
                _ => behind(index).is_ascii_digit(),
            });
            let word = Word::before(view, end.checked_sub(back)?, &ALNUM)?;
            let held = word.hidden(end - back)?;
            (fits && is_hex(view, end - back, &word)).then_some(held)
        });
    let held = [padded, plain, hex, colons, centre, suffixed(view)];
    held.into_iter().flatten().min()
}
