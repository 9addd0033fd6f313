//! Made-up secrets for the examples of the context rules.
//!
//! Not from any real distribution: they have what secrets of their kind always have.

use base64::Engine as _;

const LOWER: &[u8] = b"abcdefghijkmnopqrstuvwxyz";
const UPPER: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ";
const DIGITS: &[u8] = b"0123456789";
const SIGNS: &[u8] = b"!#%^*_-+";

/// Words as wallets have them.
const WORDS: [&str; 12] = [
    "abandon", "zebra", "acid", "wool", "adjust", "winter", "alarm", "yellow", "anchor", "wrist",
    "vivid", "oak",
];

/// The text with secrets in the places of its placeholders.
pub(crate) fn fill(text: &str, roll: &mut impl FnMut(usize) -> usize) -> String {
    let password = password(roll);
    let token = token(roll);
    let pair =
        base64::engine::general_purpose::STANDARD.encode(format!("robot:{}", self::password(roll)));
    let alphabet = [LOWER, UPPER, DIGITS, b"+/"].concat();
    let aws: String = (0..40)
        .map(|_| char::from(alphabet[roll(alphabet.len())]))
        .collect();
    let words: Vec<&str> = (0..12 + 12 * roll(2))
        .map(|_| WORDS[roll(WORDS.len())])
        .collect();
    text.replace("{words}", &words.join(" "))
        .replace("{aws}", &aws)
        .replace("{password}", &password)
        .replace("{token}", &token)
        .replace("{pair}", &pair)
}

/// What a person may choose: letters of both cases, digits, a sign.
pub(crate) fn password(roll: &mut impl FnMut(usize) -> usize) -> String {
    let mut out = Vec::new();
    for _ in 0..2 {
        out.extend((0..2 + roll(3)).map(|_| LOWER[roll(LOWER.len())]));
        out.push(UPPER[roll(UPPER.len())]);
        out.extend((0..1 + roll(2)).map(|_| DIGITS[roll(10)]));
    }
    out.insert(1 + roll(out.len() - 2), SIGNS[roll(SIGNS.len())]);
    String::from_utf8(out).unwrap_or_default()
}

/// What a machine makes up: letters and digits, 24 to 48 of them.
pub(crate) fn token(roll: &mut impl FnMut(usize) -> usize) -> String {
    let alphabet = [LOWER, UPPER, DIGITS].concat();
    let out = (0..24 + roll(24))
        .map(|_| alphabet[roll(alphabet.len())])
        .collect();
    String::from_utf8(out).unwrap_or_default()
}
