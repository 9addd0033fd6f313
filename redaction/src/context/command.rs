//! Credentials in commands and in the files of command-line tools.
//!
//! Not for flags that name what they take (`--password`): those are assignments.

use base64::Engine as _;

use crate::class::Class;
use crate::context::strength::{self, Place};
use crate::context::value::Ending;
use crate::context::{Judged, Stop, Value, expect};
use crate::marker::OPENING;
use crate::view::View;

/// How far behind a command its flag may stand.
const FLAG_WITHIN: usize = 200;
/// Longest host or user name in a `.netrc`.
const WORD_MAX: usize = 128;
/// Most white space between the words of a `.netrc`.
const SPACE_MAX: usize = 64;

const SPACE: Class = Class::EMPTY.with(b" \t\r\n");
const VISIBLE: Class = Class::EMPTY.range(0x21, 0x7e);
const BASE64: Class = crate::class::BASE64;

/// Commands and the flags behind which they take a password: attached, or as the next word.
const FLAGS: &[(&str, &[&str], Takes)] = &[
    (
        "curl",
        &[" -u ", " --user ", " -U ", " --proxy-user ", " -u"],
        Takes::Pair,
    ),
    ("sshpass", &[" -p ", " -p"], Takes::Word),
    ("mysql", &[" -p"], Takes::Word),
    ("redis-cli", &[" -a ", " --pass "], Takes::Word),
    ("docker login", &[" -p "], Takes::Word),
    ("ldapsearch", &[" -w "], Takes::Word),
    ("podman login", &[" -p "], Takes::Word),
    ("helm registry login", &[" -p "], Takes::Word),
    ("mongosh", &[" -p "], Takes::Word),
    ("mongodump", &[" -p "], Takes::Word),
    (
        "gh secret set",
        &[" --body ", " --body=", " -b "],
        Takes::Word,
    ),
    ("ngrok", &[" add-authtoken ", " authtoken "], Takes::Word),
    (
        "aws configure set",
        &[" aws_secret_access_key ", " aws_session_token "],
        Takes::Word,
    ),
];

/// What a flag takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    /// A password.
    Word,
    /// `user:password`.
    Pair,
}

/// `machine host login user password secret`, the first word ending at `after`.
pub(super) fn judge_netrc(view: View<'_>, after: usize) -> Judged {
    let host = word(view, after)?;
    if !view.hay[after..host].contains(&b'.') {
        return Err(Stop::No);
    }
    let at = expect(view, spaces(view, host)?, "login")?;
    let user = word(view, at)?;
    let at = spaces(view, user)?;
    let at = expect(view, at, "passw")?;
    let at = match expect(view, at, "ord") {
        Err(Stop::No) => expect(view, at, "d")?,
        found => found?,
    };
    let start = spaces(view, at)?;
    let value = Value::find(view, start, Ending::Class(VISIBLE.minus(b"\"'`\\")))?;
    let secret = value.end - value.start >= 4 && !strength::is_placeholder(value.bytes(view));
    value.verdict(view, secret)
}

/// `host:5432:database:user:password`, the port's second colon ending at `after`.
pub(super) fn judge_pgpass(view: View<'_>, after: usize) -> Judged {
    let field = VISIBLE.minus(b":/\"'[");
    let database = view.run(&field, after, WORD_MAX).ok_or(Stop::More)?;
    let at = expect(view, database, ":")?;
    let user = view.run(&field, at, WORD_MAX).ok_or(Stop::More)?;
    let start = expect(view, user, ":")?;
    let value = Value::find(view, start, Ending::Class(VISIBLE.minus(b"\"'`\\")))?;
    let secret =
        database > after && user > at && strength::is_password(value.bytes(view), Place::Literal);
    value.verdict(view, secret)
}

/// The end of the word behind white space.
fn word(view: View<'_>, at: usize) -> Judged<usize> {
    let start = spaces(view, at)?;
    let end = view.run(&VISIBLE, start, WORD_MAX).ok_or(Stop::More)?;
    if end > start { Ok(end) } else { Err(Stop::No) }
}

/// The end of the white space at `at`, of which there must be some.
fn spaces(view: View<'_>, at: usize) -> Judged<usize> {
    let end = view.run(&SPACE, at, SPACE_MAX).ok_or(Stop::More)?;
    if end > at { Ok(end) } else { Err(Stop::No) }
}

/// `"auth": "<base64>"`, the cue standing at `at..after` with its closing quote.
pub(super) fn judge_docker_auth(view: View<'_>, at: usize, after: usize) -> Judged {
    if !matches!(view.before(at, 1), b'"') {
        return Err(Stop::No);
    }
    let sign = view.run(&SPACE, after, SPACE_MAX).ok_or(Stop::More)?;
    let at = expect(view, sign, ":")?;
    let quote = view
        .run(&SPACE.with(b"\\"), at, SPACE_MAX)
        .ok_or(Stop::More)?;
    let start = expect(view, quote, "\"")?;
    let value = Value::find(view, start, Ending::Class(BASE64))?;
    let bytes = value.bytes(view);
    let bare = &bytes[..bytes
        .iter()
        .position(|byte| *byte == b'=')
        .unwrap_or(bytes.len())];
    let bare = &bare[..if bare.len() > 64 { 64 } else { bare.len() }];
    let decoded = base64::engine::general_purpose::STANDARD_NO_PAD.decode(bare);
    let secret = bytes.len() >= 8 && decoded.is_ok_and(|text| text.contains(&b':'));
    value.verdict(view, secret)
}

/// A command with a password among its flags, the command standing at `at..after`.
pub(super) fn judge_command(view: View<'_>, at: usize, after: usize) -> Judged {
    if !view.word_begins(at) {
        return Err(Stop::No);
    }
    let name = &view.hay[at..after];
    let Some((_, flags, takes)) = FLAGS
        .iter()
        .find(|(command, ..)| command.as_bytes() == name)
    else {
        return Err(Stop::No);
    };
    let near = &view.hay[after..view.hay.len().min(after + FLAG_WITHIN)];
    // Behind a marker the distance to the command is not what it was; behind the same command it is that one's turn.
    let marker = memchr::memmem::find(near, OPENING.as_bytes()).unwrap_or(near.len());
    let marker = memchr::memmem::find(&near[..marker], name).unwrap_or(marker);
    let line = memchr::memchr3(b'\n', b'\r', b';', &near[..marker]).unwrap_or(marker);
    let within = &near[..memchr::memchr(b'|', &near[..line]).unwrap_or(line)];
    let found = memchr::memchr_iter(b' ', within)
        .find_map(|at| flag_at(&within[at..], flags).map(|width| after + at + width));
    let Some(start) = found else {
        let open = within.len() == near.len() && near.len() < FLAG_WITHIN && !view.eof;
        return Err(if open { Stop::More } else { Stop::No });
    };
    judge_argument(view, start, *takes)
}

/// The width of the longest of `flags` that `text` begins with.
fn flag_at(text: &[u8], flags: &[&str]) -> Option<usize> {
    let starting = flags
        .iter()
        .filter(|flag| text.starts_with(flag.as_bytes()));
    starting.map(|flag| flag.len()).max()
}

/// Judges the argument at `start`.
fn judge_argument(view: View<'_>, start: usize, takes: Takes) -> Judged {
    let (start, ending) = match view.hay.get(start) {
        None if view.eof => return Err(Stop::No),
        None => return Err(Stop::More),
        Some(quote @ (b'"' | b'\'')) => (start + 1, Ending::Quote(*quote, 0)),
        Some(b'\\') => return Err(Stop::No),
        Some(_) => (start, Ending::Variable),
    };
    let start = match takes {
        Takes::Word => start,
        Takes::Pair => {
            let user = view
                .run(&VISIBLE.minus(b":\"'\\["), start, WORD_MAX)
                .ok_or(Stop::More)?;
            expect(view, user, ":")?
        }
    };
    let value = Value::find(view, start, ending)?;
    let secret = strength::is_password(value.bytes(view), Place::Literal);
    value.verdict(view, secret)
}
