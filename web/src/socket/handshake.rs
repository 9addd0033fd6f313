//! The opening of a WebSocket: what the request has to say, and the 101 that answers it. Who may open one is decided before.
//!
//! Not axum's own extractor, since that hides the bytes: what tabs get is written from shared memory, without a copy a tab.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version, header, request::Parts},
    response::Response,
};
use hyper::upgrade::OnUpgrade;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::error::Refusal;

/// Characters of a key: 16 bytes in base64.
const KEY_CHARS: usize = 24;

/// A request that may become a WebSocket.
pub(super) struct Handshake {
    on_upgrade: OnUpgrade,
    accept: String,
    /// The subprotocol that both sides know.
    protocol: Option<&'static str>,
}

impl Handshake {
    /// Judges a request. `known` is the only subprotocol that we speak; a client may also do without.
    pub(super) fn of(parts: &mut Parts, known: &'static str) -> Result<Self, Refusal> {
        let headers = &parts.headers;
        let key = headers
            .get(header::SEC_WEBSOCKET_KEY)
            .map_or(&b""[..], HeaderValue::as_bytes);
        let is_whole = parts.version == Version::HTTP_11
            && has_word(headers, &header::CONNECTION, "upgrade")
            && asks_for_socket(headers)
            && has_word(headers, &header::SEC_WEBSOCKET_VERSION, "13")
            && key.len() == KEY_CHARS;
        if !is_whole {
            return Err(Refusal::UpgradeNeeded);
        }
        let accept = derive_accept_key(key);
        let protocol = has_word(headers, &header::SEC_WEBSOCKET_PROTOCOL, known).then_some(known);
        let on_upgrade = parts.extensions.remove().ok_or(Refusal::UpgradeNeeded)?;
        Ok(Self {
            on_upgrade,
            accept,
            protocol,
        })
    }

    /// Whether both sides know the subprotocol.
    pub(super) fn has_protocol(&self) -> bool {
        self.protocol.is_some()
    }

    /// The answer, and the connection's bytes once it is sent.
    pub(super) fn accept(self) -> (Response, OnUpgrade) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        let accept = HeaderValue::from_str(&self.accept).expect("base64 fits into a header");
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
        if let Some(protocol) = self.protocol {
            headers.insert(
                header::SEC_WEBSOCKET_PROTOCOL,
                HeaderValue::from_static(protocol),
            );
        }
        (response, self.on_upgrade)
    }
}

/// Whether a request wants to become a WebSocket, however well it says so.
pub(crate) fn asks_for_socket(headers: &HeaderMap) -> bool {
    has_word(headers, &header::UPGRADE, "websocket")
}

/// Whether a word is in a header that lists words.
fn has_word(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    let lists = headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok());
    lists
        .flat_map(|list| list.split(','))
        .any(|one| one.trim().eq_ignore_ascii_case(word))
}
