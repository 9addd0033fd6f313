//! Encrypts a message for one browser (RFC 8291 with one `aes128gcm` record of RFC 8188). Keys of its own for each message.

use ring::{
    aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral},
    error::Unspecified,
    hkdf::{HKDF_SHA256, KeyType, Prk, Salt},
    rand::{SecureRandom as _, SystemRandom},
};

use super::Subscription;

/// Every message is made this long, so that its length says nothing; a longer one (there is none) stays as it is. Push
/// services take 4096 bytes.
const PADDED: usize = 1024;
/// The size of a record, which the one record must not reach.
const RECORD: u32 = 4096;
/// Behind the text of the last record.
const LAST: u8 = 2;

/// The body of a message for this browser.
pub(super) fn encrypt(to: &Subscription, text: &[u8]) -> Result<Vec<u8>, Unspecified> {
    let random = SystemRandom::new();
    let own = EphemeralPrivateKey::generate(&ECDH_P256, &random)?;
    let public = own.compute_public_key()?;
    let mut salt = [0; 16];
    random.fill(&mut salt)?;
    let peer = UnparsedPublicKey::new(&ECDH_P256, &to.public);
    let (key, nonce) = agree_ephemeral(own, &peer, |shared| {
        derive(shared, to, public.as_ref(), &salt)
    })??;

    let mut record = text.to_vec();
    record.push(LAST);
    record.resize(PADDED.max(record.len()), 0);
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key)?);
    let nonce = Nonce::assume_unique_for_key(nonce);
    key.seal_in_place_append_tag(nonce, Aad::empty(), &mut record)?;

    let public = public.as_ref();
    let mut body = Vec::with_capacity(21 + public.len() + record.len());
    body.extend_from_slice(&salt);
    body.extend_from_slice(&RECORD.to_be_bytes());
    body.push(u8::try_from(public.len()).map_err(|_| Unspecified)?);
    body.extend_from_slice(public);
    body.extend_from_slice(&record);
    Ok(body)
}

/// The key and the nonce of the message, from what both sides know.
fn derive(
    shared: &[u8],
    to: &Subscription,
    own_public: &[u8],
    salt: &[u8],
) -> Result<([u8; 16], [u8; 12]), Unspecified> {
    let both = Salt::new(HKDF_SHA256, &to.auth).extract(shared);
    let secret: [u8; 32] = expand(&both, &[b"WebPush: info\0", &to.public, own_public])?;
    let prk = Salt::new(HKDF_SHA256, salt).extract(&secret);
    Ok((
        expand(&prk, &[b"Content-Encoding: aes128gcm\0"])?,
        expand(&prk, &[b"Content-Encoding: nonce\0"])?,
    ))
}

struct Bytes(usize);

impl KeyType for Bytes {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand<const N: usize>(prk: &Prk, info: &[&[u8]]) -> Result<[u8; N], Unspecified> {
    let mut out = [0; N];
    prk.expand(info, Bytes(N))?.fill(&mut out)?;
    Ok(out)
}
