//! The first exchange with Codex: `initialize`, its answer, `initialized`.
//!
//! It does not wait for the answer and does not judge the version; [`crate::version`] does.

use std::path::PathBuf;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    RequestId,
    outgoing::{notification_line, request_line},
};

/// The name that Codex knows us by. It becomes part of an HTTP header, so it stays plain ASCII.
pub const CLIENT_NAME: &str = "holdfast";

/// What Codex says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerInfo {
    /// Our name, the Codex version, the system; see [`crate::version::Version::of_user_agent`].
    pub user_agent: String,
    /// The `CODEX_HOME` that it uses, absolute.
    pub codex_home: PathBuf,
    /// `unix` or `windows`.
    pub platform_family: String,
    /// `linux`, `macos` or `windows`.
    pub platform_os: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InitializeParams<'a> {
    client_info: ClientInfo<'a>,
    capabilities: Capabilities,
}

#[derive(Serialize)]
struct ClientInfo<'a> {
    name: &'a str,
    title: &'a str,
    version: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Capabilities {
    experimental_api: bool,
}

/// The params of `initialize`, raw JSON. `client_version` is the host's version.
pub fn initialize_params(client_version: &str) -> String {
    let params = InitializeParams {
        client_info: ClientInfo {
            name: CLIENT_NAME,
            title: "Holdfast",
            version: client_version,
        },
        capabilities: Capabilities {
            experimental_api: true,
        },
    };
    serde_json::to_string(&params).expect("strings and booleans always encode")
}

/// The `initialize` request.
pub fn initialize_line(id: &RequestId, client_version: &str) -> Bytes {
    request_line(id, "initialize", Some(&initialize_params(client_version)))
}

/// The `initialized` notification, which ends the handshake.
pub fn initialized_line() -> Bytes {
    notification_line("initialized", None)
}

impl ServerInfo {
    /// Reads the result of `initialize`.
    ///
    /// # Errors
    /// When a field is missing: then this is no Codex app-server that we know.
    pub fn parse(result: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_handshake_is_what_codex_expects() {
        assert_eq!(
            initialize_line(&1.into(), "0.1.0"),
            "{\"method\":\"initialize\",\"id\":1,\"params\":{\"clientInfo\":{\"name\":\"holdfast\",\"title\":\"Holdfast\",\
             \"version\":\"0.1.0\"},\"capabilities\":{\"experimentalApi\":true}}}\n"
        );
        assert_eq!(initialized_line(), "{\"method\":\"initialized\"}\n");
    }

    #[test]
    fn the_answer_is_read_and_new_fields_are_ignored() {
        let result = r#"{"userAgent":"holdfast/0.169.0 (Debian 12.0.0; x86_64) xterm (holdfast; 0.1.0)",
            "codexHome":"/var/lib/codex","platformFamily":"unix","platformOs":"linux","new":[1]}"#;
        assert_eq!(
            ServerInfo::parse(result).unwrap(),
            ServerInfo {
                user_agent: "holdfast/0.169.0 (Debian 12.0.0; x86_64) xterm (holdfast; 0.1.0)"
                    .into(),
                codex_home: "/var/lib/codex".into(),
                platform_family: "unix".into(),
                platform_os: "linux".into(),
            }
        );
        ServerInfo::parse("{}").unwrap_err();
    }
}
