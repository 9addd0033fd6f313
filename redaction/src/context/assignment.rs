//! Assignments: a name that says "secret", a sign, and a value, in any of the common notations.
//!
//! Not for names that only speak of secrets (`token_count`, `password_file`): what they hold is none.

mod sign;

use crate::class::{Class, WORD};
use crate::context::assignment::sign::{Sign, nested, opening, sign, typed};
use crate::context::strength::{
    Place, is_account_key, is_aws_secret, is_chosen, is_password, is_strong, is_token,
    is_word_chosen,
};
use crate::context::value::Ending;
use crate::context::{Judged, Kind, Stop, Value, expect, is_marked, words};
use crate::swallow::How;
use crate::view::{Verdict, View};

/// Shortest token that may be no more than a neighbour of its name.
const LISTED_MIN: usize = 16;
/// Shortest private part of a JSON Web Key: that of a curve, 32 bytes in base64.
const JSON_KEY_MIN: usize = 43;
const JSON_KEY: Class = WORD.with(b"-");
const SPACE: Class = Class::EMPTY.with(b" \t");
/// What may stand between the beginning of a list and its first value.
const BREAKS: Class = SPACE.with(b"\r\n");
/// Most of it.
const LIST_SPACE_MAX: usize = 48;
/// The sign of a value in the lines below, and how it is to be folded.
const SCALAR: Class = Class::EMPTY.with(b"|>-+").range(b'1', b'9');
const SCALAR_MAX: usize = 3;
/// Longest rest of a name behind its cue.
const NAME_MAX: usize = 40;
/// Longest beginning of the name of a flag, before its cue.
const FLAG_MAX: usize = 24;
/// Most bytes that close a name.
const CLOSER_MAX: usize = 6;

const NAME: Class = WORD.with(b"-.");
/// What may close a name: quotes, brackets, emphasis.
const CLOSER: Class = Class::EMPTY.with(b"\"'`\\])*");

/// What is known of a name once its end is found.
#[derive(Clone, Copy)]
struct Name {
    /// Where what closes it ends.
    end: usize,
    /// Whether anything closes it: then it is a string.
    closed: bool,
    /// Whether it ends with its cue.
    bare: bool,
    /// Whether its cue is in capitals, as in the names of environment variables.
    upper: bool,
    /// Whether it is that of a command-line flag.
    flag: bool,
    /// Whether a colon stands before it.
    keyword: bool,
    /// Whether it speaks of several: then a list follows.
    plural: bool,
}

/// Judges the assignment whose name has its cue at `at..after`.
pub(super) fn judge(kind: Kind, view: View<'_>, at: usize, after: usize) -> Judged {
    let name = name(kind, view, at, after)?;
    let sign = sign(view, name, kind)?;
    let variable = name.upper && sign.byte == b'=';
    let entry = name.upper && sign.byte == b':';
    if kind == Kind::VariableKey && !variable && !entry && !name.closed {
        return Err(Stop::No);
    }
    if name.plural && sign.byte != b' ' {
        match list(kind, view, sign) {
            Err(Stop::No) if kind == Kind::Password => return Err(Stop::No),
            Err(Stop::No) => {}
            judged => return judged,
        }
    } else if sign.byte == b':'
        && let Some(start) = scalar(view, sign.value)?
    {
        let sign = Sign {
            value: start,
            ..sign
        };
        return decide(kind, view, sign, Ending::Bare, Place::Bare);
    }
    let literal = (sign.tight && (variable || name.flag)) || (name.flag && sign.byte == b' ');
    value(kind, view, sign, literal)
}

/// A list of values: `tokens: [a, b]`, or in lines of their own, `- a`. The first one is judged for all.
fn list(kind: Kind, view: View<'_>, sign: Sign) -> Judged {
    let (first, all) = match view.hay.get(sign.value) {
        None if !view.eof => return Err(Stop::More),
        Some(b'[') => {
            let first = view.run(&BREAKS, sign.value + 1, LIST_SPACE_MAX);
            (first.ok_or(Stop::More)?, Ending::Brackets)
        }
        Some(b'\r' | b'\n') => {
            let dash = view
                .run(&BREAKS, sign.value, LIST_SPACE_MAX)
                .ok_or(Stop::More)?;
            let behind = expect(view, dash, "-")?;
            let first = view.run(&SPACE, behind, LIST_SPACE_MAX).ok_or(Stop::More)?;
            if first == behind {
                return Err(Stop::No);
            }
            (first, Ending::Items)
        }
        _ => return Err(Stop::No),
    };
    let (start, ending, place) = match opening(view, first)? {
        Some((start, ending)) => (start, ending, Place::Quoted),
        None => (first, Ending::Bare, Place::Bare),
    };
    let value = Value::find(view, start, ending)?;
    let bytes = value.bytes(view);
    let secret = match kind {
        Kind::Password => {
            is_strong(bytes) || is_password(bytes, Place::Bare) && is_token(bytes, place)
        }
        _ => bytes.len() >= LISTED_MIN && is_token(bytes, place),
    };
    // `name: value` in a list is no value.
    let named = place == Place::Bare && view.hay.get(value.end) == Some(&b':');
    if !secret || named || is_unclosed(view, &value) || is_marked(bytes) {
        return Err(Stop::No);
    }
    Ok(Verdict::Open {
        start: value.start,
        to: value.end,
        how: How::Value(all),
    })
}

/// `name: |` and an indented line: where that begins.
fn scalar(view: View<'_>, at: usize) -> Judged<Option<usize>> {
    if !matches!(view.hay.get(at), Some(b'|' | b'>')) {
        return Ok(None);
    }
    let mark = view.run(&SCALAR, at, SCALAR_MAX).ok_or(Stop::More)?;
    let line = view
        .run(&SPACE.with(b"\r"), mark, LIST_SPACE_MAX)
        .ok_or(Stop::More)?;
    let next = match expect(view, line, "\n") {
        Err(Stop::No) => return Ok(None),
        found => found?,
    };
    let start = view.run(&SPACE, next, LIST_SPACE_MAX).ok_or(Stop::More)?;
    Ok((start > next).then_some(start))
}

/// `"d":"<base64url>"` of a JSON Web Key, the name with its quotes and colon standing at `at..after`.
pub(super) fn judge_json_key(view: View<'_>, at: usize, after: usize) -> Judged {
    let quote = b'"';
    let depth = view.hay[at..after]
        .iter()
        .filter(|byte| **byte == b'\\')
        .count();
    let open = view
        .run(&SPACE.with(b"\\"), after, CLOSER_MAX)
        .ok_or(Stop::More)?;
    let start = expect(view, open, "\"")?;
    let value = Value::find(view, start, Ending::Quote(quote, (depth / 2) as u8))?;
    let bytes = value.bytes(view);
    let secret = bytes.len() >= JSON_KEY_MIN
        && bytes.iter().all(|byte| JSON_KEY.has(*byte))
        && is_token(bytes, Place::Quoted);
    value.verdict(view, secret)
}

/// Finds the end of the name; fails when the name is that of something else.
fn name(kind: Kind, view: View<'_>, at: usize, after: usize) -> Judged<Name> {
    let hump = view.before(at, 1).is_ascii_lowercase() && view.hay[at].is_ascii_uppercase();
    let longer = view.hay.get(after).is_some_and(|byte| NAME.has(*byte));
    if kind == Kind::PassWord && (longer || (!view.word_begins(at) && !hump)) {
        return Err(Stop::No);
    }
    let end = view.run(&NAME, after, NAME_MAX).ok_or(Stop::More)?;
    let cue = &view.hay[at..after];
    if !is_name(kind, cue, &view.hay[after..end]) {
        return Err(Stop::No);
    }
    let closers = view.run(&CLOSER, end, CLOSER_MAX).ok_or(Stop::More)?;
    let upper = cue.iter().any(u8::is_ascii_uppercase) && !cue.iter().any(u8::is_ascii_lowercase);
    Ok(Name {
        end: closers,
        closed: closers > end,
        bare: end == after,
        plural: is_plural(kind, &view.hay[after..end]),
        upper,
        // `npm config set //host/:_authToken ...` takes it as a flag does.
        keyword: view.before(at, 1) == b':',
        flag: is_flag(view, at) || cue.starts_with(b"_auth"),
    })
}

/// Whether a name with `tail` behind its cue is that of a secret.
fn is_name(kind: Kind, cue: &[u8], tail: &[u8]) -> bool {
    let (Some(first), Some(last)) = (tail.first(), cue.last()) else {
        return true;
    };
    // `tokenizer`, `secretary`, `PASSWORDS`: the cue is only the beginning of another word.
    let joined = (first.is_ascii_lowercase() && last.is_ascii_lowercase())
        || (first.is_ascii_uppercase() && last.is_ascii_uppercase());
    (!joined || is_plural(kind, tail))
        && kind != Kind::PassWord
        && tail.len() < NAME_MAX
        && !tail.ends_with(b".")
        && !tail.starts_with(b"--")
        && !words::is_name_end(last_word(tail))
}

/// Whether the rest of a name makes it speak of several.
fn is_plural(kind: Kind, tail: &[u8]) -> bool {
    tail.eq_ignore_ascii_case(b"s") && matches!(kind, Kind::Token | Kind::Secret | Kind::Password)
}

/// The last word of a name, in snake, kebab or camel case.
fn last_word(tail: &[u8]) -> &[u8] {
    let cut = tail
        .iter()
        .rposition(|byte| matches!(byte, b'_' | b'-' | b'.'))
        .map_or(0, |index| index + 1);
    let word = &tail[cut..];
    let humped = word.iter().any(u8::is_ascii_lowercase);
    let hump = word
        .iter()
        .rposition(u8::is_ascii_uppercase)
        .filter(|_| humped)
        .unwrap_or(0);
    word[hump..].trim_ascii_end()
}

/// Whether the name is that of a command-line flag, as far as can be seen from here.
fn is_flag(view: View<'_>, at: usize) -> bool {
    let mut back = 1;
    while back < FLAG_MAX && matches!(view.before(at, back), b'a'..=b'z' | b'-') {
        let dash = view.before(at, back) == b'-';
        match view.before(at, back + 1) {
            b'-' if dash => return true,
            // One dash, as keytool and PowerShell have it.
            b' ' if dash => return true,
            _ => back += 1,
        }
    }
    false
}

/// Judges the value behind the sign.
fn value(kind: Kind, view: View<'_>, sign: Sign, literal: bool) -> Judged {
    let at = sign.value;
    if let Some(sign) = nested(view, sign)? {
        return value(kind, view, sign, false);
    }
    if let Some((start, ending)) = opening(view, at)? {
        return decide(
            kind,
            view,
            Sign {
                value: start,
                list: sign.list || view.hay[at] == b'[',
                ..sign
            },
            ending,
            Place::Quoted,
        );
    }
    if sign.quoted {
        return Err(Stop::No);
    }
    if sign.byte == b':'
        && let Some(start) = typed(view, at)?
    {
        let sign = Sign {
            byte: b'=',
            value: start,
            tight: false,
            ..sign
        };
        return value(kind, view, sign, false);
    }
    match literal {
        true => decide(kind, view, sign, Ending::Variable, Place::Literal),
        false => decide(kind, view, sign, Ending::Bare, Place::Bare),
    }
}

/// Judges the value itself.
fn decide(kind: Kind, view: View<'_>, sign: Sign, ending: Ending, place: Place) -> Judged {
    let neighbour = sign.list && sign.byte == b' ' && place == Place::Bare;
    let value = Value::find(view, sign.value, ending).map_err(|stop| match stop {
        Stop::Arriving(start, _) if neighbour => Stop::Held(start),
        stop => stop,
    })?;
    let bytes = value.bytes(view);
    if is_unclosed(view, &value) && bytes.contains(&b' ') {
        return Err(Stop::No);
    }
    // A word behind a flag may be the next word of a sentence.
    let prose = sign.byte == b' ' && !sign.quoted && bytes.iter().all(u8::is_ascii_lowercase);
    let secret = match kind {
        _ if prose => false,
        // In a list of strings the next one need not belong to the name.
        Kind::Password | Kind::PassWord if sign.list => {
            is_strong(bytes) || is_password(bytes, Place::Bare) && is_token(bytes, place)
        }
        Kind::Password if sign.entry => is_password(bytes, place) || is_word_chosen(bytes),
        Kind::Password | Kind::PassWord => is_password(bytes, place),
        Kind::AwsSecret => is_aws_secret(bytes) || is_token(bytes, place),
        Kind::Secret if sign.list => {
            is_token(bytes, place) && (!neighbour || bytes.len() >= LISTED_MIN)
        }
        Kind::Secret if place == Place::Literal => {
            is_token(bytes, place) || is_password(bytes, place)
        }
        Kind::Secret => {
            is_token(bytes, place) || (place == Place::Quoted && is_chosen(bytes, place))
        }
        Kind::Token if sign.list => bytes.len() >= LISTED_MIN && is_token(bytes, place),
        Kind::AccountKey => is_account_key(bytes),
        _ => is_token(bytes, place),
    };
    if sign.byte == b'>' {
        // An element: what follows must close it.
        let closed = match &view.hay[value.end..] {
            [] | [b'<'] if !view.eof => return Err(Stop::Arriving(value.start, ending)),
            rest => rest.starts_with(b"</"),
        };
        return value.verdict(view, secret && closed);
    }
    // `password=getpass(...)`: what follows shows that it was code.
    let rest = &view.hay[value.end..];
    if rest == b"<" && !view.eof {
        return Err(Stop::Arriving(value.start, ending));
    }
    let next = view.hay.get(value.end);
    let called = value.whole
        && place == Place::Bare
        && matches!(next, Some(b'(' | b'[' | b'{' | b'<'))
        && !rest.starts_with(b"</");
    value.verdict(view, secret && !called)
}

/// Whether the quote that opened `value` was none, or the text was cut before the closing one: white space in it then
/// ends it, as it would end a bare value.
fn is_unclosed(view: View<'_>, value: &Value) -> bool {
    let closing = view.hay[value.end..].iter().find(|byte| **byte != b'\\');
    matches!(value.ending, Ending::Quote(quote, _) if value.whole && closing != Some(&quote))
}
