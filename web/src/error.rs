//! Every refusal: which status, and which text the client may read. What really happened is for the log; nothing here says
//! what was wrong with a credential.

use std::time::Duration;

use actors::admission::Denied;
use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

/// Why a request is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// The request is malformed or ambiguous; says how.
    #[error("{0}")]
    Malformed(&'static str),
    /// A credential is needed and none, or a wrong one, was shown.
    #[error("sign in first: this needs a valid credential")]
    NotSignedIn,
    /// The request comes from where it must not come from; says from where.
    #[error("{0}")]
    Forbidden(&'static str),
    /// There is nothing at this path.
    #[error("there is nothing here")]
    NotFound,
    /// Not with this method.
    #[error("this method does not work here")]
    Method,
    /// The body did not come in time.
    #[error("the request took too long")]
    TooSlow,
    /// The body is larger than a sign-in can be.
    #[error("the body is too large")]
    TooLarge,
    /// The body is not announced as JSON.
    #[error("send the body as application/json")]
    NotJson,
    /// The Host header is not one of ours. The body stays empty: it would be shown under a foreign name.
    #[error("")]
    Misdirected,
    /// A WebSocket endpoint was asked for a page.
    #[error("this is a WebSocket endpoint: ask for an upgrade, version 13")]
    UpgradeNeeded,
    /// Too many wrong credentials.
    #[error("too many wrong credentials were tried; try again in {} s", seconds(*.0))]
    Throttled(Duration),
    /// Admission is out of order.
    #[error("the host can not check credentials now; try again")]
    Unavailable,
}

/// A refusal's word for the metrics, left in its answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reason(pub(crate) &'static str);

impl Refusal {
    fn reason(self) -> Reason {
        Reason(match self {
            Self::Malformed(_) => "malformed",
            Self::NotSignedIn => "not-signed-in",
            Self::Forbidden(_) => "forbidden",
            Self::NotFound => "not-found",
            Self::Method => "method",
            Self::TooSlow => "too-slow",
            Self::TooLarge => "too-large",
            Self::NotJson => "not-json",
            Self::Misdirected => "misdirected",
            Self::UpgradeNeeded => "upgrade-needed",
            Self::Throttled(_) => "throttled",
            Self::Unavailable => "unavailable",
        })
    }

    fn status(self) -> StatusCode {
        match self {
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::NotSignedIn => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::UpgradeNeeded => StatusCode::UPGRADE_REQUIRED,
            Self::Throttled(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Wrong => Self::NotSignedIn,
            Denied::Throttled { retry_after } => Self::Throttled(retry_after),
            Denied::Unavailable => Self::Unavailable,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        tracing::debug!(status = self.status().as_u16(), reason = ?self, "a request is refused");
        let mut response = match self {
            Self::Misdirected => Response::new(Body::empty()),
            _ => json(&serde_json::json!({ "error": self.to_string() })),
        };
        *response.status_mut() = self.status();
        response.extensions_mut().insert(self.reason());
        let headers = response.headers_mut();
        match self {
            Self::Throttled(wait) => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds(wait)));
            }
            Self::UpgradeNeeded => {
                headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            }
            _ => {}
        }
        response
    }
}

/// A JSON answer with status 200.
pub(crate) fn json(value: &serde_json::Value) -> Response {
    let mut response = Response::new(Body::from(value.to_string()));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}

/// Whole seconds, rounded up: a client that waits so long does not come too early.
fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_rounded_up_to_whole_seconds() {
        let response = Refusal::from(Denied::Throttled {
            retry_after: Duration::from_millis(1_001),
        })
        .into_response();
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()[header::RETRY_AFTER], "2");
    }
}
