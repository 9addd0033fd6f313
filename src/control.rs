//! The control socket: what the owner's commands on this machine (`pair`, `reload`, `sign-ins`, `check`) ask a running host.
//! Not for tabs, and not for other machines: it is a file in the state folder, and no port.
//!
//! ```text
//! place.rs   where the socket is, how it is made and removed        peer.rs   who may speak
//! server.rs  the host's side: bounded, one request a connection     client.rs the commands' side
//! desk.rs    what each request does
//! ```
//! A request is one line of JSON, and so is its answer: `{"command":"pair","role":"view"}` gives `{"result":{…}}` or
//! `{"error":"…"}`.

pub mod client;
mod desk;
mod peer;
mod place;
mod server;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use desk::Desk;
pub use place::{Found, PATH_IN_STATE_DIR, Place};
pub use server::Server;

/// Longest request, in bytes with its newline: far more than the longest origin takes.
const REQUEST_BYTES: u64 = 4 * 1024;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "command",
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Request {
    /// Who answers?
    Hello {},
    /// Make a one-time code that signs a browser in.
    Pair {
        /// A role of the configuration; without it, everything.
        role: Option<String>,
        /// The allowed origin that the link leads to; without it, the best one.
        origin: Option<String>,
    },
    /// Read the credentials of the configuration again.
    Reload {},
    /// Tell everybody, by each channel, that this is a test.
    NotifyTest {},
    /// List the sign-ins.
    SignIns {},
    /// End a sign-in, or without an id all of them.
    Revoke {
        /// As the list shows it.
        id: Option<String>,
    },
}

/// What comes back.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Answer {
    Result(Value),
    /// In words for a person, lower-case.
    Error(String),
}

/// Of `hello`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Greeting {
    /// The host's version.
    pub version: String,
    /// Its process.
    pub pid: u32,
}

/// Of `pair`. `Debug` would show the code.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Invitation {
    /// The link with the code.
    pub link: String,
    /// What whoever opens it may do.
    pub role: String,
    /// How long it works.
    pub expires_in_ms: u64,
}

/// Of `notifyTest`: a line for each channel that is set up.
#[derive(Debug, Serialize, Deserialize)]
pub struct NotifyTested {
    /// In no order that means anything.
    pub data: Vec<ChannelTested>,
}

/// How one channel did.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelTested {
    /// `web_push`, `webhook` or `ntfy`.
    pub channel: String,
    /// How many it reached.
    pub reached: usize,
    /// Why it reached nobody.
    pub error: Option<String>,
}

/// Of `signIns`.
#[derive(Debug, Serialize, Deserialize)]
pub struct SignInList {
    /// Oldest first.
    pub data: Vec<SignInLine>,
}

/// One sign-in.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignInLine {
    /// Names it for `revoke`.
    pub id: String,
    /// What it is called.
    pub device: String,
    /// What it may do.
    pub role: String,
    /// When it began.
    pub created_at_ms: u64,
    /// When it was last used; now, if it has open sockets.
    pub last_used_at_ms: u64,
    /// Open sockets.
    pub sockets: usize,
}

/// Of `revoke`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Revoked {
    /// How many sign-ins ended.
    pub revoked: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_strictly() {
        let read = |text: &str| serde_json::from_str::<Request>(text).ok();
        assert_eq!(read(r#"{"command":"reload"}"#), Some(Request::Reload {}));
        assert_eq!(
            read(r#"{"command":"pair","role":"view"}"#),
            Some(Request::Pair {
                role: Some("view".to_owned()),
                origin: None
            })
        );
        for text in [
            "",
            "{}",
            "[]",
            r#"{"command":"stop"}"#,
            r#"{"command":"reload","file":"/etc/x"}"#,
            r#"{"command":"pair","credential":"main"}"#,
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
