//! Secrets that a phrase gives away: words of a wallet, the name and the password of an account in prose.
//!
//! Not for a name with a sign behind it: that is an assignment.

use crate::class::{Class, WORD};
use crate::context::strength::{self, Place};
use crate::context::value::Ending;
use crate::context::{Judged, Stop, Value};
use crate::view::View;

/// Fewest words of a mnemonic.
const WORDS_MIN: usize = 12;
/// So many words are likely to be one that is arriving.
const LIKELY_MIN: usize = 4;
/// Shortest and longest word of the usual lists.
const WORD_LENGTHS: std::ops::RangeInclusive<usize> = 3..=8;
/// Most signs between the name of a mnemonic and its first word.
const SIGNS_MAX: usize = 16;
/// Longest name of an account.
const USER_MAX: usize = 64;
/// Most white space between two words.
const SPACE_MAX: usize = 8;

const SPACE: Class = Class::EMPTY.with(b" \t");
const SIGNS: Class = SPACE.with(b":=\"'`\\,[>");
const WORDS: Class = Class::EMPTY.range(b'a', b'z').with(b" ");
const USER: Class = WORD.with(b"-.@+\\");

/// `mnemonic: word word word ...`, the cue ending at `after`.
pub(super) fn judge_mnemonic(view: View<'_>, after: usize) -> Judged {
    let start = view.run(&SIGNS, after, SIGNS_MAX).ok_or(Stop::More)?;
    if start == after {
        return Err(Stop::No);
    }
    let mut value = Value::find(view, start, Ending::Class(WORDS)).map_err(|stop| match stop {
        // Few words are prose more often than the beginning of a mnemonic.
        Stop::Arriving(start, _)
            if memchr::memchr_iter(b' ', &view.hay[start..]).count() < LIKELY_MIN =>
        {
            Stop::Held(start)
        }
        stop => stop,
    })?;
    if value.whole {
        let trailing = value.bytes(view).iter().rev();
        value.end -= trailing.take_while(|byte| **byte == b' ').count();
    }
    let words = || value.bytes(view).split(|byte| *byte == b' ');
    // The last word of what is judged by its beginning may be cut.
    let judged = words().count() - usize::from(!value.whole);
    let secret = judged >= WORDS_MIN
        && words()
            .take(judged)
            .all(|word| WORD_LENGTHS.contains(&word.len()));
    value.verdict(view, secret)
}

/// `login admin / secret`, `credentials: admin:secret`, the cue ending at `after`.
pub(super) fn judge_login(view: View<'_>, at: usize, after: usize) -> Judged {
    if !view.word_begins(at) {
        return Err(Stop::No);
    }
    let space = |at, class: &Class| view.run(class, at, SPACE_MAX).ok_or(Stop::More);
    let mut user = space(after, &SPACE.with(b":=`\"'"))?;
    let with = super::expect(view, user, "with ");
    match with {
        Ok(behind) => user = space(behind, &SPACE)?,
        Err(Stop::No) => {}
        Err(stop) => return Err(stop),
    }
    let end = view.run(&USER, user, USER_MAX).ok_or(Stop::More)?;
    if user == after || end == user {
        return Err(Stop::No);
    }
    let sign = space(end, &SPACE)?;
    match view.hay.get(sign) {
        None if !view.eof => return Err(Stop::More),
        Some(b'/') => {}
        Some(b':') if sign == end => {}
        _ => return Err(Stop::No),
    }
    let start = space(sign + 1, &SPACE)?;
    let value = Value::find(view, start, Ending::Bare).map_err(|stop| match stop {
        Stop::Arriving(start, _) => Stop::Held(start),
        stop => stop,
    })?;
    let bytes = value.bytes(view);
    let secret = strength::is_strong(bytes)
        || (bytes.len() >= 8
            && !bytes.contains(&b'/')
            && strength::is_password(bytes, Place::Bare)
            && strength::is_token(bytes, Place::Quoted));
    value.verdict(view, secret)
}
