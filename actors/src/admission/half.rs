//! The random values of a sign-in: the cookie half, the proof half and the nonce. Not tokens of people: those are `config`'s.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use super::Denied;

/// Random bytes in each: 256 bits, so that a fast hash keeps it and nobody guesses it.
const BYTES: usize = 32;

/// 32 random bytes that only their holder may show. `Debug` does not.
#[derive(Clone)]
pub struct Half([u8; BYTES]);

impl Half {
    /// A new one; fails only if the operating system has no random bytes.
    pub(super) fn random() -> Result<Self, Denied> {
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes).map_err(|err| {
            tracing::error!(%err, "the operating system gave no random bytes");
            Denied::Unavailable
        })?;
        Ok(Self(bytes))
    }

    /// Base64url without padding, 43 characters, for the one answer that hands it to its holder.
    pub fn reveal(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// One that was stored as `reveal` writes it.
    pub(super) fn stored(text: &str) -> Option<Self> {
        decode(text).map(Self)
    }

    /// Eight of its bytes, to name something that must not collide.
    pub(super) fn first_u64(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }

    /// What the host keeps of it.
    pub(super) fn digest(&self) -> CookieDigest {
        CookieDigest(Sha256::digest(self.0).into())
    }

    /// Whether `mac` is HMAC-SHA-256 over `message` with this key; compared in constant time.
    pub(super) fn verifies(&self, message: &str, mac: &[u8]) -> bool {
        let mut expected =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        expected.update(message.as_bytes());
        expected.verify_slice(mac).is_ok()
    }
}

impl fmt::Debug for Half {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// The SHA-256 of a cookie half: all that is kept of it, so that a memory dump signs nobody in.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct CookieDigest([u8; 32]);

impl CookieDigest {
    /// The digest of a presented cookie, and whether it has the form of one that we issue.
    pub(super) fn of_presented(cookie: &str) -> (Self, bool) {
        match decode(cookie) {
            Some(bytes) => (Self(Sha256::digest(bytes).into()), true),
            // Hashed as well: a malformed cookie takes the same path, and matches nothing that was issued.
            None => (Self(Sha256::digest(cookie.as_bytes()).into()), false),
        }
    }
}

impl CookieDigest {
    /// One that was stored as `to_text` writes it.
    pub(super) fn stored(text: &str) -> Option<Self> {
        decode(text).map(Self)
    }

    /// Base64url without padding.
    pub(super) fn to_text(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

impl fmt::Debug for CookieDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[digest]")
    }
}

/// Reads 32 bytes of base64url; `None` for anything else.
pub(super) fn decode(text: &str) -> Option<[u8; BYTES]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_half_is_known_again_by_its_digest_and_not_shown() {
        let half = Half::random().unwrap();
        assert_eq!(
            CookieDigest::of_presented(&half.reveal()),
            (half.digest(), true)
        );
        assert_eq!(half.reveal().len(), 43);
        assert_eq!(format!("{half:?}{:?}", half.digest()), "[secret][digest]");
        assert_ne!(Half::random().unwrap().reveal(), half.reveal());
    }

    #[test]
    fn a_malformed_cookie_is_hashed_too_but_is_none_of_ours() {
        let half = Half::random().unwrap();
        for text in ["", "x", &half.reveal()[1..], &format!("{}=", half.reveal())] {
            let (digest, ours) = CookieDigest::of_presented(text);
            assert!(!ours && digest != half.digest());
        }
    }

    #[test]
    fn only_the_right_mac_over_the_right_message_verifies() {
        let half = Half([7; BYTES]);
        let mut mac = Hmac::<Sha256>::new_from_slice(&[7; BYTES]).unwrap();
        mac.update(b"nonce");
        let mac = mac.finalize().into_bytes();
        assert!(half.verifies("nonce", &mac));
        assert!(!half.verifies("other", &mac));
        assert!(!half.verifies("nonce", &mac[..31]));
        assert!(!half.verifies("nonce", &[]));
        assert!(!Half([8; BYTES]).verifies("nonce", &mac));
    }
}
