//! The second half of a sign-in: the host's challenge on an open socket, and the answer. Until it is right nothing of the
//! connection reaches a tab.

use std::time::Duration;

use actors::admission::{Admission, Challenge, Denied, Principal};
use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use tokio::time::timeout;

use super::{End, pump};
use crate::{connection::Link, cookie::CookieHalf};

/// Longest answer that is read: a MAC has 43 characters.
const PROOF_BYTES: usize = 1024;

/// Somebody who holds both halves.
pub(super) struct Proven {
    pub(super) principal: Principal,
    /// What followed the proof in the same frame: messages for the tab, maybe none.
    pub(super) early: Bytes,
}

/// The client's first message.
#[derive(Deserialize)]
struct Proof {
    method: String,
    params: ProofParams,
}

#[derive(Deserialize)]
struct ProofParams {
    mac: String,
}

/// Challenges the holder of a cookie and waits for the proof, in all for at most `patience`.
pub(super) async fn prove(
    socket: &mut WebSocket,
    admission: &Admission,
    cookie: &CookieHalf,
    link: &Link,
    patience: Duration,
) -> Result<Proven, End> {
    let challenge = admission.challenge(cookie.reveal()).await.map_err(end_of)?;
    let exchange = timeout(patience, exchange(socket, admission, challenge));
    tokio::select! {
        proven = exchange => proven.unwrap_or(Err(End::SILENT)),
        () = link.closing.cancelled() => Err(End::DRAINING),
    }
}

async fn exchange(
    socket: &mut WebSocket,
    admission: &Admission,
    challenge: Challenge,
) -> Result<Proven, End> {
    send(
        socket,
        &json!({ "method": "host/challenge", "params": { "nonce": challenge.nonce } }),
    )
    .await?;
    let text = first_text(socket).await?;
    let (line, rest) = text
        .as_str()
        .split_once('\n')
        .unwrap_or((text.as_str(), ""));
    let mac = mac_of(line).ok_or(End::REVOKED)?;
    let principal = admission.prove(challenge, &mac).await.map_err(end_of)?;
    let role = principal.role.as_str();
    send(
        socket,
        &json!({ "method": "host/admitted", "params": { "role": role } }),
    )
    .await?;
    Ok(Proven {
        principal,
        early: Bytes::copy_from_slice(rest.as_bytes()),
    })
}

/// The MAC of a proof; `None` if the message is anything else.
fn mac_of(line: &str) -> Option<String> {
    if line.len() > PROOF_BYTES {
        return None;
    }
    let proof: Proof = serde_json::from_str(line).ok()?;
    (proof.method == "host/proof").then_some(proof.params.mac)
}

async fn first_text(socket: &mut WebSocket) -> Result<Utf8Bytes, End> {
    loop {
        match socket.recv().await {
            Some(Ok(Message::Text(text))) => return Ok(text),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Binary(_))) => return Err(End::BINARY),
            Some(Ok(Message::Close(_))) | None => return Err(End::Peer),
            Some(Err(err)) => return Err(pump::end_of(err)),
        }
    }
}

async fn send(socket: &mut WebSocket, message: &serde_json::Value) -> Result<(), End> {
    let text = Message::Text(message.to_string().into());
    socket.send(text).await.map_err(|_| End::Peer)
}

fn end_of(denied: Denied) -> End {
    match denied {
        Denied::Wrong | Denied::Throttled { .. } => End::REVOKED,
        Denied::Unavailable => End::BROKEN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_proof_has_a_mac() {
        let proof = r#"{"method":"host/proof","params":{"mac":"abc"}}"#;
        assert_eq!(mac_of(proof).as_deref(), Some("abc"));
        for text in [
            "",
            "{}",
            "[]",
            r#"{"method":"initialize","params":{"mac":"abc"}}"#,
            r#"{"method":"host/proof"}"#,
            r#"{"method":"host/proof","params":{"mac":7}}"#,
            &format!("{proof}{}", " ".repeat(PROOF_BYTES)),
        ] {
            assert_eq!(mac_of(text), None, "{text}");
        }
    }
}
