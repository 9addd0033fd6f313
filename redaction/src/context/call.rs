//! Credentials among the arguments of a call, and in what is piped into a command.
//!
//! Not for arguments whose name stands before them: those are assignments.

use crate::class::Class;
use crate::context::strength::{self, Place};
use crate::context::value::Ending;
use crate::context::{Judged, Stop, Value, expect, is_marked};
use crate::view::View;

/// Longest argument before the secret.
const ARGUMENT_MAX: usize = 96;
/// Most white space between two arguments.
const SPACE_MAX: usize = 8;

const SPACE: Class = Class::EMPTY.with(b" \t");
/// What an argument that is skipped is made of.
const ARGUMENT: Class = Class::EMPTY.range(b' ', 0x7e).minus(b",()[]{};");

/// Commands that read a secret from the pipe that it is echoed into.
const READERS: [&str; 9] = [
    "docker login",
    "podman login",
    "helm registry login",
    "sudo -S",
    "passwd",
    "chpasswd",
    "gh auth login",
    "cryptsetup",
    "kinit",
];

/// `HTTPBasicAuth('user', 'secret')`, the cue with its bracket standing at `at..after`.
pub(super) fn judge_call(view: View<'_>, at: usize, after: usize) -> Judged {
    let skipped = if view.hay[at..after].eq_ignore_ascii_case(b"getconnection(") {
        2
    } else {
        1
    };
    let mut from = after;
    for _ in 0..skipped {
        let end = view.run(&ARGUMENT, from, ARGUMENT_MAX).ok_or(Stop::More)?;
        let comma = expect(view, end, ",")?;
        from = view.run(&SPACE, comma, SPACE_MAX).ok_or(Stop::More)?;
    }
    let from = match expect(view, from, "some(") {
        Err(Stop::No) => from,
        found => found?,
    };
    let quote = match view.hay.get(from) {
        Some(quote @ (b'"' | b'\'')) => *quote,
        None if !view.eof => return Err(Stop::More),
        _ => return Err(Stop::No),
    };
    let value = Value::find(view, from + 1, Ending::Quote(quote, 0))?;
    let secret = strength::is_password(value.bytes(view), Place::Quoted);
    value.verdict(view, secret)
}

/// `echo secret | reader`, the `echo ` standing at `at..after`.
pub(super) fn judge_echo(view: View<'_>, at: usize, after: usize) -> Judged {
    if !view.word_begins(at) {
        return Err(Stop::No);
    }
    let start = match expect(view, after, "-n ") {
        Err(Stop::No) => after,
        found => found?,
    };
    let (start, ending) = match view.hay.get(start) {
        Some(quote @ (b'"' | b'\'')) => (start + 1, Ending::Quote(*quote, 0)),
        Some(b'$' | b'-' | b'\\') => return Err(Stop::No),
        Some(_) => (start, Ending::Variable),
        None => return Err(Stop::More),
    };
    let value = Value::find(view, start, ending)?;
    // Until the reader is there, what was echoed may be a secret.
    let held = |stop| match stop {
        Stop::More => Stop::Held(start),
        stop => stop,
    };
    let quote = usize::from(matches!(ending, Ending::Quote(..)));
    let pipe = view
        .run(&SPACE, value.end + quote, SPACE_MAX)
        .ok_or(Stop::Held(start))?;
    let reader = view
        .run(&SPACE, expect(view, pipe, "|").map_err(held)?, SPACE_MAX)
        .ok_or(Stop::Held(start))?;
    if reader == pipe {
        return Err(Stop::No);
    }
    let mut found = false;
    for name in READERS {
        match expect(view, reader, name) {
            Ok(_) => found = true,
            Err(Stop::No) => {}
            Err(stop) => return Err(held(stop)),
        }
    }
    let bytes = value.bytes(view);
    // `user:password` for chpasswd.
    let user = match view.hay[reader..].starts_with(b"ch") {
        true => memchr::memchr(b':', bytes).map_or(0, |colon| colon + 1),
        false => 0,
    };
    // A marker has a colon, too.
    let secret =
        found && !is_marked(bytes) && strength::is_password(&bytes[user..], Place::Literal);
    Value {
        start: value.start + user,
        ..value
    }
    .verdict(view, secret)
}
