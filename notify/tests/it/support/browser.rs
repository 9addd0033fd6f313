//! A browser's side of Web Push: keys of its own, and reading what it is pushed (RFC 8291), with other libraries than the host
//! uses.

use std::collections::BTreeMap;

use aes_gcm::{Aes128Gcm, KeyInit as _, aead::Aead as _};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hkdf::Hkdf;
use p256::{
    PublicKey, SecretKey,
    ecdsa::{Signature, VerifyingKey, signature::Verifier as _},
    elliptic_curve::sec1::ToSec1Point as _,
};
use serde_json::Value;
use sha2::Sha256;

/// One browser.
pub struct Browser {
    secret: SecretKey,
    auth: [u8; 16],
}

impl Browser {
    pub fn new() -> Self {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes[1..]).unwrap();
        let mut auth = [0; 16];
        getrandom::fill(&mut auth).unwrap();
        Self {
            secret: SecretKey::from_slice(&bytes).unwrap(),
            auth,
        }
    }

    pub fn of(secret: &str, auth: &str) -> Self {
        Self {
            secret: SecretKey::from_slice(&decode(secret)).unwrap(),
            auth: decode(auth).try_into().unwrap(),
        }
    }

    pub fn p256dh(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.public())
    }

    pub fn auth(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.auth)
    }

    fn public(&self) -> Vec<u8> {
        self.secret
            .public_key()
            .to_sec1_point(false)
            .as_bytes()
            .to_vec()
    }

    /// What a body says, without its padding.
    pub fn read(&self, body: &[u8]) -> Vec<u8> {
        let (salt, rest) = body.split_at(16);
        let (size, rest) = rest.split_at(4);
        assert!(u32::from_be_bytes(size.try_into().unwrap()) as usize > rest.len());
        let (sender, record) = rest[1..].split_at(usize::from(rest[0]));
        let peer = PublicKey::from_sec1_bytes(sender).unwrap();
        let shared = p256::ecdh::diffie_hellman(self.secret.to_nonzero_scalar(), peer.as_affine());
        let info = [b"WebPush: info\0".as_slice(), &self.public(), sender].concat();
        let secret: [u8; 32] = expand(&self.auth, shared.raw_secret_bytes(), &info);
        let key: [u8; 16] = expand(salt, &secret, b"Content-Encoding: aes128gcm\0");
        let nonce: [u8; 12] = expand(salt, &secret, b"Content-Encoding: nonce\0");
        let mut text = Aes128Gcm::new(&key.into())
            .decrypt(&nonce.into(), record)
            .expect("encrypted for this browser");
        while text.pop().expect("a last record") == 0 {}
        text
    }

    pub fn read_json(&self, body: &[u8]) -> Value {
        serde_json::from_slice(&self.read(body)).unwrap()
    }
}

fn expand<const N: usize>(salt: &[u8], secret: &[u8], info: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    Hkdf::<Sha256>::new(Some(salt), secret)
        .expand(info, &mut out)
        .unwrap();
    out
}

pub fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// The claims of a message's signature, which the key that it names has made; and that key.
pub fn verify(headers: &BTreeMap<String, String>) -> (Value, String) {
    let rest = headers["authorization"].strip_prefix("vapid t=").unwrap();
    let (token, key) = rest.split_once(", k=").unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (head, claims) = signed.split_once('.').unwrap();
    let head: Value = serde_json::from_slice(&decode(head)).unwrap();
    assert_eq!(head, serde_json::json!({"typ": "JWT", "alg": "ES256"}));
    let verifier = VerifyingKey::from_sec1_bytes(&decode(key)).unwrap();
    let signature = Signature::from_slice(&decode(signature)).unwrap();
    verifier
        .verify(signed.as_bytes(), &signature)
        .expect("signed by the key that it names");
    (
        serde_json::from_slice(&decode(claims)).unwrap(),
        key.to_owned(),
    )
}
