//! The K layer: exact values that are known to be secret, found in every usual encoding of them.
//!
//! Not for guessing: a value that was not named is the business of the rules.

pub(crate) mod encodings;

use std::collections::BTreeSet;

/// Fewest bytes of a known value: shorter ones would turn up in harmless text all the time.
pub const KNOWN_MIN: usize = 8;
/// A longer value is cut into pieces of this size, so that the hold-back stays bounded in every encoding.
const PIECE_MAX: usize = 512;
/// Bytes by which neighbouring pieces overlap, so that the pieces of one value merge into one marker.
const PIECE_OVERLAP: usize = 16;
/// Longest encoded form; what would be longer (a piece of control characters, say) is found by its other forms.
const LITERAL_MAX: usize = 4096;

/// Values that a secret store may hold and that are no secrets.
const STOP: &[&str] = &[
    "password",
    "passw0rd",
    "changeme",
    "change-me",
    "change_me",
    "changeit",
    "redacted",
    "[redacted]",
    "disabled",
    "localhost",
    "127.0.0.1",
    "username",
    "undefined",
    "required",
    "optional",
    "development",
    "production",
    "example.com",
    "no-reply",
    "anonymous",
    "postgres",
    "postgresql",
    "administrator",
    "file:///",
    "https://",
    "http://localhost",
];

/// The texts to search for one value: each a literal form of it or of a part of it.
pub(crate) fn forms(value: &str) -> BTreeSet<Vec<u8>> {
    let mut found = BTreeSet::new();
    for part in parts(value) {
        for piece in pieces(part) {
            if usable(piece) {
                encodings::encode(piece, &mut found);
            }
        }
    }
    found.retain(|form| (KNOWN_MIN..=LITERAL_MAX).contains(&form.len()));
    found
}

/// Those of them that line breaks may stand in.
pub(crate) fn wrapped_forms(value: &str) -> BTreeSet<Vec<u8>> {
    let mut found = BTreeSet::new();
    for part in parts(value) {
        for piece in pieces(part) {
            encodings::wrapped(piece.as_bytes(), &mut found);
        }
    }
    found
}

/// Whether anything of `value` is long and unusual enough to search for.
pub(crate) fn usable(value: &str) -> bool {
    value.len() >= KNOWN_MIN
        && !STOP.iter().any(|word| word.eq_ignore_ascii_case(value))
        && value.bytes().any(|byte| byte != value.as_bytes()[0])
}

/// The value, and each line of it when it has several: indentation and diff signs then do not matter.
fn parts(value: &str) -> impl Iterator<Item = &str> {
    let lines = value
        .lines()
        .map(str::trim)
        .filter(move |line| line.len() < value.len() && line.len() >= KNOWN_MIN);
    std::iter::once(value.trim_matches(['\n', '\r'])).chain(lines)
}

/// Overlapping pieces of at most [`PIECE_MAX`] bytes.
fn pieces(value: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut from = 0;
    while value.len() - from > PIECE_MAX {
        let to = value.floor_char_boundary(from + PIECE_MAX);
        out.push(&value[from..to]);
        from = value.floor_char_boundary(to - PIECE_OVERLAP);
    }
    out.push(&value[from..]);
    out
}
