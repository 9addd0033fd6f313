//! Whether a value behind a cue is a secret, or code, a name, a placeholder.
//!
//! Not a measure of how good a secret is.

use crate::class::ARMOUR;
use crate::context::value::VALUE_MAX;
use crate::context::words;

/// What a value consists of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Traits {
    length: usize,
    lower: usize,
    upper: usize,
    digits: usize,
    /// Printable ASCII that names and paths do not have.
    special: usize,
    spaces: usize,
    /// Changes between letters and digits.
    turns: usize,
    /// Changes from lower to upper case within a word.
    humps: usize,
    /// Pairs of letters.
    pairs: usize,
    /// Pairs of letters that are usual in English, and so in names.
    usual: usize,
}

/// Where a value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In quotes.
    Quoted,
    /// Behind `NAME=`, a command-line flag or a key of a connection string: taken literally by what reads it.
    Literal,
    /// Without quotes, where code and prose stand too.
    Bare,
}

/// Sorts of bytes: letters first.
const LOWER: u8 = 0;
const UPPER: u8 = 1;
const DIGIT: u8 = 2;
const SPACE: u8 = 3;
/// Joints of names and words of other languages.
const NEUTRAL: u8 = 4;
const SPECIAL: u8 = 5;
const SORTS: usize = 6;

/// The sort of each byte.
const SORT: [u8; 256] = {
    let mut table = [SPECIAL; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'a'..=b'z' => LOWER,
            b'A'..=b'Z' => UPPER,
            b'0'..=b'9' => DIGIT,
            b' ' | b'\t' => SPACE,
            b'_' | b'-' | b'.' | b'/' | b':' | b',' | b'=' | b'+' | 0x80.. => NEUTRAL,
            _ => SPECIAL,
        };
        byte += 1;
    }
    table
};

impl Traits {
    /// Counts through `value`.
    pub(super) fn of(value: &[u8]) -> Traits {
        let mut counts = [0; SORTS];
        let (mut turns, mut humps, mut pairs, mut usual) = (0, 0, 0, 0);
        let (mut last, mut before) = (b' ', SPACE);
        let mut at = 0;
        while let Some(byte) = value.get(at).copied() {
            at += 1;
            let sort = SORT[usize::from(byte)];
            // A percent escape says nothing about its text.
            if byte == b'%'
                && matches!(value[at..], [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit())
            {
                at += 2;
            } else {
                counts[usize::from(sort)] += 1;
            }
            if sort <= UPPER && before <= UPPER {
                pairs += 1;
                usual += usize::from(is_usual(last, byte));
                humps += usize::from(before == LOWER && sort == UPPER);
            } else {
                turns += usize::from(
                    (before == DIGIT && sort <= UPPER) || (before <= UPPER && sort == DIGIT),
                );
            }
            (last, before) = (byte, sort);
        }
        let count = |sort: u8| counts[usize::from(sort)];
        Traits {
            length: value.len(),
            lower: count(LOWER),
            upper: count(UPPER),
            digits: count(DIGIT),
            special: count(SPECIAL),
            spaces: count(SPACE),
            turns,
            humps,
            pairs,
            usual,
        }
    }

    /// Whether its pairs of letters are mostly those of words: `X509CertificateFlag`.
    fn readable(&self) -> bool {
        self.pairs >= 8 && self.usual * 100 >= self.pairs * 50
    }

    /// Whether its pairs of letters are hardly ever those of words: `NfXRoafADKMOKlUZe`.
    fn unreadable(&self) -> bool {
        self.pairs >= 8 && self.usual * 100 < self.pairs * 30
    }

    fn letters(&self) -> usize {
        self.lower + self.upper
    }

    /// Whether letters and digits alternate more than names do.
    pub(super) fn random(&self) -> bool {
        if self.length >= 20 && self.pairs >= 8 && self.usual * 100 < self.pairs * 32 {
            return true;
        }
        self.letters() > 0
            && (self.turns >= 3
                || (self.turns >= 2 && self.length <= 12)
                || (self.turns + self.humps >= 4 && self.digits > 0 && !self.readable()))
    }
}

/// The usual pairs of letters in English, by their first letter: one bit for each second letter. In names and words
/// more than half of all pairs are among them, in random text one in six.
const USUAL: [u32; 26] = {
    let pairs = b"thheineranreonatenndtiesorteofedisitalarsttontngsehaasouiolevecomedehiriroicneearacelichllbemasi\
        omurcaeltalansdifohopeecprnoctusacotiltrlyncetutsssorsunlowageieeewiemadolrtpowenaulnitsmoowpaim\
        miaishirsuidosiviaamficivipligtuevldrympkeeyayexckgiag";
    let mut table = [0; 26];
    let mut at = 0;
    while at + 1 < pairs.len() {
        table[(pairs[at] - b'a') as usize] |= 1 << (pairs[at + 1] - b'a');
        at += 2;
    }
    table
};

fn is_usual(first: u8, second: u8) -> bool {
    let (first, second) = (first | 0x20, second | 0x20);
    USUAL[usize::from(first - b'a')] >> (second - b'a') & 1 == 1
}

/// Whether the letters of `value` are in no order that words have.
pub(crate) fn is_unreadable(value: &[u8]) -> bool {
    Traits::of(value).unreadable()
}

/// Shannon entropy in bits a byte.
fn entropy(value: &[u8]) -> f32 {
    let mut counts = [0u16; 128];
    for byte in value {
        counts[usize::from(byte & 0x7f)] += 1;
    }
    let length = value.len() as f32;
    let seen = counts.iter().filter(|count| **count > 0);
    seen.map(|count| f32::from(*count) / length)
        .map(|share| -share * share.log2())
        .sum()
}

/// Whether `value` is what a person or a machine chose as a password.
pub(super) fn is_password(value: &[u8], place: Place) -> bool {
    // Most of what stands behind a cue in prose is the next word.
    if value.len() < 6 || (place == Place::Bare && value.iter().all(u8::is_ascii_lowercase)) {
        return false;
    }
    let traits = Traits::of(value);
    let plausible = match place {
        Place::Quoted if traits.spaces > 0 => {
            traits.digits > 0 && traits.special > 0 && traits.spaces <= 4
        }
        _ if traits.spaces > 0 => false,
        Place::Bare => {
            (traits.digits > 0 && traits.letters() >= if traits.special > 0 { 1 } else { 3 })
                || (traits.lower > 1 && traits.upper > 1 && traits.unreadable())
        }
        Place::Literal if traits.special > 0 || traits.digits > 0 => true,
        // A word in capitals is a name for what should stand there.
        Place::Literal => traits.lower > 0 && (!is_name(value) || is_phrase(value)),
        Place::Quoted if traits.digits > 0 => {
            traits.letters() > 0 || traits.digits.max(8) == value.len()
        }
        Place::Quoted => {
            traits.special > 1
                || (traits.special > 0 && traits.lower > 0 && traits.upper > 1)
                || (traits.lower > 1 && traits.upper > 1 && traits.unreadable())
                || is_phrase(value)
        }
    };
    plausible
        && !is_number(value)
        && !is_constant(value, &traits)
        && !is_code(value, place)
        && (place != Place::Quoted || !is_path(value, &traits))
        && !is_placeholder(value)
}

/// Whether `value` is what a machine made up.
pub(super) fn is_token(value: &[u8], place: Place) -> bool {
    if value.len() < 10 {
        return false;
    }
    let traits = Traits::of(value);
    if traits.spaces > 0 || !traits.random() || is_number(value) || is_code(value, place) {
        return false;
    }
    let entropy = entropy(value);
    let dense = match value.len() {
        0..16 => entropy >= 2.8 && place != Place::Bare || entropy >= 3.2 && traits.turns >= 3,
        _ => entropy >= 3.0 && !is_path(value, &traits),
    };
    // What is so long and so dense is no placeholder, whatever parts it has: the key of the AWS documentation is not.
    let certain = value.len() >= 24
        && entropy >= 4.2
        && traits.special == 0
        && !traits.readable()
        && !value.contains(&b'_');
    dense && !is_constant(value, &traits) && (certain || !is_placeholder(value))
}

/// Whether `value` has the form of an Amazon secret key, be it the one of the documentation.
pub(super) fn is_aws_secret(value: &[u8]) -> bool {
    value.len() == 40 && value.iter().all(|byte| ARMOUR.has(*byte)) && entropy(value) >= 3.5
}

/// Whether `value` has the form of a key of a cloud account: base64 of at least 32 bytes, padded.
pub(super) fn is_account_key(value: &[u8]) -> bool {
    value.len() >= 44
        && value.ends_with(b"=")
        && value.iter().all(|byte| ARMOUR.has(*byte))
        && entropy(value) >= 4.0
}

/// Whether `value` can hardly be anything but a password, wherever it stands: letters, digits and a sign, or letters of both cases
/// between digits.
pub(super) fn is_strong(value: &[u8]) -> bool {
    let traits = Traits::of(value);
    let sign = value.iter().any(|byte| b"!#$%^&*@?~".contains(byte));
    value.len() >= 8
        && (sign || (traits.upper > 0 && traits.lower > 0 && traits.turns >= 2))
        && traits.letters() >= 3
        && traits.digits > 0
        && !traits.readable()
        && traits.spaces == 0
        && !is_code(value, Place::Bare)
        && !is_placeholder(value)
}

/// Whether `value` is a chosen secret that is no name: it has signs in it, or digits between letters.
pub(super) fn is_chosen(value: &[u8], place: Place) -> bool {
    let traits = Traits::of(value);
    (traits.special > 0 || traits.turns >= 2) && is_password(value, place)
}

/// Whether `value`, the string of a key that says it is a password, is one in spite of being a plain word.
pub(super) fn is_word_chosen(value: &[u8]) -> bool {
    value.len() >= 8
        && value.iter().all(u8::is_ascii_lowercase)
        && !words::is_naming(value)
        && !is_placeholder(value)
}

/// `D3D10_RETURN_TYPE`: words in capitals, joined by underscores, with few digits.
fn is_constant(value: &[u8], traits: &Traits) -> bool {
    traits.lower == 0
        && traits.special == 0
        && traits.digits * 4 < traits.upper
        && value.contains(&b'_')
}

/// Four or more lower-case words that a person would put together as a password, `correct-horse-battery-staple`.
fn is_phrase(value: &[u8]) -> bool {
    let separator = value
        .iter()
        .copied()
        .find(|byte| !byte.is_ascii_lowercase());
    let Some(separator @ (b'-' | b'_' | b'.')) = separator else {
        return false;
    };
    let mut words = value.split(|byte| *byte == separator);
    let count = words.clone().count();
    (4..=8).contains(&count)
        && words
            .all(|word| (3..=10).contains(&word.len()) && word.iter().all(u8::is_ascii_lowercase))
        && !words::is_naming(value)
}

/// Lower-case words joined by dashes, underscores or dots.
fn is_name(value: &[u8]) -> bool {
    value
        .iter()
        .any(|byte| matches!(byte, b'_' | b'-' | b'.' | b'/' | b':'))
        && value.iter().all(|byte| {
            byte.is_ascii_lowercase() || matches!(byte, b'_' | b'-' | b'.' | b'/' | b':')
        })
}

/// A number, a version, a date: digits and their separators, with a unit or a type behind; or hexadecimal digits.
fn is_number(value: &[u8]) -> bool {
    let digits = match value {
        [b'0', b'x' | b'X', digits @ ..] if digits.len() <= 24 => digits,
        _ => value,
    };
    let within = |byte: &u8| match digits.len() < value.len() {
        true => byte.is_ascii_hexdigit() || *byte == b'_',
        false => byte.is_ascii_digit() || matches!(byte, b'.' | b',' | b'_' | b':' | b'-' | b'/'),
    };
    let rest = &digits[digits.iter().take_while(|byte| within(byte)).count()..];
    let plain = rest.is_empty() && value.iter().all(u8::is_ascii_digit);
    let unit = rest
        .iter()
        .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'U' | b'L'));
    !plain && unit && rest.len() <= 3 && rest.len() * 2 <= value.len()
}

/// Something that stands for a value, or says that there is none.
pub(super) fn is_placeholder(value: &[u8]) -> bool {
    let bracketed = matches!(
        value,
        [b'<', .., b'>']
            | [b'{', .., b'}']
            | [b'[', .., b']']
            | [b'(', .., b')']
            | [b'%', .., b'%']
            | [b'*', b'*', ..]
            | [b'%', ..]
    );
    let mut different = 0u128;
    value
        .iter()
        .for_each(|byte| different |= 1 << (byte & 0x7f));
    if bracketed || different.count_ones() < 4 {
        return true;
    }
    let mut lower = [0; VALUE_MAX];
    let lower = &mut lower[..value.len().min(VALUE_MAX)];
    lower.copy_from_slice(&value[..lower.len()]);
    lower.make_ascii_lowercase();
    let lower = &*lower;
    // `password2` names a second field more often than it is a password.
    let digits = lower
        .iter()
        .rev()
        .take(2)
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let stem = &lower[..lower.len() - digits];
    words::is_value(stem) || words::is_value(lower) || words::has_placeholder(lower)
}

/// An expression of a programming language, a path or an address.
fn is_code(value: &[u8], place: Place) -> bool {
    if memchr::memchr_iter(b':', value).any(|at| value[at..].starts_with(b"://"))
        || matches!(
            value,
            [b'.', b'/', ..] | [b'~', b'/', ..] | [b'.', b'.', ..]
        )
    {
        return true;
    }
    match place {
        Place::Quoted => matches!(
            value,
            [b'$' | b'{' | b'%' | b'\'' | b'"' | b'`', ..] | [b'@', b'{', ..]
        ),
        Place::Literal => matches!(value, [b'$' | b'{' | b'(' | b'%' | b'`', ..]) || dotted(value),
        Place::Bare => {
            matches!(
                value.first(),
                Some(
                    b'$' | b'&'
                        | b'*'
                        | b'@'
                        | b'%'
                        | b'!'
                        | b'('
                        | b'['
                        | b'{'
                        | b'#'
                        | b'-'
                        | b'|'
                )
            ) || value
                .iter()
                .any(|byte| matches!(byte, b'(' | b'[' | b'{' | b'?'))
                || value.windows(2).any(|part| part == b"::" || part == b"->")
                || dotted(value)
        }
    }
}

/// `settings.auth.token2`: a path of names.
fn dotted(value: &[u8]) -> bool {
    memchr::memchr(b'.', value).is_some()
        && value.split(|byte| *byte == b'.').all(|part| {
            part.first()
                .is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
                && part
                    .iter()
                    .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
                && !Traits::of(part).random()
        })
}

/// A file system path: mostly lower-case words between slashes.
fn is_path(value: &[u8], traits: &Traits) -> bool {
    let slashes = value.iter().filter(|byte| **byte == b'/').count();
    slashes > 0 && (traits.lower + slashes) * 10 >= value.len() * 8
}
