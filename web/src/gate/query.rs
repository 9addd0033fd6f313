//! Refuses requests with a credential in their address. Addresses end in histories, logs and Referer headers, so one that
//! holds a token is refused even if the token is right: whoever built it must learn at once that this is no way.

use axum::http::Uri;

use crate::error::Refusal;

/// Names under which people put credentials, in lower case and without anything but letters.
const NAMES: [&str; 15] = [
    "token",
    "tkn",
    "accesstoken",
    "authtoken",
    "auth",
    "authorization",
    "bearer",
    "key",
    "apikey",
    "password",
    "passwd",
    "secret",
    "clientsecret",
    "proof",
    // The code of a pairing link belongs behind a `#`, which no browser sends.
    "pair",
];

/// `Err` if the query has a key that names a credential, or holds one of our tokens.
pub(crate) fn check(uri: &Uri) -> Result<(), Refusal> {
    let refuse = Err(Refusal::Malformed(
        "put no credential into the address; send it as Authorization: Bearer",
    ));
    let address = decode(uri.path_and_query().map_or("", |it| it.as_str()));
    if address.to_ascii_lowercase().contains(config::TOKEN_PREFIX) {
        return refuse;
    }
    for pair in uri.query().unwrap_or_default().split(['&', ';']) {
        let key = decode(pair.split('=').next().unwrap_or_default());
        let letters: String = key.chars().filter(char::is_ascii_alphabetic).collect();
        if NAMES.contains(&letters.to_ascii_lowercase().as_str()) {
            return refuse;
        }
    }
    Ok(())
}

/// Undoes percent-encoding, twice over if need be; what is no valid encoding stays as it is.
fn decode(text: &str) -> String {
    let once = decode_once(text);
    decode_once(&once)
}

fn decode_once(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let digit = |at: usize| tail.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_refused(address: &str) -> bool {
        check(&address.parse().unwrap()).is_err()
    }

    #[test]
    fn credentials_are_refused_under_every_usual_name_and_writing() {
        for query in [
            "token=x",
            "tkn=x",
            "access_token=x",
            "auth=x",
            "key=x",
            "api_key=x",
            "password=x",
            "secret=x",
            "TOKEN=x",
            "a=b&Token=x",
            "a=b;token=x",
            "%74oken=x",
            "%2574oken=x",
            "token",
            "token=",
            "token[]=x",
            "access-token=x",
            "a=hft_x",
            "a=%68ft_x",
            "hft_x",
            "pair=x",
        ] {
            assert!(is_refused(&format!("/ws?{query}")), "{query}");
        }
        assert!(is_refused("/hft_abc"));
    }

    #[test]
    fn other_queries_are_ignored() {
        for address in [
            "/",
            "/ws?",
            "/?next=//evil",
            "/?gatewayUrl=wss://127.0.0.1:9/",
            "/?tokens=2&keyboard=de&pairs=3",
            "/%",
        ] {
            assert!(!is_refused(address), "{address}");
        }
    }
}
