//! The second half of a sign-in: the host's challenge on an open socket, and the answer. Until it is right nothing of the
//! connection reaches a tab.

use std::time::Duration;

use actors::admission::{Admission, Challenge, Denied, Principal};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use tokio::time::timeout;

use super::{End, Socket, incoming::Said};
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
    socket: &mut Socket,
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
    socket: &mut Socket,
    admission: &Admission,
    challenge: Challenge,
) -> Result<Proven, End> {
    send(
        socket,
        &json!({ "method": "host/challenge", "params": { "nonce": challenge.nonce } }),
    )
    .await?;
    let text = first_text(socket).await?;
    let end = text
        .iter()
        .position(|byte| *byte == b'\n')
        .unwrap_or(text.len());
    let mac = mac_of(&text[..end]).ok_or(End::REVOKED)?;
    let principal = admission.prove(challenge, &mac).await.map_err(end_of)?;
    let role = principal.role.as_str();
    send(
        socket,
        &json!({ "method": "host/admitted", "params": { "role": role } }),
    )
    .await?;
    Ok(Proven {
        principal,
        early: text.slice((end + 1).min(text.len())..),
    })
}

/// The MAC of a proof; `None` if the message is anything else.
fn mac_of(line: &[u8]) -> Option<String> {
    if line.len() > PROOF_BYTES {
        return None;
    }
    let proof: Proof = serde_json::from_slice(line).ok()?;
    (proof.method == "host/proof").then_some(proof.params.mac)
}

async fn first_text(socket: &mut Socket) -> Result<Bytes, End> {
    let replies = socket.outgoing.replies();
    loop {
        let said = tokio::select! {
            said = socket.incoming.next() => said?,
            () = replies.wait() => Said::Alive,
        };
        match said {
            Said::Text(text) => return Ok(text),
            Said::Alive => socket.outgoing.flush().await.map_err(|_| End::Peer)?,
        }
    }
}

async fn send(socket: &mut Socket, message: &serde_json::Value) -> Result<(), End> {
    socket.outgoing.text(message.to_string().into());
    socket.outgoing.flush().await.map_err(|_| End::Peer)
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
        assert_eq!(mac_of(proof.as_bytes()).as_deref(), Some("abc"));
        for text in [
            "",
            "{}",
            "[]",
            r#"{"method":"initialize","params":{"mac":"abc"}}"#,
            r#"{"method":"host/proof"}"#,
            r#"{"method":"host/proof","params":{"mac":7}}"#,
            &format!("{proof}{}", " ".repeat(PROOF_BYTES)),
        ] {
            assert_eq!(mac_of(text.as_bytes()), None, "{text}");
        }
    }
}
