//! Words that tell names, placeholders and harmless values from secrets.
//!
//! Not a dictionary: only what stands where a secret would.

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

/// Longest of all words here, and more.
const WORD_MAX: usize = 20;

/// Parts that make a value a placeholder.
const PLACEHOLDERS: &str = "\
    example placeholder changeme change_me change-me changeit your_ your- yourpass yoursecret \
    yourtoken yourapi xxxx **** .... ____ redacted dummy ${ {{ $( #{ %( insert replace todo \
    <secret <token <pass -goes-here _goes_here _here -here foobar not-a-real not_a_real sample \
    12345678901234567890 abcdefghijklmnop deadbeef 00000000";

/// Last words of names that hold no secret.
const NAME_ENDS: &str = "\
    backend engine encryption hasher hashing method login generator validator \
    file path dir name names id ids url uri endpoint type kind len length size count counter \
    number num limit max min total usage used budget expiry expires expiration ttl timeout age \
    at hash digest checksum fingerprint env var ref field prefix suffix regex pattern policy \
    hint prompt label placeholder version format algorithm alg encoding scope scopes status \
    state error index offset position pos start end provider manager store cache class schema \
    mode source helper handler required enabled valid invalid strength test text title message \
    description project namespace region stream tree ring bucket arn host port header cookie issuer audience rotation \
    check";

/// Parts of values that name something, as `forgot-password-link` does.
const NAMING: &str = "\
    pass secret token auth user reset forgot field input login form error invalid label button text value \
    config setting default enter please must should cannot";

static VALUE_SET: LazyLock<Words> = LazyLock::new(|| Words::new(VALUES));
static NAME_END_SET: LazyLock<Words> = LazyLock::new(|| Words::new(NAME_ENDS));
/// What was redacted already is a placeholder too.
static PLACEHOLDER_PARTS: LazyLock<AhoCorasick> = LazyLock::new(|| {
    automaton(&format!(
        "{PLACEHOLDERS} {}",
        marker::OPENING.to_ascii_lowercase()
    ))
});
static NAMING_PARTS: LazyLock<AhoCorasick> = LazyLock::new(|| automaton(NAMING));

/// A set of words. Most of what is none is ruled out by its length, its first and its last byte.
struct Words {
    /// By length: the low five bits of first bytes, one bit for each.
    firsts: [u32; WORD_MAX + 1],
    /// The same of last bytes.
    lasts: [u32; WORD_MAX + 1],
    sorted: Vec<&'static [u8]>,
}

impl Words {
    fn new(words: &'static str) -> Words {
        let mut set = Words {
            firsts: [0; WORD_MAX + 1],
            lasts: [0; WORD_MAX + 1],
            sorted: words.split_ascii_whitespace().map(str::as_bytes).collect(),
        };
        set.sorted.sort_unstable();
        for word in &set.sorted {
            set.firsts[word.len()] |= 1 << (word[0] & 31);
            set.lasts[word.len()] |= 1 << (word[word.len() - 1] & 31);
        }
        set
    }

    fn has(&self, word: &[u8]) -> bool {
        let (Some(first), Some(last)) = (word.first(), word.last()) else {
            return false;
        };
        word.len() <= WORD_MAX
            && self.firsts[word.len()] >> (first & 31) & 1 == 1
            && self.lasts[word.len()] >> (last & 31) & 1 == 1
            && self.sorted.binary_search(&word).is_ok()
    }
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
    VALUE_SET.has(value)
}

/// Whether `value`, in lower case, has a part that only placeholders have.
pub(super) fn has_placeholder(value: &[u8]) -> bool {
    PLACEHOLDER_PARTS.is_match(value)
}

/// Whether a name that ends with `word` holds no secret.
pub(super) fn is_name_end(word: &[u8]) -> bool {
    let mut lower = [0; WORD_MAX];
    let Some(lower) = lower.get_mut(..word.len()) else {
        return false;
    };
    lower.copy_from_slice(word);
    lower.make_ascii_lowercase();
    let stem = lower.strip_suffix(b"s").unwrap_or(lower);
    NAME_END_SET.has(lower) || NAME_END_SET.has(stem)
}

/// Whether `value`, in lower case, has a part that names something.
pub(super) fn is_naming(value: &[u8]) -> bool {
    NAMING_PARTS.is_match(value)
}
