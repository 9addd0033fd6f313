//! Credentials in addresses.
//!
//! Not for tokens in query parameters with telling names (`?token=`): those are assignments.

use crate::class::{Class, WORD};
use crate::context::strength::{self, Place};
use crate::context::value::Ending;
use crate::context::{Judged, Stop, Value};
use crate::view::View;

/// Longest user name.
const USER_MAX: usize = 128;
/// Shortest token in the place of a user name.
const TOKEN_MIN: usize = 16;
/// Shortest password.
const PASSWORD_MIN: usize = 4;
/// Shortest signature.
const SIGNATURE_MIN: usize = 16;

/// What a user name is made of.
const USER: Class = WORD.with(b"-.~%+!$*=,");
/// What a password in an address is made of; an `@` in it is taken for part of it, up to the last one.
const PASSWORD: Class = Class::EMPTY.range(0x21, 0x7e).minus(b"\"'`<>\\/?{}");
const SIGNATURE: Class = WORD.with(b"-%+/");

/// Words that stand for a password in documentation.
const WORDS: &[&str] = &[
    "password",
    "pass",
    "passwd",
    "pwd",
    "pw",
    "secret",
    "token",
    "guest",
    "credentials",
];

/// `scheme://user:password@host`, the `://` ending at `after`.
pub(super) fn judge_userinfo(view: View<'_>, after: usize) -> Judged {
    let user = after + USER.run(view.hay, after, USER_MAX);
    match view.hay.get(user) {
        None if view.eof => Err(Stop::No),
        // A token may stand in the place of the user; a host has a dot in it sooner or later.
        None if view.hay[after..user].contains(&b'.') => Err(Stop::More),
        None if user - after < TOKEN_MIN => Err(Stop::Held(after)),
        // Should it be a token, then what follows up to the host belongs to it.
        None => Err(Stop::Arriving(after, Ending::Class(PASSWORD))),
        Some(b':') => judge_password(view, after, user),
        Some(b'@') => judge_token(view, after, user),
        Some(_) => Err(Stop::No),
    }
}

/// A token in the place of the user.
fn judge_token(view: View<'_>, start: usize, end: usize) -> Judged {
    let token = &view.hay[start..end];
    let secret = token.len() >= TOKEN_MIN
        && !token.contains(&b'.')
        && strength::is_token(token, Place::Quoted);
    let value = Value {
        start,
        end,
        whole: true,
        ending: Ending::Class(USER),
    };
    value.verdict(view, secret)
}

fn judge_password(view: View<'_>, user: usize, colon: usize) -> Judged {
    let start = colon + 1;
    // Until it is known what stands in the place of the password, the user may be a token.
    let token = colon - user >= TOKEN_MIN;
    let arriving = |stop| match stop {
        Stop::Arriving(_, ending) if token => Stop::Arriving(user, ending),
        stop => stop,
    };
    let value = Value::find(view, start, Ending::Class(PASSWORD)).map_err(arriving)?;
    let run = value.bytes(view);
    let Some(end) = run
        .iter()
        .rposition(|byte| *byte == b'@')
        .map(|index| start + index)
    else {
        return Err(Stop::No);
    };
    let password = &view.hay[start..end];
    let word = WORDS
        .iter()
        .any(|word| password.eq_ignore_ascii_case(word.as_bytes()));
    let secret = password.len() >= PASSWORD_MIN
        && !word
        && !password.eq_ignore_ascii_case(&view.hay[user..colon])
        && !matches!(
            password,
            [b'$', ..] | [b'*', ..] | [b'%', b's', ..] | [b'[', .., b']']
        )
        && (password.len() < 6 || !strength::is_placeholder(password))
        && (value.end > end + 1 || view.hay.get(value.end) == Some(&b'/'));
    // GitHub takes a token in the place of the user, too.
    if password == b"x-oauth-basic" {
        return judge_token(view, user, colon);
    }
    Value {
        start,
        end,
        whole: true,
        ending: value.ending,
    }
    .verdict(view, secret)
}

/// `<bot id>:AA...`, the colon standing at `at`.
pub(super) fn judge_telegram(view: View<'_>, at: usize) -> Judged {
    if !(1..=6).all(|back| view.before(at, back).is_ascii_digit())
        || view.hay[at + 1..at + 3] != *b"AA"
    {
        return Err(Stop::No);
    }
    let value = Value::find(view, at + 1, Ending::Class(WORD.with(b"-")))?;
    let bytes = value.bytes(view);
    let secret = bytes.len() >= 25 && strength::is_token(bytes, Place::Quoted);
    value.verdict(view, secret)
}

/// `sig=<signature>`.
pub(super) fn judge_signature(view: View<'_>, at: usize, after: usize) -> Judged {
    if !view.word_begins(at) {
        return Err(Stop::No);
    }
    let value = Value::find(view, after, Ending::Class(SIGNATURE))?;
    let bytes = value.bytes(view);
    // A percent sign at the beginning is that of an escape.
    let escape = usize::from(bytes.starts_with(b"%"));
    let secret =
        bytes.len() >= SIGNATURE_MIN && strength::is_token(&bytes[escape..], Place::Quoted);
    value.verdict(view, secret)
}
