//! The host's key for push services: made once, kept in the state folder, readable by its owner alone. With it a browser's
//! push service knows that only this host may write to that browser.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
    time::{Duration, SystemTime},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use serde_json::json;

use super::hosts;

/// How long a signature is good; services take at most a day.
const GOOD_FOR: Duration = Duration::from_secs(12 * 60 * 60);

/// The key pair.
pub struct Key {
    pair: EcdsaKeyPair,
    random: SystemRandom,
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or made.
    #[error("read or make the key: {0}")]
    File(#[from] io::Error),
    /// Others could read it.
    #[error(
        "the file is open to others; remove it, since they may have the key, or run chmod 600 on it"
    )]
    Exposed,
    /// It holds something else.
    #[error(
        "the file holds no key; remove it, and a new one is made (browsers then have to ask for Web Push again)"
    )]
    Damaged,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").finish_non_exhaustive()
    }
}

impl Key {
    /// The key in this file, or a new one that is then there.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn read_or_make(path: &Path) -> Result<Self, KeyError> {
        let open = fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o077 != 0);
        if open {
            return Err(KeyError::Exposed);
        }
        match fs::read(path) {
            Ok(stored) => Self::of(&stored),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::make(path),
            Err(error) => Err(error.into()),
        }
    }

    fn of(stored: &[u8]) -> Result<Self, KeyError> {
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, stored, &random)
            .map_err(|_| KeyError::Damaged)?;
        Ok(Self { pair, random })
    }

    fn make(path: &Path) -> Result<Self, KeyError> {
        let random = SystemRandom::new();
        let stored = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)
            .map_err(|_| io::Error::other("the system gives no random bytes"))?;
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(stored.as_ref())?;
        file.sync_all()?;
        Self::of(stored.as_ref())
    }

    /// The public half as pages want it: base64url of the uncompressed point.
    pub fn public(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.pair.public_key())
    }

    /// The `Authorization` of a message to this address.
    pub(super) fn authorization(&self, endpoint: &str, contact: &str) -> String {
        let until = SystemTime::now() + GOOD_FOR;
        let until = until
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let head = r#"{"typ":"JWT","alg":"ES256"}"#;
        let claims =
            json!({"aud": hosts::origin(endpoint), "exp": until.as_secs(), "sub": contact});
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let signed = format!("{}.{}", encode(head), encode(&claims.to_string()));
        let signature = self
            .pair
            .sign(&self.random, signed.as_bytes())
            .expect("the system gives random bytes, as it did at the start");
        let signature = URL_SAFE_NO_PAD.encode(signature);
        format!("vapid t={signed}.{signature}, k={}", self.public())
    }
}
