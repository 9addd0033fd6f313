//! One POST to somebody outside: within a time, with a small answer, and never to where a redirect leads.
//!
//! Not a client for anything else. Whether an address may be posted to was judged before.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Request, StatusCode, header::HeaderMap};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client as Inner, connect::HttpConnector},
    rt::TokioExecutor,
};

/// For the connection, the request and the head of the answer together. A receiver that takes longer has not got it.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of an answer that are read, so that the connection may be used again; of a longer one it is closed.
const ANSWER_BYTES: usize = 16 * 1024;
/// Connections that stay open to one receiver, and how long: the next notice is seldom soon.
const IDLE: (usize, Duration) = (1, Duration::from_secs(20));

/// Why a POST did not reach its receiver.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SendError {
    /// Another try may get through.
    #[error("{0}")]
    Passing(String),
    /// The receiver is there and does not want this; another try changes nothing.
    #[error("the receiver refuses it with status {0}")]
    Refused(u16),
    /// The receiver says that this address is no more.
    #[error("the receiver says that there is nobody any more (status {0})")]
    Gone(u16),
}

/// The client of all channels.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    inner: Inner<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Client {
    /// With the roots of this machine, so that a receiver may have a certificate of the owner's own.
    pub(crate) fn new() -> std::io::Result<Self> {
        let connector = HttpsConnectorBuilder::new()
            .with_native_roots()?
            .https_or_http()
            .enable_http1()
            .build();
        let inner = Inner::builder(TokioExecutor::new())
            .pool_max_idle_per_host(IDLE.0)
            .pool_idle_timeout(IDLE.1)
            .build(connector);
        Ok(Self { inner })
    }

    /// Posts once. The address is in no error: it may hold a secret.
    pub(crate) async fn post(
        &self,
        url: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<(), SendError> {
        let mut request = Request::post(url)
            .body(Full::new(body))
            .map_err(|_| SendError::Refused(0))?;
        *request.headers_mut() = headers;
        let asked = tokio::time::timeout(TIMEOUT, self.inner.request(request)).await;
        let answer = match asked {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(SendError::Passing(reason(&error))),
            Err(_) => {
                let seconds = TIMEOUT.as_secs();
                return Err(SendError::Passing(format!("no answer within {seconds} s")));
            }
        };
        let status = answer.status();
        let rest = Limited::new(answer.into_body(), ANSWER_BYTES).collect();
        // What it says is of no use; that it was read lets the connection go on.
        let _unread = tokio::time::timeout(TIMEOUT, rest).await;
        judge(status)
    }
}

fn judge(status: StatusCode) -> Result<(), SendError> {
    match status.as_u16() {
        200..=299 => Ok(()),
        code @ (404 | 410) => Err(SendError::Gone(code)),
        code @ (408 | 425 | 429 | 500..=599) => Err(SendError::Passing(format!(
            "the receiver answers with status {code}"
        ))),
        // A redirect, too: where it leads nobody has judged.
        code => Err(SendError::Refused(code)),
    }
}

/// What went wrong on the way, without the address.
fn reason(error: &hyper_util::client::legacy::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let what = if error.is_connect() {
        "connect"
    } else {
        "ask the receiver"
    };
    format!("{what}: {cause}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_sorted_by_what_another_try_would_change() {
        let word = |code: u16| match judge(StatusCode::from_u16(code).unwrap()) {
            Ok(()) => "taken",
            Err(SendError::Passing(_)) => "again",
            Err(SendError::Refused(_)) => "refused",
            Err(SendError::Gone(_)) => "gone",
        };
        let codes = [
            200, 201, 204, 301, 307, 400, 403, 404, 410, 413, 429, 500, 503,
        ];
        let words = [
            "taken", "taken", "taken", "refused", "refused", "refused", "refused", "gone", "gone",
            "refused", "again", "again", "again",
        ];
        assert_eq!(codes.map(word), words);
    }
}
