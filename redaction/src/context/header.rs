//! Headers that carry credentials, as they stand in requests, logs, commands and code.
//!
//! Not for headers with names of their own (`X-Api-Key`): those are assignments.

use crate::class::{Class, WORD};
use crate::context::strength::{self, Place, Traits};
use crate::context::value::Ending;
use crate::context::{Judged, Stop, Value, expect};
use crate::view::View;

/// Most signs and white space between a header's name and its value.
const SIGNS_MAX: usize = 16;
/// So much of a cookie header is searched for a value that looks like a credential.
const COOKIE_MAX: usize = 96;
/// Longest rest of a header's name, and longest signature that is looked at for a label before it.
const NAME_MAX: usize = 24;
/// Longest label of a signature.
const LABEL_MAX: usize = 12;
/// Shortest signature of a message.
const SIGNATURE_MIN: usize = 32;
/// Shortest credential.
const CREDENTIAL_MIN: usize = 8;

/// What a credential is made of.
const CREDENTIAL: Class = WORD.with(b"-.~+/=");
/// What may stand between a header's name and its value, also in code and in escaped text.
const SIGNS: Class = Class::EMPTY.with(b" \t:=\"'`,\\()]>");
const SPACE: Class = Class::EMPTY.with(b" \t");
const COOKIE_NAME: Class = WORD.with(b"-.%");
/// A header's value in text: to the end of the line or the quote around it.
const LINE: Class = Class::EMPTY.range(0, 0x1f).with(b"\"'`\\").not();
const SCHEMES: [&str; 17] = [
    "basic",
    "bearer",
    "token",
    "apikey",
    "bot",
    "key",
    "negotiate",
    "digest",
    "ssws",
    "genie-key",
    "geniekey",
    "splunk",
    "klaviyo-api-key",
    "aws",
    "sharedkey",
    "sharedkeylite",
    "pve",
];

/// `Authorization: <scheme> <credential>`, the name ending at `after`.
pub(super) fn judge_authorization(view: View<'_>, after: usize) -> Judged {
    let start = signs(view, after)?;
    let Some(word) = view.run(&WORD.with(b"-"), start, 24) else {
        return Err(Stop::Arriving(start, Ending::Class(CREDENTIAL)));
    };
    let scheme = &view.hay[start..word];
    let known = SCHEMES
        .iter()
        .any(|name| scheme.eq_ignore_ascii_case(name.as_bytes()));
    if !known {
        // Some services take the bare key.
        let value = Value::find(view, start, Ending::Class(CREDENTIAL))?;
        let secret =
            strength::is_token(value.bytes(view), Place::Quoted) && value.end - value.start >= 16;
        return value.verdict(view, secret);
    }
    let start = view.run(&SPACE, word, SIGNS_MAX).ok_or(Stop::More)?;
    if start == word {
        return if view.hay.len() == word && !view.eof {
            Err(Stop::More)
        } else {
            Err(Stop::No)
        };
    }
    // `AWS id:signature`, `SharedKey account:signature`
    let pair = [&b"aws"[..], b"sharedkey", b"sharedkeylite"];
    if pair.iter().any(|name| scheme.eq_ignore_ascii_case(name)) {
        let name = view.run(&CREDENTIAL, start, 96).ok_or(Stop::More)?;
        return credential(view, expect(view, name, ":")?, is_credential);
    }
    let basic = scheme.eq_ignore_ascii_case(b"basic");
    credential(view, start, if basic { is_basic } else { is_credential })
}

/// `Bearer <credential>` anywhere.
pub(super) fn judge_bearer(view: View<'_>, at: usize, after: usize) -> Judged {
    if !view.word_begins(at) {
        return Err(Stop::No);
    }
    let start = view.run(&SPACE, after, SIGNS_MAX).ok_or(Stop::More)?;
    credential(view, start, |value| {
        value.len() >= 16 && is_credential(value)
    })
}

fn credential(view: View<'_>, start: usize, is_secret: impl Fn(&[u8]) -> bool) -> Judged {
    let value = Value::find(view, start, Ending::Class(CREDENTIAL))?;
    let secret = is_secret(value.bytes(view));
    value.verdict(view, secret)
}

/// A credential behind its scheme: anything that is no name and no placeholder.
fn is_credential(value: &[u8]) -> bool {
    value.len() >= CREDENTIAL_MIN
        && (value.iter().any(u8::is_ascii_digit) || Traits::of(value).random())
        && !strength::is_placeholder(value)
        && (value.len() >= 16
            || strength::is_token(value, Place::Quoted)
            || strength::is_chosen(value, Place::Literal))
}

/// Base64 of `user:password`.
fn is_basic(value: &[u8]) -> bool {
    use base64::Engine as _;
    let bare = value
        .iter()
        .position(|byte| *byte == b'=')
        .map_or(value, |end| &value[..end]);
    // A long one is judged by its beginning, which must be cut at a whole group.
    let whole = if bare.len() > 64 { &bare[..64] } else { bare };
    let decoded = base64::engine::general_purpose::STANDARD_NO_PAD.decode(whole);
    value.len() >= CREDENTIAL_MIN
        && decoded.is_ok_and(|text| {
            text.contains(&b':') && text.iter().all(|byte| !byte.is_ascii_control())
        })
}

/// `Cookie: name=value; name=value`: all of it.
pub(super) fn judge_cookie(view: View<'_>, at: usize, after: usize) -> Judged {
    // `Set-Cookie` has a rule of its own.
    if view.before(at, 1) == b'-' {
        return Err(Stop::No);
    }
    let start = signs(view, after)?;
    let value = Value::find_within(view, start, Ending::Class(LINE), COOKIE_MAX)?;
    let bytes = value.bytes(view);
    let secret = bytes.iter().any(u8::is_ascii_digit)
        && bytes.split(|byte| *byte == b';').any(|pair| {
            let mut halves = pair.trim_ascii().splitn(2, |byte| *byte == b'=');
            let name = halves.next().unwrap_or_default();
            let is_name = || !name.is_empty() && name.iter().all(|byte| COOKIE_NAME.has(*byte));
            halves.next().is_some_and(is_cookie) && is_name()
        });
    value.verdict(view, secret)
}

/// `Set-Cookie: name=value; Path=/`: the value.
pub(super) fn judge_set_cookie(view: View<'_>, after: usize) -> Judged {
    let name = signs(view, after)?;
    let end = view.run(&WORD.with(b"-."), name, 64).ok_or(Stop::More)?;
    let start = expect(view, end, "=")?;
    let value = Value::find(
        view,
        start,
        Ending::Class(CREDENTIAL.with(b"%:|!*$&#@^(){}[]?~")),
    )?;
    let secret = end > name && is_cookie(value.bytes(view));
    value.verdict(view, secret)
}

/// `X-Signature: <hex or base64>`, `Stripe-Signature: t=..,v1=<hex>`, the cue standing at `at`.
pub(super) fn judge_signature(view: View<'_>, at: usize) -> Judged {
    let part = view.hay[at] == b'-';
    if !part && !view.word_begins(at) {
        return Err(Stop::No);
    }
    let after = at + usize::from(part) + "signature".len();
    let name = view
        .run(&WORD.with(b"-"), after, NAME_MAX)
        .ok_or(Stop::More)?;
    // `?signature=...` has a rule of its own.
    if view.hay.get(name) == Some(&b'=') {
        return Err(Stop::No);
    }
    let mut start = signs(view, name)?;
    // `sha256=`, `v0=`, `t=1700000000,v1=`
    for _ in 0..2 {
        let end = view
            .run(&WORD, start, NAME_MAX)
            .ok_or(Stop::Arriving(start, Ending::Class(CREDENTIAL)))?;
        match view.hay.get(end) {
            None if !view.eof => return Err(Stop::Arriving(start, Ending::Class(CREDENTIAL))),
            Some(b'=') if end - start < LABEL_MAX => {}
            _ => break,
        }
        let value = view.run(&WORD, end + 1, NAME_MAX);
        match value.map(|to| (to, view.hay.get(to))) {
            Some((to, Some(b','))) if to - end < LABEL_MAX + 4 => start = to + 1,
            None => return Err(Stop::Arriving(end + 1, Ending::Class(CREDENTIAL))),
            _ => {
                start = end + 1;
                break;
            }
        }
    }
    credential(view, start, |value| {
        value.len() >= SIGNATURE_MIN && strength::is_token(value, Place::Quoted)
    })
}

fn is_cookie(value: &[u8]) -> bool {
    value.len() >= CREDENTIAL_MIN
        && value.iter().any(u8::is_ascii_digit)
        && !strength::is_placeholder(value)
}

/// Skips the signs behind a header's name, of which one must separate.
fn signs(view: View<'_>, after: usize) -> Judged<usize> {
    let start = view.run(&SIGNS, after, SIGNS_MAX).ok_or(Stop::More)?;
    let separated = view.hay[after..start]
        .iter()
        .any(|byte| matches!(byte, b':' | b'=' | b','));
    if separated { Ok(start) } else { Err(Stop::No) }
}
