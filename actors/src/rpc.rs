//! Refusals: the error codes of the wire, and how an error object is made and read.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;

/// The text was not JSON.
pub(crate) const PARSE: i64 = -32700;
/// Not a request, or not now.
pub(crate) const INVALID_REQUEST: i64 = -32600;
/// Unknown `host/` method.
pub(crate) const UNKNOWN_METHOD: i64 = -32601;
/// Wrong or missing params.
pub(crate) const INVALID_PARAMS: i64 = -32602;
/// Something of the host failed; the log says what.
pub(crate) const INTERNAL: i64 = -32603;
/// Too much at once; retry later.
pub(crate) const OVERLOADED: i64 = -32001;
/// Policy: not allowed here.
pub(crate) const FORBIDDEN: i64 = -32003;
/// The request was already decided, or was withdrawn.
pub(crate) const DECIDED: i64 = -32004;
/// No such session.
pub(crate) const NO_SESSION: i64 = -32005;
/// The session's Codex is not available.
pub(crate) const UNAVAILABLE: i64 = -32006;

/// Why a request gets no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The host's own words.
    Host { code: i64, message: String },
    /// Codex's error object, raw and redacted.
    Codex(Bytes),
}

impl Refusal {
    pub(crate) fn new(code: i64, message: impl Into<String>) -> Self {
        Self::Host {
            code,
            message: message.into(),
        }
    }

    pub(crate) fn no_session(thread: &str) -> Self {
        let shown: String = thread
            .chars()
            .filter(|c| !c.is_control())
            .take(64)
            .collect();
        Self::new(
            NO_SESSION,
            format!("no session {shown} on this host; host/sessions/list shows them all"),
        )
    }

    pub(crate) fn unavailable(word: &str, reason: Option<String>) -> Self {
        let reason = reason
            .map(|reason| format!(": {reason}"))
            .unwrap_or_default();
        Self::new(
            UNAVAILABLE,
            format!("the session's codex is {word}{reason}"),
        )
    }

    /// The error object, raw JSON.
    pub(crate) fn to_json(&self) -> String {
        match self {
            Self::Host { code, message } => {
                serde_json::json!({"code": code, "message": message}).to_string()
            }
            Self::Codex(raw) => String::from_utf8_lossy(raw).into_owned(),
        }
    }

    /// What a person may read of it.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Host { message, .. } => message.clone(),
            Self::Codex(raw) => error_message(raw),
        }
    }
}

/// The message of an error object.
pub(crate) fn error_message(raw: &[u8]) -> String {
    #[derive(Deserialize)]
    struct ErrorObject<'a> {
        #[serde(borrow, default)]
        message: Cow<'a, str>,
    }
    match serde_json::from_slice::<ErrorObject<'_>>(raw) {
        Ok(error) => error.message.into_owned(),
        Err(_) => "codex answered with an error without words".to_owned(),
    }
}
