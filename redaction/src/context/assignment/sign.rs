//! What stands between a name and its value: the sign, a type, an opening quote.
//!
//! Not for what the value is.

use crate::class::{Class, WORD};
use crate::context::assignment::Name;
use crate::context::strength::Traits;
use crate::context::value::Ending;
use crate::context::{Judged, Kind, Stop, expect};
use crate::view::View;

/// Most white space before and after a sign.
const SPACE_MAX: usize = 40;
/// Longest type between a name and the sign: `password: Option<&'static str> = "..."`.
const TYPE_MAX: usize = 40;

/// Most words between a name and its value in prose, and the longest of them.
const WORDS_MAX: usize = 7;
const OWNER_MAX: usize = 40;
/// Most words behind `for`.
const OWNER_WORDS: u8 = 2;
/// Shortest secret behind its name without a sign.
const NEIGHBOUR_MIN: usize = 6;
const PROSE: Class = WORD.with(b"-.@'`");

/// What may stand before the value in a block, each on a line of its own.
const OTHERS: [&[u8]; 4] = [b"type", b"description", b"sensitive", b"nullable"];
const OTHERS_MAX: usize = 3;
const LINE_MAX: usize = 120;
const LINE: Class = Class::EMPTY.with(b"\r\n{}").not();

/// Most words of a type.
const TYPE_WORDS: usize = 3;

const SPACE: Class = Class::EMPTY.with(b" \t");
const VALUE_SPACE: Class = SPACE.with(b"*");
const IS_SPACE: Class = SPACE.with(b":");
const MARKS: Class = Class::EMPTY.with(b"brfuLRN@$");
const BACKSLASH: Class = Class::EMPTY.with(b"\\");
const TYPE: Class = WORD.with(b"&'<>: []?|*.,");
/// What may stand between a name that is a value itself, and the word `value`.
const PAIR_SPACE: Class = SPACE.with(b"\r\n,\"'\\");
const CLOSER: Class = SPACE.with(b"\"'`\\");

/// The sign of an assignment.
#[derive(Clone, Copy)]
pub(super) struct Sign {
    /// Its last byte; a space when there is none.
    pub(super) byte: u8,
    /// Where the value may begin, white space skipped.
    pub(super) value: usize,
    /// Whether it stands without white space around.
    pub(super) tight: bool,
    /// Whether only a string in quotes can be the value.
    pub(super) quoted: bool,
    /// Whether it stands between a key and its value, as in JSON: the name closed by a quote, then a colon.
    pub(super) entry: bool,
    /// Whether name and value may be no more than neighbours in a list.
    pub(super) list: bool,
}

/// Finds the sign between `name` and its value.
pub(super) fn sign(view: View<'_>, name: Name, kind: Kind) -> Judged<Sign> {
    if let Some(found) = pair(view, name.end)? {
        return Ok(found);
    }
    let at = view.run(&SPACE, name.end, SPACE_MAX).ok_or(Stop::More)?;
    let spaced = at > name.end;
    let rest = &view.hay[at..];
    let width = match rest {
        // A sign, or the beginning of a value that stands without one.
        [b'!' | b'?' | b'|' | b'%' | b'('] | [b'%', b'3'] if !view.eof && spaced => {
            return Err(Stop::Arriving(at, Ending::Bare));
        }
        []
        | [b'=' | b':' | b'!' | b'?' | b'|' | b'%' | b'(']
        | [b'=' | b'!', b'=']
        | [b'%', b'3']
        | [b'<']
            if !view.eof =>
        {
            return Err(Stop::More);
        }
        [b'=' | b'!', b'=', b'=', ..] | [b'%', b'3', b'D' | b'd' | b'A' | b'a', ..] => 3,
        [b'=', b'=' | b'>', ..] | [b':' | b'!' | b'?', b'=', ..] => 2,
        // What stands in for a variable that is not set.
        [b':', b'-', ..] if name.upper => 2,
        [b'|', b'|', ..] | [b'?', b'?', ..] if spaced => 2,
        // A cell of a table.
        [b'|', b' ', ..] if spaced => 1,
        [b'<', b'/', ..] if !spaced => return element(view, at + 2),
        [b':', b':', ..] => return Err(Stop::No),
        [b'=' | b':', ..] => 1,
        [b',', ..] if name.closed => 1,
        [b'>', ..] if !spaced => 1,
        [b'(', ..]
            if !spaced && name.bare && !name.closed && !name.upper && kind != Kind::PassWord =>
        {
            1
        }
        // `PASSWORD 'secret'`, as databases have it, `:password "secret"`, and prose that quotes one.
        [b'\'' | b'"', ..] if spaced && !name.closed && kind != Kind::PassWord => 0,
        // `PASSWORD('secret')`
        [b'(', b'\'', ..] if name.upper && matches!(kind, Kind::Password) => 1,
        // A block that has the value in it, as in Terraform.
        [b'{', ..] if spaced && name.closed => 0,
        [byte, ..] if spaced && !name.flag && !name.upper && byte.is_ascii_alphanumeric() => {
            match says(view, at, kind)? {
                Some(found) => return Ok(found),
                None if name.closed || !may_neighbour(kind) || is_short(rest) => {
                    return Err(Stop::No);
                }
                None => 0,
            }
        }
        _ if (name.flag || name.upper) && spaced && !name.closed => 0,
        _ => return Err(Stop::No),
    };
    let end = at + width;
    let value = view.run(&VALUE_SPACE, end, SPACE_MAX).ok_or(Stop::More)?;
    let byte = match width {
        0 => b' ',
        1 => rest[0],
        _ => b'=',
    };
    let quoted = matches!(byte, b',' | b'(')
        || matches!(
            rest,
            [b'\'' | b'"', ..] | [b'|', b'|', ..] | [b'?', b'?', ..]
        );
    // `setenv API_TOKEN ...` and prose in capitals look alike.
    // `:password "secret"` names its value, prose only speaks of it.
    let double = width == 0 && rest.first() == Some(&b'"') && !name.keyword;
    let neighbours = byte == b' ' && !name.flag && (!quoted || double);
    let list = neighbours || (byte == b',' && !name.upper && !name.flag);
    Ok(Sign {
        byte,
        value,
        tight: !spaced && value == end,
        quoted,
        entry: byte == b':' && name.closed && name.bare,
        list,
    })
}

/// `<key>ApiToken</key><string>...`: the sign of the value; the name of the first element's end stands at `at`.
fn element(view: View<'_>, at: usize) -> Judged<Sign> {
    let close = expect(view, at, "key>")?;
    let next = view
        .run(&SPACE.with(b"\r\n"), close, SPACE_MAX)
        .ok_or(Stop::More)?;
    let value = expect(view, next, "<string>")?;
    Ok(Sign {
        byte: b'>',
        value,
        tight: false,
        quoted: false,
        entry: false,
        list: false,
    })
}

/// Whether a value of this kind may stand behind its name without a sign.
fn may_neighbour(kind: Kind) -> bool {
    matches!(kind, Kind::Password | Kind::Token | Kind::Secret)
}

/// Whether a word of `rest` ends before it is as long as any secret.
fn is_short(rest: &[u8]) -> bool {
    let near = &rest[..rest.len().min(NEIGHBOUR_MIN)];
    near.iter().any(|byte| byte.is_ascii_whitespace())
}

/// `the password is ...`, `the password for root was changed to ...`: the sign of the value, when words lead to one.
fn says(view: View<'_>, mut at: usize, kind: Kind) -> Judged<Option<Sign>> {
    /// Words that stand between a name and its value, in any order.
    const LEADING: [&[u8]; 12] = [
        b"has",
        b"been",
        b"now",
        b"set",
        b"changed",
        b"reset",
        b"updated",
        b"rotated",
        b"currently",
        b"generated",
        b"created",
        b"assigned",
    ];
    let first = at;
    let (mut owner, mut owned, mut led, mut verb, mut list) = (0, false, false, false, false);
    for _ in 0..WORDS_MAX {
        // The first word may be the value itself.
        let open = match (verb, at == first) {
            (true, _) => Stop::Arriving(at, Ending::Bare),
            (false, true) => Stop::Held(at),
            (false, false) => Stop::More,
        };
        let end = view.run(&PROSE, at, OWNER_MAX);
        let Some((end, next)) =
            end.and_then(|end| Some((end, view.run(&IS_SPACE, end, SPACE_MAX)?)))
        else {
            return Err(open);
        };
        let word = &view.hay[at..end];
        if next == end || word.is_empty() {
            break;
        }
        let is = |text: &[u8]| word.eq_ignore_ascii_case(text);
        let leading = LEADING.iter().any(|text| is(text));
        if is(b"is") || is(b"was") || (is(b"to") && led) {
            verb = true;
        } else if is(b"to") && kind == Kind::Password {
            verb = true;
            list = true;
        } else if (is(b"for") || is(b"of")) && !owned {
            owned = true;
            owner = OWNER_WORDS;
        } else if !leading {
            // Behind a verb this is the value; else it belongs to who has the secret, or to something else.
            if owner == 0 {
                break;
            }
            owner -= 1;
        }
        led |= leading;
        let told = view.hay[end..next].contains(&b':');
        at = next;
        verb |= told;
        if told {
            break;
        }
    }
    Ok(verb.then_some(Sign {
        byte: if list { b' ' } else { b'i' },
        value: at,
        tight: false,
        quoted: false,
        entry: false,
        list,
    }))
}

/// `name: API_TOKEN`, `value: ...` on the next line; `key="ApiKey" value="..."`: the sign of the value.
fn pair(view: View<'_>, from: usize) -> Judged<Option<Sign>> {
    if view
        .hay
        .get(from)
        .is_some_and(|byte| !PAIR_SPACE.has(*byte))
    {
        return Ok(None);
    }
    let end = view.run(&PAIR_SPACE, from, SPACE_MAX);
    // Behind a quote a value may begin, even with white space.
    let skipped = &view.hay[from..end.unwrap_or(view.hay.len())];
    let quote = skipped.iter().position(|byte| matches!(byte, b'"' | b'\''));
    let quoted = quote.map(|index| from + index + 1);
    let Some(at) = end else {
        return Err(quoted.map_or(Stop::More, |start| Stop::Arriving(start, Ending::Bare)));
    };
    if at == from {
        return Ok(None);
    }
    // Until the whole word is there, it may as well be the beginning of a value.
    let arriving = || Stop::Arriving(quoted.unwrap_or(at), Ending::Bare);
    let word = match expect(view, at, "value") {
        Ok(word) => word,
        Err(Stop::No) => return Ok(None),
        Err(_) => return Err(arriving()),
    };
    let sign = view.run(&CLOSER, word, SPACE_MAX).ok_or_else(arriving)?;
    let byte = match view.hay.get(sign) {
        Some(byte @ (b'=' | b':')) => *byte,
        None if !view.eof => return Err(arriving()),
        _ => return Ok(None),
    };
    let value = view.run(&SPACE, sign + 1, SPACE_MAX).ok_or_else(arriving)?;
    Ok(Some(Sign {
        byte,
        value,
        tight: false,
        quoted: false,
        entry: false,
        list: false,
    }))
}

/// `{ "value": "..." }` and `{ default = "..." }` behind the sign: the sign of the value in there.
pub(super) fn nested(view: View<'_>, sign: Sign) -> Judged<Option<Sign>> {
    if view.hay.get(sign.value) != Some(&b'{') {
        return Ok(None);
    }
    let space = PAIR_SPACE.minus(b",\\");
    let mut at = view
        .run(&space, sign.value + 1, SPACE_MAX)
        .ok_or(Stop::More)?;
    // `type = string` and the like may come first.
    for _ in 0..OTHERS_MAX {
        let word = view.run(&WORD, at, TYPE_MAX).ok_or(Stop::More)?;
        if !OTHERS.contains(&&view.hay[at..word]) {
            break;
        }
        let end = view.run(&LINE, word, LINE_MAX).ok_or(Stop::More)?;
        at = view.run(&space, end, SPACE_MAX).ok_or(Stop::More)?;
    }
    let word = match expect(view, at, "value") {
        Err(Stop::No) => expect(view, at, "default"),
        found => found,
    };
    let word = match word {
        Ok(word) => word,
        Err(Stop::No) => return Ok(None),
        Err(stop) => return Err(stop),
    };
    let end = view.run(&CLOSER, word, SPACE_MAX).ok_or(Stop::More)?;
    let byte = match view.hay.get(end) {
        Some(byte @ (b'=' | b':')) => *byte,
        None if !view.eof => return Err(Stop::More),
        _ => return Ok(None),
    };
    let value = view.run(&SPACE, end + 1, SPACE_MAX).ok_or(Stop::More)?;
    Ok(Some(Sign {
        byte,
        value,
        tight: false,
        quoted: true,
        entry: false,
        list: false,
    }))
}

/// What may wrap a string in code, `Some("...")`: where the quote stands.
fn wrapper(view: View<'_>, at: usize) -> Judged<usize> {
    const WRAPPERS: [&[u8]; 12] = [
        b"Some(",
        b"Ok(",
        b"Just(",
        b"SecretString::from(",
        b"SecretString::new(",
        b"Secret::new(",
        b"SecretStr(",
        b"String::from(",
        b"Buffer.from(",
        b"quote(",
        b"[",
        b"[ ",
    ];
    let rest = &view.hay[at..];
    if !matches!(rest.first(), Some(b'S' | b'O' | b'J' | b'B' | b'q' | b'[')) {
        return Ok(at);
    }
    let mut wrapped = at;
    for wrapper in WRAPPERS {
        if rest.starts_with(wrapper) {
            wrapped = at + wrapper.len();
        } else if wrapper.starts_with(rest) && !view.eof && !rest.is_empty() {
            return Err(Stop::Arriving(at, Ending::Bare));
        }
    }
    Ok(wrapped)
}

/// The quote that opens a value at `at`, behind the letters that may mark a string: where the value begins, and how it
/// ends.
pub(super) fn opening(view: View<'_>, at: usize) -> Judged<Option<(usize, Ending)>> {
    let inner = wrapper(view, at)?;
    let marks = inner + MARKS.run(view.hay, inner, 2);
    let quote = marks + BACKSLASH.run(view.hay, marks, 8);
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
pub(super) fn typed(view: View<'_>, at: usize) -> Judged<Option<usize>> {
    let arriving = || Stop::Arriving(at, Ending::Bare);
    let near = view.hay.get(at..=at + TYPE_MAX);
    if near.is_some_and(|near| memchr::memchr(b'=', near).is_none()) {
        return Ok(None);
    }
    let end = at + TYPE.run(view.hay, at, TYPE_MAX);
    match &view.hay[end..] {
        [] | [b'='] if !view.eof => Err(arriving()),
        [b'=', next, ..] if !matches!(next, b'=' | b'>') && is_type(&view.hay[at..end]) => view
            .run(&SPACE, end + 1, SPACE_MAX)
            .map(Some)
            .ok_or_else(arriving),
        _ => Ok(None),
    }
}

/// A type and the space behind it, and no value.
fn is_type(text: &[u8]) -> bool {
    let mut words = text.split(|byte| *byte == b' ');
    text.ends_with(b" ")
        && words.clone().count() <= TYPE_WORDS + 1
        && !words.any(|word| Traits::of(word).random())
}
