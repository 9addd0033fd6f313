//! Assignments: a name that says "secret", a sign, and a value, in any of the common notations.
//!
//! Not for names that only speak of secrets (`token_count`, `password_file`): what they hold is none.

use crate::class::{Class, WORD};
use crate::context::strength::{Place, is_chosen, is_password, is_token};
use crate::context::value::Ending;
use crate::context::{Judged, Kind, Stop, Value, expect};
use crate::view::View;

/// Longest rest of a name behind its cue.
const NAME_MAX: usize = 40;
/// Most white space before and after the sign.
const SPACE_MAX: usize = 40;
/// Longest type between a name and the sign: `password: Option<&'static str> = "..."`.
const TYPE_MAX: usize = 40;

const SPACE: Class = Class::EMPTY.with(b" \t");
const NAME: Class = WORD.with(b"-.");
/// What may close a name: quotes, brackets, emphasis.
const CLOSER: Class = Class::EMPTY.with(b"\"'`\\])*");
const TYPE: Class = WORD.with(b"&'<>: []?|*.,");

/// What may stand between a name that is a value itself, and the word `value`.
const PAIR_SPACE: Class = SPACE.with(b"\r\n,\"'");

/// Last words of names that hold no secret.
const HARMLESS: &[&str] = &[
    "file",
    "path",
    "dir",
    "name",
    "names",
    "id",
    "ids",
    "url",
    "uri",
    "endpoint",
    "type",
    "kind",
    "len",
    "length",
    "size",
    "count",
    "counter",
    "number",
    "num",
    "limit",
    "max",
    "min",
    "total",
    "usage",
    "used",
    "budget",
    "expiry",
    "expires",
    "expiration",
    "ttl",
    "timeout",
    "age",
    "at",
    "hash",
    "digest",
    "checksum",
    "fingerprint",
    "env",
    "var",
    "ref",
    "field",
    "prefix",
    "suffix",
    "regex",
    "pattern",
    "policy",
    "hint",
    "prompt",
    "label",
    "placeholder",
    "version",
    "format",
    "algorithm",
    "alg",
    "encoding",
    "scope",
    "scopes",
    "status",
    "state",
    "error",
    "index",
    "offset",
    "position",
    "pos",
    "start",
    "end",
    "provider",
    "manager",
    "store",
    "cache",
    "class",
    "schema",
    "mode",
    "source",
    "helper",
    "handler",
    "required",
    "enabled",
    "valid",
    "invalid",
    "strength",
    "test",
    "text",
    "title",
    "message",
    "description",
    "stream",
    "tree",
    "ring",
    "bucket",
    "arn",
    "host",
    "port",
    "header",
    "cookie",
    "issuer",
    "audience",
    "rotation",
    "check",
];

/// Judges the assignment whose name has its cue at `at..after`.
pub(super) fn judge(kind: Kind, view: View<'_>, at: usize, after: usize) -> Judged {
    let name_end = name(kind, view, at, after)?;
    let (sign, closed) = closers(view, name_end)?;
    let flag = is_flag(view, at);
    let upper = view.hay[at..after].iter().any(u8::is_ascii_uppercase)
        && !view.hay[at..after].iter().any(u8::is_ascii_lowercase);
    let found = operator(view, sign, closed, flag)?;
    let literal =
        found.tight && ((upper && found.sign == b'=') || flag) || (flag && found.sign == b' ');
    if kind == Kind::VariableKey && !(upper && found.sign == b'=') && !closed {
        return Err(Stop::No);
    }
    value(kind, view, found, literal)
}

/// The end of the name; fails when the name is that of something else.
fn name(kind: Kind, view: View<'_>, at: usize, after: usize) -> Judged<usize> {
    if kind == Kind::PassWord && !view.word_begins(at) {
        return Err(Stop::No);
    }
    let end = view.run(&NAME, after, NAME_MAX).ok_or(Stop::More)?;
    let tail = &view.hay[after..end];
    let Some(first) = tail.first() else {
        return Ok(end);
    };
    // `tokenizer`, `secretary`, `PASSWORDS`: the cue is only the beginning of another word.
    let last = view.hay[after - 1];
    let plural =
        matches!(tail, [b's' | b'S']) && view.hay[at..after].eq_ignore_ascii_case(b"credential");
    let joined = (first.is_ascii_lowercase() && last.is_ascii_lowercase())
        || (first.is_ascii_uppercase() && last.is_ascii_uppercase());
    if (joined && !plural)
        || kind == Kind::PassWord
        || tail.len() >= NAME_MAX
        || tail.ends_with(b".")
    {
        return Err(Stop::No);
    }
    if HARMLESS
        .iter()
        .any(|word| last_word(tail).eq_ignore_ascii_case(word.as_bytes()))
    {
        return Err(Stop::No);
    }
    Ok(end)
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

/// Skips what closes a name; also whether there was anything.
fn closers(view: View<'_>, from: usize) -> Judged<(usize, bool)> {
    let end = view.run(&CLOSER, from, 6).ok_or(Stop::More)?;
    Ok((end, end > from))
}

/// Whether the name is that of a command-line flag, as far as can be seen from here.
fn is_flag(view: View<'_>, at: usize) -> bool {
    let mut back = 1;
    while back < 7 && matches!(view.before(at, back), b'a'..=b'z' | b'-') {
        if view.before(at, back) == b'-' && view.before(at, back + 1) == b'-' {
            return true;
        }
        back += 1;
    }
    false
}

/// The sign of an assignment.
struct Operator {
    /// The sign's last byte; a space for none.
    sign: u8,
    /// Where the value may begin, white space skipped.
    value: usize,
    /// Whether it stands without white space around.
    tight: bool,
}

/// Finds the sign between the name and the value.
fn operator(view: View<'_>, from: usize, closed: bool, flag: bool) -> Judged<Operator> {
    if let Some(found) = pair(view, from)? {
        return Ok(found);
    }
    let sign = view.run(&SPACE, from, SPACE_MAX).ok_or(Stop::More)?;
    let rest = &view.hay[sign..];
    let width = match rest {
        [] | [b'=' | b':' | b'!'] | [b'=' | b'!', b'='] if !view.eof => return Err(Stop::More),
        [b'=' | b'!', b'=', b'=', ..] => 3,
        [b'=', b'=' | b'>', ..] | [b':' | b'!', b'=', ..] => 2,
        [b':', b':', ..] => return Err(Stop::No),
        [b'=' | b':', ..] => 1,
        [b',', ..] if closed => 1,
        [b'>', ..] if sign == from => 1,
        _ if flag && sign > from => 0,
        _ => return Err(Stop::No),
    };
    let end = sign + width;
    let value = view
        .run(&SPACE.with(b"*"), end, SPACE_MAX)
        .ok_or(Stop::More)?;
    let byte = if width == 0 { b' ' } else { view.hay[end - 1] };
    Ok(Operator {
        sign: byte,
        value,
        tight: sign == from && value == end,
    })
}

/// `name: API_TOKEN`, `value: ...` on the next line; `key="ApiKey" value="..."`: the sign of the value.
fn pair(view: View<'_>, from: usize) -> Judged<Option<Operator>> {
    let Some(at) = view.run(&PAIR_SPACE, from, SPACE_MAX) else {
        return Err(Stop::More);
    };
    if at == from {
        return Ok(None);
    }
    // Until the whole word is there, it may as well be the beginning of a value.
    let arriving = Stop::Arriving(at, Ending::Bare);
    let word = match expect(view, at, "value") {
        Ok(word) => word,
        Err(Stop::No) => return Ok(None),
        Err(_) => return Err(arriving),
    };
    let Some(sign) = view.run(&CLOSER.union(SPACE), word, 6) else {
        return Err(arriving);
    };
    let Some(sign_byte @ (b'=' | b':')) = view.hay.get(sign).copied() else {
        return if sign == view.hay.len() && !view.eof {
            Err(arriving)
        } else {
            Ok(None)
        };
    };
    let Some(value) = view.run(&SPACE, sign + 1, SPACE_MAX) else {
        return Err(arriving);
    };
    Ok(Some(Operator {
        sign: sign_byte,
        value,
        tight: false,
    }))
}

/// Judges the value behind the sign.
fn value(kind: Kind, view: View<'_>, found: Operator, literal: bool) -> Judged {
    let at = found.value;
    let (ending, place) = match opening(view, at)? {
        Some((start, ending)) => {
            let found = Operator {
                value: start,
                ..found
            };
            return decide(kind, view, found, ending, Place::Quoted);
        }
        None if found.sign == b',' => return Err(Stop::No),
        None if literal => (Ending::Variable, Place::Literal),
        None => (Ending::Bare, Place::Bare),
    };
    if found.sign == b':'
        && let Some(start) = behind_type(view, at)?
    {
        return value(
            kind,
            view,
            Operator {
                sign: b'=',
                value: start,
                tight: false,
            },
            false,
        );
    }
    decide(kind, view, found, ending, place)
}

/// The quote that opens a value at `at`, behind the letters that may mark a string: where the value begins, and how it
/// ends.
fn opening(view: View<'_>, at: usize) -> Judged<Option<(usize, Ending)>> {
    let marks = at + Class::EMPTY.with(b"brfuLR@$").run(view.hay, at, 2);
    let quote = marks + Class::EMPTY.with(b"\\").run(view.hay, marks, 8);
    match view.hay.get(quote) {
        Some(byte @ (b'"' | b'\'' | b'`')) => Ok(Some((
            quote + 1,
            Ending::Quote(*byte, (quote - marks) as u8),
        ))),
        None if !view.eof => Err(Stop::Arriving(at, Ending::Bare)),
        _ => Ok(None),
    }
}

/// `: Type = "value"`: where the value begins, when a type stands first.
fn behind_type(view: View<'_>, at: usize) -> Judged<Option<usize>> {
    let end = at + TYPE.run(view.hay, at, TYPE_MAX);
    match &view.hay[end..] {
        [] | [b'='] if end - at < TYPE_MAX && !view.eof => Err(Stop::Arriving(at, Ending::Bare)),
        [b'=', next, ..] if !matches!(next, b'=' | b'>') && view.hay[end - 1] == b' ' => view
            .run(&SPACE, end + 1, SPACE_MAX)
            .map(Some)
            .ok_or(Stop::Arriving(at, Ending::Bare)),
        _ => Ok(None),
    }
}

/// Judges the value itself.
fn decide(kind: Kind, view: View<'_>, found: Operator, ending: Ending, place: Place) -> Judged {
    let value = Value::find(view, found.value, ending)?;
    let bytes = value.bytes(view);
    // A quote that is never closed was none, or the text was cut: white space then ends it as it would end a bare value.
    let open = matches!(ending, Ending::Quote(quote, _) if value.whole && closing(view, value.end) != Some(quote));
    if open && bytes.contains(&b' ') {
        return Err(Stop::No);
    }
    let next = view.hay.get(value.end);
    let secret = match kind {
        Kind::Password | Kind::PassWord if found.sign != b',' => is_password(bytes, place),
        // In a list of strings the next one need not belong to the name.
        Kind::Password | Kind::PassWord => {
            is_password(bytes, Place::Bare) && is_token(bytes, place)
        }
        Kind::Secret => is_token(bytes, place) || (place != Place::Bare && is_chosen(bytes, place)),
        _ => is_token(bytes, place),
    };
    if found.sign == b'>' {
        // An element: what follows must close it.
        let closed = match &view.hay[value.end..] {
            [] | [b'<'] if !view.eof => return Err(Stop::Arriving(value.start, ending)),
            rest => rest.starts_with(b"</"),
        };
        return value.verdict(secret && closed);
    }
    // `password=getpass(...)`: what follows shows that it was code.
    let called =
        value.whole && place == Place::Bare && matches!(next, Some(b'(' | b'[' | b'{' | b'<'));
    value.verdict(secret && !called)
}

/// The quote at `end`, behind its backslashes.
fn closing(view: View<'_>, end: usize) -> Option<u8> {
    view.hay[end..].iter().copied().find(|byte| *byte != b'\\')
}
