//! Our own access tokens: how they are made, recognised, judged and compared. Not a store: after load only digests remain.
//!
//! A token is `hft_`, 43 characters (32 random bytes in base64url), and 6 check characters: the first six of the base64url
//! of SHA-256 over everything before them. So one exact rule finds it anywhere, and a typing mistake is told from a wrong
//! token. Tokens of other shapes are allowed if they are long and not guessable.

use std::{fmt, path::Path};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize as _, Zeroizing};

use crate::{error::shown_path, paths};

/// What each token that we make begins with.
pub const TOKEN_PREFIX: &str = "hft_";
/// Random bytes in a token: 256 bits, so that a fast hash of it is as good as a slow one.
const RANDOM_BYTES: usize = 32;
/// Base64url characters of the random bytes.
const BODY_CHARS: usize = 43;
/// Check characters at the end: 36 bits, so that no text passes as a token by chance.
const CHECK_CHARS: usize = 6;
/// Shortest token of any shape, in bytes.
const SHORTEST: usize = 32;
/// Longest token, in bytes: it has to fit into one header line.
const LONGEST: usize = 512;
/// Fewest different characters of a token that could still be random.
const FEWEST_DISTINCT: usize = 8;
/// Longest run such as `abcdefgh` or `87654321` of a token that could still be random.
const LONGEST_RUN: usize = 7;
/// What tokens that somebody copied from a manual, or thought of quickly, contain. Lower-case.
const WELL_KNOWN: &[&str] = &[
    "changeme",
    "change-me",
    "change_me",
    "password",
    "passw0rd",
    "example",
    "placeholder",
    "your-token",
    "your_token",
    "yourtoken",
    "my-token",
    "my_token",
    "replace",
    "insert",
    "secret",
    "letmein",
    "qwerty",
    "iloveyou",
    "holdfast",
    "codex",
    "admin",
    "token",
    "dummy",
    "foobar",
    "deadbeef",
    "test-test",
    "correct-horse",
    "correcthorse",
];
/// What people take for a token when none comes to mind: also refused by its digest.
const WELL_KNOWN_WHOLE: &[&str] = &[
    "",
    "\n",
    "changeme",
    "password",
    "secret",
    "token",
    "admin",
    "test",
    "holdfast",
    "codex",
    "123456",
    "1234567890",
    "0123456789abcdef",
    "0123456789abcdef0123456789abcdef",
    "letmein",
    "qwerty",
    "example",
];

/// A token in plain text. It is wiped when dropped, and `Debug` does not show it.
#[derive(Clone)]
pub struct Token(Zeroizing<String>);

impl Token {
    /// Makes a token of 32 random bytes of the operating system. Fails only if that has none to give.
    pub fn generate() -> Result<Self, TokenError> {
        let mut random = Zeroizing::new([0_u8; RANDOM_BYTES]);
        getrandom::fill(random.as_mut_slice()).map_err(|_| TokenError::NoRandomness)?;
        let mut text = Zeroizing::new(String::with_capacity(
            TOKEN_PREFIX.len() + BODY_CHARS + CHECK_CHARS,
        ));
        text.push_str(TOKEN_PREFIX);
        URL_SAFE_NO_PAD.encode_string(random.as_slice(), &mut text);
        let check = check_characters(&text);
        text.push_str(&check);
        Ok(Self(text))
    }

    /// Takes a text as a token if it is strong enough; one that begins with `hft_` must be whole.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        judge(text)?;
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// Reads the token that a file holds, for a client. The file must be this user's alone, as for the host.
    ///
    /// # Errors
    /// Others can reach the file, or it holds no token; the text says which file and never what is in it.
    pub fn from_file(path: &Path) -> Result<Self, String> {
        let path = std::path::absolute(path)
            .map_err(|error| format!("can not find the token file: {error}"))?;
        // A newline at the end, and one byte to see that there is more.
        let bytes = paths::read_private(&path, LONGEST + 2)?;
        let text =
            str::from_utf8(&bytes).map_err(|_| format!("{} is not text", shown_path(&path)))?;
        Self::parse(text.trim_ascii()).map_err(|error| format!("{}: {error}", shown_path(&path)))
    }

    /// The SHA-256 by which the host knows the token.
    pub fn digest(&self) -> TokenDigest {
        TokenDigest::of(&self.0)
    }

    /// The token itself, for the one line that hands it to its owner.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// Why a text is no token. Says nothing of the text but its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes")]
    NoRandomness,
    /// Nothing there.
    #[error("the token is empty")]
    Empty,
    /// Too short to resist guessing.
    #[error("the token has {0} characters, {SHORTEST} are the least")]
    Short(usize),
    /// Too long for a header.
    #[error("the token has {0} characters, {LONGEST} are the most")]
    Long(usize),
    /// A space, control character or letter outside ASCII, which a header can not carry.
    #[error(
        "the token has a character at position {0} that a header can not carry; only visible ASCII is allowed"
    )]
    Character(usize),
    /// It begins with `hft_` but is not whole.
    #[error(
        "the token begins with hft_ but its check characters do not fit; it was cut or mistyped"
    )]
    Checksum,
    /// It is made of a word that is tried first.
    #[error("the token is well known or made of a well-known word")]
    WellKnown,
    /// Few different characters, a sequence, or a repetition.
    #[error("the token is a repetition or a sequence and can be guessed")]
    Guessable,
    /// Not 64 hex digits.
    #[error("a SHA-256 has 64 hex digits, this has {0} characters or others than hex digits")]
    Digest(usize),
}

/// The SHA-256 of a token. Two are compared in constant time; neither `Debug` shows it.
#[derive(Clone, Copy, Eq)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// The digest of a presented text, whatever it is.
    pub fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// Reads 64 hex digits; refuses the digests of well-known words.
    pub fn from_hex(hex: &str) -> Result<Self, TokenError> {
        let wrong = || TokenError::Digest(hex.chars().count());
        let digits = hex.as_bytes();
        if digits.len() != 64 {
            return Err(wrong());
        }
        let mut bytes = [0_u8; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let high = (pair[0] as char).to_digit(16).ok_or_else(wrong)?;
            let low = (pair[1] as char).to_digit(16).ok_or_else(wrong)?;
            *byte = (high * 16 + low) as u8;
        }
        let digest = Self(bytes);
        let distinct = digits
            .iter()
            .collect::<std::collections::BTreeSet<_>>()
            .len();
        if distinct < FEWEST_DISTINCT || longest_run(digits) > LONGEST_RUN {
            return Err(TokenError::Guessable);
        }
        if WELL_KNOWN_WHOLE.iter().any(|word| Self::of(word) == digest) {
            return Err(TokenError::WellKnown);
        }
        Ok(digest)
    }

    /// 64 lower-case hex digits, as the configuration takes them.
    pub fn to_hex(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The bytes, to derive or store something bound to the token.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for TokenDigest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[digest]")
    }
}

/// The six characters that follow `text` in a token.
fn check_characters(text: &str) -> String {
    let mut encoded = URL_SAFE_NO_PAD.encode(Sha256::digest(text.as_bytes()));
    encoded.truncate(CHECK_CHARS);
    encoded
}

fn judge(text: &str) -> Result<(), TokenError> {
    if text.is_empty() {
        return Err(TokenError::Empty);
    }
    let length = text.chars().count();
    if let Some(position) = text.chars().position(|c| !c.is_ascii_graphic()) {
        return Err(TokenError::Character(position + 1));
    }
    let ours = text.strip_prefix(TOKEN_PREFIX);
    if ours.is_some() && !has_right_check(text) {
        return Err(TokenError::Checksum);
    }
    if length < SHORTEST {
        return Err(TokenError::Short(length));
    }
    if length > LONGEST {
        return Err(TokenError::Long(length));
    }
    let mut lower = text.to_ascii_lowercase();
    let known = WELL_KNOWN.iter().any(|word| lower.contains(word));
    lower.zeroize();
    // A word of five letters can stand in one of our own tokens by chance; their check already tells them from prose.
    if known && ours.is_none() {
        return Err(TokenError::WellKnown);
    }
    let body = match ours {
        Some(rest) => &rest.as_bytes()[..BODY_CHARS],
        None => text.as_bytes(),
    };
    if is_guessable(body) {
        return Err(TokenError::Guessable);
    }
    Ok(())
}

fn has_right_check(text: &str) -> bool {
    let length = TOKEN_PREFIX.len() + BODY_CHARS;
    if text.len() != length + CHECK_CHARS {
        return false;
    }
    let (body, check) = text.split_at(length);
    let base64url = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    text.bytes().all(base64url)
        && check_characters(body)
            .as_bytes()
            .ct_eq(check.as_bytes())
            .into()
}

fn is_guessable(bytes: &[u8]) -> bool {
    let distinct = bytes
        .iter()
        .collect::<std::collections::BTreeSet<_>>()
        .len();
    distinct < FEWEST_DISTINCT || longest_run(bytes) > LONGEST_RUN || repeats(bytes)
}

/// Length of the longest stretch in which each byte follows the last by the same step of -1, 0 or 1.
fn longest_run(bytes: &[u8]) -> usize {
    let mut longest = 1;
    for step in [-1_i16, 0, 1] {
        let mut run = 1;
        for pair in bytes.windows(2) {
            run = if i16::from(pair[1]) - i16::from(pair[0]) == step {
                run + 1
            } else {
                1
            };
            longest = longest.max(run);
        }
    }
    longest
}

/// Whether the text is one piece of at most half its length, again and again.
fn repeats(bytes: &[u8]) -> bool {
    (1..=bytes.len() / 2).any(|period| bytes.iter().zip(&bytes[period..]).all(|(a, b)| a == b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_token_has_the_shape_parses_and_matches_its_digest() {
        let token = Token::generate().unwrap();
        let text = token.reveal().to_owned();
        assert_eq!(text.len(), 53);
        assert!(text.starts_with(TOKEN_PREFIX));
        assert_eq!(Token::parse(&text).unwrap().digest(), token.digest());
        assert_eq!(
            TokenDigest::from_hex(&token.digest().to_hex()),
            Ok(token.digest())
        );
        assert_ne!(Token::generate().unwrap().digest(), token.digest());
    }

    #[test]
    fn every_single_changed_character_of_a_token_is_noticed() {
        let text = Token::generate().unwrap().reveal().to_owned();
        for position in TOKEN_PREFIX.len()..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[position] = if bytes[position] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert_eq!(
                Token::parse(&changed).unwrap_err(),
                TokenError::Checksum,
                "at {position}"
            );
        }
        assert_eq!(
            Token::parse(&text[..text.len() - 1]).unwrap_err(),
            TokenError::Checksum
        );
    }

    #[test]
    fn thousands_of_made_tokens_are_all_accepted() {
        for _ in 0..5_000 {
            let token = Token::generate().unwrap();
            assert!(Token::parse(token.reveal()).is_ok());
        }
    }

    #[test]
    fn weak_texts_are_refused_each_for_its_reason() {
        let whole = |body: &str| format!("{body}{}", check_characters(body));
        let cases = [
            (String::new(), TokenError::Empty),
            ("k3J9xQ".to_owned(), TokenError::Short(6)),
            ("k3J9xQ".repeat(100), TokenError::Long(600)),
            ("k3J9xQ zW2".repeat(4), TokenError::Character(7)),
            ("kä3J9xQ".repeat(6), TokenError::Character(2)),
            ("hft_".to_owned() + &"x".repeat(49), TokenError::Checksum),
            (
                "k3J9xQ-changeme-zW2pL8vN4mR7tY1b".to_owned(),
                TokenError::WellKnown,
            ),
            (
                "MyPassWord9876xyzMyPassWord1234q".to_owned(),
                TokenError::WellKnown,
            ),
            ("a".repeat(40), TokenError::Guessable),
            ("0123456789".repeat(4), TokenError::Guessable),
            ("k3J9xQzW2pL8vN4m".repeat(2), TokenError::Guessable),
            (
                "zxywvutsrqpk3J9xQzW2pL8vN4mR7tY1".to_owned(),
                TokenError::Guessable,
            ),
            (
                whole(&("hft_".to_owned() + &"A".repeat(43))),
                TokenError::Guessable,
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(
                Token::parse(&text).unwrap_err(),
                expected,
                "{} characters",
                text.len()
            );
        }
        assert!(Token::parse("k3J9xQzW2pL8vN4mR7tY1bH6dF5sG0aC").is_ok());
        assert!(Token::parse("8f14e45fceea167a5a36dedd4bea2543").is_ok());
    }

    #[test]
    fn digests_of_well_known_words_and_bad_hex_are_refused() {
        assert_eq!(
            TokenDigest::from_hex(&TokenDigest::of("changeme").to_hex()),
            Err(TokenError::WellKnown)
        );
        assert_eq!(
            TokenDigest::from_hex(&"0".repeat(64)),
            Err(TokenError::Guessable)
        );
        assert_eq!(TokenDigest::from_hex("abc"), Err(TokenError::Digest(3)));
        assert_eq!(
            TokenDigest::from_hex(&"g".repeat(64)),
            Err(TokenError::Digest(64))
        );
        assert_eq!(
            TokenDigest::from_hex(&"é".repeat(32)),
            Err(TokenError::Digest(32))
        );
    }

    #[test]
    fn debug_shows_neither_token_nor_digest() {
        let token = Token::generate().unwrap();
        assert_eq!(
            format!("{token:?} {:?}", token.digest()),
            "[secret] [digest]"
        );
    }
}
