//! Web Push: a message for one browser, encrypted so that its push service cannot read it, signed so that the service knows
//! who sends it.
//!
//! ```text
//! vapid.rs          the host's key, and the signature (RFC 8292)      hosts.rs   which services may be posted to
//! encryption.rs     for one browser alone (RFC 8291)                  subscriptions.rs  the browsers, on disk
//! ```

mod encryption;
mod hosts;
mod subscriptions;
mod vapid;

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use config::NoticeKind;
use hyper::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
};
use serde_json::json;
use sha2::{Digest as _, Sha256};

pub use self::{
    subscriptions::{Invalid, KEY_FILE, Subscription, Subscriptions},
    vapid::{Key, KeyError},
};
use crate::{
    http::{Client, SendError},
    notice::Notice,
};

/// How long a push service keeps a notice for a browser that is away, in seconds: a question goes on waiting, that something
/// is done is no news for long.
const KEPT: (&str, &str) = ("43200", "14400");

/// The channel.
#[derive(Clone, Debug)]
pub(crate) struct Push {
    config: config::WebPush,
    subscriptions: Arc<Subscriptions>,
}

impl Push {
    pub(crate) fn new(config: config::WebPush, subscriptions: Arc<Subscriptions>) -> Self {
        Self {
            config,
            subscriptions,
        }
    }

    pub(crate) fn rules(&self) -> &config::ChannelRules {
        &self.config.rules
    }

    pub(crate) fn subscriptions(&self) -> &Subscriptions {
        &self.subscriptions
    }

    /// Pushes to one browser, once. One that is no more is forgotten, and one that was forgotten meanwhile is left alone.
    pub(crate) async fn once(
        &self,
        client: &Client,
        notice: &Notice,
        to: &Subscription,
    ) -> Result<(), SendError> {
        if !self.subscriptions.holds(to) {
            return Err(SendError::Gone(410));
        }
        let body = encryption::encrypt(to, self.payload(notice).as_bytes())
            .map_err(|_| SendError::Refused(0))?;
        let headers = self.headers(notice, to);
        let sent = client.post(&to.endpoint, headers, body.into()).await;
        if let Err(SendError::Gone(_)) = &sent {
            self.subscriptions.forget(to);
        }
        sent
    }

    fn payload(&self, notice: &Notice) -> String {
        let words = notice.words(&self.config.rules);
        json!({
            "kind": notice.kind.as_str(),
            "text": words.text,
            "title": words.title,
            "path": notice.path(),
            "tag": if notice.test { "test" } else { &notice.thread },
        })
        .to_string()
    }

    fn headers(&self, notice: &Notice, to: &Subscription) -> HeaderMap {
        let (kept, urgency) = match notice.kind {
            NoticeKind::NeedsYou | NoticeKind::Failed => (KEPT.0, "high"),
            NoticeKind::Finished => (KEPT.1, "normal"),
        };
        let about = if notice.origin.starts_with("https://") {
            notice.origin.as_str()
        } else {
            "mailto:holdfast@example.com"
        };
        let contact = self.config.contact.as_deref().unwrap_or(about);
        let key = self.subscriptions.key();
        let value = |text: &str| HeaderValue::from_str(text).expect("base64url and its like");
        let mut signed = value(&key.authorization(&to.endpoint, contact));
        signed.set_sensitive(true);
        HeaderMap::from_iter([
            (AUTHORIZATION, signed),
            (CONTENT_ENCODING, HeaderValue::from_static("aes128gcm")),
            (
                CONTENT_TYPE,
                HeaderValue::from_static("application/octet-stream"),
            ),
            (
                HeaderName::from_static("ttl"),
                HeaderValue::from_static(kept),
            ),
            (
                HeaderName::from_static("urgency"),
                HeaderValue::from_static(urgency),
            ),
            (HeaderName::from_static("topic"), value(&topic(notice))),
        ])
    }
}

/// News of one session replace each other while they wait at the push service, which does not learn which session it is.
fn topic(notice: &Notice) -> String {
    let of = if notice.test { "test" } else { &notice.thread };
    URL_SAFE_NO_PAD.encode(&Sha256::digest(of)[..18])
}
