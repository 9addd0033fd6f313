//! The webhook: a POST of JSON, signed so that its receiver knows who sent it and when. It sends nothing itself.

use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use sha2::Sha256;

use crate::notice::{Notice, Words};

/// The form of the body; it rises when a receiver would have to know.
const VERSION: u8 = 1;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    version: u8,
    id: &'a str,
    kind: &'static str,
    test: bool,
    thread_id: &'a str,
    #[serde(flatten)]
    words: Words,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    at_ms: u64,
}

/// The body, the same at every try.
pub(crate) fn body(config: &config::Webhook, notice: &Notice) -> Bytes {
    let body = Body {
        version: VERSION,
        id: &notice.id,
        kind: notice.kind.as_str(),
        test: notice.test,
        thread_id: &notice.thread,
        words: notice.words(&config.rules),
        link: notice.link(),
        at_ms: notice.at_ms,
    };
    serde_json::to_vec(&body)
        .expect("text and numbers are always JSON")
        .into()
}

/// The headers of a try at `seconds` since the epoch: its signature is over that time and the body, so that a receiver can
/// refuse what somebody has kept and sends again.
pub(crate) fn headers(
    config: &config::Webhook,
    notice: &Notice,
    body: &[u8],
    seconds: u64,
) -> HeaderMap {
    let time = seconds.to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(config.secret.reveal().as_bytes())
        .expect("a key of any length is taken");
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(body);
    let digits = mac.finalize().into_bytes();
    let signature: String = digits.iter().map(|byte| format!("{byte:02x}")).collect();
    let value = |text: &str| HeaderValue::from_str(text).expect("letters and digits");
    HeaderMap::from_iter([
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (
            HeaderName::from_static("idempotency-key"),
            value(&notice.id),
        ),
        (HeaderName::from_static("holdfast-timestamp"), value(&time)),
        (
            HeaderName::from_static("holdfast-signature"),
            value(&format!("v1={signature}")),
        ),
    ])
}
