//! Words that tell names, placeholders and harmless values from secrets.
//!
//! Not a dictionary: only what stands where a secret would.

use std::collections::HashSet;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use crate::marker;

/// Whole values that are no secrets.
const VALUES: &str = "\
    access_token admin anonymous api_key apikey autodetect basic bearer boolean censored \
    credential credentials default digest disabled enabled encrypted environment ephemeral \
    expired false file guest hidden inherit integer invalid keychain keyring letmein localhost \
    masked missing mysql nobody none null nullable number object optional passcode passphrase \
    passwd password postgres private prompt public qwerty readonly redacted refresh_token \
    required root secret secrets stdin string token tokens true undefined unknown user:password \
    username username:password varchar vault welcome";

/// Parts that make a value a placeholder.
const PLACEHOLDERS: &str = "\
    example placeholder changeme change_me change-me changeit your_ your- yourpass yoursecret \
    yourtoken yourapi xxxx **** .... ____ redacted dummy ${ {{ $( #{ %( insert replace todo \
    <secret <token <pass -goes-here _goes_here _here -here foobar not-a-real not_a_real sample \
    12345678901234567890 abcdefghijklmnop deadbeef 00000000";

/// Longest of [`NAME_ENDS`], and more.
const NAME_END_MAX: usize = 16;

/// Last words of names that hold no secret.
const NAME_ENDS: &str = "\
    backend engine encryption hasher hashing method login generator validator \
    file path dir name names id ids url uri endpoint type kind len length size count counter \
    number num limit max min total usage used budget expiry expires expiration ttl timeout age \
    at hash digest checksum fingerprint env var ref field prefix suffix regex pattern policy \
    hint prompt label placeholder version format algorithm alg encoding scope scopes status \
    state error index offset position pos start end provider manager store cache class schema \
    mode source helper handler required enabled valid invalid strength test text title message \
    description stream tree ring bucket arn host port header cookie issuer audience rotation \
    check";

/// Parts of values that name something, as `forgot-password-link` does.
const NAMING: &str = "\
    pass secret token auth user reset forgot field input login form error invalid label button text value \
    config setting default enter please must should cannot";

static VALUE_SET: LazyLock<HashSet<&[u8]>> = LazyLock::new(|| set(VALUES));
/// Sorted.
static NAME_END_SET: LazyLock<Vec<&[u8]>> = LazyLock::new(|| {
    let mut words: Vec<&[u8]> = NAME_ENDS
        .split_ascii_whitespace()
        .map(str::as_bytes)
        .collect();
    words.sort_unstable();
    words
});
/// What was redacted already is a placeholder too.
static PLACEHOLDER_PARTS: LazyLock<AhoCorasick> = LazyLock::new(|| {
    automaton(&format!(
        "{PLACEHOLDERS} {}",
        marker::OPENING.to_ascii_lowercase()
    ))
});
static NAMING_PARTS: LazyLock<AhoCorasick> = LazyLock::new(|| automaton(NAMING));

fn set(words: &'static str) -> HashSet<&'static [u8]> {
    words.split_ascii_whitespace().map(str::as_bytes).collect()
}

fn automaton(parts: &str) -> AhoCorasick {
    let kind = Some(AhoCorasickKind::DFA);
    let built = AhoCorasick::builder()
        .kind(kind)
        .build(parts.split_ascii_whitespace());
    built.expect("a few dozen short literals make a small automaton")
}

/// Whether `value`, in lower case, is a word that stands for a secret, or for none.
pub(super) fn is_value(value: &[u8]) -> bool {
    VALUE_SET.contains(value)
}

/// Whether `value`, in lower case, has a part that only placeholders have.
pub(super) fn has_placeholder(value: &[u8]) -> bool {
    PLACEHOLDER_PARTS.is_match(value)
}

/// Whether a name that ends with `word` holds no secret.
pub(super) fn is_name_end(word: &[u8]) -> bool {
    let mut lower = [0; NAME_END_MAX];
    let Some(lower) = lower.get_mut(..word.len()) else {
        return false;
    };
    lower.copy_from_slice(word);
    lower.make_ascii_lowercase();
    let stem = lower.strip_suffix(b"s").unwrap_or(lower);
    NAME_END_SET.binary_search(&&*lower).is_ok() || NAME_END_SET.binary_search(&stem).is_ok()
}

/// Whether `value`, in lower case, has a part that names something.
pub(super) fn is_naming(value: &[u8]) -> bool {
    NAMING_PARTS.is_match(value)
}
