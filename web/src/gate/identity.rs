//! Who a caller is in the tailnet, as an additional factor: never instead of a credential, since any process of this machine
//! can claim to be Tailscale Serve. So the claim is checked with tailscaled itself, and everything unclear is refused.

use std::{collections::HashMap, net::IpAddr, path::PathBuf, time::Duration};

use parking_lot::Mutex;
use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
    time::{Instant, timeout},
};

use super::{Place, place::Forwarded};
use crate::error::Refusal;

/// How long tailscaled may take; it answers from memory.
const PATIENCE: Duration = Duration::from_secs(2);
/// Its largest answer that is read; real ones have a few KiB.
const ANSWER_BYTES: u64 = 256 * 1024;
/// How long an answer is believed: a device that is removed from the tailnet loses its connection anyway.
const KNOWN_FOR: Duration = Duration::from_secs(60);
/// How long a failure is believed, so that a dead tailscaled is not asked for every request.
const UNKNOWN_FOR: Duration = Duration::from_secs(5);
/// Addresses that are remembered; beyond it all are forgotten, and asked for again.
const MOST_KNOWN: usize = 256;

const STRANGER: Refusal =
    Refusal::Forbidden("this device or user is not allowed to come in through Tailscale");

/// The check, if the configuration asks for one.
#[derive(Debug)]
pub(super) struct Identity {
    users: Vec<String>,
    tags: Vec<String>,
    socket: PathBuf,
    known: Mutex<HashMap<IpAddr, Known>>,
}

#[derive(Clone, Debug)]
struct Known {
    who: Option<Whois>,
    until: Instant,
}

/// What tailscaled says of an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Whois {
    login: String,
    tags: Vec<String>,
}

impl Identity {
    pub(super) fn new(config: &config::Tailscale) -> Self {
        Self {
            users: config.allow_users.clone(),
            tags: config.allow_tags.clone(),
            socket: config.localapi_socket.clone(),
            known: Mutex::default(),
        }
    }

    /// `Err` if a caller from the tailnet is not on the lists. Who is on this machine itself needs no name there.
    pub(super) async fn check(&self, place: &Place) -> Result<(), Refusal> {
        let Some(forwarded) = &place.forwarded else {
            return Ok(());
        };
        if self.users.is_empty() && self.tags.is_empty() {
            return Ok(());
        }
        let address = forwarded.address.ok_or(STRANGER)?;
        let who = self.whois(address).await.ok_or(STRANGER)?;
        if self.is_allowed(forwarded, &who) {
            Ok(())
        } else {
            Err(STRANGER)
        }
    }

    fn is_allowed(&self, claimed: &Forwarded, who: &Whois) -> bool {
        if !who.tags.is_empty() {
            // A tagged device is nobody's: Serve sends no name for it, and one that is there is forged.
            return claimed.login.is_none() && who.tags.iter().any(|tag| self.tags.contains(tag));
        }
        claimed.login.as_ref() == Some(&who.login) && self.users.contains(&who.login)
    }

    async fn whois(&self, address: IpAddr) -> Option<Whois> {
        let now = Instant::now();
        if let Some(known) = self
            .known
            .lock()
            .get(&address)
            .filter(|known| known.until > now)
        {
            return known.who.clone();
        }
        let who = match timeout(PATIENCE, ask(&self.socket, address)).await {
            Ok(Ok(who)) => Some(who),
            Ok(Err(err)) => {
                tracing::warn!(%err, "tailscaled does not say who a caller is, who is refused");
                None
            }
            Err(_) => {
                tracing::warn!("tailscaled does not answer, a caller is refused");
                None
            }
        };
        let until = now
            + if who.is_some() {
                KNOWN_FOR
            } else {
                UNKNOWN_FOR
            };
        let mut known = self.known.lock();
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(
            address,
            Known {
                who: who.clone(),
                until,
            },
        );
        who
    }
}

/// One question to tailscaled, in the HTTP that it speaks on its socket.
async fn ask(socket: &PathBuf, address: IpAddr) -> std::io::Result<Whois> {
    let mut stream = UnixStream::connect(socket).await?;
    let host = match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    };
    // HTTP/1.0: the answer ends with the connection and is not chunked.
    let question = format!(
        "GET /localapi/v0/whois?addr={host}:0 HTTP/1.0\r\nHost: local-tailscaled.sock\r\n\r\n"
    );
    stream.write_all(question.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES).read_to_end(&mut answer).await?;
    parse(&answer).ok_or_else(|| std::io::Error::other("its answer is not what was expected"))
}

fn parse(answer: &[u8]) -> Option<Whois> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        node: Node,
        user_profile: Profile,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Node {
        tags: Option<Vec<String>>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Profile {
        login_name: String,
    }
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let (head, body) = (
        std::str::from_utf8(&answer[..end]).ok()?,
        &answer[end + 4..],
    );
    if head.lines().next()?.split(' ').nth(1)? != "200" {
        return None;
    }
    let answer: Answer = serde_json::from_slice(body).ok()?;
    Some(Whois {
        login: answer.user_profile.login_name.to_ascii_lowercase(),
        tags: answer.node.tags.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> Identity {
        Identity {
            users: vec!["owner@example.com".to_owned()],
            tags: vec!["tag:phone".to_owned()],
            socket: PathBuf::new(),
            known: Mutex::default(),
        }
    }

    fn is_allowed(claimed: Option<&str>, login: &str, tags: &[&str]) -> bool {
        let claimed = Forwarded {
            address: None,
            login: claimed.map(str::to_owned),
        };
        let who = Whois {
            login: login.to_owned(),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        };
        identity().is_allowed(&claimed, &who)
    }

    #[test]
    fn header_and_tailscaled_have_to_agree_on_somebody_who_is_listed() {
        assert!(is_allowed(
            Some("owner@example.com"),
            "owner@example.com",
            &[]
        ));
        assert!(!is_allowed(
            Some("owner@example.com"),
            "other@example.com",
            &[]
        ));
        assert!(!is_allowed(
            Some("other@example.com"),
            "other@example.com",
            &[]
        ));
        assert!(!is_allowed(None, "owner@example.com", &[]));
    }

    #[test]
    fn a_tagged_device_comes_in_by_its_tag_alone() {
        assert!(is_allowed(
            None,
            "tagged-devices",
            &["tag:other", "tag:phone"]
        ));
        assert!(!is_allowed(None, "tagged-devices", &["tag:other"]));
        assert!(!is_allowed(
            Some("owner@example.com"),
            "owner@example.com",
            &["tag:phone"]
        ));
    }

    #[test]
    fn only_a_good_answer_of_tailscaled_is_believed() {
        let answer = |status: &str, body: &str| {
            parse(format!("HTTP/1.0 {status}\r\nA: b\r\n\r\n{body}").as_bytes())
        };
        let body = r#"{"Node":{"Name":"x"},"UserProfile":{"LoginName":"Owner@example.com"}}"#;
        let owner = Whois {
            login: "owner@example.com".to_owned(),
            tags: Vec::new(),
        };
        assert_eq!(answer("200 OK", body), Some(owner));
        assert_eq!(answer("404 Not Found", body), None);
        assert_eq!(answer("200 OK", "no match for IP:port"), None);
        assert_eq!(answer("200 OK", r#"{"Node":{"Tags":["tag:phone"]}}"#), None);
        assert_eq!(parse(b"garbage"), None);
    }
}
