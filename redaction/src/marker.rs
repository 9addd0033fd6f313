//! What stands where a secret stood: `[REDACTED:rule#a1b2c3]`.
//!
//! Not reversible: the digits tell two secrets apart, and say nothing else to whoever lacks the host's key.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// How every marker begins.
pub(crate) const OPENING: &str = "[REDACTED:";

/// The first three bytes of the keyed hash of a secret.
pub(crate) type Digits = [u8; 3];

/// The keyed hash, ready to take the bytes of one secret.
#[derive(Clone)]
pub(crate) struct Digest(Hmac<Sha256>);

impl Digest {
    /// A hash under the host's key.
    pub(crate) fn new(key: &[u8; 32]) -> Digest {
        Digest(Hmac::new_from_slice(key).expect("HMAC takes keys of any length"))
    }

    /// The digits of one whole secret.
    pub(crate) fn of(&self, secret: &[u8]) -> Digits {
        let mut digest = self.clone();
        digest.update(secret);
        digest.digits()
    }

    /// Takes more bytes of the secret.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digits of what was taken.
    pub(crate) fn digits(self) -> Digits {
        let hash = self.0.finalize().into_bytes();
        [hash[0], hash[1], hash[2]]
    }
}

/// Appends a marker to `out`.
pub(crate) fn write(out: &mut String, label: &str, digits: Digits) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push_str(OPENING);
    out.push_str(label);
    out.push('#');
    for byte in digits {
        out.push(char::from(HEX[usize::from(byte >> 4)]));
        out.push(char::from(HEX[usize::from(byte & 15)]));
    }
    out.push(']');
}

/// The name in `text`, when that is one marker and nothing else.
pub(crate) fn label(text: &str) -> Option<&str> {
    let inner = text.strip_prefix(OPENING)?.strip_suffix(']')?;
    let (label, digits) = inner.split_once('#')?;
    (digits.len() == 6 && !inner.contains('[')).then_some(label)
}

/// What stands for text that could not be judged: it is dropped, never passed raw.
pub const ENGINE: &str = "[REDACTED:engine]";
